#!/usr/bin/env bash
# DNS that is late, wrong, cut short, mute, endless or gone: a result each, mail taken meanwhile, memory bounded, and once more later
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
dns_start
for d in good late mute wrong id cut short servfail many loop twice; do key_new $d.example s1 1024; done
for m in late mute wrong id cut short servfail; do zone "s1._domainkey.$m.example * $m"; done
zone "s1._domainkey.many.example * many 1000"
sed -i '/^s1._domainkey.loop.example TXT/d' zone
zone "s1._domainkey.loop.example CNAME a.loop.example" "a.loop.example CNAME s1._domainkey.loop.example"
zone "s1._domainkey.twice.example TXT something else"
auth_vault auth-retry '"4 s"'
server_start
mail() { printf 'From: t@%s\nSubject: x\nDate: Tue, 24 Nov 2026 10:00:00 +0900\n\nbody\n' "$1"; }
n=0
declare -A seq
for d in good late mute wrong id cut short servfail many loop twice; do
    mail $d.example | sign $d.example s1 >$d.eml
    SECONDS=0
    seq[$d]=$(send $d.eml | sed -n 's/.*seq=\([0-9]*\).*/\1/p')
    [ $SECONDS -lt 10 ] || fail "mail waited for DNS"
done
# A hundred signatures of one key, and one more than are checked.
mail good.example >plain.eml
for i in $(seq 100); do zone "s$i._domainkey.good.example $(sed -n 's/^s1._domainkey.good.example //p' zone | head -1)"; done
cp keys/s1.good.example.pem keys/s.good.example.pem
sign good.example s times=100 <plain.eml >hundred.eml
hundred=$(send hundred.eml | sed -n 's/.*seq=\([0-9]*\).*/\1/p')
result() { checked "${seq[$1]}" 60; expect "$2" "$(auth '.dkim[0].result')" "$1 ($(auth '.dkim[0].reason'))"; }
result good pass
result cut pass
for d in late mute wrong id short servfail; do result $d temperror; done
result many temperror
expect limit "$(auth '.dns[] | select(.name | startswith("s1.")) | .status')" "1,000 records"
checked "${seq[loop]}" 60
case $(auth '.dkim[0].result') in temperror | permerror) ;; *) fail "a loop: $(auth '.dkim[0]')" ;; esac
result twice pass
checked "$hundred" 60
expect "100 100" "$(auth '"\(.dkim | length) \([.dkim[] | select(.result == "pass")] | length)"')" "a hundred signatures"
# What was not answered is asked again, and then counts.
sed -i '/ \* /d' zone
again() { auth_show "${seq[$1]}" && [ "$(auth '.dkim[0].result')" = pass ]; }
for d in servfail mute; do wait_for 60 again $d || fail "$d was not asked again"; done
fk index --wait >/dev/null || fail "index"
finds() { fk search --json "$1" | jq --argjson s "${seq[servfail]}" 'select(.seq == $s) | .seq'; }
expect "${seq[servfail]}" "$(finds dkim:pass)" "the index has the later word"
expect "" "$(finds dkim:temperror)" "and not the earlier one"
# The resolver dies; another one takes its place.
resolver() { for p in $(descendants "$(role_pid authd)"); do tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -q '^fumikura-authcheck resolve' && echo "$p"; done; }
kill -9 "$(resolver | tail -1)" || fail "no resolver"
seq[after]=$(send good.eml | sed -n 's/.*seq=\([0-9]*\).*/\1/p')
result after pass
for p in $(resolver) $(role_pid authd); do
    kb=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status")
    [ "$kb" -lt 100000 ] || fail "process $p has had $kb KiB"
done
server_stop
verify_clean "all that"
