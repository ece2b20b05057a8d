#!/usr/bin/env bash
# Built for one processor alone (-Dcpp_args=-march=...), the program computes the bits of the ordinary
# build, along every path and in a training.
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"

if [[ $(uname -m) != x86_64 ]]; then
  skip 'this is no x86-64'
  exit 0
fi

readonly kSample=$root/apps/mnist_vae/sample

# results APP FOLDER: the digests of the weights along every path, and those of a training.
results() {
  "$1" verify-determinism --steps 20 | awk '$7 == "equal" { print $1, $2, $3, $4, $5, $6 }'
  for isa in '' sse2; do
    HANDGRAD_ISA=$isa "$1" train --data "$kSample" --epochs 2 --out "$2/run" --overwrite --quiet >/dev/null
    sha256sum <"$2/run/model.safetensors"
  done
}

# can_run WORD...: whether this processor has all of these.
can_run() {
  local word
  for word in "$@"; do grep -qw -- "$word" <(grep -m 1 '^flags' /proc/cpuinfo) || return 1; done
}

# check MARCH WORD...: the processor can run what is built for MARCH if it has every WORD.
check() {
  local march=$1
  shift
  build_variant "march-$march" -- --buildtype=release -Dtests=disabled "-Dcpp_args=-march=$march"
  if ! can_run "$@"; then
    skip "$march: this processor cannot run it"
    return
  fi
  expect_equal "$march: the bits of the ordinary build" \
    "$(results "$variant/apps/mnist_vae/mnist_vae" "$tmp")" "$expected"
}

expected=$(results "$app" "$tmp")
expect_equal 'there are weights to compare' "$(grep -c . <<<"$expected" | sed 's/^[1-9].*/some/')" some
check x86-64-v3 avx2 fma bmi1 bmi2 f16c movbe
check x86-64-v4 avx2 fma bmi1 bmi2 f16c movbe avx512f avx512bw avx512cd avx512dq avx512vl
# Whatever this processor has.
check native

all_cases_ok
