#!/usr/bin/env bash
# run.sh BUILD [quick] - runs the unit programs and the scenario scripts; last line "N passed, N failed".
#
# A unit program's own count (cmocka's closing lines) is taken, test by test. A scenario script
# tests/cases/NNNN-name.sh says what it claims in its second line ("# claim"), gets FUMIKURA (the
# program), BUILD, ROOT and TEST_DIR (its own empty directory), and exits 0, or 77 with a reason as
# its last line when it cannot run here; a skip fails where CI is set. Exit 78 is kept for one reason:
# the real corpus is not here; that is not counted. A script that leaves a process running fails.
# A third line "# not under asan: why" leaves it out of that run.
# Families: 1 archiver, 2 indexer, 3 search, 4 retention, 5 tape, 7 faults and crashes, 9 whole system.
# A fuzz program (tests/fuzz) is one test: its seeds, and under asan changes of them for a share of FUZZ_SECONDS (60).
# "quick" leaves out 7 and 9. ONLY=pattern runs just what matches. JOBS=n programs or cases at a time (2).
# KEEP=1 leaves the directories of cases that failed. FULL=1: sweeps take every step, not a sample.
set -u
cd "$(dirname "$0")/.." || exit 2
build=$1 quick=${2:-}
ROOT=$PWD FUMIKURA=$PWD/$build/fumikura BUILD=$PWD/$build
export ROOT FUMIKURA BUILD
export FUMIKURA_CORPUS=${FUMIKURA_CORPUS:-$(cd .. && pwd)/shared/corpus}
work=$(mktemp -d /var/tmp/fumikura-check.XXXXXX)
chmod 755 "$work"
trap '[ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 began=$SECONDS broken=() # named once more at the end

wanted() { [[ -z ${ONLY:-} || $1 =~ $ONLY ]]; }
count() { sed -n "s/^\[  $1  \] \([0-9]*\) test(s).*/\1/p" "$2" | awk '{n += $1} END {print n + 0}'; }

