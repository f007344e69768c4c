#!/usr/bin/env bash
# what HTML says beside a plain part is found, whatever the plain part says, and paragraphs that are left out bring nothing together
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
python3 - <<'PY' || fail "the messages"
import random, string
def message(name, *parts):
    body = "".join(f"--b\nContent-Type: text/{kind}; charset=utf-8\n\n{text}\n" for kind, text in parts)
    with open(name + ".eml", "w") as out:
        out.write(f"From: a@b.example\nSubject: {name}\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n{body}--b--\n")
message("spans", ("plain", "redalpha"), ("plain", "redbeta"), ("html", "<p>redalpha redbeta</p>"))
message("apart", ("plain", "blubeta"), ("html", "<p>blualpha</p><p>blubeta</p><p>blugamma</p>"))
message("near", ("plain", "one two three"), ("html", "<p>one two</p><p>two three four</p>"))
# A hash of 32 bits has two words of one value among some 100,000: whoever writes the plain part knows one for his HTML.
def fnv(word):
    x = 0x811c9dc5
    x ^= x >> 15
    for c in word.encode():
        x = (x ^ c) * 0x01000193 & 0xffffffff
    return x ^ x >> 15
rng, seen = random.Random(1), {}
while True:
    word = "".join(rng.choices(string.ascii_lowercase, k=9))
    if seen.setdefault(fnv(word), word) != word:
        break
message("hidden", ("plain", seen[fnv(word)]), ("html", f"<p>{word}</p>"))
with open("word", "w") as out:
    out.write(word)
PY
vault_new
fk import ./*.eml >imported && fk index >/dev/null || fail "import and index"
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.seq) | .subject' | xargs; }
expect near "$(found '"one two three"')" "in the plain part alone"
expect near "$(found '"two three four"')" "in the HTML alone"
expect "" "$(found '"four one"')" "nowhere"

# fault WANTED QUERY WHAT: is to be so and is not yet: told, not counted. Make it an `expect` with its mend.
fault() {
    local got
    got=$(found "$2")
    if [ "$got" = "$1" ]; then note "mended, make it an expect: $3"; else note "KNOWN FAULT: $3 ('$2' finds '$got', not '$1')"; fi
}
fault spans '"redalpha redbeta"' "a paragraph of HTML that two plain parts say one after another is left out, and is in neither"
fault "" '"blualpha blugamma"' "what stands before and after a paragraph that is left out is taken for side by side"
fault hidden "$(cat word)" "a word of HTML is left out for one of the plain part that has the same hash"
