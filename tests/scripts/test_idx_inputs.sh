#!/usr/bin/env bash
# Twenty-six ways in which a data set's files go wrong, by number, through the program: each is
# refused with status 3 and one line that names the file and the fault, or accepted where that is
# harmless, and never takes more memory than the file is long.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
readonly kImages=train-images-idx3-ubyte kLabels=train-labels-idx1-ubyte
: >numbers

# train_on FOLDER: sets status.
train_on() { run train --data "$1" --out run --overwrite --hidden 8 --batch-size 32 --epochs 1 --quiet; }
train_on data
expect_equal 'the data set itself is good' "$status$(<err)" 0

# replace FILE: with FILE of a copy of the data replaced by standard input.
replace() {
  rm -rf -- bad
  cp -r data bad
  rm -f -- "bad/${1%.gz}"
  cat >"bad/$1"
}
# judge NUMBER WHAT FILE WORD...: the last run has refused the file with every WORD.
judge() {
  local number=$1 what=$2 file=$3 word problem=''
  shift 3
  echo "$number" >>numbers
  [[ $status == 3 ]] || problem+="status $status; "
  [[ $(wc -l <err) == 1 ]] || problem+='not one line; '
  for word in "bad/$file" "$@"; do grep -qF -e "$word" err || problem+="no '$word'; "; done
  if [[ -z $problem ]]; then ok "$number: $what"; else not_ok "$number: $what" "$problem
$(<err)"; fi
}
# refused NUMBER WHAT FILE WORD...: the same, with standard input as the file.
refused() {
  replace "$3"
  train_on bad
  judge "$@"
}
zipped() { gzip -c "data/$kImages"; }
# typed TYPE: the images with another type of data.
typed() { printf '\0\0%b\3' "$1" && tail -c +5 "data/$kImages"; }
readonly kLargest='\0377\0377\0377\0377'

refused 1 'an empty file' $kImages 'empty file' </dev/null
printf '\0\0\10' | refused 2 'shorter than 4 bytes' $kImages 'too short' '3 bytes'
{ printf '\1' && tail -c +2 "data/$kImages"; } | refused 3 'the first bytes are not 0' $kImages 'first two bytes' '0x01 0x00'
typed '\0012' | refused 4 'the type 0x0A, which there is not' $kImages '0x0A (unknown)'
typed '\0015' | refused 5 'floats where pixels are wanted' $kImages '0x0D (float)'
printf '\0\0\10\0' | refused 6 'no dimensions' $kImages dimensions
printf '\0\0\10\5\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1a' | refused 6 'five dimensions' $kImages dimensions
head -c 9 "data/$kImages" | refused 7 'cut within the sizes' $kImages 'cut short' '9 bytes' '16 bytes'
{ header '\03' 0 6 5; } | refused 8 'no images' $kImages '"count": found 0'
{ header '\03' 96 0 5; } | refused 8 'no rows' $kImages '"rows": found 0'
{ header '\03' 96 6 0; } | refused 8 'no columns' $kImages '"columns": found 0'
for sizes in "$kLargest\\0\\0\\0\\01\\0\\0\\0\\01" "\\0\\0\\0\\01$kLargest\\0\\0\\0\\01" \
  "\\0\\0\\0\\01\\0\\0\\0\\01$kLargest" "$kLargest$kLargest$kLargest" \
  '\0\01\0\0\0\01\0\0\0\01\0\0'; do
  printf '%b' "\\0\\0\\010\\03$sizes" | refused 9 "sizes of $sizes" $kImages 'too large' 'at most'
done
head -c -1 "data/$kImages" | refused 10 'a byte missing' $kImages 'fewer bytes' '2895 bytes' '2896 bytes'
{ cat "data/$kImages" && echo; } | refused 11 'a byte too many' $kImages 'more bytes' '2897 bytes'
zipped | refused 12 'gzipped, but not called .gz' $kImages gzipped "$kImages.gz"

replace $kImages.gz <"data/$kImages"
train_on bad
echo 13 >>numbers
expect_equal '13: not gzipped, but called .gz: accepted, with a warning' \
  "$status $(wc -l <err) $(grep -cF "warning: bad/$kImages.gz is called .gz" err)" '0 1 1'

echo '<!DOCTYPE html><html><title>403 Forbidden</title></html>' |
  refused 14 'a page of HTML as .gz' $kImages.gz HTML
