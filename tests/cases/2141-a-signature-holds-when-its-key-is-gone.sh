#!/usr/bin/env bash
# verify --dkim judges signatures again by the key records that were kept, with DNS gone; a message or evidence that is another shows
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
dns_start
key_new sender.example s1
zone "_dmarc.sender.example TXT v=DMARC1; p=reject"
auth_vault
server_start
for i in 1 2 3; do
    printf 'From: t@sender.example\nSubject: %s\nDate: Tue, 24 Nov 2026 10:00:00 +0900\n\nbody\n' $i >plain.eml
    # The third ended long ago when it is verified again, but not when it came.
    sign sender.example s1 c=simple/simple <plain.eml >$i.eml
done
sed 's/^body/ydob/' 2.eml >changed.eml
for f in 1.eml changed.eml 3.eml; do send $f >/dev/null; done
for seq in 1 2 3; do checked $seq; done
expect "pass sender.example reject dkim" "$(auth '.dmarc | "\(.result) \(.domain) \(.policy) \(.aligned)"')" "DMARC by an aligned signature"
dns_stop
: >zone # the key is taken back, and nobody answers any more
sum() { fk verify --dkim "$@" --json | jq -c 'select(.dkim) | .dkim'; }
expect '{"messages":3,"signatures":3,"hold":2,"disposed":0,"unread":0,"findings":0}' "$(sum)" "with the server"
expect '{"messages":1,"signatures":1,"hold":1,"disposed":0,"unread":0,"findings":0}' "$(sum --from 3 --to 3)" "one of them"
server_stop
expect '{"messages":3,"signatures":3,"hold":2,"disposed":0,"unread":0,"findings":0}' "$(sum)" "without a server"
fk verify --dkim | grep -q '^3 messages judged again by the keys that were kept: 3 signatures, 2 hold; 0 disposed of, 0 not read: 0 findings$' || fail "as text"
fk verify --dkim --segment 1 2>/dev/null
expect 2 $? "--dkim with --segment"
# The look is an act that names the messages and the evidence.
fk audit --json | jq -e 'select(.what == "verify" and (.of | . == "1-4"))' >/dev/null || fail "no act: $(fk audit --json | grep verify)"
# One message disposed of: its evidence is as unreadable as it is; the others' stays.
cat >>v/fumikura.conf <<'C'
class "all" {
  period = "P1D"
}
C
fk hold add rest --reason test --seq 1-2 >/dev/null || fail "hold"
FUMIKURA_TEST_CLOCK=+172800000 fk retention run --accept-clock --reason test >/dev/null || fail "retention run"
fk show 3 --auth 2>/dev/null && fail "evidence of a message that is disposed of"
expect '{"messages":2,"signatures":2,"hold":1,"disposed":1,"unread":0,"findings":0}' "$(sum)" "after a disposal"
verify_clean "a disposal"
