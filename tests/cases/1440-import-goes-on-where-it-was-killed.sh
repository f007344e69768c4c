#!/usr/bin/env bash
# killed at any write, an import that is resumed has each message in the ledger exactly once
. "$ROOT/tests/lib/sweep.sh"
cd "$TEST_DIR" || exit 2
own_mails
# With the same bytes in several files and in an mbox: those are messages of their own.
mkdir in
cp mails/*.eml in
cp in/01-iso-2022-jp.eml in/again.eml
for f in in/*.eml; do echo "From a@b Sat Jan  3 01:05:34 1996"; cat "$f"; echo; done >in/box
n=$(($(ls in/*.eml | wc -l) * 2))
vault_new
next() { fk status --json | jq .next; }
# exactly_once WHAT: of the last import, with report.json of the run that ended it.
exactly_once() {
    expect $((before + n)) "$(next)" "$1: entries of the ledger"
    expect "$n" "$(jq -r 'select(.seq).seq' report.json | sort -u | wc -l)" "$1: messages told, each with a seq of its own"
    expect "$n" "$(jq 'select(.sum).sum | .new + .same + .earlier' report.json)" "$1: the sum"
}
before=$(next)
fk import --report report.json in >/dev/null 2>&1 || fail "import without a fault: $(cat report.json)"
exactly_once "without a fault"
fk import --resume 2>err
expect 1 $? "resuming what was finished"
grep -q "no import to resume" err || fail "$(cat err)"
expect "" "$(fk import --jobs)" "jobs that are left"

resumed=0 found=0
for call in sendmsg $WRITES; do
    count=$(calls_of "$call" "$FUMIKURA" -C "$V" import in) || exit 1
    for step in $(steps "$count"); do
        before=$(next)
        rm -f report.json
        if ! injected "$call" "signal=KILL:when=$step" "$FUMIKURA" -C "$V" import --report report.json in >/dev/null 2>err; then
            if [ "$(fk import --jobs | wc -l)" = 1 ]; then
                fk import --resume >/dev/null 2>err || fail "SIGKILL at $call $step of $count: resume: $(cat err)"
                resumed=$((resumed + 1))
                tail -n 1 report.json | jq -e '.sum.earlier > 0' >/dev/null && found=$((found + 1))
                tail -n $((n + 1)) report.json >last.json && mv last.json report.json
            elif [ "$before" = "$(next)" ]; then # killed before its job was there: nothing was sent
                continue
            fi # or when all was done
        fi
        exactly_once "SIGKILL at $call $step of $count"
        step_done "SIGKILL at $call $step of $count"
    done
done
note "killed at $taken steps, resumed after $resumed, $found of them with messages that had been kept"
least=10 kept=3
case $BUILD in *asan) least=2 kept=0 ;; esac # it takes fewer steps
[ $resumed -ge $least ] && [ $found -ge $kept ] || fail "too few: did the calls get other names?"

# Through a server's pen, which outlives the import and goes on with what it was sent.
server_start
mkdir many
for i in $(seq 6000); do printf 'Message-ID: <%d@example>\nSubject: %d\n\n%s\n' "$i" "$i" "$i" >many/"$(printf %04d "$i")"; done
n=6000
killed=0
for try in 1 2 3 4 5; do
    before=$(next)
    keep=$(role_pid keep)
    "$FUMIKURA" -C "$V" import --job "try$try" many >/dev/null 2>&1 &
    importing=$!
    # A pen that is slow has the most in hand when the import dies.
    wait_for 20 test -e "$V/run/import/try$try.fence"
    sleep 0.0$((try - 1))
    kill -STOP "$keep"
    sleep 0.3
    kill -9 $importing 2>/dev/null && killed=$((killed + 1))
    wait $importing 2>/dev/null
    rm -f report.json
    (sleep 0.4; kill -CONT "$keep") &
    fk import --resume --job "try$try" --report report.json >/dev/null 2>err || fail "resume through a server: $(cat err)"
    wait $!
    exactly_once "through a server, $try"
done
[ $killed -ge 2 ] || fail "the import was always done before it could be killed"
# A named job that is done brings only what is new.
printf 'Subject: late\n\n' >many/late
fk import --job try1 --json many >out.json 2>err || fail "a named job once more: $(cat err)"
expect many/late "$(jq -r .path out.json)" "what a named job brings the second time"
fk import --job try1 --resume >out 2>&1 || fail "$(cat out)"
# The pen is killed: what it had kept without saying so is found in the ledger.
before=$(next)
n=6001
fk import --report report.json --json many >out.json 2>err &
importing=$!
wait_for 10 test -s out.json
kill -9 "$(role_pid keep)"
wait $importing || fail "import across a pen's death: $(cat err)"
exactly_once "across the pen's death"
server_stop

# Errors that say what to do.
fk import --job 'no/name' many 2>err
expect 2 $? "a name with a slash"
fk import --job try1 --forget try1 || fail "forget"
fk import --forget try1 2>err && fail "forgotten twice"
fk import --resume --job try1 2>err && fail "a job that is forgotten was resumed"
fk import --resume many 2>err
expect 2 $? "--resume with paths"
echo garbage >"$V/run/import/bad.job"
fk import --resume --job bad 2>err && fail "a job's file that is none"
grep -q 'bad.job: not of the form; "import --forget bad" removes it' err || fail "$(cat err)"
fk import --forget bad || fail "forget a damaged job"
verify_clean "it all"
