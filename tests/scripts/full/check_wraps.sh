#!/usr/bin/env bash
# Where a library is missing, Meson can fetch it: the wraps are what Meson can read, are pinned, and
# provide what the project asks for; and without them nothing changes for who has the libraries.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"

cd -- "$root"
# The names that meson.build asks for, as Meson compares them.
asked() {
  project_files | grep -E '(^|/)meson\.build$' | grep -v '^subprojects/' | xargs sed -nE \
    "s/.*[ (]dependency\('([A-Za-z0-9_]+)'.*/\1/p" | tr '[:upper:]' '[:lower:]' | sort -u
}
value() { sed -nE "s/^$2 = (.*)$/\1/p" "$1"; }
provided() { sed -n '/^\[provide\]/,$p' "$1" | sed -nE 's/^([a-z0-9_]+) = .*/\1/p'; }

for wrap in subprojects/*.wrap; do
  name=${wrap#subprojects/}
  expect "$name is pinned" grep -qE '^source_hash = [0-9a-f]{64}$' "$wrap"
  expect "$name names an https source" grep -qE '^source_url = https://' "$wrap"
  expect "$name provides what meson.build asks for" grep -qxF "$(provided "$wrap")" <(asked)
  patch=$(value "$wrap" patch_directory)
  if [[ -n $patch ]]; then
    expect "$name has its build file" test -s "subprojects/packagefiles/$patch/meson.build"
  else
    expect "$name has its patch pinned" grep -qE '^patch_hash = [0-9a-f]{64}$' "$wrap"
  fi
done
expect_equal 'there is a wrap for everything that is asked for but these' \
  "$(comm -23 <(asked) <(for wrap in subprojects/*.wrap; do provided "$wrap"; done | sort) | xargs)" \
  'benchmark nettle openmp'

# The sources as they would have been unpacked, from the headers that are installed here.
readonly copy=$tmp/copy
copy_project "$copy"
unpack() { # NAME FOLDER HEADERS...
  local directory
  directory=$copy/subprojects/$(value "subprojects/$1.wrap" directory)
  mkdir -p -- "$directory/$2"
  cp -r -- "subprojects/packagefiles/$1/." "$directory"
  cp -r -- "${@:3}" "$directory/$2"
}
unpack xsimd include /usr/include/xsimd
unpack cli11 include /usr/include/CLI
unpack nlohmann_json include /usr/include/nlohmann
unpack doctest . /usr/include/doctest
unpack stb . /usr/include/stb/stb_image.h /usr/include/stb/stb_image_write.h
# What is installed is not to be seen.
sed -i -e "s,cpp.has_header('[a-z/_]*\.h'),false," "$copy/meson.build" "$copy/tests/meson.build"
status=0
meson setup "$copy/build" "$copy" --wrap-mode=nodownload -Dtests=enabled -Dbench=disabled \
  --force-fallback-for=xsimd,cli11,nlohmann_json,doctest,stb >"$tmp/log" 2>&1 || status=$?
expect_equal 'with the sources there, the project configures without downloading' "$status" 0
for name in xsimd CLI11 nlohmann_json doctest stb; do
  expect "$name is found in them" \
    grep -qiE "^Dependency $name (from subproject|found: YES).*(subprojects/|overridden|cached)" "$tmp/log"
done
[[ $status == 0 ]] || cat -- "$tmp/log"
objects=$(ninja -C "$copy/build" -t targets all |
  sed -nE 's/^(.*(isa_scalar|core_io_png|core_io_safetensors|mnist_vae_options|options|support_main)\.cpp\.o): .*/\1/p')
# shellcheck disable=SC2086 # one word for each
expect 'what uses them compiles' ninja -C "$copy/build" $objects

rm -rf -- "$copy"
copy_project "$copy"
rm -rf -- "$copy/subprojects"
expect 'without the wraps the project configures with what is installed' \
  meson setup "$copy/build" "$copy" --wrap-mode=nodownload
expect_equal 'and has tests' \
  "$(ninja -C "$copy/build" -t targets all | grep -c '^tests/core_test: ')" 1

all_cases_ok
