#!/usr/bin/env python3
"""milter.py - the mail server's side of the milter protocol (version 6), for cases.

    milter.py ADDRESS hostile [SEED [ROUNDS]]   frames that no mail server sends; prints how many were tried
    milter.py ADDRESS load N ACKS               N messages one after another over a connection; an acknowledged one's
                                                number is written to ACKS before the next is begun
    milter.py ADDRESS message BYTES             one message of that size; prints the answer: "kept", "452 4.3.1 ..."
    milter.py ADDRESS idle N SECONDS            N connections that say nothing, for that long
"""
import os
import random
import socket
import struct
import sys
import time

LEADSPC, NR_HDR, NR_BODY, ALL = 0x100000, 0x80, 0x80000, 0x1FFFFF


def frame(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


class Milter:
    def __init__(self, address, steps=ALL, timeout=30):
        host, port = address.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), timeout)
        self.file = self.sock.makefile("rb")
        self.steps = 0
        if steps is not None:
            self.raw(frame(b"O", struct.pack(">III", 6, 0x1FF, steps)))
            command, data = self.reply()
            assert command == b"O", command
            self.steps = struct.unpack(">I", data[8:12])[0]

    def raw(self, data):
        self.sock.sendall(data)

    def reply(self):
        head = self.file.read(4)
        if len(head) < 4:
            raise EOFError("the milter closed the connection")
        data = self.file.read(struct.unpack(">I", head)[0])
        return data[:1], data[1:]

    def ask(self, command, data=b"", silent=0):
        self.raw(frame(command, data))
        return (b"c", b"") if self.steps & silent else self.reply()

    def connect(self, name=b"client.example.net", address=b"203.0.113.5", port=4711):
        return self.ask(b"C", name + b"\0" + b"4" + struct.pack(">H", port) + address + b"\0")

    def message(self, headers, body, sender=b"<a@example.jp>", rcpts=(b"<b@example.jp>",), queue_id=b"Q1"):
        """The milter's answer: to MAIL where it is not taken, else to the end."""
        answer = self.ask(b"M", sender + b"\0")
        if answer[0] != b"c":
            return answer
        for r in rcpts:
            self.ask(b"R", r + b"\0", 0x8000)
        for name, value in headers:
            self.ask(b"L", name + b"\0" + value + b"\0", NR_HDR)
        self.ask(b"N", b"", 0x40000)
        for at in range(0, len(body), 65535):
            self.ask(b"B", body[at:at + 65535], NR_BODY)
        self.raw(frame(b"D", b"Ei\0" + queue_id + b"\0"))
        return self.ask(b"E")

    def close(self):
        self.sock.close()


def begun(address):
    m = Milter(address)
    m.connect()
    m.ask(b"H", b"x\0", 0x2000)
    return m


