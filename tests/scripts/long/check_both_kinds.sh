#!/usr/bin/env bash
# -Ddefault_library=both builds the static and the shared library from the same objects.
set -euo pipefail
# shellcheck source=tests/scripts/support/cases.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"

expect 'the project can be configured' meson setup "$tmp/both" "$root" --buildtype=release \
  -Dtests=disabled -Dbench=disabled -Ddefault_library=both
version=$(meson introspect --projectinfo "$tmp/both" | sed -nE 's/.*"version": "([^"]*)".*/\1/p')
expect 'the two libraries are built' ninja -C "$tmp/both" libhandgrad.a "libhandgrad.so.$version"

all_cases_ok
