#!/usr/bin/env python3
"""dkimsign.py KEYDIR DOMAIN SELECTOR [NAME=VALUE]... <message >signed - signs with dkimpy, which is not the library
that checks.

KEYDIR/SELECTOR.DOMAIN.pem is the key (RSA; of algorithm=ed25519-sha256 .ed25519, 32 bytes in base64). NAME=VALUE: c
(relaxed/simple, ...), algorithm, l=yes (only the body so far), x=SECONDS (when it ends), times=N (as many signatures,
with selectors SELECTOR1 to SELECTORN of the same key)."""
import sys
import dkim

keydir, domain, selector = sys.argv[1:4]
option = dict(a.split("=", 1) for a in sys.argv[4:])
algorithm = option.get("algorithm", "rsa-sha256")
key = open(f"{keydir}/{selector}.{domain}.{'ed25519' if algorithm.startswith('ed') else 'pem'}", "rb").read().strip()
canon = tuple(c.encode() for c in option.get("c", "relaxed/relaxed").split("/"))
message = sys.stdin.buffer.read()
message = b"\r\n".join(line.rstrip(b"\r") for line in message.split(b"\n"))
names = [selector + str(i + 1) for i in range(int(option["times"]))] if "times" in option else [selector]
signatures = b""
for name in names:
    d = dkim.DKIM(message, signature_algorithm=algorithm.encode())
    header = d.sign(name.encode(), domain.encode(), key, canonicalize=canon, length="l" in option)
    signatures = header + signatures
sys.stdout.buffer.write(signatures + message)
