#!/bin/sh
# check-layers.sh - refuses an include that runs against the arrows of docs/map.md.
#   base <- vault <- intake <- milter; vault <- indexer, retention, tape-export; indexer <- search;
#   cli joins all but the milter, which is a program of its own.
# Within the indexer: text <- record, transaction, store <- reading; what lies in the folder itself joins them.
# A room includes another room's public header only, never a *_priv.h; the indexer with its folders is one room.
# One file each for GMime, libmicrohttpd and Xapian (the shim's own header); LMDB in the vault only.
set -u
bad=0
say() { echo "$1"; bad=1; }
allowed() { # room -> rooms it may include
    case $1 in
    base) echo base ;;
    archiver/vault) echo base archiver/vault ;;
    archiver/intake) echo base archiver/vault archiver/intake ;;
    archiver/auth) echo base archiver/vault archiver/auth ;;
    archiver/authcheck) echo base archiver/vault archiver/auth archiver/authcheck ;;
    archiver/milter) echo base archiver/vault archiver/intake archiver/milter ;;
    indexer/text) echo base indexer/text ;;
    indexer/record) echo base archiver/vault indexer/text indexer/record ;;
    indexer/transaction) echo base archiver/vault indexer/text indexer/transaction ;;
    indexer/store) echo base archiver/vault indexer/text indexer/store ;;
    indexer/reading) echo base archiver/vault indexer/text indexer/record indexer/transaction indexer/store indexer/reading ;;
    indexer) echo base archiver/vault archiver/auth $indexer ;;
    search) echo base archiver/vault $indexer search ;;
    retention) echo base archiver/vault retention ;;
    tape-export) echo base archiver/vault tape-export ;;
    cli) echo base archiver/vault archiver/intake archiver/auth $indexer search retention tape-export cli ;;
    esac
}
indexer="indexer indexer/text indexer/record indexer/transaction indexer/store indexer/reading"
whole() { case $1 in indexer/*) echo indexer ;; *) echo "$1" ;; esac; }
for room in base archiver/vault archiver/intake archiver/auth archiver/authcheck archiver/milter $indexer search retention tape-export cli; do
    may=" $(allowed $room) "
    for f in "$room"/*.c "$room"/*.h "$room"/*.cc; do
        [ -f "$f" ] || continue
        for inc in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$f"); do
            from=${inc%/*}
            case $may in *" $from "*) ;; *) say "$f includes $inc: against the arrows" ;; esac
            case $inc in *_priv.h) [ "$(whole "$from")" = "$(whole "$room")" ] || say "$f includes $inc: private to $from" ;; esac
        done
    done
done
only() { # header, allowed pattern, words
    got=$(grep -ls "#include <$1" base/* archiver/*/* indexer/* indexer/*/* search/* retention/* tape-export/* cli/* 2>/dev/null | grep -Ev "$2")
    [ -z "$got" ] || say "<$1> may be included $3 only, not by: $got"
    n=$(grep -ls "#include <$1" base/* archiver/*/* indexer/* indexer/*/* search/* retention/* tape-export/* cli/* 2>/dev/null | wc -l)
    [ "$3" = "by one file" ] && [ "$n" -gt 1 ] && say "<$1> is included by $n files, not one"
    return 0
}
only gmime/gmime.h '^indexer/reading/' 'by one file'
only microhttpd.h '^search/' 'by one file'
only xapian.h '^indexer/store/xapian_priv\.h$' 'by one file'
only libmilter/ '^archiver/milter/' 'in archiver/milter'
only lmdb.h '^archiver/vault/' 'in archiver/vault'
# What docs/decisions/0010 keeps apart.
only opendkim/ '^archiver/authcheck/' 'in archiver/authcheck'
only spf2/ '^archiver/authcheck/' 'in archiver/authcheck'
only libpsl.h '^archiver/authcheck/' 'in archiver/authcheck'
only opendmarc/ '^archiver/authcheck/' 'in archiver/authcheck'
only unbound.h '^archiver/authcheck/' 'in archiver/authcheck'
exit $bad
