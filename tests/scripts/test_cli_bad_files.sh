#!/usr/bin/env bash
# Files that are not what they should be, and places that cannot be written: mnist_vae ends with
# status 3 or 4 and one line that names the file, and loses nothing that is on the disk.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
readonly kImages=train-images-idx3-ubyte kLabels=train-labels-idx1-ubyte

# --- Running and judging ---

readonly kSmall=(--data data --hidden 8 --batch-size 32)
# Every file of a folder with its sum; the lock is no part of the run.
contents() { (cd -- "$1" && find . -type f ! -name lock -exec sha256sum {} + | sort -k 2); }

# The run that must survive everything here; 3 of its 4 epochs are done.
run train --out run "${kSmall[@]}" --epochs 3
cp -r run good
good=$(contents good)
expect_unharmed() { expect_equal "$1: nothing in the run folder is lost" "$(contents run)" "$good"; }

# --- Data ---

# bad_data WHAT FILE WORD...: with FILE of the data replaced by standard input, nothing can be
# trained, and the run that is to be overwritten stays.
bad_data() {
  local what=$1 file=$2
  shift 2
  rm -rf -- bad
  cp -r data bad
  rm -f -- "bad/${file%.gz}"
  cat >"bad/$file"
  run train --out run --overwrite --data bad --hidden 8 --batch-size 32 --epochs 1
  expect_refused "data: $what" 3 "bad/$file" "$@"
  [[ $(contents run) == "$good" ]] || expect_unharmed "data: $what"
}
zipped() { gzip -c "data/$kImages"; }
readonly kBytes=2896 # of the training images

head -c $((kBytes - 1)) "data/$kImages" | bad_data 'truncated images' $kImages $((kBytes - 1))
head -c 103 "data/$kLabels" | bad_data 'truncated labels' $kLabels 103 104
{ cat "data/$kImages" && echo; } | bad_data 'oversized images' $kImages $((kBytes + 1)) $kBytes
for bytes in 0 1 4 10 16; do
  head -c "$bytes" "data/$kImages" | bad_data "images cut after $bytes bytes" $kImages
done
bad_data 'labels where images should be' $kImages <"data/$kLabels"
bad_data 'images where labels should be' $kLabels <"data/$kImages"
echo 'this is a text, and no IDX file at all' | bad_data 'a text' $kImages
{ printf '\0\0\15\3' && tail -c +5 "data/$kImages"; } | bad_data 'pixels that are floats' $kImages
{ header '\03' 0 6 5; } | bad_data 'no images' $kImages
{ header '\03' 96 0 5; } | bad_data 'images without rows' $kImages
printf '\0\0\10\3\377\377\377\377\377\377\377\377\377\377\377\377' |
  bad_data 'sizes whose product overflows' $kImages
{ header '\01' 95 && labels 95; } | bad_data 'fewer labels than images' $kLabels 95 96
{ header '\01' 97 && labels 97; } | bad_data 'more labels than images' $kLabels 97 96
{ header '\01' 96 && labels 95 && printf '\12'; } | bad_data 'a label above 9' $kLabels 10
{ header '\03' 40 5 6 && pixels 9000 1200; } |
  bad_data 'test images of another size' t10k-images-idx3-ubyte '5 x 6' '6 x 5'
echo '<!DOCTYPE html><html><title>404 Not Found</title></html>' |
  bad_data 'a page of HTML instead of a .gz' $kImages.gz HTML
zipped | head -c -9 | bad_data 'a truncated .gz' $kImages.gz
zipped | { head -c -8 && printf '\1\2\3\4' && zipped | tail -c 4; } |
  bad_data 'a .gz with a wrong checksum' $kImages.gz
{ zipped && echo garbage; } | bad_data 'a .gz with garbage behind it' $kImages.gz
{ cat "data/$kImages" && head -c 4000000 /dev/zero; } | gzip -c |
  bad_data 'a .gz that unpacks to much more than its header says' $kImages.gz

rm -rf -- bad
cp -r data bad
rm -- bad/$kImages
run train --data bad --out run --overwrite
expect_refused 'data: a missing file' 3 bad $kImages
run train --data $'no\nsuch\tfolder' --out unused
expect_refused 'data: a name with a line feed is told in one line' 3 'no\nsuch\x09folder'
mkdir bad/$kImages
run train --data bad --out run --overwrite
expect_refused 'data: a folder instead of a file' 3 bad/$kImages folder
rmdir bad/$kImages
mkfifo bad/$kImages
run train --data bad --out run --overwrite
expect_refused 'data: a pipe instead of a file' 3 bad/$kImages pipe
for where in nowhere data/$kImages /dev/null; do
  run train --data "$where" --out run --overwrite
  expect_refused "data: $where is no folder" 3 "$where"
