#!/usr/bin/env bash
# an index that grew in pieces, by command and by the server, holds to the last position what one built at once holds
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
vault_new
own_mails
dump() { "$BUILD/tools/index-dump" "$V" >"$TEST_DIR/$1" || fail "dump $1"; }
set -- "$TEST_DIR"/mails/*.eml
fk import "${@:1:7}" >/dev/null || fail "import"
fk index >out || fail "index"
grep -q '^7 messages indexed, 0 of them in part' out || fail "after seven: $(cat out)"
fk import "${@:8:5}" >/dev/null || fail "import"
fk index >/dev/null || fail "index"
server_start
for f in "${@:13}"; do send "$f" >/dev/null || fail "send $f"; done
fk index --wait >out || fail "index --wait"
grep -q "^$# messages indexed" out || fail "with the server: $(cat out)"
dump grown
was=$(cat "$V/index/current")
fk reindex >out || fail "reindex with the server"
expect "true" "$([ "$(cat "$V/index/current")" != "$was" ] && echo true)" "the rebuilt index took the other's place"
wait_for 10 databases_are_shards || fail "the old index is still there: $(ls "$V/index")"
dump rebuilt
cmp "$TEST_DIR/grown" "$TEST_DIR/rebuilt" || fail "rebuilt by the server: $(diff grown rebuilt | head -5)"
server_stop
fk reindex >/dev/null || fail "reindex by command"
dump again
cmp "$TEST_DIR/grown" "$TEST_DIR/again" || fail "rebuilt by command"
# A damaged index, and one whose name is lost, are healed.
for f in $(shards)/*.glass; do printf 'damage' | dd of="$f" bs=1 seek=100 conv=notrunc status=none; done
fk reindex >/dev/null || fail "reindex over a damaged one"
dump healed
cmp "$TEST_DIR/grown" "$TEST_DIR/healed" || fail "healed"
echo nonsense >"$V/index/current"
fk index >/dev/null || fail "index without a name"
dump named
cmp "$TEST_DIR/grown" "$TEST_DIR/named" || fail "named anew"
