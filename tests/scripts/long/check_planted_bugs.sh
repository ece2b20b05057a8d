#!/usr/bin/env bash
# Every planted bug is noticed.
set -euo pipefail
PLANTED_BUGS=all exec bash "$(dirname "${BASH_SOURCE[0]}")/../full/check_planted_bugs.sh" "$@"
