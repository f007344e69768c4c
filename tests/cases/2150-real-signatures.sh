#!/usr/bin/env bash
# each signature among the real messages ends with a result, by keys that an nsd serves the same as dkimpy's, and by the kept keys again
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
[ -d "$FUMIKURA_CORPUS/messages/auth" ] || { echo "the real messages are not at $FUMIKURA_CORPUS"; exit 78; }
command -v nsd >/dev/null || { echo "SKIP nsd is not here"; exit 77; }
# The public keys of some of their signers, as they stood in DNS or stand in RFC 6376 (appendix C) and RFC 8463
# (appendix A); every other name is not there.
records=$ROOT/tests/fixtures/key-records.txt
{
    echo '. 60 IN SOA ns. admin. 1 3600 600 86400 60'
    echo '. 60 IN NS ns.'
    echo 'ns. 60 IN A 127.0.0.1'
    while read -r name value; do echo "$name. 60 IN TXT ( $(fold -w 200 <<<"$value" | sed 's/.*/"&"/' | xargs -d '\n' echo) )"; done <"$records"
} >root.zone
cat >nsd.conf <<C
server:
  ip-address: 127.0.0.1@PORT
  username: ""
  chroot: ""
  database: ""
  zonelistfile: "$TEST_DIR/zone.list"
  xfrdfile: "$TEST_DIR/xfrd.state"
  pidfile: "$TEST_DIR/nsd.pid"
  zonesdir: "$TEST_DIR"
  logfile: "$TEST_DIR/nsd.log"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: .
  zonefile: root.zone
C
for try in 1 2 3 4 5; do
    DNS_PORT=$((20000 + RANDOM % 20000))
    sed "s/PORT/$DNS_PORT/" nsd.conf >nsd.here
    nsd -d -c nsd.here 2>nsd.err &
    NSD=$!
    sleep 1
    kill -0 $NSD 2>/dev/null && break
done
kill -0 $NSD || fail "nsd: $(cat nsd.err nsd.log)"
at_exit 'kill $NSD; wait $NSD 2>/dev/null'
auth_vault
server_start
for f in "$FUMIKURA_CORPUS"/messages/auth/*.eml "$FUMIKURA_CORPUS"/messages/journal/*.eml; do
    printf '%s %s\n' "$(fk import "$f" | cut -f 1)" "$f"
done >taken
last=$(tail -n 1 taken | cut -d ' ' -f 1)
settled() { [ "$(fk status --json | jq ".auth.mark > $last and .auth.again == 0")" = true ]; }
wait_for 120 settled || fail "not all are judged: $(fk status --json | jq -c .auth)"
while read -r seq f; do
    auth_show "$seq" || fail "$f: $(cat auth.err)"
    jq -c --arg f "$f" '{file: $f, unread, report, dkim, wrapper, client, judged}' auth.json
done <taken >found
/usr/bin/python3 - "$records" found <<'P' || exit 1
import collections, json, sys
import dkim

keys = dict(line.rstrip("\n").split(" ", 1) for line in open(sys.argv[1]))
results = {"pass", "fail", "neutral", "policy", "temperror", "permerror"}
bad = []
seen = collections.Counter()


def dnsfunc(name, timeout=5):
    return keys.get(name.decode("latin-1").rstrip(".").lower(), "").encode()


def verify(message, i, file):
    """Whether the signature holds; None where dkimpy does not say."""
    try:
        return dkim.DKIM(message, minkey=512).verify(idx=i, dnsfunc=dnsfunc)
    except Exception as e:
        return None if type(e).__name__ in ("MessageFormatError",) else False


for line in open(sys.argv[2]):
    m = json.loads(line)
    if m["unread"] or m["report"]:
        bad.append(f"{m['file']}: not read: {m['unread'] or m['report']}")
    for i, s in enumerate(m["dkim"]):
        seen[s["result"]] += 1
        if s["result"] not in results or s["result"] == "temperror":
            bad.append(f"{m['file']}: {s}")
        if m["judged"]:
            continue
        theirs = verify(open(m["file"], "rb").read(), i, m["file"])
        if s["result"] == "pass" and s["reason"] == "of several From fields not all are signed":
            continue  # which dkimpy refuses, and RFC 6376 leaves to the reader
        if theirs is not None and theirs != (s["result"] == "pass"):
            bad.append(f"{m['file']}: signature {i + 1}: {s['result']} ({s['reason']}), dkimpy says {theirs}")
print("NOTE results", dict(seen))
if bad:
    print("FAIL:", *bad, sep="\n  ", file=sys.stderr)
sys.exit(bool(bad) or seen["pass"] < 10)
P
grep -q '"judged":{' found || fail "no journal report among them"
# Again, by what was kept.
server_stop
fk verify --dkim --json | jq -e 'select(.dkim) | .dkim | .findings == 0 and .unread == 0 and .messages == '"$(wc -l <taken)" >/dev/null || fail "verified again: $(fk verify --dkim | tail -n 5)"
verify_clean "the real messages"
