#!/usr/bin/env bash
# a wrong configuration line, a missing or world-readable key, a foreign directory: each command says what, where and what to do
. "$ROOT/tests/lib/server.sh"
says() { # STATUS TEXT COMMAND...
    local want=$1 text=$2
    shift 2
    "$@" >"$TEST_DIR/out" 2>"$TEST_DIR/err" </dev/null
    expect "$want" $? "$* ($(cat "$TEST_DIR/err"))"
    grep -qF -- "$text" "$TEST_DIR/err" || fail "$*: says \"$(cat "$TEST_DIR/err")\", not \"$text\""
}
says 2 'there is no command "fly"' "$FUMIKURA" fly
says 2 'there is no such configuration' "$FUMIKURA" -C /nowhere status
says 2 'exclude each other' "$FUMIKURA" -C a -c b status
says 2 'usage: fumikura' "$FUMIKURA"
"$FUMIKURA" help | grep -q '^  init ' || fail help
"$FUMIKURA" show --help | grep -q '^usage: fumikura .* show SEQ' || fail "show --help"
"$FUMIKURA" --version | grep -q '^fumikura [0-9]' || fail version

# What init cannot make a configuration of it makes no vault of.
deep=$TEST_DIR/$(printf '%0100d' 0)
says 2 'lmtp is "unix:run/lmtp.sock"' "$FUMIKURA" init "$deep"
[ ! -e "$deep" ] || fail "a refused init left: $(find "$deep")"
"$FUMIKURA" init "$deep" --lmtp none >/dev/null || fail "init after a refused one"
for address in 'unix:a"b' 'unix:a\b' 'unix:${HOME}/x' $'unix:a\nb'; do
    says 2 'without quotes' "$FUMIKURA" init "$TEST_DIR/odd" --lmtp "$address"
done
[ ! -e "$TEST_DIR/odd" ] || fail "a refused init left: $(find "$TEST_DIR/odd")"
says 2 'nowhere/: there is no such directory' "$FUMIKURA" init "$TEST_DIR/nowhere/v"
FUMIKURA_FAULT=fsync:4:eio says 75 'cannot sync' "$FUMIKURA" init "$TEST_DIR/odd"
[ ! -e "$TEST_DIR/odd" ] || fail "a failed init left: $(find "$TEST_DIR/odd")"

vault_new
cp "$V/fumikura.conf" "$TEST_DIR/good"
echo 'conections = 5' >>"$V/fumikura.conf"
line=$(wc -l <"$V/fumikura.conf")
for command in status serve seal "show 0"; do
    says 2 "$V/fumikura.conf, line $line: no such option 'conections'" fk $command
done
cp "$TEST_DIR/good" "$V/fumikura.conf"

# -c names a file of any name; the vault is where it lies. So do the processes that a command starts.
mv "$V/fumikura.conf" "$V/other.conf"
"$FUMIKURA" -c "$V/other.conf" seal >/dev/null || fail "another name of the configuration"
FUMIKURA_CONFIG=$V/other.conf "$FUMIKURA" status >/dev/null || fail "FUMIKURA_CONFIG"
mv "$V/other.conf" "$V/fumikura.conf"

mkdir "$TEST_DIR/foreign"
cp "$TEST_DIR/good" "$TEST_DIR/foreign/fumikura.conf"
for command in status seal serve "show 0"; do
    says 2 'fumikura init' "$FUMIKURA" -C "$TEST_DIR/foreign" $command
done
expect fumikura.conf "$(cd "$TEST_DIR/foreign" && find . -type f ! -name serve.pid -printf '%P')" "files made in a foreign directory"

chmod 644 "$V/secrets/kek"
for command in seal serve status; do says 1 "$V/secrets/kek" fk $command; done
fk doctor | grep -q '^bad .*secrets/kek' || fail "doctor does not see a key that all may read"
chmod 600 "$V/secrets/kek"
fk doctor --json | jq -es 'all(.verdict == "good" or .verdict == "warning")' >/dev/null || fail "doctor: $(fk doctor)"
mv "$V/secrets/kek" "$TEST_DIR/kek"
for command in seal serve status; do
    timeout 20 "$FUMIKURA" -C "$V" $command >/dev/null 2>"$TEST_DIR/err" && fail "$command without a key"
    grep -q "$V/secrets/kek" "$TEST_DIR/err" || fail "$command without a key: $(cat "$TEST_DIR/err")"
done
fk doctor >"$TEST_DIR/out"
expect 1 $? "doctor without a key"
mv "$TEST_DIR/kek" "$V/secrets/kek"
fk seal >/dev/null || fail "seal with the key back"
expect 0 "$(pgrep -cf "$V")" "processes left"
