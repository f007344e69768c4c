#!/usr/bin/env bash
# through Postfix, ClamAV, rspamd and the archive, as the script sets them up, a clean message, spam, a virus and a signed one end where they should
. "$ROOT/tests/lib/gateway.sh"
cd "$TEST_DIR" || exit 1
gateway_start
key_new far.example s1
zone "client.example A 192.0.2.10" "far.example A 192.0.2.10" "far.example MX 10 client.example" "far.example TXT v=spf1 ip4:192.0.2.10 -all" "_dmarc.far.example TXT v=DMARC1; p=none"
# The records that the script prints are those of the zone from here on.
sh "$GATEWAY" dns --root "$G" --domain example.jp --hostname mx.example.jp >records || fail "dns"
python3 - records zone <<'PY' || fail "the records that are printed: $(cat records)"
import re, sys
zone, seen = open(sys.argv[2], "a"), set()
for line in open(sys.argv[1]):
    m = re.match(r'(\S+)\. IN (MX|TXT) (.*)$', line)
    if m:
        value = "".join(re.findall(r'"([^"]*)"', m[3])) or m[3].rstrip(".")
        print(m[1], m[2], value, file=zone)
        seen.add(m[1] + " " + m[2])
assert seen == {"example.jp MX", "example.jp TXT", "fumikura._domainkey.example.jp TXT", "_dmarc.example.jp TXT"}, seen
PY
# mail NAME [FIELD...] <BODY
mail() {
    { [ $# -eq 1 ] || printf '%s\n' "${@:2}"; printf 'From: a@far.example\nTo: suzuki@example.jp\nSubject: %s\nMessage-ID: <%s@far.example>\nDate: %s\nMIME-Version: 1.0\n' "$1" "$1" "$(date -R)"; cat; } >"$1.eml"
}
text() { printf 'Content-Type: text/plain\n\n%s\n' "$1"; }
attached() { # TEXT FILE
    printf 'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n%s\n--b\nContent-Type: application/octet-stream; name=a.com\nContent-Transfer-Encoding: base64\n\n' "$1"
    base64 "$2"
    printf -- '--b--\n'
}
GTUBE='XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'
text "good day" | mail plain
sign far.example s1 <plain.eml >clean.eml
text "buy this spam now" | mail spam
text "$GTUBE" | mail gtube
attached "look" eicar.com | mail virus
attached "buy this spam now" eicar.com | mail spam-and-virus
# 27 MB before it, encoded: over the limits that ClamAV and its milter come with.
head -c 20000000 /dev/zero | tr '\0' 'a' >filler
{ head -c -5 <(attached "large" filler); printf -- '--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n'; base64 eicar.com; printf -- '--b--\n'; } | mail large-virus
# A stranger's words in the places and names of ours.
text "forged" | mail forged "Authentication-Results: mx.example.jp; dkim=pass header.d=bank.example" \
    "X-Spam-Status: No, score=-100" "X-Virus-Status: Infected (forged)" "X-MS-Exchange-Organization-SCL: 9" \
    "Received: from bank.example by mx.example.jp (Postfix) with ESMTP id 1; Tue, 24 Nov 2026 10:00:00 +0900"
text "to far" | sed 's/^$/X-Virus-Status: Infected (forged by the server inside)\nAuthentication-Results: mx.example.jp; dkim=pass header.d=bank.example\n/' |
    mail outgoing
sed -i 's/^From: .*/From: tanaka@example.jp/; s/^To: .*/To: b@far.example/' outgoing.eml

answer() { # WANTED-START WHO FILE [TO...]
    local reply
    reply=$("$2" "${@:3}")
    case $reply in "$1"*) ;; *) fail "${*:3}: answered '$reply', not $1" ;; esac
}
answer 250 from_outside clean.eml suzuki@example.jp hidden@example.jp
answer 250 from_outside spam.eml
answer 250 from_outside forged.eml
answer 250 from_inside outgoing.eml
# With our domain in From, by somebody on a private network who is none of ours.
sed 's/^From: .*/From: tanaka@example.jp/; s/^Subject: .*/Subject: not-ours/; s/^Message-ID: <plain/Message-ID: <not-ours/' plain.eml >not-ours.eml
from_private() { SENDER=tanaka@example.jp from "ADDR=10.9.9.9 NAME=pc.example" "$@"; }
answer 250 from_private not-ours.eml
answer 554 from_outside gtube.eml
answer "550 5.7.1 virus found: Eicar-Test-Signature" from_outside virus.eml
answer "550 5.7.1 virus found: Eicar" from_outside spam-and-virus.eml
answer "550 5.7.1 virus found: Eicar" from_outside large-virus.eml
answer "550 5.7.1 virus found: Eicar" from_inside virus.eml
answer 550 from_outside clean.eml nobody@example.jp
answer 554 from_outside clean.eml somebody@far.example
wait_for 20 inside_has 5 || fail "at the server inside: $(ls "$INSIDE"); $(tail -n 5 postfix/log/mail.log)"

