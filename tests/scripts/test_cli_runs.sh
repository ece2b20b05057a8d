#!/usr/bin/env bash
# Run folders of mnist_vae: what they hold, when they are refused, replaced and resumed, and that
# neither threads nor instruction sets change a bit of them. Trainings are on a tiny data set that
# is made here, and on the bundled digits.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
make_data other 40000

# --- Running and judging ---

readonly kSmall=(--data data --hidden 8 --batch-size 32)
# train FOLDER OPTION...: a run that must succeed, and that writes nothing to standard error.
train() {
  run train --out "$@"
  [[ $status == 0 && ! -s err ]] || not_ok "train --out $* succeeds" "status $status, $(<err)"
}
weights() { sha256sum <"$1/model.safetensors" | cut -d ' ' -f 1; }
# The log without its two columns of time.
losses() { cut -d , -f 1-9 "$1/log.csv"; }
# Every file of a folder with its sum; the lock is no part of the run.
contents() { (cd -- "$1" && find . -type f ! -name lock -exec sha256sum {} + | sort -k 2); }
# What training makes: weights, losses and pictures, without times.
made() { losses "$1" && contents "$1" | grep -E '(model|best)\.safetensors|\.png'; }

# --- What a run folder holds ---

train run "${kSmall[@]}" --epochs 2
cp out run.out
expect_equal 'a run folder holds these files and no other' "$(cd run && echo *)" \
  'best.safetensors checkpoint.safetensors checkpoint.safetensors.prev config.json latents.csv lock log.csv manifold.png model.safetensors options.toml reconstructions.png report.html samples.csv samples.png'
expect_equal 'log.csv has these columns' "$(head -n 1 run/log.csv)" \
  'epoch,step,loss,recon,kl,val_loss,val_recon,val_kl,lr,seconds,images_per_s,active_units,clamped_logvars'
expect_equal 'and a row of finite numbers for every epoch, the loss being recon + kl' \
  "$(tail -n +2 run/log.csv | awk -F , '
      function differ(a, b) { return !((a - b) * (a - b) < 1e-10) }
      /[^-+.,e0-9]/ || NF != 13 || $1 != NR || $2 != 3 * NR || differ($3, $4 + $5) ||
      differ($6, $7 + $8) || $9 != 0.001 || !($10 > 0 && $11 > 0) { print "bad:", $0 }
      END { print NR " rows" }')" '2 rows'
expect_equal 'config.json says what the architecture is' \
  "$(tr -d ' \n' <run/config.json)" \
  '{"format_version":1,"model":"dense-vae","image_rows":6,"image_cols":5,"hidden":[8],"latent":2,"activation":"relu","recon_loss":"bce"}'
# The names, as PyTorch would have them, in the header of the file.
expect_equal 'model.safetensors has the tensors of the model' \
  "$(grep -aoE '"[a-z]+(\.[0-9])?\.(weight|bias)":\{[^}]*\}' run/model.safetensors |
    sed -E 's/"([^"]*)".*"shape":(\[[^]]*\]).*/\1 \2/' | sort | tr '\n' ' ')" \
  'decoder.0.bias [8] decoder.0.weight [8,2] decoder.1.bias [30] decoder.1.weight [30,8] encoder.0.bias [8] encoder.0.weight [8,30] logvar.bias [2] logvar.weight [2,8] mu.bias [2] mu.weight [2,8] '
expect_equal 'best.safetensors is the model of the epoch with the lowest val_loss' \
  "$(grep -ao '"epoch":"[0-9]*"' run/best.safetensors)" \
  "\"epoch\":\"$(tail -n +2 run/log.csv | sort -t , -g -k 6 | head -n 1 | cut -d , -f 1)\""

# --- What train prints, not being on a terminal ---

escape_or_return=$'[\e\r]'
expect_equal 'no escape and no carriage return' "$(grep -c "$escape_or_return" run.out)" 0
expect_equal 'one line per epoch' "$(grep -cE '^epoch [12]/2 ' run.out)" 2
for word in data model loss optimiser machine run; do
  expect "the header says: $word" grep -qE "^$word  " run.out
