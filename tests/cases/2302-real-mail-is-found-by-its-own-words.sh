#!/usr/bin/env bash
# every real message is found by the words of its subject and of its first 200 characters, as another reader has them, but for a table
export PYTHONDONTWRITEBYTECODE=1 # nothing is left beside the sources
. "$ROOT/tests/lib/server.sh"
[ -f "$FUMIKURA_CORPUS/messages.tsv" ] || { echo "no real mail in $FUMIKURA_CORPUS"; exit 78; }
cd "$TEST_DIR" || exit 1
vault_new
server_start
fk import --json "$FUMIKURA_CORPUS/messages" >imported 2>import.err || fail "import: $(tail -n 3 import.err)"
fk index --wait >/dev/null || fail "index"
python3 "$ROOT/tests/oracle/recall.py" imported "$(address web)" "$ROOT/tests/oracle/recall-exceptions.tsv" "$FUMIKURA_CORPUS/messages" >recalled 2>&1 ||
    { cat recalled >&2; fail "messages that their own words do not find, or that the table has wrongly"; }
note "$(tail -n 1 recalled)"
note "$(grep -c 'KNOWN FAULT' "$ROOT/tests/oracle/recall-exceptions.tsv") of the table are known faults"
server_stop
