/*
 * stamps.h - DIR/time: time stamps over checkpoints, and the anchor entries that hold them fast.
 *
 *     time/NAME.checkpoint   the whole signed note that was stamped
 *     time/NAME.tsq, .tsr    request and reply (RFC 3161); the reply has the authority's chain
 *     time/NAME.crl          the chain's revocation lists of that day, as PEM, where they could be
 *                            had
 *     time/renewal-N.*       see renewal.h
 *
 * NAME is SIZE-TIME-AUTHORITY: the checkpoint's size in 12 digits, the stamp's time, and the first
 * 8 hex digits of the SHA-256 of the authority's address, so that several stamp side by side:
 * 000000001234-20261124T010203Z-5f2a90c1. Names without AUTHORITY are from before there were
 * several. The files are durable before the entry `anchor stamp=NAME size= stamped= reply=SHA-256
 * of .tsr` is appended, with crl= (SHA-256 of .crl) where that was there. So what is in the
 * checkpoint is not younger than the stamp, and all that follows the anchor not older: an interval
 * (docs/evidence.md). A revocation list that came later is bound by the next renewal list.
 *
 * Errors: as stamp.h and authority.h. Threads: one.
 */
#ifndef FK_VAULT_STAMPS_H
#define FK_VAULT_STAMPS_H
#include "archiver/vault/entry.h"
#include "archiver/vault/keep.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_STAMP_NAME_MAX = 48, FK_STAMP_ID = 8, FK_AUTHORITIES_MAX = 8 };
/* What two clocks may differ by: a stamp may be so much before the newest entry under it. */
enum { FK_STAMP_CLOCKS_MS = 300000 };

/* The end of the names of an authority's stamps. */
void fk_stamps_id(const char *url, char out[FK_STAMP_ID + 1]);

struct fk_stamping {
    const char *dir;
    struct fk_keep *keep;
    const char *url, *roots;                  /* of the authority; as in stamp.h */
    void (*notice)(const struct fk_err *err); /* of revocation lists, and of clocks that differ */
};
struct fk_stamp_made {
    char name[FK_STAMP_NAME_MAX];
    uint64_t size, anchor; /* entries under it; seq of its anchor */
    int64_t time_ms, ends_ms;
    bool has_crl;
};
/* Stamps the newest checkpoint. FK_NOT_FOUND: there is none yet; FK_DENIED: who signed the stamp is
 * revoked. */
FK_CHECKED enum fk_status fk_stamps_make(const struct fk_stamping *s, struct fk_stamp_made *out,
                                         struct fk_err *err);
/* Tries again to fetch the revocation lists of the last week's stamps that have none. */
void fk_stamps_crls(const struct fk_stamping *s);

/* The newest stamp of an authority in DIR/time, by its name; "" and 0 for none. first: names that
 * tell no authority count as its. */
struct fk_stamp_newest {
    char name[FK_STAMP_NAME_MAX];
    uint64_t size;
    int64_t time_ms;
};
FK_CHECKED enum fk_status fk_stamps_newest(const char *dir, const char *url, bool first,
                                           struct fk_stamp_newest *out, struct fk_err *err);

/* When the certificates of a stamp end, as it says itself; 0 where it has none. FK_NOT_FOUND. */
FK_CHECKED enum fk_status fk_stamps_ends(const char *dir, const char *name, int64_t *ends_ms_out,
                                         struct fk_err *err);

/* Whether a file of DIR/time is called so. */
bool fk_stamps_is_file(const char *file);

/* Where DIR/time is, and who is trusted. */
struct fk_stamps_place {
    const char *dir, *roots; /* roots: as in stamp.h */
    bool is_set; /* data/ of a tape: there is no log/tile, so what a renewal lists of it is passed
                    over */
};
/* One anchor entry: its files, the reply's digest, the stamp, the note's signature (where the log's
 * key is at hand) or the renewal's list with all that it names, revocation. FK_CORRUPT: what does
 * not hold. out is filled in as far as it could be read in either case; its list is the caller's to
 * free. */
struct fk_stamp_seen {
    char name[FK_STAMP_NAME_MAX], signer[256]; /* subject; "" where the reply has no certificate */
    uint64_t size, anchor;
    int64_t time_ms, ends_ms; /* as in stamp.h */
    bool has_crl, is_renewal;
    struct fk_buf list; /* what a renewal lists of DIR/time; empty otherwise */
};
FK_CHECKED enum fk_status fk_stamps_check(const struct fk_stamps_place *place,
                                          const struct fk_entry *anchor, struct fk_stamp_seen *out,
                                          struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
