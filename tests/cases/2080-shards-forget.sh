#!/usr/bin/env bash
# an index of many shards forgets what is disposed of in each of them, its texts and those of attached files too, also when killed on the way
. "$ROOT/tests/lib/kept.sh"
# Nine mails, each with words that only it has: in its body, and in a file of which no byte of the mail shows them (it is packed).
python3 - <<'P' || fail "mails"
import base64, io, os, zipfile
os.mkdir("mails")
for n in range(1, 10):
    z = io.BytesIO()
    with zipfile.ZipFile(z, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("inner.txt", f"zqxattached{n} " * 9)
    file = base64.encodebytes(z.getvalue()).decode()
    open(f"mails/0{n}.eml", "w").write(
        f"Message-ID: <zqxid{n}@example.jp>\nFrom: a@example.jp\nTo: b@example.jp\nSubject: zqxsubject{n} 会議\nMIME-Version: 1.0\n"
        f"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nzqxbody{n} once\n"
        f"--b\nContent-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n{file}\n--b--\n")
P
vault_new
config index-batch 2
class short P1D
kept 9
fk index >/dev/null || fail "index"
kept 3 # the first three once more, in shards of their own
fk index >/dev/null || fail "index"
[ "$(shards | wc -l)" -ge 2 ] || fail "one shard only: $(cat "$V/index/current")"
# Far more files than a small limit allows: it is raised.
(ulimit -Sn 24 && fk search --count 会議 >many 2>err) || fail "a search with few descriptors: $(cat err)"
expect "$(fk search --count 会議 2>/dev/null)" "$(cat many)" "hits with few descriptors"
# left WORD N...: of how many of these messages some file of the vault has it, as it is or packed in any way.
left() {
    local word=$1
    shift
    for n in "$@"; do
        { grep -raqiF "$word$n" "$V" || grep -aqiF "$word$n" plain; } && echo "$n"
    done | wc -l
}
all_left() { # N...
    python3 "$ROOT/tests/lib/unpacked.py" --deflate "$V" >plain || fail "unpacking"
    for word in zqxid zqxsubject zqxbody zqxattached; do left $word "$@"; done | xargs
}
set -- $seqs
fk hold add keep --reason "control" --seq "$2" "${11}" "${6}" >/dev/null || fail "hold" # mails 2 and 6
expect "9 9 9 9" "$(all_left 1 2 3 4 5 6 7 8 9)" "the control: Message-IDs, subjects and texts in the vault's files"
for n in 1 9; do # rows of the body and of the file; what is shown
    [ "$(grep -ac "zqxbody$n once" plain)" -ge 2 ] && grep -aq "zqxattached$n zqxattached$n" plain || fail "the control: the text store is not seen"
done
forward 3
cp -a "$V/index" before
accept_clock >out || fail "run: $(cat out)"
rm -rf "$V/index" && cp -a before "$V/index"
for point in index-commit index-committed index-merge index-use index-used; do
    for action in kill eio; do
        rm -rf "$V/index" && cp -a before "$V/index"
        FUMIKURA_FAULT=$point:1:$action fk index >out 2>&1 && fail "$point: not met"
        fk index >/dev/null || fail "index after $point:$action"
        expect "2 2 2 2" "$(all_left 1 2 3 4 5 6 7 8 9)" "what is left after $point:$action"
        expect "2 2 2 2" "$(for word in zqxid zqxsubject zqxbody zqxattached; do left $word 2 6; done | xargs)" "what is held, after $point:$action"
        databases_are_shards || fail "left after $point:$action: $(ls "$V/index")"
    done
done
"$BUILD/tools/index-dump" "$V" >grown || fail "dump"
expect 2 "$(grep -c '^document ' grown)" "messages in the index"
fk reindex >/dev/null || fail "reindex"
"$BUILD/tools/index-dump" "$V" | cmp - grown || fail "rebuilt is not as grown"
expect 3 "$(fk search --json 2>/dev/null | jq -r '.coverage // empty | .index_captures')" "and how often they were captured"
