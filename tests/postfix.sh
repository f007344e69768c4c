#!/usr/bin/env bash
# postfix.sh - a private Postfix: own queue, configuration, data and log below one directory, own port
# on 127.0.0.1, nothing in a chroot, nothing shared with the system's mail.
#
#   postfix.sh start DIR [MAIN.CF-LINE...]    prints the port; mail that no line routes is discarded
#   postfix.sh queue DIR                      prints how many messages are queued
#   postfix.sh stop DIR                       ends it, by the process id in its own queue directory
#
# DIR must be below /var (Postfix writes logs nowhere else) and be enterable by the user postfix, so
# not below /root. Needs root; uses sudo -n where it is not.
set -eu
[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || { echo "postfix.sh: a private Postfix needs root; run as root, or let sudo -n work" >&2; exit 77; }
    exec sudo -n "$0" "$@"
fi
what=$1 dir=$2
shift 2
PATH=$PATH:/usr/sbin:/sbin

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

configure() { # port, main.cf lines
    local port=$1 service
    shift
    mkdir -p "$dir"/etc "$dir"/queue "$dir"/data "$dir"/log
    chown postfix "$dir"/data
    chmod 755 "$dir" "$dir"/etc "$dir"/queue "$dir"/log
    cat >"$dir/etc/main.cf.ours" <<CF
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
maillog_file = $dir/log/mail.log
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.jp
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
smtpd_recipient_restrictions = permit_mynetworks, reject
default_transport = discard:
relay_transport = discard:
message_size_limit = 300000000
mailbox_size_limit = 0
minimal_backoff_time = 2s
maximal_backoff_time = 5s
queue_run_delay = 2s
CF
    # Of two lines for one name the later: Postfix warns of the earlier in each process, and a log that is started
    # by its own warnings waits for itself when they are more than a socket takes.
    printf '%s\n' "$@" | cat "$dir/etc/main.cf.ours" - | tac | awk '!seen[$1]++' | tac >"$dir/etc/main.cf"
    {
        echo "127.0.0.1:$port inet n - n - - smtpd"
        for service in rewrite:trivial-rewrite error retry:error discard smtp relay:smtp lmtp; do
            echo "${service%:*} unix - - n - - ${service#*:}"
        done
        echo "virtual unix - n n - - virtual"
        echo "pickup unix n - n 60 1 pickup"
        for service in bounce defer trace; do echo "$service unix - - n - 0 bounce"; done
        echo "cleanup unix n - n - 0 cleanup"
        echo "qmgr unix n - n 300 1 qmgr"
        echo "anvil unix - - n - 1 anvil"
        echo "verify unix - - n - 1 verify"
        echo "scache unix - - n - 1 scache"
        echo "showq unix n - n - - showq"
        echo "proxymap unix - - n - - proxymap"
        echo "tlsmgr unix - - n 1000? 1 tlsmgr"
        echo "postlog unix-dgram n - n - 1 postlogd"
    } >"$dir/etc/master.cf"
}
is_up() { (exec 3<>"/dev/tcp/127.0.0.1/$1" && read -r -t 5 line <&3 && [ "${line:0:3}" = 220 ]) 2>/dev/null; }

case $what in
start)
    case $dir in /var/?*) ;; *) echo "postfix.sh: $dir is not below /var" >&2; exit 2 ;; esac
    port=$(free_port)
    configure "$port" "$@"
    # postfix-script looks for main.cf of the default instance in some versions: name ours.
    MAIL_CONFIG=$dir/etc postfix -c "$dir/etc" start >"$dir/log/start" 2>&1 ||
        { cat "$dir/log/start" "$dir/log/mail.log" >&2; exit 1; }
    up=
    for _ in $(seq 100); do is_up "$port" && up=yes && break; sleep 0.1; done
    [ -n "$up" ] || { cat "$dir/log/start" "$dir/log/mail.log" >&2; echo "postfix.sh: it did not answer" >&2; exit 1; }
    echo "$port"
    ;;
queue)
    find "$dir"/queue/{maildrop,incoming,active,deferred} -type f 2>/dev/null | wc -l
    ;;
stop)
    pid=$(tr -d ' ' 2>/dev/null <"$dir/queue/pid/master.pid") || exit 0
    case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in */master\ *) ;; *) exit 0 ;; esac
    kill "$pid" 2>/dev/null || exit 0
    for _ in $(seq 100); do [ -d "/proc/$pid" ] || exit 0; sleep 0.1; done
    kill -9 "$pid"
    ;;
*)
    echo "postfix.sh: start, queue or stop" >&2
    exit 2
    ;;
esac
