#!/usr/bin/env bash
# every message of the real corpus is in the index, found by its sender's address, and none makes a reader die
. "$ROOT/tests/lib/kept.sh"
[ -d "$FUMIKURA_CORPUS/messages" ] || { echo "the real messages are not at $FUMIKURA_CORPUS"; exit 78; }
vault_new
find "$FUMIKURA_CORPUS/messages" -name '*.eml' | sort >files
fk import $(cat files) >imported || fail "import"
count=$(wc -l <files)
fk index --json >out || fail "index: $(cat out)"
expect "$count" "$(jq .documents out)" "documents"
"$BUILD/tools/index-dump" "$V" >dump || fail "dump"
for reason in time crash content; do
    expect 0 "$(grep -c "^term XKpartial:$reason" dump)" "messages that are partial: $reason"
done
# A message is found by what stands in its From line, read by another reader (Python's).
python3 - dump imported files <<'P' || fail "senders are missing"
import email, email.policy, re, sys
documents, seq = {}, None
for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
    if line.startswith("document "):
        documents[seq := int(line.split()[1])] = set()
    elif line.startswith("term XF"):
        documents[seq].add(line[7:].strip())
seqs = [int(line.split()[0]) for line in open(sys.argv[2])]
missing = found = 0
for seq, path in zip(seqs, open(sys.argv[3]).read().split()):
    raw = open(path, "rb").read().split(b"\n\n")[0].split(b"\r\n\r\n")[0]
    m = re.search(rb"(?im)^from:[^\n]*<([a-z0-9._-]+@[a-z0-9.-]+)>\s*$", raw)
    if not m:
        continue
    if m.group(1).decode().lower() in documents[seq]:
        found += 1
    else:
        missing += 1
        print("missing:", path, m.group(1))
print(f"{found} senders found, {missing} missing")
sys.exit(missing > 0 or found < 500)
P
note "$count real messages, $(jq .partial out) in part: $(grep -o '^term XKpartial:[a-z]*' dump | sort | uniq -c | tr -s ' \n' ' ')"
