#!/usr/bin/env bash
# Also in builds for debugging the kernels are optimised, and share nothing with one another or with
# the rest: what the ordinary build is tested for holds there, too.
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"

build_variant debug -- --buildtype=debug

for check in check_kernel_symbols check_kernel_spills; do
  code=0
  bash "$root/tests/scripts/$check.sh" "$variant" >cases.txt 2>&1 || code=$?
  sed 's/^\(ok\|not ok\|skip\) - /&in a debug build, /' cases.txt
  [[ $code == 0 ]] || failed_cases=$((failed_cases + 1))
done

all_cases_ok
