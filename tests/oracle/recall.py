#!/usr/bin/env python3
"""recall.py IMPORTED HOST:PORT TABLE DIRECTORY - asks each real message for its own words.

The words are those of the subject and of the first 200 characters of the first text/plain part, as Python's email package decodes them:
a second reader. Where it gives none (no such part, a charset that it does not know), only the subject counts, or the message is told as
one that says nothing. All words together have to find the message. TABLE: lines "file<TAB>reason" of messages that need not be found so;
one that is found all the same is an error too, so that the table stays true. Exit 1 where there is a difference.
"""
import email
import email.header
import json
import re
import sys

import folding
from judge import Server, clean, over_lines


def subject_of(message):
    out = []
    for raw, charset in email.header.decode_header(str(message.get("subject", "") or "")):
        if isinstance(raw, str):
            out.append(raw)
            continue
        try:
            out.append(raw.decode(charset or "ascii"))
        except (LookupError, UnicodeError):
            return None
    return re.sub(r"[\r\n]+", "", "".join(out))


def begin_of(message):
    for part in message.walk():
        if part.get_content_type() != "text/plain" or part.get_filename() or part.is_multipart():
            continue
        try:
            text = (part.get_payload(decode=True) or b"").decode(part.get_content_charset("ascii"))
        except (LookupError, UnicodeError, AssertionError):
            return None
        if text.strip():
            return text
    return ""


def tokens_of(text, is_cut):
    if not text or "\ufffd" in text:
        return []
    tokens = [t for t in folding.cut(clean(over_lines(text[:200]))).replace(folding.LINE, folding.BREAK).strip(folding.BREAK).split(folding.BREAK) if t]
    return tokens[:-1] if is_cut and len(text) > 200 else tokens


def question(tokens):
    return " AND ".join('"' + t + '"' for t in dict.fromkeys(tokens))


def main():
    imported, host, table, root = sys.argv[1:5]
    server, wrong, silent, found = Server(host), [], 0, 0
    excused = dict(line.rstrip("\n").split("\t", 1) for line in open(table, encoding="utf-8") if line.strip() and not line.startswith("#"))
    for line in open(imported, encoding="utf-8"):
        entry = json.loads(line)
        if "seq" not in entry:
            continue
        name = entry["path"].removeprefix(root).lstrip("/")
        message = email.message_from_binary_file(open(entry["path"], "rb"))
        try:
            subject, begin = subject_of(message), begin_of(message)
        except Exception as e:  # what the second reader cannot read it says nothing of
            subject = begin = None
        tokens = tokens_of(subject, False) + tokens_of(begin, True)
        if not tokens:
            silent += 1
            continue
        def has(words):
            return any(entry["seq"] in hit["capture_seqs"] for hit in server.ask(question(words))[0])
        is_found = has(tokens)
        found += is_found
        if is_found == (name in excused):
            wrong.append(f"{name}: " + ("is found, take it out of the table" if is_found else
                         "not found by " + ", ".join(repr(t) for t in dict.fromkeys(tokens) if not has([t]))[:300]))
    print("\n".join(wrong))
    print(f"{found} messages are found by the words of their subject and their first 200 characters, {len(excused)} need not be (table), "
          f"{silent} have no words that the second reader sees; {len(wrong)} differences")
    return 1 if wrong or found < 1000 else 0


if __name__ == "__main__":
    sys.exit(main())
