#!/usr/bin/env bash
# piler's export comes in with what its tables know: recipients, times, digests; tags, notes and holds as lists
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 2
vault_new
# As pilerexport and `mysql --batch` write them (docs/import.md); made here, since piler is no package of Debian.
mkdir -p piler/export-0 piler/export-1
python3 - <<'PY'
import hashlib
rows, rcpts = [], []
for i in range(1, 8):
    data = b"Message-ID: <%d@x>\r\nDate: 1 Jan 2001 00:00:00 +0000\r\nSubject: %d\r\n\r\n%d\r\n" % (i, i, i)
    digest = hashlib.sha256(data).hexdigest()
    if i == 3:
        data += b"changed"
    if i != 5 and i != 6:
        open("piler/export-%d/%d.eml" % (i % 2, i), "wb").write(data)
    deleted = i == 5
    rows.append((i, 1700000000 + i, 1600000000 + i, 2000000000, int(deleted), "4000%032d" % i, "" if deleted else digest))
    rcpts += [] if deleted else [(i, "a%d@x.example" % i), (i, "bcc%d@x.example" % i)]
open("piler/export-0/99.eml", "w").write("Subject: no row\n\n")
def dump(name, head, rows):
    with open("piler/" + name, "w") as f:
        f.write("\t".join(head) + "\n")
        for r in rows:
            f.write("\t".join(str(c) for c in r) + "\n")
dump("metadata.tsv", ("id", "arrived", "sent", "retained", "deleted", "piler_id", "digest"), reversed(rows))
dump("rcpt.tsv", ("to", "id"), [(b, a) for a, b in rcpts])
dump("tag.tsv", ("id", "uid", "tag"), [(1, 7, "audit 2023"), (2, 7, "audit 2023"), (5, 7, "gone")])
dump("note.tsv", ("id", "uid", "note"), [(4, 7, "two\\nlines\\tand a tab")])
dump("legal_hold.tsv", ("email",), [("held@x.example",)])
PY
fk import --piler piler --lists lists --report r >out 2>err
expect 1 $? "one is missing: $(cat err)"
expect 6 "$(wc -l <out)" "messages"
envelope() { fk show "$1" --envelope | sed -n "s/^$2: //p"; }
seq=$(jq -r 'select(.path | strings | endswith("/2.eml")).seq' r)
expect "a2@x.example bcc2@x.example" "$(envelope "$seq" origin-rcpt | xargs)" "recipients"
expect "2023-11-14T22:13:22.000Z 2023-11-14T22:13:22.000Z" "$(envelope "$seq" origin-received) $(envelope "$seq" date-derived)" "when piler had it"
expect "2020-09-13T12:26:42.000Z 2033-05-18T03:33:20.000Z" "$(envelope "$seq" origin-sent) $(envelope "$seq" origin-retained)" "its other times"
expect "400000000000000000000000000000000002" "$(envelope "$seq" origin-id)" "piler's id"
expect "$(sha256sum <piler/export-0/2.eml | cut -c1-64) matches" "$(envelope "$seq" origin-digest)" "its digest"
three=$(jq -r 'select(.path | strings | endswith("/3.eml")).seq' r)
grep -q ' differs$' <(envelope "$three" origin-digest) || fail "a digest that differs"
grep -q 'piler/export-1/3.eml: its bytes are not those' err || fail "$(cat err)"
grep -q 'piler/export-0/99.eml: metadata.tsv has no row for it' err || fail "$(cat err)"
grep -q 'metadata.tsv, id 6: not imported: not deleted in piler' err || fail "$(cat err)"
one=$(jq -r 'select(.path | strings | endswith("/1.eml")).seq' r) four=$(jq -r 'select(.path | strings | endswith("/4.eml")).seq' r)
expect "$(printf '%s\t7\taudit 2023\n%s\t7\taudit 2023\npiler:5\t7\tgone\n' "$one" "$seq")" "$(cat lists/tags.tsv)" "tags"
expect "$(printf '%s\t7\ttwo lines and a tab' "$four")" "$(cat lists/notes.tsv)" "notes"
expect held@x.example "$(cat lists/holds)" "holds"
expect "5 6" "$(cut -f1 lists/disposed.tsv) $(cut -f1 lists/missing.tsv)" "what is not here"
# The lists are words of other commands.
fk hold add tagged --reason 'tag in piler: audit 2023' --seq $(awk -F'\t' '$3 == "audit 2023" && $1 ~ /^[0-9]+$/ {print $1}' lists/tags.tsv) >out || fail "hold by a tag"
grep -q 'held 2 messages' out || fail "$(cat out)"

broken() { # WORDS
    fk import --piler piler --lists "more$RANDOM" >out 2>err
    [ $? -ne 0 ] && grep -q -- "$1" err || fail "$1: $(cat err)"
    [ ! -s out ] || fail "$1: something came"
}
cp piler/metadata.tsv whole
printf '12\t1\n' >>piler/metadata.tsv
broken 'piler/metadata.tsv: line 9: not of the form'
sed 's/^3\t/x\t/' whole >piler/metadata.tsv
broken 'piler/metadata.tsv: line 6: not of the form'
sed '1s/arrived/came/' whole >piler/metadata.tsv
broken 'piler/metadata.tsv: line 1: there is no column "arrived"'
rm piler/metadata.tsv
broken 'piler/metadata.tsv: there is no such file'
fk import --piler piler 2>err
expect 2 $? "--piler without --lists"
verify_clean "it all"
