# shellcheck shell=bash
# Counts the cases of test suites, for tests/run.sh. To be sourced.
#
# A suite is one doctest executable or one script. Whatever does not add up is a failure: a suite
# that ran no case, that ended with an error although no case failed, or whose result cannot be read.

total_passed=0
total_failed=0
total_skipped=0

# add_suite NAME OUTPUT PASSED FAILED SKIPPED [PROBLEM]: prints one line for the suite, and its
# output if anything is wrong, without the lines of cases that passed: who reads the beginning alone
# sees what failed. PROBLEM, if not empty, counts as one more failure; suite_seconds, if
# set, is how long it took.
add_suite() {
  local name=$1 output=$2 passed=$3 failed=$4 skipped=$5 problem=${6-}
  [[ -z $problem ]] || failed=$((failed + 1))
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
  total_skipped=$((total_skipped + skipped))
  if [[ $failed == 0 ]]; then
    echo "ok      $name: $(counts "$passed" 0 "$skipped")${suite_seconds:+ ($suite_seconds s)}"
    return
  fi
  echo "FAILED  $name: $(counts "$passed" "$failed" "$skipped")${problem:+ ($problem)}"
  grep -av '^ok - ' "$output" | sed 's/^/        /' || true
}

# counts PASSED FAILED SKIPPED, in words.
counts() {
  local text="$1 passed, $2 failed"
  [[ $3 == 0 ]] || text+=", $3 skipped"
  echo "$text"
}

total() { counts "$total_passed" "$total_failed" "$total_skipped"; }

# True if something passed and nothing failed.
all_passed() { [[ $total_failed == 0 && $total_passed -gt 0 ]]; }

# describe_status STATUS: why a suite with no failed case is a failure; nothing for status 0.
describe_status() {
  case $1 in
    0) ;;
    124) echo 'timed out' ;;
    *) echo "ended with status $1" ;;
  esac
}

# count_doctest NAME STATUS OUTPUT: a doctest executable that ended with STATUS and wrote the file
# OUTPUT.
count_doctest() {
  local name=$1 status=$2 output=$3 problem='' summary
  local form='^\[doctest\] test cases: +([0-9]+) \| +([0-9]+) passed \| +([0-9]+) failed( \| +([0-9]+) skipped)?$'
  summary=$(grep -a '^\[doctest\] test cases:' "$output" || true)
  if [[ ! $summary =~ $form ]]; then
    add_suite "$name" "$output" 0 0 0 "no readable summary, status $status"
    return
  fi
  local cases=${BASH_REMATCH[1]} passed=${BASH_REMATCH[2]} failed=${BASH_REMATCH[3]}
  local skipped=${BASH_REMATCH[5]:-0}
  if [[ $cases == 0 ]]; then
    problem='ran no case'
  elif [[ $((passed + failed)) != "$cases" ]]; then
    problem="$passed and $failed are not $cases cases"
  elif [[ $failed == 0 ]]; then
    problem=$(describe_status "$status")
  fi
  add_suite "$name" "$output" "$passed" "$failed" "$skipped" "$problem"
}

# count_script NAME STATUS OUTPUT: a script that writes one line "ok - what", "not ok - what" or
# "skip - what" per case.
count_script() {
  local name=$1 status=$2 output=$3 problem='' passed failed skipped
  passed=$(grep -ac '^ok - ' "$output" || true)
  failed=$(grep -ac '^not ok - ' "$output" || true)
  skipped=$(grep -ac '^skip - ' "$output" || true)
  if [[ $((passed + failed + skipped)) == 0 ]]; then
    problem="ran no case, status $status"
  elif [[ $failed == 0 ]]; then
    problem=$(describe_status "$status")
  fi
  add_suite "$name" "$output" "$passed" "$failed" "$skipped" "$problem"
}
