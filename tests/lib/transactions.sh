# transactions.sh - for cases: a vault in which the mails of transactions.py are, each under its name.
#
#     . "$ROOT/tests/lib/transactions.sh"
#     transactions_new                $V with the mails, indexed; without a server
#     hits QUERY                      the names of what it finds, sorted, on one line
#     seq NAME                        the number of that mail
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1

transactions_new() {
    local file
    vault_new
    python3 "$ROOT/tests/lib/transactions.py" mails || fail "the mails"
    for file in mails/*.eml; do
        echo "$(fk import "$file" | cut -f 1) $(basename "$file" .eml)" >>imported || fail "import $file"
    done
    fk index --wait >/dev/null || fail "index"
}
seq() { sed -n "s/ $1\$//p" imported; }
hits() {
    local n
    for n in $(fk search --limit 0 "$1" 2>search.err | cut -f 1); do sed -n "s/^$n //p" imported; done |
        sort | tr '\n' ' ' | sed 's/ $//'
}
