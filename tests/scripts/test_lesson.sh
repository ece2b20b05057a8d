#!/usr/bin/env bash
# mnist_vae lesson: docs/vae-gradients.md is what it writes, on every machine, and the page is one file.
# What moves in the page: tests/scripts/full/check_lesson_page.sh.
# Backquotes in Markdown are no commands.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

readonly document=$root/docs/vae-gradients.md

# --- The text ---

run lesson --markdown
expect_equal 'docs/vae-gradients.md is what lesson --markdown prints, byte for byte' \
  "$status $(diff "$document" out | head -n 20)" '0 '
expect_empty 'nothing is on standard error' "$(cat err)"
run lesson --markdown --output text.md
expect 'and with --output what it writes' cmp "$document" text.md
expect_empty '--markdown --output prints nothing' "$(cat out)"
# SSE2 has other numbers, and is replaced by the scalar kernels: this tries both.
HANDGRAD_ISA=sse2 run lesson --markdown
case $(cat err) in
  *'HANDGRAD_ISA'*) HANDGRAD_ISA=scalar run lesson --markdown ;; # another processor
esac
expect_equal 'without fused multiply-add it prints the same' \
  "$status $(diff "$document" out | head -n 20)" '0 '
OMP_NUM_THREADS=3 run lesson --markdown
expect 'with three threads too' cmp "$document" out
make_data data 4000
HANDGRAD_DATA=data run lesson --markdown
expect 'with data of the user too: the lesson has its own' cmp "$document" out

# The model is that of the command in the text.
if grep -q '^chosen  *sse2' <("$app" info); then export HANDGRAD_ISA=scalar; fi
read -ra command < <(sed -n 's/^mnist_vae \(train [^#]*\).*/\1/p' "$document")
(cd -- "$root" && "$app" "${command[@]}" --quiet --out "$tmp/model") >out 2>err || cat err
expect 'the command in the text trains the model of the text' grep -qF \
  "to $(awk -F , 'END { printf "%.5g", $6 }' model/log.csv) nats per test" "$document"

# --- The page ---

run lesson
expect_equal 'lesson writes vae-gradients.html and says so' "$status $(cat out err)" \
  '0 vae-gradients.html'
expect 'the page is below 3 MB' test "$(stat -c %s vae-gradients.html)" -lt 3000000
run lesson --output page.html
expect 'with --output elsewhere' cmp vae-gradients.html page.html
expect_empty 'nothing in the text is left open' "$(grep -n '{{' page.html || true)"
expect_empty 'it names no resource outside of itself' \
  "$(grep -noE '(src|href)="[^#d][^"]*"|url\([^)]*\)|@import' page.html || true)"
expect_equal 'its policy forbids all else' \
  "$(grep -c "content=\"default-src 'none'; script-src 'sha256-" page.html)" 1
# Headings and prose are those of the document: both are made of one text.
expect_equal 'page and document have the same sections' \
  "$(grep -v -e '-title"' page.html | sed -n 's,^<h[123] [^>]*>\(.*\)</h[123]>$,\1,p' | sed 's/<[^>]*>//g')" \
  "$(awk '/^```/ { code = !code } !code && sub(/^#+ /, "")' "$document")"

# --- What is refused ---

for arguments in 'lesson extra' '--markdown=yes' '--output=' '--seed 1' '--markdown --markdown'; do
  # shellcheck disable=SC2086
  run lesson ${arguments#lesson }
  expect_equal "lesson ${arguments#lesson } is refused in one line" "$status $(wc -l <err)" '2 1'
done
run lesson --output nowhere/page.html
expect_equal 'a folder that is not there: status 4 and one line' "$status $(wc -l <err)" '4 1'

# --- The lines of source ---

# rendered LESSON_LINE...: what render_lesson.py makes of a lesson with these lines.
rendered() {
  printf '%s\n' "$@" >lesson.md
  python3 "$root/apps/mnist_vae/lesson/render_lesson.py" "$root" lesson.md \
    "$root/apps/mnist_vae/lesson/widgets.html" lesson.out.md lesson.out.html lesson.d 2>&1
}
expect 'a function of a source file gets into the text' rendered '```source layers/dense.cpp' \
  'void dense_backward_input(' '```'
expect_equal 'with all its lines' "$(sed -n '/^```cpp$/,/^```$/p' lesson.out.md | sed '1d; $d')" \
  "$(sed -n '/^\/\/ a = x W + b, seen from x:$/,/^}$/p' "$root/layers/dense.cpp")"
for text in 'void no_such_function(' 'return losses; ... no such end' '} ... {'; do
  status=0
  output=$(rendered '```source layers/dense.cpp' "$text" '```') || status=$?
  expect_equal "the build ends at a line that is not there: $text" \
    "$status $(wc -l <<<"$output")" '1 1'
done
rendered '<b> `<i>` [a](b.md) **c**' >/dev/null
expect_equal 'HTML in the text is text' "$(sed -n 2p lesson.out.html)" \
  '<p>&lt;b&gt; <code>&lt;i&gt;</code> a <strong>c</strong></p>'

all_cases_ok
