#!/usr/bin/env bash
# The HTML pages in headless Chromium: every interaction, the numbers of the scripts against those
# of the program, and what every page owes its readers (tests/pages).
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

train() {
  local out=$1
  shift
  run train --out "$out" --quiet --threads 1 "$@"
  if [[ $status != 0 ]]; then
    not_ok "training $out" "status $status
$(<err)"
  fi
}

# check PAGE ARGUMENT...: runs tests/pages/check_PAGE.py, which writes a line per case.
check() {
  local page=$1
  shift
  python3 -B "$root/tests/pages/check_$page.py" "$@" || failed_cases=$((failed_cases + 1))
}

# --- report.html ---

readonly kSample="$root/apps/mnist_vae/sample"
make_data data 1
readonly kSmall=(--data data --batch-size 32)
train two --data "$kSample" --hidden 64 --epochs 4 --profile
train five --data "$kSample" --hidden 32,16 --latent 5 --activation tanh --epochs 3 \
  --recon-loss gaussian
run report two five --output both.html
# Every loss and every activation.
train loss-1 "${kSmall[@]}" --hidden 9 --latent 3 --epochs 2 --recon-loss bce --activation sigmoid
train loss-2 "${kSmall[@]}" --hidden 9 --epochs 9 --lr 0.05 --recon-loss bce-probabilities --activation linear
train loss-3 "${kSmall[@]}" --hidden 9,4 --epochs 2 --recon-loss bce-clamped-logs --activation tanh
train loss-4 "${kSmall[@]}" --hidden 9 --epochs 2 --recon-loss mse --head log-sigma
train loss-5 "${kSmall[@]}" --hidden 9 --epochs 2 --recon-loss continuous-bernoulli
train loss-6 "${kSmall[@]}" --hidden 9 --epochs 2 --recon-loss gaussian --pixel-variance 0.1
# Too large for the page: 30 pixels, and more hidden units than have room.
train no-encoder "${kSmall[@]}" --hidden 45000 --epochs 1
train no-decoder "${kSmall[@]}" --hidden 65000 --epochs 1
train '<img src=x onerror=alert(1)>' "${kSmall[@]}" --hidden 8 --latent 1 --epochs 1 --mistake no-noise
check report "$app" "$tmp"

python=$(python3 -c 'import sys; print(sys.executable)')
status=0
PATH=$tmp "$python" -B "$root/tests/pages/check_report.py" "$app" "$tmp" >out || status=$?
expect_equal 'without a browser the checks fail' "$status $(<out)" "1 not ok - a browser starts
    no chromium or no chromedriver: apps/install_packages.sh full"

all_cases_ok
