#!/usr/bin/env bash
# checkpoints, entries' proofs and proofs between checkpoints hold for golang.org/x/mod/sumdb, and changed ones do not
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$TEST_DIR/go-cache GOPROXY=off GOFLAGS=
go build -o checklog "$ROOT/tests/golang/checklog.go" || fail "go build"
flip() { # LINE FILE: another hash of the same length there
    python3 - "$1" "$2" <<'END'
import base64, sys
lines = open(sys.argv[2], "rb").read().split(b"\n")
raw = bytearray(base64.b64decode(lines[int(sys.argv[1]) - 1], validate=True))
raw[7] ^= 16
lines[int(sys.argv[1]) - 1] = base64.b64encode(raw)
sys.stdout.buffer.write(b"\n".join(lines))
END
}
refused() { ./checklog "$@" >out 2>err && fail "taken: $*"; [ -s err ] || fail "refused without a word: $*"; }
own_mails
vault_new
fk checkpoint >first || fail "checkpoint"
fk checkpoint --vkey >vkey
for mail in mails/0[1-3]*.eml; do
    fk import "$mail" >/dev/null || fail "import"
    fk checkpoint >"at-$(fk checkpoint | sed -n 2p)"
done
fk import mails/*.eml >/dev/null || fail "import"
size=$(fk checkpoint | sed -n 2p)
for seq in 0 1 7 $((size / 2)) $((size - 1)); do
    fk show "$seq" --entry >line
    fk show "$seq" --proof >proof
    ./checklog record vkey line proof >/dev/null || fail "the proof of entry $seq"
    sed 's/mail/mali/;s/genesis/genesys/;s/act/cat/' line >other
    refused record vkey other proof
    sed "s/^index .*/index $((seq ? seq - 1 : 1))/" proof >bent
    refused record vkey line bent
    sed '3{x;d}' proof >bent
    refused record vkey line bent
    flip 3 proof >bent
    refused record vkey line bent
    grep -q "invalid" err || fail "a changed hash was refused for another reason: $(cat err)"
done
for old in first at-*; do
    fk checkpoint --proof "$old" >request || fail "checkpoint --proof $old"
    ./checklog tree vkey "$old" request >/dev/null || fail "the proof from $old"
    sed '2{x;d}' request >bent
    refused tree vkey "$old" bent
    flip 2 request >bent
    refused tree vkey "$old" bent
    grep -q "invalid" err || fail "a changed hash was refused for another reason: $(cat err)"
done
refused tree vkey first request # about another one
tr 'A-Za-z' 'B-ZAb-za' <first >bent
refused tree vkey bent request
note "$(go version | cut -d ' ' -f 3), $size entries"
