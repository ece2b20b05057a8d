# shellcheck shell=bash
# What the test scripts share. To be sourced; afterwards:
#   $root   the project
#   $tmp    a temporary folder, removed at the end
#   $build  the build folder: the first argument, or HANDGRAD_BUILD, or build/ of the project
#
# A script writes one line per case, "ok - what is promised" or "not ok - what is promised", and
# below a failed one, indented, what was found instead.

# A shell may have set these, and no script means them.
unset CDPATH POSIXLY_CORRECT GZIP TAR_OPTIONS
shopt -u inherit_errexit
# Sorted, read and written as everywhere.
export LC_ALL=C
# The command "script" runs what it is given with this shell, whichever one the user has.
export SHELL=$BASH

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
readonly root
# shellcheck disable=SC2034
readonly build=${1:-${HANDGRAD_BUILD:-$root/build}}
tmp=$(mktemp -d)
readonly tmp
trap 'rm -rf -- "$tmp"' EXIT

failed_cases=0

ok() { echo "ok - $1"; }

# not_ok WHAT FOUND
not_ok() {
  failed_cases=$((failed_cases + 1))
  echo "not ok - $1"
  printf '%s\n' "${2-}" | sed 's/^/    /'
}

skip() { echo "skip - $1"; }

# expect_equal WHAT FOUND EXPECTED
expect_equal() {
  if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "found:    $2
expected: $3"; fi
}

# expect_empty WHAT FOUND: FOUND lists violations.
expect_empty() {
  if [[ -z $2 ]]; then ok "$1"; else not_ok "$1" "$2"; fi
}

# expect WHAT COMMAND...: the command succeeds.
expect() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "$* failed
$output"; fi
}

# To be the last command of a script.
all_cases_ok() { [[ $failed_cases == 0 ]]; }

# Prints the files of the project, relative to $root: those that git tracks or would track, or
# without git all but what is built, fetched or trained.
project_files() (
  cd -- "$root" || exit
  if [[ $(git rev-parse --show-toplevel 2>/dev/null) == "$PWD" ]]; then
    git ls-files --cached --others --exclude-standard | while IFS= read -r file; do
      if [[ -f $file ]]; then printf '%s\n' "$file"; fi
    done
  else
    find . \( -path './build*' -o -path ./data -o -path ./runs -o -name .git -o -name __pycache__ \) \
      -prune -o -type f -print | sed 's,^\./,,'
  fi | sort
)

# Copies the files of the project into the folder $1.
copy_project() {
  mkdir -p -- "$1"
  project_files | tar -C "$root" -cf - --files-from=- | tar -C "$1" -xf -
}
