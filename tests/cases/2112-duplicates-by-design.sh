#!/usr/bin/env bash
# every way in which mail servers capture one message more than once: equal bytes are one message of many captures, others are versions
. "$ROOT/tests/lib/journals.sh"
# The table: what comes (names of captures), then how many messages, captures, and versions beside the first there are.
python3 - journals <<'P' || exit 1
import base64, os, sys
sys.path.insert(0, os.environ["ROOT"] + "/tests/fixtures")
import make_journals as m
def put(name, data): open(f"journals/{name}.eml", "wb").write(data)
x = m.message("x")
r = lambda *said, **more: m.report(x, *m.said("x", *said), **more)
put("x", x)
put("x-1", r("To: suzuki@example.jp", "Bcc: in@example.jp"))
put("x-2", r("Recipient: out@other.example"))
put("x-rule2", r("To: suzuki@example.jp", "Bcc: in@example.jp").replace(b"journal@archive", b"journal2@archive"))
put("x-cloud", m.report(b"Received: from onprem by cloud; Tue, 24 Nov 2026 10:00:03 +0900\r\n" + x, *m.said("x", "Recipient: in@example.jp")))
put("x-again", m.undelivered(r("To: suzuki@example.jp", "Bcc: in@example.jp")))
put("x-64", m.report(base64.encodebytes(x).replace(b"\n", b"\r\n"), *m.said("x", "Bcc: b64@example.jp"), part=["Content-Transfer-Encoding: base64"]))
put("x-stripped", x.replace(b"hello there", b"[an attachment was removed by policy]"))
put("x-forged", m.message("x", word="another text under an id that is known"))
put("x-delivered", b"Delivered-To: a@example.jp\r\n" + x)
n = m.message("n", message_id=False)
put("n", n)
put("n-1", m.report(n, "Sender: tanaka@example.jp", "To: suzuki@example.jp"))
put("n-other", m.message("n", message_id=False, word="other"))
# RMS: the same protected message with its clear copy and without
make = m.make()
put("rms", make["protected"])
put("rms-twice", make["protected"].replace(b"Bcc: rms@", b"Bcc: rms2@"))
P
want() { # MESSAGES CAPTURES VERSIONS WHAT NAME...
    local messages=$1 captures=$2 versions=$3 what=$4
    shift 4
    rm -rf "$V" taken && vault_new
    take "$@"
    fk index >/dev/null || fail "$what: index"
    expect "$messages $captures" "$(fk search --json 2>/dev/null | jq -r '.coverage // empty | "\(.total) \(.captures)"')" "$what: messages, captures"
    expect "$versions" "$(known "$1" '.versions | length')" "$what: versions"
    dump | grep -v '^documents ' >grown
    fk reindex >/dev/null && dump | grep -v '^documents ' | cmp - grown || fail "$what: rebuilt is not as grown"
}
want 1 2 0 "recipients inside and outside fork into two reports" x-1 x-2
want 1 2 0 "several rules, one report for each journal mailbox" x-1 x-rule2
want 2 2 1 "hybrid: journaled on premises and in the cloud, with another Received field" x-1 x-cloud
want 1 2 0 "a report that failed comes in a non-delivery report as well" x-1 x-again
want 1 2 0 "the very same report twice (a retry after an answer that was lost)" x-1 x-1
want 1 3 0 "sender_bcc_maps and recipient_bcc_maps give two copies, always_bcc a third" x x x
want 1 2 0 "a report and a copy by Bcc" x x-2
want 1 2 0 "the message in base64 and as it is" x x-64
want 2 2 1 "Google: the version that each recipient got, one with its attachment stripped" x x-stripped
want 2 2 1 "a forged Message-ID is linked, and joined with nothing" x x-forged
want 2 2 1 "Delivered-To of two mailboxes" x x-delivered
want 1 2 0 "no Message-ID: equal bytes" n n-1
want 2 2 0 "no Message-ID: other bytes" n n-other
want 1 2 0 "a protected message with its clear copy, twice" rms rms-twice
want 3 6 2 "all at once" x-1 x-forged x-2 x-stripped x-64 x

# Other fields that nobody reads are told apart from another text.
want 2 2 1 "a hop more" x x-cloud
expect true "$(known x '.versions[0].same_text')" "a hop more is the same text"
want 2 2 1 "a policy" x x-stripped
expect false "$(known x '.versions[0].same_text')" "a stripped attachment is another text"
