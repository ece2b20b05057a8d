#!/usr/bin/env bash
# The completion of mnist_vae in bash: every command, option and value that --help lists, files,
# folders and runs. In this very shell, as readline calls it.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

run completion bash
expect_equal 'the script is written' "$status $(<err)" '0 '
cp -- out script
expect 'bash can read it' bash -n script
# Where there is no readline, its options have nobody to tell.
compopt() { :; }
# shellcheck source=/dev/null
source ./script

# complete_words WORD...: what the last of the words may become, one a line.
complete_words() {
  COMP_WORDS=(mnist_vae "$@") COMP_CWORD=$#
  COMPREPLY=()
  _mnist_vae mnist_vae "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  printf '%s\n' "${COMPREPLY[@]}" | sort
}
becomes() { # WHAT EXPECTED WORD...
  local what=$1 expected=$2
  shift 2
  expect_equal "$what" "$(complete_words "$@" | xargs)" "$expected"
}

expect_equal 'bash would call it' "$(complete -p mnist_vae)" 'complete -F _mnist_vae mnist_vae'
run --help
commands=$(sed -n '/^Subcommands:/,$p' out | sed -nE 's/^  ([a-z-]+) .*/\1/p' | sort)
expect_equal 'every command of --help' "$(complete_words '' | grep -v '^--')" "$commands"
becomes 'a command that was begun' train tr

# Of every command: its options, and the values of those that have names for them.
for command in $commands; do
  run "$command" --help
  options=$(sed -nE 's/^  (-h,)?(--[a-z-]+).*/\2/p' out | sort)
  expect_equal "every option of $command" "$(complete_words "$command" --)" "$options"
  while read -r option values; do
    becomes "the values of $command $option" "$(tr '|' '\n' <<<"$values" | sort | xargs)" \
      "$command" "$option" ''
  done < <(sed -nE 's/^  (--[a-z-]+) ([a-z0-9-]+(\|[a-z0-9-]+)+).*/\1 \2/p' out)
done
becomes 'an option that was begun' '--activation' train --act
becomes 'a value that was begun' 'relu' train --activation re
becomes 'a value behind =' 'relu' train --activation = re
becomes 'every value behind =' 'linear relu sigmoid tanh' train --activation =
becomes 'after other options' 'adam sgd' train --epochs 3 --optimizer ''
becomes 'a number is nobody else'"'"'s to know' '' train --epochs ''
becomes 'the shells' 'bash fish zsh' completion ''

mkdir -p runs/one "runs/two words" runs/empty folder
touch runs/one/config.json "runs/two words/config.json" file.toml
expect_equal 'run folders, and no others' "$(complete_words evaluate '')" $'runs/one\nruns/two words'
becomes 'a run that was begun' 'runs/one' evaluate runs/o
becomes 'a folder that is no run of runs/' 'folder' evaluate fol
becomes 'a folder for --data' 'folder' train --data f
becomes 'a file for --config' 'file.toml folder' train --config f

run completion nonsense
expect_equal 'an unknown shell is refused' "$status $(wc -l <err) $(grep -c 'bash, zsh' err)" '2 1 1'
run completion
expect_equal 'bash is the one that is meant' "$status $(cmp out script && echo same)" '0 same'

# What meson installs is what the program writes.
declare -A kFiles=([bash]=mnist_vae [zsh]=_mnist_vae [fish]=mnist_vae.fish)
for shell in bash zsh fish; do
  run completion "$shell"
  expect "the file for $shell is up to date" cmp "${app%/*}/completion/${kFiles[$shell]}" out
done

all_cases_ok
