#!/usr/bin/env bash
# web: the API answers as docs/openapi.json says, pages with cursors, and refuses what is not asked from here
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
server_start
host=$(address web) web=http://$(address web)
fk import mails/*.eml >imported || fail "import"
fk index --wait >/dev/null || fail "index"

# ask PATH-OF-THE-DOCUMENT URL STATUS [CURL-OPTIONS...]: body in out, headers in head; at the end of it all held against the
# document.
ask() {
    local path=$1 url=$2 wanted=$3 status kind
    shift 3
    read -r status kind < <(curl -s -m 60 -o out -D head -w '%{http_code} %{content_type}\n' --path-as-is "$@" "$web$url")
    expect "$wanted" "$status" "$url $*: $(head -c 300 out)"
    n=$((n + 1))
    cp out "answers/$n"
    printf '%s\t%s\t%s\tanswers/%d\n' "$path" "$status" "$kind" $n >>answers/list
}
mkdir answers
n=0
S=/api/v1/search M='/api/v1/messages/{seq}' R='/api/v1/messages/{seq}/raw'

ask $S "$S?q=%E4%BC%9A%E8%AD%B0%E3%80%80%EF%BC%8D%E5%BB%B6%E6%9C%9F" 200
expect '会議 AND NOT 延期 3' "$(jq -r '"\(.coverage.query) \(.coverage.total)"' out)" "a search"
ask $S "$S?since=2026-06-02T10:30:00&until=2026-06-02T10:30:00" 200
expect 1 "$(jq .coverage.total out)" "one second"
ask $S $S 200
expect 24 "$(jq .coverage.total out)" "everything"
ask $S "$S?q=&user=&since=2026-06-04&until=2026-06&limit=3" 200
expect 3 "$(jq '.hits | length' out)" "a page"
total=$(jq .coverage.total out) next=$(jq -r .next out)
jq -r '.hits[].seq' out >pages
for _ in $(seq 20); do
    [ "$next" != null ] || break
    ask $S "$S?since=2026-06-04&until=2026-06&limit=3&cursor=$next" 200
    jq -r '.hits[].seq' out >>pages
    next=$(jq -r .next out)
done
expect null "$next" "the last page"
expect "$total" "$(wc -l <pages)" "hits of all pages"
expect "$total" "$(sort -u pages | wc -l)" "hits of all pages, each once"

for seq in $(cut -f 1 imported); do
    ask "$M" "/api/v1/messages/$seq" 200
    expect null "$(jq -c .text_problem out)" "text of $seq"
    ask "$R" "/api/v1/messages/$seq/raw" 200
    file=$(sed -n "$(grep -n "^$seq	" imported | cut -d : -f 1)p" <(ls mails/*.eml))
    cmp out "$file" || fail "bytes of $seq"
done
grep -qi '^content-disposition: attachment; filename="fumikura-' head || fail "the bytes are to be saved: $(cat head)"
for line in "content-type: message/rfc822" "x-content-type-options: nosniff" "cache-control: no-store" \
    "content-security-policy: default-src 'none'" "referrer-policy: no-referrer" "x-frame-options: deny"; do
    grep -qi "^$line" head || fail "no $line: $(cat head)"
done
first=$(head -n 1 imported | cut -f 1) # of the first file, whichever number it got
curl -sf -I "$web/api/v1/messages/$first/raw" >head || fail "HEAD"
grep -qi "^content-length: $(stat -c %s "$(ls mails/*.eml | head -n 1)")" head || fail "HEAD: $(cat head)"

# Wrong questions.
ask $S "$S?q=%E4%BC%9A%E8%AD%B0+form:x" 400
expect '{"character":4,"byte":8}' "$(jq -c .position out)" "the place of an error"
for q in 'q=a&q=b' 'query=a' 'limit=0' 'limit=1001' 'limit=x' 'since=yesterday' 'until=2026-13' 'cursor=x' 'user=%26' 'q=%FF' \
    'q=a%00b' 'a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1&l=1&m=1&n=1&o=1&p=1&q=1' "q=$(printf 'a%.0s' $(seq 17000))"; do
    ask $S "$S?$q" 400
done
# What is wrong is named whole, also where it is not UTF-8, or is cut to fit.
of_user=$(printf '%%E2%%80%%A6%.0s' $(seq 40)) # signs alone
for q in '%FF=1' 'user=%FF' 'since=%FF' 'limit=%FF' 'q=a&reason=b%00c' 'q%00x=a' 'user=a%00' "user=$of_user" '%FF=1&%FF=2' \
    "$(printf '%%E3%%81%%82%.0s' $(seq 20))=1" "since=$(printf '%%E3%%81%%82%.0s' $(seq 20))"; do
    ask $S "$S?$q" 400
    jq -e '.status == 400 and .title == "Bad Request" and (.detail | length > 10)' out >/dev/null || fail "$q: $(cat out)"
done
expect "$(printf 'あ%.0s' $(seq 13))" "$(jq -r .detail out | sed 's/.*not "\(.*\)"/\1/')" "what was cut"
for path in /%ff "/$(printf '%%E3%%81%%82%.0s' $(seq 80))" /%00 /%00/../ /app.js%00x /api/v1/search%00; do
    expect 404 "$(curl -s -o out -w '%{http_code}' --path-as-is "$web$path")" "$path"
    jq -e '.status == 404 and .title == "Not Found" and (.detail | length > 10)' out >/dev/null || fail "$path: $(cat out)"
done
ask "$M" /api/v1/messages/0 404
ask "$M" /api/v1/messages/999999 404
ask "$M" /api/v1/messages/9999999999999999999 404
ask "$R" /api/v1/messages/0/raw 404
acts=$(fk audit --json 2>/dev/null | wc -l)
for path in /etc/passwd /../../etc/passwd /%2e%2e/%2e%2e/etc/passwd //etc/passwd /app.js/../../v/secrets/kek /api /api/v1/search/ \
    /api/v1/messages/ /api/v1/messages/1x /api/v1/messages/-1 /api/v1/messages/1/raw/ /api/v1/messages/%31/../2 /.git/config; do
    expect 404 "$(curl -s -o out -w '%{http_code}' --path-as-is "$web$path")" "$path"
done

# From elsewhere: a name that was made to point here, another site's script, a form.
ask $S $S 421 -H 'Host: evil.example'
ask $S $S 421 -H 'Host: 127.0.0.1.evil.example'
ask $S $S 421 -H 'Host: localhost@evil.example'
ask $S $S 421 -H "Host: $host.evil.example"
ask $S $S 421 --http1.0 -H 'Host:'
ask $S $S 403 -H 'Origin: http://evil.example'
ask $S $S 403 -H 'Origin: null'
ask $S $S 403 -H 'Sec-Fetch-Site: cross-site'
ask "$M" /api/v1/messages/1 403 -H 'Sec-Fetch-Site: same-site'
ask $S $S 405 -X POST -d q=a
ask $S $S 405 -X DELETE
ask $S $S 200 -H "Origin: $web" -H 'Sec-Fetch-Site: same-origin'
ask $S $S 200 -H 'Host: localhost:9999'
ask $S $S 200 -H 'Host: [::1]'
expect 200 "$(curl -s -o out -w '%{http_code}' -H 'Sec-Fetch-Site: cross-site' "$web/")" "a link to the page"
expect 403 "$(curl -s -o out -w '%{http_code}' -H 'Sec-Fetch-Site: cross-site' "$web/?q=a")" "a link that would search"
[ $(($(fk audit --json 2>/dev/null | wc -l) - acts)) -eq 4 ] || fail "what was refused left acts" # three searches, one audit

python3 "$ROOT/tests/lib/openapi.py" "$ROOT/docs/openapi.json" answers/list || fail "an answer is not as docs/openapi.json says"

# Too much of it.
python3 - "$host" <<'PY' || fail "what no client would send"
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
def say(data):
    s = socket.create_connection((host, int(port)), 20)
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    got = b""
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
    except OSError:
        pass
    return got.split(b"\r\n")[0]
for what, data, wanted in [
    ("a long address", b"GET /api/v1/search?q=" + b"a" * 1000000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b" 414 "),
    ("a long header", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1000000 + b"\r\n\r\n", b" 431 "),
    ("many headers", b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100000 + b"\r\n", b" 431 "),
    ("no HTTP", b"\x16\x03\x01\x00\xff" * 100, b""),
    ("two lengths", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b" 4"),
    ("half a request", b"GET /api/v1/sea", b""),
]:
    line = say(data)
    if wanted and wanted not in line or not wanted and b" 200 " in line:
        sys.exit(f"{what}: {line!r}")
held = [socket.create_connection((host, int(port)), 20) for _ in range(100)]  # more than it takes at once
for s in held:
    s.close()
PY
wait_for 10 curl -sf "$web/api/v1/search?q=falcon" || fail "the server after all that"
server_stop

# Loopback only.
for wrong in 0.0.0.0:0 192.0.2.1:80 '[::]:0' example.com:80 127.0.0.1 :80 127.0.0.1:99999; do
    config web "\"$wrong\""
    timeout 30 "$FUMIKURA" -C v serve >out 2>&1 && fail "web = $wrong was served"
    grep -q 'this machine alone\|expected' out || fail "web = $wrong: $(cat out)"
done
exit 0
