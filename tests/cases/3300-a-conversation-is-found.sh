#!/usr/bin/env bash
# conversations: references missing, forged, cyclic and by the thousand; a late message joins two; a subject alone joins who wrote to whom, and no false friends
. "$ROOT/tests/lib/threads.sh"
vault_new
tanaka='田中 <tanaka@a.example>' sato='佐藤 <sato@b.example>' smith=smith@c.example
at() { DATE="Mon, $1 Jun 2026 $2:00 +0900"; }

# A question, an answer, an answer to that without its parent's id, one whose parent never came.
at 01 10:00; letter q "$tanaka" "$sato" '見積の件' <<<'falcon の見積をお願いします。'
at 01 10:10; letter a "$sato" "$tanaka" 'Re: 見積の件' 'In-Reply-To: <q@x.example>' <<<'承知しました。'
at 01 10:20; letter b "$tanaka" "$sato" 'Re: 見積の件' 'References: <q@x.example>' '	<a@x.example>' <<<'ありがとうございます。'
at 01 10:30; letter c "$smith" "$sato" 'other words' 'References: <lost@x.example>' <<<one
at 01 10:40; letter d "$tanaka" "$sato" 'still others' 'References: <lost@x.example>' <<<two
take q a b c d
for n in q a b; do expect "a b q" "$(found "thread:$(number_of $n)")" "the conversation of $n"; done
expect "0 q root,1 a reference,2 b reference" "$(tree b)" "who answers whom"
expect "c d" "$(found "スレッド:$(number_of c)")" "two that name one that never came"
expect "0 c root,0 d root" "$(tree c)" "neither answers the other"
expect "a b q" "$(found "thread:$(number_of q)" --since 2026-06-01)" "with the options of search"
expect "a b" "$(found "thread:$(number_of q) -falcon")" "with the rest of the language"
expect "thread:$(number_of q) AND from:sato" "$(fk search --json "スレッド：$(number_of q)　差出人:sato" | jq -r '.coverage.query // empty')" "the canonical form"

# A late one joins the two conversations; nothing of the index was made anew for it.
before=$(shards | head -1)
at 02 09:00; letter late "$smith" "$sato" 'both' 'References: <c@x.example> <q@x.example>' <<<three
take late
[ -d "$before" ] || fail "the shard that was there was written anew"
expect "a b c d late q" "$(found "thread:$(number_of a)")" "joined from one side"
expect "a b c d late q" "$(found "thread:$(number_of d)")" "joined from the other side"

# By the subject alone: who was written to answers; a stranger with the same words does not.
at 03 10:00; letter s1 "$tanaka" "$sato" 'お世話になっております' <<<'first'
at 03 10:10; letter s2 "$sato" "$tanaka" 'Re: お世話になっております' <<<'answer without any id'
at 03 10:20; letter s3 "$smith" other@d.example 'Re: お世話になっております' <<<'a stranger'
at 03 10:30; letter s4 "$smith" "$tanaka" 'Re: お世話になっております' <<<'to tanaka, who never wrote to smith'
at 03 10:40; letter s5 "$sato" "$tanaka" '転送： お世話になっております' <<<'once more'
at 03 10:50; letter s6 "$sato" "$tanaka" 'お世話になっております' <<<'the same words, and no answer by them'
DATE='Wed, 05 Aug 2026 10:00:00 +0900'; letter s7 "$sato" "$tanaka" 'Re: お世話になっております' <<<'two months later'
take s1 s2 s3 s4 s5 s6 s7
expect "s1 s2 s5" "$(found "thread:$(number_of s2)")" "a subject between two people"
expect "0 s1 root,1 s2 subject,2 s5 subject" "$(tree s1)" "the newest before it"
for n in s3 s4 s6 s7; do expect "$n" "$(found "thread:$(number_of $n)")" "the false friend $n"; done

# Circles: itself, each other, and one that names its own answer.
at 04 10:00; letter k1 "$tanaka" "$sato" k 'References: <k1@x.example> <k2@x.example>' <<<k1
at 04 10:10; letter k2 "$sato" "$tanaka" k 'References: <k3@x.example> <k1@x.example>' <<<k2
at 04 10:20; letter k3 "$tanaka" "$sato" k 'References: <k2@x.example>' <<<k3
take k1 k2 k3
expect "k1 k2 k3" "$(found "thread:$(number_of k1)")" "a circle ends"
expect 3 "$(tree k2 | tr ',' '\n' | wc -l)" "each once"
expect 1 "$(tree k2 | tr ',' '\n' | grep -c root)" "with one root: $(tree k2)"

# Ten thousand references: the first and the last count, it takes no time, and nothing else is joined.
long=$(seq 1 10000 | sed 's/.*/<r&@x.example>/' | paste -sd' ' | fold -sw 900 | sed '1!s/^/\t/')
at 05 10:00; letter many "$smith" "$sato" many "References: $long" <<<many
letter first "$smith" "$sato" f 'References: <r1@x.example>' <<<first
letter middle "$smith" "$sato" m 'References: <r5000@x.example>' <<<middle
letter last "$smith" "$sato" l 'References: <r10000@x.example>' <<<last
take many first middle last
expect "first last many" "$(found "thread:$(number_of many)")" "of 10,000 references"
expect "" "$(fk search --json "msgid:many@x.example" | jq -r '.partial[]? // empty')" "it was read in full"

# A stranger names somebody else's message: he is shown beside it, and sees nothing of it.
letter secret "$tanaka" "$sato" '社外秘' <<<'zephyrquartz'
letter forged mallory@e.example "$sato" 'hello' 'References: <secret@x.example>' <<<'hello'
take secret forged
expect "0 secret root,1 forged reference" "$(tree forged)" "the join is shown"
fk thread "$(number_of forged)" --json >out 2>/dev/null
fk thread "$(number_of forged)" --inclusive >out2 2>/dev/null || fail "--inclusive"
! grep -q zephyrquartz out out2 || fail "the text of another message in $(grep -l zephyrquartz out out2)"
expect "" "$(found 'zephyrquartz from:mallory')" "no word of it is his"

# Looks are recorded before they are shown, and without a pen nothing is.
fk audit --json >acts || fail "audit"
expect 3 "$(jq -c --arg n "$(number_of forged)" 'select(.what == "thread" and .of == $n and .person)' acts | wc -l)" "acts of the looks"
expect "$(number_of secret)-$(number_of forged)" "$(jq -r 'select(.what == "show" and .part == "inclusive") | .of' acts)" "the act that names contents"
fk thread 999 >out 2>err && fail "a message that is not there"
grep -q 'the index has no message of entry 999' err || fail "$(cat err)"
fk search thread:999 >out 2>err && fail "thread: of nothing"
grep -q 'character 8: the index has no message of entry 999' err || fail "$(cat err)"
fk search thread:abc >out 2>err
expect 2 $? "thread: of a word"
