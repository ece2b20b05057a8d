#!/usr/bin/env bash
# Nothing is lost at any system call: a training is killed at each of them, is refused each of them
# by a full or a failing disk, and loses power after each of them. The newest or the previous
# checkpoint can always be read, and the resumed run ends with the bits of an undisturbed one.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

if ! strace -o /dev/null true 2>/dev/null; then
  skip 'strace cannot be used here: no system call can be disturbed'
  exit
fi

make_data data 4000
# A run of one epoch that is to have a second: its files are all there to be replaced.
readonly kRecipe=(--data data --hidden 8 --batch-size 32 --threads 1 --epochs 2)
run train --out base --data data --hidden 8 --batch-size 32 --threads 1 --epochs 1
run train --out whole "${kRecipe[@]}"

# results FOLDER: what training computed, without its times.
results() {
  (cd -- "$1" && sha256sum -- model.safetensors best.safetensors latents.csv samples.csv ./*.png &&
    cut -d , -f 1-9,12-13 log.csv)
}
whole_results=$(results whole)
readonly whole_results
expect_equal 'there is something to compare' "$(wc -l <<<"$whole_results")" 10

restore() { rm -rf -- victim && cp -r base victim; }
# disturbed CALL ACTION N [OPTION...]: trains the second epoch, with ACTION at the Nth CALL. Sets
# status; hit says whether it came to that.
disturbed() {
  local call=$1 action=$2 n=$3
  shift 3
  restore
  status=0
  strace -qq -o calls -e trace="$call" -e inject="$call:$action:when=$n" \
    "$app" train --out victim --resume --quiet "${kRecipe[@]}" "$@" >out 2>err </dev/null || status=$?
  hit=no
  if grep -qE 'INJECTED|killed by SIGKILL' calls; then hit=yes; fi
}
# problem_of_resume: what is wrong with what is left behind; nothing if all is well.
problem_of_resume() {
  run train --out victim --resume --quiet "${kRecipe[@]}"
  if [[ $status != 0 ]]; then
    echo "resuming ends with $status: $(<err)"
  elif [[ $(results victim) != "$whole_results" ]]; then
    echo 'other bits after resuming'
  elif [[ -n $(find victim -name '*.tmp*') ]]; then
    echo "a temporary file is left: $(find victim -name '*.tmp*')"
  fi
}

# The program's first calls are those of the loader; a save's are among the last.
readonly kCalls='openat write fsync close link rename unlink'

# --- Killed ---

for call in $kCalls; do
  problems='' killed=0
  for ((n = 1; ; ++n)); do
    disturbed "$call" signal=KILL "$n"
    [[ $hit == yes ]] || break
    killed=$((killed + 1))
    problem=$(problem_of_resume)
    [[ -z $problem ]] || problems+="$call $n: $problem
"
  done 2>/dev/null
  if [[ $killed == 0 ]]; then problems="no $call was met"; fi
  expect_empty "killed at each of $killed calls of $call" "$problems"
done

# --- A full or a failing disk ---

for error in ENOSPC EIO; do
  for call in openat write fsync close link rename; do
    problems='' failed=0 harmless=0
    for ((n = 1; ; ++n)); do
      disturbed "$call" error=$error "$n"
      [[ $hit == yes ]] || break
      first=$(head -n 1 err)
      case $status in
        0) harmless=$((harmless + 1)) ;; # such as a question about the processor, or the end of a file
        3 | 4)
          failed=$((failed + 1))
          if [[ $(wc -l <err) != 1 || ! $first =~ ^'mnist_vae: ' ]]; then
            problems+="$call $n: not one line: $(<err)
"
          fi
          ;;
        127) continue ;; # the program's libraries could not be loaded
        *) problems+="$call $n: status $status: $first
" ;;
      esac
      problem=$(problem_of_resume)
      [[ -z $problem ]] || problems+="$call $n: $problem
"
    done
    # Without hard links a file is renamed to its previous name; a failed close has closed.
    if [[ $failed == 0 && $call != link && $call != close ]]; then
      problems+="no $call that failed ended the program"
    fi
    expect_empty "$error at each $call: $failed ended the run in one line, $harmless did not" "$problems"
  done
done

# A file system without hard links, from the first file on: nothing is missing in the end.
restore() { rm -rf -- victim; }
problems=''
for ((n = 1; n <= 2; ++n)); do
  disturbed link error=EPERM "$n"
  [[ $hit == yes && $status == 0 ]] || problems+="link $n: status $status: $(<err)
"
  [[ $(results victim) == "$whole_results" ]] || problems+="link $n: other bits
"
done
expect_empty 'without hard links a new training comes to its end' "$problems"
restore() { rm -rf -- victim && cp -r base victim; }

# What is written beside the run folder.
for option in --trace --gradients; do
  problems='' failed=0
  for ((n = 1; ; ++n)); do
    rm -f beside
    disturbed write error=ENOSPC "$n" $option beside
    [[ $hit == yes ]] || break
    if [[ $status == 4 && $(wc -l <err) == 1 ]]; then failed=$((failed + 1)); else
      problems+="write $n: status $status, $(<err)
"
    fi
  done
  expect_empty "a full disk at each write with $option: $failed ended the run in one line" "$problems"
done

# --- A run that takes the place of another ---

# The old run has one epoch, the new one another net and two. Whatever happens to the first save of
# the new one: the folder holds one of the two, for evaluate and for a resumed training.
readonly kNew=(--data data --hidden 12 --batch-size 32 --threads 1 --epochs 1)
run train --out new "${kNew[@]}"
for folder in base new; do
  run evaluate "$folder" --data data
  cp out "$folder.table"
  cp -r "$folder" "$folder-more"
  run train --out "$folder-more" --resume --epochs 2
done
# problem_of_place: neither the old run nor the new one is there, or not whole.
problem_of_place() {
  local table=none folder
  run evaluate victim --data data
  for folder in base new; do if cmp -s out "$folder.table"; then table=$folder; fi; done
  run train --out victim --resume --epochs 2 --quiet
  if [[ $table == none ]]; then
    echo "evaluate: $(<err)"
  elif [[ $status != 0 ]]; then
    echo "$table, but resuming ends with $status: $(<err)"
  elif [[ $(results victim) != "$(results "$table-more")" ]]; then
    echo "$table, but other bits after resuming"
  elif [[ -n $(find victim -name '*.tmp*' -o -name '.handgrad*') ]]; then
    echo "left: $(find victim -name '.handgrad*')"
  fi
}
for action in signal=KILL error=ENOSPC error=EIO; do
  problems='' hits=0
  for call in mkdir fsync rename unlink rmdir; do
    for ((n = 1; ; ++n)); do
      restore
      status=0
      strace -qq -o calls -e trace="$call" -e inject="$call:$action:when=$n" \
        "$app" train --out victim --overwrite --quiet "${kNew[@]}" >out 2>err </dev/null || status=$?
      grep -qE 'INJECTED|killed by SIGKILL' calls || break
      hits=$((hits + 1))
      case $action:$status in *KILL:* | *:0 | *:4) ;; *) problems+="$call $n: status $status, $(<err)
" ;; esac
      problem=$(problem_of_place)
      [[ -z $problem ]] || problems+="$call $n: $problem
"
    done 2>/dev/null
  done
  if [[ $hits -lt 30 ]]; then problems+="only $hits calls were met"; fi
  expect_empty "$action at each of $hits calls of a training with --overwrite: the old run or the new one" "$problems"
done

# --- Without power ---

# The calls of an undisturbed save, replayed one by one into another copy: after each of them the
# power may fail. What was written but not flushed is then damaged.
restore
strace -qq -y -o calls -e trace=openat,write,fsync,link,rename,unlink \
  "$app" train --out victim --resume --quiet "${kRecipe[@]}" >out 2>err </dev/null
mv victim finished
rm -rf -- replayed
cp -r base replayed
# replay LINE: what the call does to the files of the run folder. Its temporary files have the
# content of what they are renamed to, once they are flushed.
declare -A becomes=()
moved='^(rename|link)\("victim/([^"]*)", "victim/([^"]*)"\) += 0'
while IFS= read -r line; do
  if [[ $line =~ $moved ]]; then becomes[${BASH_REMATCH[2]}]=${BASH_REMATCH[3]}; fi
done <calls
replay() {
  local line=$1 target
  local created='^openat\(.*"victim/([^"]*)".*O_CREAT.*= [0-9]' flushed='^fsync\([0-9]+<.*/victim/([^>]*)>\)'
  local gone='^unlink\("victim/([^"]*)"\) += 0'
  if [[ $line =~ $created ]]; then
    target=${BASH_REMATCH[1]}
    # The logs are appended to: test_cli_interrupted.sh tears their last row.
    [[ $target != *.tmp ]] || echo 'damaged' >"replayed/$target"
  elif [[ $line =~ $flushed ]]; then
    target=${BASH_REMATCH[1]}
    [[ $target != *.tmp ]] || cp "finished/${becomes[$target]-}" "replayed/$target"
  elif [[ $line =~ $moved ]]; then
    if [[ ${BASH_REMATCH[1]} == rename ]]; then
      mv -f "replayed/${BASH_REMATCH[2]}" "replayed/${BASH_REMATCH[3]}"
    else
      ln -f "replayed/${BASH_REMATCH[2]}" "replayed/${BASH_REMATCH[3]}"
    fi
  elif [[ $line =~ $gone ]]; then
    rm -f "replayed/${BASH_REMATCH[1]}"
  else
    return 1
  fi
}
problems='' states=0
while IFS= read -r line; do
  replay "$line" || continue
  states=$((states + 1))
  rm -rf -- victim
  cp -r replayed victim
  problem=$(problem_of_resume)
  [[ -z $problem || $problem == *'temporary file'* ]] || problems+="after $line: $problem
"
done <calls
if [[ $states -lt 20 ]]; then problems+="only $states calls were understood"; fi
expect_empty "power lost after each of $states calls: what is left can be resumed" "$problems"

all_cases_ok
