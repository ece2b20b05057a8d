# shellcheck shell=bash
# What the scripts share that run the tests under a checker or on another machine. To be sourced;
# afterwards, beside what cli.sh gives:
#   $built         the ordinary build folder, from anywhere
#   build_variant  builds a part of the project in another configuration
#   test_room      runs one test executable, as tests/meson.build has set it up for this
#   wrap_app       makes a program that runs mnist_vae in an emulator
#   walk_through   uses every command of mnist_vae once

# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/cli.sh"

built=${app%/apps/mnist_vae/mnist_vae}
# Kept, so that the next time only changes are compiled.
variants=$built/variants
readonly built variants

# meson setup's options for the checkers that are compiled in. The kernels, too, at -O1: what is checked
# is slow to optimise. -g1 is enough for a line number.
# shellcheck disable=SC2034
readonly kChecked=(--buildtype=plain -Db_lundef=false "-Dcpp_args=-O1 -g1 -fno-sanitize-recover=all")

# The program takes their objects, but the checks of symbols read the libraries.
kernel_libraries() { ninja -C "$variant" -t targets all | sed -n 's/^\(core.*libkernels_.*\.a\): .*/\1/p'; }

# build_variant NAME ROOM... -- OPTION...: builds mnist_vae and the test executables of these rooms;
# OPTIONs are those of meson setup. Sets variant, the folder; ends the script if that fails.
build_variant() {
  local name=$1 targets=(apps/mnist_vae/mnist_vae) again=()
  shift
  while [[ $1 != -- ]]; do
    targets+=("tests/$1_test")
    shift
  done
  shift
  variant=$variants/$name
  [[ ! -f $variant/build.ninja ]] || again=(--reconfigure)
  # shellcheck disable=SC2046 # one word for each
  if meson setup "${again[@]}" "$variant" "$root" -Dbench=disabled "$@" >"$tmp/variant.log" 2>&1 &&
    ninja -C "$variant" "${targets[@]}" $(kernel_libraries) >>"$tmp/variant.log" 2>&1; then
    ok "$name: the project builds"
    return
  fi
  not_ok "$name: the project builds" "$(tail -n 40 "$tmp/variant.log")"
  exit 1
}

# test_room BUILD SETUP ROOM [DOCTEST_OPTION...]: the tests of a room pass under a set-up of
# tests/meson.build, and there are some. With SETUP '' the build itself says how its programs run.
test_room() {
  local folder=$1 setup=$2 room=$3 options=() output count
  shift 3
  local what="$room under ${setup:-${folder##*/}}"
  [[ $# == 0 ]] || options+=("--test-args=$(printf '%q ' "$@")")
  [[ -z $setup ]] || options+=("--setup=$setup")
  # A multiplier of 0: no limit of time, on whatever machine.
  options+=(--timeout-multiplier 0)
  if ! output=$(meson test -C "$folder" --no-rebuild --verbose "${options[@]}" "$room" 2>&1); then
    not_ok "$what" "$output"
    return
  fi
  count=$(sed -n 's/.*\[doctest\] test cases: *\([0-9]*\) .*/\1/p' <<<"$output")
  if [[ $count -gt 0 ]]; then ok "$what: $count cases"; else not_ok "$what" "no case ran: $output"; fi
}

# wrap_app FILE PROGRAM COMMAND...: FILE runs PROGRAM by means of COMMAND.
wrap_app() {
  printf '#!/bin/sh\nexec %s "$@"\n' "$(printf '%q ' "${@:3}" "$2")" >"$1"
  chmod +x "$1"
}

# Every command of mnist_vae but verify-determinism, which takes its own time: train, interrupt it by
# its number of epochs, resume, and use what was learned.
# walk_through APP FOLDER OPTION...: OPTIONs are those of train.
walk_through() {
  local program=$1 folder=$2 run=$2/run
  shift 2
  local train=("$program" train --data "$folder/data" --hidden "24,16" --batch-size 20
    --threads 2 "$@")
  make_data "$folder/data" 4000
  step() {
    local what=$1 code=0
    shift
    timeout 600 "$@" >"$folder/out" 2>"$folder/err" </dev/null || code=$?
    expect_equal "$what ends well and warns of nothing" "$code $(head -c 4000 "$folder/err")" '0 '
  }
  step info "$program" info
  step 'a short training' "${train[@]}" --out "$run" --epochs 1 --checkpoint-every 2
  step 'its resumption' "${train[@]}" --out "$run" --epochs 2 --checkpoint-every 2 \
    --resume
  step 'a training with every op told' "${train[@]}" --epochs 1 --out "$folder/profiled" --profile \
    --trace "$folder/trace.json" --tensorboard "$folder/board" --fuse off --sparsity off --clip-norm 1
  step evaluate "$program" evaluate "$run" --data "$folder/data"
  step encode "$program" encode "$run" --data "$folder/data"
  step 'encode to an array' "$program" encode "$run" --data "$folder/data" --output "$folder/codes.npy"
  step report "$program" report "$run" "$folder/profiled" --data "$folder/data"
  step export "$program" export "$run" --onnx
  step sample "$program" sample "$run" --data "$folder/data"
  step interpolation "$program" sample "$run" --data "$folder/data" --interpolate 3 7
  step manifold "$program" manifold "$run" --data "$folder/data" --size 5
  step reconstruct "$program" reconstruct "$run" --data "$folder/data"
  step 'reconstruct to an array' "$program" reconstruct "$run" --data "$folder/data" \
    --output "$folder/pairs.npy"
  step 'an image of a user' "$program" reconstruct "$run" --data "$folder/data" \
    --image "$run/samples.png" --output "$folder/mine.png"
}
