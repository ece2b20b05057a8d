#!/usr/bin/env python3
"""The event files of a folder, read by TensorBoard, beside the log and the pictures of the run.

    check_events.py DIR RUN
"""
import csv
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from closeness import Closeness

LOSSES = "loss", "recon", "kl", "val_loss", "val_recon", "val_kl"
PICTURES = "manifold", "reconstructions", "samples"
# The nine digits of the log, and the float32 of the events: half a unit in the last place of each.
TOLERANCE = 5e-9 + 2 ** -24


def main(folder, run):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    with open(run / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {("losses/" if name in LOSSES else "training/") + name: name
               for name in rows[0] if name not in ("epoch", "step")}
    epochs = [int(row["epoch"]) for row in rows]

    closeness = Closeness()
    closeness.expect("scalars", sorted(events.Tags()["scalars"]), sorted(columns))
    closeness.expect("pictures", sorted(events.Tags()["images"]),
                     sorted(f"pictures/{name}" for name in PICTURES))
    for tag, name in columns.items():
        closeness.expect(f"{name}: the steps", [e.step for e in events.Scalars(tag)], epochs)
        closeness.compare(f"{name}: the values", [e.value for e in events.Scalars(tag)],
                          [float(row[name]) for row in rows], relative=TOLERANCE)
    for name in PICTURES:
        images = events.Images(f"pictures/{name}")
        png = (run / f"{name}.png").read_bytes()
        size = [int.from_bytes(png[at:at + 4], "big") for at in (16, 20)]
        closeness.expect(f"{name}: the steps", [e.step for e in images], epochs)
        closeness.expect(f"{name}: the last picture", images[-1].encoded_image_string == png, True)
        closeness.expect(f"{name}: the sizes", {(e.width, e.height) for e in images}, {tuple(size)})
    times = [e.wall_time for e in events.Scalars("losses/loss")]
    closeness.expect("wall times rise", times, sorted(times))
    closeness.finish()


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
