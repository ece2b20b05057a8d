#!/usr/bin/env bash
# The tests notice bugs that are planted for them: a third of the list, throughout it. A second
# argument takes those with this text in their names.
set -euo pipefail
# shellcheck source=tests/scripts/support/planted_bugs.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/planted_bugs.sh"

check_planted_bugs 3 "${2-}"

all_cases_ok
