"""Golden vectors of what needs more than one Keras layer or more than one pass: batch normalisation in training and inference, and the blocks
that hold layers. Run `python data/golden/make_blocks.py`."""

import json

import numpy as np
from common import Golden, keras, normal, rng, text, tf

TOLERANCE = 1e-5
# No relu input lies closer to 0 than this: rounding cannot turn a gradient on or off.
MARGIN = 1e-3

BATCH_NORMALIZATION = {
    "image": ((4, 3, 2, 5), dict()),
    "flat": ((7, 9), dict(epsilon=0.1, momentum=0.9)),
    "no_center": ((3, 2, 2, 17), dict(center=False)),
    "no_scale": ((3, 4, 3, 2), dict(scale=False, momentum=0.5)),
    "neither": ((5, 2, 2, 3), dict(scale=False, center=False)),
    "far_from_zero": ((6, 3, 3, 4), dict()),
}

CONV = dict(type="Conv2D", kernel_size=3, padding="same")
NORM = dict(type="BatchNormalization")
RELU = dict(type="Activation", activation="relu")

RESIDUAL = {
    "identity": ((2, 5, 4, 3), dict(layers=[CONV | dict(filters=3)])),
    "resnet_basic": (
        (3, 6, 5, 4),
        dict(
            activation="relu",
            layers=[
                CONV | dict(filters=6, strides=2, use_bias=False), NORM, RELU,
                CONV | dict(filters=6, use_bias=False), NORM,
            ],
            shortcut=[dict(type="Conv2D", filters=6, kernel_size=1, strides=2, use_bias=False), NORM],
        ),
    ),
    "preactivation": ((3, 4, 4, 3), dict(layers=[NORM, RELU, CONV | dict(filters=3)])),
    "nested": ((2, 4, 4, 2), dict(layers=[CONV | dict(filters=2, activation="tanh"), dict(type="Residual", layers=[CONV | dict(filters=2)])])),
    "dense": ((4, 6), dict(activation="tanh", layers=[dict(type="Dense", units=9, activation="tanh"), dict(type="Dense", units=6)])),
    "squeeze_excite_inside": ((2, 4, 4, 4), dict(layers=[CONV | dict(filters=4), dict(type="SqueezeExcite", ratio=2)])),
}

SQUEEZE_EXCITE = {
    "ratio_2": ((3, 4, 3, 6), dict(ratio=2)),
    "tanh": ((2, 2, 2, 5), dict(ratio=5, activation="tanh")),
    "default": ((2, 3, 3, 17), dict()),
}

CONCATENATE = {
    "dense_block": ((2, 4, 5, 3), dict(branches=[[], [CONV | dict(filters=4)]])),
    "inception": (
        (2, 5, 4, 2),
        dict(branches=[
            [dict(type="Conv2D", filters=3, kernel_size=1)],
            [dict(type="Conv2D", filters=2, kernel_size=1, activation="tanh"), CONV | dict(filters=3)],
            [dict(type="AveragePooling2D", pool_size=3, strides=1, padding="same")],
        ]),
    ),
    "flat": ((3, 5), dict(branches=[[dict(type="Dense", units=2)], [], [dict(type="Dense", units=3)]])),
}