done
expect 'the header says that these data are not verified' grep -q '^data .*unverified' run.out
expect 'the header says how many parameters' grep -qE '^model .*\b578 parameters' run.out
expect 'the summary says losses, time, images/s and the folder' \
  sh -c 'tail -n 4 run.out | tr "\n" " " | grep -qE "val_loss.* images/s.* in run"'
run train --out sample --hidden 4 --epochs 1
expect_equal 'with the bundled digits the header says so, once' \
  "$status $(grep -c 'small sample' out) $(wc -c <err)" '0 1 0'

# on_terminal ASSIGNMENT...: lines with escapes or lone returns that train writes to a terminal.
on_terminal() {
  rm -rf -- terminal
  env -u NO_COLOR -u CI TERM=xterm "$@" script -qec \
    "'$app' train --data data --hidden 8 --batch-size 32 --epochs 2 --out terminal" screen >/dev/null
  sed 's/\r$//' screen | grep -c "$escape_or_return" || true
}
if command -v script >/dev/null; then
  expect_equal 'a terminal gets a line that is redrawn' "$(on_terminal | sed 's/[1-9][0-9]*/some/')" some
  for setting in NO_COLOR=1 TERM=dumb CI=true; do
    expect_equal "$setting is honoured" "$(on_terminal "$setting")" 0
  done
else
  skip 'there is no command script to make a terminal with'
fi

# --- A folder that holds a run ---

readonly kNothingLost='and nothing in the folder changes'
before=$(contents run)
run train --out run "${kSmall[@]}" --epochs 1
expect_refused 'a folder with a run is refused' 2 run --resume --overwrite
expect_equal "$kNothingLost" "$(contents run)" "$before"

run train --out run --resume
expect_equal 'a finished run, resumed, says so and ends with 0' \
  "$status $(grep -c 'finished' out) $(wc -c <err)" '0 1 0'
expect_equal "$kNothingLost" "$(contents run)" "$before"
run train --out run --resume --epochs 1
expect_equal 'as does one that has done more epochs than asked for' "$status $(wc -l <out)" '0 1'
expect 'which says how many are done' grep -q '2 epochs are done' out
expect_equal "$kNothingLost" "$(contents run)" "$before"

for change in '--latent 3' '--hidden 9' '--lr 0.01' '--seed 1' '--beta 2' \
  '--batch-size 16' '--activation tanh' '--recon-loss mse' '--optimizer sgd' '--adam torch' \
  '--init he' '--clip-norm 1' '--lr-schedule cosine' '--checkpoint-every 1' '--patience 1' '--shards 2'; do
  # shellcheck disable=SC2086 # an option and its value
  run train --out run --resume --epochs 3 $change
  expect_refused "resuming with $change is refused" 2 "${change% *}" "${change#* }"
done
sed 's/^lr = .*/lr = 0.5/' run/options.toml >faster.toml
run train --out run --resume --config faster.toml --epochs 3
expect_refused 'resuming with another --lr in --config is refused' 2 lr 0.5 0.001
run train --out run --resume --epochs 3 --data other
expect_refused 'resuming with other data is refused' 2 'other data' run
mv data away
cp -r other data
run train --out run --resume --epochs 3
expect_refused 'resuming is refused if other data are in the same place' 2 data run
rm -r data
mv away data
expect_equal "$kNothingLost" "$(contents run)" "$before"

train more --config run/options.toml --epochs 4
mv data moved
train run --resume --epochs 4 --threads 1 --data moved
mv moved data
expect_equal 'more --epochs go on, to the weights, losses and pictures of one long run' \
  "$(made run)" "$(made more)"
expect_equal 'and the log has one header' "$(grep -c epoch run/log.csv)" 1
expect 'and options.toml has the new number of epochs' grep -qx 'epochs = 4' run/options.toml

train late "${kSmall[@]}" --epochs 4 --resume
expect 'resuming where there is no checkpoint starts the run and says so' \
  grep -q '^no checkpoint in late yet' out
expect_equal 'and gives the same' "$(made late)" "$(made more)"

