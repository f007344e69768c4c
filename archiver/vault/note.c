/* note.c - signed notes, written in one way and read strictly. */
#include "archiver/vault/note.h"
#include "archiver/vault/note_priv.h"
#include "base/base64.h"
#include "base/io.h"

#include <inttypes.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE = 64, STAMP = 8, NOTE_MAX = 65536, SIGNATURES_MAX = 16 };
static const char dash[] = "\xe2\x80\x94 "; /* U+2014 and a space begin a signature line */

struct fk_signer {
    struct fk_verifier verifier;
    EVP_PKEY *key;
};

static bool name_is_well_formed(const char *name, size_t len) {
    if (len == 0 || len >= FK_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] <= ' ' || name[i] == '+' || name[i] == 0x7f)
            return false;
    return true;
}

static void key_id(const struct fk_verifier *v, uint8_t out[4]) {
    struct fk_buf b = FK_BUF_INIT;
    fk_hash h;
    fk_buf_str(&b, v->name);
    fk_buf_byte(&b, '\n');
    fk_buf_byte(&b, v->type);
    fk_buf_add(&b, v->public_key, 32);
    fk_sha256(b.data, b.len, h);
    memcpy(out, h, 4);
    fk_buf_free(&b);
}

enum fk_status fk_signer_new(const char *name, enum fk_key_type type, const uint8_t seed[32],
                             struct fk_signer **out, struct fk_err *err) {
    if (!name_is_well_formed(name, strlen(name)))
        return fk_fail(err, FK_INVALID,
                       "\"%s\" cannot name a key: 1 to %d bytes without spaces and '+'", name,
                       FK_NAME_MAX - 1);
    struct fk_signer *s = calloc(1, sizeof *s);
    size_t len = 32;
    if (s)
        s->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    if (!s || !s->key || EVP_PKEY_get_raw_public_key(s->key, s->verifier.public_key, &len) != 1) {
        fk_signer_free(&s);
        return fk_fail(err, FK_NOMEM, "no memory for a signing key");
    }
    memcpy(s->verifier.name, name, strlen(name) + 1);
    s->verifier.type = (uint8_t)type;
    key_id(&s->verifier, s->verifier.id);
    *out = s;
    return FK_OK;
}

void fk_signer_free(struct fk_signer **s) {
    if (!*s)
        return;
    EVP_PKEY_free((*s)->key); /* wipes the private half */
    free(*s);
    *s = NULL;
}

const struct fk_verifier *fk_signer_verifier(const struct fk_signer *signer) {
    return &signer->verifier;
}

void fk_verifier_format(const struct fk_verifier *v, struct fk_buf *out) {
    uint8_t typed[33] = {v->type};
    memcpy(typed + 1, v->public_key, 32);
    fk_buf_str(out, v->name);
    fk_buf_byte(out, '+');
    fk_buf_hex(out, v->id, sizeof v->id);
    fk_buf_byte(out, '+');
    fk_base64_add(out, typed, sizeof typed);
}

enum fk_status fk_verifier_parse(const char *text, size_t len, enum fk_key_type type,
                                 struct fk_verifier *out, struct fk_err *err) {
    struct fk_verifier v = {.type = (uint8_t)type};
    struct fk_buf typed = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    uint8_t id[4];
    const char *plus = memchr(text, '+', len), *end = text + len;
    if (!plus || !name_is_well_formed(text, (size_t)(plus - text)) || end - plus < 10 ||
        plus[9] != '+' || !fk_unhex(v.id, plus + 1, 4) ||
        !fk_base64_read(plus + 10, (size_t)(end - plus - 10), &typed) || typed.len != 33)
        st = fk_fail(err, FK_CORRUPT, "not an Ed25519 verifier key of the form NAME+HEX+BASE64");
    else if (typed.data[0] != type)
        st = fk_fail(err, FK_CORRUPT, "not the key of a %s (type %u, where %u is expected)",
                     type == FK_KEY_LOG ? "log" : "witness", typed.data[0], (unsigned)type);
    if (st == FK_OK) {
        memcpy(v.name, text, (size_t)(plus - text));
        memcpy(v.public_key, typed.data + 1, 32);
        key_id(&v, id);
        if (memcmp(id, v.id, sizeof id) != 0)
            st = fk_fail(err, FK_CORRUPT, "verifier key %s: the id does not belong to the key",
                         v.name);
    }
    if (st == FK_OK)
        *out = v;
    fk_buf_free(&typed);
    return st;
}

