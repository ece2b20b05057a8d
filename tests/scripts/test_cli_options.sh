#!/usr/bin/env bash
# The command line of mnist_vae: every option of train takes effect, and every value that it cannot
# mean is refused. All trainings are on a tiny data set that is made here.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000
make_data other 40000

# --- Running and judging ---

readonly kSmall=(--data data --hidden 8 --batch-size 32 --epochs 2)
# train FOLDER OPTION...: a run that must succeed.
train() {
  run train --out "$@"
  # A mistake that is made on purpose is warned of.
  if [[ $status != 0 ]] || grep -qv 'warning: MISTAKE' err; then
    not_ok "train --out $* succeeds" "status $status, $(<err)"
  fi
}
weights() { sha256sum <"$1/model.safetensors" | cut -d ' ' -f 1; }
# The log without its two columns of time.
losses() { cut -d , -f 1-9 "$1/log.csv"; }

# expect_refused WHAT WORD...: the last run ended with status 2, wrote nothing to standard output
# and one line to standard error that has every WORD, and left no run folder.
expect_refused() {
  local what=$1 word problem=''
  shift
  [[ $status == 2 ]] || problem+="status $status; "
  [[ ! -s out ]] || problem+="standard output: $(head -n 3 out); "
  [[ $(wc -l <err) == 1 ]] || problem+='not one line; '
  for word in "$@"; do grep -qF -e "$word" err || problem+="no '$word'; "; done
  [[ ! -e runs && ! -e no ]] || problem+='a folder was made; '
  rm -rf -- runs no
  if [[ -z $problem ]]; then ok "$what"; else not_ok "$what" "$problem
$(<err)"; fi
}
# refused OPTION VALUE [WORD...]: train refuses the value, naming option and value.
refused() {
  local option=$1 value=$2
  shift 2
  run train --out no "$option" "$value"
  expect_refused "train $option '$value' is refused" "$option" "found '$value'" expected "$@"
}

# --- Every option takes effect ---

train base "${kSmall[@]}"
train again "${kSmall[@]}"
expect_equal 'the same options give the same weights' "$(weights again)" "$(weights base)"

