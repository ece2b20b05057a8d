#!/usr/bin/env bash
# Models that somebody made up, with the right checksums: numbers that no run has, files of one run
# that contradict one another, weights so large that results leave the numbers. Nothing is believed,
# nothing that is not finite is shown, and no result of before is replaced.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
readonly kSmall=(--data data --hidden 8 --batch-size 32 --latent 3)
forge() { python3 "$root/tests/scripts/support/forge.py" "$@"; }
contents() { (cd -- "$1" && find . -type f ! -name lock -exec sha256sum {} + | sort -k 2); }
run train "${kSmall[@]}" --epochs 2 --out good
# Every command that reads a model, with the options that it needs.
readonly kCommands=('evaluate' 'evaluate --nll 2' reconstruct sample 'sample --interpolate 1 2' manifold encode
  'encode --output codes.npy' 'sample --output samples.npy' report)

# each WHAT STATUS WORD...: all commands end with STATUS and one line with every WORD, and change
# nothing in the run.
each() {
  local what=$1 wanted=$2 command before wrong='' word
  shift 2
  before=$(contents forged)
  for command in "${kCommands[@]}"; do
    # shellcheck disable=SC2086 # options
    run ${command%% *} forged ${command#"${command%% *}"}
    [[ $status == "$wanted" && ! -s out && $(wc -l <err) == 1 ]] || wrong+="$command: status $status, $(<err)$(head -c 200 out)"$'\n'
    for word in "$@"; do grep -qF -e "$word" err || wrong+="$command: no '$word': $(<err)"$'\n'; done
  done
  [[ $(contents forged) == "$before" ]] || wrong+="the run has changed"
  [[ ! -e codes.npy && ! -e samples.npy ]] || wrong+="a result was written"
  expect_empty "$what: status $wanted of every command" "$wrong"
}
fresh() { rm -rf forged && cp -r good forged; }

# --- Metadata ---

for change in kl_weight=nan kl_weight=inf kl_weight=-1 kl_weight=1e308 kl_weight=x epoch=-1 epoch=4294967295 seed=-1; do
  fresh
  forge forged/model.safetensors $change
  each "weights with $change" 3 model.safetensors "${change%%=*}"
done

# --- Weights ---

# A hidden unit that sees every image, and goes on to mu and logvar.
fresh
forge forged/model.safetensors encoder.0.bias:0=3e38 mu.weight:0=3e38 mu.weight:8=3e38 mu.weight:16=3e38 \
  logvar.weight:0=3e38 logvar.weight:8=3e38 logvar.weight:16=3e38
before=$(contents forged)
for command in evaluate 'evaluate --nll 2' reconstruct 'sample --interpolate 1 2' encode 'encode --output codes.npy'; do
  # shellcheck disable=SC2086 # options
  run ${command%% *} forged ${command#"${command%% *}"}
  expect_refused "weights of 3e38: $command has no finite result" 5 'not finite'
done
expect_equal 'and no result of before is replaced' "$(contents forged)" "$before"
fresh
forge forged/model.safetensors decoder.0.bias:0=3e38 "decoder.1.weight:0=3e38" "decoder.1.bias:0=-3e38"
for command in evaluate sample; do
  run $command forged
  if [[ $status == 0 ]]; then
    expect_empty "weights of 3e38 in the decoder: what $command prints is finite" "$(grep -i -e nan -e inf out)"
  else
    expect_refused "weights of 3e38 in the decoder: $command has no finite result" 5 'not finite'
  fi
done

# --- Files that contradict one another ---

for edit in 's/^hidden = .*/hidden = [9]/' 's/^latent = .*/latent = 4/' 's/^activation = .*/activation = "tanh"/' \
  's/^recon-loss = .*/recon-loss = "mse"/' 's/^seed = .*/seed = 5/' 's/^beta = .*/beta = 3/'; do
  fresh
  sed -i "$edit" forged/options.toml
  each "options.toml after $edit" 3 options.toml contradicts
  case $edit in *seed* | *beta*) ;; *)
    run check-gradients forged
    expect_refused "nor is it for check-gradients, after $edit" 3 options.toml contradicts
    ;;
  esac
  before=$(contents forged)
  run train --out forged --resume --epochs 3
  expect_equal "nor does training go on, after $edit" "$status $(wc -l <err)" '3 1'
  expect_equal 'and no file is touched' "$(contents forged)" "$before"
done
for edit in 's/"relu"/"tanh"/' 's/"bce"/"mse"/'; do
  fresh
  sed -i "$edit" forged/config.json
  each "config.json after $edit" 3 options.toml config.json contradicts
  before=$(contents forged)
  run train --out forged --resume --epochs 3
  expect_refused "nor does training go on, after $edit" 3 options.toml config.json
  expect_equal 'and no file is touched' "$(contents forged)" "$before"
done
fresh
rm forged/options.toml
run evaluate forged --data data
expect_equal 'a model without options.toml is evaluated' "$status" 0

# --- Images of any size ---

# large ROWS COLUMNS: 2 + 2 of them.
large() {
  mkdir -p -- large
  for kind in train t10k; do
    python3 -c 'import struct, sys
r, c = int(sys.argv[1]), int(sys.argv[2])
sys.stdout.buffer.write(struct.pack(">4I", 0x803, 2, r, c) + bytes(range(256)) * (r * c * 2 // 256 + 1))' "$1" "$2" |
      head -c $((16 + 2 * $1 * $2)) >"large/$kind-images-idx3-ubyte"
    { header '\01' 2 && labels 2; } >"large/$kind-labels-idx1-ubyte"
  done
}
for size in '1 65536' '256 256' '65536 1' '1 1048576'; do
  # shellcheck disable=SC2086 # two numbers
  large $size
  rm -rf forged
  run train --data large --hidden 1 --batch-size 2 --epochs 1 --out forged
  wrong=$status$(grep -v warning err || :)
  for command in evaluate reconstruct sample manifold encode report; do
    run $command forged
    [[ $status == 0 ]] || wrong+="$command: $status $(<err); "
  done
  expect_equal "images of $size are trained, and every command reads the run" "$wrong" 0
done
for size in '1 1048577' '1048577 1'; do
  # shellcheck disable=SC2086 # two numbers
  large $size
  rm -rf forged
  run train --data large --hidden 1 --batch-size 2 --epochs 1 --out forged
  expect_refused "images of $size are refused before they are trained" 3 large 'too large' 1048576
done

all_cases_ok
