# shellcheck shell=bash
# kill_rounds N, for check_kills.sh: a small training is killed N times at random moments, and
# resumed each time. To be sourced after cli.sh.
#
# Whatever is killed when, the next start must find a checkpoint that it can read, and what comes to
# its end must have the bits of a training that nothing happened to.

# digits FOLDER: 512 of the bundled digits for training, 100 for validation.
digits() {
  mkdir -p -- "$1"
  { header '\03' 512 28 28 && pixels 17 $((512 * 784)); } >"$1/train-images-idx3-ubyte"
  { header '\01' 512 && labels 512; } >"$1/train-labels-idx1-ubyte"
  { header '\03' 100 28 28 && pixels $((17 + 600 * 784)) $((100 * 784)); } >"$1/t10k-images-idx3-ubyte"
  { header '\01' 100 && labels 100; } >"$1/t10k-labels-idx1-ubyte"
}

# results FOLDER: what training computed, without its times.
results() {
  (cd -- "$1" && sha256sum -- model.safetensors best.safetensors latents.csv samples.csv ./*.png &&
    cut -d , -f 1-9,12-13 log.csv)
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

kill_rounds() {
  local rounds=$1 seed=${KILL_SEED:-$(($(date +%s) % 32768))} whole begin delay round
  local options=(--hidden 24 --batch-size 16 --epochs 3 --checkpoint-every 4 --threads 1)
  local killed=0 finished=0 unreadable='' different=''
  echo "the delays come from KILL_SEED=$seed"
  RANDOM=$seed
  digits kill-data
  begin=$(milliseconds)
  run train --out kill-whole --data kill-data "${options[@]}"
  whole=$(($(milliseconds) - begin))
  expect_equal 'a training that nothing happens to' "$status$(<err)" 0
  results kill-whole >kill-expected

  rm -rf -- victim
  for ((round = 1; killed < rounds; ++round)); do
    delay=$((RANDOM * (whole + 1) / 32768))
    status=0
    # --preserve-status: a training that ends as the time does has a status of its own, not 124.
    # shellcheck disable=SC2154 # cli.sh sets app
    timeout --foreground --preserve-status -s KILL \
      "$((delay / 1000)).$(printf %03d $((delay % 1000 + 1)))" \
      "$app" train --out victim --data kill-data "${options[@]}" --resume --quiet \
      >out 2>err </dev/null || status=$?
    case $status in
      0)
        finished=$((finished + 1))
        cmp -s <(results victim) kill-expected || different+="round $round; "
        rm -rf -- victim
        ;;
      137) killed=$((killed + 1)) ;;
      *) unreadable+="round $round: status $status, $(<err); " ;;
    esac
    [[ -z $unreadable$different ]] || break
  done 2>/dev/null
  if [[ -e victim ]]; then
    run train --out victim --data kill-data "${options[@]}" --resume --quiet
    [[ $status == 0 ]] || unreadable+="the last round: status $status, $(<err)"
    cmp -s <(results victim) kill-expected || different+='the last round'
  fi
  expect_empty "$killed kills in $((round - 1)) starts: every next start finds a checkpoint" "$unreadable"
  expect_empty "$((finished + 1)) trainings came to their end, each with the same bits" "$different"
  expect_empty 'and no temporary file is left' "$(find . -name '*.tmp*')"
}
