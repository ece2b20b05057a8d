#!/usr/bin/env bash
# The counting of tests/run.sh: nothing that went wrong may come out green.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"
# shellcheck source=tests/support/count.sh
source "$root/tests/support/count.sh"

# check WHAT EXPECTED KIND STATUS OUTPUT: one suite of this KIND, that ended with STATUS and wrote
# OUTPUT, gives the last line EXPECTED, and is green only if EXPECTED begins with "green".
check() {
  local what=$1 expected=$2 found
  printf '%b' "$5" >"$tmp/output"
  found=$(
    "count_$3" suite "$4" "$tmp/output" >/dev/null
    if all_passed; then colour=green; else colour=red; fi
    echo "$colour: $(total)"
  )
  expect_equal "$what" "$found" "$expected"
}

doctest_output() {
  printf '%s\n' '[doctest] doctest version is "2.4.9"' "[doctest] test cases: $1" '[doctest] Status: any'
}

check 'doctest: all passed' 'green: 12 passed, 0 failed' doctest 0 \
  "$(doctest_output ' 12 | 12 passed |  0 failed |  0 skipped')"
check 'doctest: skipped cases are counted' 'green: 2 passed, 0 failed, 3 skipped' doctest 0 \
  "$(doctest_output '2 | 2 passed | 0 failed | 3 skipped')"
check 'doctest: failed cases' 'red: 9 passed, 2 failed' doctest 1 \
  "$(doctest_output '11 |  9 passed |  2 failed | 0 skipped')"
check 'doctest: a failed case with status 0' 'red: 1 passed, 1 failed' doctest 0 \
  "$(doctest_output '2 | 1 passed | 1 failed | 0 skipped')"
check 'doctest: a crash after the last case' 'red: 5 passed, 1 failed' doctest 139 \
  "$(doctest_output '5 | 5 passed | 0 failed | 0 skipped')"
check 'doctest: no case ran' 'red: 0 passed, 1 failed' doctest 0 \
  "$(doctest_output '0 | 0 passed | 0 failed | 0 skipped')"
check 'doctest: every case was filtered out' 'red: 0 passed, 1 failed, 7 skipped' doctest 0 \
  "$(doctest_output '0 | 0 passed | 0 failed | 7 skipped')"
check 'doctest: no summary, status 0' 'red: 0 passed, 1 failed' doctest 0 'hello\n'
check 'doctest: no output at all' 'red: 0 passed, 1 failed' doctest 0 ''
check 'doctest: killed' 'red: 0 passed, 1 failed' doctest 137 ''
check 'doctest: sums that do not add up' 'red: 3 passed, 1 failed' doctest 0 \
  "$(doctest_output '4 | 3 passed | 0 failed | 0 skipped')"
check 'doctest: two summaries' 'red: 0 passed, 1 failed' doctest 0 \
  "$(doctest_output '1 | 1 passed | 0 failed | 0 skipped')\n$(doctest_output '1 | 1 passed | 0 failed | 0 skipped')"
check 'doctest: unknown form' 'red: 0 passed, 1 failed' doctest 0 \
  "$(doctest_output '1 run, 1 passed')"

check 'script: all passed' 'green: 2 passed, 0 failed' script 0 'ok - a\nnoise\nok - b\n'
check 'script: skipped cases' 'green: 1 passed, 0 failed, 1 skipped' script 0 'ok - a\nskip - b\n'
check 'script: only skipped cases are not green' 'red: 0 passed, 0 failed, 1 skipped' script 0 \
  'skip - b\n'
check 'script: a failed case with status 0' 'red: 1 passed, 1 failed' script 0 \
  'ok - a\nnot ok - b\n'
check 'script: stopped half way' 'red: 1 passed, 1 failed' script 1 'ok - a\n'
check 'script: no case' 'red: 0 passed, 1 failed' script 0 'noise\n'
check 'script: no output, killed' 'red: 0 passed, 1 failed' script 143 ''
check 'script: an indented or quoted result is none' 'red: 0 passed, 1 failed' script 0 \
  '  ok - a\n> ok - b\n'

