#!/usr/bin/env bash
# What mnist_vae writes for other programs, read by these programs: PyTorch (Debian's), ONNX's checker,
# ONNX Runtime, NumPy, TensorBoard and the package safetensors (from PyPI, in an environment of their
# own in build/interchange); and weights of PyTorch, used by mnist_vae. Then docs/interchange.md, block by
# block.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

readonly checks=$root/tests/interchange environment=${app%/apps/mnist_vae/mnist_vae}/interchange
if ! "$checks/install.sh" "$environment" >install.log 2>&1; then
  not_ok 'the Python packages can be installed from PyPI' "$(<install.log)"
  exit 1
fi
mkdir taken instant
touch taken/file
expect_equal 'the installation leaves a folder alone that holds something else' \
  "$("$checks/install.sh" taken 2>&1 | grep -c 'taken: holds something else') $(ls taken)" '1 file'
# Without waiting between the tries.
printf '#!/bin/sh\n' >instant/sleep
chmod +x instant/sleep
expect_equal 'packages that cannot be had are told of in one line' \
  "$(PATH=$tmp/instant:$PATH PIP_NO_INDEX=1 "$checks/install.sh" nothing 2>&1 | grep -c 'cannot be had from PyPI') $(
    find nothing -maxdepth 1 -name requirements.txt)" '1 '

# Many small programs: one thread each.
export OMP_NUM_THREADS=1
with_torch() { /usr/bin/python3 -B "$checks/check_torch.py" "$@"; }
with_packages() { "$environment/bin/python" -B "$checks/$1.py" "${@:2}"; }

# expect_difference WHAT WORD COMMAND...: the command fails and says WORD.
expect_difference() {
  local what=$1 word=$2 output
  shift 2
  if output=$("$@" 2>&1); then
    not_ok "$what" "accepted: $output"
  elif grep -qF -e "$word" <<<"$output"; then
    ok "$what"
  else
    not_ok "$what" "no '$word': $output"
  fi
}
# must ARGUMENT...: a run of mnist_vae that has to succeed.
must() {
  run "$@"
  [[ $status == 0 ]] || not_ok "mnist_vae $*" "status $status: $(<err)"
}

# --- Every activation with every loss, two hidden layers ---

make_data data 4000
# files RUN: what the checks compare.
files() {
  must reconstruct "$1" --data data --count 40 --output "$1/reconstruct.npy"
  must encode "$1" --data data --output "$1/latents.npy"
  must export "$1" --onnx
}
runs=()
# Enough steps for biases that are not zero.
for activation in linear relu tanh sigmoid; do
  for loss in bce bce-probabilities mse bce-clamped-logs continuous-bernoulli gaussian; do
    run="$activation-$loss"
    must train --data data --hidden 9,7 --latent 3 --activation "$activation" --recon-loss "$loss" \
      --lr 0.02 --batch-size 16 --epochs 3 --threads 1 --out "$run" --quiet
    files "$run"
    mkdir -p "torch-$run"
    cp "$run/config.json" "torch-$run"
    runs+=("$run")
  done
done
must train --data data --hidden 9 --head log-sigma --batch-size 16 --epochs 1 --out log-sigma --quiet
files log-sigma
runs+=(log-sigma)
expect "PyTorch loads ${#runs[@]} models with load_state_dict and computes the same" \
  with_torch compare "${runs[@]}"
expect 'ONNX accepts them, and ONNX Runtime computes the same, for one image and for many' \
  with_packages check_onnx "${runs[@]}"

torch_runs=()
for run in torch-*; do torch_runs+=("$run"); done
expect 'PyTorch writes random models' with_torch make 1 "${torch_runs[@]}"
for run in "${torch_runs[@]}"; do files "$run"; done
expect "mnist_vae uses the ${#torch_runs[@]} models that PyTorch wrote and computes the same" \
  with_torch compare "${torch_runs[@]}"
expect 'and so does ONNX Runtime' with_packages check_onnx "${torch_runs[@]}"

# --- The comparisons, on planted errors ---

