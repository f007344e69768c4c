#!/usr/bin/env bash
# every literal text is found wherever it stands and nowhere else: random questions to hard mail against a plain scan of it
. "$ROOT/tests/lib/oracle.sh"
python3 "$ROOT/tests/oracle/mails.py" "${ORACLE_MESSAGES:-2000}" mails || fail "the generator"
oracle_judge mails "${ORACLE_QUERIES:-500}"
