#!/usr/bin/env bash
# clang builds the project without a warning, and what it builds computes the same bits as what g++
# built: the weights after some steps of training, along every path.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

readonly clang_build=$tmp/clang
expect 'meson takes clang' env CXX=clang++-14 meson setup "$clang_build" "$root" \
  --buildtype=release -Dtests=disabled
status=0
ninja -C "$clang_build" apps/mnist_vae/mnist_vae >log 2>&1 || status=$?
expect_equal 'clang builds the app' "$status $(grep -m1 'error:' log || true)" '0 '
expect_empty 'without a warning' "$(grep 'warning:' log || true)"

# digests APP: those of the weights along every path.
digests() {
  "$1" verify-determinism --steps 20 | awk '$7 == "equal" { print $1, $2, $3, $4, $5, $6 }'
}
digests "$app" >gcc.txt
digests "$clang_build/apps/mnist_vae/mnist_vae" >clang.txt
expect_equal 'the paths have weights to compare' "$([[ -s gcc.txt ]] && echo some)" some
expect_equal 'clang computes the bits of g++ on every path' "$(<clang.txt)" "$(<gcc.txt)"

all_cases_ok
