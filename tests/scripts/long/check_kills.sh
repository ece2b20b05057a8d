#!/usr/bin/env bash
# 1,000 kills at random moments lose nothing.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/scripts/support/kills.sh
source "$root/tests/scripts/support/kills.sh"

kill_rounds 1000

all_cases_ok
