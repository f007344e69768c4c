#!/usr/bin/env bash
# kill -9 of any process of the server under load: nothing acknowledged is lost, and service comes back
. "$ROOT/tests/lib/server.sh"
own_mails
rm "$TEST_DIR"/mails/24-big.eml
# Many that are different: each capture of one message makes its document anew, with all captures before it.
python3 - "$TEST_DIR/mails" <<'PY'
import pathlib, sys
for mail in list(pathlib.Path(sys.argv[1]).iterdir()):
    for n in range(100):
        mail.with_name(f"{n}-{mail.name}").write_bytes(b"X-Copy: %d\r\n" % n + mail.read_bytes())
PY
vault_new
server_start
acks=$TEST_DIR/acks
client_starts() {
    "$BUILD/tools/smtp-blast" -a -c 8 -r 100000 -o "$acks" "$(address smtp)" "$TEST_DIR"/mails/*.eml >"$TEST_DIR/blast" 2>&1 &
    client=$!
}
client_ends() { # what it had acknowledged goes to the rest
    kill -CONT $client 2>/dev/null
    kill $client 2>/dev/null
    wait $client 2>/dev/null
    cat "$acks" >>"$acks.all"
    : >"$acks"
}
: >"$acks"
client_starts
at_exit 'kill -9 $client 2>/dev/null'
web_answers() { curl -s -m 2 -o /dev/null "http://$(address web)/"; }
mail_is_taken() { send "$TEST_DIR/mails/01-iso-2022-jp.eml" | grep -q ^250; }
longest=0
has_more() { [ "$(wc -l <"$acks")" -gt "$had" ]; }
for role in keep lend indexd receive web keep receive; do
    kill -CONT $client 2>/dev/null
    sleep 0.1
    if ! kill -0 $client 2>/dev/null; then # its connections were all cut
        client_ends
        client_starts
    fi
    had=$(wc -l <"$acks")
    wait_for 10 has_more || fail "no load before $role is killed"
    pid=$(role_pid $role) || fail "no process is $role"
    kill -9 "$pid"
    began=$(date +%s%N)
    wait_for 10 mail_is_taken || fail "10 s after $role was killed no mail is taken; $(tail -n 3 "$SERVER_LOG")"
    kill -STOP $client 2>/dev/null # while the rest is waited for: all that comes in is to be indexed
    another() { local now; now=$(role_pid $role) && [ "$now" != "$pid" ]; }
    wait_for 10 another || fail "10 s after $role was killed there is no other"
    [ $role != web ] || wait_for 10 web_answers || fail "10 s after web was killed the page does not answer"
    took=$((($(date +%s%N) - began) / 1000000))
    [ $took -le $longest ] || longest=$took
done
client_ends
timeout 400 "$FUMIKURA" -C "$V" index --wait >/dev/null || fail "the index did not catch up"
server_stop
verify_clean "it all"
all_acked "$acks.all"
note "$(wc -l <"$acks.all") acknowledged, all there; longest pause $longest ms"
