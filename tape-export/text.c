/* text.c - where the linker has put the texts. */
#include "tape-export/text.h"

#include <stdint.h>

/* Names that ld -b binary makes of paths. */
#define TEXT(symbol) _binary_##symbol##_start[], _binary_##symbol##_end[]
extern const uint8_t TEXT(tape_export_text_README_txt), TEXT(tape_export_text_README_ja_txt),
    TEXT(tape_export_text_VERIFY_md), TEXT(tape_export_text_verify_sh), TEXT(docs_format_vault_md);

const struct fk_text *fk_tape_texts(void) {
    static struct fk_text texts[6];
#define ROW(at, name, symbol, in_package)                                                          \
    texts[at] =                                                                                    \
        (struct fk_text){name, _binary_##symbol##_start,                                           \
                         (size_t)(_binary_##symbol##_end - _binary_##symbol##_start), in_package}
    ROW(0, "README.txt", tape_export_text_README_txt, false);
    ROW(1, "README.ja.txt", tape_export_text_README_ja_txt, false);
    ROW(2, "VERIFY.md", tape_export_text_VERIFY_md, true);
    ROW(3, "verify.sh", tape_export_text_verify_sh, true);
    ROW(4, "data/format-vault.md", docs_format_vault_md, true);
    return texts;
#undef ROW
}
