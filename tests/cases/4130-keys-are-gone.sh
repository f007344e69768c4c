#!/usr/bin/env bash
# a disposal leaves no key of what it disposed of in any file of the vault, sealed or not
. "$ROOT/tests/lib/kept.sh"
vault_new
class short P1D
kept 3
fk seal >/dev/null || fail "seal"
kept 3
set -- $seqs
# What was to be found before: the wrapped intermediate keys, and the wrapped content keys of the sealed
# segment, record by record; then each file of the vault is read, as bytes and as hexadecimal.
secrets() {
    python3 - "$V" "$@" <<'P'
import glob, os, sys
vault, what, store = sys.argv[1:4]
if what == "take":
    secrets = []
    for path in glob.glob(vault + "/keys/*.keys"):
        head, records = open(path, "rb").read().split(b"\n", 1)
        secrets.append(head.split(b"sik=")[1].decode())
        secrets += [records[i + 8:i + 88].hex() for i in range(0, len(records), 88)]
    open(store, "w").write("\n".join(secrets))
secrets = open(store).read().split()
found = set()
for top, _, names in os.walk(vault):
    for path in (os.path.join(top, name) for name in names):
        if os.path.isfile(path):
            data = open(path, "rb").read()
            found |= {s for s in secrets if bytes.fromhex(s) in data or s.encode() in data}
print(len(secrets), len(found))
P
}
# Two intermediate keys; contents 1 to 3 of the sealed segment.
expect "5 5" "$(secrets take "$TEST_DIR/secrets")" "the control: keys in the vault's files"
forward 3
fk hold add keep --reason "control" --seq "$1" "$4" >/dev/null || fail "hold"
accept_clock >out || fail "run: $(cat out)"
expect "5 0" "$(secrets look "$TEST_DIR/secrets")" "keys of before the disposal that are still in a file"
for n in 2 3 5 6; do refused 1 "disposed of by entry" fk show "${!n}" --raw; done
fk show "$1" --raw | cmp - "$(mail 1)" || fail "what was held in the sealed segment"
fk show "$4" --raw | cmp - "$(mail 1)" || fail "what was held in the active segment"
fk verify >out || fail "verify: $(cat out)"
