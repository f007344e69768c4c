#!/usr/bin/env python3
"""witness.py - a second reader of cosignatures (C2SP tlog-cosignature) and a log of its own for witnesses (tlog-witness),
written from the specifications alone; signatures are openssl's.

    witness.py check NOTE VKEY              NOTE has a cosignature/v1 by the witness: prints "ok size N time T"
    witness.py vector NAME SEED LOG TIME    the vkey and the cosigned note that a unit test has
    witness.py vkey STATE                   the verifier key of the log that STATE (a directory) holds; made where it is not
    witness.py grow URL STATE [BY]          adds entries and has them cosigned: prints the status, keeps what was cosigned
    witness.py remembered URL STATE         the witness knows of all that it cosigned, and refuses a fork of it
    witness.py protocol URL STATE VKEY      each answer that the specification has, on raw HTTP
"""
import base64, hashlib, http.client, json, os, re, socket, subprocess, sys, tempfile, threading, time

def fail(text):
    print(text)
    sys.exit(1)

def need(ok, text):
    if not ok:
        fail(text)

# ---- keys and signatures

def public_of(seed):
    der = bytes.fromhex("302e020100300506032b657004220420") + seed
    r = subprocess.run(["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"], input=der, capture_output=True, check=True)
    return r.stdout[-32:]

def sign(seed, message):
    with tempfile.TemporaryDirectory() as d:
        open(d + "/key", "wb").write(bytes.fromhex("302e020100300506032b657004220420") + seed)
        open(d + "/m", "wb").write(message)
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", d + "/key", "-in", d + "/m"],
                              capture_output=True, check=True).stdout

def verifies(public, message, signature):
    with tempfile.TemporaryDirectory() as d:
        open(d + "/key", "wb").write(bytes.fromhex("302a300506032b6570032100") + public)
        open(d + "/m", "wb").write(message)
        open(d + "/s", "wb").write(signature)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", d + "/key", "-in",
                               d + "/m", "-sigfile", d + "/s"], capture_output=True).returncode == 0

def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]

def vkey_of(name, kind, public):
    return "%s+%s+%s" % (name, key_id(name, kind, public).hex(), base64.b64encode(bytes([kind]) + public).decode())

def cosignature(note, vkey):
    """Size and time of the one cosignature by the key."""
    name, given, blob = vkey.strip().split("+", 2)
    blob = base64.b64decode(blob, validate=True)
    need(blob[0] == 4 and len(blob) == 33, "not the key of a witness")
    public = blob[1:]
    need(key_id(name, 4, public).hex() == given, "the key's id is wrong")
    text, _, lines = note.partition(b"\n\n")
    text += b"\n"
    found = []
    for line in lines.decode().splitlines():
        m = re.fullmatch("\u2014 (\\S+) (\\S+)", line)
        need(m, "a malformed signature line: %r" % line)
        raw = base64.b64decode(m.group(2), validate=True)
        if m.group(1) == name and raw[:4].hex() == given:
            found.append(raw[4:])
    need(len(found) == 1, "%d cosignatures by %s" % (len(found), name))
    need(len(found[0]) == 72, "a cosignature of %d bytes" % len(found[0]))
    when = int.from_bytes(found[0][:8], "big")
    need(verifies(public, b"cosignature/v1\ntime %d\n" % when + text, found[0][8:]), "the cosignature does not verify")
    return int(text.split(b"\n")[1]), when

# ---- a log of its own

def leaf(line):
    return hashlib.sha256(b"\0" + line).digest()

