#!/usr/bin/env bash
# PROXY and XFORWARD count from listed peers only; the envelope tells the true peer from what is said of another
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/certificates.sh"
ca_new ca
certificate_new ca server DNS:mail.example.jp
vault_new
lines=$(with_certificate)
listener behind 'proxy = {"127.0.0.0/8"}' 'journal-from = {"127.0.0.0/8"}' 'tls = "starttls"' "$lines"
listener behind-tls 'proxy = {"127.0.0.1"}' 'tls = "implicit"' "$lines"
listener behind-listed 'proxy = {"127.0.0.1"}' 'allow = {"192.0.2.0/24", "2001:db8::/32"}'
listener elsewhere 'proxy = {"192.0.2.1"}' 'xforward = {"192.0.2.1"}'
listener filter 'xforward = {"127.0.0.1"}' 'carried-recipient = "+"'
listener closed 'allow = {"192.0.2.0/24", "unix"}'
listener untrusted 'allow = {"127.0.0.0/8"}'
listener six 'address = {"[::1]:0"}' 'allow = {"::1"}' 'carried-recipient = "-"'
server_start
cp "$V/run/addresses.json" "$TEST_DIR/addresses.json"
PYTHONPATH=$ROOT/tests/lib python3 - "$TEST_DIR" <<'PY' || fail "a dialogue went wrong; $(tail -n 5 "$SERVER_LOG")"
import json, struct, sys, time
from rawsmtp import Client
out = sys.argv[1]
addresses = json.load(open(out + "/addresses.json"))
where = {name: l["addresses"][0] for name, l in addresses["listeners"].items()}
where["plain"] = addresses["smtp"][0]
seqs = {}

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
def v2(command, family, body):
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack(">H", len(body)) + body
four = bytes([192, 0, 2, 7, 192, 0, 2, 25]) + struct.pack(">HH", 4000, 25)
six = bytes.fromhex("20010db8000000000000000000000007" + "20010db8000000000000000000000025") + struct.pack(">HH", 4000, 25)

# Headers that a listed proxy sends.
for name, header in {
        "v1-4": b"PROXY TCP4 192.0.2.7 192.0.2.25 4000 25\r\n",
        "v1-6": b"PROXY TCP6 2001:db8::7 2001:db8::25 4000 25\r\n",
        "v1-unknown": b"PROXY UNKNOWN whatever it says\r\n",
        "v2-4": v2(1, 0x11, four), "v2-6": v2(1, 0x21, six), "v2-tlv": v2(1, 0x11, four + b"\x04\x00\x03abc"),
        "v2-local": v2(0, 0, b"")}.items():
    c = Client(where["behind"], before=header)
    seqs[name] = c.message(b"a\r\n")
c = Client(where["behind"], before=v2(1, 0x11, four))
c.starttls()
seqs["proxy-starttls"] = c.message(b"a\r\n")
seqs["proxy-implicit"] = Client(where["behind-tls"], before=v2(1, 0x21, six), tls=True).message(b"a\r\n")
# A header in crumbs, a byte a packet.
c = Client(where["behind"], hello=False)
for b in v2(1, 0x11, four):
    c.s.sendall(bytes([b]))
    time.sleep(0.002)
c.hear("220")
c.ehlo()
seqs["crumbs"] = c.message(b"a\r\n")

# What is no header, from a peer that has to send one: closed without a word.
for wrong in [b"EHLO raw\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.25 4000\r\n", b"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
              b"PROXY TCP4 192.0.2.7 192.0.2.25 04000 25\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.25 65536 25\r\n",
              b"PROXY TCP6 192.0.2.7 192.0.2.25 1 25\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.25 4000 25\n",
              b"PROXY " + b"x" * 200, v2(2, 0x11, four), v2(1, 0x11, four[:8]), SIGNATURE + b"\x21\x11\xff\xff" + b"x" * 70000,
              SIGNATURE + b"\x31\x11\x00\x0c" + four]:
    c = Client(where["behind"], hello=False)
    try:
        c.s.sendall(wrong)
    except (BrokenPipeError, ConnectionResetError):
        pass
    try:
        assert c.s.recv(100) == b"", wrong
    except ConnectionResetError:
        pass

# From whom is not listed: the header closes the connection, both versions, and nothing behind it is obeyed.
for name in ("plain", "elsewhere", "filter"):
    for header in [b"PROXY TCP4 192.0.2.7 192.0.2.25 4000 25\r\n", v2(1, 0x11, four)]:
        c = Client(where[name], hello=False)
        c.hear("220")
        c.s.sendall(header + b"EHLO x\r\n")
        c.hear("502")
        try:
            c.hear("xxx")
            raise AssertionError("it went on")
        except (EOFError, ConnectionResetError):
            pass

# The client is the one behind the proxy: allow asks for it.
Client(where["behind-listed"], before=b"PROXY TCP6 2001:db8::7 ::1 1 25\r\n").say(b"NOOP\r\n", "250")
c = Client(where["behind-listed"], before=b"PROXY TCP4 203.0.113.1 192.0.2.25 1 25\r\n", hello=False)
c.hear("421 4.7.1")
c.ended()
c = Client(where["closed"], hello=False)
c.hear("421 4.7.1")
c.ended()

