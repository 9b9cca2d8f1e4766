"""What the golden scripts share: a quiet, repeatable Keras on the CPU, and npz files that come out the same byte for byte."""

import io
import json
import os
import pathlib
import zipfile
import zlib

# Plain Eigen kernels on one thread: the same sums in the same order on every machine.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.get_logger().setLevel("ERROR")
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

HERE = pathlib.Path(__file__).resolve().parent
VERSIONS = f"keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}"


def rng(name, attempt=0):
    """The random numbers of one case: a function of its name, so that cases can be added without changing others."""
    return np.random.RandomState((zlib.crc32(name.encode()) + attempt) % 2**32)


def normal(random, *shape, scale=1.0):
    return (random.standard_normal(shape) * scale).astype(np.float32)


def toml(table):
    """A flat table as TOML. JSON's strings, numbers, booleans and lists are TOML's."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


def text(string):
    """Text as the bytes of an array."""
    return np.frombuffer(string.encode(), dtype=np.uint8)


class Golden:
    """Arrays under `case/name`, checked on the way in, written as one npz."""

    def __init__(self, filename):
        self.path = HERE / filename
        self.arrays = {"versions": text(VERSIONS)}
        self.worst = {}

    def add(self, key, array):
        array = np.asarray(array)
        assert key not in self.arrays, key
        assert array.dtype in (np.float32, np.int64, np.uint8), f"{key}: {array.dtype}"
        assert array.dtype != np.float32 or np.isfinite(array).all(), key
        self.arrays[key] = np.ascontiguousarray(array)

    def add_checked(self, key, single, double, tolerance):
        """Stores Keras's float32 result, if its distance from float64 is at most a quarter of the tolerance in the README.

        The tolerance is a fraction of the array's largest magnitude, or absolute where that is below 1.
        """
        single, double = np.asarray(single), np.asarray(double)
        assert single.dtype == np.float32 and double.dtype == np.float64, key
        allowed = tolerance * max(1.0, np.max(np.abs(double)))
        used = float(np.max(np.abs(single - double)) / allowed)
        assert used <= 0.25, f"{key}: float32 is {used:.2f} tolerances away from float64"
        name = key.rsplit("/", 1)[-1]
        self.worst[name] = max(self.worst.get(name, 0.0), used)
        self.add(key, single)

    def save(self):
        """Stored, not deflated, with plain zip headers and a fixed date: small readers can read it, git sees no noise."""
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_STORED) as archive:
            for key, array in self.arrays.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{key}.npy"), buffer.getvalue())
        used = ", ".join(f"{name} {value:.3f}" for name, value in sorted(self.worst.items()))
        print(f"{self.path.name}: {len(self.arrays)} arrays, {self.path.stat().st_size} bytes. Tolerance used by rounding: {used or '-'}")
