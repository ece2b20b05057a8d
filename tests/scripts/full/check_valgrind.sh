#!/usr/bin/env bash
# valgrind finds no invalid access, no decision on an unset value and no leak in the ordinary build.
# It hides AVX-512 from the program, so these are the AVX2 kernels: no sanitizer sees what intrinsics
# load of a vector beyond what is then used. Its fma may give a zero the other sign, so nothing that
# compares bits is run.
# On its own: tests/scripts/full/check_valgrind.sh
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"

if [[ $(uname -m) != x86_64 ]]; then
  skip 'valgrind on the AVX2 kernels' 'not an x86-64 processor'
  all_cases_ok
  exit
fi
readonly memcheck=(valgrind --quiet --error-exitcode=99 --leak-check=full
  --errors-for-leak-kinds=definite --show-leak-kinds=definite)

g++ -g -O1 "$root/tests/machines/planted_errors.cpp" -o planted
planted() {
  local code=0
  "${memcheck[@]}" ./planted "$@" >planted.log 2>&1 || code=$?
  echo "$code"
}
expect_equal 'a program without a mistake passes' "$(planted)" 0
for mistake in overrun leak uninitialised; do
  expect_equal "a planted mistake is found: $mistake" "$(planted $mistake)" 99
done

wrap_app masked "$app" "${memcheck[@]}"
expect_equal 'AVX2 is what is chosen there' \
  "$(./masked info | sed -n 's/^chosen *\([a-z0-9]*\) .*/\1/p')" avx2

test_room "$built" valgrind kernels '--test-case=activation_*,reparameterize*,*for every length*,*handle every length*,sum_*,scale*,sgd:*' \
  '--test-case-exclude=*same bits*,sum_squares adds*,sum_rows adds*'
test_room "$built" valgrind layers '--test-case=gaussian latent: z*,initialisers*,*refused*,sequential*'
test_room "$built" valgrind losses '--test-case-exclude=*same bits*'
test_room "$built" valgrind optim '--test-case-exclude=*bit for bit*,*bits of one pass*'
# valgrind takes memory beside the program's, so nothing that counts it is run.
test_room "$built" valgrind io '--test-case=*refused*,*png*,*gzip*,*safetensors*' \
  '--test-case-exclude=*held in memory*'
walk_through "$tmp/masked" "$tmp/walk"

all_cases_ok
