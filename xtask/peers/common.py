"""What the scripts share: arguments, the network, Fashion-MNIST, clocks, and the one JSON line that each prints."""

import argparse
import gzip
import itertools
import json
import pathlib
import statistics
import time
import tomllib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]

LEARNING_RATE = 1e-3

# The middle of so many figures counts.
WINDOWS = 5


def arguments(*extra):
    """The command line. `extra`: more options, each a dictionary for `add_argument` with its `name`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", default="cnn32", help="a preset of crates/cnn-cli/presets")
    parser.add_argument("--mode", default="train", choices=["train", "infer", "cold"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0, help="time that is measured, warm-up not counted")
    for option in extra:
        parser.add_argument(option.pop("name"), **option)
    return parser.parse_args()


def network(name):
    """The layers before the last two Dense ones, as ("conv", filters) and ("pool",), and how many numbers Flatten makes of them."""
    with open(ROOT / "crates/cnn-cli/presets" / f"{name}.toml", "rb") as file:
        model = tomllib.load(file)
    height, width, channels = model["input"]
    layers = []
    *features, flatten, hidden, last = model["layers"]
    for layer in features:
        match layer:
            case {"type": "Conv2D", "kernel_size": 3, "activation": "relu", "filters": channels, **rest} if not rest:
                layers.append(("conv", channels))
                height, width = height - 2, width - 2
            case {"type": "MaxPooling2D", "pool_size": 2, **rest} if not rest:
                layers.append(("pool",))
                height, width = height // 2, width // 2
            case _:
                raise ValueError(f"{name}: the peers' scripts have no layer {layer}")
    assert flatten == {"type": "Flatten"}
    assert hidden == {"type": "Dense", "units": 128, "activation": "relu"}
    assert last == {"type": "Dense", "units": 10, "activation": "softmax"}
    return layers, height * width * channels


def load(split="train"):
    """Images [n, 28, 28, 1] in 0..1 as float32, and labels as int32. `split` is `train` or `t10k`."""

    def idx(name, header):
        packed = (ROOT / "data/fashion-mnist" / f"{split}-{name}-ubyte.gz").read_bytes()
        return np.frombuffer(gzip.decompress(packed), np.uint8, offset=header)

    images = idx("images-idx3", 16).reshape(-1, 28, 28, 1).astype(np.float32)
    images /= 255
    return images, idx("labels-idx1", 8).astype(np.int32)


class Batches:
    """Places of images without end, in a new order in every epoch."""

    def __init__(self, images, batch, order):
        self.images, self.batch, self.order = images, batch, order
        self.at = images

    def __call__(self):
        if self.at + self.batch > self.images:
            self.places, self.at = self.order(self.images), 0
        self.at += self.batch
        return self.places[self.at - self.batch : self.at]


def training(step, images, seconds, sync=lambda: None):
    """Images per second in each window, after a warm-up. `step()` trains on so many `images`; `sync()` waits for what it started."""
    # The first steps compile.
    for _ in range(3):
        step()
    sync()
    window(step, images, seconds / 2, sync)
    return {"windows": [window(step, images, seconds / WINDOWS, sync) for _ in range(WINDOWS)]}


def window(step, images, seconds, sync):
    begin = time.perf_counter()
    for steps in itertools.count(1):
        step()
        if time.perf_counter() - begin >= seconds:
            break
    sync()
    return steps * images / (time.perf_counter() - begin)


def answering(call, images, batch, seconds):
    """Seconds that each batch took to be answered, from numpy to numpy, after a warm-up."""
    batches = [images[i : i + batch] for i in range(0, len(images) - batch + 1, batch)]
    # The first calls compile.
    for x in batches[:3]:
        call(x)
    took, begin = [], time.perf_counter()
    for x in itertools.cycle(batches):
        start = time.perf_counter()
        call(x)
        end = time.perf_counter()
        if start - begin >= seconds / 2:
            took.append(end - start)
            if end - begin >= seconds * 1.5:
                return {"took": took}


def peak_memory():
    """Bytes that this process had in memory at most."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def report(args, versions, settings, windows=(), took=(), loss=None):
    """The JSON line, with the names that `cnn bench --format json` has."""
    line = {
        "schema": 1,
        "versions": versions,
        "model": args.network,
        "mode": args.mode,
        "batch_size": args.batch,
        "threads": args.threads,
        "settings": settings,
    }
    if windows:
        line |= {"images_per_second": statistics.median(windows), "windows": windows, "loss": loss}
    if took:
        middle, p99 = np.quantile(took, [0.5, 0.99])
        line["images_per_second"] = args.batch / middle
        line["latency_us"] = {"questions": len(took), "median": 1e6 * middle, "p99": 1e6 * p99}
    line["peak_memory_bytes"] = peak_memory()
    print(json.dumps(line), flush=True)


def run(args, versions, settings, modes):
    """Does what `--mode` asks for: `modes` has a function for each, which returns what `report` takes."""
    report(args, versions, settings, **modes[args.mode]())
