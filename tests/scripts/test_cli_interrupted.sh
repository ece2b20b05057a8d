#!/usr/bin/env bash
# Trainings that are interrupted, killed or met by a second process: the run folder stays usable,
# and what is resumed ends with the bits of a training that nothing happened to. No case depends on
# how far a training gets before it is interrupted: it is resumed up to some epochs more, and
# compared with an uninterrupted training of as many.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000

# --- Running and judging ---

# Every background process of a job has its own process group, as in a terminal.
set -m
cleanup() {
  [[ -z ${job-} ]] || kill -KILL -- -"$job" 2>/dev/null || true
  rm -rf -- "$tmp"
}
trap cleanup EXIT

run() {
  status=0
  timeout --foreground 60 "$app" "$@" >out 2>err </dev/null || status=$?
}
readonly kEndless=1000000
readonly kTiny=(--data data --hidden 8 --batch-size 8)
# With more threads than idle processors, batches of one image take very long.
readonly kDigits=(--data "$root/apps/mnist_vae/sample" --hidden 64 --batch-size 1 --threads 1)

# start FOLDER OPTION...: a training without end in the background, of a shell that says on its
# standard output how the app ended, unless a signal killed the shell too. Sets job and pid. INT is
# given its default meaning, which it does not have if this script itself runs in the background, and HUP.
start() {
  rm -rf -- "$1"
  # shellcheck disable=SC2016 # for the inner shell
  env --default-signal=INT,HUP bash -c '"$@"; echo "the shell goes on: $?"' shell \
    "$app" train --epochs "$kEndless" --out "$@" >job.out 2>job.err </dev/null &
  job=$!
  wait_for_rows "$1" 0
  pid=$(<"$1/lock")
}
rows() { if [[ -s $1/log.csv ]]; then echo $(($(wc -l <"$1/log.csv") - 1)); else echo -1; fi; }
# wait_for_rows FOLDER N: until the log has N rows, or the training has ended.
wait_for_rows() {
  while [[ $(rows "$1") -lt $2 ]]; do
    kill -0 "$job" 2>/dev/null || break
    sleep 0.01
  done
}
# Waits for the end of the job; sets job_status, that of the shell.
finish() {
  job_status=0
  { wait "$job" || job_status=$?; } 2>/dev/null
  job=''
}

