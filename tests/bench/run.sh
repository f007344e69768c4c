#!/usr/bin/env bash
# run.sh PROGRAM - figures beside peers in the same run, as medians of ratios. About six minutes.
#
# On a shared machine an absolute figure means little: so each round runs smtp-sink (stores nothing: the
# ceiling), Postfix delivering to Maildir and Fumikura one after the other on the same disk, with the same
# client and the same mail, and a ratio is taken within the round. ROUNDS=n (3); ONLY=smtp|tls|index|memory|log|store|milter|import|query.
# Postfix's rate is that of delivered mail (all files in the Maildir), not of its 250s.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
ROOT=$PWD FUMIKURA=$PWD/$1 blast=$PWD/$(dirname "$1")/tools/smtp-blast rounds=${ROUNDS:-3}
TEST_DIR=$(mktemp -d /var/tmp/fumikura-bench.XXXXXX)
chmod 755 "$TEST_DIR"
export ROOT FUMIKURA TEST_DIR
. tests/lib/server.sh
. tests/lib/certificates.sh
export PYTHONDONTWRITEBYTECODE=1
at_exit 'rm -rf "$TEST_DIR"'
cache=${BENCH_CACHE:-/var/tmp/fumikura-bench-mail}
results=$TEST_DIR/results # lines: round, measure, value
: >"$results"
wanted() { [ -z "${ONLY:-}" ] || [[ $1 =~ $ONLY ]]; }
record() { printf '%s\t%s\t%s\n' "$round" "$1" "$2" >>"$results"; }
value() { sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p" "$2" | tail -n 1; } # of smtp-blast's last line

make_mail() {
    [ -e "$cache/done" ] && return
    echo "making the generator's 2k set in $cache ..."
    rm -rf "$cache"
    python3 tests/gen_corpus.py 2000 "$cache" >"$TEST_DIR/gen.log" || fail "the generator: $(tail -n 1 "$TEST_DIR/gen.log")"
    mv "$TEST_DIR/gen.log" "$cache/done"
}
# notmuch leaves the content of attachments out and Fumikura reads those of text, in which half of this set's
# words stand; so the index is also measured on the messages in which both read the same.
make_same_text() {
    same=$TEST_DIR/same-text
    mkdir -p "$same/cur" "$same/new" "$same/tmp"
    grep -LEi '^Content-Type: text/(plain|csv); name=' "$cache"/cur/* | xargs cp -t "$same/cur"
}
# blast CONNECTIONS ADDRESS NAME: sends the set once; records rate and quantiles under NAME.
send_set() { # connections, address, name, more options of smtp-blast
    "$blast" -x "${@:4}" -c "$1" -t to@bench.example -o "$TEST_DIR/acks" "$2" "$cache/cur" >"$TEST_DIR/blast" 2>&1 ||
        { cat "$TEST_DIR/blast" >&2; fail "$3: not every message was acknowledged"; }
    record "$3.rate" "$(value rate "$TEST_DIR/blast")"
    record "$3.p50" "$(value p50_ms "$TEST_DIR/blast")"
    record "$3.p99" "$(value p99_ms "$TEST_DIR/blast")"
}

sink() { # connections
    local pid port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    smtp-sink -u nobody "127.0.0.1:$port" 256 2>"$TEST_DIR/sink.log" &
    pid=$!
    wait_for 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" || fail "smtp-sink"
    send_set "$1" "127.0.0.1:$port" "sink$1"
    kill $pid
    wait $pid 2>/dev/null
}
postfix_maildir() { # connections
    local dir=$TEST_DIR/postfix port began
    mkdir -p "$dir/mail"
    chown nobody:nogroup "$dir/mail"
    port=$(tests/postfix.sh start "$dir" "virtual_mailbox_domains = bench.example" "virtual_mailbox_base = $dir/mail" \
        "virtual_mailbox_maps = static:box/" "virtual_uid_maps = static:$(id -u nobody)" "virtual_gid_maps = static:$(id -g nobody)" \
        "virtual_transport = virtual" "virtual_mailbox_limit = 0") || fail "Postfix"
    began=$(date +%s%N)
    send_set "$1" "127.0.0.1:$port" "postfix-ack$1"
    delivered() { [ "$(ls -U "$dir/mail/box/new" | wc -l)" -ge 2000 ]; }
    wait_for 300 delivered || fail "Postfix delivered $(ls -U "$dir/mail/box/new" | wc -l) of 2000"
    record "postfix$1.rate" "$(echo "$began $(date +%s%N)" | awk '{printf "%.1f", 2000 / (($2 - $1) / 1e9)}')"
    tests/postfix.sh stop "$dir"
    rm -rf "$dir"
}
cpu_ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
ours() { # connections [NAME [CONFIGURATION]]: with everything on, or as that says and without the log
    local keep receive before name=${2:-ours}
    rm -rf "$V"
    vault_new
    [ -z "${3:-}" ] || echo "$3" >>"$V/fumikura.conf"
    # The index is another table; here it would take the CPU that is measured.
    server_start
    kill -STOP "$(role_pid indexd)"
    [ -z "${3:-}" ] || kill -STOP "$(role_pid logd)"
    keep=$(role_pid keep) receive=$(role_pid receive)
    before=$(($(cpu_ticks "$keep") + $(cpu_ticks "$receive")))
    send_set "$1" "$(address smtp)" "$name$1"
    record "$name$1.cpu_ms" "$(echo "$before $(cpu_ticks "$keep") $(cpu_ticks "$receive")" |
        awk -v hz="$(getconf CLK_TCK)" '{printf "%.3f", ($2 + $3 - $1) / hz}')"
    kill -CONT "$(role_pid indexd)"
    [ -z "${3:-}" ] || kill -CONT "$(role_pid logd)"
    server_stop
}

# One server: the set in the clear, over TLS on connections that are kept, and on 20 connections with 180 idle
# ones beside them and without.
tls_round() {
    local lines
    rm -rf "$V"
    vault_new
    lines=$(with_certificate)
    listener starttls 'tls = "starttls"' "$lines"
    listener implicit 'tls = "implicit"' "$lines"
    server_start
    kill -STOP "$(role_pid indexd)"
    send_set 16 "$(address smtp)" clear16
    send_set 16 "$(at starttls)" starttls16 -T
    send_set 16 "$(at implicit)" implicit16 -I
    send_set 20 "$(address smtp)" busy20
    send_set 20 "$(address smtp)" idle20 -i 180
    kill -CONT "$(role_pid indexd)"
    server_stop
}

cpu_of() { # name, messages, command...: records messages a CPU-second, of the command and all its children
    local name=$1 messages=$2 cpu
    shift 2
    TIMEFORMAT='%U %S %R'
    cpu=$({ time "$@" >"$TEST_DIR/out" 2>&1 || { cat "$TEST_DIR/out" >&2; touch "$TEST_DIR/broken"; }; } 2>&1 | tail -n 1)
    [ ! -e "$TEST_DIR/broken" ] || fail "$name"
    record "$name.cpu" "$(echo "$cpu" | awk -v n="$messages" '{printf "%.1f", n / ($1 + $2)}')"
    record "$name.wall" "$(echo "$cpu" | awk -v n="$messages" '{printf "%.1f", n / $3}')"
}
notmuch_config() { # mail
    rm -rf "$TEST_DIR/notmuch"
    mkdir -p "$TEST_DIR/notmuch"
    printf '[database]\npath=%s\nmail_root=%s\n[new]\ntags=\nignore=done\n[maildir]\nsynchronize_flags=false\n[user]\nname=a\nprimary_email=a@b.example\n' \
        "$TEST_DIR/notmuch" "$1" >"$TEST_DIR/notmuch.conf"
}
xapian_compacted() { # NAME, bytes beside them, databases...: their size when Xapian has compacted them into one
    rm -rf "$TEST_DIR/compacted"
    xapian-compact "${@:3}" "$TEST_DIR/compacted" >/dev/null 2>&1 || fail "xapian-compact: $1"
    record "$1.compacted" $(($2 + $(du -sb "$TEST_DIR/compacted" | cut -f 1)))
    rm -rf "$TEST_DIR/compacted"
}
# What the index keeps of the text itself, for snippets and phrases, is counted apart.
TEXT_FILES='text*'
index_bytes() { # NAME
    local text
    text=$(find "$V/index" -type f -name "$TEXT_FILES" -printf '%s\n' | awk '{n += $1} END {print n + 0}')
    record "$1.text" "$text"
    record "$1.bytes" $(($(du -sb "$V/index" | cut -f 1) - text))
    # What is in the index and not Xapian's stays as it is.
    xapian_compacted "$1" "$(find "$V/index" -type f ! -name '*glass' ! -name flintlock ! -name "$TEXT_FILES" -printf '%s\n' | awk '{n += $1} END {print n + 0}')" $(shards)
}
index_ours() { # mail, NAME, messages, [CONFIGURATION]
    rm -rf "$V"
    vault_new
    [ -z "${4:-}" ] || config $4
    fk import "$1" >"$TEST_DIR/imported" || fail "import"
    cpu_of "$2" "$3" fk index --wait
    index_bytes "$2"
}
index_notmuch() { # mail, NAME, messages
    notmuch_config "$1"
    cpu_of "$2" "$3" notmuch new
    record "$2.bytes" "$(du -sb "$TEST_DIR/notmuch" | cut -f 1)"
    xapian_compacted "$2" 0 "$(find "$TEST_DIR/notmuch" "$1/.notmuch" -name iamglass -printf '%h\n' 2>/dev/null | head -n 1)"
    rm -rf "$TEST_DIR/notmuch"
}
index_mu() { # mail, NAME, messages
    local home=$TEST_DIR/mu
    rm -rf "$home"
    mu init --quiet --muhome="$home" --maildir="$1" >/dev/null 2>&1 || fail "mu init"
    cpu_of "$2" "$3" mu index --quiet --muhome="$home"
    record "$2.bytes" "$(du -sb "$home" | cut -f 1)"
    xapian_compacted "$2" 0 "$(find "$home" -name iamglass -printf '%h\n' | head -n 1)"
    rm -rf "$home"
}
has_attachments() { grep -q '^#\? *attachments *=' fumikura.conf.example; }
index_round() { # mail, prefix of what is recorded
    local messages off=
    messages=$(ls -U "$1/cur" | wc -l)
    export NOTMUCH_CONFIG=$TEST_DIR/notmuch.conf
    has_attachments && off='attachments "off"'
    index_ours "$1" "$2index" "$messages" "$off"
    [ -z "$off" ] || index_ours "$1" "$2attachments" "$messages"
    index_notmuch "$1" "$2notmuch" "$messages"
    XAPIAN_CJK_NGRAM=1 index_notmuch "$1" "$2ngram" "$messages"
    index_mu "$1" "$2mu" "$messages"
}
# Stored bytes of a sealed vault, all of it, and how fast it is read again.
packed() { # directory of messages: the sum of their sizes, each packed by zstd -3
    rm -rf "$TEST_DIR/packed"
    mkdir "$TEST_DIR/packed"
    find "$1" -type f -print0 | xargs -0 zstd -q -3 --no-check --output-dir-flat "$TEST_DIR/packed" -- || fail zstd
    find "$TEST_DIR/packed" -type f -printf '%s\n' | awk '{n += $1} END {print n}'
    rm -rf "$TEST_DIR/packed"
}
store_bytes() { # directory, NAME
    rm -rf "$V"
    vault_new
    fk import "$1" >"$TEST_DIR/imported" || fail "import"
    fk seal >/dev/null && fk checkpoint >/dev/null || fail "seal"
    record "$2" "$(du -s --block-size=1 "$V" | cut -f 1)"
}
store_round() {
    large_mail
    mkdir -p "$TEST_DIR/text/cur"
    grep -rLi '^Content-Type: multipart/mixed' "$large/cur" | xargs cp -t "$TEST_DIR/text/cur"
    store_bytes "$TEST_DIR/text/cur" text.stored
    record text.packed "$(packed "$TEST_DIR/text/cur")"
    store_bytes "$large/cur" store.stored
    record store.raw "$(du -sb "$large/cur" | cut -f 1)"
    # The same bytes, packed message by message, unpacked and summed on one core.
    tar -C "$large" -cf - cur | zstd -q -3 >"$TEST_DIR/all.zst"
    cpu_of verify 20000 fk verify
    cpu_of plain-verify 20000 sh -c "zstd -dcq '$TEST_DIR/all.zst' | sha256sum"
    rm -rf "$TEST_DIR/all.zst" "$TEST_DIR/text"
}
large_mail() {
    large=$cache-20k
    [ -e "$large/done" ] || { echo "making the generator's 20k set in $large ..."; rm -rf "$large"; python3 tests/gen_corpus.py 20000 "$large" >/dev/null && touch "$large/done"; }
}
# What is to be done with the bytes in any case, by others' programs, in one pass over them.
plain_import() { # directory of messages
    find "$1" -type f -print0 | sort -z | xargs -0 cat |
        tee >(sha256sum >"$TEST_DIR/sum256") >(sha512sum >"$TEST_DIR/sum512") | zstd -q -f -3 -T2 -o "$TEST_DIR/plain.zst" &&
        sync "$TEST_DIR/plain.zst"
    while [ ! -s "$TEST_DIR/sum256" ] || [ ! -s "$TEST_DIR/sum512" ]; do sleep 0.01; done
    rm -f "$TEST_DIR/plain.zst" "$TEST_DIR/sum256" "$TEST_DIR/sum512"
}
import_round() {
    local began
    large_mail
    cat "$large"/cur/* >/dev/null # both find it in memory
    began=$(date +%s%N)
    plain_import "$large/cur"
    record plain-import.rate "$(echo "$began $(date +%s%N)" | awk '{printf "%.1f", 20000 / (($2 - $1) / 1e9)}')"
    rm -rf "$V"
    vault_new
    began=$(date +%s%N)
    fk import "$large/cur" >"$TEST_DIR/imported" || fail "import"
    record import.rate "$(echo "$began $(date +%s%N)" | awk '{printf "%.1f", 20000 / (($2 - $1) / 1e9)}')"
    rm -rf "$V"
}
memory_round() {
    local watch
    rm -rf "$V"
    vault_new
    server_start
    mkdir -p "$TEST_DIR/big"
    for i in $(seq 64); do
        { printf 'Subject: ten megabytes\r\n\r\n'; head -c 7500000 /dev/urandom | base64 -w 76 | sed 's/$/\r/'; } >"$TEST_DIR/big/$i.eml"
    done
    python3 tests/lib/peak.py keep="$(role_pid keep)" receive="$(role_pid receive)" indexd="$(role_pid indexd)" >"$TEST_DIR/peak" &
    watch=$!
    "$blast" -c 16 "$(address smtp)" "$TEST_DIR/big" >"$TEST_DIR/blast" || fail "memory: $(cat "$TEST_DIR/blast")"
    kill $watch
    wait $watch
    while read -r name kib; do record "memory.$name" "$kib"; done <"$TEST_DIR/peak"
    record memory.in_flight $((16 * $(stat -c %s "$TEST_DIR/big/1.eml") / 1024))
    server_stop
}

# What the milter adds to the time that Postfix takes to accept a message, one connection, beside an append of
# the same bytes with fdatasync on the same disk.
milter_round() {
    local set=$TEST_DIR/milter-set port
    [ -d "$set" ] || { mkdir "$set"; find "$cache/cur" -type f | sort | head -n "${MILTER_MESSAGES:-500}" | xargs cp -t "$set"; }
    through_postfix() { # NAME [main.cf lines]
        local name=$1
        shift
        port=$(tests/postfix.sh start "$TEST_DIR/postfix" "$@") || fail "Postfix"
        "$blast" -c 1 -t to@bench.example -o "$TEST_DIR/acks" "127.0.0.1:$port" "$set" >"$TEST_DIR/blast" 2>&1 || fail "$name: $(cat "$TEST_DIR/blast")"
        record "$name.p50" "$(value p50_ms "$TEST_DIR/blast")"
        tests/postfix.sh stop "$TEST_DIR/postfix"
        rm -rf "$TEST_DIR/postfix"
    }
    rm -rf "$V"
    vault_new
    config milter "{\"unix:$TEST_DIR/milter.sock\"}" # a directory that Postfix's user may enter
    server_start
    kill -STOP "$(role_pid indexd)"
    through_postfix milter-without
    through_postfix milter-with "smtpd_milters = unix:$TEST_DIR/milter.sock" "milter_default_action = tempfail"
    kill -CONT "$(role_pid indexd)"
    server_stop
    record milter-append.p50 "$(python3 tests/bench/append.py "$TEST_DIR/appended" "$set")"
    rm -f "$TEST_DIR/appended"
}

# An archive of small messages (many.py) that grows in steps up to QUERY_MESSAGES (1,000,000), and at each what
# importing and indexing the step cost, its size, how long answers take, and what questions do to the intake.
query_load() { # NAME of its times: the intake of 2,000 small messages
    "$blast" -x -c 4 -t to@bench.example -o "$TEST_DIR/acks" -L "$TEST_DIR/$1.ms" "$(address smtp)" "$TEST_DIR/small" >"$TEST_DIR/blast" 2>&1 ||
        fail "$1: $(cat "$TEST_DIR/blast")"
}
query_load_beside() {
    local asking
    python3 tests/bench/query.py "$(address web)" load &
    asking=$!
    query_load query-beside
    kill $asking
    wait $asking 2>/dev/null
}
quantiles_of() { # NAME: of all messages of its rounds together, since the p99 of 2,000 is that of a few commits
    local p50 p99
    read -r p50 p99 < <(sort -n "$TEST_DIR/$1.ms" | awk '{v[NR] = $1} END {print v[int((NR - 1) * 0.5) + 1], v[int((NR - 1) * 0.99) + 1]}')
    record "$1.p50" "$p50"
    record "$1.p99" "$p99"
}
query_step() { # FROM TO
    local began
    python3 tests/bench/many.py "$1" "$2" >"$TEST_DIR/many.mbox" || fail "the generator"
    began=$(date +%s%N)
    fk import "$TEST_DIR/many.mbox" >"$TEST_DIR/imported" || fail "import"
    rm -f "$TEST_DIR/many.mbox" "$TEST_DIR/imported"
    record "query.$2.import" "$(echo "$began $(date +%s%N) $1 $2" | awk '{printf "%.1f", ($4 - $3) / (($2 - $1) / 1e9)}')"
    cpu_of "query.$2.index" $(($2 - $1)) fk index --wait
    record "query.$2.text" "$(find "$V/index" -type f -name "$TEXT_FILES" -printf '%s\n' | awk '{n += $1} END {print n + 0}')"
    record "query.$2.bytes" "$(du -sb "$V/index" | cut -f 1)"
    server_start
    fk index --wait >/dev/null || fail "index"
    python3 tests/bench/query.py "$(address web)" "$2" "$(role_pid web)" "$results" || fail "questions"
    server_stop
}
query_round() {
    local from=0 step pair limit=${QUERY_MESSAGES:-1000000}
    rm -rf "$V"
    vault_new
    for step in 10000 100000 300000 1000000 "$limit"; do
        [ "$step" -le "$from" ] || [ "$step" -gt "$limit" ] && continue
        query_step "$from" "$step"
        from=$step
    done
    mkdir -p "$TEST_DIR/small" # none that divides by ten: no probe
    python3 - "$TEST_DIR/small" <<'PY' || fail "the generator"
import sys
sys.path.insert(0, "tests/bench")
import many
v = many.vocabulary()
for k in range(2000):
    with open(f"{sys.argv[1]}/{k}.eml", "wb") as out:
        out.write(many.as_bytes(10000001 + 10 * k, v))
PY
    server_start
    query_load query-warm # the first after a start is another matter
    for pair in $(seq "${QUERY_PAIRS:-10}"); do
        [ $((pair % 2)) = 1 ] || query_load_beside
        query_load query-alone
        [ $((pair % 2)) = 0 ] || query_load_beside
    done
    quantiles_of query-alone
    quantiles_of query-beside
    server_stop
}

[ -z "${BENCH_LIB:-}" ] || return 0
[ "${ONLY:-}" = query ] || make_mail
ca_new ca
certificate_new ca server DNS:mail.example.jp
wanted index && make_same_text
echo "machine: $(nproc) x $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), kernel $(uname -r), $(. /etc/os-release; echo "$PRETTY_NAME")"
[ ! -e "$cache/done" ] || echo "mail: $(head -c 300 "$cache/done")"
echo "load before: $(cut -d ' ' -f 1-3 /proc/loadavg)"
for round in $(seq "$rounds"); do
    for connections in 16 1; do
        wanted smtp && { sink $connections; postfix_maildir $connections; ours $connections; }
    done
    wanted smtp && ours 16 plain 'single-instance = "off"'
    wanted tls && tls_round
    wanted milter && milter_round
    [ "$round" = 1 ] && wanted store && store_round
    wanted index && { index_round "$same" same-; index_round "$cache" ""; }
    wanted import && import_round
    # Hours at its full size, so only where it is named.
    [ "$round" = 1 ] && [ -n "${ONLY:-}" ] && wanted query && query_round
    [ "$round" = 1 ] && wanted memory && memory_round
    [ "$round" = 1 ] && wanted log && { "$(dirname "$blast")/log-bench" "$TEST_DIR/log" | tee "$TEST_DIR/log.txt"; rm -rf "$TEST_DIR/log"; }
    echo "round $round of $rounds done, load $(cut -d ' ' -f 1-3 /proc/loadavg)"
done
python3 tests/bench/table.py "$results"
