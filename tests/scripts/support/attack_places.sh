# shellcheck shell=bash
# Scenes of attack.sh: folders, damaged runs and results. Each begins in an empty folder of its own that has the file "sentinel",
# and leaves to the checks what must hold. To be sourced after attack_draws.sh and attack_checks.sh.
# shellcheck disable=SC2034,SC2154 # the others set options, and read disturb, limits and streams

# --- Folders ---

# odd_name: a name that is hard on programs.
# shellcheck disable=SC2016 # a dollar as it is
odd_name() {
  pick 'with blank' $'new\nline' 'ünï' $'\xff\xfe' $'c1\xc2\x9b31m' $'\xe2\x80\xaeabc' '-leading' "$(printf 'a%.0s' {1..250})" \
    a/b/c/d ./x//y ../round/run '~' '$HOME' '*' "'" '"' $'\e[31m' '' . / run run run "$(printf 'a%.0s' {1..256})" \
    "$(printf 'abcdefgh/%.0s' {1..500})" sentinel sentinel/run /proc/self nowhere/../run --out
}

# room NAME: something is there before the training. What is foreign is remembered.
room() {
  local name=$1 file
  pick model.safetensors best.safetensors checkpoint.safetensors checkpoint.safetensors.prev log.csv latents.csv \
    samples.csv options.toml config.json report.html samples.png manifold.png profile.txt lock .handgrad-new .handgrad-staging
  file=$name/$REPLY
  pick nothing nothing run run run stopped foreign foreign link-to-run dangling loop file fifo read-only closed \
    run-link run-hard run-folder run-fifo run-closed run-unreadable run-foreign
  case $REPLY in nothing) return ;; run* | stopped | link-to-run | closed | read-only) cp -r base "$name" || return 0 ;; esac
  case $REPLY in
    stopped) rm -f "$name"/*.png "$name"/*.html && mv "$name/checkpoint.safetensors.prev" "$name/checkpoint.safetensors" 2>/dev/null ;;
    foreign) mkdir -p "$name" && echo 'my own work' >"$file" ;;
    link-to-run) mv "$name" real && ln -s real "$name" ;;
    dangling) ln -s nowhere "$name" ;;
    loop) ln -s "$name" "$name" ;;
    file) echo 'my own work' >"$name" ;;
    fifo) mkfifo "$name" ;;
    read-only) chmod 555 "$name" ;;
    closed) chmod 000 "$name" ;;
    run-link) mkdir theirs && echo 'my own work' >theirs/file && ln -sfn ../theirs/file "$file" ;;
    run-hard) mkdir theirs && { [[ -f $file ]] || echo 'my own work' >"$file"; } && ln "$file" theirs/file ;;
    run-folder) rm -f "$file" && mkdir "$file" && echo 'my own work' >"$file/file" ;;
    run-fifo) rm -f "$file" && mkfifo "$file" ;;
    run-closed) chmod 400 "$name"/* ;;
    run-unreadable) [[ ! -e $file ]] || chmod 000 "$file" ;;
    run-foreign) echo 'my own work' >"$name/thesis.tmp.2024" && mkdir "$name/sub" && echo 'my own work' >"$name/sub/log.csv" && echo 'my own work' >"$name/.handgrad-0123.tmp" ;;
  esac
  # What must stay, whatever is asked for.
  case $REPLY in
    foreign) remember_foreign "./$file" ;;
    file | fifo | dangling | loop | link-to-run) remember_foreign "./$name" ;;
    run-link) remember_foreign "./$file" ./theirs/file ;;
    run-folder) remember_foreign "./$file/file" ;;
    run-fifo) remember_foreign "./$file" ;;
    run-foreign) remember_foreign "./$name/thesis.tmp.2024" "./$name/sub/log.csv" "./$name/.handgrad-0123.tmp" ;;
    run-hard) hard=$(sha256sum theirs/file) ;;
  esac
}

scene_folders() {
  local name i way before after left hard=''
  base base || return 0
  draw_options
  remember_foreign ./data/* ./base/*
  odd_name
  name=$REPLY
  case $name in
    run | 'with blank' | ünï | '*' | "'" | $'\xff\xfe' | $'new\nline') room "$name" ;;
  esac
  for i in 1 2 3; do
    before=$(run_files "$name")
    pick '' '' --overwrite --overwrite --resume --resume command
    way=$REPLY
    if [[ $way == command ]]; then
      any_command "$name"
      attack "${arguments[@]}"
    elif chance 4; then
      attack train "${options[@]}" "--out=$name" ${way:+"$way"}
    else
      attack train "${options[@]}" --out "$name" ${way:+"$way"}
    fi
    after=$status
    if [[ $way == command ]] || { [[ -z $way ]] && grep -q checkpoint.safetensors <<<"$before"; } ||
      [[ $after == [123] && $way != --overwrite ]]; then
      [[ $after == 0 && -z $way ]] && problem 'a run was overwritten without --overwrite'
      check_same_run "$name" "$before" "after status $after"
    fi
    if [[ $after == 0 && $way != command && -e $name/model.safetensors ]]; then
      left=$(find "./$name/" -maxdepth 1 -name '.handgrad-*' ! -name .handgrad-0123.tmp)
      [[ -z $left ]] || problem "left in the folder: $left"
    fi
    [[ -z $hard || $(sha256sum theirs/file) == "$hard" ]] || problem 'a file with a second name elsewhere was written to'
  done
}

# --- Files that were made up or damaged ---

forge_something() {
  local folder=$1 key value
  pick forge forge damage damage text text other swap
  case $REPLY in
    forge)
      pick checkpoint.safetensors checkpoint.safetensors checkpoint.safetensors.prev model.safetensors best.safetensors && file=$folder/$REPLY
      pick step epoch batch loss_sum recon_sum kl_sum seconds clamped_logvars best_epoch best_val_loss options_hash data_hash seed epoch mistake && key=$REPLY
      pick 0 1 2 3 -1 9223372036854775807 9000000000000000000 1e308 nan inf -inf '' x 18446744073709551616 4294967296 1.5 && value=$REPLY
      commands+="forge $file $key=$value
"
      python3 "$root/tests/scripts/support/forge.py" "$file" "$key=$value" 2>/dev/null
      ;;
    damage)
      pick model.safetensors best.safetensors checkpoint.safetensors checkpoint.safetensors.prev log.csv latents.csv samples.csv options.toml config.json && file=$folder/$REPLY
      damage "$file"
      ;;
    text)
      pick log.csv latents.csv samples.csv options.toml options.toml config.json config.json && file=$folder/$REPLY
      pick 0 -1 1e38 nan inf 99999999999999999999 '' x 7 '"' $'\e[31m' 0.5 && value=$REPLY
      between 1 "$(wc -l <"$file")"
      # The last number of one line.
      sed -i "${REPLY}s/[0-9][0-9.e+-]*\\([^0-9]*\\)\$/$value\\1/" "$file"
      ;;
    other)
      pick log.csv latents.csv samples.csv options.toml config.json model.safetensors checkpoint.safetensors && file=$folder/$REPLY
      cp other/"${file##*/}" "$file"
      ;;
    swap) mv "$folder/checkpoint.safetensors" x && mv "$folder/model.safetensors" "$folder/checkpoint.safetensors" && mv x "$folder/model.safetensors" ;;
  esac
  commands+="$REPLY $file
