"""Writes the reference summaries that tests/summary.rs compares with, to the character.

Usage: python make.py, with keras (3.15 or newer) installed; the files land beside this script.
Each case is built the same way in tests/summary.rs; NAME.WIDTH.txt is what model.summary()
prints on a terminal of that many columns.
"""

import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras import layers as L

HERE = pathlib.Path(__file__).parent
WIDTHS = (40, 60, 80, 92, 120)


def conv(filters, **more):
    return L.Conv2D(filters, 3, activation="relu", **more)


def course(filters):
    return [conv(filters), L.MaxPooling2D(2), conv(filters), L.MaxPooling2D(2), L.Flatten(),
            L.Dense(128, activation="relu"), L.Dense(10, activation="softmax")]


CASES = {
    "cnn64": (None, (28, 28, 1), lambda: course(64)),
    "cnn32": (None, (28, 28, 1), lambda: course(32)),
    "dnn": (None, (28, 28, 1), lambda: [L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10, activation="softmax")]),
    "three-conv64": (None, (28, 28, 1), lambda: [
        conv(64), L.MaxPooling2D(2), conv(64), L.MaxPooling2D(2), conv(64), L.MaxPooling2D(2),
        L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10, activation="softmax")]),
    "no-flatten": (None, (28, 28, 1), lambda: [
        conv(64), L.MaxPooling2D(2), conv(64), L.MaxPooling2D(2), L.Dense(128, activation="relu"), L.Dense(10, activation="softmax")]),
    "activations": ("with_dropout", (32, 48, 3), lambda: [
        L.Conv2D(16, (5, 3), strides=(2, 1), padding="same", use_bias=False), L.Activation("tanh"), L.Dropout(0.25),
        L.MaxPooling2D((3, 2), strides=2, padding="same"), L.Activation("sigmoid"), L.Flatten(), L.Dropout(0.5), L.Dense(10),
        L.Activation("softmax")]),
    "long-names": ("a model whose name is so long that the line of the title has to be wrapped somewhere too", (28, 28, 1), lambda: [
        conv(8, name="the first convolution of the network with a very long name"),
        conv(8, name="an_identifier_without_any_space_that_is_longer_than_the_column_is_wide"),
        L.MaxPooling2D(2, name="exactly_21_characters"),
        L.MaxPooling2D(2, name="pool[bold]with[red]markup"),
        L.Flatten(name="Ebenen größer · 平らにする層は幅が二倍の文字で名付けられている"),
        L.Dense(10, name="x")]),
    "big-counts": (None, (512, 512, 3), lambda: [
        L.Flatten(name="flat"), L.Dense(1000), L.Dense(12345)]),
    "empty": (None, (28, 28, 1), lambda: []),
    "vector": (None, (7,), lambda: [L.Dense(3)]),
}


def main():
    for case, (name, shape, build) in CASES.items():
        keras.utils.clear_session()
        model = keras.Sequential([L.Input(shape), *build()], name=name)
        for width in WIDTHS:
            os.environ["COLUMNS"] = str(width)
            out = []
            model.summary(print_fn=lambda text, **_: out.append(text))
            (HERE / f"{case}.{width}.txt").write_text("".join(out), encoding="utf-8", newline="\n")
    print(f"keras {keras.__version__}: {len(CASES) * len(WIDTHS)} files")


if __name__ == "__main__":
    main()
