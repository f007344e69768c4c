#!/bin/sh
# lint.sh - clang-tidy's checks that find real faults, mandoc, and the rules of this house.
# CHANGED=1 looks at files that differ from main only.
set -u
bad=0
say() { echo "$1"; bad=1; }
if [ -n "${CHANGED:-}" ]; then list=$(git diff --name-only --diff-filter=AMR main); else list=$(git ls-files); fi
code=$(printf '%s\n' "$list" | grep -E '\.(c|h|cc)$')
units=$(printf '%s\n' "$list" | grep -E '\.c$')

case $(clang-format --version) in *" 14."*) format=yes ;; *) format= ;; esac # others break lines elsewhere
for f in $code; do
    [ -z "$format" ] || clang-format --dry-run --Werror "$f" >/dev/null 2>&1 || say "$f: not formatted (make format)"
    [ "$(wc -l <"$f")" -le 800 ] || say "$f: over 800 lines; split it by aspect"
done
if [ -n "$code" ]; then
    grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $code && say "say it in an issue, not in the code"
    grep -nE '^[[:space:]]*(fsync|fdatasync|rename|renameat|ftruncate|mdb_txn_commit|fclose)\(' $code &&
        say "a result is dropped; use it, or cast it to void with the reason"
fi
if [ -n "$units" ]; then
    ctags -x --c-kinds=f --_xformat='%F:%n %N %{end}' $units | awk '{split($1, at, ":"); n = $3 - at[2]
        if (n > 120) {print $1 ": " $2 " has " n " lines; at most 120"; bad = 1}} END {exit bad}' || bad=1
fi
for f in docs/man/*.1; do
    [ -f "$f" ] && { mandoc -Tlint -W warning "$f" || bad=1; }
done
checks='-*,bugprone-*,clang-analyzer-*,misc-redundant-expression,performance-*'
off='-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result'
off="$off,-bugprone-reserved-identifier,-bugprone-assignment-in-if-condition,-bugprone-branch-clone,-performance-no-int-to-ptr"
# Fixed lengths instead of a closing NUL are this house's way; layouts follow the reader, not the padding.
off="$off,-bugprone-not-null-terminated-result,-bugprone-sizeof-expression,-clang-analyzer-optin.*"
off="$off,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-clang-analyzer-valist.Uninitialized,-bugprone-multi-level-implicit-pointer-conversion"
tidy() { # checks; the files on stdin
    xargs -r -P "$(nproc)" -n 4 sh -c \
        'clang-tidy --quiet --warnings-as-errors="*" --checks="$0" "$@" -- -std=c11 '"$CPPFLAGS"' 2>/dev/null' "$1"
}
printf '%s\n' $units | grep -v '^tests/unit/' | tidy "$checks,$off" || bad=1
# That an assertion of a test ends its path is more than the analyzer can see.
printf '%s\n' $units | grep '^tests/unit/' | tidy "$checks,$off,-clang-analyzer-*" || bad=1
exit $bad
