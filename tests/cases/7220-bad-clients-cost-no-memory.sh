#!/usr/bin/env bash
# a thousand connections, slow handshakes, readers and writers, TLS garbage, 150 MB and 10,000 recipients over TLS: all bounded
# not under asan: its shadow memory is not ours
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/certificates.sh"
ulimit -n 4096 2>/dev/null || { echo "descriptors are limited below 4096"; exit 77; }
ca_new ca
certificate_new ca server DNS:mail.example.jp
vault_new
lines=$(with_certificate)
listener starttls 'tls = "starttls"' "$lines"
listener implicit 'tls = "implicit"' "$lines"
listener behind 'proxy = {"127.0.0.1"}'
listener few 'peer-connections = 3'
listener slow-rate 'peer-rate = 5'
listener short 'connection-messages = 2' 'tls = "starttls"' "$lines"
server_start
receiver=$(role_pid receive)
cp "$V/run/addresses.json" "$TEST_DIR/addresses.json"
python3 "$ROOT/tests/lib/peak.py" keep="$(role_pid keep)" receive="$receiver" >"$TEST_DIR/peak" &
watch=$!
PYTHONPATH=$ROOT/tests/lib python3 - "$TEST_DIR" <<'PY' || fail "a dialogue went wrong; $(tail -n 5 "$SERVER_LOG")"
import json, os, resource, selectors, socket, ssl, sys, time
from rawsmtp import Client, GROUP, context, seq
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
out = sys.argv[1]
addresses = json.load(open(out + "/addresses.json"))
where = {name: l["addresses"][0] for name, l in addresses["listeners"].items()}
where["plain"] = addresses["smtp"][0]
acks = open(out + "/acks", "w")
os.mkdir(out + "/sent")
def note(line, message, name):
    path = f"{out}/sent/{name}"
    open(path, "wb").write(message)
    s, c256 = (w.split("=")[1] for w in line.split()[3:5])
    acks.write(f"{path}\t{s}\t{c256}\n")
def tcp(name):
    host, port = where[name].rsplit(":", 1)
    return socket.create_connection((host, int(port)), 30)

# Handshakes that never end, a byte a second, and proxies that never say who: looked at further below.
hello = ssl.MemoryBIO()
o = context().wrap_bio(ssl.MemoryBIO(), hello)
try:
    o.do_handshake()
except ssl.SSLWantReadError:
    pass
hello = hello.read()
began = time.monotonic()
slow = [tcp("implicit") for _ in range(20)] + [tcp("behind") for _ in range(5)]
half = Client(where["starttls"])
half.say(b"STARTTLS\r\n", "220")
slow.append(half.s)

# Limits of a listener.
few = [Client(where["few"]) for _ in range(3)]
c = Client(where["few"], hello=False)
c.hear("421 4.7.1")
c.ended()
few.pop().s.close()
for _ in range(100):
    c = Client(where["few"], hello=False)
    if c.line().startswith("220"):
        break
    time.sleep(0.05)
else:
    raise AssertionError("the limit does not forget who has left")
c = Client(where["slow-rate"])
for i in range(5):
    note(c.say(GROUP, "250", "250", "354") and c.say(b"%d\r\n.\r\n" % i, "250"), b"%d\r\n" % i, f"rate{i}")
c.say(b"MAIL FROM:<f@x>\r\n", "450 4.7.1 too many messages a minute")
Client(where["slow-rate"]).say(b"MAIL FROM:<f@x>\r\n", "450 4.7.1") # the client's, not the connection's
c = Client(where["short"])
c.message(b"1\r\n")
c.starttls() # TLS does not begin the count anew
c.message(b"2\r\n")
c.say(b"MAIL FROM:<f@x>\r\n", "421 4.7.0")
c.ended()

# Slow readers over TLS: they send and do not read. What they are owed is bounded, so at last they cannot send.
readers = [Client(where["implicit"], tls=True) for _ in range(5)]
for c in readers:
    c.s.setblocking(False)
sent, moved = [0] * len(readers), time.monotonic()
chunk = b"HELP\r\n" * 2000
while time.monotonic() - moved < 1 and max(sent) < 60_000_000:
    for i, c in enumerate(readers):
        try:
            sent[i] += c.s.send(chunk)
            moved = time.monotonic()
        except (ssl.SSLWantWriteError, BlockingIOError):
            time.sleep(0.001)
