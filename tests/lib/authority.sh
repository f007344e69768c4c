# authority.sh - for cases: time-stamp authorities (openssl ts behind tsa.py), each in $TEST_DIR/NAME.
#
#     . "$ROOT/tests/lib/authority.sh"
#     authority NAME MODE [DAYS]   starts it, in place of the one of that name; returns when it listens. NAME/roots.pem vouches for it
#     authority_url NAME           http://127.0.0.1:PORT/tsr
#     authority_stop NAME
authority_stop() {
    [ -s "$TEST_DIR/$1.tsa" ] || return 0
    kill "$(cat "$TEST_DIR/$1.tsa")" 2>/dev/null
    wait "$(cat "$TEST_DIR/$1.tsa")" 2>/dev/null
    rm -f "$TEST_DIR/$1.tsa"
}
authorities_stop() {
    local file
    for file in "$TEST_DIR"/*.tsa; do
        [ ! -f "$file" ] || authority_stop "$(basename "$file" .tsa)"
    done
}
at_exit authorities_stop
authority() {
    authority_stop "$1"
    rm -f "$TEST_DIR/$1/tsa.port"
    python3 "$ROOT/tests/lib/tsa.py" "$TEST_DIR/$1" "${@:2}" &
    echo $! >"$TEST_DIR/$1.tsa"
    wait_for 60 test -s "$TEST_DIR/$1/tsa.port" || fail "no authority $1" # it makes RSA keys at first
}
authority_url() { echo "http://127.0.0.1:$(cat "$TEST_DIR/$1/tsa.port")/tsr"; }
