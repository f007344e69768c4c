#!/usr/bin/env python3
"""judge.py TEXTS IMPORTED HOST:PORT [--queries N] [--seed S] [--cli COMMAND...]

A plain scan against the index. TEXTS: what `texts` printed, one message a line; IMPORTED: what `import --json` printed of the
same files. Random literal texts are taken out of the messages, or spliced from two, asked of the server over one connection, all
pages of hits, and compared with where they stand by folding.py. Nothing may be missed, nothing invented, and the total must be the
number of hits. --cli: every fiftieth question is asked of the command too, which must find the same in the same order.

Of HTML beside plain text in an alternative a paragraph that stands in the plain part is not indexed twice (docterms_priv.h). So what
stands in one paragraph must be found, and what crosses paragraphs may be; what stands before and after one that is left out may not.
Prints each difference; exit 1 where there is one.
"""
import argparse
import bisect
import collections
import http.client
import json
import random
import subprocess
import sys
import time
import unicodedata
import urllib.parse

import folding

FIELDS = {"body": ("body", "wrapper"), "subject": ("subject",), "filename": ("filename",), "attachment": ("attachment",), "": None}
MATERIAL = ("body", "subject", "filename", "wrapper", "people", "attachment")
PEOPLE = ("from", "to", "cc", "bcc")
SHOWN = 40  # differences that are printed


class Field:
    """The texts of one field of all messages, for a plain scan."""
    def __init__(self):
        self.seqs, self.docs, self.roles, self.bares, self.begins, self.at = [], [], [], [], [], 0

    def add(self, seq, text, role):
        doc = folding.cut(text)
        if doc == folding.BREAK:
            return
        bare = folding.bare(doc) + folding.END
        self.seqs.append(seq)
        self.docs.append(doc)
        self.roles.append(role)
        self.bares.append(bare)
        self.begins.append(self.at)
        self.at += len(bare)

    def close(self):
        self.whole = "".join(self.bares)
        self.bares = None

    def find(self, query):
        """Messages that must be found and that may be, with one text of each."""
        must, may, at = {}, {}, 0
        while (at := self.whole.find(query.bare, at)) >= 0:
            i = bisect.bisect_right(self.begins, at) - 1
            at = self.begins[i + 1] if i + 1 < len(self.begins) else len(self.whole)
            role = self.roles[i]
            stands = folding.stands(query.rule, self.docs[i])
            if stands and role in ("must", "both"):
                must.setdefault(self.seqs[i], i)
            if role in ("may", "both") and (stands or folding.stands(query.tolerated, self.docs[i])):
                may.setdefault(self.seqs[i], i)
        return must, may


class Texts:
    def __init__(self, texts, imported):
        self.fields = {name: Field() for name in FIELDS}
        self.paths, self.sources = {}, []
        seqs = {}
        for line in open(imported, encoding="utf-8"):
            entry = json.loads(line)
            if "seq" in entry and "path" in entry:
                seqs[entry["path"]] = entry["seq"]
        for line in open(texts, encoding="utf-8"):
            message = json.loads(line)
            seq = seqs[message["file"]]
            self.paths[seq] = message["file"]
            for field, kind, alternatives, text in message["texts"]:
                self.add(seq, field, kind == "html" and alternatives > 0, text)
        for f in self.fields.values():
            f.close()

    def add(self, seq, field, is_sparing, text):
        of = "people" if field in PEOPLE else field
        if of not in MATERIAL or not text.strip():
            return
        names = [n for n, has in FIELDS.items() if has is None or field in has]
        for name in names:
            f = self.fields[name]
            if is_sparing:
                for paragraph in text.split("\n\n"):
                    f.add(seq, paragraph, "must")
            f.add(seq, text, "may" if is_sparing else "both")
        self.sources.append((seq, field, text))


# ---- questions

def clean(text):
    """One line, without what the query language takes for a quotation mark or refuses."""
    out = []
    for c in text:
        if unicodedata.category(c) in ("Cc", "Cs") or unicodedata.normalize("NFKC", c) == '"' or c in "“”„‟〝〞〟＂":
            c = " "
        out.append(c)
    return "".join(out)


def over_lines(text):
    """Line ends as a reader sees them: nothing between two characters of Japanese, otherwise a blank."""
    kinds = folding.CLASSES
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    out = lines[0]
    for before, line in zip(lines, lines[1:]):
        bare = line.lstrip(" \t>　＞")
        left = out.rstrip(" \t　")
        join = left and bare and before.strip(" \t>　＞") and kinds[ord(left[-1])] == "C" and kinds[ord(bare[0])] == "C"
        out = left + bare if join else out + " " + line
    return out


class Asker:
    def __init__(self, texts, seed):
        self.r, self.sources = random.Random(seed), texts.sources

    def characters(self, least=1, most=8):
        r = self.r
        _, field, text = r.choice(self.sources)
        text = over_lines(text[(at := r.randrange(len(text))):at + most * 3 + 8])
        return field, text.strip()[:r.randint(least, most)]

    def japanese(self, least, most):
        for _ in range(50):
            field, text = self.characters(least, most)
            if any(folding.CLASSES[ord(c)] == "C" for c in folding.fold(text)):
                break
        return field, text

    def words(self, n):
        r = self.r
        for _ in range(50):
            _, field, text = r.choice(self.sources)
            at = r.randrange(len(text))
            words = over_lines(text[at:at + 400]).split()
            if at:
                words = words[1:]
            if len(words) > n:
                break
        return field, " ".join(words[:n])

    def next(self):
        r, kind = self.r, self.r.random()
        if kind < 0.45:
            return ("characters",) + self.japanese(2, 8)
        if kind < 0.50:
            return ("character",) + self.japanese(1, 1)
        if kind < 0.60:
            return ("word",) + self.words(1)
        if kind < 0.75:
            return ("phrase",) + self.words(r.randint(2, 4))
        if kind < 0.80:
            return ("long",) + self.characters(10, 60)
        if kind < 0.90:  # two real halves side by side
            field, a = self.characters(1, 4)
            return "splice", field, a + self.characters(1, 4)[1]
        if kind < 0.95:
            field, a = self.words(r.randint(1, 2))
            return "splice of words", field, a + " " + self.words(r.randint(1, 2))[1]
        field, a = self.characters(3, 8)
        at = r.randrange(max(len(a), 1))
        return "turned", field, a[at:] + a[:at]


