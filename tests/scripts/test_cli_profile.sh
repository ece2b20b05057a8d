#!/usr/bin/env bash
# mnist_vae train --profile and --trace, and HANDGRAD_VERBOSE: what they write, and that they change
# no bit of the weights.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 1
readonly kTrain=(train --data data --epochs 2 --batch-size 20 --hidden 16 --threads 2 --quiet)
weights() { sha256sum <"$1/model.safetensors"; }

run "${kTrain[@]}" --out plain
expect_equal 'a plain run has no table' "$status $(grep -c '^all ops' out)" '0 0'

run "${kTrain[@]}" --out profiled --profile --trace trace.json
expect_equal 'a profiled run ends well and without a warning' "$status $(<err)" '0 '
expect_equal 'the weights are the same' "$(weights profiled)" "$(weights plain)"
# 96 images in batches of 20, twice.
expect_equal 'the table counts the steps' \
  "$(sed -n 's/^profile of \([0-9]*\) training steps.*/\1/p' out)" 10
for op in gemm_nn gemm_nt 'gemm_tn+adam' bce_with_logits kl_divergence reparameterize \
  reparameterize_backward gather_sparse prepare_batch activation_backward sum_rows 'all ops'; do
  expect_equal "the table has a row for $op" "$(grep -cF "$op " out | sed 's/[1-9].*/some/')" some
done
run "${kTrain[@]}" --out dense --profile --sparsity off
expect_equal 'without sparsity, too' "$status $(grep -cE '^(load_pixels|fill_noise) ' out)" '0 2'
run "${kTrain[@]}" --out profiled --overwrite --profile
for layer in encoder.0 head decoder.0 decoder.1; do
  expect_equal "the table has a row for the layer $layer" "$(grep -c "^$layer " out)" 1
done
expect_equal 'the table names what lies outside the steps' \
  "$(grep -c '^outside the steps: checkpoint .* ms, pictures .* ms, validation .* ms$' out)" 1

expect_equal 'the trace is JSON' "$(python3 -c '
import json
events = json.load(open("trace.json"))["traceEvents"]
steps = [e for e in events if e["name"] == "training step"]
print(len(steps), sorted({e["ph"] for e in events}))')" "10 ['M', 'X']"

run "${kTrain[@]}" --out unwritable --trace nowhere/trace.json
expect_equal 'a trace that cannot be written is found before training' \
  "$status $(wc -l <err) $(grep -c nowhere/trace.json err)" '4 1 1'
expect_equal 'and leaves no run behind' "$([[ -e unwritable/model.safetensors ]] || echo none)" none
run "${kTrain[@]}" --out x --profile=1
expect_equal '--profile takes no value' "$status $(wc -l <err)" '2 1'

HANDGRAD_VERBOSE=1 run "${kTrain[@]}" --out verbose
expect_equal 'verbose: the weights are the same' "$status $(weights verbose)" "0 $(weights plain)"
expect_equal 'verbose: every line is an op' "$(grep -vcE \
  '^handgrad [a-z_+]+:[0-9x]+(:[0-9.]+)? (scalar|sse2|avx2|avx512|neon) threads:2 [0-9.]+ ms( [0-9.]+ GFLOP/s)?( [a-z0-9.]+)?$' \
  err || true)" 0
expect_equal 'verbose: the products of ten steps' "$(grep -c ' gemm_tn+adam:.* decoder.1$' err)" 10
HANDGRAD_VERBOSE=1 run encode verbose --data data
expect_equal 'verbose: standard output has data alone' "$status $(grep -c ^handgrad out)" '0 0'
HANDGRAD_VERBOSE=yes run info
expect_equal 'verbose: another value is refused' "$status $(<err)" \
  "2 mnist_vae: HANDGRAD_VERBOSE: bad value: found 'yes', expected 0 or 1"

all_cases_ok
