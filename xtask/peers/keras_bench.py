"""Keras on TensorFlow: `model.fit` on arrays in memory, many steps per execution, the loss as its only metric."""

import os
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import common  # noqa: E402

args = common.arguments()

import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(args.threads)

import keras  # noqa: E402
from keras import layers  # noqa: E402

STEPS_PER_EXECUTION = {"train": 32 if args.batch < 128 else 16}.get(args.mode, 1)


def build():
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for kind, *filters in common.network(args.network)[0]:
        model.add(layers.Conv2D(*filters, 3, activation="relu") if kind == "conv" else layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(
        optimizer=keras.optimizers.Adam(common.LEARNING_RATE),
        loss="sparse_categorical_crossentropy",
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    return model


class Windows(keras.callbacks.Callback):
    """Images per second in each window, measured while `fit` runs; ends it when all are full."""

    def on_train_begin(self, logs=None):
        self.figures, self.begin, self.steps = [], None, 0
        self.first = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        self.steps += STEPS_PER_EXECUTION
        if self.begin is None:
            # The first execution traces the graph; the warm-up begins behind it.
            if self.steps == STEPS_PER_EXECUTION:
                self.first = now
            elif now - self.first >= args.seconds / 2:
                self.begin, self.steps = now, 0
        elif now - self.begin >= args.seconds / common.WINDOWS:
            self.figures.append(self.steps * args.batch / (now - self.begin))
            self.begin, self.steps = now, 0
            self.model.stop_training = len(self.figures) == common.WINDOWS
        self.loss = float(logs["loss"])


def train():
    images, labels = common.load()
    # Whole executions only, so that each counts the same.
    unit = STEPS_PER_EXECUTION * args.batch
    whole = len(images) // unit * unit
    windows = Windows()
    build().fit(images[:whole], labels[:whole], batch_size=args.batch, epochs=100_000, verbose=0, callbacks=[windows])
    return {"windows": windows.figures, "loss": windows.loss}


def infer():
    images, _ = common.load("t10k")
    model = build()
    signature = [tf.TensorSpec((args.batch, 28, 28, 1), tf.float32)]
    forward = tf.function(lambda x: model(x, training=False), input_signature=signature).get_concrete_function()
    return common.answering(lambda x: forward(tf.constant(x)).numpy(), images, args.batch, args.seconds)


def cold():
    images, labels = common.load()
    build().fit(images[: args.batch], labels[: args.batch], batch_size=args.batch, verbose=0)
    return {}


settings = {"steps_per_execution": STEPS_PER_EXECUTION} if args.mode == "train" else {}
common.run(
    args, {"keras": keras.__version__, "tensorflow": tf.__version__}, settings, {"train": train, "infer": infer, "cold": cold}
)
