# threads.sh - for cases: messages of conversations, written by name, and found by name again.
#
#     letter NAME FROM TO SUBJECT [HEADER...] <body      NAME.eml; a HEADER is a whole line
#     take NAME...                                       imports them one by one and indexes
#     number_of NAME                                        its entry
#     names_of <numbers                                  names for seqs, sorted, in one line
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
: >names

letter() {
    local name=$1 from=$2 to=$3 subject=$4
    shift 4
    {
        printf 'Message-ID: <%s@x.example>\nFrom: %s\nTo: %s\n' "$name" "$from" "$to"
        printf '%s\n' "$@" "Subject: $subject" "Date: ${DATE:-Mon, 01 Jun 2026 10:00:00 +0900}" \
            'MIME-Version: 1.0' 'Content-Type: text/plain; charset=utf-8' | sed '/^$/d'
        echo
        cat
    } >"$name.eml"
}
take() {
    local name
    for name; do
        fk import --json "$name.eml" >taken 2>taken.err || fail "import $name: $(cat taken.err)"
        jq -r --arg n "$name" '"\(.seq) \($n)"' taken >>names
    done
    fk index >/dev/null || fail "index"
}
number_of() { sed -n "s/^\([0-9]*\) $1\$/\1/p" names; }
names_of() { while read -r n; do sed -n "s/^$n //p" names; done | sort | paste -sd' '; }
found() { fk search "$@" 2>covered | cut -f1 | names_of; }
# tree NAME: a line a message: depth, name, how it is joined
tree() {
    fk thread "$(number_of "$1")" --json 2>/dev/null | jq -r 'select(.seq) | "\(.depth) \(.seq) \(.joined)"' |
        while read -r depth n how; do echo "$depth $(sed -n "s/^$n //p" names) $how"; done | paste -sd,
}
