#!/usr/bin/env bash
# a journal report of any form gives its message to the search and its recipients to bcc: and via:, and both stay readable to the byte
. "$ROOT/tests/lib/journals.sh"
vault_new
take $(ls journals | sed 's/\.eml$//')
fk index >out || fail "index"
# One has a protected message, one a winmail.dat that is none.
grep -q ', 2 of them in part' out || fail "others are partly searchable: $(cat out)"
# one QUERY NAME: that message alone is found.
one() { expect "$(entry "$2")" "$(found "$1")" "$1"; }
one bcc:himitsu@example.jp\ subject:極秘会議\ msgid:japanese@example.jp japanese-jis
one '議事録 msgid:japanese2@example.jp' japanese-sjis
one '社外秘扱い msgid:japanese2@example.jp' japanese-sjis
one 'bcc:markup@example.jp via:tags@example.jp' html
one 'bcc:folded@example.jp via:old@example.jp' folded
one 'bcc:noid@example.jp msgid:without-id@example.jp' without-id
one bcc:beside@example.jp null
one 'bcc:undelivered@example.jp from:tanaka@example.jp quokka' ndr
one 'bcc:deepest@example.jp subject:deep hello' ndr-in-report
one 'bcc:rms@example.jp filename:message.rpmsg cleartext' protected
one 'bcc:user0@many.example bcc:user9999@many.example' many
one 'to:really@example.jp to:shown@example.jp "what is this line"' contradiction
one 'bcc:raw@example.jp kiwis' not-mime
one 'bcc:coded@example.jp hello' base64
one 'bcc:outlook@example.jp filename:winmail.dat' tnef
one 'bcc:old.user@example.jp bcc:second@example.jp' exchange-2003
one '"old, user"' exchange-2003
one 'bcc:direct@example.jp bcc:member@example.jp' domino
expect "" "$(found bcc:nobody@example.jp)" "a letter that only speaks of a report"
expect "" "$(found 'has:journal msgid:letter@example.jp')" "a letter taken for a report"
expect "" "$(found to:journal@archive.example)" "the journal mailbox as a recipient"
expect "" "$(found bcc:journal-ndr@example.jp)" "recipients of a non-delivery report as those of the message"

# Wrapper and message, to the byte.
python3 - journals <<'P' || exit 1
import os, sys
sys.path.insert(0, os.environ["ROOT"] + "/tests/fixtures")
import make_journals as m
for name, inner in {"fork-1": m.message("fork"), "base64": m.message("base64"), "ndr": m.message("ndr"), "ndr-in-report": m.message("deep"),
                    "not-mime": b"\x00\x01 no header at all, only kiwis\r\n"}.items():
    open(name + ".want", "wb").write(inner)
P
for name in fork-1 base64 ndr ndr-in-report not-mime; do
    fk show "$(entry $name)" --raw | cmp - "journals/$name.eml" || fail "$name: --raw"
    fk show "$(entry $name)" --inner 2>err | cmp - $name.want || fail "$name: --inner"
    expect "$([ $name = base64 ] && echo 1 || echo 0)" "$(grep -c 'stood in base64' err)" "$name: said to be decoded"
done
fk show "$(entry protected)" --inner=2 | grep -q cleartext || fail "the clear copy"
refused 1 "has not so many" fk show "$(entry protected)" --inner=3
refused 1 "is no journal report" fk show "$(entry letter)" --inner
refused 1 "is no journal report" fk show "$(entry letter)" --wrapper
refused 2 "--raw and --inner print exact bytes" fk show "$(entry ndr)" --inner --json
fk show "$(entry ndr)" --wrapper >out || fail "--wrapper"
grep -q 'Bcc: undelivered@example.jp' out && grep -q quokka out || fail "the wrapper's text: $(cat out)"
grep -q 'hello there' out && fail "the wrapper's text has the message in it"
fk show "$(entry protected)" --text >out || fail "--text"
grep -q '^---- clear copy ----' out && grep -q 'had by rms@example.jp \[bcc, stated\]: journal Bcc' out || fail "text: $(cat out)"

# What contradicts the headers is shown beside them, and told apart.
expect "open false" "$(known contradiction '.recipients[] | select(.address == "really@example.jp") |
    "\(.standing) \([.known_from[].from | startswith("header")] | any)"')" "in the report, not in the header"
expect "header To,journal Cc" "$(known contradiction '.recipients[] | select(.address == "shown@example.jp") | [.known_from[].from] | join(",")')" \
    "another role in the report"
expect 10001 "$(known many '.recipients | length')" "recipients shown of 10,000"
expect '["<>"]' "$(fk show "$(entry null)" --text | sed -n 's/^sent by \([^:]*\):.*/\1/p' | jq -cRn '[inputs]')" "the null sender"
expect '{"a":"","e":"old@example.jp"}' "$(known folded '{a: (.recipients[0].known_from[0].expanded // ""), e: .recipients[0].known_from[0].forwarded} | tojson')" forwarded
