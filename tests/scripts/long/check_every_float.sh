#!/usr/bin/env bash
# The elementary functions keep their error bounds, and their bits on every instruction set, at all
# 2^32 floats. A line for each function and set has its worst error and where it is.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"

status=0
"$build/tests/every_float" | tee "$tmp/lines" || status=$?
expect_equal 'every float was tried' "$status $(grep -c '^ok' "$tmp/lines")" \
  "0 $(wc -l <"$tmp/lines")"

all_cases_ok
