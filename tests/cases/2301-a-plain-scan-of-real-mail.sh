#!/usr/bin/env bash
# every literal text of the real messages is found wherever it stands and nowhere else, by a plain scan of them
. "$ROOT/tests/lib/oracle.sh"
[ -f "$FUMIKURA_CORPUS/messages.tsv" ] || { echo "no real mail in $FUMIKURA_CORPUS"; exit 78; }
ORACLE_FILES=off oracle_judge "$FUMIKURA_CORPUS/messages" "${ORACLE_QUERIES:-500}"
