#!/usr/bin/env bash
# Three hours without Fumikura, by the clock of a Postfix with its own backoff times: 500 queued messages all arrive, none bounces, the gap is recorded
. "$ROOT/tests/lib/milter.sh"
count=${MESSAGES:-500}
hours=3
pace=150 # of the sender's seconds in one of ours
lib=$TEST_DIR/ahead.so
${CC:-cc} -shared -fPIC -O2 -o "$lib" "$ROOT/tests/lib/ahead.c" || fail "the preloaded clock"
vault_new
config gap-min '"10 s"'
server_start
smtp=$(address smtp)
config smtp "{\"$smtp\"}" # the same port after the outage

# One clock for all of Postfix's processes: what this file says is added to the machine's. Its queue is looked at
# every 300 s and a message is tried again after 300 s to 4,000 s, as Postfix has it by default.
export AHEAD=$TEST_DIR/ahead
echo 0 >"$AHEAD"
LD_PRELOAD=$lib postfix_bare sender "default_transport = smtp:" "relayhost = [127.0.0.1]:${smtp##*:}" \
    "import_environment = MAIL_CONFIG LD_PRELOAD AHEAD" "minimal_backoff_time = 300s" "maximal_backoff_time = 4000s" \
    "queue_run_delay = $((300 / pace))s" "delay_warning_time = 4h" "smtp_destination_concurrency_limit = 8"
sender=$port log=$TEST_DIR/sender/log/mail.log
through "$sender" /dev/stdin x@example.jp a@example.jp <<<"Subject: before" >/dev/null || fail "the sender's Postfix"
arrived() { fk index --wait && [ "$(fk search --count '')" -ge "$1" ]; }
wait_for 30 arrived 1 || fail "nothing arrives before the outage: $(tail -n 5 "$log")"
server_stop

python3 - "127.0.0.1:$sender" "$count" "$ROOT" <<'PY' || fail "the sender's Postfix"
import sys
sys.path.insert(0, sys.argv[3] + "/tests/lib")
from smtp import Client
c = Client(sys.argv[1])
for n in range(int(sys.argv[2])):
    data = f"From: a@example.jp\r\nTo: b@example.jp\r\nSubject: outage {n}\r\nMessage-ID: <{n}@outage>\r\n\r\nnumber {n}\r\n"
    reply = c.send(data.encode(), "a@example.jp", ["b@example.jp"])
    assert reply[0].startswith("250"), reply
PY
passed=0
begun=$SECONDS
while [ "$passed" -lt $((hours * 3600)) ]; do
    sleep 1
    passed=$(((SECONDS - begun) * pace))
    echo "$passed" >"$AHEAD.new" && mv "$AHEAD.new" "$AHEAD"
done
queued() { "$ROOT/tests/postfix.sh" queue "$TEST_DIR/sender"; }
expect "$count" "$(queued)" "messages in the sender's queue after the outage"
tries=$(grep -c 'status=deferred' "$log")
[ "$tries" -ge $((3 * count)) ] || fail "only $tries tries in $hours hours: the sender's clock does not run"

# The archive's clock is as much ahead.
export FUMIKURA_TEST_CLOCK=+$((passed * 1000))
server_start
keep_pace() { echo "$(((SECONDS - begun) * pace))" >"$AHEAD.new" && mv "$AHEAD.new" "$AHEAD"; }
empty() { keep_pace; [ "$(queued)" -eq 0 ]; }
wait_for 300 empty || fail "$(queued) messages stay in the queue: $(tail -n 3 "$log")"
grep -h 'status=bounced\|status=expired' "$log" | head -n 3 | grep . && fail "a message was bounced"
fk index --wait >/dev/null || fail "index"
expect "$count" "$(fk search --count 'subject:outage')" "messages that arrived"
expect "$count" "$(fk search --json 'subject:outage' | jq -r 'select(.subject) | .subject' | sort -u | wc -l)" "different messages"
gap=$(fk audit --json | jq -c 'select(.kind == "gap")')
expect 1 "$(grep -c . <<<"$gap")" "gaps"
took=$(($(date -d "$(jq -r .to <<<"$gap")" +%s) - $(date -d "$(jq -r .from <<<"$gap")" +%s)))
[ "$took" -ge $((hours * 3600)) ] && [ "$took" -lt $((hours * 3600 + 1800)) ] || fail "the gap is of $took s: $gap"
fk status | grep '^last gap: ' || fail "status: $(fk status)"
server_stop
verify_clean "it all"
echo "NOTE $count messages, $tries tries in $hours hours by the sender's clock, all there; the gap is of $took s"
