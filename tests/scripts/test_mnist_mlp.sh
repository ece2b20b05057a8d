#!/usr/bin/env bash
# mnist_mlp learns the bundled digits, says the same and saves the same on every path, and refuses
# what it cannot mean.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

mlp=${app%/*/*}/mnist_mlp/mnist_mlp
# run_mlp ARGUMENT...: sets status; what the app wrote is in the files out and err.
run_mlp() {
  status=0
  timeout 600 "$mlp" "$@" >out 2>err </dev/null || status=$?
}
weights() { sha256sum <"$1" | cut -d ' ' -f 1; }

# --- It learns ---

# By chance it would be a tenth; the numbers are the same on every machine, sse2 alone excepted.
readonly sample=$root/apps/mnist_vae/sample
run_mlp --data "$sample" --hidden 64 --epochs 5 --output base.safetensors
expect_equal 'it trains on the bundled digits' "$status: $(<err)" '0: '
cp -- out base.out
accuracy=$(sed -nE 's,^epoch  5/5 .* test ([0-9.]+) %$,\1,p' out)
expect "it tells at least 75 % of 500 digits apart ($accuracy %)" \
  awk -v found="$accuracy" 'BEGIN { exit !(found >= 75) }'
expect_equal 'every epoch has a line with loss and accuracy' \
  "$(grep -cE '^epoch  [1-5]/5  loss [0-9]\.[0-9]{4}  train [0-9.]+ %  test [0-9.]+ %$' out)" 5
expect_equal 'the loss falls' \
  "$(grep -oE 'loss [0-9.]+' out)" "$(grep -oE 'loss [0-9.]+' out | sort -r -k 2)"
tensor_shapes() { python3 -c '
import json, struct, sys
data = open(sys.argv[1], "rb").read()
header = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
for name in sorted(header):
    if name != "__metadata__": print(name, *header[name]["shape"])' "$1" | xargs; }
expect_equal 'the weights have the names and shapes of PyTorch' "$(tensor_shapes base.safetensors)" \
  'hidden.0.bias 64 hidden.0.weight 64 784 output.bias 10 output.weight 10 64'

# --- The same on every path, another with every option ---

same() {
  local what=$1
  shift
  "$@"
  expect_equal "$what: the same weights" "$status $(weights same.safetensors)" \
    "0 $(weights base.safetensors)"
  expect_equal "$what: the same output" "$(sed '$d' out)" "$(sed '$d' base.out)"
}
readonly base=(--data "$sample" --hidden 64 --epochs 5)
same 'one thread' run_mlp "${base[@]}" --threads 1 --output same.safetensors
same 'three threads' run_mlp "${base[@]}" --threads 3 --output same.safetensors
export HANDGRAD_ISA=scalar
same 'scalar code' run_mlp "${base[@]}" --output same.safetensors
unset HANDGRAD_ISA
expect_equal 'a file that was there is kept' "$(weights same.safetensors.prev)" \
  "$(weights base.safetensors)"

make_data data 4000
readonly small=(--data data --hidden 8 --batch-size 32 --epochs 2)
run_mlp "${small[@]}" --output small.safetensors
make_data other 40000
# An option that stands twice is refused: these replace one of the small ones.
takes_effect() {
  local kept=() i
  for ((i = 0; i < ${#small[@]}; i += 2)); do
    if [[ ${small[i]} != "$1" ]]; then kept+=("${small[@]:i:2}"); fi
  done
  run_mlp "${kept[@]}" "$@" --output other.safetensors
  if [[ $status == 0 && $(weights other.safetensors) != "$(weights small.safetensors)" ]]; then
    ok "$1 takes effect"
  else
    not_ok "$1 takes effect" "status $status, $(<err)"
  fi
}
takes_effect --data other
takes_effect --hidden 8,7
takes_effect --epochs 3
takes_effect --batch-size 31
takes_effect --lr 0.002
takes_effect --seed 1

# --- What is refused ---

# refused STATUS WORD ARGUMENT...: one line that has WORD in it, and no output.
refused() {
  local wanted=$1 word=$2
  shift 2
  run_mlp "$@" --output refused.safetensors
  if [[ $status == "$wanted" && ! -s out && $(wc -l <err) == 1 && $(<err) == "mnist_mlp: "* &&
    $(<err) == *"$word"* && ! -e refused.safetensors ]]; then
    ok "status $wanted for $*"
  else
    not_ok "status $wanted for $*" "status $status, $(<err) $(<out)"
  fi
}
# refused_at_start STATUS WORD ARGUMENT...: the same of a training whose output the arguments say.
refused_at_start() {
  local wanted=$1 word=$2
  shift 2
  run_mlp "${small[@]:2}" "$@"
  expect_refused "status $wanted for $*" "$wanted" "$word"
}
for option in --epochs --batch-size --lr --seed --threads --hidden; do
  refused 2 "$option" "$option" many
  refused 2 "$option" "$option" -1
done
refused 2 --epochs --epochs 0
refused 2 --hidden --hidden 8,
refused 2 --batch-size --batch-size 97 --data data
refused 2 --nonsense --nonsense
refused 2 --seed --seed 1 --seed 2
refused 3 nowhere --data nowhere
refused 3 'no\u202e\u009b\x9b\x1b' --data $'no\xe2\x80\xae\xc2\x9b\x9b\x1b'
# Weights that were trained are not lost, nor is what was there.
expected=$(weights small.safetensors)
without_reader "$mlp" "${small[@]}" --output piped.safetensors
expect_equal 'without a reader the weights are saved all the same: status 4, one line' \
  "$status $(wc -l <err) $(weights piped.safetensors)" "4 1 $expected"
status=0
"$mlp" "${small[@]}" --output full.safetensors >/dev/full 2>err </dev/null || status=$?
expect_equal 'so are they where standard output is full' "$status $(wc -l <err) $(weights full.safetensors)" "4 1 $expected"
echo 'my own work' >piped.safetensors.prev
run_mlp "${small[@]}" --output piped.safetensors
expect_equal 'somebody'"'"'s FILE.prev is not replaced, and that is found at the start' \
  "$status $(wc -l <err) $(wc -c <out) $(<piped.safetensors.prev) $(weights piped.safetensors)" "4 1 0 my own work $expected"
rm -f new.safetensors
echo 'my own work' >new.safetensors.prev
run_mlp "${small[@]}" --output new.safetensors
expect_equal 'also where no weights are there yet' \
  "$status $(wc -l <err) $(wc -c <out) $(<new.safetensors.prev)" '4 1 0 my own work'
if [[ $EUID != 0 ]]; then
  chmod 000 new.safetensors.prev
  run_mlp "${small[@]}" --output new.safetensors
  expect_refused 'nor one that cannot be read' 4 new.safetensors.prev
else
  skip 'a FILE.prev that cannot be read (root reads everything)'
fi
for output in "$tmp" new.pipe /dev/full; do
  if [[ $output == new.pipe ]]; then mkfifo new.pipe; fi
  refused_at_start 4 "$output" --output "$output"
done
expect 'and the pipe is still there' test -p new.pipe
refused_at_start 2 '--output: bad value' --output ''
refused_at_start 2 '--data: bad value' --data ''
if unshare -m true 2>/dev/null; then
  echo below >below
  echo mounted >mounted
  status=0
  # shellcheck disable=SC2016 # of the inner shell
  unshare -m bash -c 'mount --bind mounted below && exec "$@" --output below' - "$mlp" "${small[@]}" >out 2>err </dev/null || status=$?
  expect_equal 'a file that something is mounted on is refused at the start' \
    "$status $(wc -l <err) $(wc -c <out) $(grep -c 'below: cannot be replaced: something is mounted' err) $(<mounted)" '4 1 0 1 mounted'
else
  skip 'a file that something is mounted on (no mount namespace of our own)'
fi
before=$(sha256sum data/*)
for file in train-images-idx3-ubyte t10k-labels-idx1-ubyte; do
  run_mlp "${small[@]}" --output "data/$file"
  expect_equal "weights are not written over data/$file" "$status $(wc -l <err) $(sha256sum data/*)" "2 1 $before"
done
for signal in INT TERM; do
  cp small.safetensors kept.safetensors
  rm -f out # of the run before: the signal is for the program, not for the shell that starts it
  env --default-signal=INT "$mlp" --data data --hidden 8 --batch-size 32 --epochs 1000000 --output kept.safetensors >out 2>err </dev/null &
  job=$!
  until [[ -s out || ! -e /proc/$job ]]; do sleep 0.01; done
  kill -"$signal" "$job"
  wait "$job" && status=0 || status=$?
  expect_equal "interrupted by $signal, the file of before is as it was" \
    "$status $(weights kept.safetensors) $(find . -name '.handgrad*')" "$((128 + $(kill -l "$signal"))) $expected "
  rm -f .handgrad*
done
run_mlp "${small[@]}" --output nowhere/weights
expect_equal 'status 4 where the weights cannot be written' "$status $(grep -c nowhere err)" '4 1'
run_mlp "${small[@]}" --lr 1e30 --output diverged.safetensors
expect_equal 'status 5 where the loss leaves the numbers' "$status $(grep -c 'not finite' err)" '5 1'

for flag in --help --version; do
  run_mlp "$flag"
  expect_equal "$flag" "$status $(grep -c mnist_mlp out | sed 's/[1-9]/some/') $(<err)" '0 some '
done
run_mlp --help
for option in data hidden epochs batch-size lr seed threads output; do
  expect "--help has --$option" grep -qE -- "^  --$option [A-Z].* [A-Z0-9]" <(tr '\n' ' ' <out | sed 's/  --/\n  --/g')
done

all_cases_ok