enum fk_status fk_verifier_load(const char *path, enum fk_key_type type, struct fk_verifier *out,
                                struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st = fk_read_file(path, 4096, &text, err);
    if (st != FK_OK)
        goto done;
    while (text.len && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.len--;
    st = fk_verifier_parse((const char *)text.data, text.len, type, out, err);
    if (st != FK_OK)
        st = fk_err_prefix(err, "%s", path);
done:
    fk_buf_free(&text);
    return st;
}

static EVP_PKEY *public_key_of(const struct fk_verifier *v) {
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, v->public_key, 32);
}

enum fk_status fk_verifier_pem(const struct fk_verifier *v, struct fk_buf *out,
                               struct fk_err *err) {
    EVP_PKEY *key = public_key_of(v);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    bool ok = key && bio && PEM_write_bio_PUBKEY(bio, key) == 1;
    if (ok) {
        long n = BIO_get_mem_data(bio, &data);
        fk_buf_add(out, data, (size_t)n);
    }
    BIO_free(bio);
    EVP_PKEY_free(key);
    return ok && !out->failed ? FK_OK : fk_fail(err, FK_NOMEM, "no memory for a public key");
}

static void checkpoint_text(const struct fk_checkpoint *c, struct fk_buf *out) {
    fk_buf_printf(out, "%s\n%" PRIu64 "\n", c->origin, c->size);
    fk_base64_add(out, c->root, sizeof c->root);
    fk_buf_byte(out, '\n');
}

static bool sign_bytes(const struct fk_signer *signer, const struct fk_buf *message,
                       uint8_t out[SIGNATURE]) {
    size_t len = SIGNATURE;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && !message->failed &&
              EVP_DigestSignInit(ctx, NULL, NULL, NULL, signer->key) == 1 &&
              EVP_DigestSign(ctx, out, &len, message->data, message->len) == 1 && len == SIGNATURE;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static void signature_line(const struct fk_verifier *v, const uint8_t *blob, size_t len,
                           struct fk_buf *out) {
    fk_buf_printf(out, "%s%s ", dash, v->name);
    fk_base64_add(out, blob, len);
    fk_buf_byte(out, '\n');
}

void fk_checkpoint_head(const struct fk_checkpoint *c, struct fk_buf *out) {
    checkpoint_text(c, out);
    fk_buf_byte(out, '\n');
}

enum fk_status fk_checkpoint_sign(const struct fk_checkpoint *c, const struct fk_signer *signer,
                                  struct fk_buf *out, struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    uint8_t blob[4 + SIGNATURE];
    checkpoint_text(c, &text);
    memcpy(blob, signer->verifier.id, 4);
    bool ok = sign_bytes(signer, &text, blob + 4);
    if (ok) {
        fk_buf_add(out, text.data, text.len);
        fk_buf_byte(out, '\n');
        signature_line(&signer->verifier, blob, sizeof blob, out);
    }
    fk_buf_free(&text);
    return ok && !out->failed ? FK_OK : fk_fail(err, FK_NOMEM, "a checkpoint could not be signed");
}

static void cosigned_message(const char *text, size_t len, int64_t time_s, struct fk_buf *out) {
    fk_buf_printf(out, "cosignature/v1\ntime %" PRId64 "\n", time_s);
    fk_buf_add(out, text, len);
}

static void stamp_write(uint8_t out[STAMP], int64_t time_s) {
    for (int i = 0; i < STAMP; i++)
        out[i] = (uint8_t)((uint64_t)time_s >> (56 - 8 * i));
}

/* False where it is over 2^63 - 1, which no clock says. */
static bool stamp_read(const uint8_t in[STAMP], int64_t *out) {
    uint64_t v = 0;
    for (int i = 0; i < STAMP; i++)
        v = v << 8 | in[i];
    *out = (int64_t)v;
    return v <= INT64_MAX;
}

enum fk_status fk_checkpoint_cosign(const struct fk_checkpoint *c, const struct fk_signer *witness,
                                    int64_t time_s, struct fk_buf *out, struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT, message = FK_BUF_INIT;
    uint8_t blob[4 + STAMP + SIGNATURE];
    if (witness->verifier.type != FK_KEY_WITNESS || time_s < 0)
        return fk_fail(err, FK_INVALID, "%s cannot cosign with this key at this time",
                       witness->verifier.name);
    checkpoint_text(c, &text);
    cosigned_message((const char *)text.data, text.len, time_s, &message);
    message.failed |= text.failed;
    memcpy(blob, witness->verifier.id, 4);
    stamp_write(blob + 4, time_s);
    bool ok = sign_bytes(witness, &message, blob + 4 + STAMP);
    if (ok)
        signature_line(&witness->verifier, blob, sizeof blob, out);
    fk_buf_free(&text);
    fk_buf_free(&message);
    return ok && !out->failed ? FK_OK
                              : fk_fail(err, FK_NOMEM, "a checkpoint could not be cosigned");
}

bool fk_note__line(const char **p, const char *end, const char **line, size_t *len) {
    const char *lf = memchr(*p, '\n', (size_t)(end - *p));
    if (!lf)
        return false;
    *line = *p;
    *len = (size_t)(lf - *p);
    *p = lf + 1;
    return true;
}

bool fk_note__size(const char *text, size_t len, uint64_t *out) {
    if (len == 0 || len > 19 || (len > 1 && text[0] == '0'))
        return false;
    *out = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(text[i] - '0');
    }
    return *out <= INT64_MAX;
}