echo mine >run/notes.txt
train run --overwrite "${kSmall[@]}" --epochs 1 --seed 5
train fresh "${kSmall[@]}" --epochs 1 --seed 5
expect_equal '--overwrite replaces a run' "$(made run)" "$(made fresh)"
expect_equal 'and leaves files alone that are not of a run' "$(<run/notes.txt)" mine
before=$(contents run)
run train --out run --overwrite --data data --batch-size 1000
expect_refused 'options that do not fit the data are refused in spite of --overwrite' 2 --batch-size
expect_equal "$kNothingLost" "$(contents run)" "$before"

train 'a folder/with blanks' "${kSmall[@]}" --epochs 1 --seed 5
expect_equal 'folders are made as deep as wanted, also with blanks' \
  "$(made 'a folder/with blanks')" "$(made fresh)"

# Without --out.
for seed in 0 1; do run train "${kSmall[@]}" --epochs 1 --seed "$seed"; done
expect_equal 'without --out every run has a new folder under runs/' \
  "$(find runs -mindepth 1 -maxdepth 1 -type d | wc -l)" 2

# --- The same bits ---

readonly kDeep=(--data "$root/apps/mnist_vae/sample" --hidden "70,33" --latent 3 --epochs 1)
train deep "${kDeep[@]}"
train deep-again "${kDeep[@]}"
expect_equal 'the same seed gives the same weights, losses and pictures' \
  "$(made deep-again)" "$(made deep)"
for threads in 1 2 3; do
  train "deep-$threads" "${kDeep[@]}" --threads "$threads"
  expect_equal "so do $threads threads" "$(made "deep-$threads")" "$(made deep)"
done
mkdir zipped
for file in data/*; do gzip -c "$file" >"zipped/${file#data/}.gz"; done
train zipped-run --data zipped --hidden 8 --batch-size 32 --epochs 1 --seed 5
expect_equal 'so do gzipped data' "$(made zipped-run)" "$(made fresh)"
HANDGRAD_DATA=data train found-run --hidden 8 --batch-size 32 --epochs 1 --seed 5
expect_equal 'so do data found by HANDGRAD_DATA' "$(made found-run)" "$(made fresh)"

run info
cp out found
for isa in $(sed -n 's/^instruction sets *//p' found | tr -d ,); do
  HANDGRAD_ISA=$isa train "isa-$isa" "${kDeep[@]}"
  expect "HANDGRAD_ISA=$isa is in the header" grep -qE "^machine .*\b$isa," out
done
# With fused multiply-add: all the same bits. Without, on sse2, the same losses but for rounding.
exact=$(find . -maxdepth 1 -name 'isa-*' ! -name isa-sse2)
expect_equal 'scalar, AVX2, AVX-512 and NEON code give the same weights' \
  "$(for folder in $exact; do weights "$folder"; done | sort -u)" "$(weights isa-scalar)"
grep -q "^chosen *sse2" found ||
  expect_equal "and so does the one that the app chooses" "$(weights deep)" "$(weights isa-scalar)"
val_loss() { tail -n 1 "$1/log.csv" | cut -d , -f 6; }
if [[ -d isa-sse2 ]]; then
  expect_equal 'the losses of SSE2 agree to 1e-4' \
    "$(awk -v a="$(val_loss isa-sse2)" -v b="$(val_loss isa-scalar)" \
      'BEGIN { d = (a - b) / b; print (d * d <= 1e-8 ? "yes" : d) }')" yes
fi
for isa in scalar sse2 avx2 avx512 neon; do
  [[ ! -d isa-$isa ]] || continue
  HANDGRAD_ISA=$isa run train --out no "${kDeep[@]}"
  expect_refused "HANDGRAD_ISA=$isa is refused on this machine" 2 HANDGRAD_ISA "$isa" scalar
done
for command in train evaluate info; do
  HANDGRAD_ISA=nonsense run "$command"
  expect_refused "HANDGRAD_ISA=nonsense is refused by $command" 2 HANDGRAD_ISA nonsense scalar
done
[[ ! -e no ]] || not_ok 'a refused HANDGRAD_ISA leaves no folder' no

all_cases_ok
