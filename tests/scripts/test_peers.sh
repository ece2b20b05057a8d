#!/usr/bin/env bash
# tests/peers: the tables made of recorded results, and the command without any peer. None is needed.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

readonly peers=$root/tests/peers results=$tmp/results

# --- Results ---

# The folder of the program $3 in the section $1 on $2 threads.
program() {
  local folder=$results/$1/$2/$3
  mkdir -p -- "$folder"
  echo "$folder"
}
# trained PROGRAM ROUND LOSS SECONDS...: epochs of a peer, on one thread; the last has the loss.
trained() {
  local seconds losses
  seconds=$(printf ', %s' "${@:4}")
  losses=$(printf '200, %.0s' "${@:5}")
  echo "{\"version\": \"$1 1.0\", \"losses\": [$losses$3], \"seconds\": [${seconds#, }]}" \
    >"$(program train/784-8-2 1 "$1")/$2.json"
}
# ours PROGRAM ROUND LOSS SECONDS...: the same, as mnist_vae logs it.
ours() {
  local second epoch=0
  {
    echo epoch,step,loss,val_loss,seconds
    for second in "${@:4}"; do echo "$((++epoch)),$epoch,$3,100,$second"; done
  } >"$(program train/784-8-2 1 "$1")/$2.csv"
}
# multiplied PROGRAM ROUND CONTEXT GFLOPS...: the five products, on two threads.
multiplied() {
  local name sep='' file
  file=$(program gemm/avx2 2 "$1")/$2.json
  {
    echo "{\"context\": {$3}, \"benchmarks\": ["
    for name in nn:128x512x784 nn:128x784x512 nt:128x512x784 \
      tn:512x784x128 tn:784x512x128; do
      echo "$sep{\"name\": \"gemm_$name/avx2/threads:2/real_time\", \"GFLOP/s\": $4}"
      sep=,
      shift
    done
    echo ']}'
  } >"$file"
}
failed() { echo "$4" >"$(program "$1" "$2" "$3")/${5:-1}.error"; }
fresh() {
  rm -rf -- "$results"
  mkdir -p -- "$results"
  printf '%s\n' 'processor=A Processor (model 7)' 'handgrad=0.1.0' 'load=0.25' >"$results/machine"
}
tables() {
  status=0
  output=$(python3 -B "$peers/table.py" "$results" 2>&1) || status=$?
}
# expect_line WHAT LINE: the output has the line.
expect_line() {
  if grep -qxF -- "$2" <<<"$output"; then ok "$1"; else not_ok "$1" "expected: $2
in:
$output"; fi
}

readonly unsteady='- unsteady, quartiles more than 10 % apart (was something else running? Repeat it, with more rounds)'

# --- Training ---

fresh
ours handgrad 1 150.25 9 1.0 1.2
ours handgrad 2 150.75 9 1.1 1.3
trained torch-eager 1 151 9 2.3 2.3
trained jax-step 1 150 60 3.0 4.0
trained torch-bf16 1 150 9 0.5 0.7
tables
expect_equal 'complete results: status 0' "$status" 0
expect_line 'the heading names network and threads' '## Training 784-8-2, 1 thread'
expect_line 'and below it processor, rounds, versions and load' \
  "A Processor (model 7). 1 thread, 2 rounds, median of epochs 2 to 3. handgrad 0.1.0; jax-step 1.0; \
torch-bf16 1.0; torch-eager 1.0. Load average before: 0.25."
expect_equal 'the fastest comes first' \
  "$(sed -n 's/^| \([^|]*\) | [0-9].*/\1/p' <<<"$output")" \
  'PyTorch compiled, fused Adam, bf16 (other numbers)
**handgrad**
PyTorch eager
JAX, a jitted step a call'
expect_line 'ours: median without the first epochs, quartiles, loss in the middle of the rounds' \
  '| **handgrad** | 1.150 | 13 % | 0.50 | - | 150.50 |'
expect_line 'a peer: how much slower than the fastest fp32 peer, and than ours' \
  '| JAX, a jitted step a call | 3.500 | 14 % | 1.52 | 3.04 | 150.00 |'
expect_line 'the factor against the fastest fp32 peer; bf16 is none' \
  '- handgrad is 2.00 times as fast as the fastest fp32 peer, PyTorch eager'

expect_line 'programs with unsteady times are pointed out' \
  "$unsteady: **handgrad**; JAX, a jitted step a call; PyTorch compiled, fused Adam, bf16 (other numbers)"

failed train/784-8-2 1 keras-jax $'not installed |\n(see there)'
failed train/784-8-2 1 jax-step 'ended with status 1: boom' 2
trained torch-compiled 1 153 9 2.5 2.5
tables
expect_equal 'something is missing: status 3' "$status" 3
expect_line 'a missing peer has a row' '| Keras on JAX, fit | - | - | - | - | - |'
expect_line 'and its reason, in one line' '- missing: Keras on JAX, fit: not installed | (see there)'
expect_line 'a round that failed is told from the others' \
  '- missing: JAX, a jitted step a call: ended with status 1: boom (1 of 2 rounds)'
