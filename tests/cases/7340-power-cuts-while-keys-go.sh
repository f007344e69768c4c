#!/usr/bin/env bash
# power cuts while messages are erased, keys exchanged, segments sealed and mail comes in: what was said to be gone is gone, all else is there
# not under asan: the control takes the syncs out with a preloaded library, which has to come first
. "$ROOT/tests/lib/power-cuts.sh"
control power_keys_work power_keys_check keys:secrets
rm -f "$TEST_DIR/done"
cut 10 power_keys_work power_keys_check 3000
sums=$(awk '{n[$1] += $2} END {for (what in n) print n[what], what}' "$TEST_DIR/done" | sort -k 2 | paste -sd, | sed 's/,/, /g')
for what in erased exchanged sealed; do
    echo "$sums" | grep -q "[1-9][0-9]* $what" || fail "nothing was $what before a cut: $sums"
done
note "$(seen) of 3 cuts without those syncs were seen; in ${CUTS:-10} with them $sums, and all of it stood"
