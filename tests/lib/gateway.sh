# gateway.sh - for cases: the whole gateway of docs/gateway.md in $TEST_DIR, on ports of its own. The script configures
# it as it would a machine; what is the test's own (ports, name server, signatures) stands in places that it leaves alone.
#
#     . "$ROOT/tests/lib/gateway.sh"
#     gateway_start [OPTION...]      all of it, for example.jp and the server inside; options of the script
#     from_outside FILE [TO...]      by a client at 192.0.2.10; prints the reply. SENDER
#     from_inside FILE [TO...]       by a client on the machine itself
#     inside_has N                   whether that many messages came to the server inside ($INSIDE/N.eml)
#     clamd_start clamd_stop rspamd_start rspamd_stop clamav_milter_start
. "$ROOT/tests/lib/milter.sh"
. "$ROOT/tests/lib/auth.sh"
GATEWAY=$ROOT/archiver/gateway/fumikura-gateway
G=$TEST_DIR/gw INSIDE=$TEST_DIR/inside CLAMD_SOCKET=$TEST_DIR/gw/run/clamd.sock
EICAR='X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
daemon_stop() { # NAME: the variable that has its process id
    local pid=${!1:-}
    eval "$1="
    [ -n "$pid" ] || return 0
    kill -CONT "$pid" 2>/dev/null
    kill "$pid" 2>/dev/null
    # rspamd 3.12 waits two minutes for connections that Postfix keeps; its workers outlive it when it is killed alone.
    wait_for 20 eval "! kill -0 $pid" || kill -9 $(pgrep -P "$pid") "$pid"
    wait "$pid" 2>/dev/null
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

clamd_start() {
    "$G/bin/clamd" --foreground=true -c "$G/etc/clamav/clamd.conf" >"$G/log/clamd.out" 2>&1 &
    CLAMD=$!
    wait_for 30 test -S "$CLAMD_SOCKET" || { cat "$G/log/clamd.out" >&2; fail "clamd does not start"; }
}
clamd_stop() { daemon_stop CLAMD; }
clamav_milter_start() {
    clamav-milter -c "$G/etc/clamav/clamav-milter.conf" >"$G/log/clamav-milter.out" 2>&1 &
    CLAMAV_MILTER=$!
    wait_for 20 listens "$CLAMAV_MILTER_PORT" || { cat "$G/log/clamav-milter.out" >&2; fail "clamav-milter does not start"; }
}
rspamd_start() {
    rspamd -c /etc/rspamd/rspamd.conf -f -u _rspamd -g _rspamd --var=LOCAL_CONFDIR="$G/etc/rspamd" --var=DBDIR="$G/db" \
        --var=RUNDIR="$G/run" --var=LOGDIR="$G/log" >"$G/log/rspamd.out" 2>&1 &
    RSPAMD=$!
    wait_for 60 listens "$RSPAMD_PORT" || { cat "$G/log/rspamd.out" >&2; tail -n 20 "$G/log/rspamd.log" >&2; fail "rspamd does not start"; }
}
rspamd_stop() { daemon_stop RSPAMD; }
inside_start() { # MODE of mailsink.py
    python3 "$ROOT/tests/lib/mailsink.py" "$INSIDE" "${1:-picky}" "${INSIDE_PORT:-0}" &
    INSIDE_SERVER=$!
    wait_for 20 test -s "$INSIDE/port" || fail "no server inside"
    INSIDE_PORT=$(cat "$INSIDE/port")
}
gateway_stop() {
    local d
    for d in CLAMAV_MILTER CLAMD RSPAMD INSIDE_SERVER; do daemon_stop $d; done
}
at_exit gateway_stop

# What Debian's packages bring is only as much as the script's lines need to stand in.
gateway_files() {
    mkdir -p "$G/bin" "$G"/etc/clamav "$G"/etc/rspamd/override.d "$G"/run "$G"/log "$G"/db "$G"/tmp "$G"/signatures
    chmod 755 "$TEST_DIR" "$G"
    chmod 777 "$G/run" "$G/log" "$G/tmp"
    chown _rspamd "$G/db"
    # A copy: where AppArmor is on, Debian's profile lets the one in its own place read nothing here.
    cp "$(PATH=$PATH:/usr/sbin command -v clamd)" "$G/bin/"
    # The one signature that this ClamAV knows.
    printf %s "$EICAR" >"$TEST_DIR/eicar.com"
    echo "$(sha256sum <"$TEST_DIR/eicar.com" | cut -d' ' -f1):68:Eicar-Test-Signature" >"$G/signatures/own.hsb"
    cat >"$G/etc/clamav/clamd.conf" <<EOF
User clamav
DatabaseDirectory $G/signatures
LogFile $G/log/clamd.log
LogTime true
EOF
    cat >"$G/etc/clamav/clamav-milter.conf" <<EOF
User clamav
Foreground true
TemporaryDirectory $G/tmp
LogFile $G/log/clamav-milter.log
ReadTimeout 100
EOF
    # No name but the test's own is asked for, no map is fetched.
    cat >"$G/etc/rspamd/override.d/options.inc" <<EOF
dns { nameserver = ["127.0.0.1:$DNS_PORT"]; timeout = 0.5; retransmits = 1; }
url_tld = "$G/tld";
disable_hyperscan = true;
EOF
    # What is spam here; GTUBE is refused by rspamd whatever is configured, and nothing else is done with it.
    cat >"$G/etc/rspamd/override.d/regexp.conf" <<'EOF'
TEST_SPAM { re = "/buy this spam now/{mime}"; score = 20.0; }
EOF
    printf 'com\nexample\njp\n' >"$G/tld"
    echo 'enabled = false;' >"$G/etc/rspamd/override.d/fuzzy_check.conf"
    echo 'count = -1;' >"$G/etc/rspamd/override.d/worker-normal.inc"
    echo "bind_socket = \"$G/run/controller.sock mode=0600\";" >"$G/etc/rspamd/override.d/worker-controller.inc"
}
gateway_setup() {
    sh "$GATEWAY" setup --root "$G" --domain example.jp --relay-to "127.0.0.1:$INSIDE_PORT" --vault "$V" \
        --hostname mx.example.jp --clamav-milter "127.0.0.1:$CLAMAV_MILTER_PORT" --rspamd "127.0.0.1:$RSPAMD_PORT" \
        --milter "127.0.0.1:$MILTER_PORT" --clamd-socket "$CLAMD_SOCKET" "$@"
}
gateway_start() {
    dns_start
    vault_new
    CLAMAV_MILTER_PORT=$(free_port) RSPAMD_PORT=$(free_port) MILTER_PORT=$(free_port)
    gateway_files
    inside_start
    # The client says where it comes from by XCLIENT; what goes out goes to the server inside too.
    postfix_bare postfix "smtpd_authorized_xclient_hosts = 127.0.0.1" "smtpd_error_sleep_time = 0" \
        "transport_maps = inline:{ far.example=smtp:[127.0.0.1]:$INSIDE_PORT }" "address_verify_poll_delay = 1s"
    mkdir -p "$G/etc" && ln -s "$TEST_DIR/postfix/etc" "$G/etc/postfix"
    GATEWAY_PORT=$port
    gateway_setup "$@" >"$TEST_DIR/setup.out" 2>&1 || { cat "$TEST_DIR/setup.out" >&2; fail "setup"; }
    MAIL_CONFIG=$TEST_DIR/postfix/etc postfix -c "$TEST_DIR/postfix/etc" reload >/dev/null 2>&1 || fail "postfix reload"
    clamd_start
    clamav_milter_start
    rspamd_start
    server_start
}

from() { # XCLIENT-OR-NOTHING FILE [TO...]: prints the replies up to the first that is none of 2xx
    python3 - "127.0.0.1:$GATEWAY_PORT" "$ROOT" "$@" <<'PY'
import os, sys
address, root, xclient, path = sys.argv[1:5]
sys.path.insert(0, root + "/tests/lib")
from smtp import Client
c = Client(address)
try:
    if xclient:
        c.command("XCLIENT " + xclient, "220")
        c.command("EHLO client.example", "250")
    data = b"".join(line.rstrip(b"\r\n") + b"\r\n" for line in open(path, "rb"))
    sender = os.environ.get("SENDER") or ("a@far.example" if xclient else "tanaka@example.jp")
    reply = c.send(data, sender, sys.argv[5:] or ["suzuki@example.jp" if xclient else "b@far.example"])[0]
except RuntimeError as refused:
    reply = str(refused)
print(reply)
PY
}
from_outside() { from "ADDR=192.0.2.10 NAME=client.example" "$@"; }
from_inside() { from "" "$@"; }
inside_has() { [ "$(ls "$INSIDE" | grep -c '\.eml$')" -ge "$1" ]; }
