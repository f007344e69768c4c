#!/usr/bin/env python3
"""table.py RESULTS: lines "round<TAB>measure<TAB>value" to the table of ratios. A ratio is taken within each
round; the median of the rounds is what counts. Exit 1 where a ratio is below what must be."""
import collections
import statistics
import sys

values = collections.defaultdict(dict)
with open(sys.argv[1], encoding="ascii") as f:
    for line in f:
        turn, name, number = line.rstrip("\n").split("\t")
        values[name][turn] = float(number or "nan")


def median(name):
    return statistics.median(values[name].values())


def row(what, ours, peer, must, aim, less=False):
    """less: ours is to be at most so much of the peer's (bytes)."""
    if ours not in values or peer not in values:
        return True
    ratios = [values[ours][t] / values[peer][t] for t in values[ours] if t in values[peer]]
    ratio = statistics.median(ratios)
    fine = must is None or (ratio <= must if less else ratio >= must)
    print(f"{what:<66} {median(ours):>11.1f} {median(peer):>11.1f} {ratio:>6.2f}  {min(ratios):.2f}-{max(ratios):.2f}  "
          f"{'' if must is None else must:>5} {'' if aim is None else aim:>5}  {'' if fine else 'BELOW'}")
    return fine


print(f"\n{'':<66} {'Fumikura':>11} {'peer':>11} {'ratio':>6}  rounds      must   aim")
ok = [
    row("SMTP, 16 connections, msg/s : Postfix to Maildir", "ours16.rate", "postfix16.rate", 3.0, None),
    row("SMTP, 16 connections, msg/s : smtp-sink (stores nothing)", "ours16.rate", "sink16.rate", 0.5, 0.7),
    row("SMTP, 16 connections, msg/s : no single instance, no log", "ours16.rate", "plain16.rate", 0.7, None),
    row("SMTP, 1 connection, msg/s : Postfix to Maildir", "ours1.rate", "postfix1.rate", 1.5, None),
    row("SMTP, 1 connection, msg/s : smtp-sink", "ours1.rate", "sink1.rate", None, None),
    row("SMTP over STARTTLS, 16 connections kept, msg/s : in the clear", "starttls16.rate", "clear16.rate", 0.6, 0.9),
    row("SMTP over implicit TLS, 16 connections kept, msg/s : in the clear", "implicit16.rate", "clear16.rate", 0.6, 0.9),
    row("SMTP, 20 connections beside 180 idle, msg/s : 20 alone", "idle20.rate", "busy20.rate", 0.9, 1.0),
    row("index, same text read, messages a CPU-s : notmuch", "same-index.cpu", "same-notmuch.cpu", 1.5, 2.0),
    row("index, same text read, messages a CPU-s : notmuch n-grams", "same-index.cpu", "same-ngram.cpu", 5.0, 6.0),
    row("index, same text read, messages a CPU-s : mu", "same-index.cpu", "same-mu.cpu", None, None),
    row("index, same text read, messages/s, two workers : notmuch", "same-index.wall", "same-notmuch.wall", 1.8, None),
    row("index, all of the set, messages a CPU-s : notmuch", "index.cpu", "notmuch.cpu", None, None),
    row("index, all of the set, messages a CPU-s : notmuch n-grams", "index.cpu", "ngram.cpu", None, None),
    row("index, all of the set, messages a CPU-s : mu", "index.cpu", "mu.cpu", None, None),
    row("index, attachments extracted, messages a CPU-s : notmuch", "attachments.cpu", "notmuch.cpu", None, None),
    row("index, attachments extracted, messages a CPU-s : notmuch n-grams", "attachments.cpu", "ngram.cpu", None, None),
    row("index, same text read, bytes as left : notmuch n-grams", "same-index.bytes", "same-ngram.bytes", None, 0.5, less=True),
    row("index, same text read, bytes compacted : notmuch n-grams as left", "same-index.compacted", "same-ngram.bytes", 0.5, 0.3, less=True),
    row("index, same text read, bytes compacted : n-grams compacted", "same-index.compacted", "same-ngram.compacted", None, None, less=True),
    row("index, same text read, bytes compacted : mu compacted", "same-index.compacted", "same-mu.compacted", None, None, less=True),
    row("stored, text-only mail, bytes : zstd -3 of each message", "text.stored", "text.packed", 1.35, 1.1, less=True),
    row("import, messages/s : sha256 + sha512 + zstd -3 -T2 + fsync", "import.rate", "plain-import.rate", 0.5, None),
    row("verify, messages a CPU-s : zstd -d and sha256sum", "verify.cpu", "plain-verify.cpu", 0.6, None),
]
for title, names in (("latency of a message, ms", ("ours16", "postfix-ack16", "sink16", "ours1", "postfix-ack1", "sink1")),):
    if "ours16.p50" in values:
        print(f"\n{title}: " + "; ".join(f"{n} p50 {median(n + '.p50'):.1f} p99 {median(n + '.p99'):.1f}" for n in names))
        print("Postfix acknowledges " + ", ".join(f"{median(f'postfix-ack{c}.rate'):.0f}/s at {c}" for c in (16, 1)) +
              "; keep and receive use " + ", ".join(f"{median(f'ours{c}.cpu_ms'):.2f} CPU-s for the set at {c}" for c in (16, 1)))
