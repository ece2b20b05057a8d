#!/usr/bin/env bash
# mnist_vae report, and the report.html that every training leaves: what is written where, and that
# the page's policy names what is in it. tests/scripts/full/check_pages.sh tries the page itself.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 1
readonly kTrain=(train --data data --batch-size 32 --hidden 8 --threads 1)

# in_page FILE EXPRESSION: what the Python expression gives for `runs`, the page's data.
in_page() {
  python3 - "$1" "$2" <<'PY'
import json, re, sys
html = open(sys.argv[1], encoding="utf-8").read()
data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S).group(1))
print(eval(sys.argv[2], {"runs": data["runs"]}))
PY
}

# --- At the end of a training ---

run "${kTrain[@]}" --epochs 5 --out one --quiet
expect_equal 'a training ends with report.html, also with --quiet, and names it' \
  "$status $(grep -c '^all of it to look at: one/report.html$' out)" '0 1'
expect_equal 'it has the losses of every epoch, as log.csv has them' \
  "$(in_page one/report.html '[run["log"]["valLoss"] for run in runs]')" \
  "[[$(tail -n +2 one/log.csv | cut -d , -f 6 | paste -sd , | sed 's/,/, /g')]]"
expect_equal 'samples of epochs 1, 2, 3, 4 and the last' \
  "$(in_page one/report.html 'runs[0]["samples"]["epochs"]')" '[1, 2, 3, 4, 5]'
expect_equal 'and the hash of the data' "$(in_page one/report.html 'runs[0]["data"]["hash"]')" \
  "$(grep -aoE '"data_hash":"[0-9a-f]+"' one/checkpoint.safetensors | cut -d '"' -f 4)"
expect_equal 'the page asks for nothing' \
  "$(grep -oiE '(https?:|src=|url\()[^ ]*' one/report.html | grep -v 'www.w3.org/2000/svg' || true)" ''

# The policy once more, by another program.
expect_equal 'the policy names every style sheet and script by its hash' \
  "$(python3 - one/report.html <<'PY'
import base64, hashlib, re, sys
html = open(sys.argv[1], encoding="utf-8").read()
policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
def hashes(tag):
    texts = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.S)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in texts]
print(rules["default-src"], rules["img-src"], len(hashes("script")) > 5,
      rules["script-src"].split() == hashes("script"), rules["style-src"].split() == hashes("style"))
PY
)" "'none' data: True True True"

# --- By the command ---

cp one/report.html trained.html
run report one
expect_equal 'report writes the same page again and says where' \
  "$status $(<out) $(<err) $(cmp one/report.html trained.html && echo same)" '0 one/report.html  same'
run report one --output elsewhere.html
expect_equal 'or to another file' "$status $(<out) $(cmp elsewhere.html trained.html && echo same)" \
  '0 elsewhere.html same'
run "${kTrain[@]}" --epochs 2 --latent 3 --out two --profile --mistake kl-sign
expect_equal 'the profile is kept, and is in the page' \
  "$(grep -c '^profile of' two/profile.txt) $(in_page two/report.html \
    '"profile of" in runs[0]["profile"]')" '1 True'
expect_equal 'so is the mistake' \
  "$(in_page two/report.html 'runs[0]["mistake"][:29]')" 'MISTAKE kl-sign, made on purp'
cp two/profile.txt profile.txt
head -c 3000000 /dev/zero >two/profile.txt
run report two
expect_equal 'a page goes without a profile that is none, and says why' \
  "$status $(wc -l <err) $(grep -c 'warning: two/profile.txt: ' err) $(in_page two/report.html \
    'runs[0]["profile"]')" '0 1 1 None'
mv profile.txt two/profile.txt
run report one two --threads 2
expect_equal 'two runs are laid over one another, beside the report of the first' \
  "$status $(<out) $(in_page one/comparison.html '[run["name"] for run in runs]')" \
  "0 one/comparison.html ['one', 'two']"
expect_equal 'which stays' "$(cmp one/report.html trained.html && echo same)" same
mkdir runs && mv two runs/
run report
expect_equal 'without a run, that of the newest under runs/' "$status $(<out)" '0 runs/two/report.html'
make_data other 3000
run report one --data other --output other.html
expect_equal '--data takes other test images' \
  "$status $(cmp -s other.html trained.html || echo differs)" '0 differs'

# --- Interrupted, resumed, replaced ---

run "${kTrain[@]}" --epochs 3 --out half --quiet
run "${kTrain[@]}" --epochs 5 --out half --quiet --resume
expect_equal 'a resumed run has the samples of an uninterrupted one' \
  "$status $(cmp half/samples.csv one/samples.csv && echo same)" '0 same'
rm half/report.html
run "${kTrain[@]}" --epochs 5 --out half --quiet --resume
expect_equal 'a finished run whose process died before the page gets it on resuming' \
  "$status $(grep -c 'is finished' out) $(in_page half/report.html 'runs[0]["epoch"]')" '0 1 5'
cp half/report.html half/comparison.html
run "${kTrain[@]}" --epochs 1 --out half --quiet --overwrite
expect_equal '--overwrite replaces the report and removes what was made of the run' \
  "$status $(in_page half/report.html 'runs[0]["log"]["epochs"]') $([[ -e half/comparison.html ]] || echo gone) $(tail -n +2 half/samples.csv | wc -l)" \
  '0 1 gone 8'

# --- What is refused ---

# refused WHAT STATUS WORD ARGUMENT...: one line with that word, and no page.
refused() {
  local what=$1 expected=$2 word=$3
  shift 3
  rm -f page.html
  run report "$@" --output page.html
  expect_equal "$what is refused" \
    "$status $(wc -l <err) $(grep -cF -e "$word" err) $(ls page.html 2>/dev/null)" "$expected 1 1 "
}
refused 'a folder without a run' 3 nowhere/config.json nowhere
refused 'an empty name' 2 RUN ''
refused 'too many runs' 2 'at most 8' one one one one one one one one one
refused 'data of another kind' 3 nowhere one --data nowhere
refused 'a bad number of threads' 2 --threads one --threads x
cp -r one bad
echo '1,0,zz' >>bad/samples.csv
refused 'a damaged samples.csv' 3 'bad/samples.csv, line' bad
cp one/samples.csv bad/samples.csv
echo 'nonsense' >>bad/log.csv
refused 'a damaged log.csv' 3 'bad/log.csv, line' bad
run report one --output nowhere/page.html
expect_equal 'a place that cannot be written' "$status $(wc -l <err)" '4 1'
cp one/log.csv bad/log.csv
printf 'x' >>bad/checkpoint.safetensors
run report bad --output page.html
expect_equal 'a damaged checkpoint is warned of: only the hash is taken from it' \
  "$status $(grep -c 'warning: bad/checkpoint.safetensors' err) $(in_page page.html 'runs[0]["data"]["hash"]')" \
  '0 1 '

all_cases_ok
