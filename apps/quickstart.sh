#!/usr/bin/env bash
# From a fresh clone to a trained autoencoder: packages, build, data, training.
set -euo pipefail
# A shell may have set these, and no script means them.
unset CDPATH POSIXLY_CORRECT GZIP TAR_OPTIONS
shopt -u inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly program=$root/build/apps/mnist_vae/mnist_vae

readonly kUsage='Usage: apps/quickstart.sh [options of mnist_vae train]

Installs what is missing, builds, fetches MNIST, trains, and says where the pictures are. With --data
or HANDGRAD_DATA nothing is fetched. The exit status is that of the training.

  apps/quickstart.sh
  apps/quickstart.sh --latent 20 --hidden 400 --epochs 10

All options: build/apps/mnist_vae/mnist_vae train --help (after the first run).'

build() {
  "$root/apps/configure.sh"
  ninja -C "$root/build" apps/mnist_vae/mnist_vae
}

# Prints the value of the option $1 in the arguments that follow; fails if it is not among them.
option_value() {
  local option=$1 value='' found=1
  shift
  while [[ $# -gt 0 ]]; do
    case $1 in
      "$option") value=${2-} found=0 ;;
      "$option="*) value=${1#*=} found=0 ;;
    esac
    shift
  done
  [[ $found == 0 ]] && printf '%s\n' "$value"
}

fetch_data() {
  if "$root/apps/fetch_mnist.sh"; then
    # The app looks below the current folder, which may be another one.
    export HANDGRAD_DATA=$root/data/mnist
    return
  fi
  cat >&2 <<'END'

************************************************************************
  MNIST could not be fetched (see above).
  Training goes on with the SAMPLE of 2,000 digits that ships with the
  project: expect a higher loss and rougher pictures.
************************************************************************

END
}

# The folder of the run: that of --out, or the one under runs/ that is not in the list $1. (Their times
# do not tell: a file system may give everything within some milliseconds the same.)
run_folder() {
  local before=$1
  shift
  option_value --out "$@" && return
  local newest='' candidate
  for candidate in runs/*/; do
    grep -qxF -- "$candidate" <<<"$before" || newest=${candidate%/}
  done
  [[ -n $newest ]] && printf '%s\n' "$newest"
}

say_where_the_pictures_are() {
  local folder picture
  folder=$(run_folder "$@") || return 0
  for picture in "$folder"/*.png; do
    [[ -e $picture ]] || continue
    echo
    echo "The pictures are in $folder:"
    (cd -- "$folder" && printf '  %s\n' *.png)
    return
  done
}

main() {
  if [[ ${1-} == --help || ${1-} == -h ]]; then
    echo "$kUsage"
    return
  fi
  "$root/apps/install_packages.sh" app
  build
  if [[ -z ${HANDGRAD_DATA-} ]] && ! option_value --data "$@" >/dev/null; then
    fetch_data
  fi

  local before status=0
  before=$(printf '%s\n' runs/*/)
  "$program" train "$@" || status=$?
  [[ $status != 0 ]] || say_where_the_pictures_are "$before" "$@"
  exit "$status"
}

main "$@"
