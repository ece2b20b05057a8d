#!/usr/bin/env bash
# The rules of who may include and do what. Each rule is a function that prints the violations in a
# tree, and each is tried on a planted violation before it is believed.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

# cpp_files TREE: the C++ files, relative to TREE.
cpp_files() {
  (cd -- "$1" && find core layers losses optim apps tests handgrad.hpp \
    -type f \( -name '*.hpp' -o -name '*.cpp' \) | sort)
}

# include_edges TREE: one line "FILE -> TARGET" per include. TARGET is relative to TREE for a file of
# the tree, however it was written, and stays as written for any other.
include_edges() {
  local files
  mapfile -t files < <(cpp_files "$1")
  (cd -- "$1" && grep -HE '^[[:space:]]*#[[:space:]]*include' "${files[@]}") |
    awk -v known="$(printf '%s\n' "${files[@]}")" '
      function normal(path,    parts, kept, i, n, out) {
        n = split(path, parts, "/")
        kept = 0
        for (i = 1; i <= n; ++i)
          if (parts[i] == ".." && kept > 0) --kept
          else if (parts[i] != ".") parts[++kept] = parts[i]
        for (i = 1; i <= kept; ++i) out = out (i > 1 ? "/" : "") parts[i]
        return out
      }
      BEGIN {
        count = split(known, names, "\n")
        for (i = 1; i <= count; ++i) exists[names[i]] = 1
      }
      {
        file = $0; sub(/:.*/, "", file)
        target = $0; sub(/^[^"<]*["<]/, "", target); sub(/[">].*/, "", target)
        folder = file; if (!sub(/[^\/]*$/, "", folder)) folder = ""
        sub(/^handgrad\//, "", target)
        if (normal(folder target) in exists) target = normal(folder target)
        print file " -> " target
      }'
}

# code_lines TREE PATTERN FILES: "FILE:line" where the code, without strings and comments, of the
# C++ files that match the regular expression FILES matches PATTERN.
code_lines() {
  local files
  mapfile -t files < <(cpp_files "$1" | grep -E -- "$3")
  (cd -- "$1" && grep -H '' "${files[@]}") |
    sed -E "s/'\\\\?\"'/' '/g; s/\"([^\"\\\\]|\\\\.)*\"/\"\"/g; s,/\\*[^*]*\\*/,,g; s,//.*,," |
    { grep -E -- ":.*($2)" || true; }
}

# edges TREE FROM TO [EXCEPT]: the includes from files that match FROM to targets that match TO,
# without the lines that match EXCEPT.
edges() { sed -nE "\\,^($2).* -> ($3),p" <"$1/edges" | { grep -vE -- "${4:-^$}" || true; }; }

readonly kLibrary='^(core/|layers/|losses/|optim/|handgrad\.hpp)'

core_includes() { edges "$1" core/ 'layers/|losses/|optim/|apps/|tests/|handgrad\.hpp'; }
layers_includes() { edges "$1" layers/ 'losses/|optim/|apps/|tests/|handgrad\.hpp'; }
losses_includes() { edges "$1" losses/ 'layers/|optim/|apps/|tests/|handgrad\.hpp'; }
optim_includes() { edges "$1" optim/ 'layers/|losses/|apps/|tests/|handgrad\.hpp'; }
# The programs share apps/common, and only kernel_bench, which measures it, looks into mnist_vae.
program_includes() {
  edges "$1" apps/common/ 'apps/(mnist|kernel)'
  edges "$1" apps/mnist_vae/ 'apps/(mnist_mlp|kernel_bench)/'
  edges "$1" apps/mnist_mlp/ 'apps/(mnist_vae|kernel_bench)/'
}
# The rooms of mnist_vae, a line for those of the same height: each includes lower ones alone.
readonly kProgramRooms='page completion model
training options
run
checks curves lesson report
commands'
program_room_includes() {
  awk -v heights="$kProgramRooms" '
    BEGIN {
      count = split(heights, lines, "\n")
      for (i = 1; i <= count; ++i) {
        n = split(lines[i], names, " ")
        for (j = 1; j <= n; ++j) height[names[j]] = i
      }
    }
    function room(path,    parts) {
      return path ~ /^apps\/mnist_vae\/[^\/]+\// ? (split(path, parts, "/") ? parts[3] : "") : ""
    }
    {
      from = room($1); to = room($3)
      if (from == "" || to == "" || from == to) next
      if (!(from in height) || !(to in height) || height[to] >= height[from]) print
    }' "$1/edges"
}
test_includes() { edges "$1" '' tests/ '^tests/'; }
kernel_includes() { edges "$1" '' core/kernels/ '^(core|tests)/'; }
xsimd_includes() { edges "$1" '' xsimd '^core/kernels/simd\.hpp '; }
openmp_uses() {
  edges "$1" '' 'omp\.h' '^core/parallel\.'
  code_lines "$1" '#[[:space:]]*pragma[[:space:]]+omp|_Pragma|\bomp_[a-z_]+[[:space:]]*\(|\b_OPENMP\b' . |
    { grep -vE '^core/parallel\.|^tests/machines/planted_race\.' || true; }
}
mpi_uses() {
  edges "$1" '' '(.*/)?mpi\.h' '^core/communicator_mpi\.'
  code_lines "$1" '\bMPI_[A-Za-z_]+' . | { grep -vE '^core/communicator_mpi\.' || true; }
}
app_duties() {
  edges "$1" 'core/|layers/|losses/|optim/|handgrad\.hpp' 'iostream|print|CLI/|getopt'
  code_lines "$1" '\b(cout|cerr|clog|stdout|stderr)\b' "$kLibrary"
  code_lines "$1" '\b(v?f?printf|puts|fputs|putchar|perror|print|println)[[:space:]]*\(' "$kLibrary"
  code_lines "$1" '\b(_?exit|_Exit|quick_exit|abort|terminate|assert)[[:space:]]*\(' "$kLibrary"
  code_lines "$1" '\b(signal|sigaction|sigprocmask|raise)[[:space:]]*\(' "$kLibrary"
}

# check RULE WHAT FILE TEXT...: RULE finds nothing in the project, and in the copy exactly one
# violation for each TEXT that is appended to FILE.
check() {
  local rule=$1 what=$2 file=$3 text before found
  shift 3
  before=$("$rule" "$root_copy")
  for text in "$@"; do
    cp -- "$root_copy/$file" "$tmp/kept"
    printf '%s\n' "$text" >>"$root_copy/$file"
    include_edges_of_copy
    found=$("$rule" "$root_copy")
    cp -- "$tmp/kept" "$root_copy/$file"
    if [[ $(grep -c . <<<"$found") != $(($(grep -c . <<<"$before") + 1)) ]]; then
      include_edges_of_copy
      not_ok "$what" "this check does not see the planted violation: $text"
      return
    fi
  done
  include_edges_of_copy
  expect_empty "$what" "$before"
}

readonly root_copy=$tmp/copy
include_edges_of_copy() { include_edges "$root_copy" >"$root_copy/edges"; }

copy_project "$root_copy"
include_edges_of_copy

check core_includes 'core includes no layer, loss, optimiser, app or test' core/matrix.cpp \
  '#include "../layers/dense.hpp"' '#  include "../apps/mnist_vae/model/vae.hpp"' \
  '#include <handgrad/losses/bce.hpp>' '#include "optim/adam.hpp"' '#include "../handgrad.hpp"'
check layers_includes 'layers include nothing but layers and core' layers/dense.cpp \
  '#include "../losses/bce.hpp"' '#include "../core/../optim/adam.hpp"' '#include <handgrad/apps/x.hpp>'
check losses_includes 'losses include nothing but losses and core' losses/bce.cpp \
  '#include "../layers/dense.hpp"' '#include "../optim/adam.hpp"' '#include "../apps/mnist_vae/model/vae.hpp"'
check optim_includes 'optim includes nothing but optim and core' optim/adam.cpp \
  '#include "../layers/dense.hpp"' '#include "../losses/bce.hpp"' '#include "../apps/mnist_vae/model/vae.hpp"'
check program_includes 'the programs share apps/common alone' apps/mnist_mlp/classifier.cpp \
  '#include "../mnist_vae/training/trainer.hpp"' '#include "../kernel_bench/timing.hpp"'
check program_includes 'apps/common includes no program' apps/common/dataset.cpp \
  '#include "../mnist_vae/options/options.hpp"'
check program_room_includes 'the rooms of mnist_vae include lower ones alone' \
  apps/mnist_vae/training/trainer.cpp '#include "../options/options.hpp"' \
  '#include "../run/recipe.hpp"' '#include "../../../apps/mnist_vae/commands/commands.hpp"'
check test_includes 'nothing but tests includes tests' apps/mnist_vae/model/vae.cpp \
  '#include "../../../tests/support/near.hpp"'
check kernel_includes 'the kernels are included by core alone' layers/dense.cpp \
  '#include "../core/kernels/table.hpp"' '#include <handgrad/core/kernels/simd.hpp>'
check xsimd_includes 'only core/kernels/simd.hpp includes xsimd' core/gemm.cpp \
  '#include <xsimd/xsimd.hpp>' '#include "xsimd/types/xsimd_api.hpp"'
check openmp_uses 'only core/parallel.* has OpenMP' apps/mnist_vae/training/trainer.cpp \
  '#include <omp.h>' '#pragma omp parallel for' '    # pragma  omp simd' 'int n = omp_get_max_threads();' \
  '_Pragma("omp parallel")' '#ifdef _OPENMP'
check mpi_uses 'only core/communicator_mpi.cpp has MPI' core/communicator.cpp \
  '#include <mpi.h>' '#  include "openmpi/mpi.h"' 'MPI_Barrier(MPI_COMM_WORLD);' 'int MPI_rank = 0;'
check app_duties 'the library does not print, parse options, handle signals or end the program' \
  optim/sgd.cpp '#include <iostream>' '#include <CLI/CLI.hpp>' \
  'std::cout << 1;' 'std::fprintf(file, "x");' 'printf("x");' 'std::exit(1);' 'abort();' \
  'std::signal(SIGINT, handler);' "char quote = '\"'; std::puts(\"x\"); // \"" 'assert(n > 0);'

all_cases_ok
