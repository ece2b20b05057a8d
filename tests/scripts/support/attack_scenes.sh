# shellcheck shell=bash
# Scenes of attack.sh: data, options, signals, limits and races. Each begins in an empty folder of its own that has the file "sentinel",
# and leaves to the checks what must hold. To be sourced after attack_draws.sh and attack_checks.sh.
# shellcheck disable=SC2034,SC2154 # the others set options, and read disturb, limits and streams

# base FOLDER: a finished run of small data and drawn options; sets options. False if it could not be
# trained: such options were drawn.
base() {
  calm
  draw_data data 96 6 5
  draw_options
  attack train --out "$1" "${options[@]}"
  [[ $status == 0 && -e $1/model.safetensors ]]
}

# any_command FOLDER: sets arguments to some command that reads a run.
any_command() {
  local to=()
  if chance 3; then to=(--output "result$((RANDOM % 3))"); fi
  pick evaluate evaluate reconstruct sample manifold encode export report check-gradients
  case $REPLY in
    evaluate)
      arguments=(evaluate "$1" --data data "${to[@]}")
      if chance 3; then pick train test validation && arguments+=(--split "$REPLY"); fi
      if chance 4; then pick 0 1 7 -1 && arguments+=(--nll "$REPLY"); fi
      ;;
    reconstruct)
      arguments=(reconstruct "$1" --data data "${to[@]}")
      if chance 2; then pick 0 1 7 1000 99999999999 && arguments+=(--count "$REPLY"); fi
      if chance 5; then pick "$1/samples.png" sentinel nowhere . && arguments+=(--image "$REPLY"); fi
      ;;
    sample)
      arguments=(sample "$1" --data data "${to[@]}")
      if chance 2; then pick 0 1 99 2000 99999999999 && arguments+=(--count "$REPLY"); fi
      if chance 4; then pick 0 1 5000 && arguments+=(--interpolate 0 "$REPLY"); fi
      ;;
    manifold)
      arguments=(manifold "$1" --data data "${to[@]}")
      if chance 2; then pick 0 1 3 50 && arguments+=(--size "$REPLY"); fi
      ;;
    encode) arguments=(encode "$1" --data data "${to[@]}") ;;
    export) arguments=(export "$1" --onnx "${to[@]}") ;;
    report) arguments=(report "$1" --data data "${to[@]}") ;;
    check-gradients) arguments=(check-gradients "$1" --data data) ;;
  esac
  if chance 6; then arguments+=(--threads $((RANDOM % 4))); fi
}

# --- Options and data ---

