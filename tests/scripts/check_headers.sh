#!/usr/bin/env bash
# Every header of the library compiles alone and without a warning. The *.inl.hpp are left out: they
# are the bodies of kernels, for the isa_*.cpp alone, each of which includes them in its own way.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

# compiles_alone HEADER: as the first and only include of a translation unit, where a missing
# include shows and the header's #pragma once is no warning.
compiles_alone() {
  "${CXX:-g++}" -x c++ -std=c++20 -fsyntax-only -Wall -Wextra -Werror -include "$1" /dev/null
}

printf '#pragma once\ninline std::string name() { return {}; }\n' >"$tmp/incomplete.hpp"
if compiles_alone "$tmp/incomplete.hpp" 2>/dev/null; then
  not_ok 'a header that lacks an include is found' 'it compiled'
else
  ok 'a header that lacks an include is found'
fi

while IFS= read -r header; do
  expect "$header compiles alone" compiles_alone "$root/$header"
done < <(project_files | grep -E '^((core|layers|losses|optim)/.*|handgrad)\.hpp$' |
  grep -v '\.inl\.hpp$')

# Of the whole program: the kernels are built with flags of their own, and one of them says no.
expect_equal '-ffast-math is refused' "$("${CXX:-g++}" -std=c++20 -ffast-math -fsyntax-only \
  "$root/core/kernels/isa_scalar.cpp" 2>&1 | grep -c 'error: #error "not with -ffast-math')" 1

all_cases_ok
