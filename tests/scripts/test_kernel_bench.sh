#!/usr/bin/env bash
# kernel_bench: that it runs every op, takes back what HANDGRAD_VERBOSE prints, and draws. What the
# figures are is nobody's business here.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

bench=${app%/*/*}/kernel_bench/kernel_bench
if [[ ! -x $bench ]]; then
  skip 'kernel_bench is not built (no Google Benchmark)'
  exit 0
fi
# One instruction set and one thread are enough.
export OMP_NUM_THREADS=1
HANDGRAD_ISA=$("$app" info | sed -n 's/^chosen *\([a-z0-9]*\) .*/\1/p')
export HANDGRAD_ISA
# bench ARGUMENT...: sets status; what it wrote is in out and err.
bench() {
  status=0
  timeout 300 "$bench" "$@" >out 2>err </dev/null || status=$?
}
readonly kQuick=(--benchmark_min_time=0.001 '--benchmark_filter=/threads:1/')

# Every op of a training, as the app prints it.
make_data data 1
HANDGRAD_VERBOSE=1 run train --data data --epochs 1 --batch-size 20 --hidden 16 --quiet --out fused
cp err lines
HANDGRAD_VERBOSE=1 run train --data data --epochs 1 --batch-size 20 --hidden 16 --quiet --out plain \
  --fuse off --clip-norm 1 --optimizer sgd --sparsity off
cat err >>lines
HANDGRAD_VERBOSE=1 run sample fused --count 4
cat err >>lines
shapes=()
while IFS= read -r shape; do shapes+=(--shape "$shape"); done < <(
  sed -n 's/^handgrad \([^ ]*\) .*/\1/p' lines | sort -u)
bench "${shapes[@]}" "${kQuick[@]}" --benchmark_format=json
expect_equal '--shape takes every op that HANDGRAD_VERBOSE prints' "$status" 0
expect_equal 'its JSON has each of them, with a time' "$(python3 -c '
import json
names = {b["name"].split("/")[0] for b in json.load(open("out"))["benchmarks"] if b["real_time"] > 0}
print(len(names))')" $((${#shapes[@]} / 2))
expect_equal 'it says the limits of each instruction set' \
  "$(grep -cE '^[a-z0-9]+, threads:1: FMA peak [0-9.]+ GFLOP/s; reading L1 [0-9]+, L2 [0-9]+, beyond L2 [0-9]+ GB/s$' err)" \
  "$(grep -c ', threads:1: ' err)"

bench --benchmark_list_tests=true
expect_equal 'every op is a benchmark by default' \
  "$status $(grep -cE '^(gemm_nn:128x512x784|adam:1x807700|fill_noise:128x20)/.*/threads:1' out | sed 's/[1-9].*/some/')" '0 some'
bench --in-step --benchmark_list_tests=true
expect_equal '--in-step has the whole step and its ops' \
  "$(grep -cE '^in_step/784-(512-2|400-20)/(step|gemm_nn:.*/decoder.1|bce_with_logits:128x784)/[a-z0-9]+/threads:1' out | sed 's/[1-9].*/some/')" some

readonly kSmall=(--shape gemm_nn:8x32x16 --shape adam:1x1000)
bench "${kSmall[@]}" --sweep-threads
expect_equal '--sweep-threads has a row for each op' "$status $(grep -cE '^(gemm_nn|adam):.*x$' out)" '0 2'
bench "${kSmall[@]}" --roofline roofline.svg
expect_equal '--roofline draws a dot for each op' "$status $(python3 -c '
import xml.etree.ElementTree as tree
print(len(tree.parse("roofline.svg").findall(".//{*}circle")))')" '0 2'
bench "${kSmall[@]}" --roofline nowhere/roofline.svg
expect_equal 'a picture that cannot be written is an error' "$status $(grep -c nowhere/ err)" '4 1'

for bad in gemm_nn gemm_nn:1x2 adam:1x2x3 nothing:1x2 gemm_nn:0x1x1 ''; do
  bench --shape "$bad"
  expect_equal "--shape '$bad' is refused" "$status $(wc -l <err)" '2 1'
done
bench "${kSmall[@]}" --roofline=
expect_equal '--roofline without a file is refused' "$status $(wc -l <err)" '2 1'

# More than the machine has, and more than it grants at once: an error, and no abort or kill.
for huge in gemm_nn:1000000x1000000x1000000 gemm_tn+adam:1048576x1048576x1 adam:1048576x1048576 \
  fill_noise:1048576x1048576; do
  bench --shape "$huge"
  expect_equal "--shape $huge is out of memory" "$status $(<err)" '1 kernel_bench: out of memory'
done
for wide in load_pixels:1x1048576 transpose_sparse:1048576x1048576 \
  sparse_gemm_nn:1000000x2x1000000:0.5; do
  bench --shape "$wide"
  expect_equal "--shape $wide is more than can be listed" "$status $(wc -l <err)" '2 1'
done
for bad in repetitions=-3 repetitions=many min_time=-1 min_time=nan 'filter=(' format=xml \
  out_format= time_unit=h; do
  bench "${kSmall[@]}" "--benchmark_$bad"
  expect_equal "--benchmark_$bad is refused" "$status $(wc -l <err)" '2 1'
done
bench "${kSmall[@]}" --benchmark_filter=nothing
expect_equal 'a filter that nothing matches is wrong usage' \
  "$status $(grep -c '^kernel_bench: --benchmark_filter: no benchmark was run' err)" '2 1'
bench "${kSmall[@]}" --benchmark_out=nowhere/results.json
expect_equal 'results that cannot be written are an error' "$status $(wc -l <err)" '4 1'
status=0
(ulimit -f 0 && exec "$bench" "${kSmall[@]}" --roofline limited.svg 2>&1 >/dev/null | cat) |
  grep -c '^kernel_bench: limited.svg' >out || status=$?
expect_equal 'a limit of the size of files is an error, and nothing is left' \
  "$(<out) $(compgen -G 'limited.svg*' | wc -l)" '1 0'
# A result takes its file's place when it is whole; what cannot be written is found at the start.
# result OPTION: an option that names a file with a result.
for option in --roofline --benchmark_out; do
  quick=("${kSmall[@]}" --benchmark_min_time=0.001)
  [[ $option == --benchmark_out ]] || quick=("${kSmall[@]}")
  echo mine >result
  chmod 640 result
  mkdir -p folder
  for wrong in nowhere/x folder /dev/full; do
    bench "${quick[@]}" "$option=$wrong"
    expect_equal "$option=$wrong is an error before anything is measured" \
      "$status $(wc -l <err) $(grep -c "$wrong" err)" '4 1 1'
  done
  mkfifo -- pipe
  bench "${quick[@]}" "$option=pipe"
  expect_equal "$option does not replace a pipe" "$status $(wc -l <err) $(test -p pipe && echo pipe)" '4 1 pipe'
  rm pipe
  for way in 'a filter that nothing matches' 'a bad option' 'a kill' 'a full disk'; do
    case $way in
      *filter*) [[ $option == --benchmark_out ]] || continue; bench "${quick[@]}" "$option=result" --benchmark_filter=nothing ;;
      *option) bench "${quick[@]}" "$option=result" --nonsense ;;
      *kill) { timeout -s KILL 0.5 "$bench" "$option=result" >out 2>err </dev/null || :; } 2>/dev/null ;;
      *disk) (ulimit -f 0 && exec "$bench" "${quick[@]}" "$option=result" >/dev/null 2>&1) 2>/dev/null || : ;;
    esac
    expect_equal "$option: after $way the file is as it was" "$(cat result; stat -c %a result)" $'mine\n640'
  done
  ln -s result link
  bench "${quick[@]}" "$option=link"
  expect_equal "$option follows a link to its file, which keeps its mode" \
    "$status $(test -L link && echo link) $(wc -l <result | sed 's/[1-9].*/some/') $(stat -c %a result)" '0 link some 640'
  rm link
  expect_empty "$option leaves nothing else" "$(find . -name '.handgrad*')"