/* Reads the text; *after is where the signature lines begin, *text_len the signed bytes. */
static enum fk_status text_read(const char *note, size_t len, struct fk_checkpoint *out,
                                size_t *text_len, const char **after, struct fk_err *err) {
    const char *p = note, *end = note + len, *line[3], *blank;
    size_t n[3], blank_len;
    struct fk_checkpoint c = {0};
    struct fk_buf root = FK_BUF_INIT;
    if (len > NOTE_MAX)
        return fk_fail(err, FK_CORRUPT, "the note has %zu bytes; the most is %d", len, NOTE_MAX);
    for (int i = 0; i < 3; i++)
        if (!fk_note__line(&p, end, &line[i], &n[i]))
            return fk_fail(err, FK_CORRUPT, "the note ends in line %d of its text", i + 1);
    *text_len = (size_t)(p - note);
    if (!name_is_well_formed(line[0], n[0]))
        return fk_fail(err, FK_CORRUPT, "line 1 of the note is not an origin");
    memcpy(c.origin, line[0], n[0]);
    if (!fk_note__size(line[1], n[1], &c.size))
        return fk_fail(err, FK_CORRUPT, "line 2 of the note is not a size");
    bool ok = fk_base64_read(line[2], n[2], &root) && root.len == sizeof c.root;
    if (ok)
        memcpy(c.root, root.data, sizeof c.root);
    fk_buf_free(&root);
    if (!ok)
        return fk_fail(err, FK_CORRUPT, "line 3 of the note is not a root hash");
    if (!fk_note__line(&p, end, &blank, &blank_len) || blank_len != 0)
        return fk_fail(err, FK_CORRUPT, "line 4 of the note is not empty: no extension is known");
    *after = p;
    *out = c;
    return FK_OK;
}

enum fk_status fk_checkpoint_read(const void *note, size_t len, struct fk_checkpoint *out,
                                  struct fk_err *err) {
    size_t text_len;
    const char *after;
    return text_read(note, len, out, &text_len, &after, err);
}

