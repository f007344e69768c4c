#!/usr/bin/env bash
# questions of any signs, scripts and bytes are answered or refused with their place, and what was understood asks for the same
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
python3 "$ROOT/tests/oracle/mails.py" 300 mails || fail "the generator"
vault_new
server_start
fk import mails >imported 2>import.err || fail "import: $(tail -n 3 import.err)"
fk index --wait >/dev/null || fail "index"
python3 "$ROOT/tests/oracle/strange.py" "$(address web)" "${STRANGE_QUESTIONS:-400}" "${ORACLE_SEED:-1}" >asked 2>&1 || { cat asked >&2; fail "strange questions"; }
note "$(tail -n 1 asked)"
server_stop
