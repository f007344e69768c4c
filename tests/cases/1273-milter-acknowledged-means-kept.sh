#!/usr/bin/env bash
# kill -9 of keep and of fumikura-milter under load: whatever the milter let through is in the archive, and service comes back
. "$ROOT/tests/lib/milter.sh"
vault_new
milter_vault
server_start
milter_port_fixed
at=$(address milter)
acks=$TEST_DIR/acks
clients=()
for i in 1 2 3 4; do
    python3 "$ROOT/tests/lib/milter.py" "$at" load "${LOAD:-300}" "$acks.$i" 2>>"$TEST_DIR/load.err" &
    clients+=($!)
done
at_exit 'kill "${clients[@]}" 2>/dev/null'
acked() { cat "$acks".* 2>/dev/null | wc -l; }
more() { [ "$(acked)" -ge $((was + 10)) ]; }
longest=0
for part in keep milter keep milter milter; do
    was=$(acked)
    wait_for 20 more || fail "before $part is killed nothing is taken: $(cat "$TEST_DIR/load.err"; tail -n 3 "$SERVER_LOG")"
    if [ $part = milter ]; then pid=$(milter_pid); else pid=$(role_pid keep); fi
    kill -9 "$pid"
    began=$(date +%s%N)
    was=$(acked)
    wait_for 20 more || fail "20 s after $part was killed nothing is taken: $(cat "$TEST_DIR/load.err"; tail -n 3 "$SERVER_LOG")"
    took=$((($(date +%s%N) - began) / 1000000))
    [ $took -le $longest ] || longest=$took
done
for c in "${clients[@]}"; do wait "$c" || fail "a client: $(cat "$TEST_DIR/load.err")"; done
server_stop
fk export --seq $(mail_seqs_of_log | sed '2,$s/^/--seq /') --to "$TEST_DIR/out" >/dev/null || fail "export"
python3 - "$TEST_DIR" <<'PY' || fail "acknowledged and not there"
import collections, glob, re, sys
acked = [t.strip() for f in glob.glob(sys.argv[1] + "/acks.*") for t in open(f)]
kept = collections.Counter()
for f in glob.glob(sys.argv[1] + "/out/**/*.eml", recursive=True):
    data = open(f, "rb").read()
    tag = re.search(rb"^Message-ID: <([\d-]+)@load>\r\n", data, re.M).group(1).decode()
    assert data == f"Subject: load {tag}\r\nMessage-ID: <{tag}@load>\r\n\r\n".encode() + f"number {tag}\r\n".encode() * 200, f
    kept[tag] += 1
missing = [t for t in acked if t not in kept]
assert len(acked) >= 100 and not missing, missing
twice, unasked = sum(n - 1 for n in kept.values()), len(set(kept) - set(acked))
print(f"NOTE {len(acked)} acknowledged, all there; {twice} twice (the answer was cut off, the sender tried again), {unasked} kept without an answer")
PY
verify_clean "it all"
note "longest pause $longest ms"
