#!/usr/bin/env bash
# The library as others find it, static and shared: the README's program built by plain g++ with
# pkg-config, by CMake, by Meson with the installation and with a subproject, without a warning; what
# the shared library shows; and a build without anything to download.
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"

awk '/^```cpp$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/README.md" >main.cpp
readonly warnings=(-Wall -Wextra -Wpedantic -Werror)
version=$(sed -nE "s/^  version: '(.*)',$/\1/p" "$root/meson.build")
readonly version minor=${version%.*}

# learns PROGRAM [KIND]: it says that its loss is below 0.1; with a KIND, linked with that library.
learns() {
  local output
  output=$("$1") && echo "$output" && grep -qxE 'loss after [0-9]+ steps: 0\.0[0-9]+ nats' <<<"$output" ||
    return
  if [[ ${2-} == shared ]]; then
    ldd "$1" | grep -F "libhandgrad.so.$minor => $LD_LIBRARY_PATH"
  elif [[ ${2-} == static ]]; then
    if ldd "$1" | grep handgrad; then return 1; fi
  fi
}

# --- What the shared library shows ---

exported() { nm --dynamic --demangle --defined-only "$1" | cut -d ' ' -f 3- | sort -u; }
# Names that are not in handgrad, or in a part of it that is its own affair.
foreign_symbols() {
  exported "$1" | grep -vE '^((typeinfo|typeinfo name|vtable) for )?handgrad::' || true
  exported "$1" | grep -E '^[^(]*(xsimd|std::|handgrad::(kernels|reference)::)' || true
}

printf '%s\n' '#include <string>' '#include <vector>' 'namespace handgrad {' \
  '__attribute__((visibility("default"))) void grow(std::vector<std::string>& v, std::string s) {' \
  'v.insert(v.begin(), s); } }' >planted.cpp
"${CXX:-g++}" -std=c++20 -fPIC -shared -fvisibility=hidden planted.cpp -o planted.so
expect 'a template of the standard library that shows is found' test -n "$(foreign_symbols planted.so)"

build_variant shared -- --buildtype=release -Dtests=disabled -Ddefault_library=shared
expect 'shared: everything builds' ninja -C "$variant"
readonly library=$variant/libhandgrad.so
expect_equal 'the soname has the minor version' \
  "$(readelf -d "$library" | sed -nE 's/.*SONAME.*\[(.*)\]/\1/p')" "libhandgrad.so.$minor"
expect_empty 'nothing shows but what is in handgrad' "$(foreign_symbols "$library")"
expect 'what a program needs shows' test "$(exported "$library" | grep -cxE \
  'handgrad::(gemm_nn|bce_with_logits|softmax_cross_entropy)\(.*\)|handgrad::version\(\)|typeinfo for handgrad::Error|vtable for handgrad::Dense')" = 6

# --- Installed, and moved ---

# install_moved BUILD KIND: installs into a folder that is moved afterwards, and asks pkg-config there.
install_moved() {
  installed=$tmp/$2
  expect "$2: installs" meson install -C "$1" --no-rebuild --quiet --destdir "$tmp/destination"
  mv -- "$tmp/destination" "$installed"
  pkg_config=$(dirname "$(find "$installed" -name handgrad.pc)")
  LD_LIBRARY_PATH=$(dirname "$(find "$installed" -name 'libhandgrad.*' | sort | tail -n 1)")
  export LD_LIBRARY_PATH
}
pkg_config_says() { env PKG_CONFIG_PATH="$pkg_config" PKG_CONFIG_SYSROOT_DIR="$installed" pkg-config "$@" handgrad; }

# consumers KIND
consumers() {
  local kind=$1 cflags libs package
  expect_equal "$kind: pkg-config knows the version" "$(pkg_config_says --modversion)" "$version"
  expect_empty "$kind: nobody needs nlohmann_json" \
    "$(pkg_config_says --print-requires --print-requires-private | grep json)"
  read -ra cflags < <(pkg_config_says --cflags)
  read -ra libs < <(pkg_config_says --libs)
  expect "$kind: g++ and pkg-config build the example" "${CXX:-g++}" -std=c++20 "${warnings[@]}" \
    main.cpp -o "with_pkg_config_$kind" "${cflags[@]}" "${libs[@]}"
  expect "$kind: it learns" learns "./with_pkg_config_$kind" "$kind"

  mkdir -p "cmake_$kind" && cp main.cpp "cmake_$kind"
  cat >"cmake_$kind/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.16)
project(consumer CXX)
find_package(handgrad \${WANTED} REQUIRED)
add_executable(consumer main.cpp)
target_compile_options(consumer PRIVATE ${warnings[*]})
target_link_libraries(consumer PRIVATE handgrad::handgrad)
END
  package=$(dirname "$(find "$installed" -name handgrad-config.cmake)")
  configure() { cmake -S "cmake_$kind" -B "cmake_$kind/$1" "-DWANTED=$1" "-Dhandgrad_DIR=$package"; }
  expect "$kind: CMake finds the package" configure "$minor"
  expect "$kind: CMake builds the example" cmake --build "cmake_$kind/$minor"
  expect "$kind: it learns" learns "cmake_$kind/$minor/consumer" "$kind"
  expect "$kind: the package is for its own version" configure "$version"
  for wanted in "$minor.99" 0.0 "$((${version%%.*} + 1)).0"; do
    if configure "$wanted" >log 2>&1; then
      not_ok "$kind: the package is not for version $wanted" 'CMake takes it'
    else
      expect "$kind: the package is not for version $wanted" grep -qF "version: $version" log
    fi
  done

  mkdir -p "meson_$kind" && cp main.cpp "meson_$kind"
  cat >"meson_$kind/meson.build" <<END
project('consumer', 'cpp', default_options: ['cpp_std=c++20', 'warning_level=3', 'werror=true'])
executable('consumer', 'main.cpp', dependencies: dependency('handgrad', fallback: 'handgrad'))
END
  expect "$kind: Meson finds the installation" env PKG_CONFIG_PATH="$pkg_config" \
    PKG_CONFIG_SYSROOT_DIR="$installed" meson setup "meson_$kind/found" "meson_$kind"
  expect "$kind: Meson builds the example" ninja -C "meson_$kind/found"
  expect "$kind: it learns" learns "meson_$kind/found/consumer" "$kind"
}

install_moved "$variant" shared
consumers shared
copy_project meson_shared/subprojects/handgrad
expect 'shared: as a subproject, Meson configures' meson setup meson_shared/within meson_shared \
  --force-fallback-for=handgrad --default-library=shared
expect 'shared: as a subproject, Meson builds the example' ninja -C meson_shared/within
expect 'shared: as a subproject, it learns' learns meson_shared/within/consumer
expect 'shared: the installed mnist_vae runs' "$(find "$installed" -path '*/bin/mnist_vae')" info
for link in "libhandgrad.so libhandgrad.so.$minor" "libhandgrad.so.$minor libhandgrad.so.$version"; do
  expect_equal "shared: ${link% *} is a link" "$(readlink "$LD_LIBRARY_PATH/${link% *}")" "${link#* }"
done
install_moved "$built" static
consumers static

all_cases_ok
