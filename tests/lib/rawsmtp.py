"""rawsmtp.py - an SMTP client of exact bytes for cases: in the clear, over STARTTLS, over implicit TLS.

    c = Client("127.0.0.1:25")                    hears 220, says EHLO
    c.say(b"MAIL FROM:<f@x>\\r\\n", "250")          sends, and hears one reply that begins so for each word
    c.starttls()                                  and EHLO again
    c.ended()                                     the server has closed
"""
import socket
import ssl

GROUP = b"MAIL FROM:<f@x.example>\r\nRCPT TO:<t@x.example>\r\nDATA\r\n"


def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    return c


class Client:
    def __init__(self, address, before=b"", hello=True, tls=False, family=None):
        host, port = address.rsplit(":", 1)
        self.s = socket.create_connection((host.strip("[]"), int(port)), 30)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if before:
            self.s.sendall(before)
        self.buffer = b""
        if tls:
            self.wrap()
        self.features = ""
        if hello:
            self.hear("220")
            self.ehlo()

    def wrap(self):
        self.s = context().wrap_socket(self.s)

    def ehlo(self):
        self.features = self.say(b"EHLO raw\r\n", "250")

    def starttls(self):
        self.say(b"STARTTLS\r\n", "220")
        self.wrap()
        self.ehlo()

    def line(self):
        while b"\n" not in self.buffer:
            got = self.s.recv(65536)
            if not got:
                raise EOFError(self.buffer)
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode("utf-8", "replace").rstrip("\r")

    def hear(self, expect):
        lines = []
        while True:
            lines.append(self.line())
            if lines[-1][3:4] != "-":
                break
        assert lines[-1].startswith(expect), f"expected {expect}, got {lines[-1]!r}"
        return "\n".join(lines)

    def say(self, data, *expect):
        self.s.sendall(data)
        heard = [self.hear(e) for e in expect]
        return heard[-1] if heard else None

    def message(self, wire):
        """The seq of a message, its dots stuffed already."""
        self.say(GROUP, "250", "250", "354")
        return seq(self.say(wire + b".\r\n", "250 2.0.0 kept"))

    def ended(self):
        try:
            while self.s.recv(65536):
                pass
        except (ConnectionResetError, ssl.SSLError):
            pass


def seq(line):
    return int(line.split("seq=")[1].split()[0])
