#!/usr/bin/env bash
# Installs the Debian packages that handgrad needs and this machine lacks.
set -euo pipefail
# A shell may have set these, and no script means them.
unset CDPATH POSIXLY_CORRECT GZIP TAR_OPTIONS
shopt -u inherit_errexit

readonly kUsage='Usage: apps/install_packages.sh app|tests|full|fashion|peers

  app      what building and running mnist_vae needs
  tests    that, and what tests/run.sh needs
  full     that, and what tests/run.sh --full needs
  fashion  the Fashion-MNIST data set
  peers    what tests needs, and what tests/peers needs beside Python packages

Packages that are there already are left alone; if all are, nothing is printed and no network is
used. Otherwise they are installed with apt-get, through sudo for a user who is not root. Where that
cannot be done, the missing packages are listed and the exit status is 1.'

# The one list of packages. Prints those of one purpose; fails for an unknown one.
packages_for() {
  case $1 in
    app)
      echo g++ meson ninja-build pkg-config                      # the build
      echo libxsimd-dev zlib1g-dev nettle-dev nlohmann-json3-dev # the library
      echo libcli11-dev libstb-dev                               # the app
      echo curl ca-certificates                                  # apps/fetch_mnist.sh
      ;;
    tests)
      packages_for app
      echo doctest-dev libbenchmark-dev
      ;;
    full)
      packages_for tests
      echo g++-aarch64-linux-gnu qemu-user # shows that NEON computes the same numbers
      echo shellcheck                      # reads the scripts
      echo clang-14 libomp-14-dev          # shows that clang builds the same numbers
      echo libclang-rt-14-dev              # finds data races
      echo valgrind libc6-dbg              # finds reads beyond an array, also of vectors
      echo strace                          # disturbs system calls
      echo gcovr                           # says what the tests reach
      echo cmake doxygen                   # use the library; make its reference
      echo fish zsh                        # complete the command line
      echo python3-torch python3-venv      # read what mnist_vae writes: 200 MB to download, 800 installed
      echo libopenmpi-dev openmpi-bin      # trains on several ranks
      echo iproute2                        # gives each rank a network of its own
      echo chromium chromium-driver        # opens the HTML pages
      ;;
    fashion) echo dataset-fashion-mnist ;;
    peers)
      packages_for tests
      echo python3-venv libdnnl-dev libopenblas-dev
      ;;
    *) return 1 ;;
  esac
}

is_installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Prints the reason and what to install by hand, and stops.
give_up() {
  local reason=$1
  shift
  {
    echo "install_packages: $reason. Please install these packages, then try again:"
    echo
    echo "  $*"
    echo
    echo "On Debian and its like: apt-get update && apt-get install $*"
  } >&2
  exit 1
}

install_with_apt() {
  local -a as_root=()
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null || give_up 'packages are missing and you are not root' "$@"
    as_root=(sudo)
  fi
  echo "install_packages: installing $*"
  # A freshly started machine often holds apt's lock for its own updates.
  local -a apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
    apt-get -y -q -o DPkg::Lock::Timeout=120)
  # One unreachable source need not matter; if it does, the installation says so.
  "${apt[@]}" update || echo 'install_packages: apt-get update failed; trying to install' >&2
  "${apt[@]}" install --no-install-recommends "$@" || give_up 'apt-get could not install them' "$@"
}

main() {
  if [[ ${1-} == --help || ${1-} == -h ]]; then
    echo "$kUsage"
    return
  fi
  local wanted
  if [[ $# != 1 ]] || ! wanted=$(packages_for "$1"); then
    echo "$kUsage" >&2
    exit 2
  fi

  local package
  local -a missing=() all=()
  for package in $wanted; do
    all+=("$package")
    is_installed "$package" || missing+=("$package")
  done
  command -v dpkg-query >/dev/null || give_up 'this system has no Debian packages' "${all[@]}"
  [[ ${#missing[@]} == 0 ]] && return
  command -v apt-get >/dev/null || give_up 'packages are missing and there is no apt-get' "${missing[@]}"
  install_with_apt "${missing[@]}"
}

main "$@"
