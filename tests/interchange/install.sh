#!/usr/bin/env bash
# Puts a Python environment with the packages of requirements.txt, from PyPI, into the folder DIR:
#
#   tests/interchange/install.sh DIR
#
# It takes about 300 MB. What is there already is left alone; an environment for other versions is
# made anew. The exit status is 1 if the packages cannot be had.
set -euo pipefail
# A shell may have set these, and no script means them.
unset CDPATH POSIXLY_CORRECT GZIP TAR_OPTIONS
shopt -u inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here dir=${1:?"Usage: tests/interchange/install.sh DIR"}
readonly kTries=3

# The list is copied there last, so that it stands for a whole environment.
cmp -s -- "$here/requirements.txt" "$dir/requirements.txt" && exit

# Nothing but an environment is removed.
if [[ -f $dir/pyvenv.cfg ]]; then
  rm -rf -- "$dir"
elif [[ -e $dir && -n $(ls -A -- "$dir") ]]; then
  echo "install: $dir: holds something else, expected a new folder" >&2
  exit 1
fi
mkdir -p -- "$dir"
"${PYTHON:-python3}" -m venv "$dir" >"$dir/log" 2>&1 || {
  echo "install: no Python environment in $dir: $(tail -n 1 "$dir/log")" >&2
  exit 1
}
for ((try = 1; try <= kTries; ++try)); do
  if "$dir/bin/python" -I -m pip install --disable-pip-version-check --no-input --only-binary :all: \
    --retries 5 --timeout 30 -r "$here/requirements.txt" >"$dir/log" 2>&1; then
    cp -- "$here/requirements.txt" "$dir/requirements.txt"
    exit
  fi
  [[ $try == "$kTries" ]] || sleep $((10 * try))
done
echo "install: the packages of tests/interchange/requirements.txt cannot be had from PyPI:" \
  "$(grep -i error "$dir/log" | tail -n 1) (all of it in $dir/log)" >&2
exit 1