# A unit program -> what it says of what fails, and a line "UNIT name passed failed".
one_unit() {
    local name=${1#"$build"/unit/} out ok bad rc
    out=$work/unit/${name//\//-}.out
    TEST_DIR=$(mktemp -d "$work/unit/XXXXXX") timeout -k 5 900 "$1" >"$out" 2>&1 </dev/null
    rc=$?
    ok=$(count PASSED "$out") bad=$(count FAILED "$out")
    [ $rc -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    [ $rc -eq 0 ] && [ "$ok" -eq 0 ] && bad=1 && echo "$name: ran no test"
    grep -aq '^\[  SKIPPED \]' "$out" && [ -n "${CI:-}" ] && bad=$((bad + 1))
    if [ "$bad" -ne 0 ]; then
        echo "FAILED $name (exit $rc)"
        grep -av -e '^\[ RUN' -e '^\[       OK' "$out" | tail -n 60
    fi
    echo "UNIT $name $ok $bad"
}
export -f one_unit count
export work build
mkdir -p "$work/unit"
for program in $(printf '%s\n' tests/unit/*/test_*.c | sed -n "s|^tests/\(.*\)\.c$|$build/\1|p"); do
    wanted "${program#"$build"/unit/}" && echo "$program"
done | xargs -r -P "${JOBS:-2}" -I{} bash -c 'said=$(one_unit {}); printf "%s\n" "$said"' >"$work/results"
grep -av '^UNIT ' "$work/results"
while read -r _ name ok bad; do
    passed=$((passed + ok)) failed=$((failed + bad))
    [ "$bad" -eq 0 ] || broken+=("$name")
done < <(grep -a '^UNIT ' "$work/results")
echo "unit: $passed passed, $failed failed, $((SECONDS - began)) s"

fuzz=()
for source in tests/fuzz/*.c; do
    name=fuzz/$(basename "$source" .c)
    wanted "$name" && fuzz+=("$name")
done
one_fuzz() { # name, its share in seconds -> a line for each that holds, or what it says of what does not
    local short=${1#fuzz/} options=(-seed="${FUZZ_SEED:-1}" -max_total_time="$2")
    [ -f "tests/fuzz/dict/$short" ] && options+=(-dict="tests/fuzz/dict/$short")
    mkdir -p "$work/fuzz/$short"
    if TEST_DIR=$work/fuzz/$short timeout -k 5 600 "$build/$1" "${options[@]}" "tests/fuzz/seeds/$short" \
        >"$work/fuzz/$short.out" 2>&1 </dev/null; then
        echo "PASS $1"
    else
        echo "FAILED $1"
        tail -n 60 "$work/fuzz/$short.out"
    fi
}
if [ ${#fuzz[@]} -gt 0 ]; then
    share=0
    [[ $build == *asan ]] && share=$((${FUZZ_SECONDS:-60} * ${JOBS:-2} / ${#fuzz[@]}))
    export -f one_fuzz
    printf '%s\n' "${fuzz[@]}" | xargs -P "${JOBS:-2}" -I{} bash -c "one_fuzz {} $share" >"$work/results"
    grep -av '^PASS' "$work/results"
    mapfile -t -O ${#broken[@]} broken < <(sed -n 's/^FAILED //p' "$work/results")
    ok=$(grep -ac '^PASS' "$work/results") bad=$(grep -ac '^FAILED' "$work/results")
    passed=$((passed + ok)) failed=$((failed + bad))
    echo "fuzz: $ok passed, $bad failed"
fi

left_running() { # directory -> the processes that a case has left behind
    local p
    for p in /proc/[0-9]*; do
        tr '\0' '\n' 2>/dev/null <"$p/environ" | grep -qxF "TEST_DIR=$1" && echo "${p#/proc/}"
    done
}
# What still runs in a case that is about to be ended for its time, and what was written there last.
still_running() {
    local file
    ps ww -o pid=,ppid=,stat=,etime=,time=,wchan:24=,args= -p "$(left_running "$1" | paste -sd,)" | cut -c1-300
    for file in $(find "$1" -maxdepth 1 -type f -printf '%T@ %p\n' | sort -rn | head -n 3 | cut -d' ' -f2); do
        echo "-- $file"
        tail -n 5 "$file"
    done
}
one_case() { # script -> "PASS name" | "FAIL name" with its output
    local script=$1 name dir start rc left watch limit=900
    name=$(basename "$script" .sh)
    dir=$work/$name start=$SECONDS
    mkdir -p "$dir"
    (sleep $((limit - 20)) && still_running "$dir" >>"$work/$name.out" 2>&1) 2>/dev/null &
    watch=$!
    TEST_DIR=$dir timeout -k 10 $limit bash "$script" >>"$work/$name.out" 2>&1 </dev/null
    rc=$?
    pkill -P $watch 2>/dev/null
    { wait $watch; } 2>/dev/null
    left=$(left_running "$dir")
    if [ -n "$left" ]; then
        sleep 1 # one that is just ending
        left=$(left_running "$dir")
    fi
    if [ -n "$left" ]; then
        { echo "left running:"; ps -o pid=,args= -p "$(echo $left | tr ' ' ,)"; } >>"$work/$name.out"
        kill -9 $left 2>/dev/null
        [ $rc -eq 0 ] && rc=99
    fi
    if [ $rc -eq 0 ]; then
        echo "PASS $name $((SECONDS - start)) s"
        grep -a '^NOTE' "$work/$name.out" | sed 's/^/     /'
        rm -rf "$dir" "$work/$name.out"
    elif [ $rc -eq 77 ] && [ -z "${CI:-}" ]; then
        echo "SKIP $name: $(tail -n 1 "$work/$name.out")"
    elif [ $rc -eq 78 ]; then
        echo "NOTE $name: $(tail -n 1 "$work/$name.out")"
    else
        echo "FAIL $name (exit $rc, $((SECONDS - start)) s): $(sed -n '2s/^# //p' "$script")"
        tail -n 40 "$work/$name.out" | sed 's/^/    /'
        [ -z "${KEEP:-}" ] && rm -rf "$dir"
    fi
}
export -f one_case left_running still_running
export work
list=()
for script in tests/cases/7*.sh tests/cases/9*.sh tests/cases/[1-68]*.sh; do # the long ones first
    [ -f "$script" ] || continue
    name=$(basename "$script" .sh)
    wanted "$name" || continue
    [ -n "$quick" ] && [[ $name == [79]* ]] && continue
    [[ $build == *asan ]] && sed -n 3p "$script" | grep -q '^# not under asan' && continue
    list+=("$script")
done
: >"$work/results"
[ ${#list[@]} -gt 0 ] &&
    printf '%s\n' "${list[@]}" | xargs -P "${JOBS:-2}" -I{} bash -c 'one_case {}' | tee "$work/results"
passed=$((passed + $(grep -ac '^PASS' "$work/results")))
failed=$((failed + $(grep -ac '^FAIL' "$work/results")))
[ ${#broken[@]} -eq 0 ] || printf 'failed: %s\n' "${broken[@]}"
grep -a '^FAIL' "$work/results" | sed 's/^FAIL \([^ ]*\).*/failed: \1/'
echo "took $((SECONDS - began)) s"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
