#!/usr/bin/env bash
# a witness gives each request the answer that C2SP tlog-witness has for it, and of two branches cosigns one at most
. "$ROOT/tests/lib/witness.sh"
python3 "$ROOT/tests/lib/witness.py" vkey log >>w/logs || fail "a log"
witness_start
python3 "$ROOT/tests/lib/witness.py" protocol "$(witness_url)" log w/vkey >out 2>&1 || fail "$(tail -n 3 out)"
grep -q "was not cosigned: it does not continue the one of 41" witness.log || fail "the witness says nothing of a fork: $(cat witness.log)"
# One process has the key at a time, and others must not be able to read it.
"$FUMIKURA" witness serve w --listen 127.0.0.1:0 >out 2>err && fail "a second witness with the same key"
grep -q "another process signs with this key" err || fail "a second witness: $(cat err)"
witness_stop
chmod 644 w/witness-key
"$FUMIKURA" witness serve w --listen 127.0.0.1:0 >out 2>err && fail "a key that others can read"
chmod 600 w/witness-key
# A memory that is gone, or not its own, is no log that was never seen.
cp -a w other
mv other/heads other/gone
"$FUMIKURA" witness serve other --listen 127.0.0.1:0 >out 2>err && fail "a witness without memory"
grep -q "the memory of what was cosigned is gone" err || fail "a witness without memory: $(cat err)"
for head in w/heads/*; do printf 'x' >>"$head"; done
witness_start
expect 500 "$(python3 "$ROOT/tests/lib/witness.py" grow "$(witness_url)" log)" "a damaged memory"
grep -q "not what this key cosigned last" witness.log || fail "a damaged memory: $(cat witness.log)"
witness_stop
# Usage.
"$FUMIKURA" witness init w again 2>err && fail "a second key"
"$FUMIKURA" witness init new 'a name' 2>err && fail "a name with a space"
for words in "" "init" "serve" "serve a b" "init x y z" "serve w --listen nowhere" "--listen 127.0.0.1:0 init x y"; do
    "$FUMIKURA" witness $words >out 2>err && fail "witness $words"
    [ -s err ] || fail "witness $words: says nothing"
done
[ ! -e x ] || fail "a directory was made"
