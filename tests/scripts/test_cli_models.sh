#!/usr/bin/env bash
# The commands of mnist_vae that use a trained model: what they print, write and show. The model is
# trained on a tiny data set that is made here.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
make_data other 40000

# --- Running and judging ---

# done_well WHAT: the last run ended with 0 and wrote nothing to standard error.
done_well() {
  if [[ $status == 0 && ! -s err ]]; then ok "$1"; else not_ok "$1" "status $status, $(<err)"; fi
}

run train --data data --hidden 8 --batch-size 32 --epochs 2 --beta 0.5 --out model
done_well 'a model to look at'
run train --data data --hidden 8 --batch-size 32 --epochs 1 --latent 3 --out model3
run train --data data --hidden 8 --batch-size 32 --epochs 1 --latent 1 --out model1
trained=$(sha256sum model/model.safetensors model/log.csv)

# --- evaluate ---

run evaluate model
done_well 'evaluate ends with 0'
cp out test.txt
expect_equal 'evaluate prints a table of three lines, and what it means' \
  "$(grep -v '^# ' out | sed -E 's/ +/ /g; s/-?[0-9]+\.[0-9]{6}/N/g') $(grep -c '^# ' out)" 'z recon kl loss
sampled N N N
mu N N N 7'
# column NAME [RUN]: of the last row of the log.
column() { awk -F , -v name="$1" 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) c = i }
  END { print $c }' "${2:-model}/log.csv"; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; print (d * d <= 2.5e-12 ? "near" : a " " b) }'; }
expect_equal 'evaluate reproduces val_recon, val_kl and val_loss of the last row of the log' \
  "$(near "$(awk '/^sampled/ { print $2 }' out)" "$(column val_recon)") $(
    near "$(awk '/^sampled/ { print $3 }' out)" "$(column val_kl)") $(
    near "$(awk '/^sampled/ { print $4 }' out)" "$(column val_loss)")" 'near near near'
expect_equal 'with z = mu the KL divergence is the same, and the loss is recon + beta * kl' \
  "$(awk '/^sampled/ { kl = $3 } /^mu/ { d = $4 - $2 - 0.5 * $3
    print ($3 == kl && d * d <= 4e-12 ? "yes" : $0) }' out)" yes
run evaluate model --threads 1
expect_equal 'evaluate prints the same with another number of threads' "$(<out)" "$(<test.txt)"
run evaluate model --split train
expect_equal 'evaluate --split train prints other numbers' "$status $(cmp -s out test.txt; echo $?)" '0 1'
run evaluate model --data other
expect_equal 'evaluate --data prints other numbers' "$status $(cmp -s out test.txt; echo $?)" '0 1'
for choice in static dynamic threshold; do
  run train --data data --hidden 8 --batch-size 32 --epochs 2 --binarize "$choice" --hold-out 9 --out "$choice"
  run evaluate "$choice" --split validation
  expect_equal "--binarize $choice: evaluate --split validation reproduces val_loss of the images held out" \
    "$(near "$(awk '/^sampled/ { print $4 }' out)" "$(column val_loss "$choice")")" near
  cp out validation.txt
  run evaluate "$choice"
  expect_equal "--binarize $choice: the test images are others" "$status $(cmp -s out validation.txt; echo $?)" '0 1'
done
run evaluate model --split validation
expect_equal 'evaluate --split validation is refused for a run that held nothing out' \
  "$status $(wc -l <err)" '2 1'
run evaluate model --nll 30
expect_equal 'evaluate --nll 30: a ladder of 1, 10 and 30 samples, each bound below the one before' \
  "$(awk '/^[0-9]/ { print $1, (!before || $2 < before), ($3 > 0), ($4 <= $1 + 1e-9); before = $2 }' out)" \
  '1 1 1 1
10 1 1 1
30 1 1 1'
cp out ladder.txt
run evaluate model --nll 30 --threads 3
expect 'and the same digits on other threads' cmp out ladder.txt
run evaluate model --nll 30 --count 5
expect_equal '--count looks at the first images alone' "$status $(cmp -s out ladder.txt; echo $?)" '0 1'
for value in 0 -1 x 1e3 ''; do
  run evaluate model --nll "$value"
  expect_equal "evaluate --nll '$value' is refused" "$status $(wc -l <err)" '2 1'
