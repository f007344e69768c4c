#!/usr/bin/env bash
# deliver brings an archived message into a mailbox of a real Postfix byte for byte, after the act that records it; nothing leaves for what is no message, is disposed of, or has no recorded reason
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/kept.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
stop_postfix() { "$ROOT/tests/postfix.sh" stop "$TEST_DIR/postfix"; }
at_exit stop_postfix
mkdir box && chmod 777 box
port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" "virtual_mailbox_limit = 0" "virtual_mailbox_domains = example.jp" \
    "virtual_mailbox_base = $TEST_DIR/box" "virtual_minimum_uid = 1" "virtual_uid_maps = static:65534" "virtual_gid_maps = static:65534" \
    "virtual_mailbox_maps = inline:{ sato@example.jp=sato/ }") || exit $?
via=smtp://127.0.0.1:$port
# By SMTP, so that the lines end in CRLF; one has lines of dots, one a NUL-free binary tail.
printf 'From: a@example.jp\r\nTo: b@example.jp\r\nSubject: dots\r\nDate: Tue, 24 Nov 2026 10:00:00 +0900\r\nMessage-ID: <dots@example.jp>\r\n\r\n.\r\n..\r\n.x\r\nend\r\n' >dots.eml
server_start
n=0
for f in mails/01-*.eml mails/05-*.eml mails/24-big.eml dots.eml; do
    send "$f" tanaka@example.jp sato@example.jp >/dev/null || fail "send $f"
    n=$((n + 1))
done
arrived() { [ "$(find box/sato/new -type f 2>/dev/null | wc -l)" -ge "$1" ]; }
# What stands in the mailbox behind the fields that Postfix puts before a message, lines with LF.
strip() { python3 - "$1" "$2" <<'END'
import sys
got = open(sys.argv[1], "rb").read()
want = open(sys.argv[2], "rb").read().replace(b"\r\n", b"\n")
head = got[:-len(want)] if got.endswith(want) else sys.exit("not the same behind the head")
allowed = (b"Return-Path:", b"X-Original-To:", b"Delivered-To:", b"Received:", b"\t")
bad = [l for l in head.split(b"\n")[:-1] if not l.startswith(allowed)]
sys.exit("more than Postfix adds: %r" % bad if bad else 0)
END
}
for seq in $(seq 1 "$n"); do
    rm -rf box/sato/new/*
    fk deliver "$seq" --to sato@example.jp --via "$via" --reason 紛失 --json >out 2>err || fail "deliver $seq: $(cat out err)"
    jq -e '.taken and .line_ends_changed == false and .act > 0' out >/dev/null || fail "JSON: $(cat out)"
    wait_for 30 arrived 1 || fail "seq $seq did not arrive: $(tail -n 4 postfix/log/mail.log)"
    fk show "$seq" --raw >raw
    strip box/sato/new/* raw || fail "seq $seq"
    grep -q '^Return-Path: <>' box/sato/new/* || fail "the sender: $(head -n 3 box/sato/new/*)"
done
act=$(jq .act out)
fk audit --json | jq -es "any(.[]; .seq == $act and .what == \"deliver\" and .of == \"$n\" and .reason == \"紛失\" and .to == \"sato@example.jp\")" >/dev/null || fail "the act: $(fk audit --json | tail -n 2)"
facts() { for i in $(seq $((act)) $((act + 2))); do fk show "$i" --entry 2>/dev/null; done; }
facts | grep -q "kind=fact .*what=deliver of=$n act=$act result=taken" || fail "the fact: $(facts)"
server_stop

# Several at once; lines with LF alone, as an importer's file has them, become CRLF, and it is said.
printf 'From: a@example.jp\nSubject: lf\n\n.\nend\n' >lf.eml
seq=$(fk import lf.eml | cut -f1)
rm -rf box/sato/new/*
fk deliver "$seq" 1 --to sato@example.jp --via "$via" --reason t >out 2>&1 || fail "two: $(cat out)"
grep -q "entry $seq was taken.*sent with CRLF" out && [ "$(wc -l <out)" -eq 2 ] || fail "said: $(cat out)"
wait_for 30 arrived 2 || fail "two did not arrive"

# Nothing leaves, and nothing is recorded.
next() { fk status --json | jq .next; }
before=$(next)
rm -rf box/sato/new/*
refused() { # STATUS WORDS ARGUMENTS...
    local want=$1 words=$2
    shift 2
    fk deliver "$@" >out 2>&1
    expect "$want" $? "deliver $*: $(cat out)"
    grep -q -- "$words" out || fail "expected '$words': $(cat out)"
}
refused 2 "is no message; none was sent" 1 0 --to sato@example.jp --via "$via" --reason t
refused 1 "there is no entry 9999" 1 9999 --to sato@example.jp --via "$via" --reason t
refused 2 "needs --to and --reason" 1 --to sato@example.jp --via "$via"
refused 2 "needs --to and --reason" 1 --reason t
refused 2 "takes a mail address" 1 --to $'sato@example.jp>\r\nRCPT TO:<x@example.jp' --via "$via" --reason t
refused 2 "takes a mail address" 1 --to sato@example.jp --from $'a@b>\r\nRSET' --via "$via" --reason t
refused 2 "takes a mail server" 1 --to sato@example.jp --via "file:///etc/passwd" --reason t
expect "$before" "$(next)" "entries of what was refused"
# A mail server that is away: the act stands, and a fact says that it failed.
refused 75 "did not take the mail" 1 --to sato@example.jp --via smtp://127.0.0.1:1 --reason t
fk show $((before + 1)) --entry | grep -q "what=deliver of=1 act=$before result=failed" || fail "the fact: $(fk show $((before + 1)) --entry)"
# Disposed of: nothing can leave.
cat >>v/fumikura.conf <<'END'
class "all" { period = "P1D" }
END
forward 3
fk retention run --reason t --accept-clock >out 2>&1 || fail "retention: $(cat out)"
refused 1 "disposed" 1 --to sato@example.jp --via "$via" --reason t
sleep 1
arrived 1 && fail "something left"
true
