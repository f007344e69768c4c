#!/usr/bin/env bash
# a journal report counts from sources that are named for it alone: a Postfix on this machine that copies the Internet's mail is none, nor who may deliver, the milter, or an import; show says why, doctor who counts
. "$ROOT/tests/lib/kept.sh"
. "$ROOT/tests/lib/certificates.sh"
python3 "$ROOT/tests/fixtures/make_journals.py" journals || fail "make_journals.py"
vault_new --smtp '[::1]:0'
fk doctor >doctor.out 2>&1
grep -q '^good *journals: reports count from no source' doctor.out || fail "doctor of a new vault: $(grep journals doctor.out)"
config journal-from '{"::1"}'
config milter '{"unix:run/milter.sock"}'
listener mta 'allow = {"127.0.0.0/8"}' 'source = "copies"'
listener exchange 'journal = "on"'
listener cloud 'journal-from = {"192.0.2.0/24", "127.0.0.1"}'
listener elsewhere 'journal-from = {"192.0.2.0/24"}'
server_start
fk doctor >doctor.out 2>&1
grep -q '^good *journals: reports count from smtp and lmtp (::1), listener exchange (all who may deliver there), listener cloud (192.0.2.0/24, 127.0.0.1), listener elsewhere (192.0.2.0/24)$' doctor.out ||
    fail "doctor: $(grep journals doctor.out)"
expect "off on some some" "$(fk status --json | jq -r '[.listeners[].journal] | join(" ")')" "status"
deliver() { python3 "$ROOT/tests/lib/smtp.py" "$1" journals/fork-1.eml mallory@evil.example archive@example.jp | seq_of; }
plain=$(deliver "$(jq -r '.smtp[] | select(startswith("127"))' "$V/run/addresses.json")")
six=$(deliver "$(jq -r '.smtp[] | select(startswith("["))' "$V/run/addresses.json")")
lmtp=$(send_lmtp journals/fork-1.eml mallory@evil.example archive@example.jp | seq_of)
mta=$(deliver "$(at mta)") exchange=$(deliver "$(at exchange)") cloud=$(deliver "$(at cloud)") elsewhere=$(deliver "$(at elsewhere)")
imported=$(fk import journals/fork-1.eml | cut -f1)
journal=$(fk import --journal journals/fork-1.eml | cut -f1)
# The attack itself: a stranger's report, which a real Postfix copies to the archive over loopback.
port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" "always_bcc = archive@fumikura.invalid" \
    "transport_maps = inline:{ fumikura.invalid=smtp:[127.0.0.1]:$(at mta | sed 's/.*://') }" \
    "smtpd_milters = unix:$V/run/milter.sock" "milter_default_action = tempfail") || exit $?
at_exit '"$ROOT/tests/postfix.sh" stop "$TEST_DIR/postfix"'
chmod 755 "$TEST_DIR" "$V" "$V/run" 2>/dev/null
python3 "$ROOT/tests/lib/smtp.py" "127.0.0.1:$port" journals/fork-1.eml mallory@evil.example tanaka@example.jp >/dev/null || fail "Postfix refused it: $(tail -n 5 postfix/log/mail.log)"
copied() { grep -q 'status=sent (250 2.0.0 kept seq=' postfix/log/mail.log; }
wait_for 40 copied || fail "Postfix made no copy: $(tail -n 5 postfix/log/mail.log)"
copy=$(sed -n 's/.*kept seq=\([0-9]*\) .*/\1/p' postfix/log/mail.log | tail -n 1)
milter=
for s in $(seq $((journal + 1)) "$copy"); do
    fk show "$s" --envelope 2>/dev/null | grep -qx 'via: milter' && milter=$s
done
[ -n "$milter" ] || fail "nothing came by the milter"
fk index --wait >/dev/null 2>&1
counts() { # WHAT SEQ
    expect "stated null" "$(fk show "$2" --json | jq -r '"\(.provenance.captures[] | select(.seq == '"$2"').kind) \(.claimed_because)"')" "$1"
}
claims() { # WHAT SEQ BECAUSE
    expect "claimed $3" "$(fk show "$2" --json | jq -r '"\(.provenance.captures[] | select(.seq == '"$2"').kind) \(.claimed_because)"')" "$1"
    fk show "$2" --text | grep -qF "capture $2: " || fail "$1: no capture line"
    fk show "$2" --text | grep -F "capture $2: " | grep -qF "a journal report: claimed, as $3" || fail "$1: $(fk show "$2" --text | grep ^capture)"
}
counts "::1, which journal-from names" "$six"
counts "a listener of a journal" "$exchange"
counts "a listener that names the client" "$cloud"
counts "import --journal" "$journal"
claims "this machine over smtp" "$plain" "journal-from did not name 127.0.0.1:$(fk show "$plain" --envelope | sed -n 's/^peer: .*://p') when it came"
claims "this machine over lmtp" "$lmtp" "journal-from did not name unix when it came"
claims "who may deliver" "$mta" "listener \"mta\" did not name $(fk show "$mta" --envelope | sed -n 's/^peer: //p') as a journal when it came (journal, journal-from)"
claims "whom the listener does not name" "$elsewhere" "listener \"elsewhere\" did not name $(fk show "$elsewhere" --envelope | sed -n 's/^peer: //p') as a journal when it came (journal, journal-from)"
claims "always_bcc of a Postfix on this machine" "$copy" "listener \"mta\" did not name $(fk show "$copy" --envelope | sed -n 's/^peer: //p') as a journal when it came (journal, journal-from)"
claims "the milter" "$milter" "what comes by the milter is no journal: a mail server passes on whatever comes to it"
claims "an import" "$imported" "it was imported without --journal"
# What was decided when a message came stays so, whatever the configuration says later.
server_stop
config journal-from '{"127.0.0.1", "unix"}'
fk reindex >/dev/null 2>&1 || fail "reindex"
counts "::1, no longer named" "$six"
expect claimed "$(fk show "$plain" --json | jq -r '.provenance.captures[] | select(.seq == '"$plain"').kind')" "127.0.0.1, named now"
# What used to be the default is refused by name, with what to say instead.
sed -i 's/journal = "on"/journal = "listed"/' "$V/fumikura.conf"
fk doctor >out 2>&1
expect 2 $? 'journal = "listed"'
grep -q 'journal is "listed"; expected "on", .*or journal-from' out || fail "listed: $(cat out)"
sed -i 's/journal = "listed"/journal = "on"/; s/^listener "exchange" {$/&\n  address = {"0.0.0.0:0"}/; /^listener "exchange"/,/^}/{/127.0.0.1:0/d}' "$V/fumikura.conf"
fk doctor >out 2>&1
grep -q '^warning *journals: listener "exchange": .*anybody.s report counts' out || fail "an open journal: $(cat out)"
