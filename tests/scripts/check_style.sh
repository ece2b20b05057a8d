#!/usr/bin/env bash
# Blanks, sizes and words that no file of the project may have.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

readonly kMaxLines=400
readonly kMaxBytes=$((1024 * 1024))

# Each rule reads file names from standard input and prints the violations.

# The inputs of the fuzzers are data, whatever they look like.
text_files() {
  { grep -v '^tests/fuzz/corpus/' || true; } |
    while IFS= read -r file; do if grep -qI . "$file"; then echo "$file"; fi; done
}
cpp_files() { grep -E '\.(hpp|cpp)$' || true; }
lines_with() { xargs -d '\n' -r grep -nHE -- "$1" || true; }

tabs() { text_files | lines_with $'\t'; }
trailing_blanks() { text_files | lines_with $'[ \t\r]+$'; }
unended_files() {
  text_files | while IFS= read -r file; do
    if [[ -n $(tail -c 1 "$file") ]]; then echo "$file"; fi
  done
}
large_files() {
  { grep -v '^apps/mnist_vae/sample/' || true; } | while IFS= read -r file; do
    if [[ $(stat -c %s "$file") -gt $kMaxBytes ]]; then echo "$file"; fi
  done
}
long_files() {
  cpp_files | while IFS= read -r file; do
    lines=$(wc -l <"$file")
    if [[ $lines -gt $kMaxLines ]]; then echo "$file: $lines lines"; fi
  done
}
# The brackets keep this file itself from matching.
postponed_work() { text_files | lines_with '\b(TO[D]O|FIX[M]E|XX[X])\b'; }
disabled_code() { cpp_files | lines_with '^[[:space:]]*#[[:space:]]*if[[:space:]]+0\b'; }

# check RULE WHAT PLANTED: RULE finds the file "planted.hpp" of the content PLANTED, and nothing in
# the project.
check() {
  local rule=$1 what=$2
  printf '%b' "$3" >"$tmp/planted.hpp"
  if [[ -z $(echo "$tmp/planted.hpp" | "$rule") ]]; then
    not_ok "$what" 'this check does not see a planted violation'
    return
  fi
  expect_empty "$what" "$("$rule" <"$tmp/files")"
}

cd -- "$root"
project_files >"$tmp/files"
check tabs 'no tabs' 'int\ti;\n'
check trailing_blanks 'no blanks at the end of a line' 'int i; \n'
check unended_files 'every file ends with a newline' 'int i;'
check large_files 'no file over 1 MiB but the sample' "$(printf '%*s' $((kMaxBytes + 1)) '')"
check long_files "no C++ file over $kMaxLines lines" "$(yes '\n' | head -n $((kMaxLines + 1)))"
check postponed_work 'no work is postponed in a comment' '// TO''DO\n'
check disabled_code 'no code is disabled by the preprocessor' '#if 0\n#endif\n'

all_cases_ok
