#!/usr/bin/env bash
# The project built for aarch64 computes there, in qemu, the bits of the vector kernels here; its
# kernels export their table alone. What the cross compiler needs of that processor's packages is
# unpacked into a folder of the build: the system learns of no other architecture.
# On its own: tests/scripts/full/check_neon.sh
set -euo pipefail
# shellcheck source=tests/scripts/support/machines.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/machines.sh"

if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-g++ >/dev/null; then
  skip 'aarch64: needs qemu-aarch64 and aarch64-linux-gnu-g++'
  all_cases_ok
  exit
fi

# --- A root folder for aarch64 ---

readonly sysroot=$built/variants/arm64-root
# fetch_packages PACKAGE...: unpacks these for arm64 into $sysroot, with lists of packages, a state
# and a cache of apt's that are its own.
fetch_packages() (
  mkdir -p -- "$tmp/apt/lists/partial" "$tmp/apt/archives/partial" "$sysroot"
  : >"$tmp/apt/status"
  cat >"$tmp/apt/apt.conf" <<END_OF_CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Dir::State "$tmp/apt";
Dir::State::status "$tmp/apt/status";
Dir::Cache "$tmp/apt";
END_OF_CONF
  export APT_CONFIG=$tmp/apt/apt.conf
  cd -- "$tmp/apt"
  # One unreachable source need not matter; if it does, the download says so.
  apt-get -q update || true
  apt-get -q download "$@" && for package in *.deb; do dpkg-deb -x "$package" "$sysroot"; done
)
# make_sysroot: the two libraries, static, and the headers that are the same for every processor.
make_sysroot() {
  fetch_packages zlib1g-dev nettle-dev || return 1
  find "$sysroot" -name '*.so' -delete
  local header_only=(xsimd nlohmann_json CLI11) folder
  for folder in xsimd nlohmann CLI stb doctest; do
    ln -sfn "/usr/include/$folder" "$sysroot/usr/include/$folder"
  done
  for folder in "${header_only[@]}"; do
    cp "$(pkg-config --variable=pcfiledir "$folder")/$folder.pc" \
      "$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig"
  done
  touch "$sysroot/complete"
}
if [[ ! -e $sysroot/complete ]] && ! make_sysroot >sysroot.log 2>&1; then
  tail -n 5 sysroot.log
  skip 'aarch64: the packages zlib1g-dev and nettle-dev for arm64 cannot be downloaded'
  all_cases_ok
  exit
fi

# --- The build ---

readonly emulator=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
# Kept where the build can read it again.
cat >"$sysroot/cross.ini" <<END_OF_CROSS
[binaries]
cpp = 'aarch64-linux-gnu-g++'
ar = 'aarch64-linux-gnu-gcc-ar'
pkgconfig = 'pkg-config'
exe_wrapper = ['${emulator[0]}', '${emulator[1]}', '${emulator[2]}']
[built-in options]
cpp_args = ['-isystem', '$sysroot/usr/include']
cpp_link_args = ['-L$sysroot/usr/lib/aarch64-linux-gnu']
[properties]
pkg_config_libdir = '$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'armv8-a'
endian = 'little'
END_OF_CROSS
readonly kRooms=(kernels core layers losses optim)
build_variant aarch64 "${kRooms[@]}" -- --buildtype=release --cross-file "$sysroot/cross.ini"
expect_empty 'without a warning' "$(grep 'warning:' variant.log || true)"

# Beside it there are weak copies of xsimd's names for NEON intrinsics, which any aarch64 may share.
expect_equal 'the NEON kernels export their table alone' \
  "$(aarch64-linux-gnu-nm --demangle --defined-only --extern-only \
    "$variant/core/kernels/libkernels_neon.a" |
    sed -n 's/^[0-9a-f]* [A-Za-z] //p' | grep -v '^xsimd::kernel::wrap::v')" \
  'handgrad::kernels::neon_kernels'

# --- The app ---

wrap_app aarch64 "$variant/apps/mnist_vae/mnist_vae" "${emulator[@]}"
expect_equal 'NEON is what is chosen there' \
  "$(./aarch64 info | sed -n 's/^instruction sets *//p; s/^chosen *\([a-z0-9]*\) .*/\1/p' | xargs)" \
  'scalar, neon neon'
for isa in sse2 avx2 avx512; do
  status=0
  HANDGRAD_ISA=$isa ./aarch64 info >out 2>err || status=$?
  expect_equal "HANDGRAD_ISA=$isa is refused there" "$status $(wc -c <out) $(<err)" \
    "2 0 mnist_vae: environment variable HANDGRAD_ISA: no such instruction set here: found $isa, expected one of scalar, neon"
done
walk_through "$tmp/aarch64" "$tmp/walk"

# The weights after an epoch of the bundled digits, with a vector set there and one here.
here=scalar
for isa in avx2 neon; do
  if HANDGRAD_ISA=$isa "$app" info >out 2>err; then here=$isa; fi
done
for options in '--hidden 64' \
  '--hidden 48,20 --latent 5 --activation tanh --recon-loss mse --adam torch' \
  '--hidden 40 --activation sigmoid --recon-loss bce-probabilities --fuse off --sparsity off'; do
  read -ra words <<<"train --data $root/apps/mnist_vae/sample --epochs 1 --threads 2 --quiet $options"
  HANDGRAD_ISA=neon ./aarch64 "${words[@]}" --overwrite --out qemu >/dev/null
  HANDGRAD_ISA=$here "$app" "${words[@]}" --overwrite --out native >/dev/null
  expect_equal "NEON computes the weights of $here: $options" \
    "$(sha256sum <qemu/model.safetensors)" "$(sha256sum <native/model.safetensors)"
done

# --- The tests ---

for room in "${kRooms[@]}"; do
  test_room "$variant" '' "$room"
done

all_cases_ok
