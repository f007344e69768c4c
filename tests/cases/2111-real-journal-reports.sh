#!/usr/bin/env bash
# the Microsoft 365 journal reports among the real messages are unwrapped, exactly
. "$ROOT/tests/lib/journals.sh"
[ -d "$FUMIKURA_CORPUS/messages" ] || { echo "the real messages are not at $FUMIKURA_CORPUS"; exit 78; }
vault_new
for f in "$FUMIKURA_CORPUS"/messages/journal/*.eml; do cp "$f" journals; take "$(basename "$f" .eml)"; done
reports=$(cut -f 1 taken)
[ -n "$reports" ] || fail "there are none"
fk index >/dev/null || fail "index"
for name in $reports; do
    n=$(entry "$name")
    # As another reader has it: the report's lines, and the bytes of the message/rfc822 part.
    python3 - "journals/$name.eml" "$name.want" >said <<'P' || fail "$name: Python finds no report"
import re, sys
data = open(sys.argv[1], "rb").read()
head, body = re.split(rb"\r?\n\r?\n", data, maxsplit=1)
boundary = re.search(rb'boundary="?([^"\s;]+)', head).group(1)
parts = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(?:--)?[ \t]*(?:\r?\n|$)", b"\n" + body)
report = next(p for p in parts if b"\nSender:" in p or b"\r\nSender:" in p and b"message/rfc822" not in p[:200])
inner = next(p for p in parts if p.lower().startswith(b"content-type: message/rfc822"))
open(sys.argv[2], "wb").write(re.split(rb"\r?\n\r?\n", inner, maxsplit=1)[1])
for label in (b"Sender", b"Recipient", b"Message-Id"):
    print(re.search(rb"^" + label + rb": *(\S+)", report, re.M).group(1).decode())
P
    { read -r sender; read -r recipient; read -r id; } <said
    fk show "$n" --inner | cmp - "$name.want" || fail "$name: the inner message"
    fk show "$n" --raw | cmp - "journals/$name.eml" || fail "$name: the wrapper"
    expect "$n" "$(found "envfrom:$sender envto:$recipient has:journal msgid:$id")" "$name by its report"
    expect "$n" "$(found "from:$sender to:$recipient")" "$name by its headers"
    known "$name" '.recipients[] | .known_from[].from' | grep -qx 'journal Recipient' || fail "$name: $(known "$name" .)"
done
