#!/bin/sh
# check-headers.sh - each header compiles alone, as C11 and as C++17.
set -u
bad=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for h in $(git ls-files '*.h' | grep -v -e '^tests/' -e banned.h); do
    echo "#include \"$h\"" >"$tmp/one.c"
    cp "$tmp/one.c" "$tmp/one.cc"
    ${CC:-gcc} -std=c11 -D_GNU_SOURCE -I. $FLAGS -Wall -Wextra -pedantic -Werror -fsyntax-only "$tmp/one.c" || { echo "$h: not C11 on its own"; bad=1; }
    ${CXX:-g++} -std=c++17 -D_GNU_SOURCE -I. $FLAGS -Wall -Wextra -pedantic -Werror -fsyntax-only "$tmp/one.cc" || { echo "$h: not C++17 on its own"; bad=1; }
done
exit $bad
