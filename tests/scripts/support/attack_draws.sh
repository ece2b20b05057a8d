# shellcheck shell=bash
# What attack.sh draws at random: data and options. To be sourced. All draws come from RANDOM and
# are made in the main shell, for bash seeds RANDOM anew in a subshell; they are returned in REPLY.
# shellcheck disable=SC2154 # cli.sh sets app and tmp

# pick VALUE...: one of them.
pick() { REPLY=${*:RANDOM % $# + 1:1}; }
# between LOWEST HIGHEST: a whole number.
between() { REPLY=$(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1))); }
# chance N: true once in N times.
chance() { ((RANDOM % $1 == 0)); }

# --- Data ---

# content KIND FIRST COUNT: pixels, from the FIRST of $tmp/digits or $tmp/noise on.
content() {
  case $1 in
    digits | noise) tail -c "+$2" "$tmp/$1" | head -c "$3" ;;
    black) head -c "$3" /dev/zero ;;
    white) head -c "$3" /dev/zero | tr '\0' '\377' ;;
    grey) head -c "$3" /dev/zero | tr '\0' '\177' ;;
  esac 2>/dev/null # tail ends when head has enough
}

# draw_data FOLDER [TRAIN ROWS COLUMNS]: a whole data set; sets train_images.
draw_data() {
  local rows columns test kind first
  between 2 96 && train_images=$REPLY
  between 1 40 && test=$REPLY
  between 1 40 && rows=$REPLY
  between 1 40 && columns=$REPLY
  if chance 60; then
    pick '900 900' '1 5000' '5000 1' '819 3'
    read -r rows columns <<<"$REPLY"
    train_images=6 test=3
  fi
  if [[ $# -gt 1 ]]; then train_images=$2 rows=$3 columns=$4; fi
  pick digits digits digits noise black white grey && kind=$REPLY
  between 1 200000 && first=$REPLY
  mkdir -p -- "$1"
  { header '\03' "$train_images" "$rows" "$columns" && content "$kind" "$first" $((train_images * rows * columns)); } \
    >"$1/train-images-idx3-ubyte"
  { header '\01' "$train_images" && labels "$train_images"; } >"$1/train-labels-idx1-ubyte"
  { header '\03' "$test" "$rows" "$columns" && content "$kind" $((first + 5000)) $((test * rows * columns)); } \
    >"$1/t10k-images-idx3-ubyte"
  { header '\01' "$test" && labels "$test"; } >"$1/t10k-labels-idx1-ubyte"
}

# patch FILE OFFSET BYTE: overwrites one byte, given as a number.
patch() { printf '%b' "\\0$(printf %o "$3")" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

# damage FILE: makes one of many things of it, most of them unreadable.
damage() {
  local file=$1 size offset byte
  size=$(stat -c %s -- "$file" 2>/dev/null || echo 0)
  between 0 $((size > 0 ? size - 1 : 0)) && offset=$REPLY
  between 0 255 && byte=$REPLY
  pick flip flip flip head cut cut longer empty gone folder unreadable dangling loop noise fifo
  case $REPLY in
    flip) patch "$file" "$offset" "$byte" ;;
    head) patch "$file" $((offset % 32)) "$byte" ;;
    cut) truncate -s "$offset" -- "$file" ;;
    longer) head -c $((byte + 1)) "$tmp/noise" >>"$file" ;;
    empty) : >"$file" ;;
    gone) rm -f -- "$file" ;;
    folder) rm -f -- "$file" && mkdir -- "$file" ;;
    unreadable) chmod 000 -- "$file" ;;
    dangling) rm -f -- "$file" && ln -s nowhere "$file" ;;
    loop) rm -f -- "$file" && ln -s "${file##*/}" "$file" ;;
    noise) content noise $((byte + 1)) $((size + 1)) >"$file" ;;
    fifo) rm -f -- "$file" && mkfifo -- "$file" ;;
  esac
}

# damage_data FOLDER: one of its files, or two.
damage_data() {
  local one two
  pick train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte && one=$1/$REPLY
  pick train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte && two=$1/$REPLY
  pick damage damage damage compress compress-damage swap both
  case $REPLY in
    damage) damage "$one" ;;
    compress) gzip -n -- "$one" ;;
    compress-damage) gzip -n -- "$one" && damage "$one.gz" ;;
    swap) mv -- "$one" "$1/other" && cp -- "$two" "$one" 2>/dev/null ;;
    both) gzip -nk -- "$one" && damage "$one" ;;
  esac
}

