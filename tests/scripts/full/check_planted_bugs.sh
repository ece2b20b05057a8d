#!/usr/bin/env bash
# Plants the bugs of tests/planted_bugs/*.txt in copies of the project, one at a time, and demands
# that the test named there fails: the tests prove the code, and this proves the tests. Every sixth
# bug; all with PLANTED_BUGS=all, which takes some minutes more. A second argument takes only those
# with this text in their names.
#
# A bug is a paragraph:
#   bug: what is wrong
#   file: where, from the project's root
#   test: ROOM PATTERN, the cases of build/tests/ROOM_test that must notice; * is any text, and for
#         a comma in a name stands a *
#   - the text to replace, which occurs exactly once in the file, of any number of such lines
#   + what replaces it
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"

bug_names=() bug_files=() bug_rooms=() bug_patterns=() bug_old=() bug_new=()

# read_bugs: fills the arrays.
read_bugs() {
  local list line n=-1
  for list in "$root"/tests/planted_bugs/*.txt; do
    while IFS= read -r line; do
      case $line in
        '#'* | '') ;;
        'bug: '*)
          n=$((n + 1))
          bug_names[n]=${line#bug: } bug_files[n]='' bug_rooms[n]='' bug_patterns[n]=''
          bug_old[n]='' bug_new[n]=''
          ;;
        'file: '*) bug_files[n]=${line#file: } ;;
        'test: '*)
          line=${line#test: }
          bug_rooms[n]=${line%% *} bug_patterns[n]=${line#* }
          ;;
        '- '*) bug_old[n]+=${bug_old[n]:+$'\n'}${line#- } ;;
        '+ '*) bug_new[n]+=${bug_new[n]:+$'\n'}${line#+ } ;;
        '+') ;;
        *) not_ok "${list##*/} can be read" "$line" ;;
      esac
    done <"$list"
  done
}

