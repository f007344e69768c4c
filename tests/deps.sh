#!/bin/sh
# deps.sh SET... - installs what the named sets need: build, check, bench, lint. Debian 12 and 13.
# Quick and silent when all is there. Root, or sudo without a password; otherwise says what to do.
set -eu
build="gcc g++ make pkgconf libc6-dev libxapian-dev liblmdb-dev libzstd-dev libgmime-3.0-dev libssl-dev
 libmicrohttpd-dev libicu-dev libconfuse-dev libjansson-dev libxml2-dev libseccomp-dev libcurl4-openssl-dev libarchive-dev
 libargon2-dev libmilter-dev libopendkim-dev libspf2-dev libopendmarc-dev libpsl-dev libunbound-dev
 publicsuffix dns-root-data libgsf-1-dev libytnef0-dev poppler-utils poppler-data antiword catdoc"
check="bash dash libcmocka-dev postfix swaks curl jq openssl python3 procps strace zstd xxd nbdkit libnbd-bin
 libnet-ssleay-perl miltertest e2fsprogs mount util-linux pst-utils dovecot-imapd bsdutils golang-go golang-golang-x-mod-dev
  python3-dkim python3-nacl nsd ldnsutils opendkim rspamd clamav-daemon clamav-milter
 libgsf-bin libarchive-tools chromium"
bench="notmuch maildir-utils xapian-tools mecab-ipadic wamerican"
lint="clang-tidy clang-format mandoc universal-ctags"
want=
for set in "$@"; do
    case $set in
    build) want="$want $build" ;;
    check) want="$want $check"; command -v npm >/dev/null || want="$want npm" ;;
    bench) want="$want $bench" ;;
    lint) want="$want $lint" ;;
    *) echo "deps.sh: no set named '$set'; there are build, check, bench, lint" >&2; exit 2 ;;
    esac
done
there=$(dpkg-query -W -f='${binary:Package} ${db:Status-Status}\n' $want 2>/dev/null |
    sed -n 's/:[a-z0-9]* installed$/ installed/; s/ installed$//p')
missing=
for p in $want; do
    printf '%s\n' "$there" | grep -qxF "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then as_root="sudo -n"; else
        echo "These packages are missing; install them as root, then try again:" >&2
        echo "  apt-get install$missing" >&2
        exit 1
    fi
fi
echo "installing:$missing"
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
ours=
finish() {
    [ -z "$ours" ] || $as_root rm -f $policy
    rm -f "$log"
}
trap finish EXIT
trap 'exit 1' INT TERM
# Nothing that is installed for a test may start a server of its own (policy-rc.d, exit 101) or
# take over the machine's mail (Postfix's question; --no-remove keeps another mail server).
if [ ! -e $policy ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
fi
apt() { # waits up to five minutes for another apt to end
    for try in 1 2 3 4 5; do
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 && return 0
        grep -q 'Could not get lock\|Temporary failure\|Failed to fetch' "$log" || return 1
        sleep $((try * 3))
    done
    return 1
}
echo "postfix postfix/main_mailer_type select No configuration" |
    $as_root debconf-set-selections >/dev/null 2>&1 || true
apt update || echo "apt-get update had trouble; trying all the same" >&2
if ! apt install -y --no-remove --no-install-recommends $missing; then
    tail -n 20 "$log" >&2
    echo "The packages could not be installed; see above. (If this machine has a mail server that is not" >&2
    echo "Postfix, it is left alone: try on another machine, or in a container.)" >&2
    exit 1
fi
