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
  mkdir -p -- "$project/apps" "$project/build/meson-private" "$here"
  cp -- "$root/apps/quickstart.sh" "$root/apps/configure.sh" "$project/apps/"
  fake "$project/apps/install_packages.sh" <<<''
  fake "$project/apps/fetch_mnist.sh" <<<''
  # As the real one, which takes a folder with coredata.dat for configured.
  fake "$bin/meson" <<<'build=$2
    [[ $2 != --reconfigure ]] || build=$3
    private=$build/meson-private
    if [[ $2 == --reconfigure ]]; then [[ -e $private/coredata.dat ]] || exit 1
    else [[ ! -e $private/coredata.dat ]] || exit 0; fi
    mkdir -p "$private" && touch "$build/build.ninja" "$private"/{coredata.dat,cmd_line.txt}'
  fake "$bin/ninja" <<<'[[ -e $2/build.ninja ]]'
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

# An interrupted configuration, at each of the files that Meson leaves; build.ninja may be there.
for left in . coredata.dat cmd_line.txt ../build.ninja; do
  fresh
  touch "$project/build/meson-private/coredata.dat" "$project/build/meson-private/$left"
  quickstart runs/again
  expect_equal "a configuration that was interrupted, with $left, is begun anew" "$status: $calls" \
    '0: install_packages.sh meson ninja fetch_mnist.sh mnist_vae'
done
fresh
touch "$project/build/meson-private/cmd_line.txt"
quickstart runs/again
expect_equal 'what Meson cannot configure again is configured anew' "$status: $calls" \
  '0: install_packages.sh meson meson ninja fetch_mnist.sh mnist_vae'
# What is no build folder is not touched.
for foreign in build build/thesis 'build/a thesis' build/.thesis; do
  fresh
  rm -rf -- "$project/build"
  mkdir -p -- "$project/$(dirname "$foreign")"
  echo mine >"$project/$foreign"
  quickstart
  expect_equal "a foreign $foreign stays, and is said to be in the way" \
    "$status: $calls, $(<"$project/$foreign")" '1: install_packages.sh, mine'
  expect_said "a foreign $foreign is named" "$project/build: is in the way: found"
done
fresh
rm -rf -- "$project/build"
ln -s nowhere "$project/build"
quickstart
expect_equal 'a link to nowhere is in the way' "$status: $calls" '1: install_packages.sh'
fresh
rm -rf -- "$project/build"
mkdir -p -- "$project/build/peers" "$project/build/reference"
PATH=$bin:$PATH "$project/apps/configure.sh" || true
expect 'what other scripts of the project put there is not' test -e "$project/build/build.ninja"

for tool in "$project/apps/install_packages.sh" "$bin/meson" "$bin/ninja"; do
  fresh
  fake "$tool" <<<'exit 1'
  quickstart
  expect_equal "a failure of ${tool##*/} is the end" "$status: ${calls##* }" "1: ${tool##*/}"
done

# What a shell may have set. $tmp/named has folders of the same names as the project.
fresh
mkdir -p -- "$tmp/named/apps" "$tmp/named/data"
for setting in CDPATH="$tmp/named" POSIXLY_CORRECT=1; do
  status=0
  output=$(cd -- "$project" &&
    env "$setting" PATH="$bin:$PATH" apps/quickstart.sh runs/set 2>&1) || status=$?
  expect_equal "with ${setting%%=*} set it is the same, called by a relative name" \
    "$status $(grep '^data: ' <<<"$output")" "0 data: $project/data/mnist"
done

fresh
quickstart runs/six
output=$(cd -- "$here" &&
  PATH=$bin:$PATH script -qec "'$project/apps/quickstart.sh' runs/six" /dev/null </dev/null)
expect_said 'a terminal stays a terminal' 'on a terminal'

all_cases_ok
