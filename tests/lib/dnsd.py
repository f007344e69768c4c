#!/usr/bin/env python3
"""dnsd.py ZONE PORTFILE - a name server for tests, on a loopback port of its own, by UDP and TCP.

ZONE is read again for each question; a line is NAME TYPE VALUE (TXT: the rest of the line, cut into
strings of 255 bytes; MX: "10 NAME"; CNAME, A, AAAA, PTR). What is not in it is NXDOMAIN. A line
NAME * MODE makes the server misbehave for that name:

    late       answers after 6 s              mute      does not answer
    wrong      answers another question       id        answers with another id
    cut        says "truncated" by UDP and answers by TCP
    short      sends the first half of the answer
    servfail   answers SERVFAIL               many N    N TXT records of 40 bytes, by TCP where they do not fit

Questions are appended to PORTFILE.log.
"""
import os, socket, struct, sys, threading, time

zone_path, port_path = sys.argv[1:3]
TYPES = {"A": 1, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}


def wire_name(name):
    return b"".join(bytes([len(l)]) + l.encode() for l in name.strip(".").split(".") if l) + b"\0"


def rdata(kind, value):
    if kind == "TXT":
        raw = value.encode("latin-1")
        return b"".join(bytes([len(raw[i:i + 255])]) + raw[i:i + 255] for i in range(0, max(len(raw), 1), 255))
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "MX":
        pref, host = value.split()
        return struct.pack(">H", int(pref)) + wire_name(host)
    return wire_name(value)


def zone():
    records, modes = {}, {}
    for line in open(zone_path, encoding="latin-1"):
        part = line.rstrip("\n").split(" ", 2)
        if len(part) == 3 and part[1] == "*":
            modes[part[0].lower()] = part[2]
        elif len(part) == 3:
            records.setdefault(part[0].lower(), []).append((part[1], part[2]))
    return records, modes


def question(packet):
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    kind, = struct.unpack(">H", packet[at + 1:at + 3])
    return ".".join(labels).lower(), kind, packet[12:at + 5]


def answer(packet, tcp):
    name, kind, asked = question(packet)
    records, modes = zone()
    mode = modes.get(name, "").split()
    with open(port_path + ".log", "a") as log:
        log.write(f"{name} {kind} {'tcp' if tcp else 'udp'}\n")
    ident = packet[:2]
    if mode[:1] == ["mute"]:
        return None
    if mode[:1] == ["late"]:
        time.sleep(6)
    if mode[:1] == ["servfail"]:
        return ident + struct.pack(">HHHHH", 0x8182, 1, 0, 0, 0) + asked
    found, here = [], records.get(name, [])
    if mode[:1] == ["many"]:
        here = [("TXT", f"{i:040d}") for i in range(int(mode[1]))]
    owner = name
    for _ in range(20):  # a loop of CNAMEs is given as far as it goes
        alias = [v for k, v in here if k == "CNAME"]
        if not alias or kind == 5:
            break
        found.append((owner, 5, rdata("CNAME", alias[0])))
        owner = alias[0].lower()
        here = records.get(owner, [])
    found += [(owner, TYPES[k], rdata(k, v)) for k, v in here if TYPES[k] == kind]
    flags = 0x8580 | (0 if here or found else 3)
    body = b"".join((b"\xc0\x0c" if o == name else wire_name(o)) + struct.pack(">HHIH", t, 1, 60, len(d)) + d for o, t, d in found)
    if not tcp and (mode[:1] == ["cut"] or len(body) > 1200):
        return ident + struct.pack(">HHHHH", flags | 0x0200, 1, 0, 0, 0) + asked
    if mode[:1] == ["wrong"]:
        asked = wire_name("elsewhere.example") + asked[-4:]
    if mode[:1] == ["id"]:
        ident = bytes([ident[0] ^ 255, ident[1]])
    whole = ident + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + asked + body
    return whole[:len(whole) // 2] if mode[:1] == ["short"] else whole


def serve_tcp(listener):
    def one(c):
        with c:
            c.settimeout(30)
            try:
                while head := c.recv(2, socket.MSG_WAITALL):
                    packet = c.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL)
                    reply = answer(packet, True)
                    if reply is None:
                        return
                    c.sendall(struct.pack(">H", len(reply)) + reply)
            except OSError:
                pass
    while True:
        c, _ = listener.accept()
        threading.Thread(target=one, args=(c,), daemon=True).start()


for _ in range(50):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    tcp = socket.socket()
    try:
        tcp.bind(udp.getsockname())
        break
    except OSError:
        udp.close(), tcp.close()
tcp.listen(50)
threading.Thread(target=serve_tcp, args=(tcp,), daemon=True).start()
with open(port_path + ".new", "w") as f:
    f.write(f"{udp.getsockname()[1]}\n")
os.rename(port_path + ".new", port_path)


def serve_udp(packet, peer):
    reply = answer(packet, False)
    if reply is not None:
        udp.sendto(reply, peer)


while True:
    packet, peer = udp.recvfrom(4096)
    threading.Thread(target=serve_udp, args=(packet, peer), daemon=True).start()