# XFORWARD.
c = Client(where["filter"])
assert "XFORWARD NAME ADDR PORT PROTO HELO SOURCE IDENT" in c.features, c.features
c.say(b"XFORWARD NAME=mx.example ADDR=203.0.113.9 PORT=4001\r\nXFORWARD HELO=a+20b+0D+3D SOURCE=REMOTE IDENT=4XYZ PROTO=ESMTP\r\n", "250", "250")
seqs["xforward"] = c.message(b"a\r\n")
seqs["xforward-forgotten"] = c.message(b"b\r\n") # it is of one transaction
c.say(b"XFORWARD NAME=[UNAVAILABLE] ADDR=[TEMPUNAVAIL]\r\n", "250")
seqs["xforward-none"] = c.message(b"c\r\n")
c.say(b"XFORWARD NAME=first\r\nXFORWARD NAME=second BAD=x\r\nXFORWARD\r\nXFORWARD NAME=a+2\r\nXFORWARD NAME\r\n", "250", "501", "501", "501", "501")
seqs["xforward-first"] = c.message(b"d\r\n")
c.say(b"XFORWARD NAME=lost\r\nEHLO again\r\n", "250", "250")
seqs["xforward-lost"] = c.message(b"e\r\n")
c.say(b"MAIL FROM:<f@x>\r\nXFORWARD NAME=late\r\n", "250", "503")
for name, code in {"plain": "502", "elsewhere": "550 5.7.1"}.items():
    c = Client(where[name])
    assert "XFORWARD" not in c.features
    c.say(b"XFORWARD NAME=forged\r\n", code)
    seqs["forged-" + name] = c.message(b"a\r\n")

# Carried recipients.
def carried(name, address):
    c = Client(where[name])
    c.say(b"MAIL FROM:<>\r\nRCPT TO:<" + address + b">\r\nRCPT TO:<plain@x.example>\r\nDATA\r\n", "250", "250", "250", "354")
    line = c.say(b"a\r\n.\r\n", "250")
    return int(line.split("seq=")[1].split()[0])
seqs["carried"] = carried("filter", b"archive+tanaka+lists=example.jp@fumikura.invalid")
seqs["carried-minus"] = carried("six", b"archive-tanaka=example.jp@fumikura.invalid")
seqs["carried-off"] = carried("plain", b"archive+tanaka=example.jp@fumikura.invalid")
seqs["untrusted"] = Client(where["untrusted"]).message(b"a\r\n")
json.dump(seqs, open(out + "/seqs", "w"))
PY
envelope() { # what, then lines: of the message; a line with ! before it must not be there
    local what=$1 seq line
    shift
    seq=$(jq -er --arg w "$what" '.[$w]' "$TEST_DIR/seqs") || fail "$what was not sent"
    fk show "$seq" --envelope >"$TEST_DIR/envelope" || fail "show $seq"
    for line; do
        case $line in
        !*) ! grep -q -- "${line#!}" "$TEST_DIR/envelope" ;;
        *) grep -qx -- "$line" "$TEST_DIR/envelope" ;;
        esac || { cat "$TEST_DIR/envelope" >&2; fail "$what: '$line'"; }
    done
}
envelope v1-4 'peer: 127\.0\.0\.1:[0-9]*' 'proxy: v1' 'proxy-client: 192\.0\.2\.7:4000' 'proxy-server: 192\.0\.2\.25:25' '!^journal'
envelope v1-6 'proxy: v1' 'proxy-client: \[2001:db8::7\]:4000' 'proxy-server: \[2001:db8::25\]:25'
envelope v2-4 'peer: 127\.0\.0\.1:[0-9]*' 'proxy: v2' 'proxy-client: 192\.0\.2\.7:4000'
envelope v2-6 'proxy: v2' 'proxy-client: \[2001:db8::7\]:4000'
envelope v2-tlv 'proxy: v2' 'proxy-client: 192\.0\.2\.7:4000'
envelope v1-unknown 'peer: 127\.0\.0\.1:[0-9]*' '!^proxy' 'journal: trusted'
envelope v2-local '!^proxy'
envelope proxy-starttls 'proxy-client: 192\.0\.2\.7:4000' 'tls: TLSv1\.3 .*'
envelope proxy-implicit 'proxy-client: \[2001:db8::7\]:4000' 'tls: TLSv1\.3 .*'
envelope crumbs 'proxy: v2' 'proxy-client: 192\.0\.2\.7:4000'
envelope xforward 'peer: 127\.0\.0\.1:[0-9]*' 'xforward-name: mx\.example' 'xforward-addr: 203\.0\.113\.9' 'xforward-port: 4001' \
    'xforward-helo: a b%0D=' 'xforward-source: REMOTE' 'xforward-ident: 4XYZ' 'xforward-proto: ESMTP'
for what in xforward-forgotten xforward-none xforward-lost forged-plain forged-elsewhere; do envelope $what '!^xforward'; done
envelope xforward-first 'xforward-name: first'
envelope carried 'rcpt-to: archive+tanaka+lists=example\.jp@fumikura\.invalid' 'carried-to: tanaka+lists@example\.jp' 'mail-from: '
envelope carried-minus 'carried-to: tanaka@example\.jp' 'peer: \[::1\]:[0-9]*'
envelope carried-off '!^carried' '!^journal'
envelope untrusted 'listener-name: untrusted' '!^journal'
expect 1 "$(fk show "$(jq .carried "$TEST_DIR/seqs")" --envelope | grep -c ^carried-to)" "carried recipients of two"
grep -q '203.0.113.1:1 at .*may not deliver here' "$SERVER_LOG" || fail "the log does not say who was refused: $(cat "$SERVER_LOG")"
server_stop
