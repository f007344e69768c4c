# oracle.sh - for cases and the soak: mail in an index, and a plain scan of the same mail as its judge (tests/oracle/).
#
#     oracle_judge DIRECTORY QUESTIONS [SEED]    imports *.eml below it into $V, asks, fails on any difference
#
# ORACLE_FILES=off leaves out what stands in attached files, for mail whose files programs of others read: the scan has none of them.
export PYTHONDONTWRITEBYTECODE=1 # nothing is left beside the sources
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1

oracle_judge() {
    local seed=${3:-${ORACLE_SEED:-1}}
    find "$1" -name '*.eml' | sort >files
    local files=${ORACLE_FILES:-on} option=
    [ "$files" = off ] || option=-a
    xargs -d '\n' "$BUILD/tools/texts" $option <files >texts || fail "the texts of the messages"
    vault_new
    config attachments "\"$files\""
    server_start
    fk import --json "$1" >imported 2>import.err || fail "import: $(tail -n 3 import.err)"
    fk index --wait >/dev/null || fail "index"
    python3 "$ROOT/tests/oracle/judge.py" texts imported "$(address web)" --queries "$2" --seed "$seed" \
        --cli "$FUMIKURA" -C "$V" >judged 2>&1 || { cat judged >&2; fail "the index and a plain scan differ; again: ORACLE_SEED=$seed"; }
    ! grep 'was ended by' "$SERVER_LOG" >&2 || fail "a part of the server died of a question; again: ORACLE_SEED=$seed"
    note "$(tail -n 1 judged)"
    server_stop
}
