#!/usr/bin/env bash
# What mnist_vae writes for other programs: export --onnx, .npy files and TensorBoard's event files.
# Here their bytes, statuses and what is refused, without any package; the programs themselves read
# them in tests/scripts/full/check_interchange.sh. The model is trained on a tiny data set.
set -euo pipefail
# shellcheck source=tests/scripts/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/cli.sh"

make_data data 4000

# --- Running and judging ---

# done_well WHAT OUTPUT: the last run ended with 0, printed OUTPUT and nothing to standard error.
done_well() { expect_equal "$1" "$status|$(<out)|$(<err)" "0|$2|"; }
contents() { (cd -- "$1" && find . -type f ! -name lock -exec sha256sum {} + | sort -k 2); }

readonly kSmall=(--data data --hidden 8 --batch-size 32 --threads 1 --quiet)
run train "${kSmall[@]}" --epochs 1 --out model
run train "${kSmall[@]}" --epochs 1 --out gaussian --recon-loss gaussian --activation linear
run train "${kSmall[@]}" --epochs 1 --out model1 --latent 1
before=$(contents model)

# --- export --onnx ---

run export model --onnx
done_well 'export --onnx names its two files' $'model/encoder.onnx\nmodel/decoder.onnx'
expect_equal 'and makes no other' "$(contents model | grep -v '\.onnx$')" "$before"
cat >messages.py <<'END'
# Reads protocol buffers messages:
#   operators FILE.onnx     the operators of its nodes
#   weights RUN             whether the two files have all weights of model.safetensors, byte for byte
#   scalars FILE RUN        whether an event file has the last row of log.csv
import csv, json, struct, sys

def fields(data):
    at = 0
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = varint()
        wire_type = key & 7
        if wire_type == 0:
            value = varint()
        else:
            length = {1: 8, 5: 4}.get(wire_type) or varint()
            at += length
            value = data[at - length:at]
        yield key >> 3, value

def one(data, number):
    return next(value for field, value in fields(data) if field == number)

def operators(path):
    graph = one(open(path, "rb").read(), 7)
    return " ".join(one(node, 4).decode() for field, node in fields(graph) if field == 1)

def weights(path):
    graph = one(open(path, "rb").read(), 7)
    return {one(t, 8).decode(): ([v for f, v in fields(t) if f == 1], one(t, 9))
            for field, t in fields(graph) if field == 5}

def scalars(data):
    found = {}
    while data:
        length, = struct.unpack("<Q", data[:8])
        for field, summary in fields(data[12:12 + length]):
            for _, value in fields(summary) if field == 5 else ():
                value = dict(fields(value))
                if 2 in value:
                    found[value[1].decode().split("/")[1]], = struct.unpack("<f", value[2])
        data = data[16 + length:]
    return found

if sys.argv[1] == "operators":
    print(operators(sys.argv[2]))
elif sys.argv[1] == "scalars":
    found = scalars(open(sys.argv[2], "rb").read())
    row = list(csv.DictReader(open(f"{sys.argv[3]}/log.csv")))[-1]
    expected = {k: float(v) for k, v in row.items() if k not in ("epoch", "step")}
    # Half a unit in the ninth digit of the log, and in the last place of a float32.
    near = found.keys() == expected.keys() and all(
        abs(found[k] - v) <= (5e-9 + 2 ** -24) * abs(v) for k, v in expected.items())
    print("same" if near else (found, expected))
else:
    data = open(f"{sys.argv[2]}/model.safetensors", "rb").read()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    stored = {name: (t["shape"], data[begin + t["data_offsets"][0]:begin + t["data_offsets"][1]])
              for name, t in json.loads(data[8:begin]).items() if name != "__metadata__"}
    both = weights(f"{sys.argv[2]}/encoder.onnx") | weights(f"{sys.argv[2]}/decoder.onnx")
    print("same" if stored == both else (sorted(stored), sorted(both)))
END
expect_equal 'the encoder is a hidden layer and two heads' "$(python3 messages.py operators model/encoder.onnx)" \
  'Gemm Relu Gemm Gemm'
expect_equal 'the decoder is a hidden layer and the pixels' "$(python3 messages.py operators model/decoder.onnx)" \
  'Gemm Relu Gemm Sigmoid'
expect_equal 'names, shapes and bytes of all weights are those of model.safetensors' \
  "$(python3 messages.py weights model)" same
run export gaussian --onnx --output 'a folder/below'
done_well '--output is a folder, made as deep as wanted' $'a folder/below/encoder.onnx\na folder/below/decoder.onnx'
expect_equal 'another activation and another loss: other operators' \
  "$(python3 messages.py operators 'a folder/below/encoder.onnx'), $(
    python3 messages.py operators 'a folder/below/decoder.onnx')" \
  'Gemm Identity Gemm Gemm, Gemm Identity Gemm Clip'
