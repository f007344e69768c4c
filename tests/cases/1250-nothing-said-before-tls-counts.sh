#!/usr/bin/env bash
# what comes in the clear before TLS is not obeyed after it; over TLS the same rules hold for pipelining and smuggling
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/certificates.sh"
ca_new ca
certificate_new ca server DNS:mail.example.jp
vault_new
lines=$(with_certificate)
listener starttls 'tls = "starttls"' 'xforward = {"127.0.0.1"}' "$lines"
listener implicit 'tls = "implicit"' "$lines"
server_start
receiver=$(role_pid receive)
before=$(fk status --json | jq .next)
mkdir "$TEST_DIR/sent"
PYTHONPATH=$ROOT/tests/lib python3 -W ignore - "$(at starttls)" "$(at implicit)" "$TEST_DIR" <<'PY' || fail "a dialogue went wrong; $(tail -n 5 "$SERVER_LOG")"
import os, socket, ssl, sys, time
from rawsmtp import Client, GROUP, context
starttls, implicit, out = sys.argv[1:]
acks = open(out + "/acks", "w")
kept = 0

def note(line, message):
    global kept
    kept += 1
    path = f"{out}/sent/{kept}"
    open(path, "wb").write(message)
    seq, c256 = (w.split("=")[1] for w in line.split()[3:5])
    acks.write(f"{path}\t{seq}\t{c256}\n")

def refused(c):
    try:
        c.wrap()
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError, EOFError, OSError):
        return
    raise AssertionError("TLS began in spite of what was said before")

# Behind STARTTLS in the same piece: refused, closed, nothing obeyed (CVE-2011-0411).
for rest in [b"RSET\r\n", GROUP, b"MAIL FROM:<evil@x>\r\n", b"\0", b"E"]:
    c = Client(starttls)
    c.say(b"STARTTLS\r\n" + rest, "554 5.5.0")
    c.ended()
# The same with a pause before the rest, when 220 was sent already: it is no TLS, and ends the connection.
for rest in [b"RSET\r\n" * 3, GROUP * 2, b"\r\n" * 20]:
    c = Client(starttls)
    c.say(b"STARTTLS\r\n", "220")
    c.s.sendall(rest)
    refused(c)
# At every byte of the command: a piece of it, then the rest with something behind it.
for n in range(1, len(b"STARTTLS\r\n")):
    c = Client(starttls)
    c.s.sendall(b"STARTTLS\r\n"[:n])
    time.sleep(0.01)
    c.say(b"STARTTLS\r\n"[n:] + b"RSET\r\n", "554 5.5.0")
    c.ended()

# All that was said before is forgotten.
c = Client(starttls)
assert "STARTTLS" in c.features
c.say(b"XFORWARD NAME=before\r\n", "250")
c.say(b"MAIL FROM:<before@x>\r\nRCPT TO:<before@x>\r\n", "250", "250")
c.say(b"STARTTLS\r\n", "220")
c.wrap()
c.say(b"RCPT TO:<after@x>\r\n", "503")
c.say(b"DATA\r\n", "503")
c.say(b"MAIL FROM:<after@x>\r\n", "503 5.5.1 say EHLO")
c.ehlo()
assert "STARTTLS" not in c.features and "XFORWARD" in c.features
c.say(b"STARTTLS\r\n", "503")
c.say(GROUP, "250", "250", "354")
note(c.say(b"a\r\n.\r\n", "250 2.0.0 kept"), b"a\r\n")
c.say(b"QUIT\r\n", "221")
c.ended()
c = Client(starttls)
c.say(b"STARTTLS now\r\n", "501")
c = Client(implicit, tls=True)
assert "STARTTLS" not in c.features
c.say(b"STARTTLS\r\n", "502")

# Pipelining over TLS, whole and each part in a record of its own.
c = Client(implicit, tls=True)
for b in (GROUP, b"1\r\n.\r\n"):
    c.s.sendall(b)
    if b is GROUP:
        c.hear("250"), c.hear("250"), c.hear("354")
