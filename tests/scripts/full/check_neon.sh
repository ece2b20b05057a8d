#!/usr/bin/env bash
# The NEON kernels compile for aarch64, without a warning, and export their table alone.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"

# xsimd is headers alone, the same for every processor; the rest of /usr/include is not.
mkdir -- "$tmp/include"
ln -s "$(pkg-config --variable=includedir xsimd)/xsimd" "$tmp/include/xsimd"

# compile SOURCE [FLAG...]
compile() {
  aarch64-linux-gnu-g++ -std=c++20 -O3 -Wall -Wextra -Werror -ffp-contract=off "${@:2}" \
    -isystem "$tmp/include" -c "$root/$1" -o "$tmp/object.o"
}
expect 'the run-time choice compiles for aarch64' compile core/isa.cpp
expect 'the scalar kernels compile for aarch64' compile core/kernels/isa_scalar.cpp -fno-exceptions
expect 'the NEON kernels compile for aarch64' compile core/kernels/isa_neon.cpp -fno-exceptions
# Beside it there are weak copies of xsimd's names for NEON intrinsics, which any aarch64 may share.
expect_equal 'they export their table alone' \
  "$(aarch64-linux-gnu-nm --demangle --defined-only --extern-only "$tmp/object.o" |
    grep -v ' W xsimd::kernel::wrap::v' | cut -d ' ' -f 3-)" \
  'handgrad::kernels::neon_kernels'

all_cases_ok
