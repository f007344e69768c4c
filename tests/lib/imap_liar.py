#!/usr/bin/env python3
"""imap_liar.py MODE PORTFILE: an IMAP server for one mailbox that lies in one way. Writes its port to PORTFILE, and to
PORTFILE.deleted the UIDs that it was told to expunge. Ends with its stdin."""
import os
import socketserver
import sys
import threading

mode, portfile = sys.argv[1:3]
mails = {uid: b"Message-ID: <%d@x>\r\nSubject: %d\r\n\r\n" % (uid, uid) + b"text\r\n" * 50 for uid in (3, 5, 9)}
if mode == "many":  # honest, and counts what it is asked for
    mails = {uid: b"Subject: %d\r\n\r\n" % uid for uid in range(1, 1001)}
fetches = 0


class Session(socketserver.StreamRequestHandler):
    def say(self, data):
        self.wfile.write(data if isinstance(data, bytes) else data.encode() + b"\r\n")

    def handle(self):
        try:
            self.talk()
        except OSError:
            pass

    def talk(self):
        if mode == "garbage":
            self.say(os.urandom(200000))
            return
        self.say("* OK hello")
        while line := self.rfile.readline(65536):
            tag, _, words = line.decode("latin1").strip().partition(" ")
            verb = words.upper()
            if verb.startswith("CAPABILITY"):
                self.say("* CAPABILITY IMAP4rev1 UIDPLUS")
            elif verb.startswith("LOGOUT"):
                self.say(tag + " OK bye")
                return
            elif verb.startswith("SELECT"):
                self.say("* %d EXISTS" % (4000000000 if mode == "boast" else len(mails)))
                if mode != "no-validity":
                    self.say("* OK [UIDVALIDITY 77] yes")
                if mode == "close":
                    return
            elif verb.startswith("FETCH"):
                if mode == "boast" and not verb.startswith("FETCH 1:"):
                    self.say(tag + " OK none")
                    continue
                if mode == "many":
                    with open(portfile + ".lists", "a") as f:
                        f.write(words + "\n")
                    first, last = (int(n) for n in words.split()[1].split(":"))
                    for n in range(first, last + 1):
                        self.say("* %d FETCH (UID %d RFC822.SIZE %d)" % (n, n, len(mails[n])))
                    self.say(tag + " OK done")
                    continue
                self.list()
            elif verb.startswith("UID FETCH"):
                if not self.fetch(int(verb.split()[2])):
                    return
            elif verb.startswith("UID STORE") and mode == "no-store":
                self.say(tag + " NO not you")
                continue
            elif verb.startswith("UID EXPUNGE"):
                if mode == "no-uidplus":
                    self.say(tag + " BAD what?")
                    continue
                with open(portfile + ".deleted", "a") as f:
                    f.write(words.split()[2] + "\n")
            self.say(tag + " OK done")

    def list(self):
        if mode == "endless-line":
            for _ in range(4000):
                self.say(b"* 1 FETCH (" + b"x" * 60000)
        if mode == "endless-lines":
            for n in range(100000):
                self.say("* %d FETCH (UID %d RFC822.SIZE 10)" % (n, 1000 + n))
        if mode == "odd-lines":
            for text in ("* 1 FETCH (UID 0 RFC822.SIZE 5)", "* 1 FETCH (UID 99999999999 RFC822.SIZE 5)", "* 1 FETCH (UID -1",
                         "* 1 FETCH (UID 3 RFC822.SIZE 18446744073709551616999)", "* FETCH", "*"):
                self.say(text)
        for n, (uid, mail) in enumerate(mails.items()):
            size = len(mail) + (7 if mode == "size" and uid == 5 else 0)
            self.say("* %d FETCH (UID %d RFC822.SIZE %d)" % (n + 1, uid, size))
        if mode == "odd-lines":
            self.say("* 1 FETCH (UID 3 RFC822.SIZE %d)" % len(mails[3]))

    def fetch(self, uid):
        global fetches
        fetches += 1
        mail = mails[uid]
        says = len(mail)
        if uid == 5 and mode == "hang":
            threading.Event().wait(30)
            return False
        if uid == 5 and mode == "short":
            says += 100000
        if uid == 5 and mode == "huge":
            says = 99999999999
        if uid == 5 and mode == "small":
            says = 20
        self.say("* 2 FETCH (UID %d BODY[] {%d}" % (uid, says))
        if uid == 5 and mode == "huge":
            for _ in range(4000):
                self.say(b"x" * 65536)
            return False
        if uid == 5 and mode == "once" and fetches < 4:
            self.say(mail[:100])
            return False
        self.say(mail)
        if uid == 5 and mode == "short":
            return False
        self.say(")")
        return True


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


server = Server(("127.0.0.1", 0), Session)
with open(portfile + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(portfile + ".new", portfile)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
