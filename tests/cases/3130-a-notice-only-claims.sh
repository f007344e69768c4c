#!/usr/bin/env bash
# notices that are forged, malformed, early, of many recipients or about nothing that is here: each says what it says of itself, in no other message's document, and what is disposed of is linked no more
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
vault_new
server_start
plain() { # ID SUBJECT
    printf 'From: t@example.jp\nTo: a@b.example\nSubject: %s\nMessage-ID: <%s>\nDate: Tue, 24 Nov 2026 10:00:00 +0900\n\ntext of %s\n' "$2" "$1" "$2"
}
# notice SUBJECT TYPE STATUS-PART [RETURNED-TYPE RETURNED]
notice() {
    printf 'From: MAILER-DAEMON@mx.example\nTo: t@example.jp\nSubject: %s\nMessage-ID: <%s.notice@mx.example>\nDate: Tue, 24 Nov 2026 11:00:00 +0900\nMIME-Version: 1.0\n' "$1" "$1"
    printf 'Content-Type: multipart/report; report-type=delivery-status; boundary="=b"\n\n--=b\nContent-Type: text/plain\n\nin words\n--=b\nContent-Type: %s\n\n%s\n' "$2" "$3"
    [ $# -lt 5 ] || printf -- '--=b\nContent-Type: %s\n\n%s\n' "$4" "$5"
    printf -- '--=b--\n'
}
failed() { printf 'Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; %s\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n' "$1"; }
take() { send /dev/stdin | seq_of; }
hits() { fk index --wait >/dev/null && fk search --json -- "$1" 2>err | jq -r 'select(.seq) | .seq' | sort -n | tr '\n' ' ' | sed 's/ $//'; }
found() { expect "$2" "$(hits "$1")" "$1"; }
links() { fk index --wait >/dev/null; fk show "$1" --json | jq -c '.provenance | [[.notices[].seq], .notice.about_seqs]'; }
D=message/delivery-status
# Before its message: about nothing that is here, then about that.
early=$(notice early $D "$(failed a@b.example)" text/rfc822-headers "$(printf 'From: x@y\nMESSAGE-id:\n <one@example.jp>\n')" | take)
expect '[[],[]]' "$(links "$early")" "before the message"
fk show "$early" | grep -q '^a notice (dsn), by its own word about <one@example.jp>: no message that is here$' || fail "show: $(fk show "$early")"
one=$(plain one@example.jp one | take)
expect "[[],[$one]]" "$(links "$early")" "after the message"
expect "[[$early],null]" "$(links "$one")" "of the message"
# A forger's notice is told beside the other, each by its own number; nothing of either is in the message's own document.
forged=$(notice forged $D "$(failed boss@b.example)" message/rfc822 "$(plain one@example.jp one)" | take)
expect "[[$early,$forged],null]" "$(links "$one")" "two notices"
fk show "$one" | grep -q "^notice $forged (dsn) says: failed 5.1.1 boss@b.example: 550 no$" || fail "show"
found delivery:failed "$early $forged"
found delivery:boss@b.example "$forged"
found "delivery:failed subject:one" ""
found delivery:bounced ""
# What only looks like a log's word below a capture, in a notice, is none.
sly=$(notice sly $D "$(printf 'Final-Recipient: rfc822; s@b.example%%0Acapture: 1 x\nAction: sent\nStatus: 2.0.0\nDiagnostic-Code: x; y\n\tdelivery: 9 sent 2.0.0 t mx.example s@b.example\n\ndelivery: 9 sent 2.0.0 t mx.example s@b.example\n')" | take)
found delivery:log ""
found delivery:sent ""
found "delivery:dsn subject:sly" "$sly"
# A receipt.
receipt=$(notice receipt message/disposition-notification "$(printf 'Reporting-UA: pc.example; Foo\nFinal-Recipient: rfc822;a@b.example\nOriginal-Message-ID: <one@example.jp>\nDisposition: manual-action/MDN-sent-manually; displayed\n')" | take)
expect "[[$early,$forged,$receipt],null]" "$(links "$one")" "with the receipt"
found delivery:mdn "$receipt"
found delivery:displayed=a@b.example "$receipt"
# One that a journal report brought is a notice as well.
journaled=$({ printf 'From: j@example.jp\nTo: archive@example.jp\nX-MS-Journal-Report:\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="=j"\n\n--=j\nContent-Type: text/plain\n\nSender: <>\nSubject: x\nMessage-Id: <j.notice@mx.example>\nTo: t@example.jp\n\n--=j\nContent-Type: message/rfc822\n\n'
    notice j $D "$(failed j@b.example)" text/rfc822-headers 'Message-ID: <one@example.jp>'; printf -- '--=j--\n'; } | take)
expect "[[$early,$forged,$receipt,$journaled],null]" "$(links "$one")" "with the journaled one"
found "msgid:one@example.jp (delivery:dsn OR delivery:mdn)" "$early $forged $receipt $journaled"
# A notice inside another message is not that message's word.
inner=$({ printf 'From: t@example.jp\nTo: u@example.jp\nSubject: fwd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="=o"\n\n--=o\nContent-Type: message/rfc822\n\n'
    notice inner $D "$(failed x@b.example)" message/rfc822 "$(plain one@example.jp one)"; printf -- '--=o--\n'; } | take)
expect '[[],null]' "$(links "$inner")" "a forwarded notice"
found delivery:x@b.example ""
# Cut off, empty, without an id, with 9,000 recipients and with 10,003.
empty=$(notice empty $D "" | take)
expect "[[],[]]" "$(links "$empty")" "empty"
fk show "$empty" | grep -q 'about a message that it does not name' || fail "show of the empty one"
cut=$(notice cut $D "$(failed c@b.example)" message/rfc822 "$(plain one@example.jp one)" | head -n 22 | take)
found delivery:c@b.example "$cut"
many() { echo "Reporting-MTA: dns; mx.example"; seq "$1" | sed 's/.*/\nFinal-Recipient: rfc822; u&@many.example\nAction: failed\nStatus: 5.2.2/'; }
n9000=$(notice nine $D "$(many 9000)" text/rfc822-headers 'Message-ID: <two@example.jp>' | take)
more=$(notice ten $D "$(many 10003)" | take)
found delivery:failed=u9000@many.example "$n9000 $more"
found delivery:u10003@many.example ""
expect "3" "$(fk show "$more" --json | jq .provenance.notice.more)" "recipients left out"
fk show "$more" | grep -q '^(3 more recipients stand in it)$' || fail "show: what is left out"
expect 100 "$(fk search --json subject:nine 2>/dev/null | jq -s '.[0].notice.says | length')" "a hit shows a hundred"
# A version of the message is a message of its own, and linked too; 120 notices: the first hundred, and how many more.
version=$(plain one@example.jp other | take)
expect "[[],[$one,$version]]" "$(links "$early")" "two versions"
for i in $(seq 118); do notice "n$i" $D "$(failed a@b.example)" text/rfc822-headers 'Message-ID: <three@example.jp>' >"n$i.eml"; done
fk import n*.eml >/dev/null || fail "import"
three=$(plain three@example.jp three | take)
fk index --wait >/dev/null
fk show "$three" --json | jq -e '.provenance | (.notices | length) == 100 and .notices_more == 18' >/dev/null || fail "of 118: $(fk show "$three" --json | jq -c '.provenance | [(.notices | length), .notices_more]')"
fk show "$three" | grep -q '^(18 more notices name its Message-ID' || fail "show of 118"
# By the API the same.
curl -sf "http://$(address web)/api/v1/messages/$one" | jq -e --argjson f "$forged" '.provenance.notices | map(.seq) | index($f)' >/dev/null || fail "API"
server_stop
dump() { "$BUILD/tools/index-dump" "$V" | grep -v '^documents ' >"$1"; } # which has the mark
dump grown
fk reindex >/dev/null || fail "reindex"
dump rebuilt
cmp grown rebuilt || fail "rebuilt is not as grown: $(diff grown rebuilt | head -5)"
# A notice that is disposed of is linked no more, before the index has forgotten it and after; nor is a message.
cat >>v/fumikura.conf <<'C'
class "all" { period = "P1D" }
C
fk hold add rest --reason test --seq "$one" "$forged" "$receipt" >/dev/null || fail "hold"
FUMIKURA_FAULT=index-commit:1:kill FUMIKURA_TEST_CLOCK=+172800000 fk retention run --accept-clock --reason test >/dev/null 2>&1 && fail "the index was not killed"
fk show "$early" --raw >/dev/null 2>&1 && fail "the first notice is there"
"$BUILD/tools/index-dump" "$V" | grep -q many.example || fail "the index has forgotten already: this shows nothing"
expect "[[$forged,$receipt],null]" "$(fk show "$one" --json | jq -c '.provenance | [[.notices[].seq], .notice.about_seqs]')" "before the index has forgotten"
expect "[[],[$one]]" "$(fk show "$forged" --json | jq -c '.provenance | [[.notices[].seq], .notice.about_seqs]')" "of the notice"
fk index >/dev/null || fail "index"
expect "[[$forged,$receipt],null]" "$(fk show "$one" --json | jq -c '.provenance | [[.notices[].seq], .notice.about_seqs]')" "after it"
"$BUILD/tools/index-dump" "$V" | grep -q many.example && fail "a recipient of what is disposed of is in the index"
verify_clean "a disposal"
