#!/usr/bin/env bash
# a damaged index is named with its cure wherever it is met; the server tells once, takes mail on, and reindex cures it
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
fk import mails/01-*.eml mails/13-*.eml >/dev/null && fk index >/dev/null || fail "import and index"
cp -a "$V/index" whole
db=$(shards)
advises() { # WHAT COMMAND...
    local what=$1
    shift
    fk "$@" >out 2>err
    expect 1 $? "status of $*, $what: $(cat err)"
    grep -qF "$V/index is damaged" err && grep -q 'run "fumikura reindex"' err || fail "$*, $what: $(cat err)"
}
for file in postlist.glass termlist.glass iamglass text text.list; do
    rm -rf "$V/index" && cp -a whole "$V/index"
    echo garbage >"$db/$file"
    for command in 'search falcon' index 'index --wait'; do advises "garbage in $file" $command; done
done
rm "$db/iamglass"
advises "no iamglass" search falcon
advises "no iamglass" index
for change in 'truncate -s -1' 'truncate -s 0' rm 'printf x | dd bs=1 seek=60 conv=notrunc status=none of='; do
    for file in text text.list; do
        rm -rf "$V/index" && cp -a whole "$V/index" && db=$(shards)
        case $change in *=) eval "$change$db/$file" ;; *) $change "$db/$file" ;; esac
        advises "$change $file" search '"project falcon"'
        fk reindex >/dev/null 2>err || fail "reindex after $change $file: $(cat err)"
        expect 1 "$(fk search --count '"project falcon"' 2>err)" "hits after reindex, $change $file: $(cat err)"
    done
done
# A flipped bit anywhere in the texts: said, or harmless, and never a hit less without a word.
for at in 0 20 40 80 120 160 200; do
    rm -rf "$V/index" && cp -a whole "$V/index" && db=$(shards)
    python3 - "$db/text" $at <<'P'
import sys
f = open(sys.argv[1], "r+b")
f.seek(int(sys.argv[2]))
byte = f.read(1)
f.seek(-1, 1)
f.write(bytes([byte[0] ^ 8]))
P
    found=$(fk search --count '"project falcon"' 2>err)
    [ "$found" = 1 ] || grep -q 'run "fumikura reindex"' err || fail "a flipped bit at $at: $found hits, and nothing is said: $(cat err)"
done
rm -rf "$V/index" && cp -a whole "$V/index" && db=$(shards)
rm "$db/postlist.glass"
advises "no postlist" search falcon
fk reindex >/dev/null || fail "reindex without a server"
expect 1 "$(fk search --count falcon 2>err)" "hits after reindex: $(cat err)"

db=$(shards)
echo garbage >"$db/postlist.glass"
server_start
told() { grep -c 'is damaged; run "fumikura reindex"' "$SERVER_LOG"; }
wait_for 10 told || fail "the server does not tell: $(cat "$SERVER_LOG")"
indexer=$(role_pid indexd)
for _ in 1 2 3; do send mails/05-utf-8.eml | grep -q '^250' || fail "mail is not taken"; done
advises "with a server" search falcon
expect 500 "$(curl -s -o out -w '%{http_code}' "http://$(address web)/api/v1/search?q=falcon")" "a search over HTTP"
jq -r .detail out | grep -q 'run "fumikura reindex"' || fail "HTTP gives no advice: $(cat out)"
sleep 2 # a part that ends is begun anew after 1 s
expect "$indexer 1" "$(role_pid indexd) $(told)" "the indexer, and how often it told: $(cat "$SERVER_LOG")"
fk reindex >out 2>err || fail "reindex with the server: $(cat err)"
expect "3 1 1" "$(sed 's/ .*//' out) $(fk search --count falcon 2>/dev/null) $(fk search --count 量子暗号通信装置 2>/dev/null)" "after reindex"
expect "$indexer" "$(role_pid indexd)" "the indexer after the cure"
send mails/06-*.eml >/dev/null && fk index --wait | grep -q '^4 messages' || fail "it does not follow on"
server_stop
