#!/usr/bin/env bash
# Every fuzz target for a minute: no crash, no leak, no input that takes over a second or 512 MiB.
#
#   tests/scripts/long/fuzz.sh [BUILD]                             all targets, FUZZ_SECONDS=60 each
#   FUZZ_TARGETS=png FUZZ_RUNS=1000000 tests/scripts/long/fuzz.sh  one target, for so many executions
#
# FUZZ_BUILD names the folder in which the fuzzers are built, FUZZ_FINDINGS the one in which what
# they find is kept, and FUZZ_CORPUS the one of the inputs that reached something new, from which the
# next call goes on.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"

readonly fuzz_build=${FUZZ_BUILD:-$tmp/build}
readonly findings=${FUZZ_FINDINGS:-$tmp/findings}
mkdir -p -- "$findings"
read -ra targets <<<"${FUZZ_TARGETS:-config gemm gzip idx options png safetensors}"
limit=(-max_total_time="${FUZZ_SECONDS:-60}")
[[ -z ${FUZZ_RUNS-} ]] || limit=(-runs="$FUZZ_RUNS")

if [[ ! -f $fuzz_build/build.ninja ]]; then
  expect 'meson takes clang with its fuzzer' env CXX=clang++-14 meson setup "$fuzz_build" "$root" \
    --buildtype=debugoptimized -Dfuzzing=libfuzzer -Db_sanitize=address,undefined -Db_lundef=false \
    -Dcpp_args=-fno-sanitize-recover=all -Dbench=disabled
fi
expect 'the fuzzers are built' ninja -C "$fuzz_build" "${targets[@]/#/tests/fuzz/fuzz_}"

# Inputs are short, so that there are many; headers need more room. Products make up what an input
# lacks.
declare -A length=([config]=1024 [gemm]=256 [gzip]=4096 [idx]=512 [options]=512 [png]=4096
  [safetensors]=4096)
for target in "${targets[@]}"; do
  work=${FUZZ_CORPUS:-$tmp}/$target
  mkdir -p -- "$work"
  dictionary=$root/tests/fuzz/$target.dict
  options=("${limit[@]}" -max_len="${length[$target]}" -timeout=1 -rss_limit_mb=512
    -artifact_prefix="$findings/$target-" -print_final_stats=1)
  [[ ! -e $dictionary ]] || options+=(-dict="$dictionary")
  status=0
  "$fuzz_build/tests/fuzz/fuzz_$target" "${options[@]}" "$work" "$root/tests/fuzz/corpus/$target" \
    >"$tmp/log" 2>&1 || status=$?
  [[ -z ${FUZZ_LOGS-} ]] || cp -- "$tmp/log" "$FUZZ_LOGS/$target.log"
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$tmp/log")
  coverage=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$tmp/log" | tail -n 1)
  last_new=$(grep -E '^#[0-9]+[[:space:]]+(NEW|REDUCE)' "$tmp/log" | grep NEW | tail -n 1 | grep -oE '^#[0-9]+')
  what="$target: ${executions:-0} executions, ${coverage:-no coverage}, last new at ${last_new:-#0}"
  if [[ $status == 0 && ${executions:-0} -gt 100 ]]; then
    ok "$what"
  else
    not_ok "$what" "status $status
$(tail -n 40 "$tmp/log")"
  fi
done

all_cases_ok
