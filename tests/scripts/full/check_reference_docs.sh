#!/usr/bin/env bash
# The reference documentation: Doxygen makes it from the public headers without a warning, and every
# public class and function has a text.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"

readonly copy=$tmp/copy
copy_project "$copy"
make_reference() { bash "$copy/docs/make_reference.sh" "$tmp/reference" 2>&1; }

# finds WHAT FILE TEXT EXPECTED: with TEXT at the end of FILE the reference cannot be made, and the
# reason has EXPECTED in it.
finds() {
  local output
  cp -- "$copy/$2" "$tmp/kept"
  printf '%b\n' "$3" >>"$copy/$2"
  if output=$(make_reference); then
    not_ok "$1" 'it was made'
  elif grep -qF -- "$4" <<<"$output"; then
    ok "$1"
  else
    not_ok "$1" "$output"
  fi
  cp -- "$tmp/kept" "$copy/$2"
}
finds 'a function without documentation is found' losses/mse.hpp 'namespace handgrad {\ndouble undocumented(int x);\n}' \
  'handgrad::undocumented'
finds 'a class without documentation is found' layers/layer.hpp 'namespace handgrad {\nclass Undocumented {};\n}' \
  'handgrad::Undocumented'
finds 'a warning of Doxygen is an error' docs/reference.md '\n@ref nothing_there' 'warning'

expect 'the reference is made without a warning' make_reference
pages=$tmp/reference/html
# has_text PAGE TEXT
has_text() { grep -qF -- "$2" "$pages/$1"; }
expect 'it has a page for a class' has_text classhandgrad_1_1Dense.html 'backward'
expect 'formulas stand there as they are in the header' \
  has_text kl__divergence_8hpp.html 'kl = 1/n sum 0.5 (mu^2 + (expm1(l) - l))'
expect 'one comment documents the functions below it' \
  has_text structhandgrad_1_1MatrixView.html 'middle_cols'
while IFS= read -r header; do
  page=$(sed 's,.*/,,; s,_,__,g; s,\.hpp$,_8hpp.html,' <<<"$header")
  expect "$header has a page" test -s "$pages/$page"
done < <(sed -nE 's/^#include "(.*)"$/\1/p' "$root/handgrad.hpp")

all_cases_ok
