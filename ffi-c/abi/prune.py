#!/usr/bin/env python3
"""What C sees of a library, out of all that abidw wrote of it: prune.py < abidw's output

Kept are the exported symbols, their functions, and the types that these name; a structure whose fields
the header does not show, a handle, is kept as a name, as Rust's fields behind it are nobody's business.
"""

import copy
import sys
import xml.etree.ElementTree as xml

SHOWN = {"ringway_moved_range"}


def main() -> None:
    corpus = xml.parse(sys.stdin).getroot()
    types = {element.get("id"): element for element in corpus.iter() if element.get("id")}
    names: dict[str, str] = {}
    kept: list[xml.Element] = []

    def keep(identifier: str) -> str:
        """The new id of a type, which is kept, as is what it names."""
        if identifier in names:
            return names[identifier]
        names[identifier] = f"type-id-{len(names) + 1}"
        element = copy.deepcopy(types[identifier])
        name = element.get("name", "")
        element.set("id", names[identifier])
        if element.tag == "class-decl" and name not in SHOWN:
            element.clear()
            element.attrib = {"name": name, "is-struct": "yes", "visibility": "default",
                              "is-declaration-only": "yes", "id": names[identifier]}
        if element.tag == "class-decl":
            element[:] = [member for member in element if member.tag == "data-member"]
        rename(element)
        kept.append(element)
        return names[identifier]

    def rename(element: xml.Element) -> None:
        for part in element.iter():
            if part.get("type-id"):
                part.set("type-id", keep(part.get("type-id")))

    functions = {}
    for function in corpus.iter("function-decl"):
        name = function.get("name", "")
        if function.get("elf-symbol-id") == name and name.startswith("ringway_"):
            functions[name] = copy.deepcopy(function)
    for name in sorted(functions):
        rename(functions[name])
    lean = xml.Element("abi-corpus", {name: corpus.get(name) for name in ("version", "architecture", "soname")})
    symbols = xml.SubElement(lean, "elf-function-symbols")
    symbols.extend(sorted(corpus.find("elf-function-symbols"), key=lambda symbol: symbol.get("name")))
    unit = xml.SubElement(lean, "abi-instr", {"address-size": "64", "path": "ringway.h", "language": "LANG_C99"})
    unit.extend(kept)
    unit.extend(functions[name] for name in sorted(functions))
    xml.indent(lean)
    print(xml.tostring(lean, encoding="unicode"))


if __name__ == "__main__":
    main()
