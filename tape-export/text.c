/* text.c - where the linker has put the texts. */
#include "tape-export/text.h"

#include <stdint.h>

/* Names that ld -b binary makes of paths. */
extern const uint8_t _binary_tape_export_text_README_txt_start[],
    _binary_tape_export_text_README_txt_end[], _binary_tape_export_text_README_ja_txt_start[],
    _binary_tape_export_text_README_ja_txt_end[], _binary_docs_format_vault_md_start[],
    _binary_docs_format_vault_md_end[];

const struct fk_text *fk_tape_texts(void) {
    static struct fk_text texts[4];
    texts[0] = (struct fk_text){"README.txt", _binary_tape_export_text_README_txt_start,
                                (size_t)(_binary_tape_export_text_README_txt_end -
                                         _binary_tape_export_text_README_txt_start)};
    texts[1] = (struct fk_text){"README.ja.txt", _binary_tape_export_text_README_ja_txt_start,
                                (size_t)(_binary_tape_export_text_README_ja_txt_end -
                                         _binary_tape_export_text_README_ja_txt_start)};
    texts[2] = (struct fk_text){
        "data/format-vault.md", _binary_docs_format_vault_md_start,
        (size_t)(_binary_docs_format_vault_md_end - _binary_docs_format_vault_md_start)};
    return texts;
}