def root_of(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()

def consistency(old, leaves, whole=True):
    """RFC 6962, section 2.1.2."""
    n = len(leaves)
    if old == 0 or (old == n and whole):
        return []
    if old == n:
        return [root_of(leaves)]
    k = 1 << (n - 1).bit_length() - 1
    if old <= k:
        return consistency(old, leaves[:k], whole) + [root_of(leaves[k:])]
    return consistency(old - k, leaves[k:], False) + [root_of(leaves[:k])]

class Log:
    def __init__(self, directory, name="log.example/of-a-test"):
        self.directory, self.name = directory, name
        os.makedirs(directory, exist_ok=True)
        path = directory + "/state.json"
        self.state = json.load(open(path)) if os.path.exists(path) else {"seed": os.urandom(32).hex(), "size": 0, "cosigned": 0}
        self.seed = bytes.fromhex(self.state["seed"])
        self.keep()

    def keep(self):
        with open(self.directory + "/state.new", "w") as f:
            json.dump(self.state, f)
        os.rename(self.directory + "/state.new", self.directory + "/state.json")

    def vkey(self):
        return vkey_of(self.name, 1, public_of(self.seed))

    def leaves(self, size, forked_at=None):
        return [leaf(b"entry %d%s\n" % (i, b" of a fork" if forked_at is not None and i >= forked_at else b"")) for i in range(size)]

    def note(self, size, forked_at=None, seed=None, name=None):
        name, seed = name or self.name, seed or self.seed
        text = ("%s\n%d\n%s\n" % (name, size, base64.b64encode(root_of(self.leaves(size, forked_at))).decode())).encode()
        raw = key_id(name, 1, public_of(seed)) + sign(seed, text)
        return text + "\n\u2014 {} {}\n".format(name, base64.b64encode(raw).decode()).encode()

    def body(self, old, size, forked_at=None, **other):
        proof = consistency(old, self.leaves(size, forked_at)) if old <= size else []
        return b"old %d\n" % old + b"".join(base64.b64encode(h) + b"\n" for h in proof) + b"\n" + self.note(size, forked_at, **other)

def post(url, body, path="/add-checkpoint", method="POST"):
    host = url.split("//")[1].rstrip("/")
    c = http.client.HTTPConnection(host, timeout=20)
    try:
        c.request(method, path, body)
        r = c.getresponse()
        return r.status, r.getheader("Content-Type"), r.read()
    except (OSError, http.client.HTTPException):
        return 0, None, b""
    finally:
        c.close()

def raw(url, data):
    """What comes back for these bytes: its first line, "" for a closed connection."""
    host, port = url.split("//")[1].rstrip("/").rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as s:
        try: # it may answer and hang up before it has all of this
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            return s.makefile("rb").readline().decode("latin-1").strip()
        except OSError:
            return ""

def known(url, log):
    status, kind, body = post(url, log.body(0, log.state["size"] + 1))
    if status == 200:
        fail("the witness has forgotten the log")
    need(status == 409 and kind == "text/x.tlog.size" and re.fullmatch(rb"[0-9]+\n", body), "old 0: %s %s %r" % (status, kind, body))
    return int(body)

def grow(url, directory, by):
    log = Log(directory)
    old = 0 if log.state["cosigned"] == 0 and log.state["size"] == 0 else None
    log.state["size"] += by
    log.keep()
    if old is None:
        status, _, body = post(url, log.body(0, log.state["size"]))
        old = int(body) if status == 409 else 0
        if status != 409:
            if status == 200:
                need(log.state["cosigned"] == 0, "the witness has forgotten %d entries" % log.state["cosigned"])
                log.state["cosigned"] = log.state["size"]
                log.keep()
            print(status)
            return
    status, _, _ = post(url, log.body(old, log.state["size"]))
    if status == 200:
        log.state["cosigned"] = log.state["size"]
        log.keep()
    print(status)

def remembered(url, directory):
    log = Log(directory)
    cosigned = log.state["cosigned"]
    if cosigned == 0:
        print("ok 0")
        return
    size = known(url, log)
    need(cosigned <= size <= log.state["size"], "the witness knows of %d entries and cosigned %d" % (size, cosigned))
    for old, to in ((size, size), (size, size + 3), (size - 1, size)):
        status, _, _ = post(url, log.body(old, to, forked_at=size - 1))
        need(status in (409, 422), "a fork from %d to %d: %d" % (old, to, status))
    print("ok %d" % size)

def protocol(url, directory, vkey):
    log = Log(directory)
    def expect(status, body, what, kind=None):
        got = post(url, body)
        need(got[0] == status and (kind is None or got[1] == kind), "%s: %s, not %d" % (what, got, status))
        return got[2]
    text = lambda size: log.note(size).partition(b"\n\n")[0] + b"\n"
    h = base64.b64encode(b"x" * 32) + b"\n"
    # malformed
    for what, body in {
        "nothing": b"", "no checkpoint": b"old 0\n\n", "no empty line": b"old 0\n", "no old line": b"\n" + log.note(3),
        "leading zero": b"old 00\n\n" + log.note(3), "negative": b"old -1\n\n" + log.note(3), "no number": b"old \n\n" + log.note(3),
        "two spaces": b"old  0\n\n" + log.note(3), "over 2^63": b"old 9223372036854775808\n\n" + log.note(3),
        "carriage returns": b"old 0\r\n\r\n" + log.note(3), "upper case": b"OLD 0\n\n" + log.note(3),
        "a hash of 31 bytes": b"old 1\n" + base64.b64encode(b"x" * 31) + b"\n\n" + log.note(3),
        "a hash that is none": b"old 1\nxyz\n\n" + log.note(3), "64 hashes": b"old 1\n" + h * 64 + b"\n" + log.note(3),
        "a size that is none": b"old 0\n\n" + log.note(3).replace(b"\n3\n", b"\nx\n"),
        "an old size over the checkpoint's": b"old 4\n\n" + log.note(3), "NULs": b"old 0\n\n" + b"\0" * 100,
        "64 KiB of signatures": b"old 0\n\n" + text(3) + b"\n" + b"x" * 70000,
    }.items():
        expect(400, body, what)
    expect(404, log.body(0, 3, name="log.example/stranger"), "a log that is not known")
    expect(403, log.body(0, 3, seed=b"y" * 32), "a key that is not known")
    expect(403, b"old 0\n\n" + text(3) + b"\n", "no signature")
    other = log.note(2).partition(b"\n\n")[2]
    expect(403, b"old 0\n\n" + text(3) + b"\n" + other, "another checkpoint's signature")
    expect(409, log.body(2, 3), "an old size of a log that was never seen", "text/x.tlog.size")
    expect(422, b"old 0\n" + h + b"\n" + log.note(3), "a proof from nothing")
    for path, method, status in (("/", "POST", 404), ("/add-checkpoint/", "POST", 404), ("/add-checkpoint", "GET", 405),
                                 ("/add-checkpoint", "PUT", 405), ("/add-checkpoint%00", "POST", 404)):
        got = post(url, log.body(0, 3), path, method)[0]
        need(got == status, "%s %s: %s, not %d" % (method, path, got, status))
    line = raw(url, b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
    need(" 413 " in line, "a body that is said to be too long: " + line)
    line = raw(url, b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 4)
    need(" 200 " not in line, "a body without an end: " + line)
    line = raw(url, b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nold 0\n")
    need(" 200 " not in line, "half a body: " + line)
    # cosigned, again and again, and grown; the line is a cosignature, times do not go back
    before = 0
    def good(old, size):
        nonlocal before
        body = expect(200, log.body(old, size), "from %d to %d" % (old, size), "text/plain")
        got, when = cosignature(text(size) + b"\n" + body, vkey)
        need(got == size and when >= before and abs(when - time.time()) < 300, "a cosignature of %d at %d" % (got, when))
        before = when
    sizes = (0, 0, 1, 1, 2, 3, 5, 8, 13, 40, 41)
    for old, size in zip((0,) + sizes, sizes):
        good(old, size)
    # what does not continue it
    need(expect(409, log.body(0, 50), "an old size that is not the last", "text/x.tlog.size") == b"41\n", "the size in a conflict")
    need(expect(409, log.body(40, 40), "a smaller checkpoint", "text/x.tlog.size") == b"41\n", "the size in a conflict")
    need(expect(409, log.body(41, 41, forked_at=7), "another of that size", "text/x.tlog.size") == b"41\n", "the size in a conflict")
    expect(422, log.body(41, 50, forked_at=7), "a fork")
    expect(422, b"old 41\n\n" + log.note(50), "no proof")
    expect(422, b"old 41\n" + h + b"\n" + log.note(41), "a proof where there is nothing to prove")
    good(41, 41)
    # two branches at once: one at most is cosigned, every time
    size = 41
    for attempt in range(12):
        bodies = [log.body(size, size + 1, forked_at=None if i % 2 else size) for i in range(8)]
        answers = [None] * 8
        def ask(i):
            answers[i] = post(url, bodies[i])
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
        for t in threads: t.start()
        for t in threads: t.join()
        won = {i % 2 for i in range(8) if answers[i][0] == 200}
        need(len(won) == 1, "of two branches at once %d were cosigned: %s" % (len(won), [a[0] for a in answers]))
        if won == {0}:
            break # the fork was first: the rest of this log is over
        size += 1
    print("ok")

command = sys.argv[1]
if command == "check":
    size, when = cosignature(open(sys.argv[2], "rb").read(), open(sys.argv[3]).read())
    print("ok size %d time %d" % (size, when))
elif command == "vector":
    name, seed, origin, when = sys.argv[2], bytes.fromhex(sys.argv[3]), sys.argv[4], int(sys.argv[5])
    text = ("%s\n1234\n%s\n" % (origin, base64.b64encode(b"Z" * 32).decode())).encode()
    blob = key_id(name, 4, public_of(seed)) + when.to_bytes(8, "big") + sign(seed, b"cosignature/v1\ntime %d\n" % when + text)
    print(vkey_of(name, 4, public_of(seed)))
    print("\u2014 %s %s" % (name, base64.b64encode(blob).decode()))
elif command == "vkey":
    print(Log(sys.argv[2]).vkey())
elif command == "grow":
    grow(sys.argv[2], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 1)
elif command == "remembered":
    remembered(sys.argv[2], sys.argv[3])
elif command == "protocol":
    protocol(sys.argv[2], sys.argv[3], open(sys.argv[4]).read())
else:
    fail("no such command")
