#!/usr/bin/env bash
# A training loses nothing and touches nothing that is not its own: runs that are there, files of
# others, and its own work when output goes away, numbers diverge or a signal comes late.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
make_data other 40000
readonly kSmall=(--data data --hidden 8 --batch-size 32)
contents() { (cd -- "$1" && find . -type f ! -name lock -exec sha256sum {} + | sort -k 2); }
weights() { sha256sum <"$1/model.safetensors" | cut -d ' ' -f 1; }
forge() { python3 "$root/tests/scripts/support/forge.py" "$@"; }
run train "${kSmall[@]}" --epochs 2 --out old
old=$(contents old)
readonly old

# expect_same WHAT FOLDER CONTENTS
expect_same() { expect_equal "$1" "$(contents "$2")" "$3"; }

# --- Two trainings with one folder ---

for way in '' --overwrite; do
  rm -rf shared
  pids=() statuses=''
  for seed in 1 2 3 4; do
    # shellcheck disable=SC2086 # no option, or one
    "$app" train "${kSmall[@]}" --epochs 2 --seed "$seed" --out shared $way >"out.$seed" 2>"err.$seed" </dev/null &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    status=0
    wait "$pid" || status=$?
    statuses+="$status "
  done
  finished=$(tr -cd 0 <<<"$statuses" | wc -c)
  others=$(tr ' ' '\n' <<<"$statuses" | grep -cx 2 || true)
  if [[ -z $way ]]; then
    expect_equal 'of four trainings in one new folder one finishes, and the others end with 2' "$finished $others" '1 3'
    winner=0
    for seed in 1 2 3 4; do if grep -q '^trained' "out.$seed"; then winner=$seed; fi; done
    run train "${kSmall[@]}" --epochs 2 --seed "$winner" --out alone
    expect_equal 'whose run is whole' "$(weights shared)" "$(weights alone)"
  else
    expect_equal 'with --overwrite each finishes or ends with 2' "$((finished + others))" 4
  fi
done
if strace -o /dev/null true 2>/dev/null; then
  # One that loads slowly, so that the other has begun and finished meanwhile.
  rm -rf shared
  cp -r data slow
  strace -qq -o calls -P slow/t10k-labels-idx1-ubyte -e inject=openat:delay_enter=3s \
    "$app" train --data slow --hidden 8 --batch-size 32 --epochs 2 --seed 1 --out shared >out.1 2>err.1 </dev/null &
  slow=$!
  until [[ -s calls || ! -e /proc/$slow ]]; do sleep 0.05; done
  run train "${kSmall[@]}" --epochs 2 --seed 2 --out shared
  statuses=$status
  wait "$slow" || statuses+=" $?"
  expect_equal 'the slower one to load does not take the run of the other' \
    "$(tr ' ' '\n' <<<"$statuses" | sort | tr '\n' ' ')" '0 2 '
else
  skip 'strace cannot be used here: no training loads slowly'
fi
rm -rf alone runs
pids=()
for seed in 1 2 3 4; do
  "$app" train "${kSmall[@]}" --epochs 1 --seed "$seed" >/dev/null 2>>errors </dev/null &
  pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
expect_equal 'without --out four trainings that start together have four folders' \
  "$failed $(find runs -name model.safetensors | wc -l)" '0 4'

# --- A run that is to be replaced stays until the new one is saved ---

