#!/usr/bin/env bash
# checkpoints are stamped by an authority, openssl verifies them, verify checks all of a period; a bad answer changes nothing
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/authority.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
tsa() { # MODE: in place of the one before
    authority tsa "$1"
    config timestamp "\"$(authority_url tsa)\""
}
stamps() { ls v/time 2>/dev/null | grep -c 'tsr$'; }

fk timestamp 2>err && fail "a time stamp without an authority"
grep -q "timestamp names no authority" err || fail "no authority: $(cat err)"
tsa good
cp tsa/roots.pem trusted.pem
config timestamp-roots "\"$TEST_DIR/trusted.pem\""
fk import mails/*.eml >/dev/null || fail "import"
fk timestamp --json >made || fail "timestamp"
name=$(jq -r .stamp made)
openssl ts -verify -data "v/time/$name.checkpoint" -in "v/time/$name.tsr" -CAfile tsa/roots.pem >out 2>&1 || fail "openssl ts: $(cat out)"
openssl ts -verify -queryfile "v/time/$name.tsq" -in "v/time/$name.tsr" -CAfile tsa/roots.pem >out 2>&1 || fail "openssl ts: $(cat out)"
fk show "$(jq .entry made)" --entry | grep -q " kind=anchor .*stamp=$name .*reply=$(sha256sum "v/time/$name.tsr" | cut -c 1-64)" || fail "the anchor"
fk verify >out || fail "verify: $(cat out)"
grep -q '^1 time stamps hold, 0 do not$' out || fail "verify says: $(cat out)"
fk verify --against "v/time/$name.checkpoint" >out || fail "the stamped checkpoint: $(cat out)"

# An authority that answers with something else: refused, and nothing is written or anchored.
for mode in busy page other refuse; do
    tsa $mode
    before=$(fk status --json | jq .next)
    fk timestamp >out 2>err
    rc=$?
    [ $rc -eq 0 ] && fail "an answer of kind $mode was taken"
    [ $mode != busy ] || expect 75 $rc "an authority that is busy"
    grep -q "127.0.0.1" err || fail "$mode: $(cat err)"
    expect 1 "$(stamps)" "stamps after an answer of kind $mode"
    expect "$before" "$(fk status --json | jq .next)" "entries after an answer of kind $mode"
done
authority_stop tsa
fk timestamp >out 2>err
expect 75 $? "an authority that is away"
# One that the roots do not vouch for.
mv tsa tsa.first
tsa good
fk timestamp >out 2>err && fail "a stranger's stamp was taken"
grep -qi "verif" err || fail "a stranger's stamp: $(cat err)"
authority_stop tsa
rm -rf tsa; mv tsa.first tsa

# Each file of a stamp, changed or gone, is named; the period decides which are looked at.
found() { # the fault is at the anchor entry
    fk verify >out 2>err
    expect 1 $? "verify of a changed stamp ($1)"
    grep -q "^entry $(jq .entry made) segment 0 check stamp: " out || fail "$1: $(cat out)"
    grep -q '^0 time stamps hold, 1 do not' out || fail "$1: $(cat out)"
}
for suffix in checkpoint tsq tsr; do
    cp "v/time/$name.$suffix" kept
    python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[len(b) // 2] ^= 1; open(sys.argv[1], "wb").write(b)' "v/time/$name.$suffix"
    found "$suffix, one bit"
    rm "v/time/$name.$suffix"
    found "$suffix, gone"
    cp kept "v/time/$name.$suffix"
done
fk verify --to 3 >out || fail "verify before the anchor: $(cat out)"
grep -q "time stamps" out && fail "a stamp outside the period was looked at"

# The server has them made by itself, and goes on when the authority is away.
tsa good
config timestamp-interval '"60 s"'
rm v/time/*
server_start
wait_for 30 eval '[ "$(ls v/time | grep -c "tsr$")" = 1 ]' || fail "the server made no stamp: $(tail -n 5 "$SERVER_LOG")"
kill -9 "$(role_pid stampd)"
send mails/01-iso-2022-jp.eml | grep -q ^250 || fail "mail while the process for stamps is away"
server_stop
