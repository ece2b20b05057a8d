#!/usr/bin/env bash
# train --compare-to: verdicts, and what must not be compared.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
readonly kSmall=(--data data --hidden 8 --batch-size 32 --epochs 3)

# curve FILE FAMILY ROW...: a curve of that run's model.
curve() {
  local file=$1 family=$2
  shift 2
  printf '%s\n' 'title = mine' 'source = here' "family = $family" 'band = a guess' 'hidden = 8' \
    'latent = 2' 'recon-loss = bce' 'val-z = sampled' 'batch-size = 64' 'epoch val_loss band' "$@" >"$file"
}
# refused WHAT STATUS WORD...: one line with every WORD, and no folder.
refused() {
  local what=$1 expected=$2 word problem=''
  shift 2
  [[ $status == "$expected" && ! -s out && $(wc -l <err) == 1 ]] || problem+="status $status; "
  for word in "$@"; do grep -qF -e "$word" err || problem+="no '$word'; "; done
  [[ ! -e no && ! -e runs ]] || problem+='a folder was made; '
  if [[ -z $problem ]]; then ok "$what"; else not_ok "$what" "$problem$(<err)"; fi
  rm -rf no runs
}

run train --compare-to list
expect_equal '--compare-to list lists and does nothing else' "$status$(<err)$(ls -d runs 2>/dev/null)" 0
expect 'the list names the family of each' grep -qE '^flax +fixed +epochs +1 to +20' out
expect_equal 'it has every file there is' "$(grep -c ' epochs ' out)" \
  "$(find "$root/apps/mnist_vae/curves" -name '*.txt' | wc -l)"

run train --out plain "${kSmall[@]}"
loss() { sed -n "$(($1 + 1))p" plain/log.csv | cut -d , -f 6; }
curve mine.txt grey "1 $(loss 1) 0.5" "3 $(loss 3 | awk '{ print $1 - 2 }') 0.5" '9 1 1'
run train --out compared "${kSmall[@]}" --compare-to ./mine.txt
expect_equal 'a run with --compare-to ends well' "$status$(<err)" 0
expect_equal 'and has the same weights, losses and options' \
  "$(sha256sum <compared/model.safetensors)$(cut -d , -f 1-9 compared/log.csv)$(<compared/options.toml)" \
  "$(sha256sum <plain/model.safetensors)$(cut -d , -f 1-9 plain/log.csv)$(<plain/options.toml)"
expect 'the header has the source' grep -q '^           source: here$' out
expect 'and what differs in the recipe' grep -q 'note: batch-size is 32, was 64' out
expect_equal 'an epoch that was published has a verdict, another none' \
  "$(grep -c '^           published' out) $(grep -c 'ours 0.00 .*: within the band of 0.5$' out) $(grep -c '^  *published.*ours 2.00 above: OUTSIDE the band of 0.5$' out)" \
  '2 1 1'
expect 'the verdict stands below its epoch' bash -c \
  "sed -n '/^epoch 3/{n;p}' out | grep -q OUTSIDE"
expect 'the summary counts them' grep -q '^compared with ./mine.txt: 1 of 2 epochs within the band; epoch 3: val_loss' out
run train --out quiet "${kSmall[@]}" --compare-to ./mine.txt --quiet
expect_equal '--quiet leaves the summary alone' "$(grep -c published out) $(grep -c '^compared with' out)" '1 1'
run train --out plain --resume --epochs 4 --compare-to ./mine.txt
expect 'a resumed run is compared as a whole' grep -q '1 of 2 epochs within the band' out

# --- What must not be compared ---

for family in dynamic static threshold fixed; do
  curve other.txt "$family" '1 100 1'
  run train --out no "${kSmall[@]}" --compare-to ./other.txt
  refused "grey pixels are not compared with $family" 2 --compare-to family grey "$family"
done
for binarize in dynamic static threshold; do
  run train --out no "${kSmall[@]}" --binarize "$binarize" --compare-to ./mine.txt
  refused "nor $binarize ones with grey" 2 family grey "$binarize"
  curve other.txt "$binarize" '1 100 1'
  run train --out "with-$binarize" "${kSmall[@]}" --binarize "$binarize" --compare-to ./other.txt
  expect_equal "$binarize with $binarize is" "$status$(<err)" 0
done
for option in '--latent 3' '--hidden 9' '--recon-loss mse' '--val-z mu' '--beta 2'; do
  others=(--hidden 8)
  [[ $option != --hidden* ]] || others=()
  # shellcheck disable=SC2086 # an option and its value
  run train --out no --data data --batch-size 32 --epochs 1 "${others[@]}" $option --compare-to ./mine.txt
  refused "another model or loss is refused: $option" 2 --compare-to "${option% *}" "${option#* }"
done
run train --out no "${kSmall[@]}" --compare-to torch
refused 'a curve of MNIST is not compared with other data' 2 torch 'other data' 'MNIST (verified)'
run train --out plain --resume --epochs 5 --compare-to torch
refused 'nor is a run that is resumed' 2 torch
run train --out no "${kSmall[@]}" --compare-to kears
refused 'an unknown name is refused with the list of them' 2 kears keras torch flax
run train --out no "${kSmall[@]}" --compare-to ''
refused 'no name is refused' 2 --compare-to

# --- Files that are no curves ---

run train --out no "${kSmall[@]}" --compare-to ./missing.txt
refused 'a file that is not there' 3 missing.txt
run train --out no "${kSmall[@]}" --compare-to ./data
refused 'a folder' 3 ./data
run train --out no "${kSmall[@]}" --compare-to /dev/zero
refused 'a device' 3 /dev/zero
for row in '1 100' '1 nan 1' '0 100 1' '1 100 -1' 'one 100 1'; do
  curve bad.txt grey "$row"
  run train --out no "${kSmall[@]}" --compare-to ./bad.txt
  refused "a row '$row' is refused with its line" 3 'bad.txt, line 11'
done
curve bad.txt grey '1 100 1' '1 100 1'
run train --out no "${kSmall[@]}" --compare-to ./bad.txt
refused 'an epoch twice' 3 'line 12' ascending
curve bad.txt gray '1 100 1'
run train --out no "${kSmall[@]}" --compare-to ./bad.txt
refused 'an unknown family' 3 'line 3' gray
printf 'title = \033[2J\n' >bad.txt
run train --out no "${kSmall[@]}" --compare-to ./bad.txt
refused 'characters that would command a terminal' 3 'line 1'
head -c 2000000 /dev/zero >bad.txt
run train --out no "${kSmall[@]}" --compare-to ./bad.txt
refused 'a file that is too large' 3 bad.txt
: >bad.txt
run train --out no "${kSmall[@]}" --compare-to ./bad.txt
refused 'an empty file' 3 bad.txt

all_cases_ok