static bool bytes_hold(const struct fk_verifier *v, const uint8_t *signature, const void *text,
                       size_t len) {
    EVP_PKEY *key = public_key_of(v);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(ctx, signature, SIGNATURE, text, len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}

/* What stands behind the key id: by a log a signature, by a witness its time and a signature. */
static bool signature_holds(const struct fk_verifier *v, const uint8_t *blob, size_t blob_len,
                            const char *text, size_t len, int64_t *time_s_out) {
    struct fk_buf message = FK_BUF_INIT;
    *time_s_out = 0;
    if (v->type == FK_KEY_LOG)
        return blob_len == SIGNATURE && bytes_hold(v, blob, text, len);
    if (blob_len != STAMP + SIGNATURE || !stamp_read(blob, time_s_out))
        return false;
    cosigned_message(text, len, *time_s_out, &message);
    bool ok = !message.failed && bytes_hold(v, blob + STAMP, message.data, message.len);
    fk_buf_free(&message);
    return ok;
}

/* Cuts "- NAME BASE64" into name and key id with signature. */
static bool signature_parse(const char *line, size_t len, const char **name, size_t *name_len,
                            struct fk_buf *blob) {
    size_t skip = sizeof dash - 1;
    if (len < skip || memcmp(line, dash, skip) != 0)
        return false;
    *name = line + skip;
    const char *space = memchr(*name, ' ', len - skip);
    if (!space)
        return false;
    *name_len = (size_t)(space - *name);
    fk_buf_reset(blob);
    return name_is_well_formed(*name, *name_len) &&
           fk_base64_read(space + 1, (size_t)(line + len - space - 1), blob) && blob->len > 4;
}

/* What was found out about the one line by a key. */
struct signature {
    const char *line; /* NULL for none */
    size_t len;       /* without its LF */
    int64_t time_s;
};

static enum fk_status signature_find(const char *note, size_t note_len, const struct fk_verifier *v,
                                     struct fk_checkpoint *c, struct signature *out,
                                     struct fk_err *err) {
    struct fk_buf blob = FK_BUF_INIT;
    struct signature found = {NULL, 0, 0};
    const char *p = note, *end = note + note_len, *line = NULL, *name = NULL;
    size_t text_len = 0, len = 0, name_len = 0;
    int lines = 0;
    enum fk_status st;
    FK_TRY(text_read(note, note_len, c, &text_len, &p, err));
    while (p < end) {
        if (!fk_note__line(&p, end, &line, &len) || ++lines > SIGNATURES_MAX ||
            !signature_parse(line, len, &name, &name_len, &blob))
            FK_TRY(fk_fail(err, FK_CORRUPT, "signature line %d of the note is malformed",
                           lines ? lines : 1));
        if (strlen(v->name) != name_len || memcmp(name, v->name, name_len) != 0 ||
            memcmp(blob.data, v->id, 4) != 0)
            continue;
        if (found.line ||
            !signature_holds(v, blob.data + 4, blob.len - 4, note, text_len, &found.time_s))
            FK_TRY(fk_fail(err, FK_CORRUPT, "the signature by %s does not verify", v->name));
        found.line = line;
        found.len = len;
    }
    if (!found.line)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "the note has no signature by %s", v->name));
    *out = found;
done:
    fk_buf_free(&blob);
    return st;
}

enum fk_status fk_checkpoint_open(const void *note, size_t len, const struct fk_verifier *v,
                                  struct fk_checkpoint *out, struct fk_err *err) {
    struct fk_checkpoint c;
    struct signature s;
    enum fk_status st;
    FK_TRY(fk_checkpoint_read(note, len, &c, err));
    if (strcmp(c.origin, v->name) != 0)
        return fk_fail(err, FK_CORRUPT, "the checkpoint is of %s, not of %s", c.origin, v->name);
    FK_TRY(signature_find(note, len, v, &c, &s, err));
    *out = c;
done:
    return st;
}

enum fk_status fk_checkpoint_signature(const void *note, size_t len, const struct fk_verifier *v,
                                       struct fk_buf *line, int64_t *time_s_out,
                                       struct fk_err *err) {
    struct fk_checkpoint c;
    struct signature s;
    enum fk_status st = signature_find(note, len, v, &c, &s, err);
    if (st != FK_OK)
        return st;
    if (line) {
        fk_buf_add(line, s.line, s.len);
        fk_buf_byte(line, '\n');
        if (line->failed)
            return fk_fail(err, FK_NOMEM, "no memory for a signature");
    }
    if (time_s_out)
        *time_s_out = s.time_s;
    return FK_OK;
}
