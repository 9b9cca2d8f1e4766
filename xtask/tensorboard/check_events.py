"""Reads a run's event files with TensorBoard's own reader and compares them with the run: `check_events.py RUN`.

Curves with history.json (bit for bit, in single precision), histograms and pictures of the last epoch with weights.npz. Prints one
line; ends with an error at the first difference. `cargo xtask tensorboard` makes such a run and calls this.
"""

import json
import pathlib
import struct
import sys
import zlib

import numpy as np
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util

BUCKETS = 30


def read(folder):
    """Tag to a list of step and array, as TensorBoard has them."""
    reader = event_accumulator.EventAccumulator(str(folder), size_guidance={event_accumulator.TENSORS: 0})
    reader.Reload()
    tags = reader.Tags()["tensors"]
    plugins = {tag: reader.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags}
    values = {tag: [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in reader.Tensors(tag)] for tag in tags}
    return plugins, values


def same(what, ours, theirs):
    if not np.array_equal(np.asarray(ours), np.asarray(theirs), equal_nan=True):
        sys.exit(f"{what}: the event file has {ours}, the run {theirs}")


def numbers(history):
    """null stands for what is no number."""
    return np.array([np.nan if x is None else x for x in history], np.float64).astype(np.float32)


def curves(values, history, prefix):
    """Every metric of the history with this prefix; returns how many numbers were compared."""
    count = 0
    for name, column in history.items():
        if name.startswith("val_") != (prefix == "val_"):
            continue
        tag = "epoch_" + name.removeprefix("val_")
        found = values[tag]
        same(f"steps of {tag}", [step for step, _ in found], list(range(len(column))))
        same(f"{prefix}{tag}", [float(value) for _, value in found], [float(x) for x in numbers(column)])
        count += len(found)
    return count


def buckets(weights):
    """As TensorBoard's `_buckets` cuts them."""
    x = weights.astype(np.float64).ravel()
    low, high = x.min(), x.max()
    counts = np.zeros(BUCKETS)
    if low == high:
        counts[-1] = x.size
        return np.stack([np.full(BUCKETS, high), np.full(BUCKETS, high), counts], 1)
    width = (high - low) / BUCKETS
    np.add.at(counts, np.minimum(np.floor((x - low) / width).astype(int), BUCKETS - 1), 1)
    edges = np.append(low + width * np.arange(BUCKETS), high)
    return np.stack([edges[:-1], edges[1:], counts], 1)


def size(shape):
    """Width and height of the picture of a tensor."""
    if len(shape) == 1:
        return shape[0], 1
    if len(shape) == 2:
        return max(shape), min(shape)
    height, width, inputs, filters = shape
    return filters * (width + 1) - 1, inputs * (height + 1) - 1


def picture(what, value, shape):
    width, height, png = value
    same(f"size of {what}", [int(width), int(height)], list(size(shape)))
    if png[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">II", png[16:24]) != size(shape):
        sys.exit(f"{what} is no PNG of that size")
    at, data = 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    same(f"bytes of {what}", len(zlib.decompress(data)), (int(width) + 1) * int(height))


run = pathlib.Path(sys.argv[1])
history = json.loads((run / "history.json").read_text())["history"]
epochs = len(history["loss"])
weights = np.load(run / "weights.npz")
plugins, train = read(run / "logs/train")
_, validation = read(run / "logs/validation")

count = curves(train, history, "") + curves(validation, history, "val_")
for name in weights.files:
    tag = f"{name}/histogram"
    same(f"steps of {tag}", [step for step, _ in train[tag]], list(range(epochs)))
    same(tag, train[tag][-1][1], buckets(weights[name]))
    picture(f"{name}/image", train[f"{name}/image"][-1][1], weights[name].shape)
# The last batch of each epoch is in a record of its own; its running mean is the epoch's.
steps = dict((step, float(value)) for step, value in train["batch_loss"])
per_epoch = max(steps) // epochs
same("batch_loss at the epochs' ends", [steps[per_epoch * (i + 1)] for i in range(epochs)], [float(x) for x in numbers(history["loss"])])
if set(plugins.values()) != {"histograms", "images", "scalars"}:
    sys.exit(f"the plugins are {set(plugins.values())}")
print(f"TensorBoard reads {count} numbers of curves, {len(steps)} of batches, {2 * len(weights.files)} tags of weights: equal to the run's")
