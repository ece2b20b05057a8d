#!/usr/bin/env bash
# Measures handgrad beside PyTorch, Keras, JAX, oneDNN and OpenBLAS, and prints tables.
set -euo pipefail
# A shell may have set these, and no script means them.
unset CDPATH POSIXLY_CORRECT GZIP TAR_OPTIONS
shopt -u inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root
readonly here=$root/tests/peers build=${HANDGRAD_BUILD:-$root/build}

readonly -a kTrainers=(handgrad handgrad-dense torch-eager torch-eager-fused torch-compiled torch-bf16
  keras-tensorflow keras-tensorflow-jit keras-jax jax-step jax-epoch)
readonly -a kLibraries=(handgrad onednn openblas)
readonly kTimeLimit=3600 # seconds for one run of one program, against one that hangs

readonly kUsage="Usage: tests/peers/run.sh [OPTIONS]

Trains the same VAE on MNIST with handgrad and its peers, multiplies the same matrices, and prints one
table for each network and number of threads, in Markdown. Every run of a program is a process of its
own; a round runs each program once. What is missing is installed by tests/peers/install.sh.

  --rounds N       rounds [3]
  --epochs N       epochs of one training, of which the first does not count; at least 2 [5]
  --nets LIST      networks to train, as 784-HIDDEN-LATENT [784-512-2,784-400-20]
  --threads LIST   numbers of threads, each on as many processors [1,2]
  --only LIST      gemm (the products), train, or programs by name; handgrad always runs beside them:
                     ${kTrainers[*]:0:6}
                     ${kTrainers[*]:6}
                     ${kLibraries[*]:1}
  --out FILE       write the tables into FILE too
  --peers DIR      where install.sh put its environments [build/peers]
  --help           this text

HANDGRAD_DATA, or else data/mnist of this project, holds the data; without it, MNIST is fetched. The
results stay in DIR/results until the next run; tests/peers/table.py makes the tables from them again.

Exit status: 0 if every program has run in every round, 1 if handgrad, the data or the tables could not
be made, 2 for wrong usage, 3 if a peer is missing or failed; the tables say which, and why."

rounds=3 epochs=5 nets=784-512-2,784-400-20 threads_list=1,2 only='' out='' peers=$root/build/peers

complain() { echo "run: $*" >&2; }
fail() {
  complain "$@"
  exit 1
}
wrong_usage() {
  complain "$@" '(--help shows the options)'
  exit 2
}

# --- What to run ---

