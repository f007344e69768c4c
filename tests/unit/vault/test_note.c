/* test_note.c - signed notes against the published example, openssl's own reading, and forgers. */
#include "archiver/vault/note.h"
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t seed[32] = {1, 2, 3};

static struct fk_checkpoint sample(void) {
    struct fk_checkpoint c = {.origin = "archive.example/fumikura", .size = 1234};
    memset(c.root, 0x5a, sizeof c.root);
    return c;
}

static void note_of(struct fk_buf *out, struct fk_verifier *v) {
    struct fk_signer *s = NULL;
    struct fk_checkpoint c = sample();
    assert_int_equal(fk_signer_new(c.origin, FK_KEY_LOG, seed, &s, NULL), FK_OK);
    assert_int_equal(fk_checkpoint_sign(&c, s, out, NULL), FK_OK);
    *v = *fk_signer_verifier(s);
    fk_signer_free(&s);
}

static void what_is_signed_opens(void **state) {
    (void)state;
    struct fk_buf note = FK_BUF_INIT, key = FK_BUF_INIT;
    struct fk_verifier v, again;
    struct fk_checkpoint c, want = sample();
    note_of(&note, &v);
    fk_verifier_format(&v, &key);
    assert_int_equal(fk_verifier_parse((char *)key.data, key.len, FK_KEY_LOG, &again, NULL), FK_OK);
    assert_int_equal(fk_checkpoint_open(note.data, note.len, &again, &c, NULL), FK_OK);
    assert_string_equal(c.origin, want.origin);
    assert_true(c.size == want.size);
    assert_memory_equal(c.root, want.root, sizeof c.root);
    fk_buf_free(&note);
    fk_buf_free(&key);
}

/* The verifier key and note that the signed-note specification gives as its example. */
static void the_published_key_is_read(void **state) {
    (void)state;
    static const char vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    struct fk_verifier v;
    assert_int_equal(fk_verifier_parse(vkey, strlen(vkey), FK_KEY_LOG, &v, NULL), FK_OK);
    assert_string_equal(v.name, "PeterNeumann");
    struct fk_buf out = FK_BUF_INIT;
    fk_verifier_format(&v, &out);
    assert_string_equal(fk_buf_cstr(&out), vkey);
    fk_buf_free(&out);
}

static void every_flipped_bit_is_refused(void **state) {
    (void)state;
    struct fk_buf note = FK_BUF_INIT;
    struct fk_verifier v;
    struct fk_checkpoint c;
    note_of(&note, &v);
    for (size_t bit = 0; bit < note.len * 8; bit++) {
        note.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(fk_checkpoint_open(note.data, note.len, &v, &c, NULL), FK_OK);
        note.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < note.len; len++)
        assert_int_not_equal(fk_checkpoint_open(note.data, len, &v, &c, NULL), FK_OK);
    fk_buf_free(&note);
}

static void malformed_texts_are_refused_with_a_reason(void **state) {
    (void)state;
#define ROOT "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo="
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"leading zero", "o\n01\n" ROOT "\n\n"},
        {"no size", "o\n\n" ROOT "\n\n"},
        {"negative", "o\n-1\n" ROOT "\n\n"},
        {"over 2^63", "o\n9223372036854775808\n" ROOT "\n\n"},
        {"20 digits", "o\n10000000000000000000\n" ROOT "\n\n"},
        {"root of 31 bytes", "o\n1\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWg==\n\n"},
        {"stray bits in base64", "o\n1\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlp=\n\n"},
        {"base64 without padding", "o\n1\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo\n\n"},
        {"extension line", "o\n1\n" ROOT "\nextra\n\n"},
        {"carriage returns", "o\r\n1\r\n" ROOT "\r\n\r\n"},
        {"origin with a space", "o o\n1\n" ROOT "\n\n"},
        {"origin with a plus", "o+o\n1\n" ROOT "\n\n"},
        {"empty origin", "\n1\n" ROOT "\n\n"},
        {"no final line feed", "o\n1\n" ROOT},
    };
    struct fk_checkpoint c;
    static const char good[] = "o\n1\n" ROOT "\n\n";
    assert_int_equal(fk_checkpoint_read(good, strlen(good), &c, NULL), FK_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_err err = FK_ERR_INIT;
        if (fk_checkpoint_read(cases[i].text, strlen(cases[i].text), &c, &err) != FK_CORRUPT)
            fail_msg("%s: accepted", cases[i].name);
        assert_true(strlen(err.text) > 10);
    }
}

