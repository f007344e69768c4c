#!/usr/bin/env bash
# search: what takes longer than search-time is refused with its place, leaves no act, and others are answered; thousands of alternatives cost little
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
# Long texts in which all pairs of words stand somewhere: each phrase has to be looked for in each of them.
python3 - <<'MAILS'
import os, random
r = random.Random(3230)
words = ["".join(r.choices("bdfgklmnprstvz", k=3)) + "a" for _ in range(60)]
os.mkdir("mails")
for i in range(100):
    with open("mails/%d.eml" % i, "w") as out:
        out.write("From: a@example.jp\nTo: b@example.jp\nSubject: long\nMessage-ID: <%d@x>\n\n" % i)
        for _ in range(1500):
            out.write(" ".join(r.choices(words, k=10)) + "\n")
phrases = ['"%s %s %s %s"' % (a, b, a, b) for a in words[:26] for b in words[26:50]]
open("phrases", "w").write(" OR ".join(phrases)[:16000].rsplit(" OR ", 1)[0])
open("some", "w").write(" OR ".join(phrases[:100]))
open("same", "w").write(" OR ".join(["a@b"] * 700))
open("others", "w").write(" OR ".join("a%d@b%d" % (i, i) for i in range(700)))
open("terms", "w").write(" OR ".join(words + ["word%d" % i for i in range(900)]))
MAILS
vault_new
config search-time '"4 s"'
server_start
fk import mails/*.eml >imported || fail "import"
fk index --wait >/dev/null || fail "index"
web=http://$(address web)
ask() { curl -s -m 120 -o answer -w '%{http_code}' -G --data-urlencode "q=$1" -d limit=1 "$web/api/v1/search"; }

# Once minutes: 11,000 lists in a tree as deep.
for q in same others terms; do
    expect 200 "$(ask "$(cat $q)")" "$q: $(head -c 300 answer)"
done
expect 100 "$(jq .coverage.total answer)" "hits of words among words that are nowhere"

before=$(fk audit | grep -c 'act search')
began=$EPOCHREALTIME
expect 400 "$(ask "budget OR ($(cat phrases))")" "the costly search: $(head -c 300 answer)"
took=$(( (${EPOCHREALTIME/[.,]/} - ${began/[.,]/}) / 1000 ))
[ "$took" -ge 4000 ] && [ "$took" -lt 40000 ] || fail "given up after $took ms"
grep -q "given up after 4.0 seconds" answer || fail "no reason: $(cat answer)"
jq -e '.position.character >= 1 and (.hint | test("narrow it"))' answer >/dev/null || fail "no place or hint: $(cat answer)"
expect "$before" "$(fk audit | grep -c 'act search')" "acts of a search that was given up"

# Another search waits for it no longer than that.
ask "$(cat phrases)" >first &
costly=$!
sleep 0.2
status=$(curl -s -m 60 -o other -w '%{http_code} %{time_total}' -G -d q=long -d limit=1 "$web/api/v1/search")
wait $costly
expect 400 "$(cat first)" "the costly search beside another"
expect 200 "${status% *}" "the search beside it: $(head -c 300 other)"
note "given up after $took ms; another search beside it took ${status#* } s"
# The command takes as long as it needs.
timeout 120 "$FUMIKURA" -C "$V" search --count -- "$(cat some)" >counted || fail "the command: $(tail -c 300 counted)"
server_stop
