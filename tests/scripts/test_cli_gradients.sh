#!/usr/bin/env bash
# mnist_vae check-gradients: any model is proven as it is configured, new or trained.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
export HANDGRAD_DATA=data

# proven WHAT ROWS ARGUMENT...: check-gradients succeeds with so many rows, all ok.
proven() {
  local what=$1 rows=$2
  shift 2
  run check-gradients "$@"
  expect_equal "$what" "$status $(grep -c ' ok$' out) $(tail -n 1 out)$(<err)" \
    "0 $rows Every gradient is proven."
}
proven 'the default model' 22
for activation in linear relu tanh sigmoid; do
  for loss in bce bce-probabilities mse; do
    proven "$activation and $loss" 30 --hidden 20,9 --latent 3 --activation $activation \
      --recon-loss $loss --beta 0.5
  done
done
proven 'without a KL divergence' 10 --hidden 20 --beta 0
proven 'every parameter' 22 --hidden 20 --all
expect_equal 'is compared: every row says all' "$(grep -c ' all ' out)" 22

run train --out run --epochs 2 --batch-size 16 --hidden 20,9 --latent 3 --activation tanh --recon-loss mse
proven 'a trained model' 30 run
proven 'a trained model on other threads and data' 30 run --threads 1 --data "$PWD/data"
run check-gradients run --beta 3
expect_equal 'a run has its own options' "$status $(grep -c '^mnist_vae: --beta: ' err)" '2 1'
run check-gradients nowhere
expect_equal 'no run' "$status $(wc -l <err)" '3 1'
run check-gradients --all=yes
expect_equal '--all takes no value' "$status $(grep -c '^mnist_vae: --all: ' err)" '2 1'
rm -- run/options.toml
run check-gradients run
expect_equal 'a run without its options cannot be checked as configured' \
  "$status $(grep -c 'options.toml' err)" '3 1'

all_cases_ok
