# package.sh - for cases about evidence packages: a key from outside, the script of the package, forged copies.
#
#     checked sh PACKAGE [OPTIONS]        runs PACKAGE/verify.sh with $KEY; prints what it says, returns its status
#     forged NAME PATTERN COMMAND...      a copy of $PACKAGE in which COMMAND (in its directory) changed something, with
#                                         and without manifests made anew: verify.sh says PATTERN and nothing passes
. "$ROOT/tests/lib/server.sh"
KEY=$TEST_DIR/log.pem PACKAGE=$TEST_DIR/pkg

checked() { # SHELL PACKAGE [OPTIONS...]
    local shell=$1 package=$2
    shift 2
    timeout 120 $shell "$package/verify.sh" --key "$KEY" "$@" "$package"
}
# The forger's work: manifests over what is there now.
manifests_anew() {
    (cd "$1" && for n in 256 512; do find data -type f | LC_ALL=C sort | xargs sha${n}sum >manifest-sha$n.txt; done
        find . -maxdepth 1 -type f ! -name 'tagmanifest*' -printf '%P\n' | LC_ALL=C sort | xargs sha256sum >tagmanifest-sha256.txt)
}
flip() { # FILE [OFFSET]: one bit
    python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[int(sys.argv[2]) if len(sys.argv) > 2 else len(b) // 2] ^= 1; open(sys.argv[1], "wb").write(b)' "$@"
}
forged() { # NAME PATTERN COMMAND...
    local name=$1 pattern=$2
    shift 2
    rm -rf forged
    cp -a "$PACKAGE" forged
    (cd forged && "$@") || fail "$name: the forger's own command: $*"
    cp "$PACKAGE/verify.sh" outside.sh # an expert takes the script from elsewhere
    timeout 120 dash outside.sh --key "$KEY" $FORGED_OPTIONS forged >out 2>&1
    expect 1 $? "$name, manifests as they were: $(cat out)"
    grep -q '^FAILED \(digest\|missing\|extra\|manifest\|layout\)' out || fail "$name, manifests as they were: $(cat out)"
    grep -q ': [1-9][0-9]* failed$' <(tail -n 1 out) || fail "$name: the last line: $(tail -n 1 out)"
    case $pattern in manifests) return ;; esac # with them made anew it is another package, which only the archive's entry shows
    manifests_anew forged
    timeout 120 dash outside.sh --key "$KEY" $FORGED_OPTIONS forged >out 2>&1
    expect 1 $? "$name, manifests anew: $(cat out)"
    grep -qE "^FAILED $pattern" out || fail "$name, manifests anew: not '$pattern': $(cat out)"
}
FORGED_OPTIONS=
