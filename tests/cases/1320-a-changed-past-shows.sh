#!/usr/bin/env bash
# tiles, notes, a ledger cut short, forked or put back: verify says which check failed and where; nothing is signed over it
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
fk import mails/0*.eml >/dev/null || fail "import"
fk checkpoint >old.note || fail "checkpoint"
cp -a v yesterday
fk import mails/1*.eml >/dev/null || fail "import"
fk checkpoint >new.note || fail "checkpoint"
fk checkpoint --vkey >vkey || fail "--vkey"
size=$(sed -n 2p new.note)
of() { "$FUMIKURA" -C "$1" "${@:2}"; }
found() { # VAULT CHECK SEQ [OPTIONS]: verify finds just that there
    local vault=$1 check=$2 seq=$3
    shift 3
    of "$vault" verify "$@" >out 2>err
    expect 1 $? "exit status of verify on $vault ($check): $(cat out err)"
    grep -q "^entry $seq segment [0-9]* check $check: " out || fail "verify on $vault: not '$check' at entry $seq: $(cat out)"
}
flip() { # FILE OFFSET
    python3 -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 1]))' "$@"
}
fresh() { rm -rf bad; cp -a v bad; rm -rf bad/run/*.sock; }

# Each byte class of each file of the log.
fresh; flip bad/log/tile/0/000.p/"$size" 40; found bad tile -
fresh; flip bad/log/tile/entries/000.p/"$size" 100; found bad tile -
fresh; rm bad/log/tile/entries/000.p/"$size"; found bad tile -
fresh; flip bad/log/checkpoint 5; found bad note -
fresh; flip bad/log/checkpoint 160; found bad note -
fresh; sed -i "2s/.*/$((size - 1))/" bad/log/checkpoint; found bad note -
fresh; printf 'x\n' >>bad/log/checkpoint; found bad note -

# A ledger that has lost its end: the copy of yesterday, held against today's checkpoint.
rows=$(sed -n 2p old.note)
found yesterday truncated "$rows" --against new.note
# Its server signs nothing once it is told what was signed meanwhile (the signer remembers).
rm -rf back; cp -a yesterday back; cp v/secrets/log-head back/secrets/log-head
of back import mails/20*.eml >/dev/null || fail "import into the older copy"
of back checkpoint >out 2>err && fail "an older copy was signed over"
grep -q "older copy; nothing more is signed" err || fail "an older copy: $(cat err)"
# It grows again past what was signed: the chain parts, and it is not signed either.
of back import mails/2*.eml mails/0*.eml mails/1*.eml >/dev/null || fail "import into the older copy"
cp -a v/log/. back/log/
of back checkpoint >out 2>err && fail "a fork was signed"
grep -q "does not follow the entry before it in log/" err || fail "a fork: $(cat err)"
found back fork "$rows" --against new.note --vkey vkey
# The same without the tiles: they are made anew from the ledger, and the signer refuses what they give.
rm -rf back/log/tile
of back checkpoint >out 2>err && fail "a fork without tiles was signed"
grep -q "does not continue the one of $size that was signed" err || fail "a fork without tiles: $(cat err)"
rm -rf back/log/tile
of back verify --against new.note --vkey vkey >out 2>err && fail "a fork without tiles"
grep -q "^entry - segment 0 check fork: .*which differs first cannot be said" out || fail "a fork without tiles: $(cat out)"

# With tiles that have grown since, an old checkpoint still says from which entry on a ledger differs.
"$FUMIKURA" init stranger --smtp none --lmtp none >/dev/null || fail "init"
of stranger import mails/0*.eml mails/1*.eml >/dev/null || fail "import"
rm -rf stranger/log; cp -a v/log stranger/log
found stranger fork 0 --against old.note --vkey vkey

# Tiles that are lost are made anew where the ledger is the right one.
fresh; rm -rf bad/log/tile
of bad import mails/20*.eml >/dev/null || fail "import"
of bad checkpoint >out 2>err || fail "lost tiles: $(cat err)"
grep -q "made anew" err || fail "lost tiles are made anew silently: $(cat err)"
of bad verify --against new.note >out || fail "after lost tiles: $(cat out)"

# What the caller gives may be no checkpoint, or of another log.
fk init other --smtp none --lmtp none --web 127.0.0.1:0 >/dev/null || "$FUMIKURA" init other >/dev/null
of other checkpoint >other.note || fail "another vault"
for file in other.note vkey /dev/null missing; do
    fk verify --against "$file" >out 2>err
    rc=$?
    [ $rc -ne 0 ] && [ -s err ] && grep -q "$file" err || fail "--against $file: $rc $(cat err)"
done
# A key that others can read, and none.
chmod 644 bad/secrets/log-key
of bad import mails/20*.eml >/dev/null
of bad checkpoint >out 2>err && fail "a key that others can read"
grep -q "chmod 600" err || fail "a key that others can read: $(cat err)"
rm bad/secrets/log-key
of bad checkpoint >out 2>err && fail "no key"
grep -q "log-key: there is no key" err || fail "no key: $(cat err)"
# A new origin: the old log is named in the ledger, its checkpoints still hold up to where the two part.
server_start
fk checkpoint --new-origin --reason r >out 2>err && fail "a new origin while the server signs"
server_stop
of back checkpoint --new-origin --reason "the disk of yesterday" >out 2>err || fail "a new origin: $(cat err)"
of back audit >out || fail "audit"
of back checkpoint >anew.note || fail "a checkpoint under the new origin"
grep -q '^fumikura/[0-9a-f]*/[0-9]*T[0-9]*Z$' anew.note || fail "the new origin: $(cat anew.note)"
seq=$(sed -n 2p anew.note)
for i in 1 2 3 4; do of back show "$((seq - i))" --entry; done >lines
grep -q "kind=admin .*what=origin .*old=$(head -n 1 new.note) .*size=$size" lines || fail "the admin entry"
of back verify --against anew.note >out || fail "verify under the new origin: $(cat out)"
of back verify --against old.note --vkey vkey >out || fail "the old log's checkpoint before the parting: $(cat out)"
found back fork - --against new.note --vkey vkey
of back verify --against new.note >out 2>err && fail "a note by the old key, held against the new one"
grep -q '^fumikura: new.note: ' err || fail "a note by another key: $(cat err)"

# A server without the key takes mail, says what is missing, and signs when it is put back.
rm -rf bad; cp -a v bad; V=$TEST_DIR/bad
config checkpoint-interval '"1 s"'
mv bad/secrets/log-key away
server_start
send mails/01-iso-2022-jp.eml | grep -q ^250 || fail "no mail without the log's key"
wait_for 10 grep -q "no checkpoint was made: .*log-key: there is no key" "$SERVER_LOG" || fail "no word of the key: $(tail -n 3 "$SERVER_LOG")"
mv away bad/secrets/log-key
send mails/01-iso-2022-jp.eml >reply
fk checkpoint >out 2>err || fail "no checkpoint after the key was put back: $(cat err)"
server_stop
V=$TEST_DIR/v