scene_options() {
  local first first_weights i given
  draw_data data
  if chance 4; then damage_data data; fi
  draw_wild_options
  given=("${options[@]}")
  remember_foreign ./data ./data/*
  if chance 6; then pick no_input no_output no_errors full head1 head3 && streams=$REPLY; fi
  attack train --out run "${options[@]}"
  calm
  first=$status
  if [[ $first == [1235] && -e run && ! -e run/checkpoint.safetensors && " ${options[*]}" != *=run* ]]; then
    problem "status $first, and a folder without a checkpoint is left: $(ls -A run)"
  fi
  [[ -e run/checkpoint.safetensors ]] || return 0
  if grep -qaiE '(^|,)-?(nan|inf)' run/log.csv; then problem "log.csv: $(tail -n 2 run/log.csv)"; fi
  first_weights=$(run_files run)
  for i in 1 2; do
    any_command run
    attack "${arguments[@]}"
  done
  check_same_run run "$first_weights" 'though it was only read'
  set_option --seed 7
  attack train --out run "${options[@]}"
  [[ $status == [23] ]] || problem "a second training without --overwrite: status $status"
  check_same_run run "$first_weights" 'though nobody overwrote it'
  if [[ $first == 0 ]]; then
    check_whole_run run
    check_same_run run "$first_weights" 'though it was finished'
    if chance 3; then
      options=("${given[@]}")
      set_option --threads $((RANDOM % 4))
      set_option --sparsity off
      set_option --fuse off
      attack train --out again "${options[@]}"
      [[ $status == 0 && $(results run) == "$(results again)" ]] || problem 'other threads, other bits'
    fi
  fi
}

scene_data() {
  draw_data data
  damage_data data
  draw_options
  remember_foreign ./data/*
  attack train --out run "${options[@]}"
  [[ $status != [123] || ! -e run ]] || problem "status $status, and a folder is left"
  pick check-gradients train
  attack "$REPLY" "${options[@]}"
  if [[ -e run/model.safetensors ]]; then
    any_command run
    attack "${arguments[@]}"
  fi
}

# --- Signals and errors at counted system calls ---

# draw_disturbance: sets disturb and deadly.
draw_disturbance() {
  local call n
  local files=(openat write fsync close link rename unlink mkdir rmdir flock newfstatat lseek ftruncate fchmod
    getdents64 fcntl statfs getrandom read pread64 pwrite64)
  pick 5 20 80 400 && between 1 "$REPLY" && n=$REPLY
  if chance 2; then
    pick "${files[@]}" rename fsync write mmap munmap futex brk clone3 sched_yield exit_group rt_sigaction && call=$REPLY
    pick KILL KILL KILL TERM INT HUP PIPE XFSZ USR1
    disturb=(strace -qq -o "$tmp/calls" -e "trace=?$call" -e "inject=?$call:signal=SIG$REPLY:when=$n")
    deadly=$(kill -l "$REPLY")
  else
    pick "${files[@]}" rename fsync write mmap && call=$REPLY
    pick ENOSPC ENOSPC EIO EIO EACCES EINTR ENOMEM EMFILE EPERM EROFS
    # The first ones are the dynamic loader's.
    [[ $call != mmap ]] || n=$((n + 36))
    disturb=(strace -qq -o "$tmp/calls" -e "trace=?$call" -e "inject=?$call:error=$REPLY:when=$n")
    deadly=''
  fi
}

# disturbed ARGUMENT...: the training is disturbed as drawn, some times, and resumed.
disturbed() {
  local i
  between 1 3
  for ((i = REPLY; i > 0; --i)); do
    draw_disturbance
    attack "$@"
  done
  calm
}

# expect_same_end STATUS: the run in victim, gone on with undisturbed, ends as the run in whole did.
expect_same_end() {
  attack train --out victim --resume --quiet "${options[@]}"
  if [[ $status != "$1" ]]; then
    problem "resuming ends with $status, the undisturbed training with $1: $(<"$tmp/err")"
  elif [[ $(results victim) != "$(results whole)" ]]; then
    problem "other bits after resuming: $(diff <(results whole) <(results victim) | head -c 600)"
  elif [[ -e victim && -n $(find victim/ -name '.handgrad-*') ]]; then
    problem "left in the folder: $(find victim/ -name '.handgrad-*')"
  fi
}

scene_disturbed() {
  local expected
  base whole
  expected=$status
  [[ $expected == [05] ]] || return 0
  remember_foreign ./data/* ./whole/*
  disturbed train --out victim --resume "${options[@]}"
  expect_same_end "$expected"
}

# Another run takes the place of a finished one, and is disturbed: the folder holds one of the two.
scene_replaced() {
  local old old_table table
  base old || return 0
  cp -r old victim
  old=$(run_files victim)
  attack evaluate old --data data && old_table=$(<"$tmp/out")
  draw_options
  attack train --out new "${options[@]}"
  [[ $status == 0 ]] || return 0
  draw_disturbance
  attack train --out victim --overwrite --quiet "${options[@]}"
  calm
  attack evaluate victim --data data && table=$(<"$tmp/out")
  if [[ $table == "$old_table" && $(run_files victim) == "$old" ]]; then
    : # as it was
  elif [[ $table != "$old_table" || ! -e victim/.handgrad-new ]] && [[ -e victim/checkpoint.safetensors || -e victim/.handgrad-new ]]; then
    # Saved at least once: it goes on to the new run's bits.
    attack train --out victim --resume --quiet --data data
    [[ $status == 0 ]] || problem "resuming ends with $status: $(<"$tmp/err")"
    [[ $(results victim) == "$(results new)" ]] || problem 'neither the old run nor the new one'
  else
    problem "neither the old run nor the new one: $(ls -A victim)"
  fi
  check_whole_run victim
}

# --- Limits ---

scene_limits() {
  local expected
  draw_data data 96 6 5
  draw_options
  remember_foreign ./data/*
  if chance 12; then
    limits='ulimit -t 1' deadly='9 24'
    attack train --out run --data data --hidden 8 --epochs 100000 --threads 1 --quiet
    calm
    if [[ -e run/log.csv ]]; then
      attack train --out run --resume --quiet --epochs $(($(tail -n 1 run/log.csv | cut -d , -f 1) + 2))
      [[ $status == 0 ]] || problem "a run out of time cannot be resumed: $status: $(<"$tmp/err")"
    fi
    return
  fi
  attack train --out whole "${options[@]}"
  expected=$status
  [[ $expected == [05] ]] || return 0
  pick memory files size stream stream stream
  case $REPLY in
    memory) between 4000 500000 && limits="ulimit -v $REPLY" ;;
    files) between 3 20 && limits="ulimit -n $REPLY" ;;
    # 1024 bytes at least: the errors go to a file, too.
    size) between 1 60 && limits="ulimit -f $REPLY" ;;
    stream) pick no_input no_output no_errors full head0 head1 head2 head5 head9 && streams=$REPLY ;;
  esac
  attack train --out victim --resume "${options[@]}"
  if [[ -e victim/model.safetensors ]]; then
    any_command victim
    attack "${arguments[@]}"
  fi
  calm
  expect_same_end "$expected"
}

# --- Races ---

scene_races() {
  local i count pids=() way states=() statuses=() file
  base run || return 0
  remember_foreign ./data/*
  chance 2 && rm -rf run
  between 2 4 && count=$REPLY
  for ((i = 0; i < count; ++i)); do
    pick '' --overwrite --overwrite --resume command command nowhere killed
    way=$REPLY
    draw_options
    case $way in
      command) any_command run ;;
      nowhere) arguments=(train "${options[@]}") ;;
      killed) arguments=(train "${options[@]}" --out run --overwrite --quiet) ;;
      *) arguments=(train "${options[@]}" --out run ${way:+"$way"}) ;;
    esac
    calm
    if [[ $way == killed ]]; then
      draw_disturbance
      disturb[3]=$tmp/calls.$i
    fi
    note "${arguments[@]}"
    : >"$tmp/err.$i"
    (start "$tmp/out.$i" "$tmp/err.$i" "${arguments[@]}") &
    pids+=($!)
    states+=("$deadly|${disturb[*]}|${arguments[0]}|$last_command")
  done
  for ((i = 0; i < count; ++i)); do
    status=0
    { wait "${pids[i]}" || status=$?; } 2>/dev/null
    statuses+=("$status")
  done
  for ((i = 0; i < count; ++i)); do
    IFS='|' read -r deadly way file last_command <<<"${states[i]}"
    read -ra disturb <<<"$way"
    check_end "${statuses[i]}" "$tmp/err.$i" "$file"
  done
  calm
  check_foreign
  for file in run runs/*; do
    if [[ -e $file/model.safetensors || -e $file/.handgrad-new ]]; then check_whole_run "$file"; fi
  done
}
