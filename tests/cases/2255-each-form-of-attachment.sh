#!/usr/bin/env bash
# each form of file gives up its text once: body, headers, notes, comments, tables, what is embedded and what is packed, and nothing doubled
. "$ROOT/tests/lib/kept.sh"
vault_new
python3 "$ROOT/tests/fixtures/make_files.py" "$TEST_DIR/made" >/dev/null || fail "files"
python3 "$ROOT/tests/lib/attach.py" mails made/files/*
fk import mails/*.eml >imported || fail "import"
fk index >/dev/null || fail "index"
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject' | sort; }
missed=0
while IFS='|' read -r file word; do
    found "attachment:$word" | grep -qxF "file $file" || { echo "$file: not by $word"; missed=$((missed + 1)); }
done <made/words
expect 0 $missed "words that are not found"
expect "" "$(found unsearchable:any)" "nothing is listed: $(fk unsearchable 2>/dev/null)"
# What stands beside the text, or in it twice.
for word in よみがな ウリアゲゲンカヒョウ 雛形文字; do expect "" "$(found "$word")" "$word"; done
seq() { sed -n "$(ls mails | grep -n "^$1" | cut -d : -f 1)p" imported | cut -f 1; }
fk show "$(seq 文書)" --text >text || fail "show"
expect 1 "$(grep -c 箱の中身 text)" "how often it stands there"
grep -qF -- '---- 文書.docx/inner.xlsx ----' text || fail "show does not set embedded files apart: $(grep -- ---- text)"
# The path inside archives is a name.
expect "file report.zip" "$(found 'filename:"report.zip/2024/見積.xlsx"')" "a path"
expect "file report.zip" "$(found 'filename:見積')" "a part of it"
expect "file 窓.zip" "$(found 'filename:社外秘表')" "a name in CP932"
expect "file 束.tar.gz" "$(found 'filename:底.txt')" "a name two archives down"
fk search --json 'filename:見積' 2>/dev/null | jq -r '.files[0:9][]?' | grep -qxF 'report.zip/2024/見積.xlsx' || fail "the path is not shown"
# No phrase crosses two files, none goes on from a file into the body.
expect "" "$(found '"入れ子底文 束の文字"')" "over two files"
expect "" "$(found '"see the file 発表資料"')" "from the body into a file"
expect "" "$(found 'body:発表資料')" "what stands in a file is not the body"
expect "file 発表.pptx" "$(found '発表資料')" "a bare word finds it"
expect "file 発表.pptx" "$(found '添付内容:発表資料')" "by the Japanese name"
# SHA-256 of an attachment, and of a file in an archive.
expect "file 表.csv" "$(found "sha256:$(sha256sum made/files/表.csv | cut -d' ' -f1)")" "an attachment's digest"
expect "file 束.tar.gz" "$(found "sha256:$(printf '入れ子底文' | sha256sum | cut -d' ' -f1)")" "a digest two archives down"
expect "file 表.csv" "$(found "sha256:$(sha256sum made/files/表.csv | cut -c1-12)*")" "the beginning of one"
refused 2 "64 hexadecimal digits" fk search sha256:abc

# By name only, where that is configured.
config attachments '"off"'
fk reindex >/dev/null || fail "reindex"
expect "" "$(found '発表資料')" "off: not read"
expect "file 発表.pptx" "$(found 'filename:発表')" "off: found by name"
