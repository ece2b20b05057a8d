#!/usr/bin/env bash
# The library as others use it: the README's program in the source tree, against an installation and
# as a Meson subproject; and what is installed works where nothing of the source is at hand.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

readonly compile=("${CXX:-g++}" -std=c++20 -Wall -Wextra -Wpedantic -Werror)
readonly example=$tmp/main.cpp

awk '/^```cpp$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/README.md" >"$example"

# learns PROGRAM: it says that its loss is below 0.1.
learns() {
  local output
  output=$("$1") && echo "$output" && grep -qxE 'loss after [0-9]+ steps: 0\.0[0-9]+ nats' <<<"$output"
}

# The source tree as it lies, beside its build folder.
expect 'in the source tree, the example compiles without a warning' \
  "${compile[@]}" "-I$build/fwd" "$example" -o "$tmp/in_place" \
  "$build/libhandgrad.a" -lz -lnettle -fopenmp
expect 'in the source tree, the example learns' learns "$tmp/in_place"

# An installation that is moved afterwards: no path in it may be needed.
readonly installed=$tmp/moved
expect 'the build can be installed' \
  meson install -C "$build" --no-rebuild --quiet --destdir "$tmp/installed"
mv -- "$tmp/installed" "$installed"
PKG_CONFIG_PATH=$(dirname "$(find "$installed" -name handgrad.pc)")
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR=$installed
expect 'pkg-config knows the installed library' pkg-config --exists --print-errors handgrad
read -ra cflags < <(pkg-config --cflags handgrad)
read -ra libs < <(pkg-config --libs handgrad)
# What follows must not find the installation: neither through the environment nor by chance.
unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR

expect 'installed, the example compiles without a warning' \
  "${compile[@]}" "$example" -o "$tmp/with_installed" "${cflags[@]}" "${libs[@]}"
expect 'installed, the example learns' learns "$tmp/with_installed"

# The installed headers.
include=$(dirname "$(find "$installed" -path '*/handgrad/handgrad.hpp')")
readonly include
# headers_that_fail [HEADER...]: those that do not compile alone, with what the compiler says.
headers_that_fail() {
  printf '%s\0' "$@" | xargs -0 -P 2 -I '{}' \
    "${compile[@]}" "${cflags[@]}" -x c++ -fsyntax-only -include '{}' /dev/null 2>&1 || true
}
# Every <header> that is not of the standard library: those have neither a folder nor a suffix.
foreign_includes() { grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<[^>]*[./]' "$1" || true; }

mapfile -t headers < <(find "$include" -name '*.hpp')
expect_empty "each of the ${#headers[@]} installed headers compiles alone" \
  "$(headers_that_fail "${headers[@]}")"
expect_empty 'the installed headers need nothing but the standard library' \
  "$(foreign_includes "$include")"
mkdir -- "$tmp/planted"
printf '#include "%s/core/not_installed.hpp"\n#include <zlib.h>\n' "$include" \
  >"$tmp/planted/planted.hpp"
expect 'a header that includes what is not installed is found' \
  test -n "$(headers_that_fail "$tmp/planted/planted.hpp")"
expect 'a header that includes a foreign one is found' test -n "$(foreign_includes "$tmp/planted")"

# hidden_declarations LIBRARY INCLUDE: the headers that declare a function which a program could not
# link if the library was a shared one: HANDGRAD_API is missing. Members go with their class.
hidden_declarations() {
  local name
  readelf -sW --demangle "$1" |
    sed -nE 's/^.* FUNC +GLOBAL +HIDDEN +[0-9]+ handgrad::([a-z_0-9]+)(\[abi:cxx11\])?\(.*/\1/p' | sort -u |
    while IFS= read -r name; do grep -rE "^[A-Za-z][^=]*\b$name\(" "$2" || true; done
}
expect_empty 'everything that the installed headers declare can be linked to' \
  "$(hidden_declarations "$build/libhandgrad.a" "$include")"
echo 'namespace handgrad { void hidden(int) {} }' >"$tmp/hidden.cpp"
"${compile[@]}" -c -fvisibility=hidden "$tmp/hidden.cpp" -o "$tmp/hidden.o"
mkdir -- "$tmp/declared"
echo 'void hidden(int x);' >"$tmp/declared/hidden.hpp"
expect 'a declaration that cannot be linked to is found' \
  test -n "$(hidden_declarations "$tmp/hidden.o" "$tmp/declared")"

# The installed mnist_vae. The build folder knows a sample too, that of the source: what shows where
# the program looks is that it misses the file of the installation.
train_installed() (
  mkdir -p -- "$tmp/empty" && cd -- "$tmp/empty" &&
    env -u HANDGRAD_DATA "$(find "$installed" -path '*/bin/mnist_vae')" \
      train --hidden 4 --epochs 1 --out "$1" 2>&1
)
expect 'the installed mnist_vae trains without data of the user' train_installed "$tmp/run"
expect 'it leaves the weights' test -s "$tmp/run/model.safetensors"
labels=$(find "$installed" -name 'train-labels-idx1-ubyte.gz')
: >"$labels"
status=0
output=$(train_installed "$tmp/another run") || status=$?
expect_equal 'its sample is the installed one' \
  "$status: $(grep -cF "${labels:-no labels}" <<<"$output")" '3: 1'
curve=$(find "$installed" -path '*/curves/torch.txt')
: >"$curve"
status=0
output=$("$(find "$installed" -path '*/bin/mnist_vae')" train --compare-to list 2>&1) || status=$?
expect_equal 'and so are its curves' "$status: $(grep -cF "${curve:-no curve}" <<<"$output")" '3: 1'

# A project of which this one is a subproject, in a folder of its own.
readonly consumer=$tmp/consumer
copy_project "$consumer/subprojects/handgrad"
cp -- "$example" "$consumer/"
cat >"$consumer/only_handgrad.cpp" <<'EOF'
#if __has_include(<handgrad.hpp>) || __has_include(<core/matrix.hpp>)
#error "the headers are to be found as <handgrad/...> alone"
#endif
EOF
cat >"$consumer/meson.build" <<EOF
project('consumer', 'cpp', default_options: ['cpp_std=c++20', 'warning_level=3'])
executable('consumer', 'main.cpp', 'only_handgrad.cpp',
  cpp_args: '-Werror',
  dependencies: $(grep -om 1 "dependency('handgrad'[^\`]*" "$root/README.md"),
  install: true)
EOF
expect 'as a subproject, it configures' \
  meson setup "$consumer/build" "$consumer" --force-fallback-for=handgrad
expect 'as a subproject, it builds, and the example compiles without a warning' \
  ninja -C "$consumer/build"
expect 'as a subproject, the example learns' learns "$consumer/build/consumer"
expect_empty 'as a subproject, it builds neither apps nor tests' \
  "$(ninja -C "$consumer/build" -t targets all | grep -E '^subprojects/handgrad/(apps|tests)/')"
expect 'a project with this one as a subproject can be installed' meson install -C "$consumer/build" \
  --no-rebuild --quiet --skip-subprojects --destdir "$consumer/installed"
expect_equal 'it can be installed without the library' \
  "$(find "$consumer/installed" -type f -printf '%f\n' | xargs)" 'consumer'

all_cases_ok
