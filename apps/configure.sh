#!/usr/bin/env bash
# Has Meson configure build/, for apps/quickstart.sh and tests/run.sh, unless it did; also where an
# earlier configuration was interrupted. What is not Meson's, nor of this project, stays untouched.
set -euo pipefail
# A shell may have set these, and no script means them.
unset CDPATH POSIXLY_CORRECT GZIP TAR_OPTIONS
shopt -u inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root build=$root/build
readonly private=$build/meson-private

# What scripts of the project put there beside Meson, and the files that Meson begins with.
readonly kOurs=' . .. interchange peers reference variants .gitignore .hgignore '

# The last file of a configuration is there: build.ninja comes before it.
is_configured() { [[ -f $build/build.ninja && -f $private/cmd_line.txt ]]; }

# Prints what in build/ is neither Meson's nor ours, if anything is.
foreign() {
  local entry
  if [[ ! -d $build ]]; then
    if [[ -e $build || -L $build ]]; then echo 'no folder'; fi
  elif [[ ! -d $private ]]; then
    for entry in "$build"/{,.}*; do
      entry=${entry##*/}
      if [[ -e $build/$entry && $kOurs != *" $entry "* ]]; then echo "$entry"; fi
    done
  fi
}

main() {
  if is_configured; then return; fi
  local found
  found=$(foreign)
  if [[ -n $found ]]; then
    echo "$build: is in the way: found ${found%%$'\n'*}, expected a build folder of Meson, or nothing" >&2
    exit 1
  fi
  if [[ -d $private ]]; then
    # Another one that configures just now comes to its end first.
    flock "$private/meson.lock" true
    if is_configured; then return; fi
    # All but build.ninja is there: the options are kept.
    if [[ -f $private/cmd_line.txt ]] && meson setup --reconfigure "$build" "$root"; then return; fi
    # With this file Meson takes the folder for configured.
    rm -f -- "$private/coredata.dat"
  fi
  meson setup "$build" "$root"
}

main
