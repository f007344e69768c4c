#!/usr/bin/env bash
# a label that lies does not hide a word; what did not decode cleanly is found by garbled:any; show says what was read as what
. "$ROOT/tests/lib/kept.sh"
vault_new
mkdir mails
python3 - <<'P'
def put(name, head, body):
    open(f"mails/{name}.eml", "wb").write(b"From: a@b.example\nSubject: " + name.encode() + b"\n" + head + b"\n\n" + body + b"\n")
kanji = "見積書をお送りします。ご確認ください。"
put("lies", b"Content-Type: text/plain; charset=iso-8859-1", kanji.encode("cp932"))
put("jis", b"Content-Type: text/plain; charset=utf-8", kanji.encode("iso2022_jp"))
put("euc", b"X: none", kanji.encode("euc_jp"))
put("kana", b"Content-Type: text/plain; charset=iso-2022-jp", b"\x0e6E\x0f \x1b$(QOT\x1b(B")
put("cut", b"Content-Type: text/plain; charset=utf-8", kanji.encode()[:-1])
put("clean", b"Content-Type: text/plain; charset=utf-8", kanji.encode())
P
for name in lies jis euc kana cut clean; do
    fk import mails/$name.eml >$name.seq || fail "import"
done
fk index >/dev/null || fail "index"
seq() { cut -f 1 "$1.seq"; }
hits() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject' | sort | paste -sd' '; }
expect "clean cut euc jis lies" "$(hits 見積書)" "the word, whatever was declared"
expect "kana" "$(hits 'ｶﾅ')" "kana by SO"
expect "kana" "$(hits '𠮟')" "JIS X 0213"
expect "cut" "$(hits garbled:any)" "what did not decode cleanly"
expect "cut" "$(hits 文字化け:any)" "in Japanese"
expect "charset: part 1 iso-8859-1 cp932 0" "$(fk show "$(seq lies)" | grep -a ^charset:)" "declared, used, replaced"
expect "charset: part 1 - euc-jp 0" "$(fk show "$(seq euc)" | grep -ai ^charset: | sed 's/EUC-JP/euc-jp/')" "not declared"
expect "part 1 utf-8 utf-8 1" "$(fk show --json "$(seq cut)" | jq -r '.reading.charset[0]')" "how many were replaced"
refused 2 "expected garbled:any" fk search garbled:x
