#!/usr/bin/env bash
# with 16 connections of 10 MB messages keep and receive stay under 64 MiB beyond what is in flight
# not under asan: its shadow memory is not ours
. "$ROOT/tests/lib/server.sh"
vault_new
server_start
mkdir "$TEST_DIR/big" # no two of them alike: an attachment is stored once
for i in $(seq 48); do
    { printf 'Subject: ten megabytes\r\n\r\n'; head -c 7500000 /dev/urandom | base64 -w 76 | sed 's/$/\r/'; } >"$TEST_DIR/big/$i.eml"
done
python3 "$ROOT/tests/lib/peak.py" keep="$(role_pid keep)" receive="$(role_pid receive)" >"$TEST_DIR/peak" &
watch=$!
blast -c 16 -o "$TEST_DIR/acks" "$(address smtp)" "$TEST_DIR/big" >"$TEST_DIR/blast" 2>&1 || fail "$(cat "$TEST_DIR/blast")"
kill $watch
wait $watch
in_flight=$((16 * $(stat -c %s "$TEST_DIR/big/1.eml") / 1024))
for part in keep receive; do
    peak=$(awk -v p=$part '$1 == p {print $2}' "$TEST_DIR/peak")
    note "$part: $((peak / 1024)) MiB at most, with $((in_flight / 1024)) MiB in flight"
    [ "$peak" -lt $((in_flight + 65536)) ] || fail "$part had $peak KiB"
done
server_stop
