"""The course's models in plain Keras, and Fashion-MNIST as the course feeds it."""

import gzip
import pathlib

import keras
import numpy as np

DATA = pathlib.Path(__file__).resolve().parent.parent / "fashion-mnist"

# Convolutions as (filters, followed by a pooling?), and the parameters that the whole model must have.
PRESETS = {
    "dnn": ([], 101_770),
    "cnn16": ([(16, True), (16, True)], 55_098),
    "cnn32": ([(32, True), (32, True)], 113_386),
    "cnn64": ([(64, True), (64, True)], 243_786),
    "one-conv64": ([(64, True)], 1_386_506),
    "conv-conv-pool": ([(64, False), (64, True)], 1_218_634),
    "three-conv64": ([(64, True), (64, True), (64, True)], 84_106),
}


def build(preset):
    """The compiled model of a preset. Its layers are named as in a fresh Keras session."""
    keras.utils.clear_session()
    convolutions, parameters = PRESETS[preset]
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for filters, pooled in convolutions:
        model.add(keras.layers.Conv2D(filters, 3, activation="relu"))
        if pooled:
            model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(128, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    assert model.count_params() == parameters, (preset, model.count_params())
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def named_weights(model):
    """The weights by our names, which are Keras's without the model's: `conv2d/kernel`."""
    return {f"{layer.name}/{v.name}": v.numpy() for layer in model.layers for v in layer.weights}


def load(split, folder=DATA):
    """Images [n, 28, 28, 1] in 0..1 as float32, and labels. `split` is `train` or `t10k`."""
    folder = pathlib.Path(folder)
    images = gzip.decompress((folder / f"{split}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{split}-labels-idx1-ubyte.gz").read_bytes())
    images = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28, 1)
    return images.astype(np.float32) / 255, np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)
