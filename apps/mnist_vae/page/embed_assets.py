#!/usr/bin/env python3
"""Writes a C++ source with the content of some files: embed_assets.py OUTPUT.cpp FILE..."""
import pathlib
import sys

# No asset has this in it; it is looked for all the same.
DELIMITER = "embedded_asset"

SOURCE = """\
#include <stdexcept>
#include <string>

#include "assets.hpp"

namespace handgrad::apps::mnist_vae {{

std::string_view asset(std::string_view name) {{
{entries}    throw std::out_of_range("no asset " + std::string(name));
}}

}}  // namespace handgrad::apps::mnist_vae
"""


def entry(path: pathlib.Path) -> str:
    text = path.read_text(encoding="ascii")
    if DELIMITER in text:
        raise SystemExit(f"{path}: has the text {DELIMITER}, which ends a C++ literal here")
    return f'    if (name == "{path.name}")\n        return R"{DELIMITER}({text}){DELIMITER}";\n'


def main() -> None:
    output, *files = sys.argv[1:]
    paths = [pathlib.Path(file) for file in files]
    names = [path.name for path in paths]
    if len(set(names)) != len(names):
        raise SystemExit(f"two assets of one name: {sorted(names)}")
    entries = "".join(entry(path) for path in paths)
    pathlib.Path(output).write_text(SOURCE.format(entries=entries), encoding="ascii")


if __name__ == "__main__":
    main()
