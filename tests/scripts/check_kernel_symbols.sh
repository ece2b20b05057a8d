#!/usr/bin/env bash
# Each instruction set's object exports one symbol, its table. A function that two of them shared, or
# shared with the rest of a program, could be linked in the copy with instructions that the processor
# does not have.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

# symbols TYPES FILE: the names of the defined, external symbols of these nm types.
symbols() {
  nm --demangle --defined-only --extern-only "$2" |
    sed -nE "s/^[0-9a-f]+ [$1] (.*)$/\1/p" | sort -u
}
strong_symbols() { symbols ABCDGRST "$1"; }
# Without xsimd's names for the intrinsics of NEON, which every aarch64 has and any object may share.
weak_symbols() { symbols uvVwW "$1" | grep -v '^xsimd::kernel::wrap::v' || true; }

# Weak symbols that name no instruction set, and so may exist elsewhere too.
untagged_symbols() { weak_symbols "$1" | grep -vE 'ScalarArch|xsimd::(sse2|avx2|fma3|avx512|neon)' || true; }

compile() {
  echo "$2" >"$tmp/$1.cpp"
  "${CXX:-g++}" -c "$tmp/$1.cpp" -o "$tmp/$1.o"
}
compile planted 'extern const int table; const int table = 1; int helper() { return 2; }
  template <class T> T shared(T x) { return x; }
  template int shared(int);
  namespace xsimd { struct avx2 {}; }
  template xsimd::avx2 shared(xsimd::avx2);'
expect_equal 'a second exported symbol is found' "$(strong_symbols "$tmp/planted.o" | xargs)" \
  'helper() table'
expect_equal 'a weak symbol without the name of an instruction set is found' \
  "$(untagged_symbols "$tmp/planted.o")" 'int shared<int>(int)'

: >"$tmp/weak"
for library in "$build"/core/kernels/libkernels_*.a; do
  isa=${library##*/libkernels_}
  isa=${isa%.a}
  expect_equal "$isa exports its table alone" "$(strong_symbols "$library")" \
    "handgrad::kernels::${isa}_kernels"
  expect_empty "every weak symbol of $isa names its instruction set" "$(untagged_symbols "$library")"
  weak_symbols "$library" >>"$tmp/weak"
done
expect_empty 'no weak symbol is in two instruction sets' "$(sort "$tmp/weak" | uniq -d)"

# --- What was linked ---

# wide_functions FILE: the functions with instructions of AVX or later; the names of all of these
# begin with a v, and of what compilers write for the first x86-64 processors, none does.
wide_functions() {
  objdump -d --no-show-raw-insn -C "$1" |
    awk '/^[0-9a-f]+ <.*>:$/ { name = $0 } $2 ~ /^v/ && !seen[name]++ { print name }'
}
untagged_functions() { wide_functions "$1" | grep -vE 'xsimd::(avx2|fma3|avx512)' || true; }

if [[ $(uname -m) == x86_64 ]]; then
  compile narrow 'float multiply(float a, float b) { return a * b; }'
  compile wide '__attribute__((target("avx2"))) float multiply(float a, float b) { return a * b; }'
  expect_equal 'a function with wide instructions is found' \
    "$(untagged_functions "$tmp/narrow.o" | wc -l) $(untagged_functions "$tmp/wide.o" | wc -l)" '0 1'
  program=$build/apps/mnist_vae/mnist_vae
  if [[ -x $program ]]; then
    expect "mnist_vae has functions for AVX2 and AVX-512" \
      test "$(wide_functions "$program" | grep -oE 'xsimd::(avx2|avx512)' | sort -u | wc -l)" = 2
    expect_empty 'and wide instructions in no other function' "$(untagged_functions "$program")"
  fi
fi

all_cases_ok
