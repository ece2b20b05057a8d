"""The weights of a page as a run folder, so that mnist_vae itself computes with them."""
import base64
import json
import pathlib
import re
import shutil
import struct
import zlib


def page_data(page):
    html = pathlib.Path(page).read_text(encoding="utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.S).group(1))


def _numbers(text, kind):
    raw = base64.b64decode(text)
    return struct.unpack(f"<{len(raw) // struct.calcsize(kind)}{kind}", raw)


def make_rounded_run(page, source, target):
    """Writes the folder `target`: the model of the page's first run, with the options and
    architecture of the run folder `source`."""
    run = page_data(page)["runs"][0]
    model, tensors = run["model"], {}
    layers = {f"encoder.{i}": layer for i, layer in enumerate(model["encoder"])}
    layers |= {"mu": model["mu"], "logvar": model["logvar"]}
    layers |= {f"decoder.{i}": layer for i, layer in enumerate(model["decoder"])}
    for name, layer in layers.items():
        scales, integers = _numbers(layer["scales"], "f"), _numbers(layer["integers"], "b")
        columns = len(integers) // len(scales)
        # The product of a float and eight bits is exact here, and rounded once by pack().
        weight = [scales[i // columns] * q for i, q in enumerate(integers)]
        tensors[name + ".weight"] = ([len(scales), columns], weight)
        tensors[name + ".bias"] = ([len(scales)], list(_numbers(layer["bias"], "f")))
    header, body = {}, b""
    for name in sorted(tensors):
        shape, values = tensors[name]
        end = len(body) + 4 * len(values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), end]}
        body += struct.pack(f"<{len(values)}f", *values)
    text = json.dumps(header).encode()
    folder = pathlib.Path(target)
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)
    for name in "config.json", "options.toml":
        shutil.copy(pathlib.Path(source, name), folder)


def read_png(path):
    """(width, height, levels) of a grey PNG of 8 bits."""
    raw, at, data = pathlib.Path(path).read_bytes(), 8, b""
    while at < len(raw):
        length, kind = struct.unpack(">I4s", raw[at : at + 8])
        if kind == b"IHDR":
            width, height = struct.unpack(">II", raw[at + 8 : at + 16])
        if kind == b"IDAT":
            data += raw[at + 8 : at + 8 + length]
        at += 12 + length
    data, rows = zlib.decompress(data), []
    before = bytearray(width)
    for y in range(height):
        kind, line = data[y * (width + 1)], bytearray(data[y * (width + 1) + 1 :][:width])
        for x in range(width):
            a, b, c = line[x - 1] if x else 0, before[x], before[x - 1] if x else 0
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[x] = (line[x] + [0, a, b, (a + b) // 2, nearest][kind]) % 256
        rows.append(line)
        before = line
    return width, height, rows


def reconstructions(path, count, rows, columns):
    """The lower images of the pairs in a picture of `mnist_vae reconstruct`, as lists of levels:
    twice their size, two pixels apart, ten a row."""
    _, _, lines = read_png(path)
    images = []
    for i in range(count):
        top = 2 + (2 * (i // 10) + 1) * (2 * rows + 2)
        left = 2 + i % 10 * (2 * columns + 2)
        images.append(
            [lines[top + 2 * y][left + 2 * x] for y in range(rows) for x in range(columns)]
        )
    return images