run export model --onnx
expect_equal 'a second export replaces the files with the same bytes' \
  "$status $(find model -name '*.tmp*' | wc -l) $(contents model | grep -v '\.onnx$' | diff - <(echo "$before"))" '0 0 '
mkdir runs && cp -r model runs/1
run export --onnx
done_well 'without RUN the newest run is exported' $'runs/1/encoder.onnx\nruns/1/decoder.onnx'

run train "${kSmall[@]}" --epochs 1 --out wrong --mistake kl-sign
run export wrong --onnx
expect_equal 'a mistake made on purpose is in the files' \
  "$status $(grep -ac 'MISTAKE made on purpose: kl-sign' wrong/encoder.onnx wrong/decoder.onnx | tr '\n' ' ')" \
  '0 wrong/encoder.onnx:1 wrong/decoder.onnx:1 '

run export model
expect_refused 'export without a format is refused' 2 --onnx
run export model --onnx --onnx
expect_refused 'export --onnx --onnx is refused' 2 --onnx
run export model --onnx=yes
expect_refused 'export --onnx=yes is refused' 2 --onnx
run export model --onnx --data data
expect_refused 'export knows no --data' 2 --data
run export model --onnx --output ''
expect_refused "export --output '' is refused" 2 --output
run export nowhere --onnx
expect_refused 'a run that is not there is a bad input' 3 nowhere
run export model --onnx --output model/log.csv
expect_refused 'a file in the place of the folder is an output error' 4 model/log.csv
mkdir -p odd/encoder.onnx
run export model --onnx --output odd
expect_refused 'as is a folder in the place of a file' 4 odd/encoder.onnx