# ---- answers

class Server:
    def __init__(self, host):
        self.host, self.connection, self.asked = host, http.client.HTTPConnection(host, timeout=600), 0

    def page(self, q, cursor):
        where = {"q": q, "limit": 1000}
        if cursor:
            where["cursor"] = cursor
        for last in False, True:
            try:
                self.connection.request("GET", "/api/v1/search?" + urllib.parse.urlencode(where))
                reply = self.connection.getresponse()
                break
            except (http.client.RemoteDisconnected, ConnectionError):  # it was idle too long; oracle.sh sees a server that died
                self.connection.close()
                if last:
                    raise
        self.asked += 1
        body = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{q!r}: {reply.status}: {body[:500]!r}")
        return json.loads(body)

    def ask(self, q):
        """Hits, their total, and other texts that the answer says it has looked for; None: and more than it names."""
        hits, cursor, total, also = [], None, None, []
        while True:
            page = self.page(q, cursor)
            if total is None:
                total = page["coverage"]["total"]
                for e in page["coverage"].get("expansion", []):
                    also = None if e["more"] or also is None else also + e["also"]
            hits += page["hits"]
            cursor = page["next"]
            if not cursor:
                return hits, total, also


def of_command(command, q):
    out = subprocess.run(command + ["search", "--json", "--", q], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    return [hit["seq"] for hit in map(json.loads, out.splitlines()) if "seq" in hit]


def context(field, i, query):
    doc = field.docs[i]
    m = folding.stands(query.rule, doc)
    begin, end = (m.start(), m.end()) if m else (0, 60)
    return doc[max(0, begin - 20):end + 20].replace(folding.BREAK, "|").replace(folding.LINE, "~")


class Judge:
    def __init__(self, texts, server, command):
        self.texts, self.server, self.command = texts, server, command
        self.kinds, self.differences, self.hits, self.compared = collections.Counter(), 0, 0, 0

    def differ(self, what, q, seq, more=""):
        self.differences += 1
        if self.differences <= SHOWN:  # at once: a soak takes hours
            print(f"{what}: {q!r}: {self.texts.paths.get(seq, seq)}{more}", flush=True)

    def judge(self, kind, name, text):
        query = folding.Query(text)
        if not query.tokens:
            return False
        q = (name + ":" if name else "") + '"' + text + '"'
        field = self.texts.fields[name]
        must, may = field.find(query)
        hits, total, also = self.server.ask(q)
        found = set()
        for other in map(folding.Query, also or []):
            if other.tokens:
                may.update(field.find(other)[1])
        if total != len(hits):
            self.differ(f"a total of {total}, and {len(hits)} hits", q, None)
        for hit in hits:
            found.update(hit["capture_seqs"])
            if also is not None and not any(s in may for s in hit["capture_seqs"]):
                self.differ("invented", q, hit["seq"])
        for seq in must:
            if seq not in found:
                self.differ("missed", q, seq, f", {kind}: ...{context(field, must[seq], query)}...")
        self.kinds[kind, bool(must)] += 1
        self.hits += len(hits)
        if self.command and sum(self.kinds.values()) % 50 == 1:
            self.compared += 1
            if of_command(self.command, q) != [hit["seq"] for hit in hits]:
                self.differ("the command finds other hits", q, None)
        return True


def main():
    p = argparse.ArgumentParser()
    p.add_argument("texts")
    p.add_argument("imported")
    p.add_argument("host")
    p.add_argument("--queries", type=int, default=500)
    p.add_argument("--seed", default="1")
    p.add_argument("--cli", nargs=argparse.REMAINDER, default=[])
    a = p.parse_args()
    began = time.monotonic()
    texts = Texts(a.texts, a.imported)
    read = time.monotonic() - began
    asker, judge = Asker(texts, a.seed), Judge(texts, Server(a.host), a.cli)
    asked, tries = 0, 0
    while asked < a.queries and tries < 20 * a.queries:
        tries += 1
        kind, field, text = asker.next()
        text = clean(text).strip()
        name = {"wrapper": "body"}.get(field, field if field in FIELDS else "")
        if len(text.encode()) > 4000:
            continue
        asked += judge.judge(kind, name if asker.r.random() < 0.6 else "", text)
    there = ", ".join(f"{k} {judge.kinds[k, True]}+{judge.kinds[k, False]}" for k in sorted({k for k, _ in judge.kinds}))
    print(f"{asked} questions to {len(texts.paths)} messages (seed {a.seed}), there+not there: {there}; {judge.hits} hits, {judge.compared} also by "
          f"the command; {judge.differences} differences; {time.monotonic() - began:.0f} s, {read:.0f} of them to read the texts")
    if asked < a.queries:
        sys.exit(f"only {asked} of {a.queries} questions could be made")
    return 1 if judge.differences else 0


if __name__ == "__main__":
    sys.exit(main())