done
run evaluate model --output table.txt
done_well 'evaluate --output ends with 0'
expect_equal 'evaluate --output writes the same to a file and nothing else' \
  "$(<table.txt) $(wc -c <out)" "$(<test.txt) 0"

# --- encode ---

run encode model
done_well 'encode ends with 0'
cp out codes.csv
expect_equal 'encode prints a header' "$(head -n 1 out)" 'index,label,mu_0,mu_1,logvar_0,logvar_1'
expect_equal 'and one row of numbers for every image, with its position and label' \
  "$(tail -n +2 out | awk -F , '/[^-+.,e0-9]/ || NF != 6 || $1 != NR - 1 || $2 != $1 % 8
    END { print NR }')" 40
expect_equal 'whose KL divergence is the one that evaluate prints' \
  "$(tail -n +2 out | awk -F , -v kl="$(awk '/mu/ { print $3 }' test.txt)" '
      { for (i = 3; i < 5; ++i) sum += 0.5 * ($i * $i + exp($(i + 2)) - 1 - $(i + 2)) }
      END { d = sum / NR - kl; print (d * d <= 1e-10 ? "yes" : sum / NR) }')" yes
run encode model --split train
expect_equal 'encode --split train has a row for every training image' \
  "$status $(wc -l <out) $(tail -n 1 out | cut -d , -f 1,2)" '0 97 95,7'
run encode model3
expect_equal 'encode has a column for every latent' \
  "$(head -n 1 out)" 'index,label,mu_0,mu_1,mu_2,logvar_0,logvar_1,logvar_2'
run encode model --output latents.csv
expect_equal 'encode --output writes the same to a file and nothing else' \
  "$status $(cmp codes.csv latents.csv && wc -c <out) $(wc -c <err)" '0 0 0'

# --- Pictures ---

number_at() { od -An -t u1 -j "$2" -N 4 "$1" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }'; }
# expect_picture WHAT FILE COLUMNS ROWS: the last run ended with 0, printed the name of the file and
# nothing else, and the file is a PNG with room for so many images of 6 x 5 pixels and not for four
# times as many.
expect_picture() {
  local what=$1 file=$2 columns=$3 rows=$4 start width height
  if [[ $status != 0 || -s err || $(<out) != "$file" || ! -s $file ]]; then
    not_ok "$what" "status $status: $(<out) $(<err)"
    return
  fi
  start=$(od -An -t x1 -N 16 "$file" | tr -d ' \n')
  width=$(number_at "$file" 16)
  height=$(number_at "$file" 20)
  if [[ $start == 89504e470d0a1a0a0000000d49484452 &&
    $width -ge $((5 * columns)) && $width -lt $((20 * columns)) &&
    $height -ge $((6 * rows)) && $height -lt $((24 * rows)) ]]; then
    ok "$what"
  else
    not_ok "$what" "$start, $width x $height"
  fi
}
# expect_different WHAT FILE FILE
expect_different() {
  if cmp -s -- "$2" "$3"; then not_ok "$1" 'the same bytes'; else ok "$1"; fi
}

run reconstruct model
expect_picture 'reconstruct writes ten images and what becomes of them' model/reconstruct.png 10 2
run reconstruct model --count 25 --output r25.png
expect_picture 'reconstruct --count 25 --output writes 25 pairs' r25.png 10 6
run reconstruct model --count 1000 --output all.png
expect_picture 'reconstruct shows no more images than there are' all.png 10 8
run reconstruct model --data other --output r.png
expect_picture 'reconstruct --data shows other images' r.png 10 2
expect_different 'which are others' r.png model/reconstruct.png
run reconstruct model --image r25.png --output mine.png
expect_picture 'reconstruct --image shows a picture of the user' mine.png 1 2

