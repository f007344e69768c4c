#!/usr/bin/env bash
# a mail server that is away, refuses, closes or hangs is told once, shown and tried again; mail is taken in meanwhile
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
sink_stop() { [ -z "${sink:-}" ] || { kill "$sink"; wait "$sink" 2>/dev/null; }; sink=; }
sink() { # MODE: in place of the one before, on its port
    sink_stop
    rm -f sink/port
    python3 "$ROOT/tests/lib/mailsink.py" sink "$1" ${sink_port:+"$sink_port"} &
    sink=$!
    wait_for 20 test -s sink/port || fail "no mail server"
    sink_port=$(cat sink/port)
}
at_exit sink_stop
taken() { ls sink | grep -c 'eml$'; }
talks() { wc -l <sink/talks; }
trouble() { fk status --json | jq -e --arg t "$1" '.mailed[0].trouble | contains($t)'; }

sink good
config checkpoint-mail-to '{"auditor@example.jp"}'
config checkpoint-mail-from '"archive@example.jp"'
config checkpoint-mail-via "\"smtp://127.0.0.1:$sink_port\""
config checkpoint-mail-retry '"1 s"'
config checkpoint-interval '"1 s"'
for mode in ${MODES:-away later full close hang mute}; do
    rm -f v/run/mail.* v/run/mailed.* sink/talks
    before=$(taken)
    if [ $mode = away ]; then sink_stop; else sink $mode; fi
    case $mode in away) says="connect" ;; later) says="451 4.3.0 come back later" ;; full) says="452 4.3.1 no room" ;; *) says="127.0.0.1" ;; esac
    : >"$SERVER_LOG"
    server_start
    # While it hangs there is nothing to be told yet; mail must not notice.
    [ $mode = away ] || wait_for 10 test -s sink/talks || fail "$mode: not asked"
    SECONDS=0
    for f in mails/01*.eml mails/02*.eml; do send "$f" | grep -q '^250 ' || fail "$mode: mail in"; done
    [ $SECONDS -lt 10 ] || fail "$mode: mail in took $SECONDS s"
    case $mode in
    hang | mute)
        if [ $mode = hang ]; then # 30 s, and no more
            SECONDS=0
            wait_for 40 trouble "$says" || fail "$mode: status: $(fk status)"
            [ $SECONDS -lt 35 ] || fail "$mode: given up after $SECONDS s"
        fi ;;
    *)
        wait_for 10 trouble "$says" || fail "$mode: status: $(fk status)"
        [ $mode = away ] || wait_for 10 eval '[ "$(talks)" -ge 3 ]' || fail "$mode: not tried again"
        fk status | grep -q "^checkpoint by mail to auditor@example.jp: none sent yet; .*$says" || fail "$mode: $(fk status)"
        fk doctor | grep -q "^warning *checkpoint mail: .*$says.*; it is tried again" || fail "$mode: $(fk doctor)"
        expect 1 "$(grep -c 'no checkpoint by mail: ' "$SERVER_LOG")" "$mode: times that it was told" ;;
    esac
    expect "$before" "$(taken)" "$mode: mails taken"
    # A server that is stopped does not wait for one that hangs.
    if [ $mode = mute ]; then
        SECONDS=0
        server_stop
        [ $SECONDS -lt 10 ] || fail "$mode: the server took $SECONDS s to stop"
        sink good
        server_start
    else
        sink good
    fi
    wait_for 40 eval '[ "$(taken)" -gt "$before" ]' || fail "$mode: not mailed when it is back: $(cat "$SERVER_LOG")"
    wait_for 10 eval 'trouble "" && fk status --json | jq -e ".mailed[0] | .trouble == \"\" and .size > 0"' || fail "$mode: afterwards: $(fk status)"
    sleep 3
    expect $((before + 1)) "$(taken)" "$mode: mails of one day"
    server_stop
done
# By command: what is refused is said, and asks to be tried again.
sink later
fk checkpoint --mail >out 2>err
expect 75 $? "checkpoint --mail to a server that refuses"
grep -q "smtp://127.0.0.1:$sink_port did not take the mail to auditor@example.jp: .*451 4.3.0" err || fail "by command: $(cat err)"
# One that is refused keeps nobody else from theirs.
sink picky
config checkpoint-mail-to '{"nobody@example.jp", "auditor@example.jp"}'
before=$(taken)
fk checkpoint --mail --json >out 2>err
expect 75 $? "one of two refused"
expect '["auditor@example.jp"]' "$(jq -sc 'map(.to)' out)" "who was sent it"
expect $((before + 1)) "$(taken)" "mails"
# A server without STARTTLS gets nothing where that is wanted.
sink good
config checkpoint-mail-via "\"smtp+starttls://127.0.0.1:$sink_port\""
fk checkpoint --mail >out 2>err
expect 75 $? "no STARTTLS"
expect $((before + 1)) "$(taken)" "mails without TLS"
