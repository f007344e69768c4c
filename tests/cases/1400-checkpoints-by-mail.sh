#!/usr/bin/env bash
# the checkpoint goes by mail through a real Postfix; what arrives is byte for byte what is in log/, and openssl verifies it
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/authority.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
stop_all() { "$ROOT/tests/postfix.sh" stop "$TEST_DIR/postfix"; }
at_exit stop_all
mkdir box && chmod 777 box
port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" "virtual_mailbox_limit = 0" "virtual_mailbox_domains = example.jp" \
    "virtual_mailbox_base = $TEST_DIR/box" "virtual_minimum_uid = 1" "virtual_uid_maps = static:65534" "virtual_gid_maps = static:65534" \
    "virtual_mailbox_maps = inline:{ auditor@example.jp=auditor/, second@example.jp=second/ }") || exit $?
arrived() { [ "$(find "box/$1/new" -type f | wc -l)" -eq "$2" ]; } # WHOSE, HOW MANY
take() { # WHOSE INTO: the newest
    rm -rf "$2"
    python3 "$ROOT/tests/lib/attachments.py" "box/$1/new/$(ls -t "box/$1/new" | head -n 1)" "$2" >out 2>&1 || fail "the mail: $(cat out)"
}
signed() { # CHECKPOINT: by the key from before, as VERIFY.md says
    sed '/^$/,$d' "$1" >body
    sed -n "s/^— fumikura[^ ]* //p" "$1" | base64 -d | tail -c 64 >sig
    openssl pkeyutl -verify -rawin -pubin -inkey log.pem -in body -sigfile sig >out 2>&1 || fail "openssl of $1: $(cat out)"
}

fk checkpoint --mail >out 2>err && fail "a mail to nobody"
grep -q "checkpoint-mail-to names nobody" err || fail "to nobody: $(cat err)"
fk import mails/*.eml >/dev/null || fail "import"
fk checkpoint --key >log.pem; fk checkpoint --vkey >vkey
config checkpoint-mail-to '{"auditor@example.jp", "second@example.jp"}'
config checkpoint-mail-from '"archive@example.jp"'
config checkpoint-mail-via "\"smtp://127.0.0.1:$port\""

# At once, by command; without a time stamp.
fk checkpoint --mail >out 2>err || fail "checkpoint --mail: $(cat err)"
n=$(sed -n 2p v/log/checkpoint)
expect "the checkpoint over $n entries was mailed to second@example.jp by smtp://127.0.0.1:$port" "$(sed -n 2p out)" "what it says"
for who in auditor second; do
    wait_for 30 arrived $who 1 || fail "nothing for $who: $(tail -n 5 postfix/log/mail.log)"
    take $who got
    cmp got/checkpoint v/log/checkpoint || fail "the attachment for $who"
    signed got/checkpoint
    grep -qx "To: <*$who@example.jp>*" got/headers || fail "headers: $(cat got/headers)"
    expect 3 "$(ls got | wc -l)" "files in the mail"
done
fk checkpoint --print >printed
grep -qxFf printed got/text && [ "$(grep -cxFf printed got/text)" -eq "$(wc -l <printed)" ] || fail "the figures: $(cat got/text)"
grep -qx "vkey     $(cat vkey)" got/text || fail "the key: $(cat got/text)"
grep -q '保管してください' got/text || fail "the words: $(cat got/text)"
fk verify --against got/checkpoint >out 2>&1 || fail "verify --against: $(cat out)"
fk status --json | jq -e ".mailed | length == 2 and all(.size == $n and .trouble == \"\" and .age < 60)" >/dev/null || fail "status: $(fk status --json)"
fk status | grep -q "^checkpoint by mail to auditor@example.jp: the first $n entries, " || fail "status: $(fk status)"
fk doctor | grep -q "^good *checkpoint mail: second@example.jp was sent the first $n" || fail "doctor: $(fk doctor)"

# With a time stamp, by the server when it is due, and not again because it starts anew.
authority tsa good
config timestamp "\"$(authority_url tsa)\""
fk timestamp --json >made || fail "timestamp"
name=$(jq -r .stamp made)
server_start
sleep 3
arrived auditor 1 || fail "mailed before it was due"
server_stop
rm v/run/mailed.*
server_start
wait_for 30 arrived auditor 2 || fail "not mailed by the server: $(cat "$SERVER_LOG")"
wait_for 30 arrived second 2 || fail "not mailed to the second: $(cat "$SERVER_LOG")"
wait_for 10 eval '[ "$(ls v/run/mailed.* | wc -l)" -eq 2 ]' || fail "not remembered"
server_kill
server_start
sleep 4
arrived auditor 2 && arrived second 2 || fail "mailed twice"
server_stop
take auditor got
signed got/checkpoint
cmp "got/$name.tsr" "v/time/$name.tsr" || fail "the stamp"
openssl ts -verify -data "got/$name.checkpoint" -in "got/$name.tsr" -CAfile tsa/roots.pem >out 2>&1 || fail "openssl ts: $(cat out)"
expect 4 "$(cat box/*/new/* | grep -i '^message-id:' | sort -u | wc -l)" "different Message-IDs"
