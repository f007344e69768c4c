#!/usr/bin/env bash
# the demo ends with 0, and by itself where its input is no terminal
# not under asan: it runs the program that is installed
timeout 300 bash "$ROOT/tests/demo.sh" "${FUMIKURA#"$ROOT"/}" </dev/null
