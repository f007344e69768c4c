#!/usr/bin/env bash
# spam, virus and authentication results of the mail server in front are found where it is believed, and forged ones are not
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
mail() { cat >"$1.eml"; printf 'From: a@x.example\nSubject: %s\n\nbody\n' "$1" >>"$1.eml"; }
mail 01-spam <<'M'
X-Spam-Status: Yes, score=12.3 required=5.0
 tests=A,B
Authentication-Results: mx.example.jp; dkim=pass (ok; really) header.d=x.example header.s=s;
	spf=fail smtp.mailfrom=a@x.example; dmarc=pass header.from=x.example
Received: from x.example ([192.0.2.1])
	by mx.example.jp (Postfix) with ESMTPS id 1
Received: from inside by x.example; Tue, 24 Nov 2026 10:00:00 +0900
M
mail 02-forged-below <<'M'
Received: from x.example by mx.example.jp with ESMTP
X-Spam-Flag: YES
X-Virus-Status: Infected (Eicar)
Authentication-Results: mx.example.jp; dkim=pass header.d=bank.example
M
mail 03-forged-without <<'M'
X-Spam-Flag: NO
Authentication-Results: mx.example.jp; dkim=pass header.d=bank.example
M
mail 04-another-host <<'M'
X-Spam-Flag: YES
Received: from x.example by mx.other.example with ESMTP
Received: from x.example by mx.example.jp with ESMTP
M
mail 05-clean <<'M'
X-Spamd-Result: default: False [1.20 / 15.00]; R(0.00)[x]
X-Virus-Status: Clean
X-Rspamd-Server: f
Received: by mx.example.jp id 3
M
mail 06-exchange <<'M'
X-MS-Exchange-Organization-SCL: 6
Authentication-Results: mx.stranger.example; dkim=fail header.d=x.example
Received: from y by mx.example.jp
M
mail 07-infected <<'M'
X-Virus-Status: Infected (Win.Test.EICAR_HDB-1)
Received: from y by MX.example.jp
M
# ARC is not checked: what the believed server says of the chain is found, and what came with the mail is not.
mail 08-arc <<'M'
Authentication-Results: mx.example.jp; arc=pass (i=1) header.d=list.example
Received: from y by mx.example.jp
M
mail 09-arc-results <<'M'
ARC-Seal: i=2; a=rsa-sha256; t=1; cv=pass; d=example.jp; s=a; b=AAAA
ARC-Message-Signature: i=2; a=rsa-sha256; d=example.jp; s=a; h=from; bh=AAAA; b=AAAA
ARC-Authentication-Results: i=2; mx.example.jp; dkim=pass header.d=bank.example;
 arc=fail (a seal does not hold)
Received: from y by mx.example.jp
M
mail 10-arc-seal <<'M'
ARC-Seal: i=2; a=rsa-sha256; t=1; cv=none; d=mx.example.jp;
	s=a; b=AAAA
Received: from y by mx.example.jp
M
mail 11-arc-forged <<'M'
Received: from y by mx.example.jp
ARC-Seal: i=1; cv=pass; d=mx.example.jp; s=a; b=AAAA
ARC-Authentication-Results: i=1; mx.example.jp; arc=pass
X-Spam-Flag: YES
M
vault_new
config trusted-authserv '{"mx.example.jp"}'
config trusted-verdicts '{"mx.example.jp"}'
fk import ./*.eml >/dev/null || fail "import"
fk index >/dev/null || fail "index"
found() { expect "$2" "$(fk search --json -- "$1" | jq -r 'select(.seq) | .subject[0:2]' | sort | xargs)" "$1${3:+ $3}"; }
found spam:yes "01 06"
found spam:no "05"
found virus:yes "07"
found virus:no "05"
found dkim:pass "01"
found dkim:x.example "01"
found dkim:bank.example ""
found auth:spf=fail "01"
found auth:dmarc=pass "01"
found dkim:fail "" "by a stranger"
found auth:arc=pass "08"
found auth:arc=fail "09"
found auth:arc=none "10"
expect "mx.example.jp spam=yes 12.3" "$(fk search --json spam:yes | jq -r 'select(.subject == "01-spam") | .verdicts[0]')" "whose word it is"
# rspamd under Postfix writes below the line of the mail server: counted only where that is said.
config trusted-place '"below"'
fk reindex >/dev/null || fail "reindex"
found virus:yes "02 07" "below"
found spam:yes "01 02 06 11" "below"
found auth:arc=pass "08" "below"
# Two servers of ours: both must be there, and be listed.
config trusted-place '"above"'
config trusted-hops 2
fk reindex >/dev/null || fail "reindex"
found spam:yes "" "two hops, one of them a stranger"
config trusted-verdicts '{"mx.example.jp", "mx.other.example"}'
fk reindex >/dev/null || fail "reindex"
found spam:yes "04" "two hops"
# Nobody is believed unless somebody says so.
config trusted-verdicts '{}'
config trusted-authserv '{}'
fk reindex >/dev/null || fail "reindex"
found "spam:yes OR virus:yes OR dkim:pass" "" "nobody is believed"
