#!/usr/bin/env bash
# a saved message of Outlook that was cut, or has what is not read, is listed; and what there is of it is found
. "$ROOT/tests/lib/kept.sh"
vault_new
mkdir files
cat >make.py <<'P'
import struct, sys
sys.path.insert(0, sys.argv[1])
from cfb import cfb
put = lambda name, data: open(f"files/{name}", "wb").write(data)
w = lambda s: s.encode("utf-16-le")
A = "__attach_version1.0_#%08d/"
props = {"__properties_version1.0": b"\0" * 32}
body = {"__substg1.0_1000001F": w("本文先頭 " + "あ" * 6000 + " 本文末尾")}
def attached(i, name, data):
    return {A % i + "__substg1.0_3707001F": w(name), A % i + "__substg1.0_37010102": data}
text = lambda s: (s + "\n").encode() * 400
whole = cfb({**props, **body, **attached(0, "甲.txt", text("甲の文字"))})
put("whole.msg", whole)
for n in range(1, 16):  # of sixteenths
    put(f"cut{n:02}.msg", whole[: len(whole) * n // 16])
put("cut-last.msg", whole[:-512])
# A stream longer than the whole of what is left: libgsf leaves it out, and what stands beside it.
lone = cfb({**props, "__substg1.0_0037001F": w("題名残り"), **body})
put("cut-lone.msg", lone[: len(lone) // 3])
# What another program has put into a message, and a link to a file that did not come with it.
put("embedded.msg", cfb({**props, A % 0 + "__substg1.0_3707001F": w("組込表"), A % 0 + "__substg1.0_3701000D/Workbook": b"\0" * 5000}))
put("linked.msg", cfb({**props, A % 0 + "__substg1.0_3707001F": w("先だけ.docx")}))
put("inner.msg", cfb({**props, A % 0 + "__substg1.0_3001001F": w("内の便り"), A % 0 + "__substg1.0_3701000D/__properties_version1.0": b"\0" * 24,
                      A % 0 + "__substg1.0_3701000D/__substg1.0_1000001F": w("内側本文")}))
# Packed RTF ([MS-OXRTFCP]): whole with its end mark, whole without, cut, and of no known kind.
def lzfu(text, mark=True, raw=None, magic=b"LZFu"):
    out, at = b"", 207 + len(text)
    tokens = [bytes([c]) for c in text] + ([struct.pack(">H", at % 4096 << 4)] if mark else [])
    for i in range(0, len(tokens), 8):
        flags = sum(1 << k for k, t in enumerate(tokens[i:i + 8]) if len(t) == 2)
        out += bytes([flags]) + b"".join(tokens[i:i + 8])
    return struct.pack("<II4sI", len(out) + 12, len(text) if raw is None else raw, magic, 0) + out
rtf = b"{\\rtf1\\ansi rtfhead " + b"filler " * 900 + b"rtftail}"
def packed(name, data):
    put(name, cfb({**props, "__substg1.0_10090102": data}))
packed("rtf-whole.msg", lzfu(rtf))
packed("rtf-nomark.msg", lzfu(rtf, mark=False))
packed("rtf-stored.msg", struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf)
packed("rtf-cut.msg", lzfu(rtf)[:3000])
packed("rtf-stored-cut.msg", (struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf)[:3000])
packed("rtf-odd.msg", lzfu(rtf, magic=b"none"))
P
python3 make.py "$ROOT/tests/lib" || fail "files"
python3 "$ROOT/tests/lib/attach.py" mails files/*
fk import mails/*.eml >imported || fail "import"
fk index >/dev/null || fail "index"
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject | sub("file "; "")' | sort | paste -sd' '; }
listed=$(found unsearchable:unreadable)
missed=0
for f in files/cut*; do
    [[ " $listed " == *" ${f#files/} "* ]] || { echo "${f#files/} is not listed"; missed=1; }
done
for f in whole inner rtf-whole rtf-nomark rtf-stored; do
    [[ " $(found unsearchable:any) " != *" $f.msg "* ]] || { echo "$f.msg is whole, and listed"; missed=1; }
done
for f in rtf-cut rtf-stored-cut rtf-odd; do
    [[ " $listed " == *" $f.msg "* ]] || { echo "$f.msg is not listed"; missed=1; }
done
expect 0 $missed "wrongly listed or not"
expect "embedded.msg linked.msg" "$(found unsearchable:unsupported | tr ' ' '\n' | grep -v ^cut | paste -sd' ')" "what is not read"
expect "embedded.msg" "$(found filename:組込表)" "it is found by name"
expect "inner.msg" "$(found attachment:内側本文)" "control: a message in a message"
expect "cut-last.msg cut15.msg whole.msg" "$(found attachment:甲の文字 | tr ' ' '\n' | grep -E 'last|15|whole' | paste -sd' ')" "what there is of an attachment"
for n in 12 15; do # where it is longer than all that is left, libgsf does not open it
    [[ " $(found attachment:本文先頭) " == *" cut$n.msg "* ]] || fail "cut$n.msg: what there is of the body is not found"
done
expect "rtf-cut.msg rtf-nomark.msg rtf-stored-cut.msg rtf-stored.msg rtf-whole.msg" "$(found attachment:rtfhead)" "RTF's head"
expect "rtf-nomark.msg rtf-stored.msg rtf-whole.msg" "$(found attachment:rtftail)" "RTF's tail"
