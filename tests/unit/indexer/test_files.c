/* What is read of attached files, and that what is not read is told with its reason. The archives
 * are written by libarchive, as others write them. */
#include "indexer/reading/files_priv.h"
#include "indexer/reading/reading_priv.h"

#include <archive.h>
#include <archive_entry.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;
static struct fk_files *files;
static const struct fk_password *password;

/* ---- what came out, a line each: text, "name PATH", "unread PATH REASON" */

static struct fk_buf out;

static enum fk_status name_see(void *ctx, const char *name, size_t len, struct fk_err *e) {
    (void)ctx, (void)e;
    fk_buf_printf(&out, "name %.*s\n", (int)len, name);
    return FK_OK;
}

static enum fk_status text_see(void *ctx, enum fk_text_kind kind, const char *text, size_t len,
                               struct fk_err *e) {
    (void)ctx, (void)kind, (void)e;
    fk_buf_add(&out, text, len < 10000 ? len : 10000);
    fk_buf_byte(&out, '\n');
    return FK_OK;
}

static void unread_see(void *ctx, const char *path, size_t len, enum fk_reason reason) {
    (void)ctx;
    fk_buf_printf(&out, "unread %.*s %s\n", (int)len, path, fk_reason__word(reason));
}

static unsigned opened;
static void unlocked_see(void *ctx, const char *path, size_t len, uint64_t origin) {
    (void)ctx, (void)path, (void)len, (void)origin;
    opened++;
}

static const char *read_as(const char *name, const void *data, size_t len, bool is_text) {
    const struct fk_sink sink = {
        .file = name_see, .text = text_see, .unread = unread_see, .unlocked = unlocked_see};
    const struct fk_file file = {.data = data, .len = len, .name = name, .is_text = is_text};
    unsigned reasons = 0;
    bool clean = true;
    size_t left = FK_TEXT_MAX;
    fk_buf_free(&out);
    fk_files__new_message(files);
    fk_files__begin(files, &sink, &reasons, &clean, &left);
    fk_files__passwords(files, password, password ? 1 : 0);
    assert_int_equal(fk_files__read(files, &file, &err), FK_OK);
    return fk_buf_cstr(&out);
}

static void has(const char *words) {
    if (!strstr(fk_buf_cstr(&out), words))
        fail_msg("no \"%s\" in:\n%s", words, fk_buf_cstr(&out));
}

static void has_not(const char *words) {
    if (strstr(fk_buf_cstr(&out), words))
        fail_msg("\"%s\" in:\n%s", words, fk_buf_cstr(&out));
}

/* ---- archives */

enum form { ZIP, ZIP_STREAM, ZIP_CRYPTO, TAR, TAR_BZ2 };
struct member {
    const char *name, *data;
    size_t len;    /* 0: as long as the string */
    unsigned type; /* 0: a file */
    size_t zeros;  /* instead of data */
};

static struct fk_buf packed;

static la_ssize_t packed_add(struct archive *a, void *ctx, const void *data, size_t len) {
    (void)a, (void)ctx;
    fk_buf_add(&packed, data, len);
    return (la_ssize_t)len;
}

static void member_add(struct archive *a, const struct member *m, bool is_stream) {
    static const char zeros[1 << 16];
    struct archive_entry *e = archive_entry_new();
    const size_t len = m->zeros ? m->zeros : m->len ? m->len : m->data ? strlen(m->data) : 0;
    archive_entry_set_pathname(e, m->name);
    archive_entry_set_filetype(e, m->type ? m->type : AE_IFREG);
    archive_entry_set_perm(e, 0644);
    if (m->type == AE_IFLNK)
        archive_entry_set_symlink(e, m->data);
    else if (!is_stream)
        archive_entry_set_size(e, (la_int64_t)len);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    for (size_t at = 0; m->zeros && at < len; at += sizeof zeros)
        assert_true(
            archive_write_data(a, zeros, len - at < sizeof zeros ? len - at : sizeof zeros) > 0);
    if (!m->zeros && len && m->type != AE_IFLNK)
        assert_int_equal(archive_write_data(a, m->data, len), len);
    archive_entry_free(e);
}

