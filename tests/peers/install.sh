#!/usr/bin/env bash
# Installs the programs and libraries that tests/peers/run.sh compares handgrad with.
set -euo pipefail
# A shell may have set these, and no script means them.
unset CDPATH POSIXLY_CORRECT GZIP TAR_OPTIONS
shopt -u inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root

readonly kUsage='Usage: tests/peers/install.sh [DIR]

Puts Python environments with PyTorch, Keras on TensorFlow, and Keras, Flax and optax on JAX into DIR, by
default build/peers of this project, and installs the Debian packages of oneDNN and OpenBLAS. The
newest versions that pip finds are taken and, at the end, printed. It takes about 8 GB. What is there
already is left alone; to renew an environment, remove its folder.

Environment:
  PYTHON   the Python for the environments, instead of python3 (TensorFlow often lacks the newest)

Exit status: 0 if everything is there, 1 if something is not, 2 for wrong usage.'

complain() { echo "install: $*" >&2; }

# True if the environment $1 has all the packages that follow.
has_packages() {
  local python=$1/bin/python
  shift
  [[ -x $python ]] && "$python" -B - "$@" <<'END' 2>/dev/null
import importlib.metadata, sys
for name in sys.argv[1:]:
    importlib.metadata.version(name)
END
}

print_versions() {
  local python=$1/bin/python
  shift
  "$python" -B - "$@" <<'END'
import importlib.metadata as metadata, platform, sys
versions = ", ".join(f"{name} {metadata.version(name)}" for name in sys.argv[1:])
print(f"{versions} (Python {platform.python_version()})")
END
}

# environment NAME PACKAGE...: makes $dir/NAME with the packages.
environment() {
  local name=$1 log=$dir/$1.log
  shift
  if ! has_packages "$dir/$name" "$@"; then
    echo "install: $name: installing $*"
    if ! { "${PYTHON:-python3}" -m venv "$dir/$name" &&
      "$dir/$name/bin/python" -m pip install "$@"; } >"$log" 2>&1; then
      complain "$name: $(grep -v '^ *$' "$log" | tail -n 1) (all of it in $log)"
      return 1
    fi
  fi
  echo "install: $name: $(print_versions "$dir/$name" "$@")"
}

main() {
  case ${1-} in
    --help | -h)
      echo "$kUsage"
      return
      ;;
    -*)
      echo "$kUsage" >&2
      exit 2
      ;;
  esac
  if [[ $# -gt 1 ]]; then
    echo "$kUsage" >&2
    exit 2
  fi
  dir=${1:-$root/build/peers}
  mkdir -p -- "$dir"
  dir=$(cd -- "$dir" && pwd)

  # One that cannot be had does not keep the others away. Each has an environment of its own, so that
  # it gets the versions that it wants.
  local status=0
  "$root/apps/install_packages.sh" peers || status=1
  environment torch torch numpy || status=1
  environment tensorflow tensorflow-cpu keras numpy || status=1
  environment jax jax flax optax keras numpy || status=1
  return "$status"
}

main "$@"
