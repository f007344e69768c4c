#!/usr/bin/env bash
# each entry is proven under a signed checkpoint by readers that are not ours; checkpoints grow, idle or not
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
config checkpoint-interval '"1 s"'
proven() { # SEQ: by a reader of its own and openssl
    fk show "$1" --entry >line || fail "show $1 --entry"
    fk show "$1" --proof >proof || fail "show $1 --proof"
    python3 "$ROOT/tests/lib/proof.py" line proof key.pem >out || fail "the proof of entry $1: $(cat out)"
    grep -q "^ok index $1 size" out || fail "the proof of entry $1: $(cat out)"
}
# Without a server the command makes the checkpoint itself.
fk checkpoint >first || fail "checkpoint"
fk checkpoint --key >key.pem || fail "checkpoint --key"
expect 1 "$(sed -n 2p first)" "the first checkpoint's size"
fk import mails/*.eml >/dev/null || fail "import"
for seq in 0 1 7 24; do proven $seq; done
# The commands that VERIFY.md gives for a signature, as they stand there.
cp key.pem LOGKEY.pem; cp key.pem log.pem; fk show 24 --entry >line
mkdir -p data/log && sed '1,/^$/d' proof >data/log/checkpoint
sed -n '/^2\. \*\*Signature/,/^3\. /s/^        //p' "$ROOT/tape-export/text/VERIFY.md" | head -n 3 >commands
expect 3 "$(wc -l <commands)" "commands of VERIFY.md"
sh -ec "$(cat commands)" >out 2>&1 || fail "VERIFY.md: $(cat out)"
grep -q 'Signature Verified Successfully' out || fail "VERIFY.md: $(cat out)"
sed -i '2s/.*/99/' body
openssl pkeyutl -verify -rawin -pubin -inkey log.pem -in body -sigfile sig >out 2>&1 && fail "a changed body is signed"
# Another message's line is not proven by it.
fk show 3 --entry >other
python3 "$ROOT/tests/lib/proof.py" other proof key.pem >out && fail "a proof of entry 24 proves entry 3"
sed 's/^index 24/index 23/' proof >bent
python3 "$ROOT/tests/lib/proof.py" line bent key.pem >out && fail "a proof for another place"
# The server makes them as entries come, and when none come.
server_start
send mails/01-iso-2022-jp.eml >reply || fail "send"
seq=$(seq_of <reply)
proven "$seq"
fk checkpoint >second || fail "checkpoint of a server"
for i in $(seq 0 $(($(sed -n 2p second) - 1))); do fk show "$i" --entry; done >entries
python3 "$ROOT/tests/lib/proof.py" --consistent first second entries || fail "the checkpoints are not of one ledger"
fk checkpoint --proof first >request || fail "checkpoint --proof"
python3 "$ROOT/tests/lib/proof.py" --continues first request key.pem || fail "the proof between two checkpoints"
fk checkpoint --proof "$(sed -n 2p first)" | cmp - request || fail "checkpoint --proof SIZE"
for hash in 2 3; do
    sed "$hash s/^./&\n/;$hash s/^A\n/B/;$hash s/^\(.\)\n/A/" request >bent
    cmp -s request bent || ! python3 "$ROOT/tests/lib/proof.py" --continues first bent key.pem >out || fail "a changed proof"
done
for old in 0 01 '' 99999999 mails/01-iso-2022-jp.eml /nowhere; do
    fk checkpoint --proof "$old" >out 2>err && fail "checkpoint --proof $old"
    [ -s err ] && [ ! -s out ] || fail "checkpoint --proof $old: $(cat out err)"
done
fk verify --against first >out || fail "verify --against the first: $(cat out)"
fk verify --against second >out || fail "verify --against the second: $(cat out)"
grep -q "the first $(sed -n 2p second) entries are those" out || fail "verify --against said: $(cat out)"
for options in "" --print --vkey --key; do fk checkpoint --json $options | jq -e .root >/dev/null || fail "checkpoint --json $options"; done
fk show 1 --proof --json | jq -e .proof >/dev/null || fail "show --proof --json"
fk verify --against first --json | jq -e . >/dev/null || fail "verify --against --json"
fk checkpoint --print | grep -q '^root  *\([0-9a-f]\{4\} \)\{7\}[0-9a-f]\{4\}$' || fail "checkpoint --print: $(fk checkpoint --print)"
# The process with the key, and the one that asks it, may die.
for role in sign logd lend; do
    kill -9 "$(role_pid $role)"
    send mails/02*.eml >reply || fail "send after $role was killed"
    proven "$(seq_of <reply)"
done
# Partial tiles that were replaced are gone.
sleep 2
expect 1 "$(ls v/log/tile/0/000.p | wc -l)" "partial tiles of level 0"
expect 1 "$(ls v/log/tile/entries/000.p | wc -l)" "partial bundles"
server_stop
fk verify >out || fail "verify: $(cat out)"
