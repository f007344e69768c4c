/* A recipe's text (archiver/vault/recipe_priv.h): one text for each recipe, within the limits. */
#include "archiver/vault/recipe_priv.h"
#include "tests/fuzz/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fk_recipe r = {0};
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf text = FK_BUF_INIT;
    if (fuzz_took(fk_recipe__read(data, len, &r, &err), &err)) {
        size_t runs = 0, chunks = 0;
        for (size_t i = 0; i < r.count; i++) {
            const struct fk_recipe_line *l = &r.line[i];
            runs += l->what == FK_RECIPE_BASE64;
            chunks += l->what == FK_RECIPE_CHUNK;
            MUST(l->bytes > 0);
            MUST(l->what != FK_RECIPE_BASE64 ||
                 (l->width >= 4 && l->width % 4 == 0 && l->width <= FK_RUN_WIDTH_MAX));
            MUST(l->what != FK_RECIPE_CHUNK ||
                 (l->bytes <= FK_CHUNK_MAX && l->number > 0 && i > 0));
        }
        MUST(runs == r.runs && chunks == r.chunks && runs <= FK_RECIPE_RUNS_MAX &&
             chunks <= FK_RECIPE_CHUNKS_MAX);
        fk_recipe__text(&r, &text);
        MUST(fuzz_same(text.data, text.len, data, len));
    }
    fk_buf_free(&text);
    fk_recipe__free(&r);
    return 0;
}
