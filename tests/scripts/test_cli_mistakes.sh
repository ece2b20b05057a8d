#!/usr/bin/env bash
# train --mistake: each classic mistake is made, is flagged in everything that comes out, and is
# caught by the check that it names.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
export HANDGRAD_DATA=data
readonly kSmall=(--hidden 12 --batch-size 16 --epochs 2)

# --- Caught ---

# failed_paths: the paths of the rows of check-gradients that failed, "training" among them.
failed_paths() {
  {
    sed -n '/FAILED: float is wrong$/p' out | cut -c 19-34 | sed 's/ *$//'
    sed -n 's/^\(training\): .*FAILED$/\1/p' out
  } | sort -u | tr '\n' ',' | sed 's/,/, /g; s/, $//'
}
# caught MISTAKE PATHS OPTION...: check-gradients ends with 6, and these paths have failed.
caught() {
  local mistake=$1 paths=$2
  shift 2
  run check-gradients --mistake "$mistake" "${kSmall[@]}" "$@"
  expect_equal "$mistake is caught by check-gradients${*:+, $*}" "$status $(failed_paths)" "6 $paths"
}
caught mean-bce 'recon, recon + kl, recon through z, training'
caught kl-over-pixels 'kl, recon + kl, training'
caught kl-sign 'kl, recon + kl, training'
caught sigma-as-logvar 'recon, recon + kl, recon through z, training'
caught no-noise 'recon, recon + kl, recon through z, training'
caught shared-noise training
caught stale-adam training
caught clip-grad training
for options in '--lr 1e-6' '--lr 1e-9' '--optimizer sgd --lr 1e-6'; do
  for mistake in stale-adam clip-grad shared-noise; do
    # shellcheck disable=SC2086 # options
    caught "$mistake" training $options
  done
done
run check-gradients --mistake test-on-mean "${kSmall[@]}"
expect_equal 'test-on-mean passes every gradient check' "$status $(failed_paths)" '0 '
run check-gradients "${kSmall[@]}"
expect_equal 'without a mistake nothing fails' "$status $(failed_paths)" '0 '

val_loss() { tail -n 1 "$1/log.csv" | cut -d , -f 6; }
evaluated() { "$app" evaluate "$1" 2>/dev/null | awk '$1 == "'"$2"'" { print $4 }'; }
nearly() { awk -v a="$1" -v b="$2" 'BEGIN { print (a - b < 1e-5 && b - a < 1e-5) }'; }
for mistake in none test-on-mean; do
  run train --out "$mistake" --mistake "$mistake" "${kSmall[@]}"
  expect_equal "$mistake: which line of evaluate repeats the val_loss of the log: sampled, mu" \
    "$(nearly "$(val_loss $mistake)" "$(evaluated $mistake sampled)") $(
      nearly "$(val_loss $mistake)" "$(evaluated $mistake mu)")" \
    "$(if [[ $mistake == none ]]; then echo 1 0; else echo 0 1; fi)"
done

# --- Made ---

# Every mistake trains to weights of its own, but the one that is made in validation alone.
for mistake in mean-bce kl-over-pixels kl-sign sigma-as-logvar no-noise shared-noise stale-adam \
  clip-grad; do
  run train --out "$mistake" --mistake "$mistake" "${kSmall[@]}" --gradients "$mistake.csv"
done
weights() { sha256sum <<<"$(tail -c 2000 "$1/model.safetensors" | od -A n -t x1)" | cut -d ' ' -f 1; }
expect_equal 'nine different trainings' "$(for run in */log.csv; do weights "${run%/*}"; done |
  sort -u | wc -l)" 9
expect_equal 'test-on-mean trains as nothing does' "$(weights test-on-mean)" "$(weights none)"
expect 'a mistake changes no bit of a fused step' \
  "$app" train --quiet --out fuse --mistake stale-adam "${kSmall[@]}" --fuse off
expect_equal 'fused or not' "$(weights fuse)" "$(weights stale-adam)"
"$app" train --quiet --out resumed --mistake stale-adam --hidden 12 --batch-size 16 --epochs 1 >out 2>err
run train --resume --out resumed --epochs 2
expect_equal 'a mistake is made again after a resume' "$status $(weights resumed)" \
  "0 $(weights stale-adam)"

# --- Flagged ---

run train --out kl-sign --overwrite --mistake kl-sign "${kSmall[@]}" --gradients kl-sign.csv
expect_equal 'on standard error, in the header and in the summary' \
  "$(grep -c '^mnist_vae: warning: MISTAKE kl-sign, made on purpose: ' err) $(
    grep -c '^MISTAKE kl-sign, made on purpose: ' out)" '1 2'
run train --out kl-sign --overwrite --mistake kl-sign "${kSmall[@]}" --quiet --gradients kl-sign.csv
expect_equal 'with --quiet in the summary' "$(grep -c '^MISTAKE kl-sign' out)" 1
expect 'in options.toml' grep -qx 'mistake = "kl-sign"' kl-sign/options.toml
expect 'in config.json' grep -q '"mistake": "kl-sign"' kl-sign/config.json
for file in model best; do
  expect "in $file.safetensors" grep -aq '"mistake":"kl-sign"' kl-sign/$file.safetensors
done
for file in kl-sign/log.csv kl-sign/latents.csv kl-sign.csv; do
  expect_equal "in every row of $file" "$(awk -F , '{ print $NF }' $file | sort | uniq -c |
    awk '{ print $2 }' | tr '\n' ' ')" 'kl-sign mistake '
done
width() { od -A n -t u1 -j 16 -N 4 "$1" | awk '{ print $3 * 256 + $4 }'; }
for picture in reconstructions samples manifold; do
  expect_equal "$picture.png has a frame" \
    "$(($(width kl-sign/$picture.png) - $(width none/$picture.png)))" 16
done
for command in evaluate reconstruct sample manifold encode; do
  run $command kl-sign
  expect_equal "$command warns of it" \
    "$status $(grep -c '^mnist_vae: warning: kl-sign/model.safetensors .* MISTAKE .*kl-sign$' err)" '0 1'
done
expect_equal 'and the pictures have a frame' \
  "$(($(width kl-sign/sample.png) - $("$app" sample none >/dev/null && width none/sample.png)))" 16
run train --out none --resume --epochs 3 --mistake kl-sign
expect_equal 'a run cannot go on with another mistake' "$status $(grep -c '^mnist_vae: --mistake: ' err)" '2 1'
expect_empty 'a right run says nothing of mistakes' \
  "$(grep -il mistake none/log.csv none/latents.csv none/config.json none/*.safetensors || true)"

all_cases_ok
