# kept.sh - for families 4 and 5: a vault with mails in it, a day that a case can choose, tapes.
#
#     . "$ROOT/tests/lib/kept.sh"
#     class short P1D                 a retention class in fumikura.conf (NAME PERIOD [FROM [SOURCE]])
#     kept 5                          five of our own mails imported; the numbers of all so far in $seqs
#     forward 3                       the wall clock is three days ahead from here on
#     accept_clock                    and an officer has said that it is right
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1

class() {
    printf 'class "%s" {\n  period = "%s"\n  from = "%s"\n  source = "%s"\n}\n' \
        "$1" "$2" "${3:-received}" "${4:-}" >>"$V/fumikura.conf"
}
# One by one: mails that are imported together may get their numbers in another order.
kept() {
    local file
    [ -d mails ] || own_mails
    for file in $(ls mails/0*.eml | head -n "$1"); do
        fk import "$file" >>imported || fail "import"
    done
    seqs=$(cut -f 1 imported)
}
# mail N: the file of the Nth mail that was kept.
mail() { ls mails/0*.eml | sed -n "${1}p"; }
forward() { export FUMIKURA_TEST_CLOCK=+$(($1 * 86400000)); }
accept_clock() { fk retention run --accept-clock --reason "the clock was looked at"; }
# refused WANTED_EXIT WORDS COMMAND...: it fails with that status and says these words.
refused() {
    local want=$1 words=$2 rc
    shift 2
    "$@" >"$TEST_DIR/refused.out" 2>&1
    rc=$?
    [ $rc -eq "$want" ] || fail "$*: exit $rc, not $want: $(cat "$TEST_DIR/refused.out")"
    grep -qF -- "$words" "$TEST_DIR/refused.out" || fail "$*: does not say \"$words\" but: $(cat "$TEST_DIR/refused.out")"
}
summary() { fk retention plan --json | jq -r "select(.type == \"summary\") | .$1"; }
entries() { fk status --json | jq -e .next; }
# stopped PID: it has raised SIGSTOP (the fault action "stop").
stopped() { grep -q '^State:.T' "/proc/$1/status"; }
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
