#!/usr/bin/env bash
# mnist_vae verify-determinism in earnest: the same weights on every number of threads, instruction
# set, sparse or dense, fused or not.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

status=0
timeout 600 "$app" verify-determinism >out 2>err </dev/null || status=$?
expect_equal 'verify-determinism ends well and without a warning' "$status $(<err)" '0 '
ways=$(grep -cE '^(avx2|avx512|neon|scalar) ' out)
expect_equal 'every way gives the same weights' "$(grep -c ' equal$' out)" "$ways"
expect_equal 'it says how many ways there are' \
  "$(sed -n 's/.* computed in \([0-9]*\) ways:$/\1/p' out)" "$ways"
run verify-determinism --steps 2
expect_equal 'fewer steps are possible, with other weights' \
  "$status $(grep -c ' equal$' out)" "0 $ways"
for steps in 0 -1 1e3 x; do
  run verify-determinism --steps "$steps"
  expect_equal "--steps $steps is refused" "$status $(wc -l <err)" '2 1'
done

all_cases_ok