echo '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>' |
  refused 14 'a page of XML as .gz' $kImages.gz XML
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:ba89\nsize 47040016\n' |
  refused 15 'a Git LFS pointer' $kImages 'Git LFS'
zipped | head -c -20 | refused 16 'a .gz cut short' $kImages.gz truncated
zipped | { head -c -8 && printf '\1\2\3\4' && zipped | tail -c 4; } |
  refused 17 'a .gz with a wrong CRC' $kImages.gz CRC-32
zipped | { head -c -4 && printf '\1\0\0\0'; } | refused 17 'a .gz with a wrong length' $kImages.gz length
{ zipped && echo garbage; } | refused 18 'garbage after a .gz' $kImages.gz garbage '8 more bytes'
{ zipped && zipped; } | refused 19 'two .gz in one' $kImages.gz 'second gzip member'
{ header '\03' 96 6 5 && head -c 64000000 /dev/zero; } | gzip -c |
  refused 20 'a .gz that unpacks to a thousand times its size' $kImages.gz 'more bytes'
{ header '\01' 95 && labels 95; } | refused 21 'fewer labels than images' $kLabels 95 96
{ header '\01' 97 && labels 97; } | refused 21 'more labels than images' $kLabels 97 96
refused 22 'labels where images should be' $kImages <"data/$kLabels"
refused 22 'images where labels should be' $kLabels <"data/$kImages"
{ header '\01' 96 && labels 95 && printf '\12'; } | refused 23 'a label of 10' $kLabels 'index 95' 10

# Images of any size can be trained on, if all are of one.
echo 24 >>numbers
expect_equal '24: images that are not 28 x 28: accepted' "$(grep -c '"image_rows": 6' run/config.json)" 1
{ header '\03' 40 5 6 && pixels 9000 1200; } |
  refused 24 'test images of another size' t10k-images-idx3-ubyte '5 x 6' '6 x 5'

replace $kImages </dev/null
rm -- bad/$kImages
mkdir bad/$kImages
train_on bad
judge 25 'a folder' $kImages folder
rmdir bad/$kImages
mkfifo bad/$kImages
train_on bad
judge 25 'a pipe, which nobody writes to' $kImages pipe
rm -- bad/$kImages
ln -s /dev/zero bad/$kImages
train_on bad
judge 25 'a device' $kImages device
rm -- bad/$kImages
cp data/$kImages bad/$kImages
chmod 0 bad/$kImages
if [[ -r bad/$kImages ]]; then
  skip '25: without permission: this user may read everything'
else
  train_on bad
  judge 25 'without permission' $kImages 'ermission'
fi

# A file of the system that is shorter than it says, as one is that shrinks while it is read.
shrinking=/sys/devices/system/cpu/online
rm -f -- bad/$kImages
if [[ -e $shrinking && $(stat -c %s $shrinking) -ge 4096 ]]; then
  ln -s $shrinking bad/$kImages
  train_on bad
  judge 26 'shorter while being read than it was' $kImages 'changed its size'
else
  echo 26 >>numbers
  skip '26: no file here that shrinks while it is read'
fi

# --- Memory ---

# Both files declare 2 GiB, and the program may have an eighth of that for everything; the first is
# 16 bytes long, the second unpacks to 64 MB before it turns out to lie.
train_in_little_memory() { (ulimit -v 250000 && run train "$@" && exit "$status"); }
for kind in plain gzipped; do
  file=$kImages
  [[ $kind == plain ]] || file=$kImages.gz
  {
    printf '\0\0\10\3\0\0\177\377\0\0\1\0\0\0\1\0'
    [[ $kind == plain ]] || head -c 64000000 /dev/zero
  } | if [[ $kind == plain ]]; then cat; else gzip -c; fi | replace "$file"
  status=0
  train_in_little_memory --data bad --out run --overwrite --quiet --threads 1 || status=$?
  expect_equal "a $kind file that declares 2 GiB takes no memory before it is found to lie" \
    "$status $(grep -c 'fewer bytes' err)" '3 1'
done
status=0
train_in_little_memory --data data --out run --overwrite --quiet --threads 1 --hidden 8 \
  --batch-size 32 --epochs 1 || status=$?
expect_equal 'and so much memory is enough for what is true' "$status$(<err)" 0

expect_equal 'all twenty-six have been tried' "$(sort -nu numbers | tr -d '\n')" \
  "$(seq -s '' 1 26)"

all_cases_ok
