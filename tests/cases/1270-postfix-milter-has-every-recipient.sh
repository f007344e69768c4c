#!/usr/bin/env bash
# through Postfix and the milter every recipient that was accepted is in the envelope, a Bcc too, and the bytes are those that were sent
. "$ROOT/tests/lib/milter.sh"
own_mails
vault_new
config milter "{\"unix:$TEST_DIR/milter.sock\"}" # others use TCP, where steps are answered one by one
server_start
# main.cf's own list of macros is of no matter: the milter asks for what it needs.
postfix_start postfix \
    "milter_mail_macros =" "milter_rcpt_macros =" "milter_end_of_data_macros =" \
    "smtpd_recipient_restrictions = check_recipient_access inline:{ gone@example.jp=REJECT, later@example.jp=DEFER }, permit_mynetworks, reject"

# Its own client: it goes on where one recipient is refused.
python3 - "127.0.0.1:$port" "$TEST_DIR" "$ROOT" <<'PY' || fail "Postfix refused a message"
import sys
sys.path.insert(0, sys.argv[3] + "/tests/lib")
from smtp import Client, stuff
c = Client(sys.argv[1])
refused = []
for line in open(sys.argv[2] + "/mails/names.tsv", encoding="utf-8"):
    name, sender, to = line.rstrip("\n").split("\t")[:3]
    data = open(f"{sys.argv[2]}/mails/{name}", "rb").read()
    c.command(f"MAIL FROM:<{sender}> SIZE={len(data)} BODY=8BITMIME", "250")
    c.command("RCPT TO:<hidden+bcc@example.jp> NOTIFY=FAILURE ORCPT=rfc822;hidden@example.jp", "250")
    for rcpt in to.split() + ["gone@example.jp", "later@example.jp"]:
        c.sock.sendall(f"RCPT TO:<{rcpt}>\r\n".encode())
        refused.append(c.reply()[:3])
    c.command("DATA", "354")
    c.sock.sendall(stuff(data) + b".\r\n")
    c.expect("250", c.reply())
assert "554" in refused and "450" in refused, refused
# A message that is given up, and one whose client leaves in its middle.
c.command("MAIL FROM:<a@example.jp>", "250")
c.command("RCPT TO:<aborted@example.jp>", "250")
c.command("RSET", "250")
c.command("MAIL FROM:<a@example.jp>", "250")
c.command("RCPT TO:<cut@example.jp>", "250")
c.command("DATA", "354")
c.sock.sendall(b"Subject: cut\r\n\r\nhalf a mess")
c.sock.close()
PY
want=$(wc -l <"$TEST_DIR/mails/names.tsv")
seqs=$(mail_seqs)
expect "$want" "$(echo "$seqs" | wc -l)" "messages kept"
mkdir "$TEST_DIR/kept"
for seq in $seqs; do
    fk show "$seq" --raw >"$TEST_DIR/kept/$seq.eml" || fail "show $seq"
    fk show "$seq" --envelope >"$TEST_DIR/kept/$seq.env" || fail "show $seq --envelope"
done
python3 - "$TEST_DIR" <<'PY' || fail "not what was sent"
import glob, re, sys
kept = {}
for f in glob.glob(sys.argv[1] + "/kept/*.eml"):
    env = open(f[:-3] + "env", encoding="utf-8").read()
    kept.setdefault(open(f, "rb").read(), []).append(env)
queue_ids = set()
for line in open(sys.argv[1] + "/mails/names.tsv", encoding="utf-8"):
    name, sender, to = line.rstrip("\n").split("\t")[:3]
    sent = open(f"{sys.argv[1]}/mails/{name}", "rb").read()
    envs = kept.get(sent) or sys.exit("not found byte for byte: " + name)
    want = ["hidden+bcc@example.jp NOTIFY=FAILURE ORCPT=rfc822;hidden@example.jp"] + to.split()
    for env in envs:
        got = re.findall(r"^rcpt-to: (.*)$", env, re.M)
        if got == want:
            break
    else:
        sys.exit(f"{name}: recipients {got}, not {want}")
    for pattern in (rf"^mail-from: {re.escape(sender)} SIZE=\d+ BODY=8BITMIME$", r"^via: milter$",
                    r"^peer: 127\.0\.0\.1:\d+$", r"^client-name: localhost$", r"^helo: client\.example$",
                    r"^mta: mail\.example\.jp$", r"^reconstructed: milter$", r"^queue-id: \w+$"):
        if not re.search(pattern, env, re.M):
            sys.exit(f"{name}: no {pattern} in\n{env}")
    queue_ids.add(re.search(r"^queue-id: (\w+)$", env, re.M).group(1))
    if re.search("gone@|later@|aborted@|cut@", env):
        sys.exit(f"{name}: a recipient that was refused stands in\n{env}")
log = open(sys.argv[1] + "/postfix/log/mail.log").read()
missing = [q for q in queue_ids if f" {q}: " not in log]
assert not missing, missing
PY

# What is handed in on the machine itself: a Bcc field, which Postfix takes out.
MAIL_CONFIG=$TEST_DIR/postfix/etc /usr/sbin/sendmail -t -f cron@example.jp <<'MAIL' || fail "sendmail"
To: seen@example.jp
Bcc: unseen@example.jp
Subject: local

hello
MAIL
kept_local() { [ "$(mail_seqs | wc -l)" -gt "$want" ]; }
wait_for 20 kept_local || fail "mail that was handed in locally did not arrive: $(tail -n 5 "$TEST_DIR/postfix/log/mail.log")"
seq=$(mail_seqs | tail -n 1)
fk show "$seq" --envelope >"$TEST_DIR/env"
grep -qx 'rcpt-to: unseen@example.jp' "$TEST_DIR/env" || fail "no Bcc of a local message: $(cat "$TEST_DIR/env")"
fk show "$seq" --raw | grep -qi '^bcc:' && fail "the Bcc field is there; this test is about one that is not"

fk index --wait >/dev/null || fail "index"
expect 1 "$(fk search --count to:unseen@example.jp)" "messages found by a Bcc that stands in no header"
server_stop
verify_clean "it all"
note "$want messages, byte for byte"