# --- Options ---

# add OPTION VALUE...: once in four times, with one of the values.
add() {
  local option=$1
  shift
  chance 4 || return 0
  pick "$@"
  options+=("$option" "$REPLY")
}

# set_option OPTION VALUE: in options, which may have it already.
set_option() {
  local i
  for ((i = 0; i < ${#options[@]}; ++i)); do
    if [[ ${options[i]} == "$1" ]]; then
      options[i + 1]=$2
      return
    fi
  done
  options+=("$1" "$2")
}

# draw_options: sets options to a recipe that trains fast and, as a rule, well.
draw_options() {
  options=(--data data)
  pick 1 2 3 8 17 33 8,4 16,8,4 && options+=(--hidden "$REPLY")
  pick 1 2 2 3 7 && options+=(--latent "$REPLY")
  pick 1 2 2 3 && options+=(--epochs "$REPLY")
  between 1 "$train_images" && options+=(--batch-size $((train_images > 8 && REPLY < 8 ? 8 : REPLY)))
  pick 0 1 1 2 3 && options+=(--threads "$REPLY")
  between 0 1000000 && options+=(--seed "$REPLY")
  add --activation linear relu tanh sigmoid
  add --lr 0.001 0.01 0.0003 1e-30
  add --lr-schedule constant step cosine iwae
  add --optimizer adam sgd
  add --adam keras torch iwae
  add --init glorot he torch lecun
  add --output-bias zero data
  add --recon-loss bce bce-probabilities mse bce-clamped-logs continuous-bernoulli gaussian
  add --beta 0 0.5 4
  add --kl-warmup 0 1 2 5
  add --free-bits 0.1 2
  add --objective vae iwae
  add --samples 1 2 5
  add --reduction mean sum
  add --head logvar log-sigma
  add --val-z sampled mu
  add --clip-norm 0 0.1 1e30
  add --binarize static dynamic threshold
  add --shuffle on off
  add --hold-out 1 2
  add --sparsity auto off
  add --fuse on off
  add --checkpoint-every 1 1 2 3
  add --patience 0 1 2
  add --shards 1 2 3
  if chance 8; then add --convention keras torch flax iwae; fi
  if chance 4; then
    add --mistake mean-bce kl-over-pixels kl-sign sigma-as-logvar no-noise shared-noise stale-adam clip-grad test-on-mean
  fi
}

# draw_wild_options: the same, and what nobody should give.
draw_wild_options() {
  draw_options
  local numbers=(0 -1 1 1e38 3.4e38 3e-45 1e-46 1e300 nan inf -0 0x10 1e 2.5 '' ' 3' 99999999999999999999 ٣)
  local name i
  between 0 3
  for ((i = REPLY; i > 0; --i)); do
    pick --lr --beta --free-bits --clip-norm --pixel-variance --hidden --latent --batch-size --kl-warmup --samples --seed \
      --threads --hold-out --checkpoint-every --patience --shards --gradients-every --epochs && name=$REPLY
    pick "${numbers[@]}"
    case $name in
      # What would be right, and take too long.
      --epochs | --threads) [[ $REPLY != 1e* && $REPLY != 0x10 && $REPLY != 9* ]] || REPLY=0.5 ;;
    esac
    options+=("$name" "$REPLY")
  done
  if chance 8; then
    pick --no-such-option --quiet=maybe --lr --config=nowhere --config=sentinel -x extra -- '' --epochs= --hidden=4096,1 \
      --activation=gelu --activation=RELU --recon-loss=bce,mse --latent=65537 $'--data=\e[31m' $'--init=a\nb' \
      --compare-to=keras --compare-to=nowhere --compare-to=list --likelihood=gaussian --help
    options+=("$REPLY")
  fi
  if chance 4; then
    pick --profile --quiet --check-numerics --trace=trace.json --gradients=gradients.csv --tensorboard=board \
      --trace=no/trace.json --gradients=no/g.csv --tensorboard=sentinel --gradients=- --trace=run/log.csv \
      --gradients=run/log.csv --tensorboard=run
    options+=("$REPLY")
  fi
}