# fails WHAT STATUS OPTION...: a training over the old run that ends before its first save.
fails() {
  local what=$1 expected=$2
  shift 2
  rm -rf victim
  cp -r old victim
  run train --out victim --overwrite "${kSmall[@]}" --epochs 1 "$@"
  expect_equal "--overwrite with $what: status $expected, one line" "$status $(wc -l <err)" "$expected 1"
  expect_same 'and the old run is as it was' victim "$old"
}
fails '--gradients in a folder that is not there' 4 --gradients nowhere/file.csv
fails '--trace in a folder that is not there' 4 --trace nowhere/file.json
fails 'a --tensorboard that is a file' 4 --tensorboard data/t10k-labels-idx1-ubyte
fails 'a loss that leaves the numbers' 5 --optimizer sgd --lr 3e38
fails 'a loss that leaves the numbers in validation' 5 --beta 1e38
fails 'standard output as --gradients' 2 --gradients /dev/fd/1
rm -rf victim
cp -r old victim
(ulimit -v 300000 && exec timeout 60 "$app" train --out victim --overwrite --data data --hidden 65536,4096 --batch-size 32 --threads 1) \
  >out 2>err </dev/null && status=0 || status=$?
expect_equal '--overwrite without enough memory: status 1, one line' "$status $(wc -l <err)" '1 1'
expect_same 'and the old run is as it was' victim "$old"

for cause in "--lr 3e38 --optimizer sgd" "--gradients nowhere/file.csv"; do
  rm -rf runs fresh
  # shellcheck disable=SC2086 # options
  run train "${kSmall[@]}" --out fresh/deep $cause
  # shellcheck disable=SC2086
  [[ $status == 0 ]] || run train "${kSmall[@]}" $cause
  expect_equal "what ends before the first save leaves no folder: $cause" \
    "$(find fresh runs 2>/dev/null | wc -l)" 0
done

# Until it has a model: before that, whatever ends it, the old run stays.
for output in 'no reader' /dev/full; do
  rm -rf victim
  cp -r old victim
  status=0
  if [[ $output == /dev/full ]]; then
    "$app" train --out victim --overwrite "${kSmall[@]}" --epochs 2 >/dev/full 2>err </dev/null || status=$?
  else
    without_reader "$app" train --out victim --overwrite "${kSmall[@]}" --epochs 2
  fi
  expect_equal "--overwrite with output that goes nowhere ($output): status 4, one line" "$status $(wc -l <err)" '4 1'
  expect_same 'and the old run is as it was' victim "$old"
done
for every in 0 1; do
  rm -rf victim out
  cp -r old victim
  "$app" train --out victim --overwrite --data data --hidden 8 --batch-size 1 --epochs 100000 --checkpoint-every "$every" \
    >out 2>err </dev/null &
  training=$!
  until grep -qs 'loss' out || [[ ! -e /proc/$training ]]; do sleep 0.01; done
  kill -TERM "$training"
  wait "$training" && status=0 || status=$?
  # It may have come to the end of its first epoch by then.
  if grep -q 'is as it was' out; then
    expect_equal "SIGTERM in the first epoch, --checkpoint-every $every: death by the signal" "$status" 143
    expect_same 'and the old run is as it was' victim "$old"
  else
    run evaluate victim
    expect_equal "SIGTERM after the first epoch, --checkpoint-every $every: the new run has a model" "$status" 0
    ok 'and there is a new one'
  fi
done

# --- Files that the user asks for beside the run ---

# refused_file WHAT OPTION...: refused at the start, with the option named.
refused_file() {
  local what=$1
  shift
  rm -rf victim
  cp -r old victim
  before=$(contents data)
  run train --out victim --overwrite "${kSmall[@]}" --epochs 1 "$@"
  expect_equal "$what: status 2, one line" "$status $(wc -l <err) $(grep -c -e "$1" err)" '2 1 1'
  expect_same 'the run is as it was' victim "$old"
  expect_same 'and so are the data' data "$before"
}
cp old/options.toml mine.toml
ln -s victim/log.csv link-to-log
for option in --trace --gradients; do
  for name in log.csv lock model.safetensors report.html checkpoint.safetensors.prev; do
    refused_file "$option names the run's $name" $option victim/$name
  done
  refused_file "$option names it otherwise" $option ./data/../victim/log.csv
  refused_file "$option names it by a link" $option link-to-log
  refused_file "$option names a file of another run" $option old/log.csv
  refused_file "$option names the data" $option data/train-images-idx3-ubyte
  refused_file "$option names the --config" $option mine.toml --config mine.toml
