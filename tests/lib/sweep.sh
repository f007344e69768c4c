# sweep.sh - for cases of family 7: a command under strace, its system calls made to fail or to kill, one
# after another. strace counts for each thread and each call by itself; a call that is made to fail is
# not carried out.
. "$ROOT/tests/lib/server.sh"
# Leak checking does not work under strace.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 LSAN_OPTIONS=

exec 8>&2 # where a case's own words go while a command's are in a file

# What changes a disk. The numbers of some differ between libraries: rename and renameat2, say.
WRITES="pwrite64 pwritev write fallocate fdatasync fsync msync ftruncate rename renameat renameat2 unlink unlinkat"
SYNCS="fdatasync fsync msync"

# calls_of SYSCALL COMMAND...: how often that one of its threads that makes the call most makes it.
calls_of() {
    local call=$1
    shift
    strace -f -qq -o "$TEST_DIR/trace" -e trace="$call" "$@" >"$TEST_DIR/traced" 2>&1 || { cat "$TEST_DIR/traced" >&2; fail "$*"; }
    awk -v call="$call" 'index($0, call "(") {n[$1]++} END {for (p in n) if (n[p] > max) max = n[p]; print max + 0}' "$TEST_DIR/trace"
}
# steps N: which of 1..N are taken: all with FULL, else the first five, the last, and some between
# (the sanitizers' build is slow: the first two and the last).
steps() {
    local first=5
    case $BUILD in *asan) first=2 ;; esac
    if [ -n "${FULL:-}" ] || [ "$1" -le $first ]; then seq 1 "$1"; else
        { seq 1 $first; for i in $(seq 2 $first); do echo $((first + ($1 - first) * (i - 1) / (first - 1))); done; } | sort -nu
    fi
}
# step_done WHAT: counts in `taken`, and verifies. Verifying reads the whole vault again, which grows with
# each step: so only after each fourth, unless FULL; each case verifies at its end in any case.
taken=0
step_done() {
    taken=$((taken + 1))
    [ -z "${FULL:-}" ] && [ $((taken % 4)) -ne 1 ] || verify_clean "$1"
}
# injected SYSCALL HOW COMMAND...: HOW as in strace(1): signal=KILL:when=3, error=EIO:when=2+. A command
# that has not ended by itself after a minute fails the case.
injected() {
    local call=$1 how=$2 rc
    shift 2
    timeout -k 5 60 strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:$how" "$@"
    rc=$?
    [ $rc -ne 124 ] || fail "$call:$how: did not end by itself: $*" 2>&8
    return $rc
}