"
}

scene_forged() {
  local before i file=''
  base other || return 0
  base run || return 0
  forge_something run
  if chance 3; then forge_something run; fi
  remember_foreign ./data/* ./other/*
  for i in 1 2 3; do
    before=$(run_files run)
    if chance 2; then
      pick 1 2 3 4
      attack train --out run --resume --data data --epochs "$REPLY" --quiet
      [[ $status == [05] ]] || check_same_run run "$before" "after status $status"
    else
      any_command run
      attack "${arguments[@]}"
      check_same_run run "$before" 'though it was only read'
    fi
  done
}

# --- Results that go anywhere ---

scene_outputs() {
  local to kind command i
  base run || return 0
  mkdir out closed
  echo 'my own work' >closed/file && chmod 500 closed
  mkfifo out/fifo && mkdir out/folder
  ln -s file out/link && ln -s nowhere/file out/dangling && ln -s loop out/loop && ln -s new out/new-link
  ln -s /proc/self/fd/1 out/own && ln -s own out/own-link && ln -s /proc/self/fd/9 out/shut && ln -s /dev/full out/full
  echo 'my own work' >out/file && chmod 600 out/file && ln out/file out/hard
  remember_foreign ./out/fifo ./out/folder ./out/link ./out/dangling ./out/loop ./out/new-link ./out/own ./out/own-link \
    ./out/shut ./out/full ./data/* ./run/* ./closed ./closed/file
  for i in 1 2 3; do
    any_command run
    while [[ ${arguments[*]} == *--output* || ${arguments[0]} == check-gradients ]]; do any_command run; done
    command=${arguments[0]}
    if chance 8; then arguments=(lesson) command=lesson; fi
    pick - - out/file out/link out/dangling out/loop out/new out/new-link out/own out/own out/own-link out/shut out/full out/fifo out/folder \
      closed/file closed/new nowhere/file sentinel/file "out/$(printf 'n%.0s' {1..250})" "out/$(printf 'n%.0s' {1..256})" '' . .. / \
      /dev/full $'out/\e[31m' -- /proc/self/nothing run/picture out/name.npy out/name.html
    to=$REPLY
    kind=$to
    if chance 5; then pick no_output full head1 no_errors && streams=$REPLY; fi
    attack "${arguments[@]}" --output="$to"
    case $kind in
      - | out/own | out/own-link)
        if [[ $status == 0 && -z $streams && $command != export ]]; then
          cp "$tmp/out" plain
          calm
          attack "${arguments[@]}" --output=out/plain
          cmp -s plain out/plain || problem "$to has other bytes than a file"
        fi
        ;;
    esac
    calm
    [[ -z $(find out closed -name '.handgrad-*') ]] || problem "left: $(find out closed -name '.handgrad-*')"
  done
}
