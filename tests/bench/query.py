#!/usr/bin/env python3
"""query.py HOST:PORT MESSAGES PID RESULTS - how long answers take in an archive of the first MESSAGES of many.py, through the API on
one connection that is kept; PID serves it. Prints a table and appends lines "1<TAB>query.MESSAGES.what<TAB>value" to RESULTS.
query.py HOST:PORT load - ten clients that ask a* one after another until they are ended.

QUERY_COUNT (200) questions of each kind, made out of messages that are there, each another: what the machine remembers of
the one before is not asked again. Each is recorded in the ledger before it is answered, so one durable write is in every time.
"""
import http.client
import json
import os
import random
import sys
import threading
import time
import urllib.parse

import many

FIRST_PAGE = 20
PLAIN = set("query expansion remark total captures index_captures partial_hits ledger_entries index_mark unread documents partial act zone user since until".split())
MUST = {"median": 20, "p99": 150, "count": 500, "memory": 200, "a*": 5000}


class Client:
    def __init__(self, host):
        self.connection = http.client.HTTPConnection(host, timeout=600)

    def ask(self, q, limit=FIRST_PAGE):
        """(milliseconds, status, answer)"""
        began = time.perf_counter()
        self.connection.request("GET", "/api/v1/search?" + urllib.parse.urlencode({"q": q, "limit": limit}))
        reply = self.connection.getresponse()
        body = reply.read()
        return (time.perf_counter() - began) * 1000, reply.status, json.loads(body)


def load(host):
    def work():
        client = Client(host)
        while True:
            client.ask("a*")
    for _ in range(9):
        threading.Thread(target=work, daemon=True).start()
    work()


class Questions:
    def __init__(self, messages):
        self.n, self.r, self.v = messages, random.Random(5), many.vocabulary()

    def any(self, japanese):
        while True:
            m = many.message(self.r.randrange(self.n), self.v)
            if m[2] == japanese:
                return m

    def words(self):
        return [w for w in self.any(False)[4].replace(".", "").split() if not w.startswith("probe") and w.isascii()]

    def word(self):
        return self.r.choice(self.words())

    def two_characters(self):
        while len(w := self.r.choices(self.v.japanese, cum_weights=self.v.weights)[0]) != 2:
            pass
        return w

    def phrase(self):
        if self.r.random() < 0.5:
            line = self.r.choice([l for l in self.any(False)[4].split("\n") if l.count(" ") > 3]).rstrip(".").split()
            at = self.r.randrange(len(line) - 2)
            return '"' + " ".join(line[at:at + self.r.choice((2, 3))]) + '"'
        text = self.any(True)[4].replace("\n", "")
        at = self.r.randrange(len(text) - 10)
        piece = text[at:at + self.r.randint(4, 8)].strip("。 ")
        return '"' + piece + '"' if len(piece) > 2 else self.phrase()

    def person_month_word(self):
        m = self.any(self.r.random() < 0.6)
        word = self.r.choice(m[4].split()).rstrip(".") if not m[2] else m[4].split("\n")[1][:2]
        return f'from:{m[0]} date:{m[1]} "{word}"'

    def prefix(self):
        while len(w := self.word()) < 4:
            pass
        return w[:self.r.choice((3, 4))] + "*"


def peak(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main():
    host, messages, pid, results = sys.argv[1], int(sys.argv[2]), sys.argv[3], open(sys.argv[4], "a", encoding="ascii")
    client, questions, count = Client(host), Questions(messages), int(os.environ.get("QUERY_COUNT", "200"))
    fine = True

    def record(name, value):
        results.write(f"1\tquery.{messages}.{name}\t{value:.2f}\n")
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as f:
        f.write("5")  # the peak counts from here on
    for _ in range(20):
        client.ask(questions.word())
    print(f"\n{messages} messages, first page of {FIRST_PAGE}, {count} questions a kind, ms {'median':>10} {'p99':>8} {'most':>8} {'hits, mean':>11}")
    snippets = 0
    for kind in ("word", "two_characters", "phrase", "person_month_word", "prefix"):
        times, totals, refused = [], [], 0
        for _ in range(count):
            ms, status, answer = client.ask(getattr(questions, kind)())
            if status != 200:
                refused += 1
                continue
            times.append(ms)
            totals.append(answer["coverage"]["total"])
            snippets += any("snippet" in key for hit in answer["hits"] for key in hit)
        if not times:
            print(f"  {kind:<64} all {refused} refused")
            continue
        median, p99 = quantile(times, 0.5), quantile(times, 0.99)
        bad = median > MUST["median"] or p99 > MUST["p99"]
        fine = fine and not bad
        record(kind + ".median", median)
        record(kind + ".p99", p99)
        print(f"  {kind:<64} {median:>6.1f} {p99:>8.1f} {max(times):>8.1f} {sum(totals) / len(totals):>11.0f}"
              + (f"  {refused} refused" if refused else "") + ("  BELOW" if bad else ""))
    print(f"  must be at most {'':<48} {MUST['median']:>6} {MUST['p99']:>8}" + ("" if snippets else "   (answers have no snippets yet)"))
    times = []
    for word in [f'"{w}"' for w in questions.v.english[:15] + questions.v.japanese[:15]] + [w for p in many.PROBES.items() for w in (p[1], f"probe{p[0]}")]:
        ms, status, answer = client.ask(word, 1)
        times.append(ms)
        for every, japanese in many.PROBES.items():
            wanted = (messages + every - 1) // every
            if word in (japanese, f"probe{every}") and answer["coverage"]["total"] != wanted:
                print(f"  WRONG: {word} counts {answer['coverage']['total']}, and there are {wanted}")
                fine = False
    record("count", max(times))
    print(f"  exact counts of common words: median {quantile(times, 0.5):.1f} ms, most {max(times):.1f} (must be at most {MUST['count']})"
          + ("  BELOW" if max(times) > MUST["count"] else ""))
    ms, status, answer = client.ask("a*")
    marks = answer.get("detail", "") if status != 200 else str({k: v for k, v in answer["coverage"].items() if k not in PLAIN})
    record("a*", ms)
    print(f"  a*: {ms:.0f} ms (must be at most {MUST['a*']}), {status}: {marks[:200]}" + ("  BELOW" if ms > MUST["a*"] else ""))
    memory = peak(pid)
    record("memory", memory)
    print(f"  memory of the serving process, peak: {memory:.0f} MiB (must be under {MUST['memory']})" + ("  BELOW" if memory > MUST["memory"] else ""))
    fine = fine and max(times) <= MUST["count"] and ms <= MUST["a*"] and memory < MUST["memory"]
    record("fine", fine)


if sys.argv[2] == "load":
    load(sys.argv[1])
else:
    main()