# A folder for each option, with that option alone changed. An option of kSmall is replaced.
declare -A kChanges=(
  [data]=other [hidden]=9 [latent]=3 [activation]=tanh [epochs]=3 [batch-size]=31 [lr]=0.002
  [optimizer]=sgd [adam]=torch [init]=he [recon-loss]=mse [beta]=0.5
  [clip-norm]=0.1 [seed]=1 [binarize]=dynamic [shuffle]=off [hold-out]=10
  [output-bias]=data [kl-warmup]=2 [free-bits]=0.5 [objective]=iwae [samples]=3 [reduction]=sum
  [head]=log-sigma [shards]=3
)
# with_option NAME VALUE: kSmall with that option instead of its own; sets options.
with_option() {
  local i
  options=(--"$1" "$2")
  for ((i = 0; i < ${#kSmall[@]}; i += 2)); do
    [[ ${kSmall[i]} == "--$1" ]] || options+=("${kSmall[@]:i:2}")
  done
}
for name in "${!kChanges[@]}"; do
  with_option "$name" "${kChanges[$name]}"
  train "with-$name" "${options[@]}"
done
train with-pixel-variance "${kSmall[@]}" --recon-loss gaussian --pixel-variance 0.1
train with-deep --data data --hidden 8,4 --batch-size 32 --epochs 2
for choice in activation=linear activation=sigmoid init=torch init=lecun adam=iwae lr-schedule=iwae recon-loss=bce-probabilities \
  recon-loss=continuous-bernoulli recon-loss=gaussian \
  binarize=static binarize=threshold lr-schedule=step lr-schedule=cosine; do
  train "with-$choice" "${kSmall[@]}" --"${choice%%=*}" "${choice#*=}"
done
different=$(for folder in base with-*; do weights "$folder"; done | sort -u | wc -l)
expect_equal 'every option and every choice changes the weights, each in its own way' \
  "$different" "$(find . -maxdepth 1 -name base -o -maxdepth 1 -name 'with-*' | wc -l)"
train clamped "${kSmall[@]}" --recon-loss bce-clamped-logs
expect_equal 'where neither clips, bce-clamped-logs is bce-probabilities' \
  "$(weights clamped)" "$(weights with-recon-loss=bce-probabilities)"
expect_equal '--epochs is the number of rows in the log' \
  "$(wc -l <with-epochs/log.csv) $(wc -l <base/log.csv)" '4 3'
expect_equal '--batch-size 31 makes four steps of 96 images' \
  "$(sed -n 2p with-batch-size/log.csv | cut -d , -f 2)" 4
expect_equal '--lr is what the log says' "$(cut -d , -f 9 with-lr/log.csv | tail -n 1)" 0.002
expect_equal '--lr-schedule step ends at a hundredth' \
  "$(cut -d , -f 9 with-lr-schedule=step/log.csv | tail -n 1)" 1e-05
expect_equal '--beta weighs the KL divergence in the loss' \
  "$(tail -n 1 with-beta/log.csv | awk -F , \
    '{ d = $6 - ($7 + 0.5 * $8); print (d * d < 1e-10 ? "yes" : d) }')" yes

for threads in 1 2 3; do
  train "threads-$threads" "${kSmall[@]}" --threads "$threads"
  expect_equal "--threads $threads changes no weight and no loss" \
    "$(weights "threads-$threads") $(losses "threads-$threads")" "$(weights base) $(losses base)"
  expect "--threads $threads is in the header" grep -qE "^machine .*, $threads threads?\$" out
done

for option in '--sparsity off' '--fuse off'; do
  # shellcheck disable=SC2086 # an option and its value
  train plain "${kSmall[@]}" $option
  expect_equal "$option changes no weight and no loss" "$(weights plain) $(losses plain)" \
    "$(weights base) $(losses base)"
  rm -r plain
done

train plain "${kSmall[@]}" --binarize dynamic --sparsity off
expect_equal '--binarize dynamic gives the same weights without sparse products' \
  "$(weights plain)" "$(weights with-binarize)"
rm -r plain

train one-shard "${kSmall[@]}" --shards 1
expect_equal '--shards 1 changes no weight and no loss' "$(weights one-shard) $(losses one-shard)" \
  "$(weights base) $(losses base)"
for option in '--sparsity off' '--fuse off' '--threads 3' '--check-numerics'; do
  # shellcheck disable=SC2086
  train plain "${kSmall[@]}" --shards 3 $option
  expect_equal "--shards 3 has the same weights with $option" "$(weights plain)" "$(weights with-shards)"
  rm -r plain
done
expect 'the header tells of shards' grep -qE '^machine .*, 3 shards on 1 rank$' out

train with-mu "${kSmall[@]}" --val-z mu
expect_equal '--val-z mu changes no weight, but every val_loss' \
  "$(weights with-mu) $(grep -cFf <(cut -d , -f 6 with-mu/log.csv | tail -n +2) base/log.csv || :)" \
  "$(weights base) 0"
rm -r with-mu

train quiet "${kSmall[@]}" --quiet
expect_equal '--quiet leaves no header and no line per epoch' \
  "$(grep -cE '^(data|model|machine|epoch) ' out)" 0
expect '--quiet leaves the summary' grep -q '^trained 2 epochs: val_loss ' out
expect_equal '--quiet changes no weight' "$(weights quiet)" "$(weights base)"

train patience --data data --hidden 8 --epochs 12 --lr 1e-9 --optimizer sgd --patience 1 \
  --batch-size 96
expect '--patience stops early and says so' grep -q '^stopped early' out
best=$(tail -n +2 patience/log.csv | sort -t , -g -k 6 | head -n 1 | cut -d , -f 1)
expect_equal '--patience 1 stops one epoch after the best' \
  "$(tail -n 1 patience/log.csv | cut -d , -f 1)" "$((best + 1))"

# With this rate the second batch has no finite loss, so that the run ends in the middle of epoch 1.
readonly kDiverging=(--data data --hidden 8 --batch-size 32 --epochs 2 --lr 1e30)
run train --out diverged "${kDiverging[@]}"
expect_equal 'a loss that is not finite ends the run with status 5 and one line' \
  "$status $(wc -l <err)" '5 1'
expect 'and the line names epoch and batch' grep -qE 'epoch 1, batch 2\b.*not finite' err
run train --out checked "${kDiverging[@]}" --checkpoint-every 1
expect_equal '--checkpoint-every 1 saves after the first batch; without it nothing is saved' \
  "$(find diverged checked -name checkpoint.safetensors) $(grep -aco '"batch":"1"' \
    checked/checkpoint.safetensors)" 'checked/checkpoint.safetensors 1'

# --- --config ---

ln -s data 'da"t\a # x'
readonly kUnusual=(--data 'da"t\a # x' --hidden "7,5" --latent 3 --activation sigmoid --epochs 3
  --batch-size 40 --lr 0.0123 --lr-schedule cosine --optimizer sgd --adam iwae --init lecun --output-bias data
  --kl-warmup 2 --free-bits 0.0625 --samples 2 --reduction sum --head log-sigma --val-z mu
  --recon-loss gaussian --pixel-variance 0.3 --beta 0.25 --clip-norm 3.5 --seed 18446744073709551615
  --binarize static --shuffle off --hold-out 3 --threads 1 --sparsity off --fuse off --checkpoint-every 2 --patience 9)
train unusual "${kUnusual[@]}"
train reread --config unusual/options.toml
expect_equal '--config reads options.toml back: the same weights' \
  "$(weights reread)" "$(weights unusual)"
expect_equal '--config reads options.toml back: the same options.toml' \
  "$(<reread/options.toml)" "$(<unusual/options.toml)"
stored=$("$app" train --help | sed -n "s/^  --\([a-z-]*\) .*/\1/p" |
  grep -vxE "out|resume|overwrite|quiet|config|profile|trace|tensorboard|gradients|gradients-every|check-numerics|convention|likelihood|compare-to")
expect_equal "options.toml has every option that makes the model" \
  "$(sed -n "s/ = .*//p" unusual/options.toml)" "$stored"
expect_equal "and each of them at its own value here, but for three that contradict others" \
  "$(grep -cvxFf base/options.toml unusual/options.toml)" "$(($(wc -l <<<"$stored") - 3))"
train objective "${kSmall[@]}" --objective iwae
sed 's/^threads = 0$/threads = 1/' objective/options.toml >objective.toml
train objective-again --config objective.toml
train mistake "${kSmall[@]}" --mistake clip-grad
train mistake-again --config mistake/options.toml
expect_equal 'which --config reads back as well' "$(weights objective-again) $(weights mistake-again)" \
  "$(weights objective) $(weights mistake)"
train seeded --config base/options.toml --seed 1
expect_equal 'the command line wins over --config' "$(weights seeded)" "$(weights with-seed)"
printf '# mine\n\n  latent=3   # three\nhidden = [ 8 ]\r\ndata = "data"\nbatch-size = 32\nepochs = 2' \
  >mine.toml
train from-mine --config mine.toml
expect_equal 'a file of a user, with comments and blanks, is understood' \
  "$(weights from-mine)" "$(weights with-latent)"
{ printf '\357\273\277' && sed 's/$/\r/' mine.toml; } >windows.toml
train from-windows --config windows.toml
expect_equal 'and so is one with the byte order mark and the line ends of Windows' \
  "$(weights from-windows)" "$(weights with-latent)"
printf 'hidden = [8]\n' >one.toml
{ printf '\357\273\277' && cat one.toml; } >marked.toml
train from-mark --data data --batch-size 32 --epochs 2 --config marked.toml
expect_equal 'a mark is no part of the first key' "$(weights from-mark)" "$(weights base)"
for kind in '\0377\0376 UTF-16LE' '\0376\0377 UTF-16BE' '\0377\0376\0000\0000 UTF-32LE' \
  '\0000\0000\0376\0377 UTF-32BE' ' UTF-16LE' ' UTF-16BE'; do
  name=${kind##* }
  { printf '%b' "${kind% *}" && python3 -c 'import sys
sys.stdout.buffer.write(open("one.toml").read().encode(sys.argv[1]))' "$name"; } >other.toml
  run train --out no --config other.toml
  expect_refused "--config in $name is refused" other.toml "found a ${name%?E} text, expected UTF-8"
done

# config_refused WHAT TEXT LINE WORD...: the file is refused with its name and line.
config_refused() {
  local what=$1 text=$2 line=$3
  shift 3
  printf '%b' "$text" >bad.toml
  run train --out no --config bad.toml
  expect_refused "--config with $what is refused" bad.toml "line $line" "$@"
}
config_refused 'an unknown key' 'latent = 3\nlatnet = 3\n' 2 latnet latent
config_refused 'a bad value' '\n\nlr = nan\n' 3 lr "'nan'" 'above 0'
config_refused 'a bad list' 'hidden = [8,]\n' 1 hidden
config_refused 'an unknown choice' 'seed = 1\nadam = "pytorch"\n' 2 adam pytorch keras
config_refused 'a key that stands twice' 'seed = 1\nlatent = 2\nseed = 1\n' 3 seed
config_refused 'a line that is no setting' 'seed = 1\nhello\n' 2 hello
config_refused 'a quote that is not closed' 'data = "data\n' 1 data
config_refused 'words after the value' 'adam = "torch" "keras"\n' 1 adam
config_refused 'an option that is not of the model' 'resume = true\n' 1 resume
config_refused 'nothing after the equals sign' 'lr =\n' 1 lr
config_refused 'a zero byte' 'seed = 1\0000\n' 1 'a zero byte' seed expected
config_refused 'a zero byte in a path' 'seed = 1\ndata = "da\0000ta"\n' 2 'a zero byte'
config_refused 'a zero byte in a comment' '# a\0000\n' 1 'a zero byte'
config_refused 'a mark in the middle' 'seed = 1\n\0357\0273\0277hidden = [8]\n' 2 '\ufeffhidden, expected hidden?'
printf '%0100000d' 0 >bad.toml
run train --out no --config bad.toml
expect 'a line of any length in --config makes a short message' test "$(wc -c <err)" -lt 1200
expect_refused '--config with a long line is refused' 'line 1' expected
for where in /dev/zero data; do
  run train --out no --config "$where"
  expect_equal "--config $where is no file: status 3 and one line" \
    "$status $(wc -l <err) $(grep -c "$where: not a file" err)" '3 1 1'
done
run train --out no --config missing.toml
expect_equal '--config with a missing file ends with status 3 and one line that names it' \
  "$status $(wc -l <err) $(grep -c missing.toml err)" '3 1 1'
mkdir $'line\nfeed'
cp data/* $'line\nfeed'
run train --out feed --data $'line\nfeed' --hidden 8 --batch-size 32 --epochs 1
if [[ $status == 0 ]]; then
  train fed --config feed/options.toml
  expect_equal 'a line feed in --data survives options.toml' "$(weights fed)" "$(weights feed)"
else
  expect_refused 'a line feed in --data is refused' --data
fi

# --- Values that no option can mean ---

readonly kNoNumbers=(nan -nan inf -inf 1e999 12abc '' -0 -1 0x10 ' 1' '1 ' '1,5' ten)
for option in --latent --epochs --batch-size --seed --threads --checkpoint-every --patience --shards; do
  for value in "${kNoNumbers[@]}" 1.5 +1 99999999999999999999; do
    refused "$option" "$value" integer
  done
done
for option in --latent --epochs --batch-size --shards; do refused "$option" 0 'from 1'; done
for option in --lr --beta --clip-norm; do
  for value in "${kNoNumbers[@]}"; do refused "$option" "$value" number; done
done
refused --lr 0 'above 0'
refused --lr 1e-999
refused --beta 1e300
refused --lr 1e300
for list in "200," "," ",200" "200,,200" 0 "200,0" a "200,a" '' -1 '200 100' nan 1e999 99999999999999999999 \
  1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1; do
  run train --out no --hidden "$list"
  expect_refused "train --hidden '$list' is refused" --hidden found expected
done
for option in --activation --lr-schedule --optimizer --adam --init --recon-loss --convention --likelihood; do
  for value in nonsense '' '1'; do refused "$option" "$value" 'one of'; done
done
refused --activation ReLU relu
refused --optimizer ada adam
refused --threads 1025
refused --shards 1025

# Words that stand for a path.
for option in --data --out --config --compare-to; do
  run train "${kSmall[@]:2}" "$option" ''
  expect_refused "train $option '' is refused" "$option"
done
run train "${kSmall[@]}" --out= --quiet
expect_refused 'train --out= does not take the next option for the folder' --out
rm -rf -- ./--quiet
for flag in resume overwrite quiet; do
  run train --out no "${kSmall[@]}" "--$flag=7"
  expect_refused "train --$flag=7 is refused" "--$flag"
done

# --- Options together ---

run train --out no --data data --batch-size 97
expect_refused 'a batch larger than the data is refused' --batch-size 'found 97' 96
run train --out no --data data --batch-size 96 --hidden 8 --epochs 1
expect_equal 'a batch as large as the data is not' "$status" 0
rm -rf -- no
for pair in '--epochs 1' '--hidden 8' '--data data' '--config base/options.toml' '--out no' \
  '--adam torch'; do
  # shellcheck disable=SC2086 # an option and its value
  run train $pair $pair
  expect_refused "train $pair $pair: an option twice is refused" "${pair% *}"
done
run train --out no --resume --overwrite
expect_refused '--resume with --overwrite is refused' --resume --overwrite
run train --resume
expect_refused '--resume without --out is refused' --resume --out
run train --out no --epoch 3
expect_refused 'an unknown option is refused with a suggestion' --epoch "'--epochs'"
run train --out no --frobnicate
expect_refused 'one that is like no other is refused' --frobnicate
run trian
expect_refused 'an unknown command is refused with a suggestion' trian "'train'"
run
expect_refused 'no command is refused with the list of them' train evaluate reconstruct info
run train --out no extra
expect_refused 'a word too many is refused' extra
for options in '--beta 2' '--kl-warmup 3' '--free-bits 0.1'; do
  # shellcheck disable=SC2086 # an option and its value
  run train --out no --objective iwae $options
  expect_refused "--objective iwae with $options is refused" "${options% *}" iwae
done
for options in '--objective iwae' '--samples 2' '--free-bits 0.1'; do
  # shellcheck disable=SC2086
  run train --out no --mistake kl-sign $options
  expect_refused "--mistake with $options is refused" --mistake kl-sign
done
run train --out no --shards 2 --free-bits 0.1
expect_refused '--shards with --free-bits is refused' --free-bits 'found 0.1' --shards
run train --out no --shards 2 --gradients gradients.csv
expect_refused '--shards with --gradients is refused' --gradients 'found 2 shards'
run train --out no --lr
expect_refused 'an option without its value is refused' --lr
run evaluate base --epochs 3
expect_refused 'an option of another command is refused' --epochs
expect_equal 'and is not suggested in its own place' "$(grep -c "close to '--epochs'" err)" 0

# --- The other commands ---

# command_refused COMMAND OPTION VALUE
command_refused() {
  run "$1" base --output no "$2" "$3"
  expect_refused "$1 $2 '$3' is refused" "$2" "found '$3'" expected
}
for value in 0 "${kNoNumbers[@]}" 99999999999999999999; do
  command_refused sample --count "$value"
  command_refused reconstruct --count "$value"
  command_refused manifold --size "$value"
done
for value in "${kNoNumbers[@]}" 99999999999999999999; do
  command_refused sample --seed "$value"
  command_refused evaluate --threads "$value"
done
for value in '' all Test; do
  command_refused evaluate --split "$value"
  command_refused encode --split "$value"
done
for ends in 'nan 1' '1 -1' '1 a' '-0 1' '1 1e999' '3'; do
  # shellcheck disable=SC2086 # several values
  run sample base --output no --interpolate $ends
  expect_refused "sample --interpolate $ends is refused" --interpolate
done
run sample base --output no --interpolate 1 2 3
expect_refused 'a third place to interpolate is a word too many' 3
for option in --output --data; do
  run sample base "$option" ''
  expect_refused "sample $option '' is refused" "$option"
done
run reconstruct base --output no --image ''
expect_refused "reconstruct --image '' is refused" --image
run evaluate ''
expect_refused "evaluate '' is refused" RUN

# --- Numbers of a launcher in the environment ---

# What a shell within a job of a cluster leaves over, or somebody set, without a launcher: the program
# is alone, and tells its errors once.
for left in PMI_SIZE=4 'PMI_SIZE=4 PMI_RANK=0' 'PMI_SIZE=4 PMI_RANK=2' 'PMI_SIZE=4 PMI_RANK=2 PMI_FD=99' \
  'PMI_SIZE=4 PMI_RANK=x PMI_PORT=host:1' PMI_SIZE=0 PMI_SIZE=-1 PMI_SIZE= PMI_SIZE=99999999999 \
  PMI_RANK=3 'OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=1' OMPI_COMM_WORLD_SIZE=2; do
  status=0
  # shellcheck disable=SC2086
  env $left "$app" --version >out 2>err || status=$?
  # shellcheck disable=SC2086
  env $left "$app" train --epochs x >/dev/null 2>>err || status+=" $?"
  expect_equal "with $left it is alone" "$status $(grep -c mnist_vae out) $(<err)" \
    "0 2 1 mnist_vae: --epochs: bad value: found 'x', expected an integer from 1 to 1000000000"
done

# With a way back to a launcher it is one of several; whichever one it is, it says why it ends.
for rank in 0 1; do
  for command in --version info 'train --epochs 1' 'evaluate base'; do
    status=0
    # shellcheck disable=SC2086 # a command with its options
    PMI_SIZE=2 PMI_RANK=$rank PMI_PORT=host:1 "$app" $command >out 2>err || status=$?
    expect_refused "rank $rank of a launcher, $command: one line" mpirun PMI_SIZE -Dmpi
  done
done

# --- Help ---

for command in '' train evaluate reconstruct sample manifold encode export check-gradients verify-determinism lesson info; do
  for flag in --help -h; do
    # shellcheck disable=SC2086 # no command is no word
    run $command $flag
    expect_equal "mnist_vae $command $flag ends with 0 and starts with examples" \
      "$status $(wc -c <err) $(head -n 1 out) $(sed -n 2p out | grep -c '^  mnist_vae ')" \
      '0 0 Examples: 1'
  done
done
run train --help
for option in data hidden latent activation epochs batch-size lr lr-schedule optimizer adam init \
  recon-loss beta clip-norm seed threads sparsity fuse out resume overwrite checkpoint-every patience quiet config; do
  expect "train --help lists --$option" grep -qE "^  --$option( |\$)" out
done
run --version
expect_equal '--version ends with 0 and prints one line' \
  "$status $(wc -c <err) $(grep -cE '^mnist_vae [0-9]+\.[0-9]+\.[0-9]+$' out) $(wc -l <out)" \
  '0 0 1 1'

all_cases_ok
