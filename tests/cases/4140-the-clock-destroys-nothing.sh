#!/usr/bin/env bash
# a clock that is set forward makes nothing due; time that passes does, and so does an officer
. "$ROOT/tests/lib/kept.sh"
vault_new
class short P1D
kept 2
refused 1 "nothing may be disposed of" fk retention run # the first mark of the clock
forward 3650
for _ in 1 2 3; do refused 1 "nothing may be disposed of" fk retention run; done
kept 1 # a mail that comes while the clock is wrong brings no time with it
refused 1 "nothing may be disposed of" fk retention run
expect "2" "$(summary due_by_the_clock_only)" "due if one believed the clock"
fk retention plan >out || fail "plan"
grep -q -- --accept-clock out || fail "the plan does not say what to do: $(cat out)"

# Another start of the machine, up for less than a day: still nothing.
export FUMIKURA_TEST_BOOT=11111111-2222-3333-4444-555555555555
export FUMIKURA_TEST_BOOTTIME=3600000
refused 1 "nothing may be disposed of" fk retention run
# The clock is right again; from there on time counts that passes on both clocks.
unset FUMIKURA_TEST_CLOCK
refused 1 "nothing may be disposed of" fk retention run
forward 3
export FUMIKURA_TEST_BOOTTIME=$((3 * 86400000 + 3600000))
fk retention run >out || fail "three days have passed on both clocks: $(cat out)"
grep -q '^disposed  2 messages' out || fail "$(cat out)"
fk verify >/dev/null || fail "verify"
# What came while the clock was wrong is counted from then: kept longer, never shorter.
expect 1 "$(summary kept)" "kept"

# A clock of 1970 at the time of a mail makes it no older than what came before it.
unset FUMIKURA_TEST_BOOT FUMIKURA_TEST_BOOTTIME
V=$TEST_DIR/w
vault_new
class short P1D
kept 1
export FUMIKURA_TEST_CLOCK=86400000
kept 1
unset FUMIKURA_TEST_CLOCK
refused 1 "nothing may be disposed of" accept_clock
expect 2 "$(summary kept)" "kept"
# Only who says so in the ledger, with a reason.
refused 2 "--reason" fk retention run --accept-clock
