#!/usr/bin/env bash
# No data race, with 2, 4 and 8 threads, in what uses threads. clang and libomp with Archer: the
# detector does not know the barriers of libgomp.
# On its own: tests/scripts/full/check_races.sh
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"

readonly kThreads='2 4 8' kBanner='Archer detected OpenMP application with TSan'
export OMP_TOOL_LIBRARIES=/usr/lib/llvm-14/lib/libarcher.so ARCHER_OPTIONS=verbose=1
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1

# --- The detector, on a program with a race and without ---

clang++-14 -g -O1 -fsanitize=thread -fopenmp "$root/tests/machines/planted_race.cpp" -o planted
# detect ARGUMENT...: prints the exit status and what was said, shortened.
detect() {
  local code=0
  ./planted "$@" >planted.log 2>&1 || code=$?
  echo "$code $(grep -cF "$kBanner" planted.log) $(grep -cF 'WARNING: ThreadSanitizer: data race' planted.log)"
}
for threads in $kThreads; do
  export OMP_NUM_THREADS=$threads
  expect_equal "$threads threads: a planted race is reported" "$(detect race)" '66 1 1'
  expect_equal "$threads threads: loops without one are not" "$(detect)" '0 1 0'
done

# --- The library and the app ---

readonly kRooms=(core layers losses optim app)
CC=clang-14 CXX=clang++-14 build_variant races "${kRooms[@]}" -- \
  "${kChecked[@]}" -Db_sanitize=thread

# Without what takes minutes in a slow program and has no threads of its own.
readonly kSlow='philox*,normals*,every permutation*,*complex-step*,uniform numbers*,*learned by heart*'
for threads in $kThreads; do
  export OMP_NUM_THREADS=$threads
  for room in "${kRooms[@]}"; do
    test_room "$variant" races "$room" "--test-case-exclude=$kSlow"
    expect "$room, $threads threads: the detector knew OpenMP" \
      grep -qF "$kBanner" "$variant/meson-logs/testlog-races.txt"
  done
done
unset ARCHER_OPTIONS # its banner is no warning
walk_through "$variant/apps/mnist_vae/mnist_vae" "$tmp/walk"

all_cases_ok
