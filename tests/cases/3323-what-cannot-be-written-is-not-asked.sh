#!/usr/bin/env bash
# nonsense is refused with what and where, and where the answer could not be written nothing is asked: no act
. "$ROOT/tests/lib/threads.sh"
. "$ROOT/tests/lib/kept.sh"
vault_new
letter a a@a.example b@b.example about <<<"falcon"
printf 'Message-ID: <c1@x.example>\nFrom: a@a.example\nSubject: c1\nContent-Type: application/zip; name="=?utf-8?q?x=C2=9Bz.zip?="\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nUEsDBBQAAAAIAGJyb2tlbiBhbmQgY3V0IHNob3J0\n' >c1.eml
take a c1
mkdir there
before=$(entries)
for path in '' there/ nowhere/receipt there; do
    [ "$path" = there ] && words="is there already" || words="cannot be made"
    case $path in '' | */) words="is no name of a file" ;; esac
    refused 2 "$words" fk search --receipt "$path" falcon
    refused 2 "$words" fk export --format ledger --to "$path"
done
refused 2 'not "3*"' fk search 'thread:3*'
refused 2 'not "3*"' fk search 'similar:3*'
for command in unsearchable index rerun thread; do
    refused 2 "fumikura $command: no such option" fk $command --nonsense 1
done
expect "$before" "$(entries)" "entries after what was refused"
fk search --receipt there/receipt falcon >/dev/null 2>err || fail "a new file: $(cat err)"
# A stranger's name moves no cursor, by two bytes neither.
fk unsearchable >out 2>err || fail "unsearchable: $(cat err)"
grep -qF 'x?z.zip' out || fail "the name: $(xxd out; cat err)"