done
HANDGRAD_DATA=nowhere run train --out run --overwrite
expect_refused 'data: HANDGRAD_DATA is no folder' 3 nowhere
expect_unharmed 'bad data'
run train --data bad --out new
expect_equal 'with bad data no folder is made' "$status $(find . -name new)" '3 '

# --- A run folder ---

# sums FOLDER: what training computed.
sums() { (cd -- "$1" && sha256sum -- model.safetensors best.safetensors); }
# restore: the run as it was.
restore() { rm -rf -- run && cp -r good run; }
# flip FILE BYTE: inverts one byte, counted from 0.
flip() {
  local value
  value=$(od -An -t u1 -j "$2" -N 1 "$1" | tr -d ' ')
  printf '%b' "$(printf '\\0%03o' $((255 - value)))" |
    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
truncate_to() { head -c "$2" "$1" >shorter && cat shorter >"$1"; }
# damage FILE HOW: one of the damages of kDamages.
readonly kDamages=('first byte' 'in the header' 'in the middle' 'last byte' truncated 'half of it'
  empty longer text)
damage() {
  local size
  size=$(wc -c <"$1")
  case $2 in
    'first byte') flip "$1" 0 ;;
    'in the header') flip "$1" 30 ;;
    'in the middle') flip "$1" $((size / 2)) ;;
    'last byte') flip "$1" $((size - 1)) ;;
    truncated) truncate_to "$1" $((size - 1)) ;;
    'half of it') truncate_to "$1" $((size / 2)) ;;
    empty) truncate_to "$1" 0 ;;
    longer) echo >>"$1" ;;
    text) echo 'this is a text and no tensor in it' >"$1" ;;
  esac
}

# The run, had it been longer.
run train --out long "${kSmall[@]}" --epochs 4
for how in "${kDamages[@]}"; do
  restore
  damage run/model.safetensors "$how"
  run evaluate run
  expect_refused "weights damaged: $how" 3 run/model.safetensors
  restore
  damage run/checkpoint.safetensors "$how"
  run train --out run --resume --epochs 4
  expect_equal "checkpoint damaged: $how: the one before is taken, with a warning" \
    "$status $(wc -l <err) $(grep -c '^mnist_vae: warning: run/checkpoint.safetensors: ' err)" \
    '0 1 1'
  [[ $(sums run) == "$(sums long)" ]] || not_ok "checkpoint damaged: $how: the same weights" \
    "$(diff <(sums long) <(sums run))"
  restore
  damage run/checkpoint.safetensors "$how"
  rm -- run/checkpoint.safetensors.prev
  damaged=$(contents run)
  run train --out run --resume --epochs 4
  expect_refused "checkpoint damaged: $how" 3 run/checkpoint.safetensors
  [[ $(contents run) == "$damaged" ]] || not_ok "checkpoint damaged: $how: nothing is lost" \
    "$(diff <(echo "$damaged") <(contents run))"
  run evaluate run
  [[ $status == 0 ]] || not_ok "checkpoint damaged: $how: the weights are still usable" "$(<err)"
done
restore
rm -- run/checkpoint.safetensors
run train --out run --resume --epochs 4
expect_equal 'without its newest checkpoint a run goes on from the one before' \
  "$status $(sums run)" "0 $(sums long)"
restore
for file in run/checkpoint.safetensors run/checkpoint.safetensors.prev; do flip "$file" 2000; done
run train --out run --resume --epochs 4
expect_refused 'both checkpoints damaged' 3 run/checkpoint.safetensors.prev

restore
flip run/model.safetensors 2000
for command in reconstruct sample manifold encode report; do
  run "$command" run
  expect_refused "damaged weights are refused by $command" 3 run/model.safetensors
done
restore
rm -- run/checkpoint.safetensors.prev
cp run/model.safetensors run/checkpoint.safetensors
run train --out run --resume --epochs 4
expect_refused 'a model is no checkpoint' 3 run/checkpoint.safetensors
restore
cp run/checkpoint.safetensors run/model.safetensors
run evaluate run
expect_refused 'a checkpoint is no model' 3 run/model.safetensors
for file in model.safetensors config.json; do
  restore
  rm -- run/$file
  run evaluate run
  expect_refused "$file is missing" 3 run/$file
done

# A name that the system refuses to look for.
ln -s loop loop
long_name=$(printf '%0300d' 0)
for where in loop "$long_name"; do
  for command in 'evaluate' 'train --resume --out'; do
    # shellcheck disable=SC2086 # a command with its options
    run $command "$where"
    expect_refused "${command%% *} of a run folder that cannot be looked at" 3 "$where"
  done
done

