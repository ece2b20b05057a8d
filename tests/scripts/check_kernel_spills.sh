#!/usr/bin/env bash
# The sums of a product must stay in registers while k runs. A compiler that runs out of them, or of
# insight, keeps them on the stack instead, silently and at a third of the speed.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

# loops FILE PATTERN: for each function of the object whose name matches, one line with the number of
# multiplications in its innermost loops, the number of vectors that those load from or store to the
# stack, and the name. A loop is what a backward jump closes; one without a multiplication is none.
loops() {
  objdump -d --no-show-raw-insn -C "$1" | awk -v pattern="$2" '
    function report(   i, j, start, inner, here, stack, multiplications, spills) {
      multiplications = spills = 0
      for (i = 1; i <= count; ++i) {
        if (!(target[i] in line) || (start = line[target[i]]) > i) continue
        inner = 1
        for (j = start; j < i; ++j)
          if ((target[j] in line) && line[target[j]] <= j && line[target[j]] >= start) inner = 0
        if (!inner) continue
        here = stack = 0
        for (j = start; j <= i; ++j) {
          here += text[j] ~ /(fmadd|mul)[0-9]*ps/
          stack += text[j] ~ /%[xyz]mm/ && text[j] ~ (frame ? "\\(%r[sb]p[,)]" : "\\(%rsp[,)]")
        }
        multiplications += here
        if (here > 0) spills += stack
      }
      if (name ~ pattern) print multiplications, spills, name
    }
    function clear() { count = frame = 0; split("", line); split("", text); split("", target) }
    /^[0-9a-f]+ <.*>:$/ { if (name != "") report(); clear(); name = $0; next }
    /^ +[0-9a-f]+:/ {
      ++count
      address = $1
      sub(/:$/, "", address)
      line[address] = count
      text[count] = $0
      if (/mov +%rsp,%rbp/) frame = 1  # else rbp is a pointer like any other
      target[count] = $2 ~ /^j/ ? $3 : "none"
    }
    END { if (name != "") report() }'
}
spilling() { loops "$1" "$2" | awk '$2 > 0'; }
idle() { loops "$1" "$2" | awk '$1 == 0'; }

if [[ $(uname -m) != x86_64 ]]; then
  skip 'the loops of the kernels' 'reads x86-64 instructions'
  all_cases_ok
  exit
fi

# --- The checker, on two functions of which one keeps its sums on the stack ---
cat >"$tmp/planted.s" <<'END'
  .text
  .globl kept
kept:
1: mulps (%rdi), %xmm1
  addps %xmm1, %xmm0
  dec %rsi
  jne 1b
  movaps %xmm0, -16(%rsp)
  ret
  .globl spilled
spilled:
2: mulps (%rdi), %xmm1
  addps -16(%rsp), %xmm1
  movaps %xmm1, -16(%rsp)
  dec %rsi
  jne 2b
  ret
END
"${CC:-gcc}" -c "$tmp/planted.s" -o "$tmp/planted.o"
expect_equal 'sums on the stack are found' "$(spilling "$tmp/planted.o" . | sed 's/[0-9a-f]* <\(.*\)>:/\1/')" \
  '1 2 spilled'
expect_equal 'every loop is seen' "$(loops "$tmp/planted.o" . | wc -l) $(idle "$tmp/planted.o" . | wc -l)" '2 0'

# --- The kernels. Scalar code has more sums than registers. ---
for isa in sse2 avx2 avx512; do
  library=$build/core/kernels/libkernels_$isa.a
  if [[ ! -e $library ]]; then
    skip "$isa: sums stay in registers" 'not built'
    continue
  fi
  # A sparse panel that is not whole gathers its last vector on the stack where there is no mask.
  kernels='multiply_tile<|multiply_lists<.*, true>'
  expect "$isa: the kernels are found" test "$(loops "$library" "$kernels" | wc -l)" -ge 10
  expect_equal "$isa: every kernel's loop multiplies" "$(idle "$library" "$kernels")" ''
  expect_equal "$isa: sums stay in registers" "$(spilling "$library" "$kernels")" ''
done

all_cases_ok
