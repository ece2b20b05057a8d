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
# What a kernel is made of is chosen by its Arch: the flags of the user may allow more.
asked_compilers() { cpp_files | lines_with '__(SSE|AVX|FMA|BMI)[0-9A-Z_]*__'; }

# cd by a relative name goes through CDPATH, and then prints where it went. What is sourced after
# another script has its settings.
# The dollar signs are those of awk, and of the planted script.
# shellcheck disable=SC2016
misled_scripts() {
  { xargs -d '\n' -r grep -lE '^#!.*sh$|^# shellcheck shell=' || true; } | xargs -d '\n' -r awk '
    FNR == 1 { guarded = 0 }
    /^unset CDPATH|^source .*\/(support\/[a-z]+|cases)\.sh|^# .*To be sourced after/ { guarded = 1 }
    !guarded && !/^ *#/ && /(^|[^[:alnum:]_.\/-])cd +[^ ]/ { print FILENAME ":" FNR ": " $0 }'
}

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
check asked_compilers 'no code asks the compiler for instructions' '#ifdef __AVX2__\n'
# shellcheck disable=SC2016
check misled_scripts 'no script calls cd before it unsets CDPATH' \
  '#!/bin/sh\nroot=$(cd "$1" && pwd)\nunset CDPATH\n'

all_cases_ok
