#!/usr/bin/env bash
# what any capture of a message knows finds it, by AND and NOT over all of them; holds and exports take every capture, disposal only its own
. "$ROOT/tests/lib/journals.sh"
vault_new
class short P1D
take fork-1 plain fork-2
fk index >/dev/null || fail "index"
take fork-hop fork-footer fork-3 # in a shard of their own
fk index >/dev/null || fail "index"
a=$(entry fork-1) b=$(entry fork-2) c=$(entry fork-3) hop=$(entry fork-hop) footer=$(entry fork-footer)
# One capture knows inside@, another outside@ and the list, the third neither.
expect "$a,$b,$c" "$(found 'bcc:inside@example.jp AND bcc:outside@other.example')" "known to one capture each"
expect "$a,$b,$c" "$(found 'bcc:inside@example.jp via:all@other.example hello')" "and a word"
expect "" "$(found 'bcc:inside@example.jp NOT bcc:outside@other.example')" "NOT finds it through no capture"
expect "" "$(found 'subject:fork NOT via:all NOT wombat NOT received:2026-11-24T10:00:01')" "NOT a list that one capture knows"
expect "$a,$b,$c" "$(found 'envto:outside -wombat')" "envto: by a part of the address"
expect "$a,$b,$c $hop $footer" "$(found 'msgid:fork@example.jp')" "versions by their Message-ID"
expect "3	5" "$(fk search --json msgid:fork@example.jp 2>/dev/null | jq -r '.coverage // empty | "\(.total)\t\(.captures)"')" "messages and captures"
fk search --captures 'bcc:inside@example.jp' >out 2>err || fail "search --captures"
expect "$c 3 captures|$a stated|$b stated|$c plain" "$(awk -F'\t' '$1 {printf "%s %s", $1, $5} !$1 {printf "|%s %s", $2, $5}' out)" "the list of captures"
grep -q '^1 hit (3 captures) in 4 messages' err || fail "what was covered: $(cat err)"
expect '{"stated":["inside@example.jp"],"derived":["outside@other.example"],"claimed":[]}' \
    "$(fk search --json bcc:inside@example.jp 2>/dev/null | jq -c '.bcc // empty')" "stated and derived are told apart"
# Any capture shows all of it, and its versions.
for n in $a $b $c; do
    expect "$a,$b,$c $hop,$footer" "$(fk show "$n" --json | jq -r '.provenance | ([.captures[].seq | tostring] | join(",")) + " " + ([.versions[].seq | tostring] | sort | join(","))')" "shown by entry $n"
done
# A message is received as long as any of its captures is: its range of times is that from first to last.
expect "$a,$b,$c" "$(found "bcc:inside@example.jp received:2026-11-24")" "by the time of the oldest capture"
expect "$a,$b,$c" "$(found --since "$(date -u +%Y-%m-%d -d '-1 day')" bcc:inside@example.jp)" "by the time of the newest capture"

fk hold add all --reason why --query bcc:outside@other.example >out || fail "hold"
expect "held 3 messages" "$(grep -o 'held 3 messages' out)" "a hold by query has every capture"
expect "$a,$b,$c" "$(fk hold list --json | jq -r .seqs)" "which entries it has"
fk export --to package --reason why bcc:inside@example.jp >out || fail "export"
expect "$a $b $c" "$(cd package/data/messages && ls ./*.eml | tr -dc '0-9\n' | sort -n | paste -sd' ')" "an export has every capture"
grep -q 'found 1 messages, captured 3 times; each capture is in this package' package/data/report.txt || fail "the report: $(cat package/data/report.txt)"
fk hold release all --reason done >/dev/null || fail "release"

# One capture goes, by a rule: what it alone knew goes with it.
fk hold add rest --reason why --seq "$b" "$c" "$hop" "$footer" "$(entry plain)" >/dev/null || fail "hold"
(forward 3 && accept_clock >out) || fail "run: $(cat out)"
fk index >/dev/null || fail "index"
expect "" "$(found bcc:inside@example.jp)" "a blind copy that only the capture knew that is gone"
expect "$b,$c" "$(found bcc:outside@other.example)" "the message by what the others know"
expect "$b,$c" "$(fk show "$c" --json | jq -r '.provenance | [.captures[].seq | tostring] | join(",")')" "its captures"
refused 1 "disposed of" fk show "$a" --raw
