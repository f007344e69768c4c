#!/usr/bin/env python3
"""query_pages.py examples|spans PAGE: what docs/query.md and its Japanese page show, for the case that runs it.
examples: QUERY <TAB> numbers of the messages that it finds, of the rows between the two marks.
spans: taken|refused <TAB> QUERY, every piece of code in the tables that is a query."""
import re
import sys

what, path = sys.argv[1:]
page = open(path, encoding="utf-8").read()
marked = re.search(r"<!-- examples:.*?-->\n(.*?)<!-- end of examples -->", page, re.S)
code = re.compile(r"`([^`]+)`")


def rows(text):
    for line in text.split("\n"):
        if line.startswith("| ") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


if what == "examples":
    for cells in rows(marked[1]):
        found = code.fullmatch(cells[0])
        if found:
            print(f"{found[1]}\t{' '.join(cells[1].split())}")
else:
    for cells in rows(page.replace(marked[0], "")):
        refused = any(cell.startswith(("refused", "断ります")) for cell in cells)
        for cell in cells[:2]:
            for span in code.findall(cell):
                if not span.endswith((":", "=")) and not span.startswith("--") and span != "?":
                    print(f"{'refused' if refused else 'taken'}\t{span}")
