#!/usr/bin/env bash
# of a journal report the message inside is judged, by which bytes is recorded, and the wrapper's own signature is kept apart
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
dns_start
key_new sender.example s1
key_new journal.example j1
zone "_dmarc.sender.example TXT v=DMARC1; p=reject" "journal.example TXT v=spf1 ip4:192.0.2.7 -all"
auth_vault
cat >>v/fumikura.conf <<'C'
listener "journal" {
  address  = {"127.0.0.1:0"}
  xforward = {"127.0.0.1"}
}
C
server_start
# wrap [base64|ndr] <message >report, as Exchange makes one (tests/fixtures/make_journals.py)
wrap() {
    python3 -c '
import base64, os, sys
sys.path.insert(0, os.environ["ROOT"] + "/tests/fixtures")
import make_journals as m
how, inner = sys.argv[1], sys.stdin.buffer.read()
said = m.said("signed", "Bcc: himitsu@example.jp")
if how == "base64":
    out = m.report(base64.encodebytes(inner).replace(b"\n", m.CRLF), *said, part=["Content-Transfer-Encoding: base64"])
else:
    out = m.report(inner, *said)
sys.stdout.buffer.write(m.undelivered(out) if how == "ndr" else out)' "${1:-plain}"
}
mail() { printf 'From: Tanaka <tanaka@sender.example>\nTo: sato@example.jp\nSubject: %s\nDate: Tue, 24 Nov 2026 10:00:00 +0900\nMessage-ID: <%s@sender.example>\n\nThe body of it.\n' "$1" "$1"; }
for n in good base64 ndr changed both forwarded; do mail $n | sign sender.example s1 >$n.eml; done
mail simple | sign sender.example s1 c=simple/simple >simple.eml
mail bare >bare.eml
sed 's/The body/Another body/' changed.eml >another.eml
wrap <good.eml >good.report
wrap <simple.eml >simple.report
wrap base64 <base64.eml >base64.report
wrap ndr <ndr.eml >ndr.report
wrap <another.eml >changed.report
wrap <both.eml | sign journal.example j1 >both.report
wrap <bare.eml | sign journal.example j1 >bare.report
wrap <forwarded.eml | sign journal.example j1 | sed 's/^Sender: /Sender: x/' >forwarded.report
declare -A seq
for n in good simple base64 ndr changed both bare forwarded; do seq[$n]=$(send $n.report | seq_of); done
plain=$(send good.eml | seq_of)
# of NAME: its results, as "RESULT of the message / RESULT of the wrapper"
results() { checked "${seq[$1]}"; auth '"\([.dkim[].result] | join(",")) / \([.wrapper.dkim[].result] | join(","))"'; }
sha() { sha256sum | cut -d ' ' -f 1; }
for n in good simple base64 ndr; do
    expect "pass / " "$(results $n)" "$n: a signed message in a report"
    expect "$(sha <$n.eml) $(fk show "${seq[$n]}" --inner 2>/dev/null | sha)" "$(auth '"\(.judged.sha256) \(.judged.sha256)"')" "$n: which bytes were judged"
    expect "none  not applicable" "$(auth '.spf | "\(.result) \(.domain) \(.reason)"' | cut -c 1-20)" "$n: SPF of what stood in a report"
    expect "pass sender.example reject dkim" "$(auth '.dmarc | "\(.result) \(.domain) \(.policy) \(.aligned)"')" "$n: DMARC by its signature"
    expect example.jp "$(auth .wrapper.from)" "$n: whom the wrapper is from"
done
results base64 >/dev/null
expect base64 "$(auth .judged.coding)" "in which coding it stands"
results good >/dev/null
expect "$(tail -c +$(($(auth .judged.offset) + 1)) good.report | head -c "$(auth .judged.length)" | sha)" "$(auth .judged.sha256)" "the place of the bytes"
expect "fail / " "$(results changed)" "a message that is not the one that was signed"
expect "the body is not the one that was signed" "$(auth '.dkim[0].reason')" "why"
expect "pass / pass" "$(results both)" "both are signed"
expect "sender.example journal.example" "$(auth '"\(.dkim[0].domain) \(.wrapper.dkim[0].domain)"')" "each by its own"
expect " / pass" "$(results bare)" "only the wrapper is signed"
expect "pass / fail" "$(results forwarded)" "a wrapper that was changed, a message that was not"
checked "$plain"
expect "null null" "$(auth '"\(.judged) \(.wrapper)"')" "a message that stands in no report"
# SPF is about the server that delivered the report, and stays with the report.
python3 - "$(jq -r '.listeners[] | select(.name == "journal").addresses[0]' <<<"$(fk status --json)")" good.report <<'P' >reply || fail "by XFORWARD"
import smtplib, sys
host, port = sys.argv[1].rsplit(":", 1)
s = smtplib.SMTP(host, int(port))
s.ehlo("mta.example.jp")
assert s.docmd("XFORWARD", "ADDR=192.0.2.7 HELO=mx.journal.example")[0] == 250
s.mail("journal@journal.example"), s.rcpt("archive@example.jp")
print(*s.data(open(sys.argv[2], "rb").read()))
P
outside=$(grep -o 'seq=[0-9]*' reply | cut -c 5-)
checked "$outside"
expect "none pass journal.example" "$(auth '"\(.spf.result) \(.wrapper.spf.result) \(.wrapper.spf.domain)"')" "SPF of message and report"
# The search has the words about the message alone.
found() { fk index --wait >/dev/null && [ "$(fk search --json -- "$1" 2>/dev/null | jq -r 'select(.seq) | .capture_seqs | join(",")' | sort -n | xargs)" = "$2" ]; }
wait_for 20 found "dkim:pass subject:good" "${seq[good]},$plain,$outside" || fail "dkim:pass: $(fk search --json dkim:pass)"
found "dkim:fail" "${seq[changed]}" || fail "dkim:fail: $(fk search --json dkim:fail)"
found "dkim:none" "${seq[bare]}" || fail "dkim:none: $(fk search --json dkim:none)"
found "dkim:journal.example" "" || fail "the wrapper's signature taken for the message's"
fk show "${seq[both]}" --auth | grep -q '^wrapper-dkim: pass .* journal.example' || fail "as text"
# In ten years, without DNS.
server_stop
dns_stop
: >zone
expect '{"messages":10,"signatures":12,"hold":10,"disposed":0,"unread":0,"findings":0}' "$(fk verify --dkim --json | jq -c 'select(.dkim) | .dkim')" "verified again"
verify_clean "the checks"
