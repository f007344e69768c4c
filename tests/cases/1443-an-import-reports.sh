#!/usr/bin/env bash
# new, same, version, brought before, failed: each message is told as what it is; a bar is for terminals only
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 2
vault_new
mkdir in
printf 'Message-ID: <1@x>\nSubject: a\n\n' >in/1
printf 'Message-ID: <1@x>\nSubject: a\n\n' >in/2
printf 'Message-ID:\n <1@x>\nSubject: changed\n\n' >in/3
printf 'Subject: no id\n\n' >in/4
printf 'Subject: no id either\n\n' >in/5
ln -s nowhere in/6
fk import --report r in >out 2>err
expect 1 $? "an import with a failure"
# Those that are kept together are numbered as they were prepared, not as they were read.
seq_in_report() { jq -r --arg path "$1" 'select(.path == $path).seq' r; }
first=$(seq_in_report in/1)
expect "in/1 new null|in/2 same $first|in/3 version $first|in/4 new null|in/5 new null|in/6 failed null" \
    "$(jq -r 'select(.path) | "\(.path) \(.result) \(.first)"' r | sort | paste -sd'|')" "what each is"
expect "1 2 3 4 5 null" "$(jq -r 'select(.path).seq' r | sort | paste -sd' ')" "their numbers"
expect '{"read":5,"new":3,"same":1,"version":1,"earlier":0,"failed":1,"kept":5,"bytes":'"$(cat in/[1-5] | wc -c)"'}' "$(jq -c 'select(.sum).sum' r)" "the sum"
grep -q '^fumikura: read 5 messages, .*: 3 new, 1 same, 1 versions, 0 brought before, 1 failed; 5 kept$' err || fail "$(cat err)"
expect "No such file or directory" "$(jq -r 'select(.result == "failed").reason' r)" "the reason"
rm in/6
fk import --skip-same --report r in >out 2>err || fail "$(cat err)"
expect 4 "$(wc -l <out)" "messages without those that are the same"
expect '"same" false null '"$(seq_in_report in/1)" "$(jq -c 'select(.path == "in/2") | "\(.result|tojson) \(.kept) \(.seq) \(.first)"' -r r)" "one that was left out"
# Brought by the same job before, with its place in the ledger.
fk import --job n in >out 2>err || fail "$(cat err)"
[ ! -s err ] || fail "no word was to be said: $(cat err)"
fk import --job n --report r in >out2 2>err || fail "$(cat err)"
expect "$(cut -f1 out | paste -sd' ')" "$(jq -r 'select(.result == "earlier").seq' r | paste -sd' ')" "seqs of what was brought before"
[ ! -s out2 ] || fail "something was brought twice"
fk import --report /dev/full in >out 2>err
expect 75 $? "a report that cannot be written"
grep -q 'the report is not complete' err || fail "$(cat err)"
fk import --report no/such/r in 2>err
expect 75 $? "a report that cannot be made"
# What a line of the ledger tells nobody: the same bytes by two jobs are two items.
item() { fk show "$1" --entry | grep -o ' item=[0-9a-f]\{24\} '; }
[ -n "$(item 1)" ] && [ "$(item 1)" != "$(item 6)" ] || fail "items: $(item 1) $(item 6)"

# A terminal gets a bar, a pipe does not.
for i in $(seq 300); do printf 'Subject: %d\n\n%s\n' "$i" "$i" >in/m$i; done
script -qec "'$FUMIKURA' -C '$V' import in >/dev/null" tty.out >/dev/null </dev/null || fail "import on a terminal: $(cat tty.out)"
grep -qa 'import \[####################\] 100 %, 305 messages, [0-9.]* MB/s' tty.out || fail "the bar: $(cat tty.out)"
fk import in >out 2>err || fail "$(cat err)"
[ ! -s err ] || fail "a bar on a pipe: $(cat err)"
verify_clean "it all"
