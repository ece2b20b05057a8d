#!/usr/bin/env bash
# mnist_vae check-gradients: any model is proven as it is configured, new or trained. And what train
# tells about gradients and numbers: --gradients, --check-numerics.
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
proven 'the default model' 24
for activation in linear relu tanh sigmoid; do
  for loss in bce bce-probabilities mse bce-clamped-logs continuous-bernoulli gaussian; do
    proven "$activation and $loss" 32 --hidden 20,9 --latent 3 --activation $activation \
      --recon-loss $loss --beta 0.5
  done
done
readonly kDeep=(--hidden '20,9' --latent 3)
proven 'several samples of z' 32 "${kDeep[@]}" --samples 3 --beta 0.5
proven 'free bits that some latents use up' 32 "${kDeep[@]}" --free-bits 0.01
proven 'free bits that no latent uses up' 32 "${kDeep[@]}" --free-bits 3
proven 'a KL weight that grows' 32 "${kDeep[@]}" --kl-warmup 4
proven 'the sum over a batch' 32 "${kDeep[@]}" --reduction sum --samples 2
proven 'a head of log sigma' 32 "${kDeep[@]}" --head log-sigma
for loss in bce bce-probabilities mse bce-clamped-logs continuous-bernoulli gaussian; do
  proven "the importance weighted bound of $loss" 16 "${kDeep[@]}" --objective iwae --samples 5 \
    --recon-loss $loss
done
proven 'the bound of one sample, as published' 16 "${kDeep[@]}" --activation tanh --objective iwae \
  --head log-sigma --reduction sum --adam iwae --lr-schedule iwae --output-bias data --shuffle off \
  --binarize dynamic --hold-out 5 --batch-size 20
proven 'without a KL divergence' 12 --hidden 20 --beta 0
proven 'every parameter' 24 --hidden 20 --all
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

# Terms that cancel do not make a gradient wrong.
readonly kCancels=(--epochs 40 --batch-size 16 --hidden 8 --latent 1 --lr 0.01 --beta 4)
for seed in 18 25; do
  run train --out "cancels.$seed" "${kCancels[@]}" --seed $seed
  proven "a gradient that cancels, seed $seed" 22 "cancels.$seed"
done
# A gradient that cannot be measured is neither wrong nor proven.
cp -R data black
{ header '\03' 96 6 5 && head -c 2880 /dev/zero; } >black/train-images-idx3-ubyte
run train --data black --out dark --epochs 2 --batch-size 16 --hidden 8
for arguments in dark '--data black --hidden 8'; do
  # shellcheck disable=SC2086
  run check-gradients $arguments
  expect_equal "black images: gradients of zero are right: $arguments" \
    "$status $(tail -n 1 out | sed 's/[0-9][0-9]* of [0-9]*/N of M/')$(<err)" \
    '0 No gradient is wrong; not measured: N of M rows, since all images are the same.'
done
run train --out dead --epochs 10 --batch-size 16 --hidden 10,8,6 --lr 1
run check-gradients dead
expect_equal 'ReLUs that nothing switches on: not wrong, but not proven' \
  "$status $(grep -c FAILED out) $(grep -c proven out) $(wc -l <err) $(
    grep -c '^mnist_vae: check-gradients: tensors could not be measured: found 15, the first encoder.0.weight: every value is zero, expected none$' err)" \
  '5 0 0 1 1'
run train --out asleep --epochs 8 --batch-size 16 --hidden 16 --lr 0.3
proven 'ReLUs that the images leave off, but others do not' 22 asleep
expect_equal 'are measured at those' "$(grep -c '^8 images made to switch ReLUs on, ' out)" 1

sed -i 's/^objective = .*/objective = "iwae"/; s/^beta = .*/beta = 2/' run/options.toml
run check-gradients run
expect_refused 'options of a run that contradict one another are a bad file' 3 run/options.toml \
  --beta 'importance weighted bound'
rm -- run/options.toml
run check-gradients run
expect_equal 'a run without its options cannot be checked as configured' \
  "$status $(grep -c 'options.toml' err)" '3 1'

# --- train --gradients ---

readonly kSmall=(--hidden 8 --batch-size 32)
run train --out parts "${kSmall[@]}" --epochs 4 --gradients parts.csv
expect_equal '--gradients: a row per step and latent, and one for all' \
  "$status $(awk -F , 'NR > 1 && NF == 9 { print $3 }' parts.csv | sort | uniq -c | tr -s ' \n' ' ')" \
  '0  12 0 12 1 12 all '
expect_empty 'norms are not negative, cosines between -1 and 1' "$(awk -F , 'NR > 1 {
  for (i = 4; i <= 9; ++i) if (i % 3 == 0 ? !($i >= -1.000001 && $i <= 1.000001) : !($i >= 0)) print }' \
  parts.csv)"
run train --out plain "${kSmall[@]}" --epochs 4
expect '--gradients changes no bit' cmp parts/model.safetensors plain/model.safetensors
run train --out again "${kSmall[@]}" --epochs 2 --gradients again.csv
run train --out again --resume --epochs 4 --gradients again.csv
expect 'a resumed run goes on with the file' cmp parts.csv again.csv
run train --out every "${kSmall[@]}" --epochs 4 --gradients every.csv --gradients-every 5
expect_equal '--gradients-every 5' "$(cut -d , -f 1 every.csv | sort -u | tr '\n' ' ')" '10 5 step '
run train --out bad "${kSmall[@]}" --gradients /dev/null/x
expect_equal 'a file that cannot be written is told before anything is trained' \
  "$status $(wc -l <err) $(find . -path './bad/*.safetensors')" '4 1 '

# --- train --check-numerics ---

run train --out checked "${kSmall[@]}" --epochs 4 --check-numerics
expect '--check-numerics changes no bit' cmp checked/model.safetensors plain/model.safetensors
run train --out burst "${kSmall[@]}" --epochs 4 --optimizer sgd --lr 3e38
expect_equal 'without it a loss that is not finite ends the run in that batch, with 5' \
  "$status $(grep -c ': the loss is not finite: ' err)" '5 1'
run train --out burst --overwrite "${kSmall[@]}" --epochs 4 --optimizer sgd --lr 3e38 \
  --check-numerics
expect_equal 'with it the first number that is not finite is named, with what it is made of' \
  "$status $(wc -l <err) $(grep -cE '^mnist_vae: epoch 1, batch [0-9]+: (output of|new value of|gradient of) [a-z.0-9]+ \[[0-9]+, [0-9]+\] is not finite; it is made of .*: found -?(inf|nan)' err)" \
  '5 1 1'

all_cases_ok
