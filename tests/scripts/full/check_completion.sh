#!/usr/bin/env bash
# The completion of mnist_vae in fish, asked as fish asks itself, and what zsh is told.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

"$app" completion fish >mnist_vae.fish
"$app" completion zsh >_mnist_vae
mkdir -p runs/one && touch runs/one/config.json

# in_fish LINE: what the end of the line may become.
in_fish() {
  # shellcheck disable=SC2016 # for fish
  HOME=$tmp fish --no-config -c 'source mnist_vae.fish; complete -C $argv[1]' "$1" | cut -f 1 | sort
}
"$app" --help >help
expect_equal 'fish: every command' "$(in_fish 'mnist_vae ' | xargs)" \
  "$(sed -n '/^Subcommands:/,$p' help | sed -nE 's/^  ([a-z-]+) .*/\1/p' | sort | xargs)"
for command in train evaluate check-gradients; do
  "$app" "$command" --help >help
  expect_equal "fish: every option of $command" "$(in_fish "mnist_vae $command --" | xargs)" \
    "$(sed -nE 's/^  (-h,)?(--[a-z-]+).*/\2/p' help | sort | xargs)"
done
expect_equal 'fish: values' "$(in_fish 'mnist_vae train --activation ' | xargs)" 'linear relu sigmoid tanh'
expect_equal 'fish: runs' "$(in_fish 'mnist_vae evaluate ' | xargs)" 'runs/one'

expect 'zsh can read the script' zsh -n _mnist_vae
# in_zsh WORD...: what the script tells zsh of the last word. The functions that it calls are zsh's, and
# here say what they are told.
in_zsh() {
  # shellcheck disable=SC2016 # for zsh
  zsh -f -c '_arguments() { print -rl -- "$@" }; _describe() { print -rl -- ${(P)2} }
    words=(mnist_vae "$@"); CURRENT=${#words}; set --; source ./_mnist_vae' zsh "$@"
}
"$app" --help >help
expect_equal 'zsh: every command' "$(in_zsh '' | cut -d : -f 1 | sort | xargs)" \
  "$(sed -n '/^Subcommands:/,$p' help | sed -nE 's/^  ([a-z-]+) .*/\1/p' | sort | xargs)"
for command in train evaluate check-gradients; do
  "$app" "$command" --help >help
  expect_equal "zsh: every option of $command" \
    "$(in_zsh "$command" '' | sed -nE 's/^(--[a-z-]+).*/\1/p' | sort | xargs)" \
    "$(sed -nE 's/^  (-h,)?(--[a-z-]+).*/\2/p' help | sort | xargs)"
done
expect 'zsh: an option has its help and its values' \
  grep -qxF -- '--activation=[Of the hidden layers]:value:(linear relu tanh sigmoid)' <(in_zsh train '')
expect 'zsh: runs' grep -qxF -- ':RUN:_mnist_vae_runs' <(in_zsh evaluate '')

all_cases_ok
