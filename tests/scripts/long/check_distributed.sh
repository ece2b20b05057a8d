#!/usr/bin/env bash
# One of several ranks is killed at 20 random moments, and nothing is lost.
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"
# shellcheck source=tests/scripts/support/kills.sh
source "$root/tests/scripts/support/kills.sh"
# shellcheck source=tests/scripts/support/ranks.sh
source "$root/tests/scripts/support/ranks.sh"

kill_ranks 20

all_cases_ok
