#!/usr/bin/env bash
# The same program runs on processors of 2006 and 2008 that have neither AVX nor FMA, as qemu plays
# them: any wider instruction outside its kernels would end it.
# On its own: tests/scripts/full/check_old_cpu.sh
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"

if [[ $(uname -m) != x86_64 ]] || ! command -v qemu-x86_64 >/dev/null; then
  skip 'the program on an old processor: needs x86-64 and qemu-x86_64'
  all_cases_ok
  exit
fi

# --- The emulator: it ends a program that uses what the processor lacks ---

cat >planted.c <<'END_OF_C'
#include <immintrin.h>
#include <stdio.h>
__attribute__((target("avx2,fma"))) int main(int argc, char** argv) {
  __m256 x = _mm256_set1_ps((float)argc);
  printf("%f\n", _mm256_cvtss_f32(_mm256_fmadd_ps(x, x, x)));
}
END_OF_C
gcc -O1 planted.c -o planted
for processor in Conroe Penryn; do
  status=0
  { qemu-x86_64 -cpu "$processor" ./planted >planted.log 2>&1 || status=$?; } 2>/dev/null
  expect_equal "$processor: an AVX2 instruction ends a program" "$((status > 128))" 1
done

# --- The program ---

for processor in Conroe Penryn; do
  wrap_app "$processor" "$app" qemu-x86_64 -cpu "$processor"
  old=$tmp/$processor
  "$old" info >info.txt
  expect_equal "$processor: info knows what there is" \
    "$(sed -n 's/^instruction sets *//p; s/^chosen *\([a-z0-9]*\) .*/\1/p' info.txt | xargs)" \
    'scalar, sse2 sse2'
  for isa in scalar sse2; do
    expect_equal "$processor: HANDGRAD_ISA=$isa is honoured" \
      "$(HANDGRAD_ISA=$isa "$old" info | sed -n 's/^chosen *\([a-z0-9]*\) .*/\1/p')" "$isa"
  done
  for isa in avx2 avx512 neon; do
    status=0
    HANDGRAD_ISA=$isa "$old" info >out 2>err || status=$?
    expect_equal "$processor: HANDGRAD_ISA=$isa is refused" "$status $(wc -c <out) $(<err)" \
      "2 0 mnist_vae: environment variable HANDGRAD_ISA: no such instruction set here: found $isa, expected one of scalar, sse2"
  done
done

walk_through "$tmp/Conroe" "$tmp/walk"

# --- Its bits are those of the same kernels here ---

readonly kDigits=(train --data "$root/apps/mnist_vae/sample" --hidden 32 --epochs 1 --threads 2 --quiet)
"$tmp/Conroe" "${kDigits[@]}" --out old >/dev/null
HANDGRAD_ISA=sse2 "$app" "${kDigits[@]}" --out new >/dev/null
expect_equal 'SSE2 computes the same weights on an old processor and on this one' \
  "$(sha256sum <old/model.safetensors)" "$(sha256sum <new/model.safetensors)"

# --- The tests ---

for room in layers losses optim; do
  test_room "$built" conroe "$room"
done
test_room "$built" conroe core \
  '--test-case=names and*,scalar is*,selecting*,an instruction set*,philox*,parallel*,sparse:*refused,the epilogue*,accumulating*'
test_room "$built" penryn kernels '--test-case-exclude=*over all floats*,*moments*'

all_cases_ok
