#!/usr/bin/env bash
# One hour of random attacks on mnist_vae: rounds that each draw options, data, signals, limits,
# folders and races from a seed of their own. Whatever happens, the status is a documented one or
# the signal that was sent, an error is one line, nothing foreign changes, a finished run stays
# whole, and what is resumed has the same bits.
#
#   ATTACK_SECONDS=3600   how long
#   ATTACK_SEED=N         where the seeds of the rounds come from; otherwise from the clock
#   ATTACK_ONLY=SEED      this round alone, as it is printed for one that failed
#
# A round repeats with its seed, unless it is a race. Everything happens in one temporary folder,
# and as root as the user nobody.
set -euo pipefail
unset CDPATH

# Root may do what must be seen to fail: a copy of what is needed runs as nobody.
if [[ $(id -u) == 0 ]]; then
  # shellcheck source=tests/scripts/support/cases.sh
  source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"
  if ! setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
    skip 'root cannot become another user here'
    exit
  fi
  mkdir -p "$tmp/apps/mnist_vae" "$tmp/build/apps/mnist_vae" "$tmp/tests" "$tmp/room"
  cp -r "$root/tests/scripts" "$tmp/tests"
  cp -r "$root/apps/mnist_vae/sample" "$tmp/apps/mnist_vae"
  cp "$build/apps/mnist_vae/mnist_vae" "$tmp/build/apps/mnist_vae"
  chmod -R a+rX "$tmp"
  chown 65534:65534 "$tmp/room"
  cd -- "$tmp/room"
  TMPDIR=$tmp/room PATH=/usr/bin:/bin setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
    bash "$tmp/tests/scripts/long/attack.sh" "$tmp/build" && exit 0
  exit 1
fi

# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/scripts/support/attack_draws.sh
source "$root/tests/scripts/support/attack_draws.sh"
# shellcheck source=tests/scripts/support/attack_checks.sh
source "$root/tests/scripts/support/attack_checks.sh"
# shellcheck source=tests/scripts/support/attack_scenes.sh
source "$root/tests/scripts/support/attack_scenes.sh"
# shellcheck source=tests/scripts/support/attack_places.sh
source "$root/tests/scripts/support/attack_places.sh"

# Often before rare: how often a name stands here is how often it is drawn.
scenes=(options options data disturbed disturbed disturbed replaced replaced limits limits folders folders folders races races forged forged outputs)
declare -A kPromises=(
  [options]='options and data of every kind'
  [data]='data that is damaged'
  [disturbed]='signals and errors at counted system calls, then the same bits'
  [replaced]='the same while a run takes the place of another'
  [limits]='memory, files, time and streams that are limited'
  [folders]='folders and names of every kind'
  [races]='several processes in one folder'
  [forged]='runs that are damaged or made up'
  [outputs]='results that go anywhere'
)
if ! strace -o /dev/null true 2>/dev/null; then
  skip 'strace cannot be used here: no system call can be disturbed'
  scenes=(options data limits folders forged outputs)
fi

# What fails below is looked at, and does not end this.
set +e
trap 'cat "$tmp/complaints" >&2; chmod -R u+rwx -- "$tmp" 2>/dev/null; rm -rf -- "$tmp"' EXIT
ulimit -c 0 -f 524288 -v 4194304
export OMP_WAIT_POLICY=passive
readonly kMostShown=10
declare -A rounds=() failures=() shown=()
# Enough pixels for the largest images, at any place.
gzip -dc "$root/apps/mnist_vae/sample/train-images-idx3-ubyte.gz" | tail -c +17 >once
for _ in 1 2 3 4 5; do cat once; done >digits
for _ in {1..25}; do cat "$root/apps/mnist_vae/sample/train-images-idx3-ubyte.gz"; done >noise

# play SEED: one round.
play() {
  local seed=$1 scene i
  chmod -R u+rwx round 2>/dev/null
  rm -rf round
  mkdir round && cd round || exit
  RANDOM=$seed
  for i in 1 2 3 4 5 6 7 8 9; do : "$RANDOM"; done
  pick "${scenes[@]}"
  scene=$REPLY
  problems='' commands='' foreign=()
  calm
  echo 'my own work' >sentinel && chmod 640 sentinel
  remember_foreign ./sentinel
  "scene_$scene" 2>"$tmp/complaints"
  cd .. || exit
  if [[ -s $tmp/complaints ]]; then problems+="the script itself: $(head -c 600 "$tmp/complaints")
"; fi
  : >complaints
  rounds[$scene]=$((${rounds[$scene]-0} + 1))
  [[ -n $problems ]] || return 0
  shown[$scene]=$((${shown[$scene]-0} + 1))
  if [[ ${shown[$scene]} -le $kMostShown ]]; then
    failures[$scene]+="again with: ATTACK_ONLY=$seed tests/scripts/long/attack.sh
$problems  the round:
$commands"
    echo "failed: ATTACK_ONLY=$seed ($scene): ${problems%%$'\n'*}"
  fi
}

progress() {
  local scene status line=''
  for scene in "${!rounds[@]}"; do line+=", $scene ${rounds[$scene]}"; done
  echo "after $SECONDS s: ${line#, } rounds"
  line=''
  for status in "${!ends[@]}"; do line+=", $status ${ends[status]} times"; done
  echo "  statuses: ${line#, }"
}

if [[ -n ${ATTACK_ONLY-} ]]; then
  play "$ATTACK_ONLY"
  echo "$commands"
else
  seed=${ATTACK_SEED:-$(date +%s)} duration=${ATTACK_SECONDS:-3600} minute=60
  echo "the attacks come from ATTACK_SEED=$seed"
  for ((round = 1; SECONDS < duration; ++round)); do
    play $(((seed * 1000003 + round * 7919) & 0x7fffffff))
    if ((SECONDS >= minute)); then
      progress
      minute=$((SECONDS + 60))
    fi
  done
  progress
fi
for scene in options data disturbed replaced limits folders races forged outputs; do
  [[ -z ${rounds[$scene]-} ]] ||
    expect_empty "${rounds[$scene]} rounds: ${kPromises[$scene]} (${shown[$scene]-0} failed)" "${failures[$scene]-}"
done

all_cases_ok
