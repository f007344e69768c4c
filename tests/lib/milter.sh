# milter.sh - for cases: a server whose milter a mail server can reach, and Postfix with it.
#
#     . "$ROOT/tests/lib/milter.sh"
#     vault_new; milter_vault         the milter on a port of its own
#     server_start
#     postfix_start NAME [LINE...]    a Postfix of that name whose mail goes through the milter; its port in
#                                     $port. Lines of main.cf come after those of docs/source-postfix.md
#     milter_pid                      the process
. "$ROOT/tests/lib/server.sh"

milter_vault() { config milter '{"127.0.0.1:0"}'; }
milter_pid() { jq -er .milter "$V/run/processes.json"; }
milter_address() { case $(address milter) in /*) echo "unix:$(address milter)" ;; *) echo "inet:$(address milter)" ;; esac; }
# The port stays the same over a restart of the server, so that Postfix finds it again.
milter_port_fixed() { config milter "{\"$(address milter)\"}"; }

postfix_dirs=()
postfix_start() {
    local name=$1 milter
    shift
    milter=$(milter_address)
    postfix_bare "$name" \
        "smtpd_milters = $milter" \
        "non_smtpd_milters = \$smtpd_milters" \
        "milter_default_action = tempfail" "$@"
}
postfix_bare() {
    local name=$1
    shift
    postfix_dirs+=("$TEST_DIR/$name")
    port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/$name" "$@") || exit $?
}
postfixes_stop() {
    local d
    for d in "${postfix_dirs[@]}"; do "$ROOT/tests/postfix.sh" stop "$d"; done
    postfix_dirs=()
}
at_exit postfixes_stop
# through PORT FILE [FROM [TO...]]: a message to that Postfix; its reply.
through() { python3 "$ROOT/tests/lib/smtp.py" "127.0.0.1:$1" "${@:2}"; }
# mail_seqs: which entries are messages, by the ledger itself.
mail_seqs() {
    local i
    for i in $(seq 0 $(($(fk status --json | jq -e .next) - 1))); do fk show "$i" --entry | grep -q ' kind=mail ' && echo "$i"; done
}
# The same of many, with no server: out of the bundles that the log has of all entries.
mail_seqs_of_log() {
    fk checkpoint >/dev/null || fail "checkpoint"
    grep -raoh 'seq=[0-9]* prev=[0-9a-f]* kind=mail ' "$V/log/tile/entries" | sed 's/^seq=//; s/ .*//' | sort -nu
}
