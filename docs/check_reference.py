#!/usr/bin/env python3
"""Says which public classes and functions of the reference have no documentation.

    docs/check_reference.py XML-FOLDER       the folder that Doxygen wrote

Prints one line for each and fails if there are any. Left out are members that the language defines
(= delete, = default, destructors), functions that override a documented one, and what is private.
"""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def has_text(element):
    return any("".join(element.find(tag).itertext()).strip()
               for tag in ("briefdescription", "detaileddescription") if element.find(tag) is not None)


def needs_text(member):
    name, arguments = member.findtext("name"), member.findtext("argsstring") or ""
    return not (name.startswith("~") or arguments.endswith(("=delete", "=default"))
                or member.find("reimplements") is not None)


def undocumented(folder):
    for path in sorted(pathlib.Path(folder).glob("*.xml")):
        for compound in ElementTree.parse(path).getroot().iter("compounddef"):
            if compound.get("kind") not in ("class", "struct", "namespace") or compound.get("prot") == "private":
                continue
            scope = compound.findtext("compoundname")
            if not scope.startswith("handgrad") or "detail" in scope.split("::"):
                continue
            if compound.get("kind") != "namespace" and not has_text(compound):
                yield scope
            for member in compound.iter("memberdef"):
                if (member.get("kind") == "function" and member.get("prot") == "public"
                        and needs_text(member) and not has_text(member)):
                    yield f"{scope}::{member.findtext('name')}"


def main():
    found = list(undocumented(sys.argv[1]))
    print("\n".join(found))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
