#!/usr/bin/env python3
"""proof.py LINE PROOF KEY.PEM - a second reader of c2sp.org/tlog-proof@v1, written from the specifications alone.

LINE is the entry's line, PROOF the proof, KEY.PEM the log's public key; the signature is checked by openssl. Prints
"ok index I size N" and ends with 0, or says what is wrong and ends with 1. With --consistent OLD NEW ENTRIES it checks
instead that the two notes' roots are those of the first lines of ENTRIES (a naive tree over all of them).
"""
import base64, hashlib, subprocess, sys, tempfile, os

def fail(text):
    print(text)
    sys.exit(1)

def leaf(line):
    return hashlib.sha256(b"\0" + line).digest()

def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()

def naive_root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node(naive_root(leaves[:k]), naive_root(leaves[k:]))

def note_read(note):
    text, _, signatures = note.partition(b"\n\n")
    lines = text.split(b"\n")
    if len(lines) != 3:
        fail("the note has %d lines" % len(lines))
    return text + b"\n", lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True), signatures

def signature_check(body, origin, signatures, pem):
    prefix = "\u2014 ".encode() + origin + b" "
    for line in signatures.split(b"\n"):
        if line.startswith(prefix):
            raw = base64.b64decode(line[len(prefix):], validate=True)
            with tempfile.TemporaryDirectory() as d:
                open(os.path.join(d, "body"), "wb").write(body)
                open(os.path.join(d, "sig"), "wb").write(raw[4:])
                r = subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pem, "-in", d + "/body",
                                    "-sigfile", d + "/sig"], capture_output=True)
                if r.returncode == 0:
                    return
    fail("no signature by this key")

def inclusion_root(index, size, hashed, path):
    """RFC 9162, section 2.1.3.2."""
    fn, sn, r = index, size - 1, hashed
    for p in path:
        if sn == 0:
            fail("the proof is too long")
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            r = node(r, p)
        fn >>= 1
        sn >>= 1
    if sn:
        fail("the proof is too short")
    return r

def consistent(old, old_root, size, root, path):
    """RFC 9162, section 2.1.4.2."""
    if old == size:
        return not path and old_root == root
    if not 0 < old < size or not path:
        return False
    path = ([old_root] if old & (old - 1) == 0 else []) + path
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == old_root and sr == root and sn == 0


if sys.argv[1] == "--continues":  # OLD-CHECKPOINT REQUEST KEY
    head, _, note = open(sys.argv[3], "rb").read().partition(b"\n\n")
    lines = head.split(b"\n")
    _, old_origin, old, old_root, _ = note_read(open(sys.argv[2], "rb").read())
    body, origin, size, root, signatures = note_read(note)
    signature_check(body, origin, signatures, sys.argv[4])
    if lines[0] != b"old %d" % old or origin != old_origin:
        fail("not about that checkpoint")
    if not consistent(old, old_root, size, root, [base64.b64decode(h, validate=True) for h in lines[1:]]):
        fail("the old checkpoint is not a prefix")
    print("ok old %d size %d" % (old, size))
    sys.exit(0)
if sys.argv[1] == "--consistent":
    entries = open(sys.argv[4], "rb").read().splitlines(keepends=True)
    for path in sys.argv[2:4]:
        _, _, size, root, _ = note_read(open(path, "rb").read())
        if size > len(entries) or naive_root([leaf(e) for e in entries[:size]]) != root:
            fail("%s is not over these entries" % path)
    print("ok")
    sys.exit(0)
line = open(sys.argv[1], "rb").read()
head, _, note = open(sys.argv[2], "rb").read().partition(b"\n\n")
head = head.split(b"\n")
if head[0] != b"c2sp.org/tlog-proof@v1" or not head[1].startswith(b"index "):
    fail("not a proof")
index = int(head[1][6:])
body, origin, size, root, signatures = note_read(note)
signature_check(body, origin, signatures, sys.argv[3])
path = [base64.b64decode(h, validate=True) for h in head[2:]]
if index >= size or any(len(p) != 32 for p in path):
    fail("not a proof in this tree")
if inclusion_root(index, size, leaf(line), path) != root:
    fail("the entry is not in the tree")
print("ok index %d size %d" % (index, size))
