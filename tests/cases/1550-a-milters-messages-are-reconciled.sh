#!/usr/bin/env bash
# behind a milter no reply names an entry: each message of a real Postfix's log is found by its queue id, and one that was let through while the milter was away is named
. "$ROOT/tests/lib/milter.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
milter_vault
server_start
milter_port_fixed
config timezone "\"$(date +%:z)\""
# The very mistake that is to be found: an open door while the milter is away.
postfix_start postfix "milter_default_action = accept" "relayhost = [127.0.0.1]:1" "default_transport = discard" "local_transport = discard"
log=postfix/log/mail.log
id_of() { sed -n 's/.*queued as \([0-9A-Za-z]*\).*/\1/p' | tail -n 1; }
mail() { through "$port" "mails/$1" tanaka@example.jp sato@example.jp | id_of; }
through_is() { grep -q " $1: removed" "$log"; }
a=$(mail 01-iso-2022-jp.eml) b=$(mail 13-ascii.eml) same=$(mail 13-ascii.eml)
for id in "$a" "$b" "$same"; do wait_for 40 through_is "$id" || fail "$id is not through: $(tail -n 5 $log)"; done
fk index --wait >/dev/null || fail "index"
says() { jq -r "select(.type == \"$1\") | $2" out; }

# All are there: the same bytes twice are two captures of one message, each by its own queue id.
fk reconcile --postfix --record $log --json >out 2>err || fail "findings where there are none: $(cat out err)"
expect "3 0 0 0" "$(says summary '"\(.kept) \(.missing) \(.wrong) \(.unnamed)"')" "the sum"
expect 3 "$(says summary .recorded)" "deliveries recorded"
fk index --wait >/dev/null
expect 2 "$(fk search --json delivery:sent 2>/dev/null | jq -s 'map(select(.seq)) | length')" "messages that were delivered"
fk reconcile --postfix - --json <$log >out 2>err || fail "of stdin: $(cat out err)"
expect "3 0" "$(says summary '"\(.kept) \(.missing)"')" "of stdin"

# The archive is away for one message, and Postfix lets it pass.
server_stop
lost=$(mail 02-shift-jis.eml)
wait_for 40 through_is "$lost" || fail "$lost is not through: $(tail -n 5 $log)"
server_start
fk index --wait >/dev/null || fail "index"
fk reconcile --postfix $log --json >out 2>err
expect 1 $? "exit status with a finding"
expect "$lost no-copy" "$(says missing '"\(.queue_id) \(.why)"')" "what is missing"
expect "3 1" "$(says summary '"\(.kept) \(.missing)"')" "the sum"

# A queue id that comes again at another time is another message.
sed "s/$lost/$a/" $log >again
fk reconcile --postfix $log again --json >out 2>err
expect "$lost" "$(says missing .queue_id)" "what is missing of both"
python3 - $log <<'PY' >later
import datetime, sys
for line in open(sys.argv[1]):
    when, rest = line[:15], line[15:]
    year = datetime.date.today().year
    try:
        moved = datetime.datetime.strptime(f"{year} {when}", "%Y %b %d %H:%M:%S") - datetime.timedelta(hours=1)
        line = moved.strftime("%b %e %H:%M:%S") + rest
    except ValueError:
        moved = datetime.datetime.fromisoformat(line.split(" ", 1)[0]) - datetime.timedelta(hours=1)
        line = moved.isoformat() + " " + line.split(" ", 1)[1]
    print(line, end="")
PY
fk reconcile --postfix later --json >out 2>err
expect 1 $? "an hour earlier"
expect "0 4" "$(says summary '"\(.kept) \(.missing)"')" "queue ids of an hour before"

# What the index has not read is not told missing.
server_stop
fk import mails/02-shift-jis.eml >/dev/null || fail "import"
fk reconcile --postfix $log --json >out 2>err
expect 75 $? "an index that lags"
grep -q 'fumikura index --wait' err || fail "the hint: $(cat err)"
# Without a milter in the configuration it is asked for; a rebuilt index says the same.
fk reindex >/dev/null || fail "reindex"
config milter '{}'
fk reconcile --postfix $log >out 2>err
expect 2 $? "no replies, and no milter"
grep -q -- '--milter' err || fail "the hint: $(cat err)"
fk reconcile --postfix --milter $log --json >out 2>err
expect "3 1 $lost" "$(says summary '"\(.kept) \(.missing)"') $(says missing .queue_id)" "of a rebuilt index"
