#!/usr/bin/env bash
# a program that reads documents can do nothing but that, whatever a document makes of it; without one, or without its runner, messages are found all the same
. "$ROOT/tests/lib/kept.sh"
vault_new
mkdir files programs mails
cc -O1 -o programs/pdftotext "$ROOT/tests/lib/hostile.c" || fail "hostile.c"
for word in try terminal flood spin abort fails; do printf '%%PDF-1.4 %s' $word >files/$word.pdf; done
{ printf '%%PDF-1.4 nonce'; head -c 8000 /dev/zero | tr '\0' ' '; } >files/nonce.pdf
python3 "$ROOT/tests/lib/attach.py" mails files/*
sed 's/^Subject: .*/Subject: the same once more/' mails/nonce.pdf.eml >mails/nonce2.eml
config index-workers 1
export FUMIKURA_PROGRAMS=$TEST_DIR/programs
fk import mails/*.eml >imported || fail "import"
fk index >/dev/null || fail "index"
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject' | sort | paste -sd' '; }
reason() { fk unsearchable --json 2>/dev/null | jq -r --arg s "file $1.pdf" 'select(.subject == $s) | .reason' | paste -sd' '; }
expect "file try.pdf" "$(found attachment:survived)" "the program's text"
for what in fork socket signal trace write shadow neighbour own memory; do
    expect "" "$(found "attachment:${what}done")" "it could: $what"
    expect "file try.pdf" "$(found "attachment:${what}refused")" "control: $what was tried"
done
[ ! -e /tmp/hostile ] && [ ! -e /dev/shm/hostile ] || fail "it wrote a file"
case $(reason flood) in *limit*) ;; *) fail "what it writes is not bounded: $(reason flood)" ;; esac
expect limit "$(reason spin)" "its time is bounded"
expect unreadable "$(reason abort)" "it died"
expect unreadable "$(reason fails)" "it failed"
expect "file flood.pdf" "$(found attachment:floods)" "what it wrote before is found"
seq=$(sed -n "$(ls mails | grep -n terminal | cut -d : -f 1)p" imported | cut -f 1)
fk show "$seq" --text >text || fail "show"
grep -qP '[\x00-\x08\x0e-\x1f\x7f]|\xe2\x80\xae' text && fail "control characters come through"
expect "file terminal.pdf" "$(found garbled:any)" "and what was no UTF-8 is told"

# The same file in two messages is read once (by one reader): each run of the program says another number.
seq=$(sed -n "$(ls mails | grep -n '^nonce.pdf' | cut -d : -f 1)p" imported | cut -f 1)
word=$(fk show "$seq" --text | grep -ao 'nonce[0-9]*$')
seq=$("$BUILD/tools/index-dump" "$V" | grep -ao 'term Gnonce[0-9]*' | sort | uniq -c | awk '{print $1}' | paste -sd' ')
expect 2 "$seq" "documents of one run ($word is of another, for show)"

# One that closes its output and sleeps uses neither CPU nor pipe: the clock ends it.
mkdir asleep
printf '%%PDF-1.4 sleep' >asleep/sleep.pdf
python3 "$ROOT/tests/lib/attach.py" asleep asleep/sleep.pdf
fk import asleep/sleep.pdf.eml >/dev/null || fail "import"
began=$SECONDS
fk index >/dev/null || fail "index"
[ $((SECONDS - began)) -lt 120 ] || fail "a sleeping program held the index for $((SECONDS - began)) s"
expect limit "$(reason sleep)" "the time of one that sleeps is bounded"
expect "file sleep.pdf" "$(found attachment:sleeps)" "what it wrote before is found"

# The runner is killed while a program runs: the message is read again by another one.
rm -rf "$V/index"
"$FUMIKURA" -C "$V" index >/dev/null &
index=$!
spinning() { # a runner of the indexer that has a program
    local p
    for p in $(pgrep -P $index); do
        tr '\0' ' ' <"/proc/$p/cmdline" | grep -q index-extract && pgrep -P "$p" >/dev/null && runner=$p && return 0
    done
    return 1
}
wait_for 60 spinning || fail "no program runs"
kill -9 "$runner" || fail "kill"
wait $index || fail "index with a killed runner"
expect "file try.pdf" "$(found attachment:survived)" "all is found (reason: $(reason try))"
expect "" "$(found unsearchable:program)" "and nothing is said to be missing"

# No such program on the machine.
rm programs/pdftotext
rm -rf "$V/index"
fk index >/dev/null || fail "index without the program"
expect 9 "$(fk search --count unsearchable:program 2>/dev/null)" "listed"
expect "file try.pdf" "$(found filename:try)" "and found by name"
