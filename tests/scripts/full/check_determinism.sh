#!/usr/bin/env bash
# Whole trainings end with the same bits: weights, losses and pictures after three epochs, for any
# number of threads on every instruction set with a fused multiply-add, and run after run.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

readonly kRecipe=(--data "$root/apps/mnist_vae/sample" --hidden "96,48" --latent 3 --batch-size 100)
readonly kSmall=(--data "$root/apps/mnist_vae/sample" --hidden 16 --epochs 1)

# results FOLDER: sums of what a training computed; its times are left out.
results() {
  [[ -e $1/log.csv ]] || echo "no training in $1: $(<err)"
  (cd -- "$1" && sha256sum -- model.safetensors best.safetensors latents.csv ./*.png &&
    cut -d , -f 1-9,12-13 log.csv | sha256sum)
}

isas=$("$app" info | sed -n 's/^instruction sets *//p')
# instruction_sets: those that this processor has and that promise equal bits.
instruction_sets() { tr -c 'a-z0-9' '\n' <<<"$isas" | grep -xE 'avx2|avx512|neon'; }
expect 'there is an instruction set to compare' instruction_sets

run train --out first --epochs 3 "${kRecipe[@]}" --threads 1
expect_equal 'a training of three epochs' "$status$(<err)" 0
run train --out second --epochs 3 "${kRecipe[@]}" --threads 1
expect_equal 'run after run' "$(results second)" "$(results first)"
for isa in $(instruction_sets); do
  for threads in 1 2 3 4 7 8; do
    # More threads than processors wait for one another; spinning would take minutes.
    OMP_WAIT_POLICY=passive HANDGRAD_ISA=$isa run train --out "$isa-$threads" --epochs 3 \
      "${kRecipe[@]}" --threads "$threads"
    expect_equal "$isa, $threads threads" "$(results "$isa-$threads")" "$(results first)"
  done
done
HANDGRAD_ISA=scalar run train --out scalar "${kSmall[@]}"
run train --out vector "${kSmall[@]}"
expect_equal 'a small model' "$status$(<err)" 0
expect_equal 'and with plain scalar code' "$(results scalar)" "$(results vector)"

all_cases_ok