note(c.hear("250 2.0.0 kept"), b"1\r\n")
c.say(GROUP, "250", "250", "354")
note(c.say(b"2\r\n.\r\n" + GROUP, "250 2.0.0 kept"), b"2\r\n")
c.hear("250"), c.hear("250"), c.hear("354")
note(c.say(b"3\r\n.\r\nQUIT\r\n", "250 2.0.0 kept"), b"3\r\n")
c.hear("221")
c.ended()
c = Client(implicit, tls=True)
c.say(GROUP + b"too early\r\n.\r\n", "250", "250", "554 5.5.0")
c.ended()
c = Client(implicit, tls=True, hello=False)
c.hear("220")
c.say(b"EHLO a\r\nMAIL FROM:<f@x>\r\n", "554 5.5.0")
c.ended()
c = Client(implicit, tls=True)
c.say(b"QUIT\r\nNOOP\r\n", "554 5.5.0")
c.ended()

# What other servers took for the end of a message, over TLS: whole, and each cut at every byte.
evil = b"MAIL FROM:<evil@x>\r\nRCPT TO:<u@x>\r\nDATA\r\nevil\r\n"
for end in [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\r\n.\0\r\n", b"\r\n\0.\r\n", b"\n\r.\r\n", b"\r\n.\r\r\n"]:
    wire = b"a" + end + evil
    c = Client(implicit, tls=True)
    for cut in range(0, len(end) + 1):
        c.say(GROUP, "250", "250", "354")
        c.s.sendall(wire[:1 + cut])
        note(c.say(wire[1 + cut:] + b".\r\n", "250 2.0.0 kept"), wire.replace(b"\r\n.", b"\r\n"))
    c.say(b"NOOP\r\n", "250 2.0.0 ok")

# A message that ends with the connection, with a goodbye and without: nothing is kept.
for goodbye in (True, False):
    c = Client(implicit, tls=True)
    c.say(GROUP, "250", "250", "354")
    c.s.sendall(b"cut\r\n.\r")
    if goodbye:
        try:
            c.s.unwrap()
        except (ssl.SSLError, OSError):
            pass
    c.s.close()

# No renegotiation, and nothing older than TLS 1.2.
old = context()
old.minimum_version = ssl.TLSVersion.TLSv1
old.maximum_version = ssl.TLSVersion.TLSv1_1
old.set_ciphers("ALL:@SECLEVEL=0")
host, port = implicit.rsplit(":", 1)
try:
    old.wrap_socket(socket.create_connection((host, int(port)), 20))
    raise AssertionError("TLS 1.1 was spoken")
except ssl.SSLError:
    pass

# Garbage where TLS is to be.
for junk in [b"EHLO raw\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70000, os.urandom(5000), b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x80" * 100]:
    s = socket.create_connection((host, int(port)), 20)
    try:
        s.sendall(junk)
        s.shutdown(socket.SHUT_WR)
        while s.recv(4096):
            pass
    except OSError: # it was closed on already
        pass
acks.close()
open(out + "/kept", "w").write(str(kept))
PY
(sleep 1; echo R; sleep 1; echo Q) | openssl s_client -connect "$(at implicit)" -tls1_2 >"$TEST_DIR/openssl" 2>&1
grep -qi 'no renegotiation\|renegotiation' "$TEST_DIR/openssl" || fail "renegotiation: $(tail -n 20 "$TEST_DIR/openssl")"
grep -q '^Compression: NONE' "$TEST_DIR/openssl" || fail "compression"
expect "$receiver" "$(role_pid receive)" "the receiver's process id"
expect $((before + $(cat "$TEST_DIR/kept"))) "$(fk status --json | jq .next)" "entries after all that was kept"
server_stop
all_acked "$TEST_DIR/acks"
fk verify >/dev/null || fail "verify"
