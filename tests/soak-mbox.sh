#!/usr/bin/env bash
# soak-mbox.sh PROGRAM - imports an mbox of MBOX_MIB (10240) whose From_ lines are broken in every way that we know, and
# says how long it took and how much memory. All of it lies in one directory below /var/tmp (MBOX_MIB and about a tenth of it
# for the vault) and is removed. Case 1442 does the same with 320 MB.
set -u
cd "$(dirname "$0")/.." || exit 2
ROOT=$PWD FUMIKURA=$PWD/$1 mib=${MBOX_MIB:-10240}
TEST_DIR=$(mktemp -d /var/tmp/fumikura-soak-mbox.XXXXXX)
export ROOT FUMIKURA TEST_DIR
. tests/lib/server.sh
at_exit 'rm -rf "$TEST_DIR"'
cd "$TEST_DIR" || exit 2
free=$(df --output=avail -B1M . | tail -n 1)
[ "$free" -gt $((mib + mib / 2)) ] || fail "$free MiB are free here, $((mib + mib / 2)) are needed"
F='From a@b Sat Jan  3 01:05:34 1996' # every one that counts: they are all of one length
python3 - "$mib" "$F" <<'PY' >big || fail "the generator"
import random, sys
out, mib, good = sys.stdout.buffer, int(sys.argv[1]), sys.argv[2].encode()
rng = random.Random(1)
words = [bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(4000)]
texts = [b"\n".join(b" ".join(rng.choices(words, k=10)) for _ in range(900)) + b"\n" for _ in range(24)]  # some 60 kB each
broken = [b"From broken\n", b"From \n", b"From a@b Sat Jan\n", b">" + good + b"\n", b"from a@b Sat Jan  3 01:05:34 1996\n", b"From a@b" + b" " * 70000 + b"\n",
          b"From: a@b Sat Jan  3 01:05:34 1996\n", b"From\0a@b Sat Jan  3 01:05:34 1996\n", b"From a@b Sat Jan  3 1996\n", b"From " + b"x" * 3000000 + b"\n"]
size = messages = 0
while size < mib << 20:
    if messages and rng.random() < 0.4:  # in place of a From_ line that counts: it goes on in the message before
        part = rng.choices(broken, weights=[20] * 9 + [1])[0]
    else:
        part = good + b"\n"
        messages += 1
        part += b"Message-ID: <%d@soak>\n" % messages + (b"Content-Length: 7\n" if messages % 7 == 0 else b"") + b"\n"
    part += b"%d\n" % size + rng.choice(texts)
    if rng.random() < 0.1:
        part += good + b"\n" # in a text: no blank line stands before it
    part += b"\n"
    out.write(part)
    size += len(part)
print(messages, file=sys.stderr)
with open("messages", "w") as f:
    f.write(str(messages))
PY
vault_new
"$FUMIKURA" -C "$V" import --report report.json big >out 2>err &
importing=$! began=$SECONDS peak=0 pen=0
anon() { awk '/^RssAnon|^RssShmem/ {n += $2} END {print n + 0}' "/proc/$1/status" 2>/dev/null; }
while kill -0 $importing 2>/dev/null; do
    now=$(anon $importing)
    [ "${now:-0}" -gt $peak ] && peak=$now
    for p in $(descendants $importing | tail -n +2); do now=$(anon "$p"); [ "${now:-0}" -gt $pen ] && pen=$now; done
    sleep 0.2
done
wait $importing || fail "the import: $(tail -n 3 err)"
took=$((SECONDS - began)) size=$(stat -c %s big)
expect "$(cat messages)" "$(wc -l <out)" "messages"
expect "$((size - $(wc -l <out) * (${#F} + 2)))" "$(tail -n 1 report.json | jq .sum.bytes)" "bytes that went through"
rm big
echo "an mbox of $((size >> 20)) MiB, $(wc -l <out) messages: $took s, $((size / took / 1000000)) MB/s; memory at most $((peak / 1024)) MiB (import), $((pen / 1024)) MiB (a process of its pen and desk); vault $(du -sm "$V" | cut -f1) MiB"
[ $peak -lt $((300 << 10)) ] || fail "import took $((peak / 1024)) MiB"
fk verify >/dev/null || fail "verify"
