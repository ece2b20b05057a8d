#!/usr/bin/env bash
# Training on several ranks, with MPI: the bits do not depend on their number, errors are told once,
# and a rank that dies takes nothing with it. On one machine, and across two networks.
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"
# shellcheck source=tests/scripts/support/kills.sh
source "$root/tests/scripts/support/kills.sh"
# shellcheck source=tests/scripts/support/ranks.sh
source "$root/tests/scripts/support/ranks.sh"

# --- The same bits ---

# same_bits WHAT OPTION...: the ordinary build computes what 1, 2 and 4 ranks are compared with.
same_bits() {
  local what=$1 n
  shift
  run train --out alone --overwrite "${kSmall[@]}" --epochs 2 "$@"
  results alone >expected
  expect_equal "$what: alone" "$status$(<err)" 0
  for n in 1 2 4; do
    ranks "$n" train --out several --overwrite "${kSmall[@]}" --epochs 2 "$@"
    expect_equal "$what: $n ranks compute the same bits" "$status $(<errors) $(results several)" \
      "0  $(<expected)"
  done
}
same_bits 'four shards' "${kShards[@]}"
# Without times, and what is told of ranks.
lines() { grep -vE '^(machine|run) |^[0-9].* s |^pictures|^all of it' "$1" | cut -c 1-60; }
cp out several.out
run train --out alone --overwrite "${kSmall[@]}" "${kShards[@]}" --epochs 2
expect_equal 'one rank alone prints, and no escape sequence' "$(lines several.out)" "$(lines out)"
expect 'the header tells of ranks' grep -q ', 4 shards on 4 ranks' several.out
expect 'the summary tells of communication' \
  grep -qE '^[0-9.]+ s of [0-9.]+ s in steps went into communication between 4 ranks' several.out
same_bits 'two samples of z and a sum' "${kShards[@]}" --objective iwae --samples 2 --reduction sum \
  --lr 1e-5 --check-numerics
seven=("${kSmall[@]}" --epochs 2 --binarize dynamic --clip-norm 1 --shards 7)
ranks 3 train --out several --overwrite "${seven[@]}" --sparsity off
run train --out alone --overwrite "${seven[@]}"
expect_equal 'seven shards on three ranks, black and white, clipped' "0 $(results several)" \
  "$status $(results alone)"

ranks 2 train --out several --overwrite "${kSmall[@]}" "${kShards[@]}" --epochs 1 --profile --trace trace.json
expect '--profile has a row for the exchange' grep -q '^exchange ' out
expect '--trace has it too' grep -q '"exchange"' trace.json

# --- Resumed on another number of ranks ---

ranks 4 train --out moved "${kSmall[@]}" "${kShards[@]}" --epochs 1
ranks 2 train --out moved "${kSmall[@]}" "${kShards[@]}" --epochs 2 --resume
run train --out moved --epochs 3 --resume
run train --out whole "${kSmall[@]}" "${kShards[@]}" --epochs 3
expect_equal 'an epoch each on 4 ranks, on 2, and alone: the bits of one training' "$(results moved)" \
  "$(results whole)"
ranks 2 train --out moved --resume --shards 2
expect_equal 'resuming with another number of shards is refused' \
  "$status $(grep -c -- '--shards: differs' errors)" '2 1'

# --- Errors ---

# told WHAT STATUS TEXT: the last job ended with the status, told one line that has the text, and
# printed nothing.
told() {
  expect_equal "$1: status $2, and one line of one rank" \
    "$status $(wc -l <errors) $(grep -c -e "$3" errors) $(wc -c <out)" "$2 1 1 0"
}
ranks 2 train --out no --data ranks-data --shards 1
told 'more ranks than shards' 2 '--shards: fewer than .*: found 1, expected at least 2'
expect 'and no folder is made' test ! -e no
ranks 2 train --out no --latent 0
told 'a bad option' 2 '--latent'
ranks 2 train --out no --data missing --shards 2
told 'missing data' 3 'missing'
touch file
ranks 2 train --out file "${kSmall[@]}" "${kShards[@]}"
told 'a folder that cannot be made' 4 'file'
ranks 2 evaluate alone
told 'another command' 2 'mpirun: this command runs as one process'
ranks 2 train --out diverged "${kSmall[@]}" "${kShards[@]}" --lr 1e30 --quiet
told 'a loss that is not finite' 5 'epoch 1, batch 2: the loss is not finite'
cp errors several.errors
run train --out diverged --overwrite "${kSmall[@]}" "${kShards[@]}" --lr 1e30 --quiet
expect_equal 'in the words of one rank' "$(<several.errors)" "$(<err)"
ranks 4 train --out diverged --overwrite "${kSmall[@]}" "${kShards[@]}" --lr 1e30 --quiet --check-numerics
told 'the first number that is not finite, on a rank that is not the first' 5 \
  'epoch 1, batch [0-9]*\(, shard [0-9]\)\?: '