# plant N COPY: fails unless the text is there exactly once.
plant() {
  local file=$2/${bug_files[$1]} content old=${bug_old[$1]} before after
  content=$(<"$file")
  before=${content%%"$old"*}
  after=${content#*"$old"}
  [[ -n $old && $before != "$content" && $after != *"$old"* ]] || return
  printf '%s%s%s\n' "$before" "${bug_new[$1]}" "$after" >"$file"
}

run_cases() { # COPY ROOM PATTERN ARGUMENT...
  timeout 300 "$1/build/tests/$2_test" --test-case="$3" --no-colors=true "${@:4}" 2>&1
}

# check_bug N COPY: one case.
check_bug() {
  local what="noticed: ${bug_names[$1]}" log status=0
  if ! plant "$1" "$2"; then
    not_ok "$what" "the text to replace is not there exactly once in ${bug_files[$1]}:
${bug_old[$1]}"
    return
  fi
  if ! log=$(ninja -j1 -C "$2/build" "tests/${bug_rooms[$1]}_test" 2>&1); then
    not_ok "$what" "it does not compile:
$(grep -m3 'error' <<<"$log")"
  else
    log=$(run_cases "$2" "${bug_rooms[$1]}" "${bug_patterns[$1]}" --abort-after=1) || status=$?
    if [[ $status != 0 ]] && grep -q '^\[doctest\] test cases: .* [1-9][0-9]* failed' <<<"$log"; then
      ok "$what"
    else
      not_ok "$what" "${bug_rooms[$1]}_test --test-case='${bug_patterns[$1]}' ends with status $status
$(tail -n 3 <<<"$log")"
    fi
  fi
  cp -- "$root/${bug_files[$1]}" "$2/${bug_files[$1]}"
}

# leave_two_instruction_sets COPY: of x86's four, scalar and avx2. All kernels have the same source,
# and two compile twice as fast. Not sse2: its panels are too narrow for a sink to take them as they
# are computed.
leave_two_instruction_sets() {
  sed -i -e "/^    'sse2': /d" -e "/^    'avx512': \[/,/^    \],/d" "$1/core/kernels/meson.build"
  sed -i -E 's/&kernels::(sse2|avx512)_kernels/nullptr/' "$1/core/isa.cpp"
}

# check_texts COPY: what every bug replaces is there, also of those that are not tried today.
check_texts() {
  local n stale=''
  for n in "${!bug_names[@]}"; do
    if plant "$n" "$1"; then
      cp -- "$root/${bug_files[n]}" "$1/${bug_files[n]}"
    else
      stale+="${bug_files[n]}: ${bug_names[n]}"$'\n'
    fi
  done
  expect_empty "the text that each of ${#bug_names[@]} bugs replaces is in its file once" "$stale"
}

# check_unchanged COPY N...: every pattern names some cases, and all of them pass without the bugs.
check_unchanged() {
  local copy=$1 room pattern n
  declare -A patterns=()
  for n in "${@:2}"; do
    room=${bug_rooms[n]} pattern=${bug_patterns[n]}
    [[ ,${patterns[$room]-}, == *",$pattern,"* ]] && continue
    patterns[$room]+=${patterns[$room]:+,}$pattern
    if ! run_cases "$copy" "$room" "$pattern" --count | grep -q ': [1-9]'; then
      not_ok "${room}_test has such a case" "$pattern"
    fi
  done
  for room in "${!patterns[@]}"; do
    expect "without a bug they pass: the cases of $room" \
      run_cases "$copy" "$room" "${patterns[$room]}"
  done
}

# check_planted_bugs TEXT
check_planted_bugs() {
  local chosen=() sorted=() targets=() workers copy n worker
  if ! grep -qw avx2 /proc/cpuinfo; then
    skip 'planted bugs are noticed: some of them need AVX2'
    return
  fi
  read_bugs
  for n in "${!bug_names[@]}"; do
    if [[ -z $1 && ${PLANTED_BUGS-} != all && $((n % 6)) != 0 ]]; then continue; fi
    if [[ ${bug_names[n]} == *"$1"* ]]; then chosen+=("$n"); fi
  done
  # In the order of their files: a kernel costs as much to restore as to change.
  mapfile -t sorted < <(for n in "${chosen[@]}"; do echo "${bug_files[n]} $n"; done |
    sort -k 1,1 -k 2,2n | cut -d ' ' -f 2)

  # A team that waits without spinning: tests with more threads than processors run at once.
  export OMP_WAIT_POLICY=passive
  copy=$tmp/copy.0
  copy_project "$copy"
  check_texts "$copy"
  leave_two_instruction_sets "$copy"
  expect 'a copy is configured' meson setup "$copy/build" "$copy" --buildtype=release \
    -Ddefault_library=shared -Dtests=enabled -Dbench=disabled
  mapfile -t targets < <(printf 'tests/%s_test\n' "${bug_rooms[@]}" | sort -u)
  expect 'and built' ninja -C "$copy/build" "${targets[@]}"
  all_cases_ok || return
  check_unchanged "$copy" "${sorted[@]}"
  all_cases_ok || return

  # What ninja knows of a build is relative to it, so that its copy is up to date.
  workers=$(nproc)
  for ((worker = 1; worker < workers; ++worker)); do cp -a -- "$copy" "$tmp/copy.$worker"; done
  for ((worker = 0; worker < workers; ++worker)); do
    for ((n = worker; n < ${#sorted[@]}; n += workers)); do
      check_bug "${sorted[n]}" "$tmp/copy.$worker" >"$tmp/result.${sorted[n]}"
    done &
  done
  wait
  for n in "${chosen[@]}"; do
    cat -- "$tmp/result.$n"
    # Each was counted in a process of its own.
    if ! grep -q '^ok' "$tmp/result.$n"; then failed_cases=$((failed_cases + 1)); fi
  done
}

check_planted_bugs "${2-}"

all_cases_ok
