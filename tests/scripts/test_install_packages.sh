#!/usr/bin/env bash
# apps/install_packages.sh among fake tools: nothing is installed, and the network is not used.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

readonly bin=$tmp/bin log=$tmp/log

# fake NAME: a tool, with its body on standard input, that notes its call.
fake() {
  {
    printf '#!/bin/sh\necho "%s $*" >>"%s"\n' "$1" "$log"
    cat
  } >"$bin/$1"
  chmod +x "$bin/$1"
}

# The bodies of the fakes are for their own shell.
# shellcheck disable=SC2016
# machine USER_ID MISSING TOOLS...: a PATH with nothing but the basic tools and these fakes.
machine() {
  local user=$1 missing=$2 tool
  shift 2
  rm -rf -- "$bin" "$log"
  mkdir -- "$bin"
  : >"$log"
  for tool in bash sh env dirname cat sed; do ln -s "$(command -v $tool)" "$bin/$tool"; done
  printf '#!/bin/sh\necho %s\n' "$user" >"$bin/id"
  chmod +x "$bin/id"
  for tool in "$@"; do
    case $tool in
      dpkg-query) fake dpkg-query <<<"for p; do :; done
        case \" $missing \" in *\" \$p \"*) exit 1 ;; *) echo installed ;; esac" ;;
      apt-get) fake apt-get <<<'[ "$DEBIAN_FRONTEND" = noninteractive ]' ;;
      apt-get-without-network) fake apt-get <<<'exit 100' ;;
      apt-get-with-old-lists) fake apt-get <<<'case $* in *update*) exit 100 ;; esac' ;;
      sudo) fake sudo <<<'exec "$@"' ;;
      sudo-refusing) fake sudo <<<'exit 1' ;;
    esac
  done
}

# install PURPOSE: runs the script on that machine; sets status, output, and calls, which are the
# calls of apt-get and sudo.
install() {
  status=0
  output=$(PATH=$bin "$bin/bash" "$root/apps/install_packages.sh" "$@" 2>&1) || status=$?
  calls=$(grep -vE '^dpkg-query ' "$log" | sed -E 's/ -y -q -o DPkg[^ ]*//; s/env DEBIAN[^ ]* //' || true)
}

machine 0 '' dpkg-query apt-get sudo
install full
expect_equal 'everything there: silent, no network' "$status|$output|$calls" '0||'

machine 0 'meson doctest-dev' dpkg-query apt-get
install tests
expect_equal 'something missing, root: the lists are updated, then the missing alone is installed' \
  "$status|$calls" '0|apt-get update
apt-get install --no-install-recommends meson doctest-dev'

install app
expect_equal 'the app does not need what only tests need' "$(grep -c doctest <<<"$output")" 0

machine 1000 meson dpkg-query apt-get sudo
install app
expect_equal 'something missing, a user with sudo' "$status|$calls" '0|sudo apt-get update
apt-get update
sudo apt-get install --no-install-recommends meson
apt-get install --no-install-recommends meson'

machine 0 meson dpkg-query apt-get-with-old-lists
install app
expect_equal 'lists that cannot be updated may still do' "$status" 0

# expect_list WHAT PACKAGES CALLS: stopped with status 1, the exact list, and these calls.
expect_list() {
  expect_equal "$1: stops" "$status|$calls" "1|$3"
  expect "$1: prints the exact list" grep -qxF "  $2" <<<"$output"
}

machine 1000 'meson libstb-dev' dpkg-query apt-get
install app
expect_list 'no root and no sudo' 'meson libstb-dev' ''

machine 0 meson dpkg-query
install app
expect_list 'no apt-get' meson ''

machine 0 meson dpkg-query apt-get-without-network
install app
expect_list 'apt-get fails' meson 'apt-get update
apt-get install --no-install-recommends meson'

machine 1000 meson dpkg-query apt-get sudo-refusing
install app
expect_list 'sudo refuses' meson 'sudo apt-get update
sudo apt-get install --no-install-recommends meson'

machine 0 ''
install app
expect_list 'not Debian' "g++ meson ninja-build pkg-config libxsimd-dev zlib1g-dev nettle-dev \
nlohmann-json3-dev libcli11-dev libstb-dev curl ca-certificates" ''

machine 0 '' dpkg-query
install everything
expect_equal 'an unknown purpose is wrong usage' "$status" 2
install
expect_equal 'no purpose is wrong usage' "$status" 2

all_cases_ok