def inline(value):
    """A value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(v)}" for key, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(inline(v) for v in value) + "]"
    return json.dumps(value)


class Net:
    """Runs a table of ours with Keras layers, and collects their weights under our names."""

    def __init__(self, dtype, weights, training):
        self.dtype, self.weights, self.training = dtype, weights, training
        # Our name, then the Keras variable.
        self.variables = []
        self.kinks = []

    def named(self, counts, prefix, stem):
        count = counts.get(stem, 0)
        counts[stem] = count + 1
        return f"{prefix}{stem}" + (f"_{count}" if count else "")

    def layer(self, layer, x, name):
        if not layer.built:
            layer.build(x.shape)
        prefix = name + "/" if name else ""
        for variable in layer.weights:
            ours = prefix + variable.name
            if ours in self.weights:
                variable.assign(self.weights[ours].astype(self.dtype))
            self.variables.append((ours, variable))
        train = {"training": self.training} if isinstance(layer, keras.layers.BatchNormalization) else {}
        return layer(x, **train)

    def relu(self, x):
        self.kinks.append(float(tf.reduce_min(tf.abs(x))))
        return x

    def chain(self, x, tables, counts, prefix):
        for table in tables:
            stem = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization", "Dense": "dense", "Residual": "residual",
                    "SqueezeExcite": "squeeze_excite", "Activation": "activation", "AveragePooling2D": "average_pooling2d"}[table["type"]]
            x = self.table(x, table, self.named(counts, prefix, stem))
        return x

    def table(self, x, table, name):
        table = dict(table)
        kind, prefix = table.pop("type"), name + "/" if name else ""
        counts = {}
        if kind == "Residual":
            main = self.chain(x, table["layers"], counts, prefix)
            other = self.chain(x, table.get("shortcut", []), counts, prefix)
            total = keras.layers.Add(dtype=self.dtype)([main, other])
            if table.get("activation") == "relu":
                self.relu(total)
            return keras.layers.Activation(table.get("activation", "linear"), dtype=self.dtype)(total)
        if kind == "Concatenate":
            outputs = [self.chain(x, branch, counts, prefix) for branch in table["branches"]]
            return keras.layers.Concatenate(dtype=self.dtype)(outputs)
        if kind == "SqueezeExcite":
            channels = x.shape[-1]
            means = keras.layers.GlobalAveragePooling2D(dtype=self.dtype)(x)
            units = max(1, channels // table.get("ratio", 16))
            dense = keras.layers.Dense(units, dtype=self.dtype)
            squeezed = self.layer(dense, means, prefix + "dense")
            if table.get("activation", "relu") == "relu":
                self.relu(squeezed)
            squeezed = keras.layers.Activation(table.get("activation", "relu"), dtype=self.dtype)(squeezed)
            dense = keras.layers.Dense(channels, activation="sigmoid", dtype=self.dtype)
            gates = self.layer(dense, squeezed, prefix + "dense_1")
            return keras.layers.Multiply(dtype=self.dtype)([x, keras.layers.Reshape((1, 1, channels), dtype=self.dtype)(gates)])
        if kind == "Activation" and table["activation"] == "relu":
            self.relu(x)
        return self.layer(getattr(keras.layers, kind)(**table, dtype=self.dtype), x, name)


def run(table, dtype, x, weights, training, dy):
    """y, the gradients of sum(y * dy) by name, and the moving statistics as they are afterwards."""
    net = Net(dtype, weights, training)
    x = tf.constant(x.astype(dtype))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = net.table(x, table, "")
        target = None if dy is None else tf.reduce_sum(y * tf.constant(dy.astype(dtype)))
    results = {"y": y.numpy()}
    if target is not None:
        results["dx"] = tape.gradient(target, x).numpy()
        for name, variable in net.variables:
            if variable.trainable:
                results["d" + name] = tape.gradient(target, variable.value).numpy()
            elif training:
                results["next_" + name] = variable.numpy()
    return results, net


def draw(random, name, shape):
    value = normal(random, *shape, scale=0.5)
    return np.abs(value) + np.float32(0.5) if name.endswith("variance") else value


def make(kind, cases):
    golden = Golden(f"{kind}.npz")
    for case, (shape, table) in cases.items():
        table = dict(type=kind) | table
        for training in (False, True):
            if training and "BatchNormalization" not in inline(table):
                continue
            for attempt in range(1000):
                random = rng(f"{kind}/{case}", attempt)
                x = normal(random, *shape)
                if case == "far_from_zero":
                    x = (x + 10).astype(np.float32)
                results, net = run(table, "float32", x, {}, training, None)
                weights = {name: draw(random, name, v.shape) for name, v in net.variables}
                dy = normal(random, *results["y"].shape)
                double, net = run(table, "float64", x, weights, training, dy)
                if min(net.kinks, default=1.0) > MARGIN:
                    break
            else:
                raise AssertionError(f"{kind}/{case}: every attempt lies on a kink")
            name = f"{case}_training" if training else case
            golden.add(f"{name}/toml", text("".join(f"{key} = {inline(value)}\n" for key, value in table.items())))
            golden.add(f"{name}/x", x)
            golden.add(f"{name}/dy", dy)
            if training:
                golden.add(f"{name}/training", np.array([1], np.int64))
            for key, value in weights.items():
                golden.add(f"{name}/{key}", value)
            single, _ = run(table, "float32", x, weights, training, dy)
            for key, value in single.items():
                golden.add_checked(f"{name}/{key}", value, double[key], TOLERANCE)
    golden.save()


if __name__ == "__main__":
    make("BatchNormalization", BATCH_NORMALIZATION)
    make("Residual", RESIDUAL)
    make("SqueezeExcite", SQUEEZE_EXCITE)
    make("Concatenate", CONCATENATE)
