#!/usr/bin/env bash
# What tests/scripts/full/check_sanitizers.sh leaves out: the comparisons with PyTorch, the
# elementary functions over all floats and checkpoints cut anywhere, under the sanitizers.
# On its own: tests/scripts/long/check_sanitizers.sh
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"

build_variant sanitizers golden kernels app -- "${kChecked[@]}" -Db_sanitize=address,undefined
test_room "$variant" sanitizers golden
test_room "$variant" sanitizers kernels '--test-case=*over all floats*'
test_room "$variant" sanitizers app '--test-case=checkpoint: cut anywhere*'

all_cases_ok
