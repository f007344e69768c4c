#!/usr/bin/env bash
# the page says, in Japanese and in English, how many of the partly searchable messages are no hits and may have been missed, and nothing of it where there are none
. "$ROOT/tests/lib/threads.sh"
vault_new
letter plain 'a@a.example' b@b.example plain <<<"falcon"
letter sparrow 'c@c.example' b@b.example sparrow <<<"sparrow"
{ echo "X-Fumikura-Test: crash"; cat plain.eml; } | sed 's/^Message-ID: <plain@/Message-ID: <lost@/' >lost.eml
take plain sparrow lost
server_start
page() { # ADDRESS: the page as a browser has it once it has its answer
    HOME=$TEST_DIR/home timeout 100 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$TEST_DIR/browser" --virtual-time-budget=20000 --dump-dom "http://$(address web)/?$1" >dom 2>browser.err ||
        fail "chromium: $(tail -n 5 browser.err)"
    grep -q 'data-state="done"' dom || fail "no answer on the page: $(head -c 2000 dom)"
}
says() { grep -q "$1" dom || fail "the page does not say \"$1\": $(grep -o 'id="coverage".*' dom | head -c 2000)"; }

expect "1 1 0 1" "$(fk search --json falcon 2>/dev/null | jq -r '.coverage // empty | "\(.total) \(.partial) \(.partial_hits) \(.partial_scope)"')" "what there is to say"
page 'q=falcon&lang=ja'
says '一部のみ検索可のうち 1 通は、結果にありませんが該当するかもしれません'
page 'q=falcon&lang=en'
says '1 of the partly searchable ones are no hits, but may have been missed'
page 'q=falcon&lang=en&until=2020-01-01'
says '1 of them only partly searchable'
! grep -q 'may have been missed' dom || fail "of another time: $(grep -o 'id="coverage".*' dom)"
server_stop
