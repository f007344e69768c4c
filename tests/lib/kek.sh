# kek.sh - for cases about the key-encryption key: its name, and where bytes of old keys are still found.
#
#     kek_id FILE                    the name that the ledger has for it (docs/format-vault.md 4), by openssl's digest
#     keys_of VAULT                  a line a secret, in hex: the key-encryption key, the wrapped intermediate keys
#     found_in_files DIR <SECRETS    how many of them are in a file below DIR, as bytes or as hex
#     found_in_memory PID <SECRETS   how many are in what that process can write (root)
kek_id() {
    { printf 'fumikura-kek/1 id\n'; sed 's/.*key=//' "$1" | tr -d '\n' | python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))'; } |
        openssl dgst -sha256 -r | cut -c 1-16
}
keys_of() {
    sed 's/.*key=//' "$1/secrets/kek"
    head -qn 1 "$1"/keys/*.keys | sed 's/.*sik=//'
}
found_in_files() {
    python3 -c '
import os, sys
secrets = sys.stdin.read().split()
found = set()
for top, _, names in os.walk(sys.argv[1]):
    for path in (os.path.join(top, name) for name in names):
        if os.path.isfile(path):
            data = open(path, "rb").read()
            found |= {s for s in secrets if bytes.fromhex(s) in data or s.encode() in data}
print(len(found))' "$1"
}
found_in_memory() {
    root python3 -c '
import sys
pid = sys.argv[1]
secrets = sys.stdin.read().split()
found = set()
with open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in open(f"/proc/{pid}/maps"):
        place, mode = line.split()[:2]
        start, end = (int(x, 16) for x in place.split("-"))
        if "w" not in mode or end - start > 1 << 28:
            continue
        try:
            memory.seek(start)
            data = memory.read(end - start)
        except (OSError, ValueError, OverflowError):
            continue
        found |= {s for s in secrets if bytes.fromhex(s) in data or s.encode() in data}
print(len(found))' "$1"
}
