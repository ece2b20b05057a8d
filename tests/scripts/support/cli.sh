# shellcheck shell=bash
# What the tests of the command line share. To be sourced; afterwards, beside what cases.sh gives:
#   $app       mnist_vae
#   make_data  makes a tiny data set
#   run        runs the app
#   expect_refused  of what was run last
# and the current folder is $tmp.

# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/cases.sh"

app=$(cd -- "$build/apps/mnist_vae" && pwd)/mnist_vae
readonly app
unset HANDGRAD_DATA HANDGRAD_ISA HANDGRAD_VERBOSE
cd -- "$tmp" || exit

# --- A data set ---

# header TYPE_AND_DIMENSIONS SIZE...: the start of an IDX file.
header() {
  local size
  printf '\0\0\10%b' "$1"
  shift
  for size in "$@"; do printf '%b' "$(printf '\\0%03o' 0 0 $((size / 256)) $((size % 256)))"; done
}
# pixels FIRST COUNT: bytes of the bundled digits, from the FIRST on.
pixels() { gzip -dc "$root/apps/mnist_vae/sample/train-images-idx3-ubyte.gz" | cut_out "$@"; }
cut_out() { tail -c "+$1" | { head -c "$2" && cat >/dev/null; }; }
labels() { local i; for ((i = 0; i < $1; i++)); do printf '%b' "\\0$((i % 8))"; done; }
# make_data FOLDER FIRST: 96 training and 40 test images of 6 x 5 pixels.
make_data() {
  mkdir -p -- "$1"
  { header '\03' 96 6 5 && pixels "$2" 2880; } >"$1/train-images-idx3-ubyte"
  { header '\01' 96 && labels 96; } >"$1/train-labels-idx1-ubyte"
  { header '\03' 40 6 5 && pixels $(($2 + 5000)) 1200; } >"$1/t10k-images-idx3-ubyte"
  { header '\01' 40 && labels 40; } >"$1/t10k-labels-idx1-ubyte"
}

# run ARGUMENT...: sets status; what the app wrote is in the files out and err.
run() {
  status=0
  # shellcheck disable=SC2034
  timeout 600 "$app" "$@" >out 2>err </dev/null || status=$?
}

# without_reader COMMAND...: runs it with a pipe for standard output that nobody reads from the start,
# whatever else the machine has to do; sets status, and standard error is in the file err.
without_reader() {
  status=0
  python3 -c 'import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
sys.exit(subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=writer) % 256)' "$@" 2>err || status=$?
}

# expect_refused WHAT STATUS WORD...: the last run ended with STATUS, wrote nothing to standard
# output and one line to standard error, and the line has every WORD.
expect_refused() {
  local what=$1 expected=$2 word problem=''
  shift 2
  [[ $status == "$expected" ]] || problem+="status $status; "
  [[ ! -s out ]] || problem+="standard output: $(head -n 3 out); "
  [[ $(wc -l <err) == 1 ]] || problem+='not one line; '
  for word in "$@"; do grep -qF -e "$word" err || problem+="no '$word'; "; done
  if [[ -z $problem ]]; then ok "$what"; else not_ok "$what" "$problem
$(<err)"; fi
}
