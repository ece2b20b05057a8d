#!/usr/bin/env bash
# The scripts beside kernel_bench: what they compute from measurements, and what they refuse. They
# measure nothing here.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

readonly bench=$root/apps/kernel_bench
export PYTHONDONTWRITEBYTECODE=1

# compute SCRIPT CODE: what CODE prints, with the script as module m.
compute() {
  python3 -c "
import importlib.util, sys
spec = importlib.util.spec_from_file_location('m', '$bench/$1')
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)
$2"
}

# 784 x 512 and 512 x 4 there, 2 x 512 and 512 x 784 back.
expect_equal 'the operations of a step of 784-512-2' \
  "$(compute step_roofline.py 'print(m.step_flops([784, 512, 2], 128))')" \
  $((6 * 128 * (2 * 784 * 512 + 512 * 4 + 2 * 512) - 2 * 128 * 784 * 512))
expect_equal 'the operations of a step with two hidden layers' \
  "$(compute step_roofline.py 'print(m.step_flops([10, 5, 3, 2], 7))')" \
  $((6 * 7 * (10 * 5 + 5 * 3 + 3 * 4 + 2 * 3 + 3 * 5 + 5 * 10) - 2 * 7 * 10 * 5))
expect_equal 'the table of ratios has medians, the slowest first' \
  "$(compute compare_commits.py 'print(m.table({"a": [1.0, 1.2, 0.9], "bb": [2.0, 1.5, 1.75]}))')" \
  'time here / time there  median  smallest  largest
bb   1.750     1.500    2.000
a    1.000     0.900    1.200'

expect_equal 'the table of docs/distributed.md is what its formula says' \
  "$(grep -E '^\| [0-9]+ \| (1|10) Gbit/s' "$root/docs/distributed.md")" \
  "$(compute rank_times.py 'print(m.prediction(0.5, 0.020, [128, 512, 2048, 8192]))')"
expect_equal 'and its line goes through the points' \
  "$(compute rank_times.py 'print("%.6f %.6f" % m.fit_line([(100, 3.0), (200, 5.0), (400, 9.0)]))')" \
  '1.000000 0.020000'

# refused WHAT MESSAGE SCRIPT ARGUMENT...: exit code 2 and one line.
refused() {
  local status=0 output
  output=$("$bench/$3" "${@:4}" 2>&1 >/dev/null) || status=$?
  expect_equal "$1" "$status ${output##*$'\n'}" "2 $2"
}
refused 'a commit that does not exist is refused' 'compare_commits: nowhere: no such commit' \
  compare_commits.py nowhere
refused 'no rounds are refused' 'compare_commits: --rounds: at least 1' \
  compare_commits.py --rounds 0
refused 'no rounds of ranks are refused' 'rank_times: rounds: at least 1, batch sizes: at least 2' \
  rank_times.py --rounds 0
refused 'no epochs are refused' 'step_roofline: rounds, epochs and batch size: at least 1' \
  step_roofline.py --epochs 0

all_cases_ok
