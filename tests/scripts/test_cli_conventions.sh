#!/usr/bin/env bash
# train --convention and --likelihood: what they set, print and record, and what they contradict.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
readonly kConventions=(keras torch flax iwae)
# Few enough images that those of flax and iwae have to hold out fewer.
readonly kSmall=(--data data --epochs 2 --hold-out 20)

weights() { sha256sum <"$1/model.safetensors" | cut -d ' ' -f 1; }
option() { sed -n "s/^$2 = //p" "$1/options.toml" | tr -d '"[]'; }
# documented CONVENTION: its column of the table, a line "option value" for each.
documented() {
  local column=3 name
  for name in "${kConventions[@]}"; do
    [[ $name != "$1" ]] || break
    column=$((column + 1))
  done
  # shellcheck disable=SC2016 # backticks of a table
  sed -n 's/^| `--\([a-z-]*\)` | /\1 | /p' "$root/docs/conventions.md" |
    awk -F ' *[|] *' -v c="$((column - 1))" '{ print $1, $c }'
}
# refused WHAT WORD...: the last run ended with status 2, one line with every WORD, and no folder.
refused() {
  local what=$1 word problem=''
  shift
  [[ $status == 2 && ! -s out && $(wc -l <err) == 1 ]] || problem+="status $status; "
  for word in "$@"; do grep -qF -e "$word" err || problem+="no '$word'; "; done
  [[ ! -e no ]] || problem+='a folder was made; '
  if [[ -z $problem ]]; then ok "$what"; else not_ok "$what" "$problem$(<err)"; fi
  rm -rf no
}

for name in "${kConventions[@]}"; do
  sizes=()
  [[ $name == iwae ]] || sizes=(--batch-size 20)
  run train --out "$name" --convention "$name" "${kSmall[@]}" "${sizes[@]}"
  expect_equal "--convention $name trains" "$status$(<err)" 0
  expect "$name is in the header" grep -q "^convention $name, .*:\$" out
  wrong='' missing='' count=0
  while read -r key value; do
    count=$((count + 1))
    tr '\n' ' ' <out | tr -s ' ' | grep -qF " $key $value" || missing+="$key $value; "
    case $key in
      epochs | hold-out | batch-size) continue ;;
    esac
    [[ $(option "$name" "$key") == "$value" ]] || wrong+="$key is $(option "$name" "$key"), not $value; "
  done < <(documented "$name")
  expect_equal "docs/conventions.md has $name's settings" "$((count > 20))" 1
  expect_empty "options.toml has what docs/conventions.md says of $name" "$wrong"
  expect_empty "and the header prints all of it" "$missing"
  expect "and what the user wants instead" grep -q 'but, as you say, epochs 2' out
  run train --out "again-$name" --config "$name/options.toml"
  expect_equal "options.toml alone repeats the run of $name" "$(weights "again-$name")" \
    "$(weights "$name")"
  expect "and names no convention" test "$(grep -c '^convention' out)" = 0
  run check-gradients --convention "$name" --data data --hidden 8 --hold-out 20
  expect_equal "check-gradients proves the gradients of $name" "$status$(<err)" 0
done
expect_equal 'the four are four different runs' \
  "$(for name in "${kConventions[@]}"; do weights "$name"; done | sort -u | wc -l)" 4

# --- Against other options ---

readonly kTiny=(--data data --hidden 8 --latent 2 --epochs 1 --batch-size 32)
run train --out before --latent 3 --convention keras "${kSmall[@]}" --batch-size 32 --hidden 8
run train --out after --convention keras --latent 3 "${kSmall[@]}" --batch-size 32 --hidden 8
expect_equal 'an option wins over the convention, before and after it' \
  "$(weights before) $(option before latent)" "$(weights after) 3"
run train --out no --convention pytorch
refused 'an unknown convention is refused' --convention pytorch 'keras, torch, flax, iwae'
run train --out no --convention keras --convention torch
refused 'two conventions are refused' --convention
run train --out no --convention iwae --beta 2 "${kTiny[@]}"
refused 'what the convention leaves no room for is refused' --beta 'objective iwae'
run train --out no --convention flax --data data
refused 'more images held out than there are are refused' --hold-out 10000
run check-gradients before --convention torch
refused 'check-gradients of a run takes no convention' --convention RUN

# --- Resumed ---

run train --out torch --resume --epochs 3
expect_equal 'a run goes on without its convention' "$status $(wc -l <torch/log.csv)" '0 4'
readonly kTorch=(--convention torch --data data --hold-out 20 --batch-size 20 --epochs 4)
run train --out torch --resume "${kTorch[@]}"
expect_equal 'and with it' "$status $(wc -l <torch/log.csv)" '0 5'
run train --out whole "${kTorch[@]}"
expect_equal 'to the weights of a run in one piece' "$(weights torch)" "$(weights whole)"
before=$(weights torch)
run train --out torch --resume --convention keras --hold-out 20 --batch-size 20
refused 'with another it is refused, naming an option that differs' 'differs from the run' --
expect_equal 'and nothing is lost' "$(weights torch)" "$before"

# --- --likelihood ---

for pair in bernoulli=bce gaussian=gaussian continuous-bernoulli=continuous-bernoulli; do
  run train --out "likelihood-$pair" "${kTiny[@]}" --likelihood "${pair%%=*}"
  run train --out "loss-$pair" "${kTiny[@]}" --recon-loss "${pair#*=}"
  expect_equal "--likelihood ${pair%%=*} is --recon-loss ${pair#*=}" \
    "$(weights "likelihood-$pair")" "$(weights "loss-$pair")"
done
run train --out form --convention torch "${kTiny[@]}" --likelihood bernoulli
expect_equal "--likelihood bernoulli leaves a convention's form of the cross-entropy" \
  "$(option form recon-loss)" bce-clamped-logs
run train --out no "${kTiny[@]}" --likelihood gaussian --recon-loss mse
refused '--likelihood against --recon-loss is refused' --likelihood mse gaussian
run train --out no --likelihood poisson
refused 'an unknown likelihood is refused' --likelihood poisson bernoulli

all_cases_ok
