#!/usr/bin/env bash
# Postfix tells a milter all but its own Received field: a stranger who writes one with the border's name, or reports a message with one, is not believed
. "$ROOT/tests/lib/milter.sh"
cd "$TEST_DIR" || exit 1
mail() { # NAME FIELDS
    printf '%s\nFrom: a@far.example\nSubject: %s\n\nbody\n' "$2" "$1" >"$1.eml"
}
results='Authentication-Results: mail.example.jp; dkim=pass header.d=bank.example'
received='Received: from bank.example by mail.example.jp with ESMTP'
mail above "$results
X-Spam-Status: No, score=-1
$received"
mail below "$received
$results
X-Virus-Status: Infected (Forged)"
mail twice "$received
$received
$results"
mail behind "Subject: x
$results"
# What a filter puts on top, a signature among it.
mail filter "X-Spam-Status: Yes, score=7.5
DKIM-Signature: v=1; d=example.jp; s=s
X-Virus-Status: Clean
Received: from far.example by relay.far.example with ESMTP
X-Spam-Flag: NO"
# A report by nobody who may report, of a message that was received as one of ours.
printf 'From: <>\nX-MS-Journal-Report:\nSubject: report\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSender: a@far.example\nSubject: reported\nMessage-Id: <r@far.example>\nTo: b@example.jp\n\n--b\nContent-Type: message/rfc822\n\n%s\n%s\nFrom: a@far.example\nMessage-Id: <r@far.example>\nSubject: reported\n\nbody\n--b--\n' "$results" "$received" >report.eml

vault_new
milter_vault
config trusted-authserv '{"mail.example.jp"}'
config trusted-verdicts '{"mail.example.jp"}'
server_start
milter_port_fixed
postfix_start postfix
for f in above below twice behind filter report; do
    sed 's/$/\r/' "$f.eml" >sent.eml
    through "$port" sent.eml a@far.example b@example.jp >/dev/null || fail "$f: refused"
done
found() { expect "$2" "$(fk search --json -- "$1" | jq -r 'select(.seq) | .subject' | sort | xargs)" "$1, $place"; }
for place in above below; do
    config trusted-place "\"$place\""
    server_stop
    fk reindex >/dev/null || fail "reindex"
    server_start
    fk index --wait >/dev/null || fail "index"
    found subject:reported "reported"
    if [ $place = above ]; then
        # Nothing that a milter hears of stands above the field that it does not hear of.
        found dkim:pass ""
        found "spam:yes OR spam:no OR virus:yes OR virus:no" ""
    else
        # What stands on top is a filter's, which takes out a stranger's (9240); there is none here.
        found dkim:bank.example "above"
        found spam:yes "filter"
        found spam:no "above"
        found virus:no "filter"
        found virus:yes ""
    fi
done
# The same mail server by another name than the ones that are listed.
config trusted-verdicts '{"mx.example.jp"}'
place="another name"
server_stop
fk reindex >/dev/null || fail "reindex"
found "spam:yes OR spam:no OR virus:yes OR virus:no" ""