losses() { cut -d , -f 1-9 "$1/log.csv"; }
sums() { (cd -- "$1" && sha256sum -- model.safetensors best.safetensors ./*.png); }
# Resumes the run in FOLDER for some epochs more than it has, and compares.
# expect_resumable WHAT FOLDER OPTION...
expect_resumable() {
  local what=$1 folder=$2 epochs reference
  shift 2
  epochs=$(($(rows "$folder") + 1))
  [[ $epochs -ge 1 ]] || epochs=1
  reference=reference-$(sha256sum <<<"$epochs $*" | head -c 12)
  [[ -e $reference ]] || run train --out "$reference" --epochs "$epochs" "$@"
  run train --out "$folder" --resume --epochs "$epochs" "$@"
  if [[ $status != 0 || -s err ]]; then
    not_ok "$what" "resuming ended with status $status: $(<err)"
    return
  fi
  expect_equal "$what" "$(losses "$folder") $(sums "$folder")" \
    "$(losses "$reference") $(sums "$reference")"
  expect_empty 'and no temporary file is left' "$(find "$folder" -name '*.tmp*')"
}

# --- Ctrl-C and TERM ---

for signal in INT TERM HUP; do
  start "by-$signal" "${kTiny[@]}"
  wait_for_rows "by-$signal" 2
  # Ctrl-C goes to all processes of a terminal; a service manager's TERM to one.
  if [[ $signal == INT ]]; then kill -INT -- -"$job"; else kill -"$signal" "$pid"; fi
  finish
  expect "$signal: a message on standard error" grep -q '^mnist_vae: stopping' job.err
  expect "$signal: the output says how to go on" \
    grep -qF -e "mnist_vae train --resume --out by-$signal" job.out
  # A shell ends with a program that Ctrl-C killed, but not with one that merely returns 130; and it
  # says so if a program was killed by another signal.
  if [[ $signal == INT ]]; then
    expect_equal 'INT: killed by the signal, status 130' \
      "$job_status $(grep -c 'the shell goes on' job.out)" '130 0'
  else
    expect "$signal: killed by the signal" grep -q -e Terminated -e Hangup job.err
    expect "$signal: its status" grep -qx "the shell goes on: $((128 + $(kill -l "$signal")))" job.out
  fi
  expect "$signal: there is a checkpoint" test -s "by-$signal/checkpoint.safetensors"
  expect_resumable "$signal: resumed, it ends with the same bits" "by-$signal" "${kTiny[@]}"
done

# Nobody's Ctrl-C ends what runs in the background of a script, nor a lost connection what nohup runs.
for signal in INT HUP TERM; do
  rm -rf "deaf-$signal"
  env --ignore-signal="$signal" "$app" train "${kTiny[@]}" --epochs 30 --out "deaf-$signal" >job.out 2>job.err </dev/null &
  job=$!
  wait_for_rows "deaf-$signal" 1
  kill -"$signal" "$job" 2>/dev/null || true
  finish
  expect_equal "$signal: a training whose parent has it ignored comes to its end" \
    "$job_status $(rows "deaf-$signal") $(wc -c <job.err)" '0 30 0'
done

start twice "${kDigits[@]}"
kill -INT "$pid"
kill -INT "$pid" 2>/dev/null || true
finish
expect 'Ctrl-C twice: killed by the signal' test "$job_status" = 130 -o \
  "$(grep -c 'the shell goes on: 130' job.out)" = 1
expect_resumable 'Ctrl-C twice: resumed, it ends with the same bits' twice "${kDigits[@]}"

# An epoch of this takes so long that a signal comes in the middle of one, at the latest when tried
# for the fifth time.
for _ in 1 2 3 4 5; do
  start middle "${kDigits[@]}"
  kill -TERM "$pid"
  finish
  batch=$(grep -ao '"batch":"[0-9]*"' middle/checkpoint.safetensors | tr -dc 0-9)
  [[ $batch == 0 ]] || break
done
if [[ $batch == 0 ]]; then
  skip 'no training was interrupted in the middle of an epoch'
else
  expect_resumable 'interrupted in the middle of an epoch, it ends with the same bits' \
    middle "${kDigits[@]}"
fi

start quiet "${kTiny[@]}" --quiet
kill -TERM "$pid"
finish
expect 'an interrupted training tells its folder, also with --quiet' \
  grep -qF -e '--resume --out quiet' job.out

# --- Killed ---

# killed WHAT ROWS SECONDS OPTION...: KILL so long after so many rows are in the log.
killed() {
  local what=$1 rows=$2 seconds=$3
  shift 3
  start victim "$@"
  wait_for_rows victim "$rows"
  sleep "$seconds"
  kill -KILL "$pid"
  finish
  expect_resumable "killed $what, resumed, it ends with the same bits" victim "$@"
}
killed 'as soon as there is a log' 0 0 "${kTiny[@]}"
killed 'with pixels drawn anew for every epoch' 1 0.01 "${kTiny[@]}" --binarize dynamic --hold-out 9 \
  --shuffle off --checkpoint-every 1
killed 'a moment later' 0 0.01 "${kTiny[@]}"
killed 'after the first epoch' 1 0 "${kTiny[@]}"
killed 'a moment later' 1 0.02 "${kTiny[@]}"
killed 'among many checkpoints' 0 0.05 "${kTiny[@]}" --checkpoint-every 1
killed 'between two of many checkpoints' 1 0.03 "${kTiny[@]}" --checkpoint-every 5
killed 'in a long epoch with checkpoints' 0 0.1 "${kDigits[@]}" --checkpoint-every 50

# A process that was killed while it appended to the log, or before it saved the checkpoint.
run train --out cut --epochs 3 "${kTiny[@]}"
cp -r cut early
for torn in '4,48,1' '4,48,1,1,1,1,1,1,1,1,1,1,1
'; do
  rm -rf -- cut
  cp -r early cut
  printf '%s' "$torn" >>cut/log.csv
  run train --out cut --resume --epochs 4 "${kTiny[@]}"
  run train --out whole --overwrite --epochs 4 "${kTiny[@]}"
  expect_equal 'a row that the checkpoint does not know is dropped' \
    "$(losses cut) $(sums cut)" "$(losses whole) $(sums whole)"
done

# --- Two processes ---

start shared "${kTiny[@]}"
wait_for_rows shared 1
for way in --resume --overwrite; do
  run train --out shared "$way" "${kTiny[@]}" --epochs 2
  expect_equal "a second process with $way is refused in one line that names folder and process" \
    "$status $(wc -c <out) $(wc -l <err) $(grep -c "shared.*$pid" err)" '2 0 1 1'
done
expect "the first one goes on" kill -0 "$pid"
wait_for_rows shared $(($(rows shared) + 1))
kill -TERM "$pid"
finish
expect_resumable 'and lost nothing' shared "${kTiny[@]}"

all_cases_ok
