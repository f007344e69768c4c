#!/usr/bin/env python3
"""tsa.py DIR [MODE] - a time stamping authority on loopback: openssl's, behind one HTTP port, written to DIR/tsa.port.

MODE says how it answers: good (default), busy (503), page (an HTML page), other (stamps another digest), refuse (a status
of refusal), crl (good, and its certificate names a revocation list: 404 while DIR/no-crl is there; it revokes while
DIR/revoke is there). SIGTERM ends it. DIR/roots.pem is what vouches for it; it is made at the first start.
"""
import http.server, os, subprocess, sys

directory, mode = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "good"
os.makedirs(directory, exist_ok=True)
os.chdir(directory)

def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout

class Authority(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if os.path.exists("no-crl"):
            self.send_error(404)
            return
        with open("index.txt", "w") as index:
            if os.path.exists("revoke"):
                serial = openssl("x509", "-in", "tsa.pem", "-noout", "-serial").decode().strip().split("=")[1]
                index.write("R\t400101000000Z\t200101000000Z\t" + serial + "\tunknown\t/CN=Authority of a test\n")
        openssl("ca", "-config", "tsa.cnf", "-name", "own", "-gencrl", "-crldays", "30", "-out", "list.pem")
        self.answer(200, "application/pkix-crl", openssl("crl", "-in", "list.pem", "-outform", "DER"))

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        query = self.rfile.read(int(self.headers["Content-Length"]))
        open("last.tsq", "wb").write(query)
        kind, status = "application/timestamp-reply", 200
        if mode == "busy":
            status, body = 503, b"busy"
        elif mode == "page":
            kind, body = "text/html", b"<p>welcome"
        elif mode == "refuse":
            body = b"\x30\x05\x30\x03\x02\x01\x02"
        else:
            if mode == "other":
                open("other", "w").write("something else")
                openssl("ts", "-query", "-data", "other", "-sha512", "-cert", "-out", "last.tsq")
            openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "last.tsq", "-out", "last.tsr")
            body = open("last.tsr", "rb").read()
        self.answer(status, kind, body)

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Authority)

if not os.path.exists("roots.pem"):
    open("tsa.cnf", "w").write("""
[req]
distinguished_name = dn
[dn]
[tsa]
default_tsa = one
[one]
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
certs = ./roots.pem
signer_key = ./tsa.key
signer_digest = sha512
default_policy = 1.2.3.4.1
digests = sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ext]
extendedKeyUsage = critical, timeStamping
""" + ("crlDistributionPoints = URI:http://127.0.0.1:%d/list.crl\n" % server.server_port if mode == "crl" else "") + """
[own]
database = ./index.txt
certificate = ./roots.pem
private_key = ./ca.key
default_md = sha256
""")
    open("serial", "w").write("01\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "roots.pem", "-days", "3650", "-subj",
            "/CN=Root of a test", "-config", "tsa.cnf", "-extensions", "ca")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Authority of a test",
            "-config", "tsa.cnf")
    openssl("x509", "-req", "-in", "tsa.csr", "-CA", "roots.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.pem", "-days",
            "3650", "-extfile", "tsa.cnf", "-extensions", "ext")

open("tsa.port.new", "w").write(str(server.server_port))
os.rename("tsa.port.new", "tsa.port")
server.serve_forever()