done
bench "${kSmall[@]}" --roofline - && cp out standard
bench "${kSmall[@]}" --roofline /dev/stdout
expect_equal '--roofline - and /dev/stdout write the picture, and nothing else' \
  "$status $(head -c 4 standard) $(tail -n 1 standard) $(head -c 4 out)" '0 <svg </svg> <svg'
bench "${kSmall[@]}" --roofline - --sweep-threads
expect_equal 'beside --sweep-threads, which prints, that is refused' "$status $(wc -l <err)" '2 1'
bench "${kSmall[@]}" --benchmark_out=-
expect_equal 'as is --benchmark_out=-' "$status $(wc -l <err)" '2 1'
bench "${kSmall[@]}" --roofline picture.svg --benchmark_out=result
expect_equal 'and a file of benchmarks where none is run' "$status $(wc -l <err)" '2 1'
BENCHMARK_OUT=folder bench "${kSmall[@]}" --benchmark_min_time=0.001
expect_equal 'BENCHMARK_OUT is as the option' "$status $(wc -l <err)" '4 1'
BENCHMARK_OUT=folder bench "${kSmall[@]}" --roofline drawn.svg
expect_equal 'and nothing where no benchmark is run' "$status $(head -c 4 drawn.svg)" '0 <svg'
BENCHMARK_MIN_TIME=x bench "${kSmall[@]}"
expect_equal 'as are the other variables' "$status $(tail -n 1 err | grep -c min_time)" '2 1'
echo mine >result
bench "${kSmall[@]}" --benchmark_list_tests=true --benchmark_out=result
expect_equal 'a list of benchmarks leaves the file of results as it was' \
  "$status $(grep -c '^adam' out | sed 's/[1-9].*/some/') $(<result)" '0 some mine'
