#!/usr/bin/env bash
# What the documentation shows is there: its code compiles or is the source's own, its commands run, its
# options and files exist. tests/scripts/support/documentation.py says what is done with which block.
# Backquotes in Markdown are no commands.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

export HANDGRAD_DATA=$root/apps/mnist_vae/sample

built=${app%/apps/mnist_vae/mnist_vae}
readonly built
# cases ROOT FILE...: a line for each, and below a failed one what was found.
cases() {
  local project=$1
  shift
  rm -rf work && mkdir work
  (cd work && python3 "$root/tests/scripts/support/documentation.py" "$project" "$built" "$@")
}

mapfile -t files < <(project_files | grep '\.md$')
status=0
cases "$root" "${files[@]}" >found 2>errors || status=$?
cat found
failed_cases=$(grep -c '^not ok' found || true)
if [[ $status != 0 ]]; then not_ok 'every file was read' "$(cat errors)"; fi

# --- The checker itself, on mistakes ---

mkdir -p planted/docs planted/layers
cp -- "$root/meson_options.txt" planted/
cp -- "$root/layers/dense.cpp" planted/layers/
cp -- "$root/docs/manifold.png" planted/docs/
# notices WHAT LINE...: of a file with these lines, exactly one case fails.
notices() {
  local what=$1
  shift
  printf '%s\n' "$@" >planted/docs/planted.md
  expect_equal "the checker notices $what" \
    "$(cases "$tmp/planted" docs/planted.md | grep -c '^not ok')" 1
}
notices 'a block without a kind' '```' 'anything' '```'
notices 'a block of an unknown kind' '```perl' 'anything' '```'
notices 'a block without an end' '```text' 'anything'
notices 'C++ that does not compile' '```cpp' 'int i = "text";' '```'
notices 'C++ with a warning' '```cpp' 'static int never_used;' '```'
notices 'a program that fails' '```cpp' 'int main() { return 1; }' '```'
notices 'a fragment that has changed' '[`dense.cpp`](../layers/dense.cpp):' '' '```cpp' \
  'gemm_nt(da, w, Write::accumulate, dx);' '```'
notices 'a command that fails' '```sh' 'mnist_vae evaluate no_such_run' '```'
notices 'an option that is not there' '```sh' 'build/apps/kernel_bench/kernel_bench --no-such' '```'
notices 'a program that is not there' '```sh' 'tests/no_such.sh' '```'
notices 'a command in a text' '```text' 'mnist_vae train' '```'
notices 'an option in a sentence' 'Say `--no-such-option 3`.'
notices 'an option of another command' 'Say `mnist_vae info --epochs 3`.'
notices 'a command in a sentence' 'Say `mnist_vae fly`.'
notices 'a link that leads nowhere' 'See [there](no_such.md).'
printf '%s\n' 'Say `--epochs 3` or `mnist_vae info`; see [dense](../layers/dense.cpp).' '' \
  '[`dense.cpp`](../layers/dense.cpp):' '' '```cpp' 'gemm_nt(da, w, Write::overwrite, dx);' '```' \
  '```text' 'h = relu(x W + b)' '```' '```sh' 'mnist_vae info  # a comment' '```' \
  >planted/docs/planted.md
expect_empty 'and nothing where nothing is wrong' \
  "$(cases "$tmp/planted" docs/planted.md | grep '^not ok' || true)"

all_cases_ok
