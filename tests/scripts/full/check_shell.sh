#!/usr/bin/env bash
# Every shell script passes shellcheck.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"

cd -- "$root"
while IFS= read -r script; do
  expect "$script passes shellcheck" shellcheck --external-sources "$script"
done < <(project_files | grep -E '\.sh$|^\.ci/run$')

all_cases_ok
