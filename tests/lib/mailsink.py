#!/usr/bin/env python3
"""mailsink.py DIR [MODE [PORT]] - a mail server on loopback that keeps what it takes as DIR/N.eml, N from 1; its port is
in DIR/port. MODE: good (default), later (451 to the recipient), full (452 to the final dot), close (ends after the
greeting), hang (never greets), mute (takes the mail and never says so), picky (550 to the recipient "nobody@...").
DIR/talks has a line for each connection. SIGTERM ends it."""
import os, socket, sys, threading, time

directory, mode = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "good"
os.makedirs(directory, exist_ok=True)
server = socket.create_server(("127.0.0.1", int(sys.argv[3]) if len(sys.argv) > 3 else 0))
kept = len([n for n in os.listdir(directory) if n.endswith(".eml")])


def content(lines):
    mail = b""
    for line in lines:
        if line == b".\r\n":
            return mail
        mail += line[1:] if line.startswith(b".") else line
    return None


def talk(s):
    global kept
    lines = s.makefile("rb")
    say = lambda text: s.sendall(text.encode() + b"\r\n")
    if mode == "hang":
        time.sleep(600)
    say("220 sink.example ESMTP")
    if mode == "close":
        return s.close()
    for line in lines:
        verb = line.strip().upper()
        if verb.startswith(b"RCPT") and (mode == "later" or mode == "picky" and b"<NOBODY@" in verb):
            say("451 4.3.0 come back later" if mode == "later" else "550 5.1.1 nobody of that name")
        elif verb == b"DATA":
            say("354 go on")
            mail = content(lines)
            if mail is None:
                return
            if mode == "mute":
                time.sleep(600)
            if mode == "full":
                say("452 4.3.1 no room")
                continue
            kept += 1
            with open(f"{directory}/{kept}.eml.new", "wb") as f:
                f.write(mail)
            os.rename(f"{directory}/{kept}.eml.new", f"{directory}/{kept}.eml")
            say("250 2.0.0 taken")
        elif verb == b"QUIT":
            say("221 2.0.0 bye")
            return s.close()
        else:
            say("250 2.1.0 well")


with open(directory + "/port.new", "w") as f:
    print(server.getsockname()[1], file=f)
os.rename(directory + "/port.new", directory + "/port")
while True:
    connection, _ = server.accept()
    with open(directory + "/talks", "a") as f:
        print(time.time(), file=f)
    threading.Thread(target=talk, args=(connection,), daemon=True).start()
