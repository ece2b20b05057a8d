#!/usr/bin/env bash
# The tests notice every one of the bugs that are planted for them. A second argument takes
# those with this text in their names.
set -euo pipefail
# shellcheck source=tests/scripts/support/planted_bugs.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/planted_bugs.sh"

check_planted_bugs 1 "${2-}"

all_cases_ok
