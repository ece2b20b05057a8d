# shellcheck shell=bash
# How attack.sh starts the program, and what must hold after every command. To be sourced after
# cli.sh. A scene sets, for its next command,
#   disturb  words before the program, such as those of strace
#   limits   bash's ulimit commands
#   streams  which of the standard streams is closed, full or read by somebody who goes
#   deadly   numbers of the signals that may end it
# and everything that is found wrong is added to $problems.
# shellcheck disable=SC2154 # cli.sh sets app and tmp

readonly kTimeLimit=60
disturb=() limits='' streams='' deadly=''
foreign=() ends=() problems='' commands='' last_command='' status=0

# --- Starting it ---

# start OUT ERR ARGUMENT...: the program in place of this shell.
start() {
  exec >"$1" 2>"$2" </dev/null
  shift 2
  case $streams in
    no_input) exec <&- ;;
    no_output) exec >&- ;;
    no_errors) exec 2>&- ;;
    full) exec >/dev/full ;;
    head*) exec > >(exec head -n "${streams#head}" >/dev/null) ;;
  esac
  eval "$limits"
  exec timeout -k 5 $kTimeLimit "${disturb[@]}" "$app" "$@"
}

# note ARGUMENT...: for the list of what a failed round did.
note() {
  local words=''
  [[ $# == 0 ]] || printf -v words ' %q' "$@"
  last_command="${limits:+($limits) }${streams:+($streams) }${disturb[*]} mnist_vae$words"
  commands+="$last_command
"
}

# attack ARGUMENT...: runs the program; sets status, and looks at what must always hold.
attack() {
  note "$@"
  : >"$tmp/out" && : >"$tmp/err"
  status=0
  { (start "$tmp/out" "$tmp/err" "$@") || status=$?; } 2>/dev/null
  check_end "$status" "$tmp/err" "$1"
  check_foreign
}

# calm: the next command is not disturbed.
calm() { disturb=() limits='' streams='' deadly=''; }

# --- What must hold ---

# problem WHAT
problem() { problems+="$1
    after: $last_command
"; }

# check_end STATUS ERRORS COMMAND: a documented status, one error line or none.
check_end() {
  local status=$1 file=$2 command=$3 errors least=1
  ends[status]=$((${ends[status]-0} + 1))
  errors=$(grep -avE '^$|^mnist_vae: (warning: |stopping after this batch)' "$file")
  [[ $status != 0 && $status -le 6 ]] || least=0
  # The dynamic loader and the threads' library speak for themselves.
  if [[ -n $limits${disturb[*]} && $status == 127 && $errors == *'error while loading shared libraries'* ]]; then return; fi
  if [[ -n $limits${disturb[*]} && $status == 1 && $errors == *'libgomp: '* ]]; then return; fi
  # A reader that goes ends what is no training.
  if [[ $streams == head* && $status == 141 && $command != train ]]; then return; fi
  case $status in
    [0-5]) ;;
    *)
      if ((status > 128)) && [[ " $deadly " == *" $((status - 128)) "* ]]; then
        :
      elif [[ $status != 6 || $command != check-gradients ]]; then
        problem "status $status: $(head -c 400 "$file")"
        return
      fi
      ;;
  esac
  if [[ $errors == *'internal error'* ]]; then problem "an internal error: $errors"; fi
  if [[ $streams != no_errors && ${disturb[*]} != *=write* && ${disturb[*]} != *=?write* ]]; then
    if [[ $(grep -c '' <<<"$errors") -gt 1 || ($least == 1 && $errors != 'mnist_vae: '*) || ($least == 0 && -n $errors) ]]; then
      problem "status $status, and not one line of error for it: $(head -c 400 "$file")"
    fi
  fi
  # C0 but for the announcement's empty line, DEL, C1, and marks that turn the direction of text.
  if LC_ALL=C grep -qaP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]' "$file"; then
    problem "control characters in the error line: $(head -c 400 "$file" | cat -v)"
  fi
}

# What is known of foreign files: everything but the time they were last read.
state_of_foreign() {
  find "${foreign[@]}" -maxdepth 0 ! -type d -printf '%p %y %m %U %i %n %s %T@ %l\n' 2>&1
  find "${foreign[@]}" -maxdepth 0 -type d -printf '%p %m %U %i\n' 2>&1
  find "${foreign[@]}" -maxdepth 0 -type f -exec sha256sum {} + 2>&1
}
# remember_foreign PATH...: these, too, must stay as they are; the paths begin with "./".
remember_foreign() {
  foreign+=("$@")
  state_of_foreign >"$tmp/foreign"
}
check_foreign() {
  local change
  if change=$(diff -a "$tmp/foreign" <(state_of_foreign)); then return; fi
  problem "foreign files have changed: $(head -c 600 <<<"$change" | cat -v)"
  state_of_foreign >"$tmp/foreign"
}

# run_files FOLDER: hashes of those that a finished run keeps; pictures and pages are drawn anew,
# and results of commands may lie beside them.
run_files() {
  local folder=$1
  case $folder in '' | /*) return ;; -*) folder=./$folder ;; esac
  find "$folder/" -maxdepth 1 -type f ! -name lock ! -name '*.html' ! -name '*.png' ! -name '*.onnx' ! -name 'result[0-9]*' ! -name '.handgrad-*' \
    -exec sha256sum {} + 2>/dev/null | sort
}
# check_same_run FOLDER FILES WHY
check_same_run() {
  [[ $(run_files "$1") == "$2" ]] || problem "a run is not as it was, $3: $(diff <(echo "$2") <(run_files "$1") | head -c 400)"
}

# results FOLDER: what training computed, without its times.
results() {
  (cd -- "$1" && sha256sum -- {model,best}.safetensors {latents,samples}.csv {reconstructions,samples,manifold}.png
    cut -d , -f 1-9,12-13 log.csv) 2>/dev/null
}

# check_whole_run FOLDER: it can be used, and gone on with; nothing half done is left.
check_whole_run() {
  calm
  attack evaluate "$1" --data data
  [[ $status == 0 ]] || problem "evaluate ends with $status: $(<"$tmp/err")"
  attack train --out "$1" --resume --quiet --data data
  [[ $status == 0 ]] || problem "resuming ends with $status: $(<"$tmp/err")"
  [[ -z $(find "$1/" -name '.handgrad-*') ]] || problem "left in the folder: $(find "$1/" -name '.handgrad-*')"
}
