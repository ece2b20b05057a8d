#!/usr/bin/env bash
# mnist_vae check-gradients calls no right gradient wrong, and leaves no tensor unmeasured, at 2,525
# states of twenty-five nets in training. A line for each net has its worst errors.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"

status=0
"$build/tests/gradient_alarms" | tee "$tmp/lines" || status=$?
expect_equal 'every net was checked' "$status $(grep -c '^ok' "$tmp/lines")" '0 25'
expect_equal 'at every state' \
  "$(sed -n 's/^ok.*: \([0-9]*\) states, .*/\1/p' "$tmp/lines" | awk '{ n += $1 } END { print n }')" 2525

all_cases_ok