# Where each ended.
fk index --wait >/dev/null || fail "index"
found() { expect "$2" "$(fk search --json -- "$1" | jq -r 'select(.seq) | .subject' | sort | xargs)" "$1"; }
found "from:@far.example OR from:@example.jp" "forged not-ours outgoing plain spam"
found spam:yes "spam"
found spam:no "forged not-ours outgoing plain"
found virus:no "forged not-ours outgoing plain spam"
found virus:yes ""
found dkim:far.example "plain"
found dkim:pass "plain"
found dkim:bank.example ""
found auth:spf=pass "forged plain spam"
found auth:dmarc=pass "forged plain spam" # SPF is aligned
found to:hidden@example.jp "plain"
expect 5 "$(mail_seqs | wc -l)" "messages kept"
inside() { grep -l "^Subject: $1" "$INSIDE"/*.eml; }
grep -q '^X-Spam-Status: Yes' "$(inside spam)" || fail "the spam is not marked: $(cat "$(inside spam)")"
grep -q '^X-Virus-Status: Clean' "$(inside plain)" || fail "the clean one: $(cat "$(inside plain)")"
grep -q '^DKIM-Signature' "$(inside not-ours)" && fail "a stranger's message was signed as ours"
for f in virus gtube large-virus spam-and-virus; do
    inside $f && fail "$f came to the server inside"
done

# Outgoing: what the archive has is what went out, signed; the key is the one that was printed.
/usr/bin/python3 - "$(inside outgoing)" "$TEST_DIR/zone" <<'PY' || fail "the signature of outgoing mail: $(cat "$(inside outgoing)")"
import dkim, sys
records = dict((l.split(None, 2)[0], l.split(None, 2)[2].strip()) for l in open(sys.argv[2]) if " TXT " in l)
message = open(sys.argv[1], "rb").read()
assert message.count(b"DKIM-Signature:") == 1 and b"d=example.jp; s=fumikura" in message.replace(b"\r\n\t", b" ")
assert dkim.verify(message, dnsfunc=lambda name, timeout=5: records[name.decode().rstrip(".")].encode())
assert b"bank.example" not in message and b"forged" not in message
PY
seq=$(fk search --json subject:outgoing | jq -r 'select(.seq) | .seq')
fk show "$seq" --raw >outgoing.kept || fail "show $seq"
# Postfix's own Received field is all that a milter is not told.
python3 - outgoing.kept "$(inside outgoing)" <<'PY' || fail "the archive has not what went out"
import re, sys
kept, sent = (open(f, "rb").read() for f in sys.argv[1:])
assert re.sub(rb"\AReceived:.*\r\n([ \t].*\r\n)*", b"", sent) == kept
PY

# What was refused at the border is in the mail server's log, with its reason.
for reason in "Gtube pattern" "virus found: Eicar"; do
    grep -q "milter-reject: END-OF-MESSAGE from client.example.*$reason" postfix/log/mail.log || fail "the log has no $reason"
done

# What the machine itself hands in goes the same way.
MAIL_CONFIG=$TEST_DIR/postfix/etc /usr/sbin/sendmail -f cron@example.jp suzuki@example.jp <<'M' || fail "sendmail"
From: cron@example.jp
To: suzuki@example.jp
Subject: local

hello
M
wait_for 30 inside_has 6 || fail "local mail does not arrive: $(tail -n 4 postfix/log/mail.log)"
fk index --wait >/dev/null || fail "index"
found "subject:local virus:no" "local"
grep -q '^DKIM-Signature' "$(inside local)" || fail "local mail is not signed: $(cat "$(inside local)")"

# --infected hold: it is archived, found by its verdict, and waits in Postfix's hold queue.
gateway_setup --infected hold >hold.out 2>&1 || fail "setup --infected hold: $(cat hold.out)"
expect "changed  $G/etc/clamav/clamav-milter.conf" "$(grep ^changed hold.out)" "what --infected hold changes"
daemon_stop CLAMAV_MILTER
clamav_milter_start
came=$(ls "$INSIDE" | grep -c '\.eml$')
# With a stranger's own words about it, more than one of them.
sed '1i X-Virus-Status: Clean\nx-virus-status: Clean\nX-Virus-Status : Clean' virus.eml >virus-said-clean.eml
answer 250 from_outside virus-said-clean.eml
fk index --wait >/dev/null || fail "index"
found virus:yes "virus"
expect "mx.example.jp virus=yes Eicar-Test-Signature.UNOFFICIAL" "$(fk search --json virus:yes | jq -r 'select(.seq) | .verdicts[] | select(contains("virus"))')" "whose word it is"
[ "$(find postfix/queue/hold -type f | wc -l)" -eq 1 ] || fail "the virus is not held: $(tail -n 4 postfix/log/mail.log)"
expect "$came" "$(ls "$INSIDE" | grep -c '\.eml$')" "messages at the server inside"

# --spam reject
gateway_setup --spam reject >reject.out 2>&1 || fail "setup --spam reject: $(cat reject.out)"
rspamd_stop
rspamd_start
answer 554 from_outside spam.eml
answer 250 from_outside clean.eml
server_stop
verify_clean "it all"
note "$(grep -c milter-reject postfix/log/mail.log) refused by milters"
