/* test_links.c - addresses in a text, and what is posted of a link's target. */
#include "base/pack.h"
#include "indexer/reading/docterms_priv.h"
#include "indexer/reading/html_priv.h"
#include "indexer/reading/links_priv.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka needs the four above */
#include <cmocka.h>

static struct fk_err err;

static void a_text_has_the_addresses_that_stand_in_it(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"see https://a.example/x?y=1&z=2, or", "https://a.example/x?y=1&z=2"},
        {"(http://a.example/)", "http://a.example/"},
        {"<https://a.example/x>", "https://a.example/x"},
        {"HTTPS://A.example", "HTTPS://A.example"},
        {"www.a.example/b and www. c", "www.a.example/b"},
        {"awww.a.example xhttp://b.example", ""},
        {"https://a.example/path。次は", "https://a.example/path"},
        {"詳細はhttps://a.example/xをご覧ください", "https://a.example/x"},
        {"https://日本語.example/a", "https://日本語.example/a"},
        {"https://日本語.example。", "https://日本語.example"},
        {"http:// x ftp://f.example/y.", "ftp://f.example/y"},
        {"https://a.example/1\nhttps://b.example/2", "https://a.example/1 https://b.example/2"},
        {"http", ""},
        {"https://", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf got = FK_BUF_INIT;
        const char *link;
        size_t len, n = strlen(cases[i][0]);
        for (size_t at = 0; fk_links__next(cases[i][0], n, &at, &link, &len);) {
            fk_buf_str(&got, got.len ? " " : "");
            fk_buf_add(&got, link, len);
        }
        if (strcmp(fk_buf_cstr(&got), cases[i][1]) != 0)
            fail_msg("%s: %s, not %s", cases[i][0], fk_buf_cstr(&got), cases[i][1]);
        fk_buf_free(&got);
    }
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(a, b);
}

/* The terms of a document, by order of bytes; those of one beginning. */
static void terms_of(struct fk_docterms *d, const char *prefix, struct fk_buf *out) {
    struct fk_buf bytes = FK_BUF_INIT;
    static char terms[64][256];
    size_t found = 0;
    assert_int_equal(fk_docterms__write(d, &bytes, &err), FK_OK);
    struct fk_reader r;
    fk_reader_init(&r, bytes.data, bytes.len);
    for (uint32_t count = fk_get_u32(&r); count > 0; count--) {
        const size_t len = fk_get_u8(&r), n = strlen(prefix);
        const uint8_t *at = fk_get_raw(&r, len);
        assert_non_null(at);
        if (len <= n || memcmp(at, prefix, n) != 0)
            continue;
        assert_true(found < 64);
        snprintf(terms[found++], sizeof *terms, "%.*s", (int)(len - n), (const char *)at + n);
    }
    qsort(terms, found, sizeof *terms, by_bytes);
    for (size_t i = 0; i < found; i++)
        fk_buf_printf(out, "%s%s", i ? " " : "", terms[i]);
    fk_buf_free(&bytes);
}

static void a_target_is_posted_by_its_text_and_its_hosts(void **state) {
    (void)state;
    static const struct {
        const char *target, *hosts, *texts;
    } cases[] = {
        {"https://login.a.example/x", "a.example login.a.example", "a example https login x"},
        {"HTTP://USER:pass@A.Example:8080/", "a.example", "8080 a example http pass user"},
        {"//a.example/y", "a.example", "a example y"},
        {"www.a.example", "a.example www.a.example", "a example www"},
        {"http://192.0.2.1/x", "192.0.2.1", "0 1 192 2 http x"},
        {"http://[2001:db8::1]/", "2001:db8::1", "1 2001 db8 http"},
        {"mailto:b@c.example?subject=x", "c.example", "b c example mailto subject x"},
        {"https://日本.example/", "xn--wgv71a.example", NULL},
        {"https://r.example/?u=https%3A%2F%2Fevil.example%2Fpay", "evil.example r.example", NULL},
        {"https://r.example/https://evil.example/", "evil.example r.example", NULL},
        {"https://a.example/%E8%AB%8B", "a.example", "8b a ab e8 example https 請"},
        {"/relative", "", "relative"},
        {"#top", "", ""},
        {"data:image/png;base64,AAAA", "", ""},
        {"cid:1@x", "", ""},
        {"", "", ""},
        {"http://", "", "http"},
        {"https://a.example./", "a.example", "a example https"},
    };
    struct fk_docterms *d;
    assert_int_equal(fk_docterms__new(&d, &err), FK_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_buf hosts = FK_BUF_INIT, texts = FK_BUF_INIT;
        bool cut = false;
        fk_docterms__reset(d);
        assert_int_equal(fk_links__post(d, cases[i].target, strlen(cases[i].target), &cut, &err),
                         FK_OK);
        terms_of(d, "XG", &hosts);
        terms_of(d, "U", &texts);
        if (strcmp(fk_buf_cstr(&hosts), cases[i].hosts) != 0 ||
            (cases[i].texts && strcmp(fk_buf_cstr(&texts), cases[i].texts) != 0))
            fail_msg("%s: %s; %s", cases[i].target, fk_buf_cstr(&hosts), fk_buf_cstr(&texts));
        assert_false(cut);
        fk_buf_free(&hosts);
        fk_buf_free(&texts);
    }
    char longer[FK_LINK_MAX + 10] = "https://a.example/";
    bool cut = false;
    memset(longer + strlen(longer), 'x', FK_LINK_MAX - 10);
    assert_int_equal(fk_links__post(d, longer, FK_LINK_MAX + 1, &cut, &err), FK_OK);
    assert_true(cut);
    fk_docterms__free(&d);
}

static void a_page_has_its_targets(void **state) {
    (void)state;
    static const char page[] =
        "<p><a href='https://a.example/?x=1&amp;y=2'>click</a> text"
        "<form action=https://b.example/post><img src=cid:1><img src='data:x'>"
        "<style>a{}</style><a>no</a><area HREF=\"https://c.example/\">";
    struct fk_buf text = FK_BUF_INIT, links = FK_BUF_INIT;
    assert_int_equal(fk_html__read(page, sizeof page - 1, &text, &links, &err), FK_OK);
    static const char want[] = "https://a.example/?x=1&y=2\0https://b.example/post\0cid:1\0"
                               "https://c.example/";
    assert_int_equal(links.len, sizeof want);
    assert_memory_equal(links.data, want, sizeof want);
    fk_buf_free(&text);
    fk_buf_free(&links);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_has_the_addresses_that_stand_in_it),
        cmocka_unit_test(a_target_is_posted_by_its_text_and_its_hosts),
        cmocka_unit_test(a_page_has_its_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
