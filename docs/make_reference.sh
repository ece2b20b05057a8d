#!/usr/bin/env bash
# Makes the reference of the library from its headers. Needs Doxygen, Python and a C++ compiler.
set -euo pipefail
# A shell may have set these, and no script means them.
unset CDPATH POSIXLY_CORRECT GZIP TAR_OPTIONS
shopt -u inherit_errexit

readonly kUsage='Usage: docs/make_reference.sh [FOLDER]

Writes the reference as HTML into FOLDER [build/reference]: every header that handgrad.hpp includes.
Fails for any warning of Doxygen, and for a public class or function without documentation.'

# public_headers ROOT: handgrad.hpp and what it includes, relative to ROOT.
public_headers() (
  cd -- "$1" && "${CXX:-g++}" -std=c++20 -MM handgrad.hpp | tr -s ' \\\n' '\n' | grep '\.hpp$'
)

main() {
  if [[ $# -gt 1 || ${1-} == -* ]]; then
    echo "$kUsage"
    [[ $* == --help || $* == -h ]] || exit 2
    return
  fi
  local root folder
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  folder=${1:-$root/build/reference}
  mkdir -p -- "$folder"
  folder=$(cd -- "$folder" && pwd)
  cd -- "$root"
  rm -rf -- "$folder/html" "$folder/xml" "$folder/warnings.txt"
  {
    cat docs/Doxyfile
    echo "INPUT = docs/reference.md $(public_headers . | tr '\n' ' ')"
    echo "OUTPUT_DIRECTORY = \"$folder\""
    echo "WARN_LOGFILE = \"$folder/warnings.txt\""
  } | doxygen -
  if [[ -s $folder/warnings.txt ]]; then
    cat -- "$folder/warnings.txt" >&2
    exit 1
  fi
  python3 docs/check_reference.py "$folder/xml"
  echo "The reference is $folder/html/index.html"
}

main "$@"