for stdout in '>&-' '>/dev/full'; do
  rm -f result
  status=0
  case $stdout in
    *full) "$bench" "${kSmall[@]}" --benchmark_min_time=0.001 --benchmark_out=result >/dev/full 2>err </dev/null || status=$? ;;
    *) "$bench" "${kSmall[@]}" --benchmark_min_time=0.001 --benchmark_out=result >&- 2>err </dev/null || status=$? ;;
  esac
  expect_equal "results are saved before $stdout ends the program, and have no line that was for it" \
    "$status $(tail -n 1 err) $(python3 -c 'import json; print(len(json.load(open("result"))["benchmarks"]) > 0)')" \
    '4 kernel_bench: standard output: cannot be written True'
done
for output in - /dev/stdout; do
  status=0
  "$bench" "${kSmall[@]}" --roofline "$output" >/dev/full 2>err </dev/null || status=$?
  expect_equal "--roofline $output to a full disk is an error" "$status $(tail -n 1 err | grep -c 'cannot be written')" '4 1'
done
rm -f result
without_reader "$bench" "${kSmall[@]}" --benchmark_min_time=0.001 --benchmark_out=result
expect_equal 'a reader that goes away does not take the file with it' \
  "$status $(python3 -c 'import json; print(len(json.load(open("result"))["benchmarks"]) > 0)')" '4 True'

for text in --help --sweep-threads --benchmark_min_time=0.001; do
  status=0
  "$bench" "${kSmall[@]}" "$text" >/dev/full 2>err || status=$?
  expect_equal "$text to a full disk is an error" "$status $(tail -n 1 err)" \
    '4 kernel_bench: standard output: cannot be written'
done
bench --no-such-option
expect_equal 'an unknown option is refused' "$status $(wc -l <err)" '2 1'
bench --shape $'gemm_nn\xe2\x80\xae\xc2\x9b\x1b'
expect 'and shown without what a terminal obeys' grep -qF 'gemm_nn\u202e\u009b\x1b' err
bench --help
expect_equal '--help explains' "$status $(grep -c -- --sweep-threads out | sed 's/[1-9].*/some/')" '0 some'

all_cases_ok
