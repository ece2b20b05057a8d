#!/usr/bin/env python3
"""Changes metadata or values of a safetensors file of ours, and gives it the right checksum again.

forge.py FILE CHANGE...: KEY=VALUE for metadata, TENSOR:INDEX=VALUE for a number of a tensor
"""
import hashlib
import json
import struct
import sys

NO_CHECKSUM = "0" * 64
PLACE = 8 + len('{"__metadata__":{"sha256":"')


def main():
    path, changes = sys.argv[1], dict(change.split("=", 1) for change in sys.argv[2:])
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    metadata = header["__metadata__"]
    data = bytearray(data)
    for change in [change for change in changes if ":" in change]:
        tensor, index = change.split(":")
        begin = header[tensor]["data_offsets"][0] + 4 * int(index)
        data[begin : begin + 4] = struct.pack("<f", float(changes.pop(change)))
    data = bytes(data)
    unknown = set(changes) - set(metadata)
    if unknown:
        sys.exit(f"{path} has no {', '.join(unknown)}")
    metadata.update(changes)
    metadata["sha256"] = NO_CHECKSUM
    # The checksum stands first, as the writer puts it.
    ordered = {"__metadata__": {"sha256": NO_CHECKSUM, **{k: v for k, v in metadata.items() if k != "sha256"}}}
    ordered.update({k: v for k, v in header.items() if k != "__metadata__"})
    text = json.dumps(ordered, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    content = struct.pack("<Q", len(text)) + text + data
    digest = hashlib.sha256(content).hexdigest().encode()
    with open(path, "wb") as file:
        file.write(content[:PLACE] + digest + content[PLACE + 64 :])


main()
