#!/usr/bin/env bash
# Builds handgrad and runs its tests. The last line says how many cases passed and failed.
set -euo pipefail
# A shell may have set these, and no script means them.
unset CDPATH POSIXLY_CORRECT GZIP TAR_OPTIONS
shopt -u inherit_errexit
# Sorted, read and written as everywhere.
export LC_ALL=C

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly build=$root/build

# shellcheck source=tests/support/count.sh
source "$root/tests/support/count.sh"

readonly kUsage='Usage: tests/run.sh [--full | --long]

Installs the build dependencies that are missing, builds in build/, runs the tests, and ends with
"N passed, N failed" or "N passed, N failed, N skipped". The exit status is 0 only if none failed.

  --full   also the suites that need more packages or some minutes
  --long   also the suites that need hours'

# Seconds for one suite, against one that hangs.
readonly kTimeLimit=2400 kLongTimeLimit=20000
# Suites at once, on as many processors: many of them wait, or have one thread.
readonly kMostJobs=4
# What takes longest begins first: begun last, it would end with nothing beside it.
readonly kLongest='check_sanitizers.sh check_races.sh check_neon.sh check_valgrind.sh'

finish() {
  total
  all_passed
  exit
}

# step NAME COMMAND...: what has to succeed before there is anything to test.
step() {
  local name=$1
  shift
  "$@" && return
  total_failed=$((total_failed + 1))
  echo "FAILED  $name"
  finish
}

# The test executables that the present configuration builds, relative to the build folder; a file
# left over from an earlier one is not among them.
test_executables() {
  ninja -C "$build" -t targets all | sed -n 's/^\(tests\/[^:]*_test\): .*/\1/p'
}

configure() {
  "$root/apps/configure.sh" || return 1
  meson setup --reconfigure "$build" "$root" || return 1
  # Meson remembers that a header was missing even if its package has been installed since.
  [[ -n $(test_executables) ]] || meson setup --wipe "$build" "$root"
}

quiet_configure() {
  configure >"$work/configure.log" 2>&1 && return
  cat "$work/configure.log"
  return 1
}

# Suites that run now: process id -> "KIND NAME START".
declare -A running=()

# start_suite KIND NAME COMMAND...: KIND is doctest or script.
start_suite() {
  local kind=$1 name=$2
  shift 2
  [[ ${#running[@]} -lt $jobs ]] || collect_suite
  run_suite "$work/${name//\//_}" "$@" &
  running[$!]="$kind $name $SECONDS"
}

# run_suite FILE COMMAND...: leaves what it wrote in FILE.log and its status in FILE.status; a
# signal that ends it does not end this, which bash's wait -n would not see.
run_suite() {
  local file=$1 status=0
  shift
  # bash lets what runs in the background ignore Ctrl-C; nothing here shall.
  env --default-signal=INT,QUIT timeout --foreground "$time_limit" "$@" </dev/null \
    >"$file.log" 2>&1 || status=$?
  echo "$status" >"$file.status"
}

# Waits for the next suite that ends, and counts it.
collect_suite() {
  local process kind name start file
  wait -n -p process "${!running[@]}"
  read -r kind name start <<<"${running[$process]}"
  unset "running[$process]"
  suite_seconds=$((SECONDS - start))
  file=$work/${name//\//_}
  "count_$kind" "$name" "$(<"$file.status")" "$file.log"
}

collect_suites() { while [[ ${#running[@]} -gt 0 ]]; do collect_suite; done; }

start_executables() {
  local executable
  for executable in $(test_executables); do
    start_suite doctest "${executable#tests/}" "$build/$executable" --no-colors=true
  done
}

start_script() {
  [[ ! -e $1 ]] || start_suite script "${1#"$root/tests/scripts/"}" bash "$1" "$build"
}

# start_folder FOLDER: every script in it.
start_folder() {
  local script
  for script in $kLongest; do start_script "$1/$script"; done
  for script in "$1"/*.sh; do
    [[ " $kLongest " == *" ${script##*/} "* ]] || start_script "$script"
  done
}

main() {
  local folders=('') purpose=tests folder
  time_limit=$kTimeLimit
  jobs=$(nproc)
  [[ $jobs -le $kMostJobs ]] || jobs=$kMostJobs
  case $* in
    '') ;;
    --full)
      folders=('' full)
      purpose=full
      ;;
    --long)
      folders=('' full long)
      purpose=full
      time_limit=$kLongTimeLimit
      ;;
    --help | -h)
      echo "$kUsage"
      return
      ;;
    *)
      echo "$kUsage" >&2
      exit 2
      ;;
  esac
  cd -- "$root"
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
  export HANDGRAD_BUILD=$build
  # Objects of another clone with the same sources are as good, whatever folder they name.
  export CCACHE_NOHASHDIR=1
  # Many tests have more threads than there are processors: waiting, they are not to spin.
  export OMP_WAIT_POLICY=passive

  step packages "$root/apps/install_packages.sh" "$purpose"
  step configuration quiet_configure
  step build ninja -C "$build"
  step 'search for test executables' test -n "$(test_executables)"

  start_executables
  # The suites of a folder have build folders of their own; those of two folders may share one.
  for folder in "${folders[@]}"; do
    start_folder "$root/tests/scripts${folder:+/$folder}"
    collect_suites
  done
  finish
}

main "$@"
