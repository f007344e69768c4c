/* xapian_error.cc - what Xapian throws, as a status and a sentence. */
#include "indexer/store/xapian_priv.h"

#include <cerrno>
#include <cstring>
#include <exception>
#include <new>

static enum fk_status fail_of(const Xapian::Error &e, enum fk_status status, const char *what,
                              struct fk_err *err) {
    const char *system = e.get_error_string();
    return fk_fail(err, status, "%s: %s%s%s (%s)", what, e.get_msg().c_str(), system ? ": " : "",
                   system ? system : "", e.get_type());
}

/* What a full disk or a missing file is, Xapian tells by its errno text alone. */
static enum fk_status status_of_system(const Xapian::Error &e, enum fk_status without) {
    const char *system = e.get_error_string();
    if (!system)
        return without;
    if (!strcmp(system, strerror(ENOSPC)) || !strcmp(system, strerror(EDQUOT)))
        return FK_FULL;
    return strcmp(system, strerror(ENOENT)) ? FK_IO : FK_NOT_FOUND;
}

void budget::throw_over() {
    struct failure f = {FK_FULL, FK_ERR_INIT};
    (void)fk_fail(&f.err, FK_FULL, "its time is over");
    throw f;
}

/* A database's failure in which the system has no part, such as a block
 * cut short, is damage, whatever class Xapian gives it. */
enum fk_status map_exception(const char *what, struct fk_err *err) noexcept {
    try {
        throw;
    } catch (const failure &f) {
        return fk_fail(err, f.st, "%s: %s", what, f.err.text);
    } catch (const Xapian::DatabaseNotFoundError &e) {
        return fail_of(e, FK_NOT_FOUND, what, err);
    } catch (const Xapian::DocNotFoundError &e) {
        return fail_of(e, FK_NOT_FOUND, what, err);
    } catch (const Xapian::DatabaseLockError &e) {
        return fail_of(e, FK_RETRY, what, err);
    } catch (const Xapian::DatabaseModifiedError &e) {
        return fail_of(e, FK_RETRY, what, err);
    } catch (const Xapian::DatabaseCorruptError &e) {
        return fail_of(e, FK_CORRUPT, what, err);
    } catch (const Xapian::DatabaseVersionError &e) {
        return fail_of(e, FK_CORRUPT, what, err);
    } catch (const Xapian::WildcardError &e) {
        return fail_of(e, FK_INVALID, what, err);
    } catch (const Xapian::InvalidArgumentError &e) {
        return fail_of(e, FK_INVALID, what, err);
    } catch (const Xapian::RangeError &e) {
        return fail_of(e, FK_CORRUPT, what, err);
    } catch (const Xapian::SerialisationError &e) {
        return fail_of(e, FK_CORRUPT, what, err);
    } catch (const Xapian::DatabaseError &e) {
        return fail_of(e, status_of_system(e, FK_CORRUPT), what, err);
    } catch (const Xapian::Error &e) {
        return fail_of(e, status_of_system(e, FK_IO), what, err);
    } catch (const std::bad_alloc &) {
        return fk_fail(err, FK_NOMEM, "%s: out of memory", what);
    } catch (const std::exception &e) {
        return fk_fail(err, FK_IO, "%s: %s", what, e.what());
    } catch (...) {
        return fk_fail(err, FK_IO, "%s: an unknown exception", what);
    }
}