static void pack(enum form form, const struct member *members, size_t count) {
    struct archive *a = archive_write_new();
    fk_buf_free(&packed);
    if (form == TAR || form == TAR_BZ2)
        assert_int_equal(archive_write_set_format_ustar(a), ARCHIVE_OK);
    else
        assert_int_equal(archive_write_set_format_zip(a), ARCHIVE_OK);
    if (form == TAR_BZ2)
        assert_int_equal(archive_write_add_filter_bzip2(a), ARCHIVE_OK);
    if (form == ZIP || form == ZIP_CRYPTO)
        assert_int_equal(archive_write_set_options(a, "zip:compression=store"), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(a, 1);
    if (form == ZIP_CRYPTO) {
        assert_int_equal(archive_write_set_options(a, "zip:encryption=traditional"), ARCHIVE_OK);
        assert_int_equal(archive_write_set_passphrase(a, "right"), ARCHIVE_OK);
    }
    assert_int_equal(archive_write_open(a, NULL, NULL, packed_add, NULL), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++)
        member_add(a, &members[i], form == ZIP_STREAM);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}
#define PACK(form, ...)                                                                            \
    pack(form, (const struct member[]){__VA_ARGS__},                                               \
         sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

static void read_packed(const char *name) {
    read_as(name, packed.data, packed.len, false);
}
#define F(file, text)                                                                              \
    { .name = file, .data = text }

/* ---- office documents */

#define TYPES F("[Content_Types].xml", "<Types/>")
#define LETTER                                                                                     \
    "<w:document "                                                                                 \
    "xmlns:w='w'><w:p><w:r><w:t>otta</w:t></w:r><w:r><w:t>wa</w:t></w:r></w:p></w:document>"
#define TABLE "<worksheet><sheetData><row><c t='s'><v>0</v></c></row></sheetData></worksheet>"
#define STRINGS "<sst><si><t>oslo</t></si></sst>"

static void a_part_of_another_form_hides_no_text(void **state) {
    (void)state;
    PACK(ZIP, TYPES, F("word/document.xml", LETTER), F("ppt/x.xml", "<x/>"));
    read_packed("a.docx");
    has("ottawa");
    PACK(ZIP, TYPES, F("xl/worksheets/sheet1.xml", TABLE), F("xl/sharedStrings.xml", STRINGS),
         F("ppt/x", "x"), F("word/x", "x"));
    read_packed("a.xlsx");
    has("oslo");
    PACK(ZIP, TYPES, F("word/document.xml", LETTER), F("META-INF/manifest.xml", "<m/>"),
         F("content.xml", "<x>tunis</x>"));
    read_packed("a.odt");
    has("tta"); /* as files of an archive */
    has("tunis");
}

static void names_of_parts_have_no_case(void **state) {
    (void)state;
    PACK(ZIP, TYPES, F("Word/Document.XML", LETTER));
    read_packed("a.docx");
    has("ottawa");
    PACK(ZIP, TYPES, F("xl/worksheets/sheet1.xml", TABLE), F("xl/SharedStrings.xml", STRINGS));
    read_packed("a.xlsx");
    has("oslo");
    has_not("unread");
}

static void a_cell_whose_string_is_not_there_is_told(void **state) {
    (void)state;
    PACK(ZIP, TYPES, F("xl/worksheets/sheet1.xml", TABLE), F("xl/strings.xml", STRINGS));
    read_packed("a.xlsx");
    has("unread a.xlsx unreadable\n");
}

static void what_word_puts_in_its_place_is_read(void **state) {
    (void)state;
    static const char mht[] =
        "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\n"
        "Content-Type: text/html\nContent-Transfer-Encoding: "
        "base64\n\nPHA+bWFuaWxhPC9wPg==\n--b--\n";
    PACK(ZIP, TYPES, F("word/document.xml", LETTER), F("word/afchunk.mht", mht),
         F("word/a.htm", "<p>ro<b>me</b></p>"), F("word/b.rtf", "{\\rtf1 par\\b is}"),
         F("word/c.txt", "tokio"), F("word/afchunk2.dat", "quito"));
    read_packed("a.docx");
    has("ottawa");
    has("manila");
    has("rome");
    has("paris");
    has("tokio");
    has("quito");
    has_not("unread");
}

static void a_document_without_a_part_that_is_read_is_told(void **state) {
    (void)state;
    PACK(ZIP, TYPES, F("xl/workbook.bin", "\1\2"), F("xl/worksheets/sheet1.bin", "\1\2"),
         F("docProps/core.xml", "<c><title>lima</title></c>"));
    read_packed("a.xlsb");
    has("lima");
    has("unread a.xlsb unsupported");
}

/* ---- archives */

static void behind_a_file_that_was_cut_nothing_is_unpacked(void **state) {
    (void)state;
    PACK(TAR_BZ2, F("before.txt", "before"), {.name = "zeros", .zeros = (size_t)64 << 20},
         F("behind.txt", "behind"));
    read_packed("a.tar.bz2");
    has("before");
    has("unread a.tar.bz2/zeros limit");
    has("unread a.tar.bz2 limit");
    PACK(TAR, {.name = "zeros", .zeros = (size_t)130 << 20}, F("behind.txt", "behind"));
    read_packed("a.tar");
    has("unread a.tar/zeros limit");
    has("\nbehind\n");
    has_not("unread a.tar limit");
}

/* What the directory of a ZIP file says of a member (APPNOTE 4.3.12). */
static uint8_t *zip_directory(size_t member) {
    uint8_t *at = packed.data;
    for (size_t i = 0; i <= member; i++, at++) {
        at = memmem(at, (size_t)(packed.data + packed.len - at), "PK\1\2", 4);
        assert_non_null(at);
    }
    return at - 1;
}

/* That it is a directory, link or whatever. */
static void zip_mode_set(size_t member, uint32_t mode) {
    uint8_t *at = zip_directory(member);
    at[5] = 3; /* made by Unix */
    at[40] = (uint8_t)mode;
    at[41] = (uint8_t)(mode >> 8);
}

static void what_a_mode_hides_is_read_or_told(void **state) {
    (void)state;
    PACK(ZIP, F("a.txt", "adana"), F("b.txt", "busan"), F("c.txt", "cadiz"), F("d.txt", "dakar"));
    zip_mode_set(0, 0120777);
    zip_mode_set(1, 0040755);
    zip_mode_set(2, 0010644); /* a FIFO */
    read_packed("a.zip");
    has("name a.zip/a.txt");
    has("adana");
    has("name a.zip/b.txt");
    has("unread a.zip/b.txt unreadable");
    has("cadiz");
    has("dakar");
    PACK(TAR, {.name = "dir", .type = AE_IFDIR},
         {.name = "link", .data = "/etc/passwd", .type = AE_IFLNK}, F("d.txt", "dakar"));
    read_packed("a.tar");
    has("dakar");
    has_not("unread");
    has_not("link");
}

/* What a sender that knew no lengths wrote, without the directory: a part that is not read can only
 * be passed over by unpacking it. */
static void a_part_of_a_cut_document_is_not_unpacked_for_nothing(void **state) {
    (void)state;
    PACK(ZIP_STREAM, TYPES, {.name = "word/media/a.png", .zeros = (size_t)64 << 20},
         F("word/document.xml", LETTER));
    packed.len = (size_t)((uint8_t *)memmem(packed.data, packed.len, "PK\1\2", 4) - packed.data);
    read_packed("a.docx");
    has("unread a.docx");
    has("limit");
    PACK(ZIP_STREAM, TYPES, {.name = "word/media/a.png", .zeros = 70000},
         F("word/document.xml", LETTER));
    packed.len = (size_t)((uint8_t *)memmem(packed.data, packed.len, "PK\1\2", 4) - packed.data);
    read_packed("a.docx");
    has("ottawa");
    has("unread a.docx unreadable");
}

/* Of Python's zipfile: the sum behind each file is of 16 bytes, and the directory is cut off. */
static void the_last_part_of_a_cut_document_is_read(void **state) {
    (void)state;
    static const uint8_t docx[] = {
        80,  75,  3,   4,   20,  0,   8,   0,   8,   0,   0,   0,   125, 93,  0,   0,   0,   0,
        0,   0,   0,   0,   0,   0,   0,   0,   19,  0,   0,   0,   91,  67,  111, 110, 116, 101,
        110, 116, 95,  84,  121, 112, 101, 115, 93,  46,  120, 109, 108, 179, 9,   169, 44,  72,
        45,  214, 183, 3,   0,   80,  75,  7,   8,   199, 28,  23,  60,  10,  0,   0,   0,   8,
        0,   0,   0,   80,  75,  3,   4,   20,  0,   8,   0,   8,   0,   0,   0,   125, 93,  0,
        0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   17,  0,   0,   0,   119, 111, 114,
        100, 47,  100, 111, 99,  117, 109, 101, 110, 116, 46,  120, 109, 108, 53,  205, 75,  10,
        195, 48,  12,  4,   208, 171, 148, 28,  160, 10,  93,  116, 97,  92,  223, 69,  56,  110,
        18,  136, 62,  200, 42,  234, 241, 27,  7,   186, 121, 204, 48,  139, 201, 145, 22,  169,
        31,  106, 236, 183, 47,  29,  220, 83,  188, 166, 205, 93,  19,  64,  175, 91,  35,  236,
        119, 209, 198, 231, 246, 22,  35,  244, 179, 218, 10,  33,  182, 168, 73,  109, 189, 239,
        188, 210, 1,   143, 121, 126, 2,   225, 206, 83,  201, 145, 116, 96,  3,   47,  226, 142,
        129, 25,  70,  30,  218, 165, 94,  254, 175, 203, 15,  80,  75,  7,   8,   140, 16,  3,
        13,  105, 0,   0,   0,   135, 0,   0,   0};
    read_as("a.docx", docx, sizeof docx, false);
    has("ottawa");
    has("unread a.docx unreadable");
    read_as("a.docx", docx, sizeof docx - 1, false);
    has("unread a.docx");
    has("unreadable");
}

static void a_head_that_is_damaged_is_told(void **state) {
    (void)state;
    PACK(TAR, F("a.txt", "adana"), F("b.txt", "busan"), F("c.txt", "cadiz"));
    packed.data[1024] ^= 1;
    read_packed("a.tar");
    has("adana");
    has("cadiz");
    has("unread a.tar unreadable");
}

/* One word in 256 passes what ZipCrypto checks before the bytes; of an empty file, which libarchive
 * does not encrypt and others do, that is all there is to check. */
static void a_word_that_an_empty_file_takes_is_not_the_password(void **state) {
    (void)state;
    /* "empty" and b.txt, by APPNOTE 6.1 */
    static const uint8_t zip[] = {
        80,  75,  3,   4,   20,  0,   1,   0,   0,   0,   0,   0,   33,  0,   0,   0,   0,   0,
        12,  0,   0,   0,   0,   0,   0,   0,   5,   0,   0,   0,   101, 109, 112, 116, 121, 107,
        141, 252, 58,  216, 36,  14,  80,  14,  44,  38,  204, 80,  75,  3,   4,   20,  0,   1,
        0,   0,   0,   0,   0,   33,  0,   46,  67,  106, 249, 17,  0,   0,   0,   5,   0,   0,
        0,   5,   0,   0,   0,   98,  46,  116, 120, 116, 107, 141, 252, 58,  216, 36,  14,  80,
        14,  44,  38,  53,  69,  52,  85,  162, 39,  80,  75,  1,   2,   20,  0,   20,  0,   1,
        0,   0,   0,   0,   0,   33,  0,   0,   0,   0,   0,   12,  0,   0,   0,   0,   0,   0,
        0,   5,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
        0,   101, 109, 112, 116, 121, 80,  75,  1,   2,   20,  0,   20,  0,   1,   0,   0,   0,
        0,   0,   33,  0,   46,  67,  106, 249, 17,  0,   0,   0,   5,   0,   0,   0,   5,   0,
        0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   47,  0,   0,   0,   98,  46,
        116, 120, 116, 80,  75,  5,   6,   0,   0,   0,   0,   2,   0,   2,   0,   102, 0,   0,
        0,   99,  0,   0,   0,   0,   0,
    };
    const struct fk_password passes = {1, "word135"}, right = {1, "right"};
    password = &passes;
    opened = 0;
    read_as("a.zip", zip, sizeof zip, false);
    has("unread a.zip/empty encrypted");
    has("unread a.zip/b.txt encrypted");
    assert_int_equal(opened, 0);
    password = &right;
    read_as("a.zip", zip, sizeof zip, false);
    has("busan");
    has_not("unread");
    assert_int_equal(opened, 1);
    password = NULL;
}

static void what_does_not_open_may_want_another_word(void **state) {
    (void)state;
    const struct fk_password right = {1, "right"};
    PACK(ZIP_CRYPTO, F("a.txt", "adana"), F("b.txt", "busan"));
    uint8_t *end = zip_directory(0);
    if (memcmp(end - 16, "PK\7\10", 4) == 0)
        end -= 16;
    end[-1] ^= 1;
    password = &right;
    read_packed("a.zip");
    has("adana");
    has("unread a.zip/b.txt encrypted");
    password = NULL;
}

/* ---- signatures */

static void read_signed(const char *name, const char *content) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *in = BIO_new_mem_buf(content, (int)strlen(content)), *der = BIO_new(BIO_s_mem());
    char *at;
    X509_set_pubkey(certificate, key);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    CMS_ContentInfo *cms = CMS_sign(certificate, key, NULL, in, CMS_BINARY | CMS_NOSMIMECAP);
    assert_non_null(cms);
    assert_int_equal(i2d_CMS_bio(der, cms), 1);
    const long len = BIO_get_mem_data(der, &at);
    read_as(name, at, (size_t)len, false);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    BIO_free(der);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void what_is_signed_is_read_as_what_it_is(void **state) {
    (void)state;
    read_signed("smime.p7m",
                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
                "base64\r\n\r\nbWFuaWxh\r\n");
    has("manila");
    read_signed("smime.p7m", "Content-Type: text/plain; charset=utf-8\r\n\r\nmanila: one line\r\n");
    has("manila");
    has_not("Content-Type");
    read_signed("smime.p7m", "X-Mailer: a\r\n b\r\ncontent-type: text/plain\r\n\r\nmanila\r\n");
    has("manila");
    has_not("text/plain");
    read_signed("letter.rtf.p7m", "{\\rtf1 par\\b is}");
    has("name letter.rtf.p7m/letter.rtf\n");
    has("paris");
    read_signed("invoice.xml.P7M", "<?xml version='1.0'?><a>lima</a>");
    has("name invoice.xml.P7M/invoice.xml\n");
    has("lima");
    read_signed("a.bin.p7m", "\1\2\3\4\5\6\7\x8 of a form unknown");
    has("unread a.bin.p7m/a.bin unsupported");
}

/* ---- what a file is */

static enum fk_kind kind_of(const void *data, size_t len, bool is_text) {
    const struct fk_file f = {.data = data, .len = len, .name = "a", .is_text = is_text};
    return fk_kind__of(&f);
}
#define KIND(bytes) kind_of(bytes, sizeof(bytes) - 1, false)

static void the_bytes_decide_what_a_file_is(void **state) {
    (void)state;
    static const char pdf[] = "%PDF-1.4\n\xe2\xe3", of_pdf[] = "see %PDF-1.4";
    assert_int_equal(kind_of(pdf, sizeof pdf - 1, true), FK_KIND_PDF);
    assert_int_equal(kind_of(of_pdf, sizeof of_pdf - 1, true), FK_KIND_TEXT);
    assert_int_equal(KIND("see %PDF-1.4"), FK_KIND_PDF);
    assert_int_equal(KIND("\0\1\0\0Standard Jet DB\0"), FK_KIND_UNKNOWN);
    assert_int_equal(KIND("\0\1\0\0Standard ACE DB\0"), FK_KIND_UNKNOWN);
    assert_int_equal(KIND("\0\1\0\0\0\x0c\0\x80"), FK_KIND_NAMELY);
    assert_int_equal(KIND("\1\0\0\0 of what nobody knows, forty bytes long EMF"), FK_KIND_UNKNOWN);
    assert_int_equal(KIND("\1\0\0\0\x6c\0\0\0"
                          "32 bytes of its bounds and frame"
                          " EMF\0\0\1\0"),
                     FK_KIND_NAMELY);
    assert_int_equal(
        KIND("-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\nsecret\n"),
        FK_KIND_TEXT);
    assert_int_equal(KIND("-----BEGIN PGP PUBLIC KEY BLOCK-----\nx\n"), FK_KIND_TEXT);
#define CMS(type)                                                                                  \
    "\x30\x80\6\x09\x2a\x86\x48\x86\xf7\x0d\1\7" type "\xa0\x80\x30\x80\2\1\0\x31\0\0\0\0"
    assert_int_equal(KIND(CMS("\2")), FK_KIND_SIGNED);
    assert_int_equal(KIND(CMS("\3")), FK_KIND_ENCRYPTED);
    assert_int_equal(KIND(CMS("\6")), FK_KIND_ENCRYPTED);
    assert_int_equal(KIND(CMS("\5")), FK_KIND_UNKNOWN);
    assert_int_equal(KIND(CMS("\1")), FK_KIND_UNKNOWN);
}

static void a_program_that_unpacks_itself_is_an_archive(void **state) {
    (void)state;
    struct fk_buf program = FK_BUF_INIT;
    static const char head[600] = "MZ\x90\0";
    PACK(ZIP, F("in.txt", "inside"));
    fk_buf_add(&program, head, sizeof head);
    fk_buf_add(&program, packed.data, packed.len);
    read_as("a.exe", program.data, program.len, false);
    has("name a.exe/in.txt");
    has("inside");
    has_not("unread");
    assert_int_equal(KIND("MZ\x90\0 a program that knows of PK\5\6 and has nothing packed in it\0"),
                     FK_KIND_NAMELY);
    fk_buf_free(&program);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_of_another_form_hides_no_text),
        cmocka_unit_test(names_of_parts_have_no_case),
        cmocka_unit_test(a_cell_whose_string_is_not_there_is_told),
        cmocka_unit_test(what_word_puts_in_its_place_is_read),
        cmocka_unit_test(a_document_without_a_part_that_is_read_is_told),
        cmocka_unit_test(behind_a_file_that_was_cut_nothing_is_unpacked),
        cmocka_unit_test(what_a_mode_hides_is_read_or_told),
        cmocka_unit_test(a_part_of_a_cut_document_is_not_unpacked_for_nothing),
        cmocka_unit_test(the_last_part_of_a_cut_document_is_read),
        cmocka_unit_test(a_head_that_is_damaged_is_told),
        cmocka_unit_test(a_word_that_an_empty_file_takes_is_not_the_password),
        cmocka_unit_test(what_does_not_open_may_want_another_word),
        cmocka_unit_test(what_is_signed_is_read_as_what_it_is),
        cmocka_unit_test(the_bytes_decide_what_a_file_is),
        cmocka_unit_test(a_program_that_unpacks_itself_is_an_archive),
    };
    fk_reading__prepare();
    if (fk_files__new(&files, &err) != FK_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
