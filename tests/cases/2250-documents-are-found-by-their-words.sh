#!/usr/bin/env bash
# real documents are found by a word in them, or are listed with the reason why not; bombs take seconds and no neighbour with them
. "$ROOT/tests/lib/kept.sh"
documents=$FUMIKURA_CORPUS/documents
[ -d "$documents" ] || { echo "the corpus is not here"; exit 78; }
vault_new
python3 "$ROOT/tests/lib/attach.py" mails "$documents"/* || fail "mails"
fk import mails/*.eml >imported || fail "import"
began=$SECONDS
python3 "$ROOT/tests/lib/largest.py" largest "$FUMIKURA" -C "$V" index --json >out || fail "index: $(cat out)"
took=$((SECONDS - began))
expect "$(ls mails | wc -l)" "$(jq .documents out)" "documents"

# file, then a word that stands in it (it may be a phrase), or "!" and the reason
cat >table <<'T'
noembed-eucjp.pdf|あいうえお
noembed-jis7.pdf|あいうえお
noembed-sjis.pdf|あいうえお
vertical.pdf|日本語
bomb_giant.pdf|!limit
encrypted-attachment.pdf|Example
basicapi.pdf|TCPDF
rotation.pdf|landscape
ArabicCIDTrueType.pdf|اﻟﻌﺮﺑﻴﺔ
testPDF.pdf|"Content Analysis Toolkit"
testPDF_protected.pdf|"RETHINKING THE FINANCIAL NETWORK"
SampleSS.xlsx|"yellow background"
testEXCEL.xlsx|"Numbers and their Squares"
testEXCEL_phonetic.xlsx|日本
testEXCEL_protected_passtika.xlsx|!encrypted
poc-xmlbomb.xlsx|!unreadable
poc-xmlbomb-empty.xlsx|!unreadable
password.xls|!encrypted
testEXCEL.xls|"Numbers and their Squares"
SampleDoc.docx|"It’s Arial Black"
testWORD.docx|"header for our document"
bug53475-password-is-pass.docx|!encrypted
SampleDoc.doc|"It’s Arial Black"
testWORD.doc|"footer for our document"
TestShiftJIS.doc|"batch of files at one time to Contentwiz"
PasswordProtected.doc|!encrypted
with_japanese.pptx|ゾルゲと尾崎
testPPT.pptx|"Black Panther"
testPPT_protected_passtika.pptx|!encrypted
testPPT.ppt|"Powerpoint X for Mac"
testRTFJapanese.rtf|南無阿弥陀仏
testRTF-ms932.rtf|こんにちは
testOpenOffice2.odt|NeoOffice
testODFwithOOo3.odt|Tika
testHTML_utf8.html|"Content with UTF-8 chars"
test-documents.zip|"Indexation du fichier"
test7Z_protected_passTika.7z|!encrypted
droste.zip|!limit
testZIP_corrupted_oom.zip|!unreadable
testZipEntryNameCharsetShiftSJIS.zip|文章1
testRFC822_encrypted_zip|!encrypted
T
expect "$(ls "$documents")" "$(cut -d '|' -f 1 table | sort)" "the table has every document"
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject'; }
missed=0
while IFS='|' read -r file word; do
    case $word in
    !*) found "unsearchable:${word#!}" | grep -qxF "file $file" || { echo "$file: not ${word#!}"; missed=$((missed + 1)); } ;;
    *) { found "attachment:$word"; found "filename:$word"; } | grep -qxF "file $file" || { echo "$file: not by $word"; missed=$((missed + 1)); } ;;
    esac
done <table
expect 0 $missed "documents that are neither found nor listed"
# Who is found by his words is not listed besides.
while IFS='|' read -r file word; do
    case $word in !*) continue ;; esac
    found unsearchable:any | grep -qxF "file $file" && fail "$file is whole and listed"
done <table

limit=60
[[ $BUILD != *asan ]] || limit=360
[ $took -lt $limit ] || fail "took $took s"
[[ $BUILD == *asan ]] || [ "$(cat largest)" -lt $((512 * 1024)) ] || # the sanitizer's shadow is not ours
    fail "a process of $(cat largest) KiB"
note "$(wc -l <table) documents in $took s, the largest process $(($(cat largest) / 1024)) MiB"
