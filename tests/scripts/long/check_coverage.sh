#!/usr/bin/env bash
# The tests reach 95 % of the lines and 90 % of the branches of core, layers, losses and optim. No line
# is excluded by hand; branches that only exceptions take, which g++ makes at every call, do not count.
# On its own: tests/scripts/long/check_coverage.sh; the tables are then in build/variants/coverage.
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"

readonly kLines=95 kBranches=90
readonly kRooms=(support kernels core io layers losses optim allocations app)

# Threads count together, or counts come out negative. The kernels, too, are not optimised, or every
# copy of an unrolled loop has branches of its own.
build_variant coverage "${kRooms[@]}" -- --buildtype=debug -Doptimization=0 -Db_coverage=true \
  '-Dcpp_args=-O0 -fprofile-update=atomic'
find "$variant" -name '*.gcda' -delete

# These repeat the same lines for millions of numbers.
readonly kStatistics='*over all floats*,normal* moments*,normals follow*,neighbours*,uniform numbers stay*,every permutation*'
for room in "${kRooms[@]}"; do
  test_room "$variant" '' "$room" "--test-case-exclude=$kStatistics"
done
for script in "$root"/tests/scripts/test_cli_*.sh; do
  name=${script##*/}
  # This one repeats the same steps in every way there is: minutes, and no line of its own.
  [[ $name != test_cli_determinism.sh ]] || continue
  # For what it reaches: where it fills a disk, the counts cannot be written either, and it fails.
  bash "$script" "$variant" >"$name.log" 2>&1 || true
  expect "$name runs" grep -q '^ok - ' "$name.log"
done

cd -- "$variant"
python3 "$root/tests/scripts/support/coverage.py" . "$root" >trace.json
measure() {
  gcovr --root "$root" --filter "$root/(core|layers|losses|optim)/" --add-tracefile trace.json \
    "$@" 2>gcovr.log || not_ok 'gcovr reads the counts' "$(tail -n 20 gcovr.log)"
}
measure --print-summary --txt lines.txt >summary.txt
measure --branches --txt branches.txt
# at_least WHAT LIMIT: the percentage of the summary.
at_least() {
  local percent
  percent=$(sed -n "s/^$1: \([0-9.]*\)%.*/\1/p" summary.txt)
  if awk "BEGIN { exit !(${percent:-0} >= $2) }"; then
    ok "$(grep "^$1:" summary.txt), at least $2 %"
  else
    not_ok "coverage of $1 is at least $2 %" "$(cat summary.txt "$1.txt")"
  fi
}
at_least lines "$kLines"
at_least branches "$kBranches"
expect_empty 'no line is excluded by hand' \
  "$(grep -rnE 'GCOVR?_EXCL|LCOV_EXCL' "$root"/{core,layers,losses,optim} || true)"

all_cases_ok