# planted NAME: a copy of the run relu-bce to spoil.
planted() {
  rm -rf -- planted
  cp -r relu-bce planted
}
planted
sed -i 's/"relu"/"tanh"/' planted/config.json
expect_difference 'another activation in PyTorch is noticed' 'pixels: differs' with_torch compare planted
planted
sed -i 's/"bce"/"gaussian"/' planted/config.json
expect_difference 'another output is noticed' 'pixels: differs' with_torch compare planted
planted
sed -i 's/Relu/Tanh/' planted/encoder.onnx
expect_difference 'another activation in ONNX is noticed' 'mu: differs' with_packages check_onnx planted
planted
sed -i 's/transB/transA/' planted/decoder.onnx
expect_difference 'a weight that is not transposed is noticed' decoder with_packages check_onnx planted
planted
sed -i 's/Sigmoid/Sigmoit/' planted/decoder.onnx
expect_difference 'an operator that there is not is noticed' Sigmoit with_packages check_onnx planted
planted
cp tanh-bce/reconstruct.npy planted
expect_difference 'reconstructions of another model are noticed by PyTorch' 'pixels: differs' \
  with_torch compare planted
expect_difference 'and by ONNX Runtime' 'pixels: differs' with_packages check_onnx planted
expect_difference 'nothing to compare is noticed' 'nothing was compared' with_torch compare

# --- NumPy ---

must sample relu-bce --count 7 --output relu-bce/sample.npy
must sample relu-bce --data data --interpolate 0 1 --output relu-bce/interpolate.npy
must manifold relu-bce --data data --size 5 --output relu-bce/manifold.npy
must encode relu-bce --data data --output relu-bce/codes.csv
test_set=(data/t10k-images-idx3-ubyte data/t10k-labels-idx1-ubyte)
expect 'NumPy reads latents and images' with_packages check_arrays relu-bce "${test_set[@]}"
expect 'and so does the older one of Debian' \
  /usr/bin/python3 -B "$checks/check_arrays.py" relu-bce "${test_set[@]}"
planted
cp tanh-bce/latents.npy planted
expect_difference 'latents of another model are noticed' 'as in the CSV' \
  with_packages check_arrays planted "${test_set[@]}"

# --- TensorBoard ---

readonly kRun=(--data data --hidden 8 --batch-size 32 --threads 1 --tensorboard board --quiet)
must train --out run --epochs 2 "${kRun[@]}"
expect 'TensorBoard reads the log and the pictures of a run' with_packages check_events board run
cp -r run crashed
must train --out run --epochs 4 --resume --tensorboard board --quiet
expect 'and of one that went on, from two files' with_packages check_events board run
# As if the first process had died before its checkpoint: epochs 3 and 4 are done again.
must train --out crashed --epochs 5 --resume --tensorboard board --quiet
expect 'epochs that were done again are there once' with_packages check_events board crashed
expect_equal 'three files are there' "$(find board -type f | wc -l)" 3
expect_difference 'another run is noticed' 'the steps' with_packages check_events board run
sed -i '$d' crashed/log.csv
expect_difference 'a step too many is noticed' 'the steps' with_packages check_events board crashed
# In the checksum of the second record of the newest file: no reader comes to its epochs.
printf '\377' | dd of="$(find board -type f | sort | tail -n 1)" bs=1 seek=70 conv=notrunc 2>/dev/null
expect_difference 'a damaged record is noticed' 'the values' with_packages check_events board crashed

# --- docs/interchange.md ---

readonly page=$root/docs/interchange.md
mkdir page bin blocks
ln -s "$app" bin/mnist_vae
awk '/^```[a-z]/ { ++n; file = sprintf("blocks/%02d.%s", n, substr($0, 4)); next }
  /^```/ { file = "" } file { print >file }' "$page"
expect_equal 'every block of docs/interchange.md is found' "$(find blocks -type f | wc -l)" \
  "$(($(grep -c '^```' "$page") / 2))"
# block FILE: runs it where the ones before it ran; what needs PyTorch, with Debian's Python.
block() (
  export PATH=$tmp/bin:$PATH HANDGRAD_DATA=$root/apps/mnist_vae/sample PYTHONPATH=$root/apps/mnist_vae
  export PYTHONDONTWRITEBYTECODE=1
  cd page
  case $1 in
    *.sh) bash -e "../$1" ;;
    *.python)
      if grep -q torch "../$1" && ! grep -q safetensors "../$1"; then
        /usr/bin/python3 "../$1"
      else
        "$environment/bin/python" "../$1"
      fi
      ;;
    *) return 1 ;;
  esac
)
for file in blocks/*; do
  expect "the block runs: $(head -n 1 "$file")" block "$file"
done

all_cases_ok