done
refused_file '--trace and --gradients name one file' --trace both --gradients ./both
expect_same 'no other run has changed' old "$old"
rm -f both
# Two trainings with one file.
"$app" train "${kSmall[@]}" --epochs 100000 --quiet --gradients shared.csv --out first >/dev/null 2>&1 </dev/null &
training=$!
until [[ -s shared.csv || ! -e /proc/$training ]]; do sleep 0.05; done
run train "${kSmall[@]}" --epochs 1 --gradients shared.csv --out second
expect_equal 'a file of --gradients that another training writes is refused: status 2, one line' \
  "$status $(wc -l <err) $(grep -c shared.csv err)" '2 1 1'
kill -TERM "$training"
wait "$training" || true
run train --out first --resume --gradients shared.csv --epochs 1
expect_equal 'and can be gone on with afterwards' "$status" 0
run train --data data --hidden 8 --batch-size 8 --epochs 3 --gradients other.csv --out third
run train "${kSmall[@]}" --epochs 2 --gradients own.csv --out fourth
before=$(sha256sum other.csv)
run train --out fourth --resume --epochs 3 --gradients other.csv
expect_refused 'the gradients of another run are refused' 3 other.csv line
expect_equal 'and stay' "$(sha256sum other.csv)" "$before"

# No result of a command is written over what it is made of, or another run's.
for command in evaluate encode sample reconstruct report manifold lesson; do
  rm -rf victim
  cp -r old victim
  before=$(contents data)
  for file in victim/model.safetensors victim/best.safetensors victim/checkpoint.safetensors victim/config.json \
    victim/options.toml victim/log.csv victim/latents.csv victim/samples.csv victim/lock old/model.safetensors \
    data/t10k-images-idx3-ubyte ./victim/../victim/model.safetensors; do
    arguments=(victim)
    [[ $command != lesson ]] || arguments=()
    run "$command" "${arguments[@]}" --output "$file"
    [[ $status == 2 && $(wc -l <err) == 1 && $(grep -c 'over a file of' err) == 1 ]] || not_ok "$command --output $file" "$status $(<err)"
  done
  expect_same "$command --output over files of a run or the data: refused, and they stay" victim "$old"
  expect_same 'so do the data' data "$before"
done
expect_same 'and another run' old "$old"
run sample old --output own.png
run reconstruct old --image own.png --output ./own.png
expect_equal 'nor over the --image' "$status $(wc -l <err)" '2 1'
mkdir folder
echo 'my own work' >folder/decoder.onnx
echo 'my own work' >vae-gradients.html
run lesson
expect_equal 'nor does lesson, whose file nobody named' "$status $(wc -l <err) $(<vae-gradients.html)" '4 1 my own work'
rm vae-gradients.html
run lesson
run lesson
expect_equal 'but one of its own' "$status $(<out)" '0 vae-gradients.html'
run export old --onnx --output folder
expect_equal 'export to a folder replaces no file of somebody' "$status $(ls folder) $(<folder/decoder.onnx)" '4 decoder.onnx my own work'
rm -r folder

# --- Files of others ---