static void a_signature_line_given_twice_or_by_another_is_refused(void **state) {
    (void)state;
    struct fk_buf note = FK_BUF_INIT;
    struct fk_verifier v, other;
    struct fk_checkpoint c;
    struct fk_signer *s = NULL;
    uint8_t other_seed[32] = {9};
    note_of(&note, &v);
    assert_int_equal(fk_signer_new(v.name, FK_KEY_LOG, other_seed, &s, NULL), FK_OK);
    other = *fk_signer_verifier(s);
    assert_int_equal(fk_checkpoint_open(note.data, note.len, &other, &c, NULL), FK_NOT_FOUND);
    char *line = strstr((char *)note.data, "\n\n") + 2;
    struct fk_buf twice = FK_BUF_INIT;
    fk_buf_add(&twice, note.data, note.len);
    fk_buf_add(&twice, line, note.len - (size_t)(line - (char *)note.data));
    assert_int_equal(fk_checkpoint_open(twice.data, twice.len, &v, &c, NULL), FK_CORRUPT);
    fk_signer_free(&s);
    fk_buf_free(&twice);
    fk_buf_free(&note);
}

/* The id is four bytes long, so another key with the same one is quickly made. */
static void another_key_of_the_same_id_is_refused(void **state) {
    (void)state;
    struct fk_buf note = FK_BUF_INIT, both = FK_BUF_INIT;
    struct fk_verifier v, other;
    struct fk_checkpoint c;
    note_of(&note, &v);
    other = v;
    other.public_key[5] ^= 1;
    assert_int_equal(fk_checkpoint_open(note.data, note.len, &other, &c, NULL), FK_CORRUPT);
    /* and a note with a line by each is not taken by either, whichever stands first */
    char *line = strstr((char *)note.data, "\n\n") + 2;
    size_t head = (size_t)(line - (char *)note.data), len = note.len - head;
    for (int first = 0; first < 2; first++) {
        fk_buf_reset(&both);
        fk_buf_add(&both, note.data, note.len);
        fk_buf_add(&both, line, len);
        uint8_t *bent = both.data + (first ? head : note.len) + len - 20;
        *bent = *bent == 'A' ? 'B' : 'A';
        assert_int_equal(fk_checkpoint_open(both.data, both.len, &v, &c, NULL), FK_CORRUPT);
    }
    fk_buf_free(&both);
    fk_buf_free(&note);
}

static void a_note_of_a_megabyte_is_refused(void **state) {
    (void)state;
    struct fk_buf note = FK_BUF_INIT;
    struct fk_verifier v;
    struct fk_checkpoint c;
    struct fk_err err = FK_ERR_INIT;
    note_of(&note, &v);
    while (note.len < 1 << 20)
        fk_buf_str(&note, "\xe2\x80\x94 other AAAAAAAA\n");
    assert_int_equal(fk_checkpoint_open(note.data, note.len, &v, &c, &err), FK_CORRUPT);
    assert_non_null(strstr(err.text, "the most is"));
    fk_buf_free(&note);
}

static void base64_has_one_writing(void **state) {
    (void)state;
    struct fk_buf out = FK_BUF_INIT;
    static const char *const bad[] = {"A",        "AA",    "AA=",  "A===",     "AB==", "AAB=",
                                      "AA==AAAA", "AAA\n", "AA A", "AAAA====", "-_==", "===="};
    assert_true(fk_base64_read("AAAA", 4, &out));
    assert_int_equal(out.len, 3);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (fk_base64_read(bad[i], strlen(bad[i]), &out))
            fail_msg("\"%s\" was read", bad[i]);
    assert_int_equal(out.len, 3);
    fk_buf_free(&out);
}

/* Made by tests/lib/witness.py and openssl from the first key of RFC 8032, section 7.1. */
static const char witness_vkey[] =
    "witness.example/w1+eb762cc2+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
static const char cosignature[] =
    "\xe2\x80\x94 witness.example/w1 63YswgAAAABkGFDLJ3hsp9H0yI7OQOnDtJM8LrT9IHdthxQHMDrUCY9y9s/"
    "ZQtdrgW5biVYQ9TBPVgkutrPwm7LF3OpdB1/kGHkQBQ==\n";
