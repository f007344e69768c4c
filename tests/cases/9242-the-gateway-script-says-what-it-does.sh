#!/usr/bin/env bash
# the gateway script changes nothing in a dry run and nothing the second time; it keeps what was there, and refuses by name
# not under asan: nothing of ours runs in it but a script
. "$ROOT/tests/lib/gateway.sh"
cd "$TEST_DIR" || exit 1
dns_start
vault_new
CLAMAV_MILTER_PORT=$(free_port) RSPAMD_PORT=$(free_port) MILTER_PORT=$(free_port) INSIDE_PORT=1
gateway_files
mkdir -p "$G/etc/postfix"
: >"$G/etc/postfix/master.cf"
cat >"$G/etc/postfix/main.cf" <<'EOF'
compatibility_level = 3.6
myhostname = mail.example.jp
mydestination = $myhostname, example.jp, localhost
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
default_transport = error
transport_maps = inline:{ far.example=smtp:[192.0.2.1] }
EOF
tree() { (cd "$G" && find etc var -type f 2>/dev/null | sort | xargs sha256sum; sha256sum "$V/fumikura.conf"); }
# refused WORDS OPTION...: exit 1 or 2, those words, and nothing changed
refused() {
    local words=$1 before
    shift
    before=$(tree)
    sh "$GATEWAY" "$@" >refused.out 2>&1 && fail "took: $*"
    grep -qF -- "$words" refused.out || fail "$*: does not say '$words': $(cat refused.out)"
    expect "$before" "$(tree)" "what is there after: $*"
}
all=(setup --root "$G" --domain example.jp --relay-to 10.0.0.5 --vault "$V")
refused "usage:" none
refused "--domain is missing" setup --root "$G"
refused "not a domain" "${all[@]}" --domain "a b"
refused "no quotes" "${all[@]}" --vault 'a"b'
refused "reject or hold" "${all[@]}" --infected maybe
refused "1 to 1000" "${all[@]}" --size 0
refused "ADDRESS:PORT" "${all[@]}" --rspamd 11332
refused "fumikura init" "${all[@]}" --vault "$TEST_DIR/none"
refused "cannot be read" "${all[@]}" --recipients "$TEST_DIR/none"
refused "the whole world" "${all[@]}" --inside 0.0.0.0/0
refused "the whole world" "${all[@]}" --inside ::/0
refused "HOST:PORT" "${all[@]}" --relay-to "10.0.0.5 smtp:evil"
refused "not how others know" "${all[@]}" --hostname mx
refused "no option" "${all[@]}" --colour red
mkdir -p "$G/etc/rspamd/local.d"
echo 'reject = 30;' >"$G/etc/rspamd/local.d/actions.conf"
refused "is not ours" "${all[@]}"

before=$(tree)
gateway_setup --replace --inside 192.0.2.7 --inside 2001:db8::/64 --dry-run >dry.out 2>&1 || fail "dry run: $(cat dry.out)"
expect "$before" "$(tree)" "what a dry run leaves"
grep -q '^would.*smtpd_milters' dry.out || fail "the dry run does not say: $(cat dry.out)"
gateway_setup --replace --inside 192.0.2.7 --inside 2001:db8::/64 >first.out 2>&1 || fail "setup: $(cat first.out)"
after=$(tree)
gateway_setup --replace --inside 192.0.2.7 --inside 2001:db8::/64 >second.out 2>&1 || fail "again: $(cat second.out)"
expect "$after" "$(tree)" "what the second time leaves"
grep '^changed' second.out && fail "the second time changed something"
for part in clamav-daemon clamav-milter rspamd postfix; do
    grep -q "^todo  *restart $part" first.out || fail "does not say that $part is to be restarted: $(grep todo first.out)"
done

cf() { postconf -c "$G/etc/postfix" -h "$1"; }
expect "texthash:$G/etc/postfix/fumikura-transport, inline:{ far.example=smtp:[192.0.2.1] }" "$(cf transport_maps)" "transport_maps"
expect "localhost" "$(cf mydestination)" "a domain that is handed on is not delivered here"
expect "[2001:db8::]/64, 192.0.2.7, 127.0.0.0/8" "$(cf mynetworks)" "mynetworks"
expect "all smtp" "$(cf inet_interfaces) $(cf default_transport)" "what \"local only\" left"
expect "tempfail" "$(cf milter_default_action)" "milter_default_action"
backups=$G/var/backups/fumikura-gateway
grep -q 'mydestination = $myhostname' "$backups"/*/etc/postfix/main.cf || fail "main.cf was not kept"
grep -qx 'reject = 30;' "$backups"/*/etc/rspamd/local.d/actions.conf || fail "actions.conf was not kept"
[ "$(stat -c %a "$G/var/lib/rspamd/dkim/example.jp.fumikura.key")" = 600 ] || fail "others may read the key"
fk doctor --json >doctor.json
[ "$(jq -r 'select(.check == "configuration") | .verdict' doctor.json)" = good ] || fail "fumikura.conf: $(cat doctor.json)"
# Its own list is added to, not replaced.
config milter '{"unix:run/m.sock"}     # mine'
config trusted-verdicts '{"mx.example.jp", "old.example.jp"}'
gateway_setup --replace >third.out 2>&1 || fail "third: $(cat third.out)"
grep -qxF "milter = {\"127.0.0.1:$MILTER_PORT\", \"unix:run/m.sock\"}" "$V/fumikura.conf" || fail "milter: $(grep ^milter "$V/fumikura.conf")"
grep -qxF 'trusted-verdicts = {"mx.example.jp", "old.example.jp"}' "$V/fumikura.conf" || fail "trusted-verdicts: $(grep ^trusted "$V/fumikura.conf")"

# check: what was changed since is named.
check() { sh "$GATEWAY" check --root "$G" --clamav-milter "127.0.0.1:$CLAMAV_MILTER_PORT" --rspamd "127.0.0.1:$RSPAMD_PORT" --milter "127.0.0.1:$MILTER_PORT"; }
check >check.out || fail "check: $(cat check.out)"
for change in "milter_default_action = accept" "message_size_limit = 100000000" "non_smtpd_milters ="; do
    cp "$G/etc/postfix/main.cf" main.cf.good
    postconf -c "$G/etc/postfix" -e "$change"
    check >check.out && fail "check does not see: $change"
    grep -q "^bad.*${change%% *}" check.out || fail "check does not name: $change: $(cat check.out)"
    cp main.cf.good "$G/etc/postfix/main.cf"
done