expect_line 'a loss that is too far from ours is pointed out' \
  "- not the same work? The loss of PyTorch compiled, fused Adam is +2.50 nats from handgrad's"

fresh
ours handgrad 1 150 9 1
trained torch-eager 1 150 9
echo '{"version": ' >"$(program train/784-8-2 1 jax-step)/1.json"
: >"$(program train/784-8-2 1 jax-epoch)/1.error"
program train/784-8-2 1 keras-jax >/dev/null
tables
expect_equal 'damaged results: status 3' "$status" 3
expect_equal 'and every one is named' "$(grep -oE 'missing: [A-Z][^:]*: .{1,9}' <<<"$output")" \
  'missing: PyTorch eager: 1.json ca
missing: Keras on JAX, fit: no result
missing: JAX, a jitted step a call: 1.json ca
missing: JAX, an epoch a call: failed'

# --- Products ---

fresh
multiplied handgrad 1 '' 100 100 100 100 100
multiplied handgrad 2 '' 120 100 100 100 100
multiplied handgrad 3 '' 110 100 100 100 100
multiplied onednn 1 '"library": "oneDNN 2.6.3", "kernels": "avx2"' 100 50 100 200 100
multiplied openblas 1 '"library": "OpenBLAS 0.3", "kernels": "Haswell"' 55 50 50 50 50
tables
expect_equal 'products: status 0' "$status" 0
expect_line 'the heading names instruction set and threads' \
  '## Products of 784-512-2, avx2, 2 threads'
expect_line 'a product: medians, quartiles and ratios' \
  '| X W1 (NN 128x512x784) | 110.0 9 % | 100.0 | 55.0 | 1.10 | 2.00 |'
expect_line 'the geometric means of the ratios' '| geometric mean |  |  |  | **1.02** | **2.00** |'

expect_equal 'and nothing below, if nothing is missing and all is steady' "$(tail -n 1 <<<"$output")" \
  '| geometric mean |  |  |  | **1.02** | **2.00** |'

multiplied handgrad 4 '' 200 100 100 100 100
multiplied handgrad 5 '' 200 100 100 100 100
tables
expect_line 'a library with unsteady products is pointed out' \
  "$unsteady: handgrad"
rm -- "$results/gemm/avx2/2/handgrad/"[45].json

rm -- "$results/gemm/avx2/2/onednn/1.json"
failed gemm/avx2 2 onednn 'not installed'
tables
expect_equal 'a missing library: status 3' "$status" 3
expect_line 'its column is empty, the others stay' \
  '| X W1 (NN 128x512x784) | 110.0 9 % | - | 55.0 | - | 2.00 |'
expect_line 'and its reason is said' '- missing: oneDNN: not installed'

fresh
tables
expect_equal 'no results: status 1 and one line' "$status|$output" \
  "1|table: $results: found no result, expected train/ or gemm/"
rm -- "$results/machine"
tables
expect_equal 'no folder of results: status 1 and one line' "$status|$output" \
  "1|table: $results/machine: No such file or directory"

# --- The command ---

# measure ARGUMENT...: runs the command with an empty folder of peers and the bundled digits.
measure() {
  status=0
  output=$(HANDGRAD_DATA=$root/apps/mnist_vae/sample HANDGRAD_BUILD=$build \
    "$peers/run.sh" --peers "$tmp/no peers" "$@" 2>"$tmp/progress") || status=$?
}
for wrong in '--rounds 0' '--rounds x' '--epochs 1' '--nets 512-2' '--threads 0' '--threads 9999' \
  '--only tensorflow' '--rounds' '--quick'; do
  # shellcheck disable=SC2086
  measure $wrong
  expect_equal "$wrong: wrong usage, in one line" "$status|$output|$(wc -l <"$tmp/progress")" '2||1'
done

if [[ $("$build/apps/mnist_vae/mnist_vae" info | awk '/^build / { print $2 }') == release ]]; then
  measure --only torch-eager --nets 784-8-2 --threads 1 --rounds 2 --epochs 2 --out "$tmp/tables.md"
  expect_equal 'ours trains, the peer is missing: status 3' "$status" 3
  expect_equal 'ours has a time' "$(grep -cE '^\| \*\*handgrad\*\* \| [0-9.]+ ' <<<"$output")" 1
  expect_line 'the peer has a reason' \
    '- missing: PyTorch eager: not installed (tests/peers/install.sh)'
  expect_equal 'the file has the same tables' "$(<"$tmp/tables.md")" "$output"
else
  skip 'the command: the build is not a release build'
fi

python3 - "$peers"/*.py >"$tmp/syntax" 2>&1 <<'END' || true
import sys
for path in sys.argv[1:]:
    try:
        compile(open(path, encoding="utf-8").read(), path, "exec")
    except SyntaxError as e:
        print(f"{path}:{e.lineno}: {e.msg}")
END
expect_empty 'the Python files are free of syntax errors' "$(<"$tmp/syntax")"

all_cases_ok