cp errors several.errors
run train --out diverged --overwrite "${kSmall[@]}" "${kShards[@]}" --lr 1e30 --quiet --check-numerics
expect_equal 'in the words of one rank' "$(<several.errors)" "$(<err)"
ranks 2 --version
expect_equal '--version is printed once' "$status $(grep -c mnist_vae out)" '0 1'
status=0
timeout 60 mpirun -np 2 "$app" train --out no "${kSmall[@]}" "${kShards[@]}" >out 2>err </dev/null || status=$?
expect_equal 'a build without MPI refuses to be several' \
  "$status $(grep -c '^mnist_vae: \(rank 1: \)\?mpirun: this build runs as one process' err)" '2 2'

# --- Signals ---

# For the batch under way and the checkpoint, on a machine that has other work.
export OMPI_MCA_odls_base_sigkill_timeout=3
for signal in TERM INT; do
  rm -rf -- stopped
  start_ranks 2 train --out stopped "${kSmall[@]}" "${kShards[@]}" --epochs 100000
  while kill -0 "$job" 2>/dev/null && ! grep -q '^2,' stopped/log.csv 2>/dev/null; do sleep 0.05; done
  kill -"$signal" "$job"
  wait_for_end "$job"
  epochs=$(($(tail -n 1 stopped/log.csv | cut -d , -f 1) + 1))
  expect_equal "SIG$signal to mpirun ends the job, not with 0, within 10 s" \
    "$((status != 0)) $((took < 10000))" '1 1'
  expect "with a checkpoint after the batch under way" \
    grep -q 'interrupted in epoch .*; go on with: mnist_vae train --resume --out stopped' out
  ranks 4 train --out stopped --resume --epochs "$epochs" --quiet
  run train --out whole --overwrite "${kSmall[@]}" "${kShards[@]}" --epochs "$epochs" --quiet
  expect_equal 'from where it goes on to the same bits' "$(results stopped)" "$(results whole)"
done

export OMPI_MCA_odls_base_sigkill_timeout=1
kill_ranks 5

# --- Two networks ---

# Two network namespaces, with host names of their own, that nothing but a pair of virtual cards
# connects. Each is a machine to mpirun: in place of ssh it is given a script that enters them.
readonly kSpace=handgrad-$$ kLink=hg$$
remove_networks() {
  ip netns delete "$kSpace-1" 2>/dev/null || true
  ip netns delete "$kSpace-2" 2>/dev/null || true
}
make_networks() {
  local n
  for n in 1 2; do ip netns add "$kSpace-$n" || return; done
  ip link add "${kLink}a" netns "$kSpace-1" type veth peer name "${kLink}b" netns "$kSpace-2" || return
  ip -n "$kSpace-1" address add 10.231.77.1/24 dev "${kLink}a" &&
    ip -n "$kSpace-2" address add 10.231.77.2/24 dev "${kLink}b" &&
    ip -n "$kSpace-1" link set "${kLink}a" up && ip -n "$kSpace-2" link set "${kLink}b" up &&
    ip -n "$kSpace-1" link set lo up && ip -n "$kSpace-2" link set lo up
}
received() { ip netns exec "$kSpace-1" cat "/sys/class/net/${kLink}a/statistics/rx_bytes"; }

trap 'remove_networks; rm -rf -- "$tmp"' EXIT
if ! reason=$(make_networks 2>&1); then
  skip "two networks: they cannot be made here: $reason"
else
  # enter HOST COMMAND...: what mpirun calls for the second machine; and for the first, below.
  cat >enter <<ENTER
#!/bin/sh
space=$kSpace-\${1##*.}
shift
exec ip netns exec "\$space" unshare --uts sh -c "hostname \$space; exec \$*"
ENTER
  chmod +x enter
  link=(--mca btl "self,tcp" --mca btl_tcp_if_include 10.231.77.0/24
    --mca oob_tcp_if_include 10.231.77.0/24)
  before=$(received)
  status=0
  timeout 120 ./enter 10.231.77.1 mpirun -np 2 --host "10.231.77.1:1,10.231.77.2:1" \
    --mca plm_rsh_agent "$PWD/enter" "${link[@]}" "$mpi_app" train --out networks --epochs 2 \
    "${kSmall[@]}" "${kShards[@]}" >out 2>err </dev/null || status=$?
  cp out networks.out
  run train --out alone --overwrite "${kSmall[@]}" "${kShards[@]}" --epochs 2
  expect_equal 'two ranks in two networks compute the bits of one' \
    "$status $(grep -c 'shards on 2 ranks' networks.out) $(results networks)" "0 1 $(results alone)"
  # 18 steps, in each of which half of the gradients (4 bytes each) come from the other rank twice.
  weights=$(sed -n 's/^model .* \([0-9]*\) parameters.*/\1/p' out)
  expect 'all gradients went through the wire' test $(($(received) - before)) -gt $((18 * 4 * weights))
fi

all_cases_ok
