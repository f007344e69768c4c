#!/usr/bin/env bash
# while mail comes in and is read the key is exchanged: nothing waits long, nothing fails, no process keeps the old key
. "$ROOT/tests/lib/kept.sh"
. "$ROOT/tests/lib/kek.sh"
own_mails
rm mails/24-big.eml
vault_new
config segment-size '"1 MiB"' # so that segments are closed and sealed meanwhile
fk import mails/*.eml >imported || fail "import"
fk seal >/dev/null || fail "seal"
fk import mails/*.eml >>imported || fail "import"
first=$(head -n 1 imported | cut -f 1)
fk show "$first" --raw >first || fail "show"
server_start
pens="$(role_pid keep) $(role_pid lend)"
"$BUILD/tools/smtp-blast" -a -c 4 -r 100000 -o acks "$(address smtp)" mails/*.eml >blast 2>&1 &
client=$!
at_exit 'kill $client 2>/dev/null'
reading() { # until the file `enough` is there; what fails is written down
    while [ ! -e enough ]; do
        fk show "$first" --raw 2>>troubles | cmp -s - first || echo "show" >>troubles
        fk verify --segment 1 >verified 2>&1 || cat verified >>troubles
        echo >>looks
    done
}
: >troubles
: >looks
reading &
reader=$!
at_exit 'kill $reader 2>/dev/null'
some() { [ "$(wc -l <"$1")" -gt "$2" ]; }
wait_for 20 some acks 20 || fail "no mail is acknowledged: $(cat blast)"
: >old
slowest=0
for n in 1 2 3 4 5; do
    keys_of "$V" | head -n 1 >>old
    [ $n != 1 ] || [ "$(id -u)" != 0 ] || expect 1 "$(found_in_memory "$(role_pid lend)" <old)" "the control: the key in lend's memory"
    had=$(wc -l <acks) looked=$(wc -l <looks)
    fk keys rotate --reason "exchange $n" >said || fail "rotate: $(cat said)"
    wait_for 20 some acks "$had" || fail "no mail after exchange $n: $(tail -n 3 "$SERVER_LOG")"
    wait_for 60 some looks "$looked" || fail "nobody reads after exchange $n"
done
touch enough
wait $reader
kill $client 2>/dev/null
wait $client 2>/dev/null
[ ! -s troubles ] || fail "readers saw: $(sort troubles | uniq -c | head -n 5)"
expect "$pens" "$(role_pid keep) $(role_pid lend)" "keep and lend: none has died"
# Every second somebody asks lend something, which is when it looks for another key.
forgotten() { [ "$(found_in_memory "$(role_pid "$1")" <old)" = 0 ]; }
for role in keep lend; do
    [ "$(id -u)" != 0 ] || wait_for 10 forgotten $role || fail "$(found_in_memory "$(role_pid $role)" <old) old keys are in the memory of $role"
done
expect 0 "$(found_in_files "$V" <old)" "old keys in the vault's files"
expect 5 "$(fk audit --json | jq -s 'map(select(.kind == "key")) | length')" "exchanges in the ledger"
# Half done when the server dies: the next one goes on with it by itself, beside its work.
server_kill
FUMIKURA_FAULT=destroy:1:kill fk keys rotate >said 2>&1 && fail "not killed: $(cat said)"
[ -e "$V/secrets/kek-next" ] || fail "nothing is left half done: $(ls "$V/secrets")"
fk doctor | grep -q '^warning .*is not complete' || fail "doctor: $(fk doctor)"
fk verify >out || fail "verify with two keys: $(cat out)"
server_start
whole() { [ ! -e "$V/secrets/kek-next" ]; }
wait_for 20 whole || fail "the server does not complete it: $(tail -n 3 "$SERVER_LOG")"
send mails/01-iso-2022-jp.eml | grep -q ^250 || fail "no mail after that"
server_stop
verify_clean "it all"
all_acked acks
note "$(wc -l <acks) acknowledged, $(wc -l <looks) looks, $(ls "$V/segments" | grep -c sealed) sealed segments"
