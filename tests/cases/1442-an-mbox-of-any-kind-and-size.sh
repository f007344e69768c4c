#!/usr/bin/env bash
# how an mbox was quoted is recorded and nothing unquoted; broken From lines lose nothing; memory is bounded
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 2
vault_new
F='From a@b Sat Jan  3 01:05:34 1996'
raw() { fk show "$1" --raw; }
kind() { fk show "$1" --envelope | sed -n 's/^mbox: //p'; }
# imported FILE [OPTIONS...]: seqs in `seqs`, what was told in err
imported() {
    local file=$1
    shift
    fk import --json "$@" "$file" >out.json 2>err || fail "$file: $(cat err)"
    mapfile -t seqs < <(jq .seq out.json)
}
printf '%s\nA: b\n\nplain\n\n%s\nA: c\n\n>From x\n\n%s\nA: d\n\n>>From x\n>From y\n\n%s\nA: e\nContent-Length: 5\n\nfive\n\n%s\nA: f\nContent-Length: 500\n\nshort\n\n' "$F" "$F" "$F" "$F" "$F" >box
imported box
expect "seems=plain|seems=unknown quoted=1|seems=rd quoted=2|seems=cl|seems=plain content-length=500 body=6" \
    "$(for s in "${seqs[@]}"; do kind "$s"; done | paste -sd'|')" "what the lines look like"
grep -q "^fumikura: box, byte [0-9]*: its Content-Length says 500 bytes and 6 stand" err || fail "a Content-Length: $(cat err)"
raw "${seqs[2]}" | cmp - <(printf 'A: d\n\n>>From x\n>From y\n') || fail "something was unquoted"
for kind in rd o cl cl2; do
    imported box --mbox=$kind
    expect "said=$kind quoted=2" "$(kind "${seqs[2]}")" "what was said"
done
fk import --mbox=x box 2>err
expect 2 $? "--mbox of no kind"
# CRLF, kept as it is.
printf '%s\r\nA: b\r\n\r\none\r\n\r\n%s\r\nA: c\r\n\r\ntwo\r\n' "$F" "$F" >crlf
imported crlf
raw "${seqs[0]}" | cmp - <(printf 'A: b\r\n\r\none\r\n') && raw "${seqs[1]}" | cmp - <(printf 'A: c\r\n\r\ntwo\r\n') || fail "CRLF"
# Broken From_ lines: without a date, without a blank line before them, in a text; nothing is lost.
printf 'From nobody\nA: b\n\none\n%s\nA: c\n\nFrom here to there\n\n%s\nno header\n' "$F" "$F" >broken
imported broken --mbox=rd
{ raw "${seqs[0]}"; printf '\n%s\n' "$F"; raw "${seqs[1]}"; } | cmp - broken || fail "bytes of a broken mbox are missing"
grep -q 'broken, byte 0: stands before the first From_ line' err && grep -q 'broken, byte [1-9][0-9]*: does not begin with a header field' err || fail "$(cat err)"
imported broken # without --mbox it is one message, whole
raw "${seqs[0]}" | cmp - broken || fail "a file that is no mbox"

# 320 MB: all of it goes through, in little memory, with From lines broken in every third message.
python3 - <<'PY' >big
import sys
out = sys.stdout.buffer
body = b"x" * 70 + b"\n"
for i in range(3200):
    out.write((b"From a@b Sat Jan  3 01:05:34 1996\n" if i % 3 or not i else b"From broken\n") + b"Message-ID: <%d@x>\n\n" % i + body * 1400 + b"\n")
PY
config size-limit '"64 MiB"'
"$FUMIKURA" -C "$V" import --report report.json big >out 2>err &
importing=$!
peak=0
while kill -0 $importing 2>/dev/null; do
    now=$(awk '/^RssAnon|^RssShmem/ {n += $2} END {print n + 0}' "/proc/$importing/status" 2>/dev/null)
    [ "${now:-0}" -gt $peak ] && peak=$now
    sleep 0.05
done
wait $importing || fail "a large mbox: $(tail -n 3 err)"
bytes=$(tail -n 1 report.json | jq .sum.bytes)
# Each From_ line with its end, and the blank line before it (the last one too), is no message's.
expect "$(($(stat -c %s big) - $(wc -l <out) * (${#F} + 2)))" "$bytes" "bytes that went through"
expect 2134 "$(wc -l <out)" "messages of a large mbox"
note "peak memory of import: $((peak / 1024)) MiB for $((bytes >> 20)) MiB"
[ $peak -gt 1024 ] && [ $peak -lt $((100 << 10)) ] || fail "import took $((peak / 1024)) MiB"
# Larger than a message may be, and nearly an mbox: it says what to do.
{ echo "From nobody"; head -c 70000000 big; } >nearly
config in-flight '"64 MiB"'
fk import nearly >out 2>err
expect 1 $? "a file too large for a message"
grep -q 'nearly, byte 0: not imported: it begins with "From "' err || fail "$(cat err)"
verify_clean "it all"
