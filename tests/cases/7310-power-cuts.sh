#!/usr/bin/env bash
# twenty power cuts, while keys are exchanged too, lose nothing that was acknowledged; without the syncs one is seen to
# not under asan: the control takes the syncs out with a preloaded library, which has to come first
. "$ROOT/tests/lib/power-cuts.sh"
control power_work power_check
rm -f "$TEST_DIR"/exchanges
cut 20 power_work power_check
exchanges=$(($(paste -sd+ "$TEST_DIR/exchanges")))
[ "$exchanges" -ge "${CUTS:-20}" ] || fail "$exchanges exchanges of the key in all: it was not cut into"
note "$exchanges exchanges of the key; $(seen) of 3 cuts without syncs were seen; ${CUTS:-20} with them lost nothing"
