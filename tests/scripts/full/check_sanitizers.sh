#!/usr/bin/env bash
# No address error, no leak and no undefined behaviour in the test executables, nor in mnist_vae.
# On its own: tests/scripts/full/check_sanitizers.sh
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"

# --- The sanitizers, on one mistake of each kind ---

g++ -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
  "$root/tests/machines/planted_errors.cpp" -o planted
# planted [MISTAKE]: how the program ended, and the first thing that was said about it.
planted() {
  local code=0
  ./planted "$@" >/dev/null 2>planted.log || code=$?
  echo "$code $(grep -oEm 1 'heap-buffer-overflow|detected memory leaks|signed integer overflow' planted.log || true)"
}
expect_equal 'a program without a mistake passes' "$(planted)" '0 '
expect_equal 'a planted overrun is reported' "$(planted overrun)" '1 heap-buffer-overflow'
expect_equal 'a planted leak is reported' "$(planted leak)" '1 detected memory leaks'
expect_equal 'planted undefined behaviour is reported' "$(planted overflow)" '1 signed integer overflow'

# --- The library and the app ---

readonly kRooms=(support kernels core io layers losses optim allocations app)
build_variant sanitizers "${kRooms[@]}" -- \
  "${kChecked[@]}" -Db_sanitize=address,undefined

# Without what takes minutes here: tests/scripts/long/check_sanitizers.sh.
for room in "${kRooms[@]}"; do
  test_room "$variant" sanitizers "$room" \
    '--test-case-exclude=*over all floats*,checkpoint: cut anywhere*'
done
walk_through "$variant/apps/mnist_vae/mnist_vae" "$tmp/walk"

all_cases_ok
