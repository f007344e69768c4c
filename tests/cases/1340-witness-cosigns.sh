#!/usr/bin/env bash
# a witness's cosignature joins the checkpoint; an older copy and a fork are refused and said; a witness away delays nobody
. "$ROOT/tests/lib/witness.sh"
own_mails
vault_new
config checkpoint-interval '"1 s"'
witness_start
config witness "{\"$(witness_url) $(cat w/vkey)\"}"
fk checkpoint --vkey >>w/logs 2>/dev/null || fail "checkpoint --vkey"
is_cosigned() { cosigned v/log/checkpoint w/vkey; }
server_start
send mails/01-iso-2022-jp.eml >reply || fail "send"
seq=$(seq_of <reply)
wait_for 20 is_cosigned || fail "no cosignature: $(tail -n 3 "$SERVER_LOG")"
fk checkpoint >note || fail "checkpoint"
cosigned note w/vkey >out || fail "$(cat out)"
fk show "$seq" --entry >line; fk show "$seq" --proof >proof; fk checkpoint --key >key.pem
python3 "$ROOT/tests/lib/proof.py" line proof key.pem >out || fail "the proof: $(cat out)"
sed '1,/^$/d' proof >proof.note
cosigned proof.note w/vkey >out || fail "the proof's checkpoint: $(cat out)"
fk verify --against note --witness w/vkey >out || fail "verify --witness: $(cat out)"
grep -q '^witness.example/w1 cosigned it at 2' out || fail "verify --witness: $(cat out)"
"$FUMIKURA" witness init stranger witness.example/w2 >/dev/null
fk verify --against note --witness stranger/vkey >out 2>&1
expect 1 $? "verify with a witness that did not cosign"
grep -q ' check witness: ' out || fail "verify with a witness that did not cosign: $(cat out)"
server_stop
cp -a v older
# Away: mail and checkpoints go on, it is told once, and asked again.
server_start
witness_stop
for i in 1 2 3; do send mails/02*.eml | grep -q ^250 || fail "mail while the witness is away"; sleep 1; done
wait_for 10 eval "fk status --json | jq -e '.witnesses[0].trouble != \"\"'" || fail "status: $(fk status)"
fk doctor | grep -q '^warning *witness: ' || fail "doctor: $(fk doctor)"
expect 1 "$(grep -c 'no cosignature: ' "$SERVER_LOG")" "times that it was told"
witness_start
wait_for 30 is_cosigned || fail "not asked again"
wait_for 5 eval "fk status --json | jq -e '.witnesses[0].trouble == \"\"'" || fail "status: $(fk status)"
server_stop
# An older copy with the same key, and what it grows into.
V=$TEST_DIR/older
server_start
wait_for 20 grep -q "this is an older copy of the ledger" "$SERVER_LOG" || fail "an older copy: $(tail -n 3 "$SERVER_LOG")"
grep -q "was not cosigned: it does not continue" witness.log || fail "the witness: $(cat witness.log)"
send mails/03*.eml | grep -q ^250 || fail "mail into the older copy"
server_stop
fk import mails/*.eml >/dev/null || fail "import"
fk checkpoint >out 2>err || fail "checkpoint of the fork: $(cat err)"
grep -q "the ledger's past has been changed" err || fail "a fork: $(cat err)"
cosigned out w/vkey >said && fail "a fork was cosigned"
witness_stop
V=$TEST_DIR/v
