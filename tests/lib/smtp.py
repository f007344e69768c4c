#!/usr/bin/env python3
"""smtp.py [--lmtp] ADDRESS FILE [FROM [TO...]]: sends a file's exact bytes as one message (CRLF is not
added, only dots are stuffed; a file that does not end in CRLF gets one, since DATA cannot do without).
ADDRESS: HOST:PORT or the path of a Unix socket. Prints the replies to the final dot; exit 1 unless 250."""
import socket
import sys


def connect(address, timeout=60):
    if "/" in address:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.settimeout(timeout)
        s.connect(address)
        return s
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


class Client:
    """An SMTP or LMTP dialogue of exact bytes."""

    def __init__(self, address, lmtp=False, timeout=60):
        self.sock = connect(address, timeout)
        self.replies = self.sock.makefile("rb")
        self.lmtp = lmtp
        self.expect("220", self.reply())
        self.command("LHLO client.example" if lmtp else "EHLO client.example", "250")

    def reply(self):
        lines = []
        while True:
            line = self.replies.readline()
            if not line:
                raise EOFError("the server closed the connection")
            lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    @staticmethod
    def expect(code, reply):
        if not reply.startswith(code):
            raise RuntimeError(reply)
        return reply

    def command(self, line, code):
        self.sock.sendall(line.encode() + b"\r\n")
        return self.expect(code, self.reply())

    def send(self, data, sender="alice@example.jp", rcpts=("bob@example.jp",)):
        """The replies to the final dot: one, or one a recipient by LMTP."""
        self.command(f"MAIL FROM:<{sender}>", "250")
        for rcpt in rcpts:
            self.command(f"RCPT TO:<{rcpt}>", "250")
        self.command("DATA", "354")
        self.sock.sendall(stuff(data) + b".\r\n")
        return [self.reply() for _ in (rcpts if self.lmtp else rcpts[:1])]

    def quit(self):
        try:
            self.command("QUIT", "221")
        finally:
            self.sock.close()


def stuff(data):
    """As it goes over the wire: dots at the beginning of CRLF lines doubled, CRLF at the end."""
    if data.startswith(b"."):
        data = b"." + data
    data = data.replace(b"\r\n.", b"\r\n..")
    return data if not data or data.endswith(b"\r\n") else data + b"\r\n"


if __name__ == "__main__":
    args = sys.argv[1:]
    use_lmtp = args[:1] == ["--lmtp"]
    args = args[use_lmtp:]
    with open(args[1], "rb") as f:
        message = f.read()
    client = Client(args[0], use_lmtp)
    answers = client.send(message, args[2] if len(args) > 2 else "alice@example.jp", args[3:] or ["bob@example.jp"])
    print("\n".join(answers))
    client.quit()
    sys.exit(0 if all(a.startswith("250") for a in answers) else 1)
