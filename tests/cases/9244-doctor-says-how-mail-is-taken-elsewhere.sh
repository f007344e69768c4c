#!/usr/bin/env bash
# doctor --mail says what MX, SPF, DKIM, DMARC, names of addresses and block lists are like in DNS, and what to do about each that is not well
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
dns_start
auth_vault
# looked OPTION...: what doctor says, in $TEST_DIR/said, a line each "verdict check text"; its exit status
looked() {
    local rc
    fk doctor --mail "$@" --json >said.json 2>said.err
    rc=$?
    [ ! -s said.err ] || fail "$*: $(cat said.err)"
    jq -r '"\(.verdict) \(.check) \(.text)"' said.json >said
    return $rc
}
says() { grep -q "^$1 $2 .*$3" said || fail "no '$1 $2 ... $3' in: $(cat said)"; }

# (Addresses of the ranges for benchmarks: libunbound knows of those for documentation that they have no names.)
# All is well: everything is good, and a list is asked.
zone "good.example MX 10 mx.good.example" "mx.good.example A 198.18.0.25" "mx.good.example AAAA 2001:2::25" \
    "good.example TXT v=spf1 include:_spf.good.example -all" "good.example TXT other=1" "_spf.good.example TXT v=spf1 mx:good.example -all" \
    "_dmarc.good.example TXT v=DMARC1; p=reject; rua=mailto:d@good.example" "25.0.18.198.in-addr.arpa PTR mx.good.example" \
    "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.2.ip6.arpa PTR mx.good.example" \
    "2.0.0.127.list.example A 127.0.0.2" "2.0.0.127.refuses.example A 127.255.255.254" "26.0.18.198.list.example A 127.0.0.4"
key_new good.example fumikura
looked good.example --block-list list.example || fail "all is well: $(cat said)"
expect "good" "$(cut -d' ' -f1 said | sort -u)" "verdicts of what is well"
says good mx "mx.good.example has 2 addresses"
says good spf "from 198.18.0.25 passes"
says good spf "from 2001:2::25 passes"
says good dkim "2048 bits"
says good dmarc "p=reject"
says good ptr "198.18.0.25 is mx.good.example, and back"
says good ptr "2001:2::25 is mx"
says good "block list" "198.18.0.25 is not on list.example"
says good "block list" "2001:2::25 is not on list.example"
looked good.example || fail "without a list"
grep -q 'block list' said && fail "a list was asked that nobody named"
looked good.example --address 198.18.0.26 --selector none --block-list list.example --block-list refuses.example --block-list dead.example &&
    fail "an address that may not send, and no key: exit 0"
says bad spf 'from 198.18.0.26 is judged "fail"'
says bad dkim "none._domainkey.good.example: there is none"
says bad ptr "there is none"
says bad "block list" "198.18.0.26 is on list.example (127.0.0.4)"
says warning "block list" "refuses.example refuses to answer"
says warning "block list" "dead.example does not even list its test entry"
grep -q '198.18.0.25' said && fail "an address was looked at that is not the one named"

# Nothing is there.
looked empty.example && fail "a domain without anything: exit 0"
for check in mx spf dkim dmarc; do says bad $check "there is none"; done

# One thing wrong in each, and what it is called.
n=0
wrong() { # VERDICT CHECK WORDS ZONE-LINE...: @ is the domain
    local verdict=$1 check=$2 words=$3 d line
    shift 3
    n=$((n + 1)) d=wrong$n.example
    for line in "$@"; do zone "${line//@/$d}"; done
    looked $d --address 198.18.0.25
    says "$verdict" "$check" "$words"
}
p() { openssl rsa -in "$1" -pubout -outform DER 2>/dev/null | base64 -w0; }
openssl genrsa -traditional -out short.pem 768 2>/dev/null
openssl genrsa -traditional -out middle.pem 1024 2>/dev/null
wrong bad mx "takes no mail at all" "@ MX 0 ."
wrong bad mx "has no address" "@ MX 10 nowhere.example"
wrong bad spf "2 records, so none counts" "@ TXT v=spf1 -all" "@ TXT v=spf1 mx -all"
wrong bad spf "lets the whole world" "@ TXT v=spf1 +all"
wrong warning spf "says nothing of other servers" "@ TXT v=spf1 ip4:198.18.0.25"
wrong bad spf 'judged "permerror"' "@ TXT v=spf1 include:@ -all"
wrong bad spf "there is none" "@ TXT v=spf10 -all"
wrong bad dkim "taken back" "fumikura._domainkey.@ TXT v=DKIM1; p="
wrong bad dkim "no p=" "fumikura._domainkey.@ TXT v=DKIM1; k=rsa"
wrong bad dkim "no public key" "fumikura._domainkey.@ TXT v=DKIM1; p=$(p middle.pem | head -c 100)"
wrong bad dkim "no public key" "fumikura._domainkey.@ TXT v=DKIM1; p=$(head -c 32 /dev/zero | base64)"
wrong good dkim "256 bits" "fumikura._domainkey.@ TXT v=DKIM1; k=ed25519; p=$(head -c 32 /dev/zero | base64)"
wrong good spf "v=spf1" "@ TXT v=spf1 $(seq -f 'ip4:198.18.1.%g' 80 | xargs) ip4:198.18.0.25 -all"
wrong bad dkim "768 bits" "fumikura._domainkey.@ TXT v=DKIM1; p=$(p short.pem)"
wrong warning dkim "1024 bits" "fumikura._domainkey.@ TXT v=DKIM1; p=$(p middle.pem)"
wrong warning dkim "t=y" "fumikura._domainkey.@ TXT v=DKIM1; t=y; p=$(p middle.pem)"
wrong bad dkim "2 records" "fumikura._domainkey.@ TXT v=DKIM1; p=a" "fumikura._domainkey.@ TXT v=DKIM1; p=b"
wrong bad dmarc "p= must be" "_dmarc.@ TXT v=DMARC1; p=maybe"
wrong warning dmarc "without rua=" "_dmarc.@ TXT v=DMARC1; p=reject"
wrong warning dmarc "p=none" "_dmarc.@ TXT v=DMARC1; p=none; rua=mailto:d@@"
wrong bad dmarc "so none counts" "_dmarc.@ TXT v=DMARC1; p=none" "_dmarc.@ TXT v=DMARC1; p=reject"
wrong warning mx "DNS does not answer" "@ * mute"
wrong warning spf "DNS does not answer" "@ * servfail"
wrong bad spf "more records than anybody reads" "@ * many 1000"
zone "27.0.18.198.in-addr.arpa PTR liar.example" "liar.example A 198.18.0.99"
looked good.example --address 198.18.0.27
says bad ptr "198.18.0.27 is liar.example, which has not that address"
# A record that would move the reader's cursor.
zone "esc.example TXT v=spf1 $(printf '\033[2J') -all"
fk doctor --mail esc.example >plain.out
LC_ALL=C grep -q "$(printf '\033')" plain.out && fail "an escape sequence of a stranger's is printed"

# Wrong use, by name.
usage() { fk doctor "${@:2}" >out 2>&1; expect "$1" $? "${*:2}"; }
usage 2 --selector x
usage 2 --mail
usage 2 --mail good.example --address 999.1.1.1
usage 2 --mail "a b"
grep -q 'no name that DNS can be asked for' out || fail "a name that is none: $(cat out)"
