#!/usr/bin/env python3
"""tsa.py DIR [MODE [DAYS]] - a time stamping authority on loopback: openssl's, behind one HTTP port, written to DIR/tsa.port.

MODE says how it answers: good (default), busy (503), page (an HTML page), other (stamps another digest), refuse (a status
of refusal), nonce (another nonce than was asked for), crl (good, and its certificate names a revocation list: 404 while
DIR/no-crl is there; it revokes while DIR/revoke is there, whose word is "TIME[,REASON]" as in openssl's index.txt, 2020
where it is empty), no-usage, soft-usage, two-usages (its certificate has no extended key usage, one that is not critical, or
timeStamping beside another). DAYS is how long its certificate is good for, 3650 unless said; DIR/offset, where it is there, has the
seconds by which its clock is off. SIGTERM ends it. DIR/roots.pem is what vouches for it; it is made at the first start,
good since 2020.
"""
import datetime, http.server, os, re, subprocess, sys

directory, mode = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "good"
days = sys.argv[3] if len(sys.argv) > 3 else "3650"
usages = {"no-usage": None, "soft-usage": "timeStamping", "two-usages": "critical, timeStamping, clientAuth"}
os.makedirs(directory, exist_ok=True)
os.chdir(directory)

def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout

def der(tag, content):
    n = len(content)
    length = bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + content

# "openssl ts" stamps by the machine's clock and with no certificate that it would not take itself, so the same
# statement is signed once more as it would be by somebody who does.
def signed_anew(reply, signer, offset):
    token = openssl("ts", "-reply", "-in", "last.tsr", "-token_out")
    said = openssl("cms", "-verify", "-noverify", "-binary", "-inform", "DER", data=token)
    old = re.search(rb"\x18\x0f(\d{14})Z", said).group(1)
    new = datetime.datetime.strptime(old.decode(), "%Y%m%d%H%M%S") + datetime.timedelta(seconds=offset)
    said = said.replace(old, new.strftime("%Y%m%d%H%M%S").encode())
    token = openssl("cms", "-sign", "-binary", "-nodetach", "-cades", "-md", "sha512", "-outform", "DER", "-econtent_type",
                    "1.2.840.113549.1.9.16.1.4", "-signer", signer, "-inkey", "tsa.key", "-certfile", "roots.pem", data=said)
    return der(0x30, der(0x30, der(0x02, b"\0")) + token)

class Authority(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if os.path.exists("no-crl"):
            self.send_error(404)
            return
        with open("index.txt", "w") as index:
            if os.path.exists("revoke"):
                serial = openssl("x509", "-in", "tsa.pem", "-noout", "-serial").decode().strip().split("=")[1]
                when = open("revoke").read().strip() or "200101000000Z"
                index.write("R\t400101000000Z\t" + when + "\t" + serial + "\tunknown\t/CN=Authority of a test\n")
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
            elif mode == "nonce":
                digest = query[query.index(b"\x04\x40") + 2:][:64].hex()
                openssl("ts", "-query", "-digest", digest, "-sha512", "-cert", "-out", "last.tsq")
            openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "last.tsq", "-out", "last.tsr")
            body = open("last.tsr", "rb").read()
            offset = int(open("offset").read()) if os.path.exists("offset") else 0
            if mode in usages or offset:
                body = signed_anew(body, "false.pem" if mode in usages else "tsa.pem", offset)
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
[false]
basicConstraints = CA:FALSE
""" + ("extendedKeyUsage = %s\n" % usages[mode] if usages.get(mode) else "") + """
[own]
database = ./index.txt
certificate = ./roots.pem
private_key = ./ca.key
default_md = sha256
new_certs_dir = .
rand_serial = yes
unique_subject = no
policy = any
[any]
commonName = supplied
""")
    open("serial", "w").write("01\n")
    open("index.txt", "w").close()
    for name, who in ("ca", "Root"), ("tsa", "Authority"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj",
                "/CN=%s of a test" % who, "-config", "tsa.cnf")
    def certificate(out, csr, section, until, *more): # good since 2020, so that a clock may be behind
        openssl("ca", "-config", "tsa.cnf", "-name", "own", "-batch", "-notext", "-in", csr, "-out", out, "-extensions", section,
                "-startdate", "20200101000000Z", "-days", until, *more)
    certificate("roots.pem", "ca.csr", "ca", "3650", "-selfsign")
    certificate("tsa.pem", "tsa.csr", "ext", days)
    certificate("false.pem", "tsa.csr", "false", days)

open("tsa.port.new", "w").write(str(server.server_port))
os.rename("tsa.port.new", "tsa.port")
server.serve_forever()
