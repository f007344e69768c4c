#!/usr/bin/env bash
# while ClamAV, rspamd or the archive is down or stands still, a gateway puts mail off; nothing passes unseen and nothing is lost
# not under asan: ends and starts ClamAV and rspamd; 9240 has what is ours
. "$ROOT/tests/lib/gateway.sh"
cd "$TEST_DIR" || exit 1
# It is not for want of a filter that the virus is seen: this is the control of the rest.
virus() { # NUMBER
    printf 'From: a@far.example\nTo: suzuki@example.jp\nSubject: virus %s\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n' "$1"
    base64 eicar.com
}
gateway_start
zone "far.example MX 10 client.example"
virus 0 >virus.eml
printf 'From: a@far.example\nTo: suzuki@example.jp\nSubject: good day\n\nhello\n' >plain.eml
put_off() { # WHAT
    local f reply
    for f in plain virus; do
        reply=$(from_outside $f.eml)
        case $reply in 4*) ;; *) fail "$1: $f.eml was answered '$reply'" ;; esac
    done
}
answer() { case $(from_outside "$2") in "$1"*) ;; *) fail "$3: $2 was not answered $1; $(tail -n 3 postfix/log/mail.log)" ;; esac; }
answer 250 plain.eml "before"
answer 550 virus.eml "before"

# A mail server elsewhere with a message for us has it in its queue as long as that lasts.
postfix_bare sender "default_transport = smtp:" "relayhost = [127.0.0.1]:$GATEWAY_PORT" "bounce_queue_lifetime = 1d"
sender=$port
clamd_stop
put_off "clamd down"
for n in 1 2 3; do
    sed "s/good day/waits $n/" plain.eml >waits.eml
    through "$sender" waits.eml a@far.example suzuki@example.jp >/dev/null || fail "the sender's Postfix"
done
virus 1 >virus-1.eml
through "$sender" virus-1.eml a@far.example suzuki@example.jp >/dev/null || fail "the sender's Postfix"
deferred() { [ "$(grep -c 'status=deferred' sender/log/mail.log)" -ge 4 ]; }
wait_for 30 deferred || fail "not put off: $(tail -n 3 sender/log/mail.log)"
clamd_start

# One that takes the question and never answers.
clamav_milter_patience() { # SECONDS
    sed -i "s/^ReadTimeout .*/ReadTimeout $1/" "$G/etc/clamav/clamav-milter.conf"
    daemon_stop CLAMAV_MILTER
    clamav_milter_start
}
clamav_milter_patience 3
kill -STOP "$CLAMD"
put_off "clamd stands still"
kill -CONT "$CLAMD"
clamav_milter_patience 100

rspamd_stop
put_off "rspamd down"
rspamd_start
answer 550 virus.eml "rspamd is back"

server_stop
put_off "the archive down"
server_start

arrived() { [ "$("$ROOT/tests/postfix.sh" queue "$TEST_DIR/sender")" -eq 0 ]; }
wait_for 60 arrived || fail "what waited does not arrive: $(tail -n 3 sender/log/mail.log)"
fk index --wait >/dev/null || fail "index"
expect "good day,waits 1,waits 2,waits 3" "$(fk search --json from:a@far.example | jq -r 'select(.seq) | .subject' | sort | paste -sd,)" "kept"
expect 4 "$(mail_seqs | wc -l)" "messages kept"
wait_for 20 inside_has 4 || fail "at the server inside: $(ls "$INSIDE")"
grep -l 'Subject: virus' "$INSIDE"/*.eml && fail "a virus passed"
grep -q 'status=bounced.*virus found' sender/log/mail.log || fail "the sender was not told of its virus: $(grep virus sender/log/mail.log)"
server_stop
verify_clean "it all"