parse_options() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --help | -h)
        echo "$kUsage"
        exit
        ;;
      --rounds | --epochs | --nets | --threads | --only | --out | --peers)
        [[ -n ${2-} ]] || wrong_usage "$1: found no value"
        case $1 in
          --rounds) rounds=$2 ;;
          --epochs) epochs=$2 ;;
          --nets) nets=$2 ;;
          --threads) threads_list=$2 ;;
          --only) only=$2 ;;
          --out) out=$2 ;;
          --peers) peers=$2 ;;
        esac
        shift 2
        ;;
      *) wrong_usage "unknown option $1" ;;
    esac
  done
  local number='^[1-9][0-9]{0,3}$' item
  [[ $rounds =~ $number ]] || wrong_usage "--rounds $rounds: expected a number from 1 on"
  [[ $epochs =~ $number && $epochs != 1 ]] || wrong_usage "--epochs $epochs: expected a number from 2 on"
  for item in ${nets//,/ }; do
    [[ $item =~ ^784-[1-9][0-9]*-[1-9][0-9]*$ ]] ||
      wrong_usage "--nets $item: expected 784-HIDDEN-LATENT"
  done
  for item in ${threads_list//,/ }; do
    [[ $item =~ $number ]] || wrong_usage "--threads $item: expected numbers from 1 on"
    processors "$item" >/dev/null ||
      wrong_usage "--threads $item: found only $(nproc) processors"
  done
  for item in ${only//,/ }; do
    [[ " gemm train ${kTrainers[*]} ${kLibraries[*]} " == *" $item "* ]] ||
      wrong_usage "--only $item: expected gemm, train or the name of a program"
  done
}

# wanted SECTION PROGRAM...: prints those to run, ours first; nothing if no peer or all of the section
# is wanted.
wanted() {
  local section=$1 program
  local -a found=()
  shift
  if [[ -z $only || ,$only, == *",$section,"* ]]; then
    echo "$@"
    return
  fi
  for program in "${@:2}"; do
    [[ ,$only, != *",$program,"* ]] || found+=("$program")
  done
  if [[ ${#found[@]} -gt 0 || ,$only, == *,handgrad,* ]]; then echo "$1" "${found[@]}"; fi
}

# processors N: N of them for taskset, on cores of their own as long as there are enough; fails if
# there are fewer.
processors() {
  local processor
  local -a found=()
  for processor in $(lscpu -p=CPU,CORE,SOCKET | awk -F, '
    !/^#/ { if (seen[$2 "," $3]++) others = others " " $1; else print $1 }
    END { print others }'); do
    [[ ${#found[@]} -lt $1 ]] || break
    # A container may not use all that lscpu shows.
    if taskset -c "$processor" true 2>/dev/null; then found+=("$processor"); fi
  done
  [[ ${#found[@]} == "$1" ]] || return 1
  (IFS=,; echo "${found[*]}")
}

# --- Running one program ---

# attempt RESULT THREADS COMMAND...: what the command writes goes into RESULT.log; if it fails,
# RESULT.error says why.
attempt() {
  local result=$1 threads=$2 status=0 multi=true
  shift 2
  [[ $threads != 1 ]] || multi=false
  timeout --foreground "$kTimeLimit" taskset -c "$(processors "$threads")" env \
    OMP_NUM_THREADS="$threads" MKL_NUM_THREADS="$threads" OPENBLAS_NUM_THREADS="$threads" \
    XLA_FLAGS=--xla_cpu_multi_thread_eigen=$multi TF_CPP_MIN_LOG_LEVEL=2 CUDA_VISIBLE_DEVICES='' \
    JAX_PLATFORMS=cpu TORCHINDUCTOR_CACHE_DIR="$peers/inductor" \
    "$@" >"$result.log" 2>&1 </dev/null || status=$?
  [[ $status != 0 ]] || return 0
  if [[ $status == 124 ]]; then
    echo "took longer than $kTimeLimit s"
  else
    echo "ended with status $status: $(grep -v '^ *$' "$result.log" | tail -n 1 | cut -c 1-200)"
  fi >"$result.error"
  complain "${result#"$results/"}: $(<"$result.error")"
  return 1
}

# python_peer RESULT NET THREADS ROUND ENVIRONMENT SCRIPT [OPTION...]
python_peer() {
  local result=$1 net=$2 threads=$3 round=$4 python=$peers/$5/bin/python script=$here/$6
  local hidden=${net#784-}
  shift 6
  if [[ ! -x $python ]]; then
    echo 'not installed (tests/peers/install.sh)' >"$result.error"
    return
  fi
  attempt "$result" "$threads" "$python" -B "$script" --data "$HANDGRAD_DATA" \
    --hidden "${hidden%-*}" --latent "${net##*-}" --epochs "$epochs" --threads "$threads" \
    --seed "$round" --out "$result.json" "$@" || true
}

# ours RESULT NET THREADS ROUND SPARSITY
ours() {
  local result=$1 hidden=${2#784-}
  attempt "$result" "$3" "$build/apps/mnist_vae/mnist_vae" train --hidden "${hidden%-*}" \
    --latent "${2##*-}" --epochs "$epochs" --threads "$3" --seed "$4" --sparsity "$5" \
    --out "$work/run" --overwrite || fail 'handgrad does not train'
  cp -- "$work/run/log.csv" "$result.csv"
}

# train PROGRAM RESULT NET THREADS ROUND
train() {
  local program=$1
  shift
  case $program in
    handgrad) ours "$@" auto ;;
    handgrad-dense) ours "$@" off ;;
    torch-eager) python_peer "$@" torch vae_torch.py ;;
    torch-eager-fused) python_peer "$@" torch vae_torch.py --fused ;;
    torch-compiled) python_peer "$@" torch vae_torch.py --fused --compile ;;
    torch-bf16) python_peer "$@" torch vae_torch.py --fused --compile --bf16 ;;
    keras-tensorflow) KERAS_BACKEND=tensorflow python_peer "$@" tensorflow vae_keras.py ;;
    keras-tensorflow-jit) KERAS_BACKEND=tensorflow python_peer "$@" tensorflow vae_keras.py --jit ;;
    keras-jax) KERAS_BACKEND=jax python_peer "$@" jax vae_keras.py ;;
    jax-step) python_peer "$@" jax vae_jax.py ;;
    jax-epoch) python_peer "$@" jax vae_jax.py --scan ;;
  esac
}

# multiply LIBRARY RESULT ISA THREADS: the five products.
multiply() {
  local library=$1 result=$2 isa=$3 threads=$4
  local program=$peers/bin/gemm_$library onednn_isa=AVX2 openblas_core=Haswell
  local -a options=()
  if [[ $isa == avx512 ]]; then
    onednn_isa=AVX512_CORE openblas_core=SkylakeX
  fi
  if [[ $library == handgrad ]]; then
    program=$build/apps/kernel_bench/kernel_bench
    options=(--benchmark_filter="/threads:$threads/" --shape gemm_nn:128x512x784
      --shape gemm_nn:128x784x512 --shape gemm_nt:128x512x784 --shape gemm_tn:512x784x128
      --shape gemm_tn:784x512x128)
  elif [[ ! -x $program ]]; then
    cp -- "$program.error" "$result.error"
    return
  fi
  attempt "$result" "$threads" env HANDGRAD_ISA="$isa" ONEDNN_MAX_CPU_ISA=$onednn_isa \
    OPENBLAS_CORETYPE=$openblas_core "$program" "${options[@]}" --benchmark_out="$result.json" \
    --benchmark_out_format=json && return
  [[ $library != handgrad ]] || fail 'handgrad does not multiply'
}

# --- All of it ---

# Builds what is ours, in the present configuration or in the default one.
build_ours() {
  [[ -f $build/build.ninja ]] || meson setup "$build" "$root" --buildtype=release || return 1
  ninja -C "$build" "$@"
}

# build_library NAME MACRO LINK: a library that is missing is one that does not compile.
build_library() {
  local program=$peers/bin/gemm_$1
  rm -f -- "$program"
  if ! "${CXX:-g++}" -std=c++20 -O2 "-D$2" "$here/gemm_peers.cpp" -lbenchmark "$3" -lpthread \
    -o "$program" 2>"$program.log"; then
    echo "not installed (tests/peers/install.sh): $(grep -m 1 -E 'error|cannot find' "$program.log")" \
      >"$program.error"
    complain "$1: $(<"$program.error")"
  fi
}

find_data() {
  if [[ -z ${HANDGRAD_DATA-} ]]; then
    "$root/apps/fetch_mnist.sh" >&2 || fail 'MNIST could not be fetched (see above)'
    HANDGRAD_DATA=$root/data/mnist
  fi
  HANDGRAD_DATA=$(cd -- "$HANDGRAD_DATA" && pwd) || exit 1
  export HANDGRAD_DATA
}

describe_machine() {
  local commit
  commit=$(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)
  echo "processor=$(lscpu | sed -n 's/^Model name: *//p' | head -n 1) ($(lscpu |
    sed -nE 's/^CPU family: */family /p; s/^Model: */model /p' | paste -sd ' '))"
  echo "handgrad=$(info mnist_vae) (commit $commit, compiler $(info compiler)," \
    "$(info chosen | cut -d ' ' -f 1))"
  echo "load=$(cut -d ' ' -f 1 /proc/loadavg)"
}

# info KEY: what mnist_vae says of it.
info() { "$build/apps/mnist_vae/mnist_vae" info | sed -n "s/^$1  *//p"; }

# rounds_of KIND SECTION THREADS PROGRAM...: every program once, then again.
rounds_of() {
  local kind=$1 section=$2 threads=$3 round program folder
  shift 3
  for ((round = 1; round <= rounds; round++)); do
    for program in "$@"; do
      echo "run: round $round of $rounds: $section on $threads: $program" >&2
      folder=$results/$kind/$section/$threads/$program
      mkdir -p -- "$folder"
      if [[ $kind == gemm ]]; then
        multiply "$program" "$folder/$round" "$section" "$threads"
      else
        train "$program" "$folder/$round" "$section" "$threads" "$round"
      fi
    done
  done
}

main() {
  parse_options "$@"
  local -a libraries trainers targets=(apps/mnist_vae/mnist_vae)
  read -ra libraries <<<"$(wanted gemm "${kLibraries[@]}")"
  read -ra trainers <<<"$(wanted train "${kTrainers[@]}")"
  mkdir -p -- "$peers/bin"
  peers=$(cd -- "$peers" && pwd)
  results=$peers/results
  [[ -z $out ]] || : >"$out" || fail "$out cannot be written"
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  unset HANDGRAD_ISA # of ours alone, so it would be no fair comparison

  [[ ${#libraries[@]} == 0 ]] || targets+=(apps/kernel_bench/kernel_bench)
  build_ours "${targets[@]}" >"$work/build.log" 2>&1 ||
    fail "handgrad does not build: $(tail -n 1 "$work/build.log")"
  [[ $(info build) == release ]] || fail "$build: found build type $(info build), expected release"
  [[ ${#trainers[@]} == 0 ]] || find_data
  if [[ " ${libraries[*]} " == *' onednn '* ]]; then build_library onednn PEER_ONEDNN -ldnnl; fi
  if [[ " ${libraries[*]} " == *' openblas '* ]]; then build_library openblas PEER_OPENBLAS -lopenblas; fi

  rm -rf -- "$results"
  mkdir -- "$results"
  describe_machine >"$results/machine"
  local threads section status=0
  for threads in ${threads_list//,/ }; do
    if [[ ${#libraries[@]} -gt 0 ]]; then
      for section in avx2 avx512; do
        [[ ", $(info 'instruction sets')," == *", $section,"* ]] || continue
        rounds_of gemm "$section" "$threads" "${libraries[@]}"
      done
    fi
    [[ ${#trainers[@]} -gt 0 ]] || continue
    for section in ${nets//,/ }; do rounds_of train "$section" "$threads" "${trainers[@]}"; done
  done

  python3 -B "$here/table.py" "$results" >"$work/tables" || status=$?
  cat -- "$work/tables"
  [[ -z $out ]] || cp -- "$work/tables" "$out"
  exit "$status"
}

main "$@"