if "same-index.text" in values:
    print("text that the index keeps, counted apart: " + ", ".join(f"{n} {median(n + '.text') / 1e6:.1f} MB" for n in ("same-index", "index", "attachments") if n + ".text" in values))
if "milter-with.p50" in values:
    rounds = values["milter-with.p50"]
    adds = statistics.median(rounds[t] - values["milter-without.p50"][t] for t in rounds)
    bound = statistics.median(2 * values["milter-append.p50"][t] + 2 for t in rounds)
    ok.append(adds <= bound)
    print(f"the milter adds to a message's acceptance by Postfix {adds:.1f} ms at the median ({median('milter-without.p50'):.1f} without, "
          f"{median('milter-with.p50'):.1f} with); twice an append with fdatasync ({median('milter-append.p50'):.2f}) plus 2 ms is "
          f"{bound:.1f}{'' if adds <= bound else '  BELOW'}")
if "store.stored" in values:
    # The bound of the set: attachments decoded and once, everything else in one block at zstd level 9.
    bound = 387.7e6
    ok.append(median("store.stored") <= 1.10 * bound)
    print(f"stored bytes of the 20,000 messages: {median('store.stored') / 1e6:.1f} MB, {median('store.stored') / bound:.2f} of the "
          f"bound (must be 1.10 at most), {median('store.stored') / median('store.raw'):.3f} of what came; all of the vault, by du")
if "memory.keep" in values:
    flight = median("memory.in_flight")
    for part in ("keep", "receive"):
        beyond = (median("memory." + part) - flight) / 1024
        ok.append(beyond < 64)
        print(f"peak RssAnon + RssShmem of {part}, 16 connections of 10 MB: {median('memory.' + part) / 1024:.0f} MiB "
              f"({max(beyond, 0):.0f} beyond the {flight / 1024:.0f} in flight; must be under 64)")
    print(f"... of indexd: {median('memory.indexd') / 1024:.0f} MiB")
steps = sorted({int(name.split(".")[1]) for name in values if name.startswith("query.")})
if steps:
    print(f"\n{'messages':>9} {'import/s':>9} {'index/s':>8} {'a CPU-s':>8} {'index MB':>9} {'text MB':>8} {'B a message':>12}   of the step, and of all of the index")
for n in steps:
    print(f"{n:>9} {median(f'query.{n}.import'):>9.0f} {median(f'query.{n}.index.wall'):>8.0f} {median(f'query.{n}.index.cpu'):>8.0f} "
          f"{median(f'query.{n}.bytes') / 1e6:>9.1f} {median(f'query.{n}.text') / 1e6:>8.1f} {median(f'query.{n}.bytes') / n:>12.0f}")
    ok.append(median(f"query.{n}.fine") == 1)
if "query-beside.p99" in values:
    worse = median("query-beside.p99") / median("query-alone.p99")
    ok.append(worse <= 1.2)
    print(f"intake of small messages, 4 connections, p99: {median('query-alone.p99'):.1f} ms alone, {median('query-beside.p99'):.1f} while ten clients ask a* "
          f"(p50 {median('query-alone.p50'):.1f} and {median('query-beside.p50'):.1f}): {worse:.2f} (must be 1.2 at most){'' if worse <= 1.2 else '  BELOW'}")
sys.exit(0 if all(ok) else 1)