# A weight that is not a number, in a file without checksum.
cp -r model damaged
python3 - damaged/model.safetensors <<'END'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
begin = 8 + struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:begin])
del header["__metadata__"]
text = json.dumps(header).encode()
data = data[begin:-4] + struct.pack("<f", float("nan"))
open(sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + data)
END
rm damaged/*.onnx
run export damaged --onnx
expect_equal 'weights that are not finite are refused, and nothing is written' \
  "$status $(grep -c 'damaged/model.safetensors.*finite' err) $(find damaged -name '*.onnx' | wc -l)" '3 1 0'

# --- .npy ---

# array FILE [AT COUNT]: the header of a .npy file and, of the float32 values, COUNT from AT on.
array() {
  python3 - "$@" <<'END'
import ast, struct, sys
data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x93NUMPY\1\0"
begin = 10 + struct.unpack("<H", data[8:10])[0]
assert begin % 64 == 0 and data[begin - 1] == 10
header = ast.literal_eval(data[10:begin].decode())
count, rest = divmod(len(data) - begin, 4)
assert rest == 0
values = struct.unpack(f"<{count}f", data[begin:])
print(header["descr"], header["fortran_order"], header["shape"], count,
      *("%.9g" % v for v in values[int((sys.argv + ["", "0"])[2] or 0):][:int((sys.argv + ["", "", "0"])[3] or 0)]))
END
}
run reconstruct model --data data --count 3 --output pairs.npy
done_well 'reconstruct --output FILE.npy names its file' pairs.npy
expect_equal 'which has originals and reconstructions; the first pixels are those of the data' \
  "$(array pairs.npy 0 30)" "<f4 False (2, 3, 6, 5) 180 $(tail -c +17 data/t10k-images-idx3-ubyte | head -c 30 |
    od -An -v -t u1 -w1 | python3 -c 'import struct, sys
print(*("%.9g" % struct.unpack("f", struct.pack("f", int(x) / 255)) for x in sys.stdin))')"
run sample model --count 5 --output new.npy
done_well 'sample --output FILE.npy names its file' new.npy
expect_equal 'which has the images' "$(array new.npy)" '<f4 False (5, 6, 5) 150'
run sample model --data data --interpolate 0 1 --output path.npy
expect_equal '--interpolate has its eleven steps' "$status $(array path.npy)" '0 <f4 False (11, 6, 5) 330'
run manifold model --data data --size 4 --output map.npy
expect_equal 'manifold has rows and columns' "$status $(array map.npy)" '0 <f4 False (4, 4, 6, 5) 480'
run manifold model1 --data data --size 4 --output map1.npy
expect_equal 'and one row for one latent' "$status $(array map1.npy)" '0 <f4 False (1, 4, 6, 5) 120'
run encode model --data data --output codes.npy
done_well 'encode --output FILE.npy prints nothing' ''
expect_equal 'and has label, mu and logvar of every image' "$(array codes.npy)" \
  "[('label', '<i4'), ('mu', '<f4', (2,)), ('logvar', '<f4', (2,))] False (40,) 200"
run encode model --data data
expect_equal 'with the values of the CSV' "$(python3 - codes.npy out <<'END'
import csv, struct, sys
data = open(sys.argv[1], "rb").read()
found = list(struct.iter_unpack("<i4f", data[len(data) - 40 * 20:]))
def number(text):
    return struct.unpack("f", struct.pack("f", float(text)))[0]
expected = [(int(r[1]), *map(number, r[2:])) for r in list(csv.reader(open(sys.argv[2])))[1:]]
print("same" if found == expected else "different")
END
)" same
run encode model --data data --output codes.NPY
expect_equal 'another ending is CSV' "$status $(head -n 1 codes.NPY)" \
  '0 index,label,mu_0,mu_1,logvar_0,logvar_1'
for command in reconstruct sample manifold encode; do
  run "$command" model --data data --output missing/file.npy
  expect_refused "$command: a .npy file that cannot be written is an output error" 4 missing/file.npy
done

# --- train --tensorboard ---

# records FOLDER: of each event file in the order of their names, the steps of its records; v for the
# record of the version. Fails if a file ends within a record.
records() {
  python3 - "$1" <<'END'
import pathlib, struct, sys
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    data, steps = path.read_bytes(), []
    while data:
        length, = struct.unpack("<Q", data[:8])
        event = data[12:12 + length]
        assert len(event) == length and event[0] == 9
        steps.append("v" if event[9] == 0x1a else str(event[10]) if event[9] == 0x10 else "?")
        data = data[16 + length:]
    print(",".join(steps), end=" ")
END
}
run train "${kSmall[@]}" --epochs 2 --out plain
run train "${kSmall[@]}" --epochs 2 --out seen --tensorboard board/seen
expect_equal '--tensorboard writes a version, a start, and for each epoch a record of its losses and one of its pictures' \
  "$status $(wc -c <err) $(records board/seen)" '0 0 v,1,1,1,2,2 '
expect_equal 'with the values of the log' "$(python3 messages.py scalars board/seen/* seen)" same
expect_equal 'and changes no weight, no picture and no loss' \
  "$(contents plain | grep -vE 'log.csv|checkpoint|report') $(cut -d , -f 1-9 plain/log.csv)" \
  "$(contents seen | grep -vE 'log.csv|checkpoint|report') $(cut -d , -f 1-9 seen/log.csv)"
expect_equal 'the pictures are those of the run folder' "$(python3 - board/seen seen <<'END'
import pathlib, sys
events = next(pathlib.Path(sys.argv[1]).iterdir()).read_bytes()
print(*(events.count(p.read_bytes()) for p in sorted(pathlib.Path(sys.argv[2]).glob("*.png"))))
END
)" '1 1 1'
run train --resume --out seen --epochs 3 --tensorboard board/seen --quiet
expect_equal 'a run that goes on writes a new file, from its next epoch on' \
  "$status $(records board/seen)" '0 v,1,1,1,2,2 v,3,3,3 '
run train --resume --out seen --epochs 3 --tensorboard board/seen --quiet
expect_equal 'a run that is finished writes none' "$status $(records board/seen)" '0 v,1,1,1,2,2 v,3,3,3 '
run train --resume --out seen --epochs 4 --quiet
expect_equal 'nor does one without the option' "$status $(records board/seen)" '0 v,1,1,1,2,2 v,3,3,3 '
expect_equal 'options.toml does not have it' "$(grep -c board seen/options.toml || true)" 0
run train "${kSmall[@]}" --epochs 1 --out wrong --overwrite --mistake kl-sign --tensorboard board/wrong
expect_equal 'tags tell of a mistake made on purpose' \
  "$(grep -ao 'MISTAKE kl-sign [a-z]*/' board/wrong/* | sort | uniq -c | tr -s ' \n' ' ')" \
  ' 6 MISTAKE kl-sign losses/ 3 MISTAKE kl-sign pictures/ 5 MISTAKE kl-sign training/ '

before=$(contents seen)
for where in data/t10k-labels-idx1-ubyte data/t10k-labels-idx1-ubyte/below /proc/none; do
  run train "${kSmall[@]}" --epochs 1 --out no --tensorboard "$where"
  expect_refused "--tensorboard $where is an output error before training" 4 "$where"
  expect_equal 'and no run folder is made' "$(find . -name no)" ''
  run train "${kSmall[@]}" --epochs 1 --out seen --overwrite --tensorboard "$where"
  expect_equal 'nor is a run lost that would have been replaced' "$status $(contents seen)" "4 $before"
done
run train "${kSmall[@]}" --epochs 1 --out no --tensorboard ''
expect_refused "--tensorboard '' is refused" 2 --tensorboard
run train "${kSmall[@]}" --epochs 1 --out seen --tensorboard board/none
expect_equal 'a folder with a run is refused as ever' "$status $(find board -name none)" '2 '

all_cases_ok
