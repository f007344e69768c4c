#!/usr/bin/env bash
# 500 messages queued at a real Postfix while Fumikura is down, its pen and its milter killed as they come: all arrive, none bounces
. "$ROOT/tests/lib/milter.sh"
count=${MESSAGES:-500}
vault_new
milter_vault
server_start
milter_port_fixed
# The border server, which asks the archive before it takes a message, and the sender's, which has the queue.
postfix_start border "smtpd_error_sleep_time = 0" "smtpd_soft_error_limit = 1000" "smtpd_hard_error_limit = 1000"
border=$port
postfix_bare sender "default_transport = smtp:" "relayhost = [127.0.0.1]:$border" "bounce_queue_lifetime = 1d" \
    "smtp_destination_concurrency_limit = 8"
sender=$port
through "$sender" /dev/stdin x@example.jp y@example.jp <<<"Subject: before" >/dev/null || fail "the sender's Postfix"
arrived() { [ "$(mail_seqs | wc -l)" -ge "$1" ]; }
wait_for 20 arrived 1 || fail "nothing arrives before the outage: $(tail -n 5 "$TEST_DIR"/*/log/mail.log)"
server_stop

python3 - "127.0.0.1:$sender" "$count" "$ROOT" <<'PY' || fail "the sender's Postfix"
import sys
sys.path.insert(0, sys.argv[3] + "/tests/lib")
from smtp import Client
c = Client(sys.argv[1])
for n in range(int(sys.argv[2])):
    data = f"From: a@example.jp\r\nTo: seen@example.jp\r\nSubject: outage {n}\r\nMessage-ID: <{n}@outage>\r\n\r\nnumber {n}\r\n"
    reply = c.send(data.encode(), "a@example.jp", ["seen@example.jp", f"hidden{n}@example.jp"])
    assert reply[0].startswith("250"), reply
PY
queued() { "$ROOT/tests/postfix.sh" queue "$TEST_DIR/sender"; }
# Long enough for most of it to have been tried and put off.
deferred() { [ "$(grep -c 'status=deferred' "$TEST_DIR/sender/log/mail.log")" -ge "$count" ]; }
wait_for 60 deferred || fail "messages are not put off: $(tail -n 3 "$TEST_DIR/sender/log/mail.log")"
all_queued() { [ "$(queued)" -eq "$count" ]; } # while files are moved between directories one may be seen twice
wait_for 10 all_queued || fail "$(queued) messages in the sender's queue, not $count"
grep -q '451 4' "$TEST_DIR/sender/log/mail.log" || fail "the border server did not say 451: $(grep deferred "$TEST_DIR/sender/log/mail.log" | tail -n 1)"

server_start
some_gone() { [ "$(queued)" -lt $((count - 30)) ]; }
wait_for 60 some_gone || fail "after the outage nothing is taken: $(tail -n 3 "$TEST_DIR/border/log/mail.log")"
kill -9 "$(role_pid keep)"
sleep 1
kill -9 "$(milter_pid)"
empty() { [ "$(queued)" -eq 0 ]; }
wait_for 300 empty || fail "$(queued) messages stay in the queue: $(tail -n 3 "$TEST_DIR/sender/log/mail.log")"
grep -h 'status=bounced' "$TEST_DIR"/*/log/mail.log | head -n 3 | grep . && fail "a message was bounced"

server_stop
fk export --seq $(mail_seqs_of_log | sed '2,$s/^/--seq /') --to "$TEST_DIR/out" >/dev/null || fail "export"
python3 - "$TEST_DIR" "$count" <<'PY' || fail "not all that was queued is there"
import collections, glob, re, sys
kept, want = collections.Counter(), int(sys.argv[2])
for f in glob.glob(sys.argv[1] + "/out/**/*.eml", recursive=True):
    data = open(f, "rb").read()
    found = re.search(rb"^Message-ID: <(\d+)@outage>\r\n", data, re.M)
    if not found:
        continue # the one from before
    n = int(found.group(1))
    assert data.endswith(f"\r\n\r\nnumber {n}\r\n".encode()), f
    envelope = open(f[:-4] + ".envelope").read()
    got = re.findall(r"^rcpt-to: (\S+)", envelope, re.M)
    assert sorted(got) == sorted(["seen@example.jp", f"hidden{n}@example.jp"]), (f, got)  # the sender has an order of its own
    kept[n] += 1
missing = set(range(want)) - set(kept)
assert not missing, sorted(missing)
# What is there more than once was kept, and the answer was cut off by a kill: the border server had said 4xx.
twice = sum(kept.values()) - want
assert twice <= 40, twice
print(f"NOTE {want} queued, all there with their blind recipients; {twice} kept a second time")
PY
verify_clean "it all"
