#!/usr/bin/env bash
# import takes EML, mbox and Maildir byte for byte, in order, tells what it cannot read, and goes on
. "$ROOT/tests/lib/server.sh"
vault_new
cd "$TEST_DIR" || exit 2
raw() { fk show "$1" --raw; }
envelope() { fk show "$1" --envelope | sed -n "s/^$2: //p"; }

# One file: its bytes, whatever they are.
printf 'Subject: a\n\nlone \r and \000 and no end' >odd.eml
: >empty.eml
printf 'Received: by x;\r\n Tue, 24 Nov 2026 10:02:03 +0900\r\nDate: 1 Jan 2001 00:00:00 +0000\r\n\r\nb\r\n' >dated.eml
printf 'From a@b Sat Jan  3 01:05:34 1996\nSubject: saved so\n\nb\n\n' >saved.eml
fk import odd.eml empty.eml dated.eml saved.eml >out || fail "import of files"
expect 4 "$(grep -cP '^\d+\t[0-9a-f]{64}$' out)" "lines of import"
mapfile -t seqs < <(cut -f1 out)
raw "${seqs[0]}" | cmp - odd.eml || fail "odd.eml"
raw "${seqs[1]}" | cmp - empty.eml || fail "empty.eml"
raw "${seqs[2]}" | cmp - dated.eml || fail "dated.eml"
raw "${seqs[3]}" | cmp - saved.eml || fail "saved.eml"
expect dated.eml "$(envelope "${seqs[2]}" origin)" "origin"
expect import "$(envelope "${seqs[2]}" via)" "via"
expect 2026-11-24T01:02:03.000Z "$(envelope "${seqs[2]}" date-derived)" "the derived date"
expect "" "$(envelope "${seqs[0]}" date-derived)" "a date where there is none"
expect "$(cut -f2 out | head -n 1)" "$(fk show "${seqs[0]}" --entry | grep -o 'c256=[0-9a-f]*' | cut -d= -f2)" "c256"

# An mbox whose lines cross every buffer: 300 messages, one with a line of 3 MiB.
python3 - <<'PY'
import os
os.makedirs("parts")
with open("box", "wb") as box:
    for i in range(300):
        body = b"Subject: %d\n\n>From quoted\n\nFrom here on\n" % i + b"x" * ((3 << 20) if i == 7 else i * 37) + b"\n"
        open(f"parts/{i:03}", "wb").write(body)
        box.write(b"From a@b Sat Jan  3 01:05:%02d 1996\n" % (i % 60) + body + b"\n")
PY
fk import --json box >out.json || fail "import of an mbox"
expect 300 "$(wc -l <out.json)" "messages of the mbox"
i=0
jq -r '[(.seq | tostring), .c256] | @tsv' out.json | while IFS=$'\t' read -r seq c256; do
    printf 'parts/%03d\t%s\t%s\n' $i "$seq" "$c256"
    i=$((i + 1))
done >acks
FUMIKURA_PROGRAM=$FUMIKURA "$BUILD/tools/acked" --exact "$V" acks || fail "the mbox's messages, or their order"
seq=$(sed -n 3p acks | cut -f2)
expect "From a@b Sat Jan  3 01:05:02 1996" "$(envelope "$seq" from-line)" "the From_ line"
expect 1996-01-03T01:05:02.000Z "$(envelope "$seq" date-derived)" "its date"

# A Maildir with a folder, in a directory with others; links, hidden files, what is no file.
mkdir -p tree/mail/{cur,new,tmp} tree/mail/.Sent/{cur,new,tmp} tree/sub
for f in tree/mail/cur/1:2,S tree/mail/new/2 tree/mail/.Sent/cur/3 tree/sub/b.eml tree/a.eml tree/mail/tmp/no tree/mail/dovecot-uidlist tree/.hidden; do
    printf 'Subject: %s\n\n' "$f" >"$f"
done
ln -s a.eml tree/link.eml
fk import --json tree >out.json 2>err || fail "import of a tree"
grep -qxF 'fumikura: tree: 1 name not looked at (".hidden"): names that begin with a dot are not' err &&
    grep -qxF 'fumikura: tree/mail: 2 names not looked at ("dovecot-uidlist" and others): of a Maildir only cur, new and its folders are' err ||
    fail "what was passed over: $(cat err)"
expect 2 "$(wc -l <err)" "directories with names that were passed over: $(cat err)"
expect 'tree/a.eml tree/link.eml tree/mail/.Sent/cur/3 tree/mail/cur/1:2,S tree/mail/new/2 tree/sub/b.eml' "$(jq -r .path out.json | xargs)" "what was found, and its order"
mkfifo tree/pipe
ln -s nowhere tree/dangling
ln -s . tree/round
if fk import tree absent >out 2>err; then fail "import said 0 though some could not be read"; fi
expect 6 "$(wc -l <out)" "messages beside what cannot be read"
grep -q 'tree/pipe: not imported: a named pipe' err && grep -q 'tree/dangling: not imported: No such file' err &&
    grep -q 'tree/round: not imported: a link to a directory' err && grep -q 'absent: not imported: No such file' err || fail "$(cat err)"
fk import 2>err
expect 2 $? "import of nothing"

# Through a server's pen, with the pen killed meanwhile: each line that was told is true.
server_start
mkdir many
for i in $(seq 400); do printf 'Subject: %d\n\n%s\n' "$i" "$i" >many/"$(printf %04d "$i")"; done
fk import --json many many many >out.json 2>err &
importing=$!
wait_for 10 test -s out.json
kill -9 "$(role_pid keep)"
wait $importing || fail "import across a pen's death: $(cat err)"
expect 1200 "$(wc -l <out.json)" "messages across a pen's death"
jq -r '[.path, (.seq | tostring), .c256] | @tsv' out.json >acks
FUMIKURA_PROGRAM=$FUMIKURA "$BUILD/tools/acked" --exact "$V" acks || fail "what was told is not there, or not the same"
server_stop
fk verify >/dev/null || fail "verify"
