#!/usr/bin/env bash
# time stamps are in the mirror, by a server and by a command, and hold in a vault that is made of it; one that cannot be read stops no mail
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/mirror.sh"
. "$ROOT/tests/lib/authority.sh"
cd "$TEST_DIR" || exit 1
vault_new
own_mails
authority tsa crl
config timestamp "\"$(authority_url tsa)\""
config timestamp-roots "\"$TEST_DIR/tsa/roots.pem\""
same() { diff -r "$V/time" "$M/time"; }
# What is there before the mirror is; what a command makes; more files than one part brings.
fk import mails/0*.eml >/dev/null || fail "import"
for i in 1 2 3 4 5; do
    fk timestamp >/dev/null 2>err || fail "timestamp: $(cat err)"
    sleep 1.1
done
[ "$(ls v/time | wc -l)" -ge 20 ] || fail "stamps: $(ls v/time)"
mirrored sync
fk timestamp --renew >/dev/null 2>err || fail "renew: $(cat err)"
same >out || fail "after a command: $(cat out)"
# A server's.
config timestamp-interval '"60 s"'
before=$(ls v/time/*.tsr | wc -l)
server_start env FUMIKURA_TEST_CLOCK=+100000
wait_for 30 eval '[ "$(ls v/time/*.tsr | wc -l)" -gt $before ]' || fail "the server made no stamp: $(tail -n 5 "$SERVER_LOG")"
wait_for 20 same || fail "after the server's: $(same; fk status)"
# One that is no file any more: told by verify, and mail goes on, in sync mode too.
rm -r "$M/time"
name=$(ls v/time/*.tsr | head -n 1)
mv "$name" kept && mkdir "$name"
fk seal >/dev/null || fail "seal"
send mails/01-iso-2022-jp.eml | grep -q ^250 || fail "mail beside a stamp that cannot be read: $(fk status)"
wait_for 20 eval '[ "$(ls "$M"/time/*.tsr | wc -l)" = "$(($(ls -d v/time/*.tsr | wc -l) - 1))" ]' || fail "the others: $(ls "$M/time")"
send mails/01-iso-2022-jp.eml | grep -q ^250 || fail "mail"
rmdir "$name" && mv kept "$name"
fk seal >/dev/null || fail "seal"
wait_for 20 same || fail "the one that is whole again: $(same; fk status)"
server_stop
# The disk is lost.
restored || fail "mirror restore: $(cat restored.out)"
diff -r v/time restored/time >out || fail "what came back: $(cat out)"
config timestamp-interval '"24 h"'
cp v/fumikura.conf restored/
sed -i '/^mirror/d' restored/fumikura.conf
V=$R
fk verify >out 2>err || fail "verify: $(cat out err)"
grep -q "^$(ls v/time/*.tsr | wc -l) time stamps hold, 0 do not$" out || fail "verify says: $(cat out)"
