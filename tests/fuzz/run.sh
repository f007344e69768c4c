#!/usr/bin/env bash
# run.sh BUILD - every fuzz program of a build in turn, FUZZ_SECONDS each (60), from FUZZ_SEED (the time). ONLY=pattern chooses.
# What breaks one stays in $TEST_DIR (a new directory, which is named); what libFuzzer finds new, in BUILD/corpus.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$1 failed=0
FUZZ_SEED=${FUZZ_SEED:-$(date +%s)}
TEST_DIR=${TEST_DIR:-$(mktemp -d /var/tmp/fumikura-fuzz.XXXXXX)}
export TEST_DIR
echo "TEST_DIR=$TEST_DIR FUZZ_SEED=$FUZZ_SEED"
for source in tests/fuzz/*.c; do
    name=$(basename "$source" .c)
    [[ -z ${ONLY:-} || fuzz/$name =~ $ONLY ]] || continue
    options=(-seed="$FUZZ_SEED" -max_total_time="${FUZZ_SECONDS:-60}" -max_len=8192 -timeout=20)
    [ -f "tests/fuzz/dict/$name" ] && options+=(-dict="tests/fuzz/dict/$name")
    corpus=
    if [[ $build == *clang ]]; then
        corpus=$build/corpus/$name
        mkdir -p "$corpus"
        options+=(-artifact_prefix="$TEST_DIR/$name-" -print_final_stats=1 -verbosity=0)
    fi
    "$build/fuzz/$name" "${options[@]}" ${corpus:+"$corpus"} "tests/fuzz/seeds/$name" >"$TEST_DIR/$name.log" 2>&1
    if [ $? -eq 0 ]; then
        tail -n 1 "$TEST_DIR/$name.log"
        rm -f "$TEST_DIR/$name.log"
    else
        tail -n 60 "$TEST_DIR/$name.log"
        failed=$((failed + 1))
    fi
done
rmdir "$TEST_DIR" 2>/dev/null
echo "$failed broken"
[ "$failed" -eq 0 ]
