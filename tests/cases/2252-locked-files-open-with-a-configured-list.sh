#!/usr/bin/env bash
# ZIP and office files behind a password of the configured list are found by what is in them; the password stands nowhere
. "$ROOT/tests/lib/kept.sh"
vault_new
mkdir files
echo "見積書 の 金額 is sekretvalue" >見積書.txt
bsdtar -cf files/crypt.zip --format zip --options zip:encryption=zipcrypt --passphrase 'Qzv-123!' 見積書.txt || fail "bsdtar"
bsdtar -cf files/aes.zip --format zip --options zip:encryption=aes256 --passphrase 'Qzv-123!' 見積書.txt || fail "bsdtar"
bsdtar -cf files/other.zip --format zip --options zip:encryption=aes256 --passphrase 'something else' 見積書.txt || fail "bsdtar"
documents=$FUMIKURA_CORPUS/documents
[ -d "$documents" ] && cp "$documents"/{bug53475-password-is-pass.docx,testEXCEL_protected_passtika.xlsx,testPPT_protected_passtika.pptx} files
python3 "$ROOT/tests/lib/attach.py" mails files/*
fk import mails/*.eml >imported || fail "import"
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject' | sort | paste -sd' '; }

fk index >/dev/null || fail "index"
expect "" "$(found sekretvalue)" "control: without a list nothing opens"
expect "$(ls files | wc -l)" "$(fk unsearchable --json 2>/dev/null | jq -s '[.[] | select(.reason == "encrypted")] | length')" "listed"
expect "file aes.zip file crypt.zip file other.zip" "$(found 'filename:見積書')" "names in a ZIP file are in the clear"

printf 'wrong\r\n\nZq8-tika-Qzv-123!\nQzv-123!\npass\ntika\n' >"$V/list"
config passwords-file '"list"'
fk reindex >/dev/null || fail "reindex"
expect "file aes.zip file crypt.zip" "$(found sekretvalue)" "what opened"
expect "file other.zip" "$(found unsearchable:encrypted)" "what did not"
if [ -d "$documents" ]; then
    expect "file bug53475-password-is-pass.docx" "$(found 'attachment:"password protected document"')" "agile encryption of a DOCX"
    expect "file testEXCEL_protected_passtika.xlsx" "$(found 'attachment:"Encrypted Excel spreadsheet"')" "XLSX"
fi
"$BUILD/tools/index-dump" "$V" >dump || fail "dump"
grep -a '^unlocked: aes.zip 0$' dump >/dev/null || fail "that it was opened, and by what, is not told: $(grep -a ^unlocked dump)"
# As a text it would be the words qzv and 123.
grep -ai qzv dump && fail "the password is in the index"
fk show "$(head -1 imported | cut -f 1)" --text | grep -qa sekretvalue || fail "show --text has not what opened"

printf '%065d\n' 1 >"$V/list"
fk index 2>err >/dev/null || fail "index with a bad list"
grep -q 'list:1: a password may have 64 bytes' err || fail "no word of the bad line: $(cat err)"
