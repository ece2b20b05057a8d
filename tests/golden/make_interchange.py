#!/usr/bin/env python3
"""Makes interchange.json: small files of other formats, as their own Python packages write them.

The tests compare what core/io writes with these, byte for byte.

    python3 tests/golden/make_interchange.py      needs numpy, onnx and tensorboard
"""
import io
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

HERE = pathlib.Path(__file__).resolve().parent
WEIGHT = np.array([[0.5, -1.25, 2], [3, 1e-3, -7]], "<f4")  # (out, in)
BIAS = np.array([0.125, -2], "<f4")


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def structured():
    codes = np.zeros(2, [("label", "<i4"), ("mu", "<f4", (3,))])
    codes["label"] = 7, -1
    codes["mu"] = WEIGHT
    return codes


def dense_onnx():
    """relu(x W + b), and the same cut off at 0 and 1."""
    def tensor(name, values):
        return helper.make_tensor(name, TensorProto.FLOAT, values.shape, values.tobytes(), raw=True)

    def value(name, width):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])

    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "layer.weight", "layer.bias"], ["product"], "layer", transB=1),
         helper.make_node("Relu", ["product"], ["y"], "y"),
         helper.make_node("Clip", ["y", "cut.low", "cut.high"], ["cut"], "cut")],
        "small", [value("x", 3)], [value("y", 2), value("cut", 2)],
        [tensor("layer.weight", WEIGHT), tensor("layer.bias", BIAS),
         tensor("cut.low", np.array(0, "<f4")), tensor("cut.high", np.array(1, "<f4"))])
    model = helper.make_model(graph, ir_version=7, producer_name="handgrad", producer_version="1.2.3",
                              doc_string="a test", opset_imports=[onnx.OperatorSetIdProto(version=13)])
    helper.set_model_props(model, {"image_cols": "28", "image_rows": "1"})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def event(**fields):
    file = io.BytesIO()
    RecordWriter(file).write(event_pb2.Event(wall_time=1700000000.25, **fields).SerializeToString())
    return file.getvalue()


def summary(png):
    value = summary_pb2.Summary.Value
    picture = summary_pb2.Summary.Image(height=2, width=3, colorspace=1, encoded_image_string=png)
    return summary_pb2.Summary(value=[value(tag="loss", simple_value=172.25),
                                      value(tag="val_loss", simple_value=np.float32(0.1)),
                                      value(tag="samples", image=picture)])


def main():
    # The picture is not TensorBoard's business; the test puts its own in the place of these bytes.
    png = b"PNG!"
    files = {
        "npy_matrix": npy(WEIGHT),
        "npy_images": npy(np.arange(12, dtype="<f4").reshape(2, 1, 3, 2) / 4),
        "npy_structured": npy(structured()),
        "onnx": dense_onnx(),
        "event_version": event(file_version="brain.Event:2"),
        "event_start": event(step=300, session_log=event_pb2.SessionLog(status=1)),
        "event_summary": event(step=300, summary=summary(png)),
    }
    (HERE / "interchange.json").write_text(
        json.dumps({name: content.hex() for name, content in files.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