static const uint8_t witness_seed[32] = {
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
enum { COSIGNED_S = 1679315147 };

static void another_program_makes_the_same_cosignature(void **state) {
    (void)state;
    struct fk_signer *s = NULL;
    struct fk_verifier v;
    struct fk_checkpoint c = sample();
    struct fk_buf line = FK_BUF_INIT, key = FK_BUF_INIT, note = FK_BUF_INIT, found = FK_BUF_INIT;
    int64_t when = 0;
    assert_int_equal(fk_signer_new("witness.example/w1", FK_KEY_WITNESS, witness_seed, &s, NULL),
                     FK_OK);
    fk_verifier_format(fk_signer_verifier(s), &key);
    assert_string_equal(fk_buf_cstr(&key), witness_vkey);
    assert_int_equal(fk_checkpoint_cosign(&c, s, COSIGNED_S, &line, NULL), FK_OK);
    assert_string_equal(fk_buf_cstr(&line), cosignature);
    assert_int_equal(
        fk_verifier_parse(witness_vkey, strlen(witness_vkey), FK_KEY_WITNESS, &v, NULL), FK_OK);
    fk_checkpoint_head(&c, &note);
    fk_buf_add(&note, line.data, line.len);
    assert_int_equal(fk_checkpoint_signature(note.data, note.len, &v, &found, &when, NULL), FK_OK);
    assert_string_equal(fk_buf_cstr(&found), cosignature);
    assert_int_equal(when, COSIGNED_S);
    fk_signer_free(&s);
    fk_buf_free(&line);
    fk_buf_free(&key);
    fk_buf_free(&note);
    fk_buf_free(&found);
}

/* A witness's key that the tests of transparency-dev/formats have. */
static void a_published_key_of_a_witness_is_read(void **state) {
    (void)state;
    static const char vkey[] =
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
    struct fk_verifier v;
    assert_int_equal(fk_verifier_parse(vkey, strlen(vkey), FK_KEY_WITNESS, &v, NULL), FK_OK);
    assert_int_equal(fk_verifier_parse(vkey, strlen(vkey), FK_KEY_LOG, &v, NULL), FK_CORRUPT);
}

static void a_log_is_not_its_own_witness(void **state) {
    (void)state;
    struct fk_signer *log = NULL, *witness = NULL;
    struct fk_checkpoint c = sample(), out;
    struct fk_buf note = FK_BUF_INIT;
    assert_int_equal(fk_signer_new(c.origin, FK_KEY_LOG, seed, &log, NULL), FK_OK);
    assert_int_equal(fk_signer_new(c.origin, FK_KEY_WITNESS, seed, &witness, NULL), FK_OK);
    const struct fk_verifier *l = fk_signer_verifier(log), *w = fk_signer_verifier(witness);
    assert_memory_not_equal(l->id, w->id, sizeof l->id);
    assert_int_equal(fk_checkpoint_cosign(&c, log, 1, &note, NULL), FK_INVALID);
    assert_int_equal(note.len, 0);
    assert_int_equal(fk_checkpoint_sign(&c, log, &note, NULL), FK_OK);
    assert_int_equal(fk_checkpoint_signature(note.data, note.len, w, NULL, NULL, NULL),
                     FK_NOT_FOUND);
    /* Both on one note: each is found, and neither is in the other's way. */
    assert_int_equal(fk_checkpoint_cosign(&c, witness, 1, &note, NULL), FK_OK);
    assert_int_equal(fk_checkpoint_open(note.data, note.len, l, &out, NULL), FK_OK);
    assert_int_equal(fk_checkpoint_signature(note.data, note.len, w, NULL, NULL, NULL), FK_OK);
    fk_signer_free(&log);
    fk_signer_free(&witness);
    fk_buf_free(&note);
}

static void every_flipped_bit_of_a_cosigned_note_is_refused(void **state) {
    (void)state;
    struct fk_verifier v;
    struct fk_checkpoint c = sample();
    struct fk_buf note = FK_BUF_INIT;
    assert_int_equal(
        fk_verifier_parse(witness_vkey, strlen(witness_vkey), FK_KEY_WITNESS, &v, NULL), FK_OK);
    fk_checkpoint_head(&c, &note);
    fk_buf_str(&note, cosignature);
    for (size_t bit = 0; bit < note.len * 8; bit++) {
        note.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(fk_checkpoint_signature(note.data, note.len, &v, NULL, NULL, NULL),
                             FK_OK);
        note.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    fk_buf_str(&note, cosignature);
    assert_int_equal(fk_checkpoint_signature(note.data, note.len, &v, NULL, NULL, NULL),
                     FK_CORRUPT);
    fk_buf_free(&note);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_opens),
        cmocka_unit_test(the_published_key_is_read),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(malformed_texts_are_refused_with_a_reason),
        cmocka_unit_test(a_signature_line_given_twice_or_by_another_is_refused),
        cmocka_unit_test(another_key_of_the_same_id_is_refused),
        cmocka_unit_test(a_note_of_a_megabyte_is_refused),
        cmocka_unit_test(base64_has_one_writing),
        cmocka_unit_test(another_program_makes_the_same_cosignature),
        cmocka_unit_test(a_published_key_of_a_witness_is_read),
        cmocka_unit_test(a_log_is_not_its_own_witness),
        cmocka_unit_test(every_flipped_bit_of_a_cosigned_note_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
