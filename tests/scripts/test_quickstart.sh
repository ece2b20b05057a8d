#!/usr/bin/env bash
# apps/quickstart.sh in a project whose tools and training are small scripts: what it calls, where
# it says the pictures are, and how it ends. check_readme.sh runs it in earnest.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

readonly project="$tmp/a project" bin=$tmp/bin here="$tmp/elsewhere" log=$tmp/log
readonly trainer=$project/build/apps/mnist_vae/mnist_vae

# fake FILE: a shell script from standard input that first notes its call.
fake() {
  mkdir -p -- "$(dirname "$1")"
  { printf '#!/bin/bash\necho "%s $*" >>"%s"\n' "${1##*/}" "$log"; cat; } >"$1"
  chmod +x "$1"
}

# The bodies of the fakes are for their own shell.
# shellcheck disable=SC2016
fresh() {
  rm -rf -- "$project" "$bin" "$here" "$log"
  mkdir -p -- "$project/apps" "$here"
  cp -- "$root/apps/quickstart.sh" "$project/apps/"
  fake "$project/apps/install_packages.sh" <<<''
  fake "$project/apps/fetch_mnist.sh" <<<''
  fake "$bin/meson" <<<'mkdir -p "$2" && touch "$2/build.ninja"'
  fake "$bin/ninja" <<<''
  # The pictures go to the last word, a run folder, if there is one.
  fake "$trainer" <<<'echo "data: ${HANDGRAD_DATA-none}"
    [ -t 1 ] && echo "on a terminal"
    out=${!#}; mkdir -p "$out" && touch "$out/manifold.png" "$out/samples.png"'
}

# quickstart [ARGUMENT...]: from another folder; sets status, output and calls.
quickstart() {
  : >"$log"
  status=0
  output=$(cd -- "$here" && PATH=$bin:$PATH "$project/apps/quickstart.sh" "$@" 2>&1) || status=$?
  calls=$(cut -d ' ' -f 1 "$log" | xargs)
}
expect_said() {
  if [[ $output == *"$2"* ]]; then ok "$1"; else not_ok "$1" "\"$2\" is not in:
$output"; fi
}

unset HANDGRAD_DATA
fresh
quickstart --epochs 3 --out runs/one
expect_equal 'packages, build, data, training' "$status: $calls" \
  '0: install_packages.sh meson ninja fetch_mnist.sh mnist_vae'
expect_equal 'the options reach the training' "$(grep mnist_vae "$log" | tail -n 1)" \
  'mnist_vae train --epochs 3 --out runs/one'
expect_said 'the training gets the fetched data, from any folder' "data: $project/data/mnist"
expect_said 'it says where the pictures are' "The pictures are in runs/one:
  manifold.png
  samples.png"

quickstart --out=runs/two runs/two
expect_equal 'what is configured is not configured again' "$calls" \
  'install_packages.sh ninja fetch_mnist.sh mnist_vae'
expect_said 'it understands --out=' 'The pictures are in runs/two:'
quickstart runs/new
expect_said 'without --out, the pictures are in the new folder' 'The pictures are in runs/new:'

quickstart --data 'some folder' runs/three
expect_equal 'with --data nothing is fetched' "$calls" 'install_packages.sh ninja mnist_vae'
HANDGRAD_DATA=/else quickstart runs/three
expect_equal 'with HANDGRAD_DATA nothing is fetched' "$calls" 'install_packages.sh ninja mnist_vae'
expect_said 'HANDGRAD_DATA is left as it is' 'data: /else'

fake "$project/apps/fetch_mnist.sh" <<<'exit 1'
quickstart runs/four
expect_equal 'without MNIST the training runs all the same' "$status: ${calls##* }" '0: mnist_vae'
expect_said 'without MNIST, that is said' 'Training goes on with the SAMPLE'
expect_said 'without MNIST, the app looks where it always looks' 'data: none'

fresh
quickstart runs/five
fake "$trainer" <<<'exit 5'
quickstart runs/five
expect_equal 'the status is that of the training' "$status" 5
expect_equal 'no pictures are promised after a failure' "$(grep -c pictures <<<"$output")" 0

for tool in "$project/apps/install_packages.sh" "$bin/meson" "$bin/ninja"; do
  fresh
  fake "$tool" <<<'exit 1'
  quickstart
  expect_equal "a failure of ${tool##*/} is the end" "$status: ${calls##* }" "1: ${tool##*/}"
done

fresh
quickstart runs/six
output=$(cd -- "$here" &&
  PATH=$bin:$PATH script -qec "'$project/apps/quickstart.sh' runs/six" /dev/null </dev/null)
expect_said 'a terminal stays a terminal' 'on a terminal'

all_cases_ok
