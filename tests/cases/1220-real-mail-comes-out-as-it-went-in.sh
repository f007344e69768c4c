#!/usr/bin/env bash
# every message of the real corpus comes out as it went in, by SMTP, by LMTP and by import
. "$ROOT/tests/lib/server.sh"
[ -f "$FUMIKURA_CORPUS/messages.tsv" ] || { echo "no real mail in $FUMIKURA_CORPUS"; exit 78; }
messages=$FUMIKURA_CORPUS/messages
count=$(find "$messages" -type f | wc -l)
vault_new
server_start
blast -c 8 -o "$TEST_DIR/smtp" "$(address smtp)" "$messages" || fail "by SMTP"
blast -l -c 8 -R 2 -o "$TEST_DIR/lmtp" "unix:$(address lmtp)" "$messages" || fail "by LMTP"
for way in smtp lmtp; do
    expect "$count" "$(wc -l <"$TEST_DIR/$way")" "messages acknowledged by $way"
    all_acked "$TEST_DIR/$way"
done
server_stop
fk import --json "$messages" >"$TEST_DIR/json" || fail "import"
expect "$count" "$(wc -l <"$TEST_DIR/json")" "messages imported"
jq -r '[.path, (.seq | tostring), .c256] | @tsv' "$TEST_DIR/json" >"$TEST_DIR/import"
FUMIKURA_PROGRAM=$FUMIKURA "$BUILD/tools/acked" --exact "$V" "$TEST_DIR/import" || fail "by import"
