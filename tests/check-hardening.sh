#!/bin/sh
# check-hardening.sh PROGRAM - the binary, not the Makefile, is what is asked.
set -u
p=$1 bad=0
need() { printf '%s\n' "$2" | grep -q "$3" || { echo "$p: not $1"; bad=1; }; }
need "position independent (PIE)" "$(readelf -h "$p")" 'Type:.*DYN'
need "fully bound at start (BIND_NOW)" "$(readelf -d "$p")" 'BIND_NOW\|NOW'
need "read-only after relocation (RELRO)" "$(readelf -lW "$p")" GNU_RELRO
need "protected against stack smashing" "$(readelf -sW --dyn-syms "$p")" __stack_chk_fail
need "fortified" "$(readelf -sW --dyn-syms "$p")" '_chk@'
need "marked for CET (IBT, SHSTK)" "$(readelf -nW "$p")" 'IBT.*SHSTK'
readelf -lW "$p" | grep GNU_STACK | grep -q 'RWE' && { echo "$p: executable stack"; bad=1; }
exit $bad