run sample model
expect_picture 'sample writes 64 images' model/sample.png 8 8
run sample model --count 5 --output five.png
expect_picture 'sample --count 5 --output writes five' five.png 3 2
run sample model --count 5 --seed 0 --output five-again.png
expect 'sample makes the same images again' cmp five.png five-again.png
run sample model --count 5 --seed 18446744073709551615 --output five-others.png
expect_picture 'sample --seed makes others' five-others.png 3 2
expect_different 'which are others' five.png five-others.png
run sample model --interpolate 3 39
expect_picture 'sample --interpolate writes the way between two images' model/interpolate.png 11 1
run sample model --interpolate 39 3 --output back.png
expect_picture 'and the way back' back.png 11 1
run sample --interpolate 39 3 model --output back.png
expect_picture 'with RUN before --interpolate or after it' back.png 11 1
expect_different 'which is another' back.png model/interpolate.png
for ends in '0 40' '40 0' '1000000000 0'; do
  # shellcheck disable=SC2086 # two numbers
  run sample model --interpolate $ends --output no.png
  expect_refused "sample --interpolate $ends is refused" 2 --interpolate '0 to 39' \
    "$(tr ' ' '\n' <<<"$ends" | sort -n | tail -n 1)"
done
[[ ! -e no.png ]] || not_ok 'a refused --interpolate writes nothing' no.png

run manifold model
expect_picture 'manifold writes a grid of 20 x 20' model/manifold.png 20 20
run manifold model --size 5 --output m.png
expect_picture 'manifold --size 5 --output writes one of 5 x 5' m.png 5 5
run manifold model3 --size 5 --output m3.png
expect_picture 'manifold shows two of three latents' m3.png 5 5
run manifold model1 --size 5 --output m1.png
expect_picture 'and one row for one latent' m1.png 5 1

# --- Which run, which data ---

expect_equal 'none of this changed the model' \
  "$(sha256sum model/model.safetensors model/log.csv)" "$trained"
for command in evaluate reconstruct sample manifold encode; do
  run "$command"
  expect_refused "$command without RUN and without runs/" 3 runs
done
mkdir runs
cp -r model runs/2
cp -r model3 runs/1
mkdir runs/3-not-a-run
touch -d 2001-01-01 runs/1/model.safetensors
for command in evaluate encode; do
  run "$command" model
  mv out expected
  run "$command"
  expect "without RUN, $command takes the newest run under runs/" cmp out expected
done
for command in reconstruct sample manifold; do
  run "$command"
  expect_equal "without RUN, $command takes the newest run under runs/" "$status $(<out)" \
    "0 runs/2/$command.png"
done
touch -d 2001-01-01 runs/2/model.safetensors
touch runs/1/model.safetensors
run encode
expect_equal 'the newest is the one that was written last' \
  "$(head -n 1 out)" 'index,label,mu_0,mu_1,mu_2,logvar_0,logvar_1,logvar_2'

for command in evaluate encode reconstruct sample; do
  interpolate=()
  [[ $command != sample ]] || interpolate=(--interpolate 0 1)
  run "$command" model "${interpolate[@]}" --data "$root/apps/mnist_vae/sample" --output no.png
  expect_refused "$command: images of another size than the model's are refused" 2 \
    --data '28 x 28' '6 x 5'
done
run sample nowhere
expect_refused 'a run that is not there' 3 nowhere
run evaluate data
expect_refused 'a folder that is no run' 3 data/config.json

# Weights that another program wrote have no checksum of ours.
cp -r model foreign
header_size=$(od -An -t u8 -N 8 model/model.safetensors | tr -d ' ')
tail -c +9 model/model.safetensors | head -c "$header_size" |
  sed -E 's/"__metadata__":\{[^}]*\},?//' >header.json
{
  printf '%b' "$(printf '\\0%03o' $(($(wc -c <header.json) % 256)) $(($(wc -c <header.json) / 256)))"
  printf '\0\0\0\0\0\0'
  cat header.json
  tail -c "+$((9 + header_size))" model/model.safetensors
} >foreign/model.safetensors
run encode foreign
expect_equal 'weights of another program are used, with one line on standard error that says so' \
  "$status $(cmp out codes.csv && echo same) $(wc -l <err) $(grep -c foreign/model.safetensors err)" \
  '0 same 1 1'

all_cases_ok