# bad_config WHAT SED WORD...: config.json after an edit.
bad_config() {
  local what=$1 edit=$2
  shift 2
  restore
  sed -i -E "$edit" run/config.json
  run evaluate run
  expect_refused "config.json $what" 3 "$@"
}
bad_config 'that is empty' d run/config.json
bad_config 'without its end' '2,99d' run/config.json
bad_config 'that is no object' '1s/.*/[]/; 2,99d' run/config.json
bad_config 'of another version' 's/("format_version": )1/\12/' run/config.json format_version
bad_config 'without a field' /latent/d run/config.json latent
bad_config 'with a text for a number' 's/("latent": )2/\1"2"/' run/config.json latent
for value in 0 -1 1.5 1e999 99999999999999999999 null; do
  bad_config "with latent $value" "s/(\"latent\": )2/\\1$value/" run/config.json
done
bad_config 'with an unknown activation' 's/relu/swish/' run/config.json activation swish
bad_config 'with a field twice' 's/("latent": )2/\1 2, \1 3/' run/config.json latent twice
bad_config 'with more weights than any memory holds' 's/^( *)8/\165536, 65536/' \
  run/model.safetensors 'too short'
restore
{ echo '{"a": [' && { yes '{},' || :; } | head -n 300000 && echo '{}]}'; } >run/config.json
run evaluate run
expect_refused 'config.json that would keep the parser busy for a minute' 3 run/config.json 'too large'
restore
python3 -c 'import sys
text = open("run/config.json").read()
open("run/config.json", "wb").write(text.encode("utf-16"))'
run evaluate run
expect_refused 'config.json in UTF-16' 3 run/config.json 'a UTF-16 text'
bad_config 'of another width' 's/^( *)8/\19/' run/model.safetensors
bad_config 'with another number of layers' 's/^( *)8/\18, 8/' run/model.safetensors
bad_config 'of another image size' 's/("image_rows": )6/\17/' run/model.safetensors

for edit in 's/^lr = .*/lr = fast/' '1a latnet = 3' '1a what?'; do
  restore
  sed -i -E "$edit" run/options.toml
  damaged=$(contents run)
  for command in 'evaluate run' 'train --resume --epochs 4 --out run'; do
    # shellcheck disable=SC2086 # a command with its options
    run $command
    expect_refused "options.toml in the run, after $edit: ${command%% *}" 3 run/options.toml line
  done
  [[ $(contents run) == "$damaged" ]] || not_ok 'damaged options.toml: nothing is lost' "$(<err)"
done
for edit in '1s/.*/time,loss/' '3s/.*/2,6,nothing/' '2s/,/;/g'; do
  restore
  sed -i -E "$edit" run/log.csv
  damaged=$(contents run)
  run train --out run --resume --epochs 4
  expect_refused "log.csv after $edit" 3 run/log.csv line
  [[ $(contents run) == "$damaged" ]] || not_ok 'damaged log: nothing is lost' "$(<err)"
done


# Files that are long and nothing else, where the program may have an eighth of what they would take
# as rows in memory.
little_memory() { (ulimit -v 250000 && run "$@" --threads 1 && exit "$status"); }
for file in log.csv samples.csv latents.csv; do
  for what in newlines 'one endless line' 'rows of nothing'; do
    restore
    header=$(head -n 1 run/$file)
    case $what in
      newlines) { echo "$header" && head -c 12000000 /dev/zero | tr '\0' '\n'; } ;;
      'one endless line') { echo "$header" && head -c 12000000 /dev/zero | tr '\0' 1; } ;;
      'rows of nothing') { echo "$header" && { yes ,, || :; } | head -c 12000000; } ;;
    esac >run/$file
    status=0
    if [[ $file == samples.csv ]]; then
      little_memory report run || status=$?
    else
      little_memory train --out run --resume --epochs 4 || status=$?
    fi
    expect_refused "$file with $what is refused at its first row" 3 "run/$file, line 2"
  done
done
restore
status=0
little_memory report run || status=$?
expect_equal 'and so much memory is enough for a good run' "$status$(<err)" 0
for value in nan inf -1; do
  restore
  sed -i "3s/,[^,]*/,$value/3" run/log.csv
  run report run
  if [[ $value == -1 ]]; then
    expect_equal 'a loss below 0 may be' "$status" 0
  else
    expect_refused "log.csv with a loss of $value" 3 'run/log.csv, line 3' "$value"
  fi
done

# --- The user's own picture ---

restore
run reconstruct run --output picture.png
# bad_picture WHAT: standard input as --image.
bad_picture() {
  rm -f -- own.png
  cat >own.png
  run reconstruct run --image own.png --output picture.png
  expect_refused "--image: $1" 3 own.png
}
kept=$(sha256sum picture.png)
echo 'no picture' | bad_picture 'a text'
printf '\377\330\377\340JFIF and so on' | bad_picture 'a JPEG'
printf '' | bad_picture 'an empty file'
head -c 100 run/samples.png | bad_picture 'a truncated PNG'
head -c 8 run/samples.png | bad_picture 'the first bytes of a PNG'
cp run/samples.png flipped.png
flip flipped.png 200
bad_picture 'a damaged PNG' <flipped.png
for where in nowhere.png data; do
  run reconstruct run --image "$where" --output picture.png
  expect_refused "--image $where is no file" 3 "$where"