suites() {
  printf 'ok - a\nskip - b\n' >"$tmp/output"
  count_script one 0 "$tmp/output"
  printf 'not ok - c\n    because\nok - d\n' >"$tmp/output"
  count_script two 1 "$tmp/output"
  printf '%b' "$(doctest_output '8 | 8 passed | 0 failed | 0 skipped')" >"$tmp/output"
  count_doctest three 0 "$tmp/output"
  total
}
expect_equal 'suites add up, and a failed one is shown without what passed' "$(suites)" \
  'ok      one: 1 passed, 0 failed, 1 skipped
FAILED  two: 1 passed, 1 failed
        not ok - c
            because
ok      three: 8 passed, 0 failed
10 passed, 1 failed, 1 skipped'

# The real tests/run.sh in a project whose tools are scripts: $1 is what the tests write and return,
# as a shell script, $2 one of the tools that fails.
run_in_fake_project() {
  local project="$tmp/fake project" bin=$tmp/bin tool
  rm -rf -- "$project" "$bin"
  mkdir -p -- "$project/apps" "$project/tests/support" "$project/tests/scripts" "$bin"
  cp -- "$root/tests/run.sh" "$project/tests/"
  cp -- "$root/tests/support/count.sh" "$project/tests/support/"
  cat >"$bin/meson" <<END
#!/bin/sh
mkdir -p '$project/build/tests' && touch '$project/build/build.ninja'
END
  cat >"$bin/ninja" <<END
#!/bin/sh
case \$* in *targets*) echo 'all: phony'; echo '${3-tests/a_test}: LINK' ;; esac
END
  printf '#!/bin/sh\n' | tee "$project/apps/configure.sh" >"$project/apps/install_packages.sh"
  mkdir -p -- "$project/build/tests"
  printf '#!/bin/sh\n%s\n' "$1" >"$project/build/tests/a_test"
  # shellcheck disable=SC2016
  printf 'echo "ok - $# $1"\n[ "$1" = "$HANDGRAD_BUILD" ]\n' >"$project/tests/scripts/b.sh"
  for tool in "$bin/$2" "$project/apps/$2"; do
    if [[ -f $tool ]]; then printf '#!/bin/sh\necho broken\nexit 1\n' >"$tool"; fi
  done
  chmod +x "$bin"/* "$project"/apps/* "$project"/build/tests/*
  local status=0
  PATH=$bin:$PATH bash "$project/tests/run.sh" >"$tmp/log" 2>&1 || status=$?
  echo "$(tail -n 1 "$tmp/log"); status $status"
}

good='echo "[doctest] test cases: 3 | 3 passed | 0 failed | 0 skipped"'
expect_equal 'run.sh: executables and scripts are counted together' \
  "$(run_in_fake_project "$good" none)" '4 passed, 0 failed; status 0'
expect_equal 'run.sh: a crash gives a failure and the status 1' \
  "$(run_in_fake_project "$good; kill -SEGV \$\$" none)" '4 passed, 1 failed; status 1'
for tool in meson ninja install_packages.sh; do
  expect_equal "run.sh: a failure of $tool is a failure" \
    "$(run_in_fake_project "$good" $tool)" '0 passed, 1 failed; status 1'
done
expect_equal 'run.sh: a test that was not built is a failure' \
  "$(run_in_fake_project "$good" none tests/c_test)" '1 passed, 1 failed; status 1'
expect_equal 'run.sh: a build without tests is a failure' \
  "$(run_in_fake_project "$good" none apps/x)" '0 passed, 1 failed; status 1'
expect_equal 'run.sh: a wrong option' \
  "$(bash "$root/tests/run.sh" --all 2>/dev/null || echo "status $?")" 'status 2'

all_cases_ok
