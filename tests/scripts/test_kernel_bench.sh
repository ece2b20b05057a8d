#!/usr/bin/env bash
# kernel_bench: that it runs every op, takes back what HANDGRAD_VERBOSE prints, and draws. What the
# figures are is nobody's business here.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

bench=${app%/*/*}/kernel_bench/kernel_bench
if [[ ! -x $bench ]]; then
  skip 'kernel_bench is not built (no Google Benchmark)'
  exit 0
fi
# One instruction set and one thread are enough.
export OMP_NUM_THREADS=1
HANDGRAD_ISA=$("$app" info | sed -n 's/^chosen *\([a-z0-9]*\) .*/\1/p')
export HANDGRAD_ISA
# bench ARGUMENT...: sets status; what it wrote is in out and err.
bench() {
  status=0
  timeout 300 "$bench" "$@" >out 2>err </dev/null || status=$?
}
readonly kQuick=(--benchmark_min_time=0.001 '--benchmark_filter=/threads:1/')

# Every op of a training, as the app prints it.
make_data data 1
HANDGRAD_VERBOSE=1 run train --data data --epochs 1 --batch-size 20 --hidden 16 --quiet --out fused
cp err lines
HANDGRAD_VERBOSE=1 run train --data data --epochs 1 --batch-size 20 --hidden 16 --quiet --out plain \
  --fuse off --clip-norm 1 --optimizer sgd --sparsity off
cat err >>lines
HANDGRAD_VERBOSE=1 run sample fused --count 4
cat err >>lines
shapes=()
while IFS= read -r shape; do shapes+=(--shape "$shape"); done < <(
  sed -n 's/^handgrad \([^ ]*\) .*/\1/p' lines | sort -u)
bench "${shapes[@]}" "${kQuick[@]}" --benchmark_format=json
expect_equal '--shape takes every op that HANDGRAD_VERBOSE prints' "$status" 0
expect_equal 'its JSON has each of them, with a time' "$(python3 -c '
import json
names = {b["name"].split("/")[0] for b in json.load(open("out"))["benchmarks"] if b["real_time"] > 0}
print(len(names))')" $((${#shapes[@]} / 2))
expect_equal 'it says the limits of each instruction set' \
  "$(grep -cE '^[a-z0-9]+, threads:1: FMA peak [0-9.]+ GFLOP/s; reading L1 [0-9]+, L2 [0-9]+, beyond L2 [0-9]+ GB/s$' err)" \
  "$(grep -c ', threads:1: ' err)"

bench --benchmark_list_tests=true
expect_equal 'every op is a benchmark by default' \
  "$status $(grep -cE '^(gemm_nn:128x512x784|adam:1x807700|fill_noise:128x20)/.*/threads:1' out | sed 's/[1-9].*/some/')" '0 some'
bench --in-step --benchmark_list_tests=true
expect_equal '--in-step has the whole step and its ops' \
  "$(grep -cE '^in_step/784-(512-2|400-20)/(step|gemm_nn:.*/decoder.1|bce_with_logits:128x784)/[a-z0-9]+/threads:1' out | sed 's/[1-9].*/some/')" some

readonly kSmall=(--shape gemm_nn:8x32x16 --shape adam:1x1000)
bench "${kSmall[@]}" --sweep-threads
expect_equal '--sweep-threads has a row for each op' "$status $(grep -cE '^(gemm_nn|adam):.*x$' out)" '0 2'
bench "${kSmall[@]}" --roofline roofline.svg
expect_equal '--roofline draws a dot for each op' "$status $(python3 -c '
import xml.etree.ElementTree as tree
print(len(tree.parse("roofline.svg").findall(".//{*}circle")))')" '0 2'
bench "${kSmall[@]}" --roofline nowhere/roofline.svg
expect_equal 'a picture that cannot be written is an error' "$status $(grep -c nowhere/ err)" '4 1'

for bad in gemm_nn gemm_nn:1x2 adam:1x2x3 nothing:1x2 gemm_nn:0x1x1 ''; do
  bench --shape "$bad"
  expect_equal "--shape '$bad' is refused" "$status $(wc -l <err)" '2 1'
done
bench --no-such-option
expect_equal 'an unknown option is refused' "$status $(wc -l <err)" '2 1'
bench --help
expect_equal '--help explains' "$status $(grep -c -- --sweep-threads out | sed 's/[1-9].*/some/')" '0 some'

all_cases_ok
