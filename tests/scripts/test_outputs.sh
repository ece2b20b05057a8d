#!/usr/bin/env bash
# The result of a command goes where the user says: into a file, through a link to a file, or through
# a descriptor. Nothing else is replaced, and standard output has the result alone.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
run train --data data --hidden 8 --batch-size 32 --epochs 1 --out model
mlp=$(cd -- "${app%/*}/../mnist_mlp" && pwd)/mnist_mlp
mkdir t
# Links of our own to the descriptors: a program that replaces them does no harm.
ln -s /proc/self/fd/1 t/out
ln -s /proc/self/fd/2 t/err
ln -s out t/again
contents() { (cd -- "$1" && find . -type f ! -name lock -exec sha256sum {} + | sort -k 2); }
before=$(contents model)

# make_command NAME: sets the array command, to be followed by --output.
make_command() {
  case $1 in
    interpolate) command=("$app" sample model --data data --interpolate 0 1) ;;
    report) command=("$app" report model --data data) ;;
    lesson) command=("$app" lesson) ;;
    markdown) command=("$app" lesson --markdown) ;;
    mlp) command=("$mlp" --data data --hidden 4 --epochs 1 --batch-size 32) ;;
    sample | manifold) command=("$app" "$1" model) ;;
    *) command=("$app" "$1" model --data data) ;;
  esac
}

readonly commands=(evaluate encode reconstruct sample manifold interpolate report lesson markdown mlp)

for name in "${commands[@]}"; do
  make_command "$name"
  timeout 60 "${command[@]}" --output "file-$name" >/dev/null 2>err </dev/null || not_ok "$name --output FILE" "$(<err)"
  outputs=(- t/out t/again /dev/fd/1 /proc/self/fd/1)
  # These two take long.
  if [[ $name == lesson || $name == markdown ]]; then outputs=(t/again); fi
  for output in "${outputs[@]}"; do
    rm -f redirected
    printf 'head ' >redirected
    status=0
    timeout 60 "${command[@]}" --output "$output" >>redirected 2>err </dev/null || status=$?
    printf 'head ' | cat - "file-$name" >expected
    if [[ $status == 0 && ! -s err && -L t/out && -L t/again ]] && cmp -s redirected expected; then
      ok "$name --output $output > FILE: the result and nothing else"
    else
      not_ok "$name --output $output > FILE: the result and nothing else" \
        "status $status, $(<err) $(wc -c <redirected) bytes, $(ls -l t)"
    fi
  done
  if [[ $name == lesson || $name == markdown ]]; then continue; fi
  timeout 60 "${command[@]}" --output /dev/fd/1 2>err </dev/null | cat >piped
  expect "$name --output /dev/fd/1 | PROGRAM" cmp piped "file-$name"
  timeout 60 "${command[@]}" --output /dev/fd/3 3>third >redirected 2>err </dev/null || true
  expect "$name --output /dev/fd/3: the result is there" cmp third "file-$name"
  expect_empty "$name --output /dev/fd/3: standard output has no name of a file" "$(<redirected)"
  # A result that nobody takes.
  status=0
  timeout 60 "${command[@]}" --output t/out >/dev/full 2>err </dev/null || status=$?
  expect_equal "$name --output t/out: a full disk" "$status $(wc -l <err)" '4 1'
  status=0
  timeout 60 "${command[@]}" --output - >&- 2>err </dev/null || status=$?
  expect_equal "$name --output -: standard output is closed" "$status $(wc -l <err)" '4 1'
done
expect_equal 'and the run is as it was' "$(contents model)" "$before"

# --- Links to files ---

mkdir elsewhere
for name in "${commands[@]}"; do
  make_command "$name"
  rm -f elsewhere/* link
  echo old >elsewhere/result
  chmod 600 elsewhere/result
  ln -s elsewhere/result link
  timeout 60 "${command[@]}" --output link >out 2>err </dev/null || true
  expect_equal "$name --output LINK: the link stays, its file has the result and its mode" \
    "$(readlink link) $(stat -c %a elsewhere/result) $(sha256sum <elsewhere/result)" \
    "elsewhere/result 600 $(sha256sum <"file-$name")"
done
rm -f link
# In a run folder a link is not ours.
for name in reconstruct sample manifold report; do
  echo precious >precious
  case $name in report) link=model/report.html ;; *) link=model/$name.png ;; esac
  rm -f "$link"
  ln -s ../precious "$link"
  make_command "$name"
  status=0
  timeout 60 "${command[@]}" >out 2>err </dev/null || status=$?
  expect_refused "$name: a link in the run folder is refused" 4 "$link" 'symbolic link'
  expect_equal 'and its file is as it was' "$(<precious)" precious
  rm -f "$link"
done

# --- What cannot be written is found first ---

for name in "${commands[@]}"; do
  make_command "$name"
  for output in nowhere/file "$(printf '%0256d' 0)"; do
    status=0
    timeout 60 "${command[@]}" --output "$output" >out 2>err </dev/null || status=$?
    expect_refused "$name --output ${output:0:12} is refused before anything is printed" 4 "${output:0:12}"
  done
done
longest=$(printf '%0250d' 0)
run sample model --output "$longest"
expect_equal 'a name of 250 bytes is written' "$status $(cmp "$longest" file-sample && echo same)" '0 same'
run export model --onnx --output -
expect_refused 'export --output - is refused' 2 --output

# A program without standard output does not write its lines into a file that it opens.
status=0
timeout 60 "$app" train --data data --hidden 4 --batch-size 32 --epochs 1 --out closed >&- 2>err </dev/null || status=$?
expect_equal 'training without a standard output ends with 4 and one line' "$status $(wc -l <err)" '4 1'
run train --out closed --resume --data data --hidden 4 --batch-size 32 --epochs 1
run train --out open --data data --hidden 4 --batch-size 32 --epochs 1
expect_equal 'and no file of the run has lines that were meant for it' \
  "$(cd closed && sha256sum model.safetensors latents.csv)" "$(cd open && sha256sum model.safetensors latents.csv)"

# --- mnist_mlp ---

(ulimit -f 1 && exec timeout 60 "$mlp" --data data --hidden 64 --epochs 1 --batch-size 32 --output large) >out 2>err </dev/null && status=0 || status=$?
expect_equal 'mnist_mlp: a file that grows too large is an error in one line, and nothing is left' \
  "$status $(wc -l <err) $(find . -maxdepth 1 -name '.handgrad-*' -o -maxdepth 1 -name large | wc -l)" '4 1 0'

all_cases_ok
