#!/usr/bin/env bash
# The inputs that the fuzzers have kept, and those that a person thought of, through every target.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

# Every source of a target has its corpus, and every corpus its target.
targets() { for file in "$root"/tests/fuzz/fuzz_*.cpp; do basename "$file" .cpp; done | sed 's/^fuzz_//'; }
expect_equal 'every target has a corpus, and every corpus a target' \
  "$(cd -- "$root/tests/fuzz/corpus" && echo ./* | tr -d './')" "$(targets | tr '\n' ' ' | sed 's/ $//')"

for target in $(targets); do
  corpus=$root/tests/fuzz/corpus/$target
  count=$(find "$corpus" -type f | wc -l)
  status=0
  timeout 300 "$build/tests/fuzz/fuzz_$target" "$corpus" >"$tmp/out" 2>"$tmp/err" || status=$?
  if [[ $status == 0 && $count -ge 20 && $(tail -n 1 "$tmp/out") == "$count inputs" ]]; then
    ok "$target: $count inputs"
  else
    not_ok "$target: $count inputs" "status $status at $(tail -n 1 "$tmp/out")
$(cat "$tmp/err")"
  fi
done

all_cases_ok
