# shellcheck shell=bash
# What the scripts share that train on several ranks. To be sourced after machines.sh and kills.sh;
# afterwards:
#   $mpi_app       mnist_vae, built with -Dmpi=enabled
#   ranks          runs it on some ranks
#   kill_one_rank  starts it, kills one of its processes, and waits for the end of the others

build_variant mpi -- --buildtype=release -Dmpi=enabled -Dtests=disabled
# shellcheck disable=SC2154 # build_variant sets variant
readonly mpi_app=$variant/apps/mnist_vae/mnist_vae

# As root, with more ranks than processors, and in a sandbox that lets no process read another's
# memory. mpirun waits so many seconds before, and again after, it asks processes to end.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMPI_MCA_odls_base_sigkill_timeout=1 OMP_NUM_THREADS=1

# ranks N ARGUMENT...: sets status; what all ranks wrote is in the files out and err, and the lines of
# mnist_vae in errors, without those of mpirun.
ranks() {
  local n=$1
  shift
  status=0
  timeout 120 mpirun -np "$n" "$mpi_app" "$@" >out 2>err </dev/null || status=$?
  grep '^mnist_vae: ' err >errors || true
}

# 512 images: the last batch has 32. What is computed is told by `results`, of kills.sh.
digits ranks-data
readonly kSmall=(--data ranks-data --hidden 24 --batch-size 60) kShards=(--shards 4)

# wait_for_end PID: until the process has ended; sets status and, in milliseconds, took. It is killed
# after 30 s.
wait_for_end() {
  local begin
  begin=$(milliseconds)
  while kill -0 "$1" 2>/dev/null && (($(milliseconds) - begin < 30000)); do sleep 0.05; done
  took=$(($(milliseconds) - begin))
  kill -KILL "$1" 2>/dev/null || true
  status=0
  { wait "$1" || status=$?; } 2>/dev/null
}

# start_ranks N ARGUMENT...: in the background; sets job, mpirun's process.
start_ranks() {
  local n=$1
  shift
  mpirun -np "$n" "$mpi_app" "$@" >out 2>err </dev/null &
  job=$!
}

# kill_one_rank MILLISECONDS N: after that time, one of the N processes of $job.
kill_one_rank() {
  local processes=()
  sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
  while kill -0 "$job" 2>/dev/null; do
    # It has no line feed at its end, which read takes for a failure.
    read -ra processes 2>/dev/null <"/proc/$job/task/$job/children" || true
    if [[ ${#processes[@]} == "$2" ]]; then
      kill -KILL "${processes[RANDOM % $2]}" 2>/dev/null || true
      return 0
    fi
    sleep 0.02
  done
}

# kill_ranks ROUNDS: a training on three ranks is started again and again, and one of them killed at a
# random moment, until that has happened ROUNDS times.
kill_ranks() {
  local rounds=$1 seed=${KILL_SEED:-$(($(date +%s) % 32768))} begin whole round=0
  local options=("${kSmall[@]}" "${kShards[@]}" --epochs 3 --checkpoint-every 2 --quiet)
  local killed=0 finished=0 slow='' wrong='' different=''
  echo "the delays come from KILL_SEED=$seed"
  RANDOM=$seed
  begin=$(milliseconds)
  ranks 3 train --out kill-whole "${options[@]}"
  whole=$(($(milliseconds) - begin))
  expect_equal 'a training that nothing happens to' "$status $(<errors)" '0 '
  results kill-whole >expected
  rm -rf -- victim
  while [[ $killed -lt $rounds && -z $slow$wrong$different ]]; do
    round=$((round + 1))
    start_ranks 3 train --out victim --resume "${options[@]}"
    kill_one_rank $((RANDOM * whole / 32768)) 3
    wait_for_end "$job"
    if [[ $status == 0 ]]; then
      finished=$((finished + 1))
      cmp -s <(results victim) expected || different+="round $round; "
      rm -rf -- victim
      continue
    fi
    killed=$((killed + 1))
    [[ $took -lt 10000 ]] || slow+="round $round: $took ms; "
    # mpirun's own status for a process that a signal ended.
    [[ $status == 137 ]] || wrong+="round $round: status $status, $(<err); "
  done
  ranks 2 train --out victim --resume "${options[@]}"
  [[ $status == 0 ]] || wrong+="the last round: status $status, $(<err)"
  cmp -s <(results victim) expected || different+='the last round'
  expect_empty "$killed times one rank was killed: each time all had ended within 10 s" "$slow"
  expect_empty 'with the status of a kill, and the next start goes on' "$wrong"
  expect_empty "$((finished + 1)) trainings came to their end, each with the same bits" "$different"
  expect_empty 'and no temporary file is left' "$(find . -name '*.tmp*')"
}
