# journals.sh - for cases on journal reports: made-up reports in journals/, and what the index says of them.
#
#     . "$ROOT/tests/lib/journals.sh"
#     take fork-1 fork-2              imported one by one, as a journal; the entry of a name is $(entry fork-1)
#     found 'bcc:a@b'                 entries of the hits' captures, "1,2 5"
#     known fork-1 .recipients        of `show --json`, its provenance
. "$ROOT/tests/lib/kept.sh"
python3 "$ROOT/tests/fixtures/make_journals.py" "$TEST_DIR/journals" || fail "make_journals.py"
take() {
    local name
    for name; do
        fk import --journal "journals/$name.eml" | sed "s/^/$name\t/" >>taken || fail "import $name"
    done
}
entry() { awk -v n="$1" '$1 == n {print $2; exit}' taken; }
found() { fk search --json "$@" 2>/dev/null | jq -r 'select(.seq) | .capture_seqs | join(",")' | sort -n | paste -sd' '; }
known() { fk show "$(entry "$1")" --json | jq -r "${3:-} .provenance | $2"; }
dump() { "$BUILD/tools/index-dump" "$V" || fail "dump"; }