done
expect_equal 'a bad --image leaves the picture of before' "$(sha256sum picture.png)" "$kept"

# --- Names that order a terminal about ---

# obeyed FILE: lines with a byte or character that a terminal would obey, or nobody would see.
obeyed() {
  LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\xa0]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xef\xbb\xbf|(?<![\x80-\xf4])[\x80-\xbf]' "$1" || :
}
readonly kEvil=$'\x1b[2J \xe2\x80\xaegnp \xc2\x9b31m \x9b \xef\xbb\xbf.'
# As it is shown.
readonly kShown='\x1b[2J \u202egnp \u009b31m \x9b \ufeff.'
run train --out "evil$kEvil" "${kSmall[@]}" --epochs 1
expect_equal 'a run may have such a name; where it is shown, it is written out' \
  "$status $(grep -cF "evil$kShown" out) $(obeyed out)" '0 3 '
run train --out "evil$kEvil" --resume
expect_equal 'also where it is finished' "$status $(grep -cF "evil$kShown" out) $(obeyed out)" '0 1 '
run train --out "evil$kEvil" "${kSmall[@]}"
expect_refused 'and where it is refused' 2 "evil$kShown"
expect_empty 'with nothing that a terminal obeys' "$(obeyed err)"
expect_empty 'nor is there any in the page' "$(obeyed "evil$kEvil/report.html")"
run sample "evil$kEvil"
expect_equal 'a program that asks for the path of a picture gets the path' \
  "$status $(<out)" "0 evil$kEvil/sample.png"
status=0
script -qec "$(printf '%q ' "$app" sample "evil$kEvil")" /dev/null </dev/null >out 2>err || status=$?
expect_equal 'a person at a terminal sees it written out' \
  "$status $(tr -d '\r' <out)" "0 evil$kShown/sample.png"
run sample "évil 漢字 😀"
expect_refused 'ordinary names stay as they are' 3 'évil 漢字 😀/config.json'
restore
printf 'lr = 0.001\nhid\xe2\x80\x8bden = [8]\n' >hidden.toml
run train --out new --config hidden.toml
expect_refused 'a key that looks like another is told apart' 2 'found hid\u200bden, expected hidden?'

# --- Places that cannot be written ---

echo mine >file
for where in file file/run /proc/run /dev/null/run; do
  run train --out "$where" "${kSmall[@]}" --epochs 1
  expect_refused "train --out $where cannot be written" 4 "$where"
done
for command in evaluate reconstruct sample manifold encode report; do
  for where in /dev/full file/x /proc/x nowhere/x data; do
    run "$command" run --output "$where"
    expect_refused "$command --output $where cannot be written" 4 "$where"
  done
done
expect_equal 'a file in the way is left alone' "$(<file)" mine
expect 'and so is the device' test -c /dev/full

# full ARGUMENT...: with a standard output that is full.
full() {
  status=0
  : >out
  timeout 60 "$app" "$@" >/dev/full 2>err || status=$?
}
for command in evaluate encode reconstruct sample manifold report; do
  full "$command" run
  expect_refused "$command: standard output is full" 4 'standard output'
done
for command in info --help --version; do
  full "$command"
  expect_refused "$command: standard output is full" 4 'standard output'
done
restore
full train --out run --resume --epochs 4
expect_refused 'train: standard output is full' 4 'standard output'
run train --out run --resume --epochs 4
expect 'and the run can go on' cmp run/model.safetensors long/model.safetensors
status=0
: >out
timeout 60 "$app" encode run >&- 2>err || status=$?
expect_refused 'encode: standard output is closed' 4 'standard output'

# limited BLOCKS ARGUMENT...: as on a disk that becomes full, no file may exceed BLOCKS of 1024 bytes.
limited() {
  status=0
  { (ulimit -f "$1" && shift && exec timeout 60 "$app" "$@" >out 2>err) || status=$?; } 2>/dev/null
}
restore
limited 8 train --out run --resume --epochs 4 --quiet
expect_refused 'train: the disk is full' 4 run/
expect_empty 'no temporary file is left' "$(find run -name '*.tmp*')"
for file in checkpoint.safetensors config.json; do
  expect "and $file is as before" cmp run/$file good/$file
done
run train --out run --resume --epochs 4
expect 'with room again the run goes on to the same weights' \
  cmp run/model.safetensors long/model.safetensors
echo before >codes.csv
limited 1 encode run --split train --output codes.csv
expect_refused 'encode --output: the disk is full' 4 codes.csv
expect_equal 'and the file is as before' "$(<codes.csv)" before

all_cases_ok
