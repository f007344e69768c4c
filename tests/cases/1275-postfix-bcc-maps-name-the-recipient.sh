#!/usr/bin/env bash
# recipient_bcc_maps and sender_bcc_maps with plus addresses, as the docs have them: the true address is in the envelope
. "$ROOT/tests/lib/milter.sh"
vault_new
server_start
smtp=$(address smtp)
# The lines are those of docs/source-postfix.md, but for the port and the kind of the table.
lines=$(sed -n '/^## recipient_bcc_maps/,$ s/^    //p' "$ROOT/docs/source-postfix.md" | sed "s/pcre:/regexp:/; s/127.0.0.1\]:2525/127.0.0.1]:${smtp##*:}/")
grep -q recipient_bcc_maps <<<"$lines" || fail "the docs have no such lines"
postfix_bare postfix "$lines"
printf 'Subject: maps\r\n\r\nx\r\n' >"$TEST_DIR/m.eml"
through "$port" "$TEST_DIR/m.eml" tanaka@example.jp suzuki@example.jp hidden@example.jp other@elsewhere.example >/dev/null || fail "Postfix"
all() { [ -n "$(mail_seqs)" ] && [ "$("$ROOT/tests/postfix.sh" queue "$TEST_DIR/postfix")" -eq 0 ]; }
wait_for 30 all || fail "no copy came: $(tail -n 5 "$TEST_DIR/postfix/log/mail.log")"
for seq in $(mail_seqs); do fk show "$seq" --envelope; done | sed -n 's/^rcpt-to: //p' | sort >"$TEST_DIR/got"
printf '%s\n' 'archive+from+tanaka=example.jp@fumikura.invalid' 'archive+hidden=example.jp@fumikura.invalid' 'archive+suzuki=example.jp@fumikura.invalid' >"$TEST_DIR/want"
diff "$TEST_DIR/want" "$TEST_DIR/got" >&2 || fail "the copies' recipients are others: $(tail -n 5 "$TEST_DIR/postfix/log/mail.log")"
expect 1 "$(mail_seqs | wc -l)" "entries for one message"
server_stop
