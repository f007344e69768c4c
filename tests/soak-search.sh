#!/usr/bin/env bash
# soak-search.sh PROGRAM - 5,000 random literal questions (ORACLE_QUERIES) to 20,000 hard messages (ORACLE_MESSAGES) and as many to
# the real ones, where they are, against a plain scan of the same mail (tests/oracle/judge.py). Another seed each time; ORACLE_SEED=
# asks the same again. Cases 2300 and 2301 are a tenth of it. It lies in one directory below /var/tmp, which is left where it fails.
set -u
cd "$(dirname "$0")/.." || exit 2
ROOT=$PWD FUMIKURA=$PWD/$1 BUILD=$PWD/$(dirname "$1") seed=${ORACLE_SEED:-$(date +%s)} queries=${ORACLE_QUERIES:-5000}
soak=$(mktemp -d /var/tmp/fumikura-soak-search.XXXXXX)
chmod 755 "$soak"
export ROOT FUMIKURA BUILD
corpus=${FUMIKURA_CORPUS:-$(cd .. && pwd)/shared/corpus}/messages
echo "ORACLE_SEED=$seed, $soak"
run() ( # NAME DIRECTORY-OF-MESSAGES
    TEST_DIR=$soak/$1
    mkdir -p "$TEST_DIR"
    export TEST_DIR
    . tests/lib/oracle.sh
    oracle_judge "$2" "$queries" "$seed"
)
python3 tests/oracle/mails.py "${ORACLE_MESSAGES:-20000}" "$soak/mails" "$seed" && run generated "$soak/mails" || exit 1
[ ! -d "$corpus" ] || ORACLE_FILES=off run real "$corpus" || exit 1
rm -rf "$soak"
