"""Writes tensorboard.tfevents with TensorFlow's own tf.summary, for crates/cnn-callbacks/tests/tensorboard.rs.

The test reads the records, encodes the same values again with the Rust encoder and compares the bytes. To make it again:

    pip install tensorflow-cpu==2.21.0 tensorboard==2.21.0 && python data/golden/make_tensorboard.py
"""

import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent


def weights(n):
    """Numbers that the test makes too: exact in single precision."""
    return np.array([(37 * i % 101) / 64 - 0.7421875 for i in range(n)], np.float32)


with tempfile.TemporaryDirectory() as folder:
    writer = tf.summary.create_file_writer(folder)
    with writer.as_default():
        for step, value in enumerate([0.5, 0.0, -1.25, 1e-7, float("nan"), float("inf"), 0.123456789]):
            tf.summary.scalar("epoch_loss", value, step=step)
        tf.summary.scalar("epoch_learning_rate", 0.001, step=300)
        tf.summary.histogram("conv2d/kernel/histogram", weights(288).reshape(3, 3, 1, 32), step=0)
        tf.summary.histogram("conv2d/kernel/histogram", weights(1), step=1)
        tf.summary.histogram("conv2d/bias/histogram", np.zeros(32, np.float32), step=1)
        # A picture of 2 rows and 3 columns with whole bytes.
        tf.summary.image("dense/kernel/image", np.array([[[[0], [51], [102]], [[153], [204], [255]]]], np.uint8), step=128)
    writer.close()
    (made,) = pathlib.Path(folder).iterdir()
    (HERE / "tensorboard.tfevents").write_bytes(made.read_bytes())
    print(made.name, made.stat().st_size)
