#!/usr/bin/env bash
# the vault is lost and its mirror's power cut at once: nothing acknowledged is missing; without the syncs it is
# not under asan: the control takes the syncs out with a preloaded library, which has to come first
. "$ROOT/tests/lib/power-cuts.sh"
control power_mirror_work power_mirror_check
cut 12 power_mirror_work power_mirror_check
note "$(seen) of 3 cuts without syncs were seen; ${CUTS:-12} with them lost nothing"