# The system's own buffers, at both ends, take some megabytes.
assert max(sent) < 60_000_000, f"{max(sent)} bytes were taken of a client that does not read"
# They begin to read: everything is answered.
c = readers[0]
c.s.setblocking(True)
c.s.settimeout(30)
for _ in range(min(20000, sent[0] // 6)):
    c.hear("214")
for c in readers:
    c.s.close()

# 150 MB over TLS, and beside it a slow writer.
writer = Client(where["implicit"], tls=True)
writer.say(GROUP, "250", "250", "354")
line = os.urandom(3072).hex()[:998].encode() + b"\r\n"
big = b"".join(os.urandom(499).hex().encode() + b"\r\n" for _ in range(150000))
assert len(big) >= 150_000_000
c = Client(where["implicit"], tls=True)
c.say(GROUP, "250", "250", "354")
c.s.settimeout(300)
for at in range(0, len(big), 1 << 20):
    c.s.sendall(big[at:at + (1 << 20)])
    if at % (8 << 20) == 0:
        writer.s.sendall(b"x")
note(c.say(b".\r\n", "250 2.0.0 kept"), big, "big")
n = len(range(0, len(big), 8 << 20))
note(writer.say(b"\r\n.\r\n", "250 2.0.0 kept"), b"x" * n + b"\r\n", "writer")

# 10,000 recipients over TLS, and one more.
c = Client(where["starttls"])
c.starttls()
c.say(b"MAIL FROM:<f@x>\r\n", "250")
for base in range(0, 10000, 100):
    c.say(b"".join(b"RCPT TO:<r%d@example.jp>\r\n" % (base + i) for i in range(100)), *["250"] * 100)
c.say(b"RCPT TO:<one@more.example>\r\n", "452 4.5.3")
c.say(b"DATA\r\n", "354")
line = c.say(b"many\r\n.\r\n", "250 2.0.0 kept")
note(line, b"many\r\n", "many")
json.dump(seq(line), open(out + "/many", "w"))

# A thousand connections: as many as there may be are served, the others are told so, and mail goes on.
early = Client(where["plain"])
crowd = [tcp("plain") for _ in range(1000)]
told = {"220": 0, "421": 0}
for s in crowd:
    s.settimeout(30)
    told[s.recv(200)[:3].decode()] += 1
assert 150 < told["220"] < 256 and told["421"] == 1000 - told["220"], told
note(early.say(GROUP, "250", "250", "354") and early.say(b"early\r\n.\r\n", "250"), b"early\r\n", "early")
for s in crowd:
    s.close()
# The same where TLS is to be: garbage from each.
crowd = [tcp("implicit") for _ in range(1000)]
for i, s in enumerate(crowd):
    try:
        s.sendall(os.urandom(200 + i))
    except OSError:
        pass
for s in crowd:
    s.close()
for _ in range(200):
    try:
        Client(where["plain"]).say(b"QUIT\r\n", "221")
        break
    except (AssertionError, EOFError, ConnectionResetError):
        time.sleep(0.1)
else:
    raise AssertionError("no service after the crowd")

# The slow ones: a byte now and then does not keep them, 30 s are all they have.
sel = selectors.DefaultSelector()
for s in slow:
    s.setblocking(False)
    sel.register(s, selectors.EVENT_READ)
at = 0
while sel.get_map():
    assert time.monotonic() - began < 75, f"{len(sel.get_map())} connections are still there"
    for key, _ in sel.select(0.5):
        try:
            if key.fileobj.recv(100) == b"":
                raise ConnectionResetError
        except (ConnectionResetError, OSError):
            sel.unregister(key.fileobj)
    for key in list(sel.get_map().values()):
        try:
            key.fileobj.send(hello[at:at + 1])
        except OSError:
            pass
    at += 1
took = time.monotonic() - began
assert took > 25, took
acks.close()
PY
kill $watch
wait $watch
expect "$receiver" "$(role_pid receive)" "the receiver's process id"
in_flight=$((150 * 1024))
for part in keep receive; do
    peak=$(awk -v p=$part '$1 == p {print $2}' "$TEST_DIR/peak")
    note "$part: $((peak / 1024)) MiB at most, with 150 MB in flight"
    [ "$peak" -lt $((in_flight + 65536)) ] || fail "$part had $peak KiB"
done
expect 10000 "$(fk show "$(cat "$TEST_DIR/many")" --envelope | grep -c '^rcpt-to: r[0-9]*@example.jp$')" "recipients in the envelope"
lines=$(grep -c 'TLS' "$SERVER_LOG")
[ "$lines" -lt 200 ] || fail "$lines lines in the log of a thousand clients' garbage"
grep -q 'such lines before, left out' "$SERVER_LOG" || note "no line was left out"
server_stop
all_acked "$TEST_DIR/acks"
