# server.sh - for cases: a vault in $TEST_DIR, a server on it, its addresses, its end.
#
#     . "$ROOT/tests/lib/server.sh"
#     vault_new                      $V = $TEST_DIR/v, every port 0
#     server_start                   returns when it is ready; SERVER is its process id
#     send mail.eml                  one message by SMTP, prints the reply to the final dot
#     fk search 会議                  "$FUMIKURA" -C "$V" search 会議
#     server_stop                    SIGTERM, waits; fails when the server does not say 0
#
# Whatever a case started with these is ended when the case ends. Every wait has a bound.
set -u
BUILD=${BUILD:-$(dirname "$FUMIKURA")}
V=${V:-$TEST_DIR/v} SERVER= SERVER_LOG=$TEST_DIR/server.log

fail() { echo "FAIL: $*" >&2; exit 1; }
note() { echo "NOTE $*"; }
fk() { "$FUMIKURA" -C "$V" "$@"; }
# expect WANTED ACTUAL WHAT
expect() { [ "$1" = "$2" ] || fail "$3: expected '$1', got '$2'"; }
# wait_for SECONDS COMMAND...: until it succeeds; its own output is dropped.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.05
    done
}

vault_new() { "$FUMIKURA" init "$V" --smtp 127.0.0.1:0 --lmtp unix:run/lmtp.sock --web 127.0.0.1:0 "$@" >/dev/null || fail "init"; }

# config KEY VALUE: sets a line of fumikura.conf, as it is to be read: config segment-size '"256 KiB"'
config() {
    sed -i "/^$1[ =]/d" "$V/fumikura.conf"
    echo "$1 = $2" >>"$V/fumikura.conf"
    sync "$V/fumikura.conf" "$V" # a power cut is not to find it half written
}
# all_acked ACKS [FILE...]: see tests/tools/acked.c
all_acked() { FUMIKURA_PROGRAM=$FUMIKURA "$BUILD/tools/acked" "$V" "$@" || fail "acknowledged and not there, or not the same"; }
blast() { "$BUILD/tools/smtp-blast" "$@"; }
# verify_clean AFTER-WHAT: the next command that writes finishes what a crash left half done (an act does,
# here); then verify finds nothing.
verify_clean() {
    fk audit --reason test >/dev/null || fail "no command after $1"
    fk verify >"$TEST_DIR/verify" 2>&1 || { cat "$TEST_DIR/verify" >&2; fail "verify after $1"; }
}
# shards: the directories of the index's databases in use, a line each.
shards() { sed -n "s|^shard: \([0-9]*\) .*|$V/index/db.\1|p" "$V/index/current"; }
# databases_are_shards: nothing else is left of what was ever written.
databases_are_shards() {
    [ "$(ls -d "$V"/index/db.* "$V"/index/gone.* "$V"/index/blank.* 2>/dev/null | sort)" = "$(shards | sort)" ]
}
# worn_are_renewed WHAT: shards in which that was changed in its place, once (FUMIKURA_LOOSE_MAX), are made anew by the
# next run, and hold the same.
worn_are_renewed() {
    FUMIKURA_LOOSE_MAX=0 fk reindex >/dev/null || fail "reindex"
    grep -q ' forgotten$' "$V/index/current" || fail "$1: no shard is worn: $(cat "$V/index/current")"
    "$BUILD/tools/index-dump" "$V" | grep -v '^documents ' >worn || fail "dump"
    fk index >/dev/null || fail "index"
    grep -q ' forgotten$' "$V/index/current" && fail "$1: a worn shard stays"
    "$BUILD/tools/index-dump" "$V" | grep -v '^documents ' | cmp - worn || fail "$1: what was made anew is another"
}
own_mails() { python3 "$ROOT/tests/fixtures/make_mails.py" "$TEST_DIR/mails"; }

# server_start [COMMAND WORDS...]: what stands before the program, such as env A=B or strace.
server_start() {
    : >"$SERVER_LOG.out"
    "$@" "$FUMIKURA" -C "$V" serve >"$SERVER_LOG.out" 2>>"$SERVER_LOG" &
    SERVER=$!
    wait_for "${READY_SECONDS:-60}" server_is_ready_or_gone
    grep -qx ready "$SERVER_LOG.out" || { tail -n 20 "$SERVER_LOG" >&2; fail "the server did not get ready"; }
}
server_is_ready_or_gone() { grep -qx ready "$SERVER_LOG.out" || ! kill -0 "$SERVER"; }
# address smtp|lmtp|web: HOST:PORT or a socket's path, the first of its kind.
address() {
    jq -er --arg k "$1" '.[$k] | if type == "array" then .[0] else . end' "$V/run/addresses.json" |
        sed 's/^unix://; s|^http://||; s|/$||'
}
# descendants PID: it and all below it.
descendants() {
    local child
    echo "$1"
    for child in $(cat "/proc/$1/task"/*/children 2>/dev/null); do descendants "$child"; done
}
# role_pid keep|lend|receive|indexd|web: the process of the server that has this part.
role_pid() {
    local p
    for p in $(descendants "$SERVER"); do
        tr '\0' '\n' <"/proc/$p/cmdline" 2>/dev/null | grep -qx "$1" && { echo "$p"; return 0; }
    done
    return 1
}
server_stop() {
    local rc
    [ -n "$SERVER" ] || return 0
    kill -TERM "$SERVER" 2>/dev/null
    wait_for 30 eval '! kill -0 '"$SERVER" || { server_kill; fail "the server did not stop within 30 s of SIGTERM"; }
    wait "$SERVER"
    rc=$?
    SERVER=
    [ $rc -eq 0 ] || fail "the server ended with $rc"
}
# SIGKILL to all of it at once, as a crash of the machine's software would be.
server_kill() {
    [ -n "$SERVER" ] || return 0
    local all
    all=$(descendants "$SERVER")
    kill -9 $all 2>/dev/null
    wait "$SERVER" 2>/dev/null
    wait_for 10 are_gone $all
    SERVER=
}
are_gone() {
    local p
    for p; do [ ! -e "/proc/$p" ] || grep -q '^State:.Z' "/proc/$p/status" || return 1; done
}
# send FILE [FROM [TO...]]: by SMTP; prints the reply to the final dot, fails on none.
send() { python3 "$ROOT/tests/lib/smtp.py" "$(address smtp)" "$@"; }
# by LMTP: a reply a recipient.
send_lmtp() { python3 "$ROOT/tests/lib/smtp.py" --lmtp "$(address lmtp)" "$@"; }
seq_of() { sed -n 's/.*kept seq=\([0-9]*\) .*/\1/p' | tail -n 1; }

on_exit=()
at_exit() { on_exit+=("$*"); }
# A background job that is ended before it has become its program has these traps still: not its to run.
case_ends() {
    local rc=$? c
    [ "$BASHPID" = $$ ] || return
    server_kill
    for c in "${on_exit[@]}"; do eval "$c"; done
    exit $rc
}
trap case_ends EXIT
trap 'exit 130' INT TERM
