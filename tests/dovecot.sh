#!/usr/bin/env bash
# dovecot.sh start DIR - a private Dovecot (Debian's 2.3 or 2.4): one user "journal", password "secret", his
# Maildir DIR/Maildir, a certificate for localhost in DIR/cert.pem that vouches for itself. Prints two ports of
# 127.0.0.1: IMAP (with STARTTLS) and IMAPS. DIR has to be one that `nobody` can enter.
# dovecot.sh stop DIR
# It never runs as root, and touches nothing of the system's own Dovecot.
set -eu
verb=$1 dir=$2
as_user() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; else "$@"; fi; }
if [ "$(id -u)" = 0 ]; then user=nobody group=nogroup; else user=$(id -un) group=$(id -gn); fi
PATH=$PATH:/usr/sbin:/sbin

if [ "$verb" = stop ]; then
    pid=$(cat "$dir/run/master.pid" 2>/dev/null) || exit 0
    kill -TERM "$pid" 2>/dev/null || exit 0
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || exit 0; sleep 0.1; done
    kill -KILL "$pid"
    exit 1
fi
mkdir -p "$dir/run" "$dir/state" "$dir/Maildir/new" "$dir/Maildir/cur" "$dir/Maildir/tmp"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
set -- $(python3 -c 'import socket
s = [socket.socket() for _ in range(2)]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))')
version=$(dovecot --version | sed 's|[ -].*||') # of Debian's 2.4.1-4 its configuration takes 2.4.1
{
    cat <<CONF
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/log
default_internal_user = $user
default_internal_group = $group
default_login_user = $user
first_valid_uid = 1
service imap-login {
  chroot =
  inet_listener imap {
    port = $1
  }
  inet_listener imaps {
    port = $2
    ssl = yes
  }
}
service anvil {
  chroot =
}
CONF
    case $version in
    2.3.*) cat <<CONF
listen = 127.0.0.1
protocols = imap
mail_location = maildir:$dir/Maildir
disable_plaintext_auth = no
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=$user gid=$group home=$dir
}
ssl = yes
ssl_cert = <$dir/cert.pem
ssl_key = <$dir/key.pem
CONF
    ;;
    *) cat <<CONF
listen = 127.0.0.1
protocols {
  imap = yes
}
mail_driver = maildir
mail_path = $dir/Maildir
auth_allow_cleartext = yes
passdb static {
  password = secret
}
userdb static {
  fields {
    uid = $user
    gid = $group
    home = $dir
  }
}
ssl = yes
ssl_server_cert_file = $dir/cert.pem
ssl_server_key_file = $dir/key.pem
CONF
    ;;
    esac
} >"$dir/body.conf"
case $version in
2.3.*) cp "$dir/body.conf" "$dir/dovecot.conf" ;;
*) { printf 'dovecot_config_version = %s\ndovecot_storage_version = %s\n' "$version" "$version"; cat "$dir/body.conf"; } >"$dir/dovecot.conf" ;;
esac
[ "$(id -u)" != 0 ] || chown -R nobody:nogroup "$dir"
as_user dovecot -c "$dir/dovecot.conf" >"$dir/start.log" 2>&1 || { cat "$dir/start.log" "$dir/log" >&2; exit 1; }
for _ in $(seq 100); do
    bash -c "exec 3<>/dev/tcp/127.0.0.1/$2" 2>/dev/null && { echo "$1 $2"; exit 0; }
    sleep 0.1
done
cat "$dir/start.log" "$dir/log" >&2
exit 1
