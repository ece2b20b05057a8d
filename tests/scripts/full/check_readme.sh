#!/usr/bin/env bash
# The two commands of the README: in a copy of the project, the first one builds and trains; the
# second one is the one that runs this.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"

# sh_block N: the content of the README's Nth block of shell commands.
sh_block() {
  awk -v wanted="$1" '
    /^```sh$/ { ++n; inside = (n == wanted); next }
    /^```/ { inside = 0 }
    inside' "$root/README.md"
}

expect_equal 'the first command of the README' "$(sh_block 1)" 'apps/quickstart.sh'
expect_equal 'the second command of the README' "$(sh_block 2)" 'tests/run.sh'
expect 'the second command can be run' test -x "$root/$(sh_block 2)"

readonly clone="$tmp/a clone" run="$tmp/a run"
copy_project "$clone"
train() (
  cd -- "$clone" && bash -c "$(sh_block 1) --epochs 1 --data apps/mnist_vae/sample --out '$run'"
)
status=0
train >"$tmp/log" 2>&1 </dev/null || status=$?
if [[ $status == 0 ]]; then
  ok 'the first command, with one epoch, ends in success'
else
  not_ok 'the first command, with one epoch, ends in success' "status $status
$(cat "$tmp/log")"
fi
for picture in reconstructions samples manifold; do
  expect_equal "it leaves $picture.png" \
    "$(head -c 8 "$run/$picture.png" 2>/dev/null | od -An -tx1)" ' 89 50 4e 47 0d 0a 1a 0a'
done
expect 'it says where the pictures are' grep -F "The pictures are in $run:" "$tmp/log"

all_cases_ok