for name in log.csv samples.png report.html latents.csv samples.csv model.safetensors config.json \
  options.toml profile.txt checkpoint.safetensors.prev lock; do
  rm -rf mine
  mkdir mine
  echo 'my own work' >"mine/$name"
  for way in '' --overwrite --resume; do
    # shellcheck disable=SC2086 # no option, or one
    run train --out mine "${kSmall[@]}" --epochs 1 $way
    case "$name $way" in 'checkpoint.safetensors.prev --resume') wanted=3 ;; *) wanted=2 ;; esac
    if [[ $status == "$wanted" && $(wc -l <err) == 1 && $(grep -c "$name" err) == 1 &&
      $(cat mine/*) == 'my own work' && $(find mine -type f | wc -l) == 1 ]]; then
      ok "a folder with somebody's $name is refused${way:+ with $way} and stays as it is"
    else
      not_ok "a folder with somebody's $name is refused${way:+ with $way} and stays as it is" \
        "status $status, $(<err) $(ls mine)"
    fi
  done
done
# Files of a run that somebody may have written: --overwrite takes a run of ours alone.
readonly kFlight='time,altitude
0,12'
for options in '' '# my settings' 'epochs = 3' "$(<old/options.toml)
# and a note of mine"; do
  rm -rf mine
  mkdir mine
  [[ -z $options ]] && : >mine/options.toml || echo "$options" >mine/options.toml
  echo "$kFlight" >mine/log.csv
  before=$(contents mine)
  run train --out mine --overwrite "${kSmall[@]}" --epochs 1
  expect_equal "--overwrite of a folder whose options.toml anybody may have written (${options:0:12}): status 2" \
    "$status $(wc -l <err) $(grep -c log.csv err)" '2 1 1'
  expect_same 'and it stays as it is' mine "$before"
done
for name in log.csv latents.csv samples.csv samples.png report.html model.safetensors profile.txt config.json \
  sample.png encoder.onnx; do
  rm -rf mine
  cp -r old mine
  case $name in
    *.png) printf '\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\2\0\0\0mine' ;;
    *.html) echo '<!DOCTYPE html><title>mine</title>' ;;
    *) echo "$kFlight" ;;
  esac >"mine/$name"
  before=$(contents mine)
  run train --out mine --overwrite "${kSmall[@]}" --epochs 1
  expect_equal "--overwrite of a run with somebody's $name: status 2, and it is named" \
    "$status $(wc -l <err) $(grep -c "found $name" err)" '2 1 1'
  expect_same 'and all stays as it is' mine "$before"
done
for command in sample manifold reconstruct report 'export --onnx' 'sample --interpolate 1 2'; do
  rm -rf mine
  cp -r old mine
  # shellcheck disable=SC2086 # options
  run ${command%% *} mine ${command#"${command%% *}"}
  result=mine/$(basename "$(head -n 1 out)")
  echo "$kFlight" >"$result"
  # shellcheck disable=SC2086 # options
  run ${command%% *} mine ${command#"${command%% *}"}
  expect_equal "$command replaces no file of somebody in a run: status 4" \
    "$status $(wc -l <err) $(grep -c "$(basename "$result")" err) $(cmp "$result" <(echo "$kFlight"))" '4 1 1 '
  # shellcheck disable=SC2086 # options
  run ${command%% *} mine ${command#"${command%% *}"} --output there
  expect_equal 'and there is --output' "$status" 0
  rm -rf there
done
rm -rf mine
cp -r old mine
run sample mine
run export mine --onnx
run train --out mine --overwrite "${kSmall[@]}" --seed 9 --epochs 1
expect_equal 'what commands made of the old model goes with it' "$status $(cd mine && echo *.onnx sample.*)" '0 *.onnx sample.*'

# Files that come while the first epoch goes on: the training waits for its own first save.
if strace -o /dev/null true 2>/dev/null; then
  for way in '' --overwrite --resume; do
    for what in mine run; do
      rm -rf late
      [[ $way != --overwrite ]] || cp -r old late
      # shellcheck disable=SC2086 # no option, or one
      strace -qq -f -o calls -e trace=mkdir -e inject=mkdir:delay_exit=2s:when=1+ \
        "$app" train "${kSmall[@]}" --epochs 1 --out late $way >out 2>err </dev/null &
      training=$!
      until [[ -e late/.handgrad-staging || ! -e /proc/$training ]]; do sleep 0.05; done
      case $what in
        mine) echo "$kFlight" >late/log.csv ;;
        run) cp old/* late/ ;;
      esac
      before=$(cd late && sha256sum log.csv)
      status=0
      wait "$training" || status=$?
      if [[ "$way $what" == '--overwrite run' ]]; then
        expect_equal '--overwrite takes the place of a run, also of one that has just come' "$status" 0
        continue
      fi
      expect_equal "a file that comes before the first save stays ($what${way:+, $way}): status 2, one line" \
        "$status $(wc -l <err) $(cd late && sha256sum log.csv)" "2 1 $before"
      expect_empty 'and nothing is left of the training' "$(find late -name '.handgrad*')"
    done
  done
else
  skip 'strace cannot be used here: no file comes at a certain moment'
fi
rm -rf mine
cp -r old mine
echo "$kFlight" >mine/report.html
run train --out mine --resume --epochs 3
expect_equal 'nor is a page or a picture replaced that is not ours: status 4 at the end' \
  "$status $(grep -c report.html err) $(cmp mine/report.html <(echo "$kFlight"))" '4 1 '

rm -rf mine
cp -r old mine
mkdir elsewhere
for name in log.csv model.safetensors checkpoint.safetensors samples.png; do
  mv "mine/$name" elsewhere
  ln -s "../elsewhere/$name" "mine/$name"
  before=$(contents elsewhere)
  run train --out mine --overwrite "${kSmall[@]}" --epochs 1
  expect_equal "a link in a run folder is refused: $name" "$status $(wc -l <err) $(grep -c "$name" err)" '2 1 1'
  expect_same 'and its file is as it was' elsewhere "$before"
  before=$(contents mine)
  run train --out mine --resume --epochs 4
  expect_equal 'also when the run would go on, before it does' "$status $(wc -l <err) $(grep -c "$name" err)" '2 1 1'
  expect_same 'and no file is touched' mine "$before"
  rm "mine/$name"
  mv "elsewhere/$name" mine
done
for name in model.safetensors best.safetensors; do
  rm -rf mine
  cp -r old mine
  printf '\50\0\0\0\0\0\0\0{"__metadata__":{"format":"pt"}}          ' >"mine/$name"
  before=$(contents mine)
  run train --out mine --resume --epochs 3
  expect_equal "weights of another program are not replaced by a run that goes on: $name" \
    "$status $(wc -l <err) $(grep -c "$name" err)" '2 1 1'
  expect_same 'and no file is touched' mine "$before"
done
rm -rf mine
cp -r old mine
echo '# of the third try' >>mine/options.toml
rm mine/checkpoint.safetensors mine/model.safetensors
run train --out mine --resume
expect_equal 'a comment in options.toml stays when the run goes on as before' \
  "$status $(weights mine) $(tail -n 1 mine/options.toml)" "0 $(weights old) # of the third try"
rm mine/manifold.png && mkdir mine/manifold.png
run train --out mine --resume --epochs 4
expect_equal 'a folder under the name of a picture is refused' "$status $(wc -l <err) $(grep -c manifold.png err)" '2 1 1'
rmdir mine/manifold.png
echo 'my own work' >other-name
rm -f mine/lock
ln other-name mine/lock
run train --out mine --overwrite "${kSmall[@]}" --epochs 1
expect_equal 'a lock with another name is refused and stays' "$status $(wc -l <err) $(<other-name)" '2 1 my own work'
rm mine/lock
for name in thesis.tmp.2024 model.safetensors.tmp.1 .handgrad-notes.tmp samples.txt; do echo 'my own work' >"mine/$name"; done
run train --out mine --overwrite "${kSmall[@]}" --epochs 1
run train --out mine --resume --epochs 2
expect_equal 'and files of other names stay, whatever they look like' \
  "$status $(cat mine/thesis.tmp.2024 mine/model.safetensors.tmp.1 mine/.handgrad-notes.tmp mine/samples.txt | sort -u)" '0 my own work'

# --- Modes ---

rm -rf private
cp -r old private
chmod 600 private/*
run train --out private --resume --epochs 3
expect_empty 'files that others may not read stay so when the run goes on' \
  "$(find private -type f ! -perm 600 ! -name checkpoint.safetensors.prev)"
run train --out private --overwrite "${kSmall[@]}" --epochs 1
expect_empty 'and when it is replaced' "$(find private -type f ! -perm 600 ! -name lock)"

# --- Output that goes away ---

# A reader that takes some lines and goes.
for lines in 1 3 7; do
  rm -rf piped
  { timeout 60 "$app" train "${kSmall[@]}" --epochs 40 --out piped 2>err </dev/null || echo "$?" >status; } | head -n "$lines" >/dev/null || true
  expect_equal "train | head -n $lines: status 4, one line, a checkpoint" \
    "$(<status) $(wc -l <err) $(test -s piped/checkpoint.safetensors && echo yes)" '4 1 yes'
  run train --out piped --resume "${kSmall[@]}" --epochs 40
  [[ -e whole ]] || { run train --out whole "${kSmall[@]}" --epochs 40; }
  expect_equal 'and it goes on to the same weights' "$(weights piped)" "$(weights whole)"
done
rm -rf full
status=0
timeout 60 "$app" train "${kSmall[@]}" --epochs 2 --out full >/dev/full 2>err </dev/null || status=$?
expect_equal 'train > a full disk: the same' "$status $(wc -l <err) $(test -s full/checkpoint.safetensors && echo yes)" '4 1 yes'

# --- Large images ---

# 20 images of 900 x 900 in a tenth of the memory that 400 of them would take.
mkdir large
images() { header '\03' "$1" 900 900 && head -c $((810000 * $1)) /dev/zero | tr '\0' '\100'; }
images 12 >large/train-images-idx3-ubyte
images 4 >large/t10k-images-idx3-ubyte
{ header '\01' 12 && labels 12; } >large/train-labels-idx1-ubyte
{ header '\01' 4 && labels 4; } >large/t10k-labels-idx1-ubyte
run train --data large --hidden 2 --batch-size 12 --epochs 1 --out largest
expect_equal 'images of 900 x 900 are trained, with pictures and a line for each that is bounded' \
  "$status $(find largest -name '*.png' | wc -l) $(grep -c '^mnist_vae: warning: .*png has' err)" '0 3 2'
# side PICTURE: the longer side.
side() { od -An -tu1 -j16 -N8 "$1" | awk '{ w = $3 * 256 + $4; h = $7 * 256 + $8; print (w > h ? w : h) }'; }
for picture in largest/*.png; do
  expect "${picture#largest/} has 4096 pixels a side at most" test "$(side "$picture")" -le 4096
done
run sample largest --count 10000
expect_equal 'sample --count 10000 of such images shows those there is room for' \
  "$status $(wc -l <err) $(side largest/sample.png)" '0 1 3610'
run reconstruct old --data data --count 40 --output forty.png
expect_equal 'what has room is shown without a word' "$status $(wc -c <err)" '0 0'

# --- Numbers that diverge ---

diverge() {
  local what=$1
  shift
  rm -rf diverged
  run train --out diverged --data data --hidden 8 --epochs 9 "$@"
  expect_equal "$what: status 5, one line" "$status $(wc -l <err)" '5 1'
  if [[ ! -e diverged ]]; then
    ok "$what: nothing was saved"
    return
  fi
  expect_empty "$what: no number of the log is not finite" "$(grep -i -e nan -e inf diverged/log.csv)"
  run train --out diverged --resume
  expect_equal "$what: the last checkpoint can be read, and diverges again" "$status $(wc -l <err)" '5 1'
}
diverge 'validation diverges' --optimizer sgd --batch-size 96 --lr 20
diverge 'weights diverge' --optimizer sgd --batch-size 32 --lr 3e38
diverge 'the KL divergence diverges' --batch-size 32 --beta 1e38
diverge 'with checkpoints between' --optimizer sgd --batch-size 8 --lr 2 --checkpoint-every 1

# --- Signals when all is saved ---

# A training that is stopped before it writes its page: the page goes through a device that blocks.
if strace -o /dev/null true 2>/dev/null; then
  for signal in TERM INT; do
    rm -rf late
    # The first picture after the last checkpoint: the signal is sent by the call that replaces it.
    n=$(strace -qq -e trace=rename -o calls "$app" train "${kSmall[@]}" --epochs 1 --out late --quiet >/dev/null 2>&1 </dev/null
      grep -n 'manifold.png' calls | head -n 1 | cut -d : -f 1)
    rm -rf late
    { strace -qq -o calls -e trace=rename -e "inject=rename:signal=$signal:when=$n" \
      "$app" train "${kSmall[@]}" --epochs 1 --out late --quiet >out 2>err </dev/null; } 2>/dev/null && status=0 || status=$?
    expect_equal "$signal after the last checkpoint: the page is written, nothing announced, death by the signal" \
      "$(grep -c "killed by SIG$signal" calls) $(test -s late/report.html && echo page) $(wc -c <err)" '1 page 0'
  done
else
  skip 'strace cannot be used here: no signal comes at a certain call'
fi

# --- Checkpoints that were made up ---

rm -rf base
run train --out base "${kSmall[@]}" --epochs 2
run train --out base-more "${kSmall[@]}" --epochs 4
for change in step=9000000000000000000 epoch=-5 epoch=9223372036854775807 'epoch=4 step=9' batch=-1 batch=3 \
  batch=9223372036854775807 loss_sum=1 recon_sum=nan kl_sum=inf seconds=-1 clamped_logvars=-1 \
  best_epoch=7 best_epoch=0 best_val_loss=0.5 best_val_loss=inf best_val_loss=nan 'epoch=1 step=0 best_epoch=1' \
  'batch=1 step=7 recon_sum=2000 loss_sum=2000' 'batch=1 step=7 seconds=1 kl_sum=-1e6 loss_sum=-1e6' \
  'batch=1 step=7 seconds=1 recon_sum=-100 loss_sum=-100' 'batch=1 step=7 seconds=1 recon_sum=1e300 loss_sum=1e300' \
  'batch=1 step=7 seconds=1' 'batch=1 step=7 seconds=1e300 recon_sum=2000 loss_sum=2000' best_val_loss=-1e6 \
  options_hash=0000; do
  rm -rf forged
  cp -r base forged
  for file in checkpoint.safetensors checkpoint.safetensors.prev; do
    # shellcheck disable=SC2086 # one change or two
    forge "forged/$file" $change
  done
  before=$(contents forged)
  run train --out forged --resume --epochs 4
  expect_refused "a checkpoint with $change is refused" 3 checkpoint.safetensors
  expect_same 'and no file is touched' forged "$before"
  cp base/checkpoint.safetensors.prev forged
  run train --out forged --resume --epochs 4
  expect_equal 'the one before is taken, to the same weights' "$status $(grep -c 'checkpoint before' err) $(weights forged)" \
    "0 1 $(weights base-more)"
done
cp -r base changed
sed -i 's/^seed = .*/seed = 5/' changed/options.toml
run train --out changed --resume --epochs 4
expect_refused 'a checkpoint of other options than options.toml has is refused' 3 'other options'
cp -r base kept
sed -i 's/^patience = .*/patience = 7/; s/^threads = .*/threads = 1/; s/^epochs = .*/epochs = 4/' kept/options.toml
run train --out kept --resume
expect_equal 'options that decide no bit may be changed' "$status $(weights kept)" "0 $(weights base-more)"
cp -r base short
rm short/checkpoint.safetensors.prev
sed -i '$d' short/log.csv
run train --out short --resume --epochs 4
expect_refused 'a log that ends before its checkpoint is refused' 3 log.csv
for row in '1,0,zz' '2,7,00' '1,0'; do
  rm -rf unreadable
  cp -r base unreadable
  sed -i "2s/.*/$row/" unreadable/samples.csv
  before=$(contents unreadable)
  run train --out unreadable --resume --epochs 4
  expect_refused "samples that the page could not show are found before training: $row" 3 'samples.csv, line 2'
  expect_same 'and no file is touched' unreadable "$before"
done
for size in 40 300; do
  rm -rf cut
  cp -r base cut
  # Of the last epoch's samples that the checkpoint counts on, some are gone.
  truncate -s "-$size" cut/samples.csv
  run train --out cut --resume --epochs 4
  expect_equal "samples that end within an epoch do not end training ($size bytes less)" \
    "$status $(weights cut) $(grep -c '^4,' cut/samples.csv)" "0 $(weights base-more) $(grep -c '^4,' base-more/samples.csv)"
  run report cut
  expect_equal 'and the page shows those that are whole' "$status $(<err)" '0 '
done
for row in '1,0,nan,0,0,0,0,0' '1,1,1,1,1,1,1,1' 'nonsense'; do
  rm -rf unreadable
  cp -r base unreadable
  sed -i "2s/.*/$row/" unreadable/latents.csv
  before=$(contents unreadable)
  run train --out unreadable --resume --epochs 4
  expect_refused "latents that no training wrote are found before it goes on: $row" 3 'latents.csv, line 2'
  expect_same 'and no file is touched' unreadable "$before"
done
rm -rf cut
cp -r base cut
truncate -s -40 cut/latents.csv
run train --out cut --resume --epochs 4
expect_equal 'latents that end within an epoch do not end training' "$status $(weights cut)" "0 $(weights base-more)"
run train --out cut --resume --epochs 5
expect_equal 'also when it goes on once more' "$status" 0
cp -r base far
rm far/*.csv
for file in checkpoint.safetensors checkpoint.safetensors.prev; do
  forge "far/$file" epoch=900000001 step=2700000000 best_epoch=1
done
run train --out far --resume
expect_refused 'epochs that the model has not seen are refused, also without the logs' 3 checkpoint model.safetensors
cp -r base bare
rm bare/log.csv bare/latents.csv bare/samples.csv
run train --out bare --resume --epochs 4
expect_equal 'a log that is missing begins where the run goes on' \
  "$status $(cut -d , -f 1 bare/log.csv | tr '\n' ' ') $(weights bare)" "0 epoch 3 4  $(weights base-more)"
cp -r base headless
rm headless/checkpoint.safetensors*
before=$(contents headless)
run train --out headless --resume --epochs 4
expect_refused 'a run that lost its checkpoint does not begin again by itself' 3 headless checkpoint
expect_same 'and stays' headless "$before"

# --- The lock of another user ---

if [[ $(id -u) == 0 ]]; then
  mkdir -m 777 room
  cp -r data room/data
  chmod -R a+rX room
  (umask 022 && echo 12 >room/lock)
  status=0
  (cd room && setpriv --reuid=65534 --regid=65534 --clear-groups "$app" train "${kSmall[@]}" --epochs 1 --out .) \
    >out 2>err </dev/null || status=$?
  expect_equal 'a lock of another user that can be read can be locked' "$status $(wc -c <err)" '0 0'
  chmod 600 room/lock
  status=0
  (cd room && setpriv --reuid=65534 --regid=65534 --clear-groups "$app" train "${kSmall[@]}" --resume --epochs 2 --out .) \
    >out 2>err </dev/null || status=$?
  expect_equal 'one that cannot is named with the reason' "$status $(grep -c 'lock: cannot be opened: Permission denied' err)" '4 1'
else
  skip 'without being root nobody else is at hand whose lock could be met'
fi

all_cases_ok
