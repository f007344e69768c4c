#!/usr/bin/env bash
# messages made to exhaust a reader are in the index within seconds, found by their subject, and say what is missing
. "$ROOT/tests/lib/kept.sh"
vault_new
seconds=5
[[ $BUILD != *asan ]] || seconds=20 # instrumented code is slower
config index-time "\"$seconds s\""
config index-batch 3
mkdir bombs
python3 - bombs <<'P'
import sys
d = sys.argv[1]
def put(name, data):
    open(f"{d}/{name}.eml", "wb").write(b"Subject: bomb " + name.encode() + b"\nFrom: a@b.example\n" + data)
put("depth", b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(100000)))
put("messages", b"Content-Type: message/rfc822\n\n" * 100000)
put("parts", b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\np\n" * 200000)
put("headers", b"X: 1\n" * 1000000 + b"\nbody\n")
put("subject", b"Subject: " + b"long " * 2000000 + b"\n\nbody\n")
put("charset", b"Content-Type: text/plain; charset=x-unknown\n\n\x80\x81\xff\xfe body\n")
put("html", b"Content-Type: text/html\n\n" + b"<div>" * 500000 + b"body\n")
put("words", b"\n" + b"".join(b"w%d " % (i * 7919) for i in range(1500000)))
put("crash", b"\nX\n")
open(f"{d}/crash.eml", "wb").write(b"X-Fumikura-Test: crash\nSubject: bomb crash\nX-Padding: of some length\n\nbody\n")
open(f"{d}/time.eml", "wb").write(b"X-Fumikura-Test: spin\nSubject: bomb time\nX-Padding: of some length\n\nbody\n")
open(f"{d}/lost.eml", "wb").write(b"X-Fumikura-Test: crash always\nSubject: bomb lost\n\nbody of some length\n")
P
own_mails
fk import bombs/*.eml mails/01*.eml >imported || fail "import"
lost=$(sed -n "$(ls bombs/*.eml mails/01*.eml | grep -n lost | cut -d : -f 1)p" imported | cut -f 1)
began=$SECONDS
fk index --json >out || fail "index: $(cat out)"
took=$((SECONDS - began))
expect 12 "$(jq .documents out)" "documents"
"$BUILD/tools/index-dump" "$V" >dump || fail "dump"
# partial SUBJECT REASON: the one with that subject says so.
partial() {
    awk -v want="subject: bomb $1" -v reason="partial: $2" '
        /^document /{ subject = partial = 0 }
        index($0, want) == 1 { subject = 1 }
        $0 == reason { partial = 1 }
        subject && partial { found = 1 }
        END { exit !found }' dump || fail "bomb $1 does not say partial: $2"
}
partial depth depth
partial messages depth
partial parts parts
partial headers headers
partial subject headers
partial charset charset
partial crash crash
partial time time
expect 1 "$(grep -c "^document $lost\$" dump)" "the message that kills every reader, by its seq"
grep -q '^subject: bomb words' dump || fail "many words"
grep -q '^subject: bomb html' dump || fail "deep HTML"
[ $took -lt 240 ] || fail "took $took s"
note "11 bombs in $took s, $(jq .partial out) in part"
