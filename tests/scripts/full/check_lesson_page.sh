#!/usr/bin/env bash
# The page of `mnist_vae lesson` in headless Chromium: what moves, its gradients beside those of the
# C++, the keyboard, light and dark, a narrow screen.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

run lesson --output page.html
expect_equal 'the page is written' "$status" 0
# Cases as lines of the same form as here.
status=0
python3 "$root/tests/pages/lesson_page.py" page.html >cases 2>errors || status=$?
cat cases
failed_cases=$(grep -c '^not ok' cases || true)
if [[ $status != 0 ]]; then not_ok 'every case of the page was tried' "$(cat errors)"; fi

all_cases_ok
