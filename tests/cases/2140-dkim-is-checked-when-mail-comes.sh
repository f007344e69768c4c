#!/usr/bin/env bash
# a signed message is checked soon after it came; result, key record and where from are in the ledger, and show --auth prints them
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
dns_start
key_new sender.example s1
auth_vault
server_start
cat >plain.eml <<'M'
From: Tanaka <tanaka@sender.example>
To: sato@example.jp
Subject: signed
Date: Tue, 24 Nov 2026 10:00:00 +0900
Message-ID: <one@sender.example>

The body of it.
M
sign sender.example s1 <plain.eml >signed.eml
seq_of() { sed -n 's/.*seq=\([0-9]*\).*/\1/p'; }
good=$(send signed.eml | seq_of)
sed 's/The body/Another body/' signed.eml >changed.eml
bad=$(send changed.eml | seq_of)
none=$(send plain.eml | seq_of)
checked "$good"
expect pass "$(auth '.dkim[0].result')" "a good signature"
expect "sender.example s1 rsa-sha256 2048" "$(auth '.dkim[0] | "\(.domain) \(.selector) \(.algorithm) \(.bits)"')" "whose"
key() { auth '.dns[] | select(.name == "s1._domainkey.sender.example") | '"$1"; } # answers stand as they came
expect "s1._domainkey.sender.example TXT unchecked ok" "$(key '"\(.name) \(.type) \(.dnssec) \(.status)"')" "what was asked"
expect "$(sed -n 's/^s1._domainkey.sender.example TXT //p' zone)" "$(key '.records[0]')" "the key record"
# One entry about those that came together, named by their numbers alone, and an act for each look.
entry=$(auth .entry)
fk show "$entry" --entry | grep -Eq "kind=fact .*what=auth of=$good(-[0-9]+)? c256=" || fail "the entry: $(fk show "$entry" --entry)"
fk show "$(auth .act)" --entry | grep -q " what=show of=$good,$entry " || fail "the act"
fk show "$entry" --raw | grep -q sender.example && fail "the entry's body says in the clear who sent what"
checked "$bad"
expect fail "$(auth '.dkim[0].result')" "a changed body"
expect "the body is not the one that was signed" "$(auth '.dkim[0].reason')" "why"
checked "$none"
expect 0 "$(auth '.dkim | length')" "a message without a signature"
# The index has it, told apart from what the mail server in front said.
found() { fk index --wait >/dev/null && [ "$(fk search --json -- "$1" 2>/dev/null | jq -r 'select(.seq) | .seq' | sort -n | xargs)" = "$2" ]; }
wait_for 20 found dkim:pass "$good" || fail "dkim:pass finds: $(fk search dkim:pass 2>&1)"
found dkim:fail "$bad" || fail "dkim:fail"
found dkim:none "$none" || fail "dkim:none"
found dkim:sender.example "$good" || fail "dkim: and a domain"
found auth:dkim=pass "$good" || fail "auth:dkim=pass"
expect "fumikura dkim=pass sender.example" "$(fk search --json dkim:pass | jq -r 'select(.seq) | .verdicts[0]')" "whose word it is"
fk search dkim:perhaps 2>err && fail "a result that is none was taken"
grep -q 'does not take' err || fail "what is wrong with dkim:perhaps: $(cat err)"
fk reindex >/dev/null || fail "reindex"
found dkim:pass "$good" || fail "after a rebuild"
server_stop
verify_clean "the checks"