def hostile_frames(rnd):
    """(how far the session has come, bytes)"""
    yield None, b""
    yield None, b"GET / HTTP/1.0\r\n\r\n"
    yield None, b"EHLO x\r\nMAIL FROM:<a@b>\r\n"
    yield None, b"\0\0\0\0"
    yield None, struct.pack(">I", 0xFFFFFFFF) + b"O"
    yield None, struct.pack(">I", 0x7FFFFFFF) + b"O" + b"x" * 1000
    yield None, frame(b"O", b"\0" * 3)
    yield None, frame(b"O", struct.pack(">III", 1, 0, 0))
    yield None, frame(b"O", struct.pack(">III", 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF))
    yield None, frame(b"E")  # an end without a beginning
    yield None, frame(b"B", b"body")
    yield None, frame(b"M", b"<a@b>\0")
    whole = [frame(b"C", b"h\0" + b"4" + struct.pack(">H", 1) + b"1.2.3.4\0"), frame(b"H", b"h\0"), frame(b"M", b"<a@b>\0"),
             frame(b"R", b"<b@c>\0"), frame(b"L", b"Subject\0 x\0"), frame(b"N"), frame(b"B", b"body\r\n")]
    for n in range(len(whole)):
        sofar = b"".join(whole[:n])
        for odd in (frame(b"E"), frame(b"Q"), frame(b"K"), frame(b"A"), frame(b"\xff", b"?"), frame(b"O", b"\0" * 12),
                    frame(b"M", b""), frame(b"M", b"no NUL"), frame(b"R", b""), frame(b"R", b"\0\0\0"), frame(b"L", b""),
                    frame(b"L", b"no NUL"), frame(b"L", b"name\0no NUL"), frame(b"L", b"\0\0"), frame(b"C", b""),
                    frame(b"C", b"h\0" + b"4"), frame(b"C", b"h\0" + b"6" + b"\0\0" + b"zz\0"), frame(b"C", b"h\0" + b"L" + b"\0\0" + b"p" * 300 + b"\0"),
                    frame(b"H", b"h" * 60000), frame(b"D", b""), frame(b"D", b"M"), frame(b"D", b"Mname"), frame(b"D", b"Ea\0"),
                    frame(b"M", b"<a@b>\0" * 10000), frame(b"B", b"\0" * 65000), frame(b"B", b"x" * 70000), frame(b"E", b"tail")[:-2]):
            # an end that is due is a message: not asked for here
            if n >= 3 and odd[4:5] == b"E":
                continue
            yield True, sofar + odd
    for _ in range(int(os.environ.get("MILTER_ROUNDS", "300"))):
        n = rnd.randrange(len(whole))
        data = bytearray(b"".join(whole[:n + 1]))
        for _ in range(rnd.randrange(1, 6)):
            at = rnd.randrange(len(data))
            kind = rnd.randrange(3)
            if kind == 0:
                data[at] = rnd.randrange(256)
            elif kind == 1:
                del data[at]
            else:
                data[at:at] = rnd.randbytes(rnd.randrange(1, 20))
            if not data:
                data = bytearray(b"x")
        yield True, bytes(data)


def hostile(address, seed):
    rnd, tried, taken = random.Random(seed), 0, 0
    for far, data in hostile_frames(rnd):
        m = Milter(address, ALL if far else None, 5)
        try:
            m.raw(data)
            m.sock.shutdown(socket.SHUT_WR)
            while m.sock.recv(65536):
                pass
        except OSError:
            pass
        m.close()
        tried += 1
    # Ends that came with no message: never let through.
    m = begun(address)
    try:
        command, _ = m.ask(b"E")
        taken += command in (b"c", b"a")
    except (EOFError, OSError):
        pass
    m.close()
    print(tried)
    sys.exit(f"{taken} ends without a message were let through" if taken else 0)


def load(address, count, acks):
    m, n = None, 0
    with open(acks, "a", buffering=1) as out:
        while n < count:
            try:
                m = m or begun(address)
                tag = f"{os.getpid()}-{n}"
                command, data = m.message([(b"Subject", b" load " + tag.encode()), (b"Message-ID", f" <{tag}@load>".encode())],
                                          f"number {tag}\r\n".encode() * 200, queue_id=tag.encode())
                if command == b"c":
                    out.write(tag + "\n")
                    n += 1
                elif command not in (b"y", b"t") or data[:1] not in (b"4", b""):
                    sys.exit(f"answered {command} {data}")
                else:
                    time.sleep(0.02)
            except (EOFError, OSError):
                m = None
                time.sleep(0.05)


if __name__ == "__main__":
    what = sys.argv[2]
    if what == "hostile":
        hostile(sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    elif what == "message":
        command, data = begun(sys.argv[1]).message([(b"Subject", b" one")], b"0123456789abcd\r\n" * (int(sys.argv[3]) // 16))
        print("kept" if command == b"c" else data.rstrip(b"\0").decode() or repr(command))
    elif what == "load":
        load(sys.argv[1], int(sys.argv[3]), sys.argv[4])
    else:
        kept = [Milter(sys.argv[1], None) for _ in range(int(sys.argv[3]))]
        print("there", flush=True)
        time.sleep(float(sys.argv[4]))
