"""The model of make_trajectory.py with constraints on its kernels, trained by Keras.

The batches are those of trajectory.npz, and so are the weights at the start. Run `python data/golden/make_constraints.py`.
"""

import numpy as np
from common import Golden, keras, text
from make_trajectory import BATCH, CLASSES, MODEL, STEPS, TOLERANCE, data, initial_weights, named

CONSTRAINTS = {
    "filters = 4\n": "filters = 4\nkernel_constraint = { max_norm = 1.05 }\n",
    "units = 8\n": 'units = 8\nkernel_constraint = "unit_norm"\n',
    "units = 3\n": 'units = 3\nkernel_constraint = "non_neg"\n',
}


def toml():
    model = MODEL
    for line, lines in CONSTRAINTS.items():
        assert line in model, line
        model = model.replace(line, lines)
    return model


def build(dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    layers, constraints = keras.layers, keras.constraints
    return keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.Conv2D(4, 3, activation="relu", name="conv2d", kernel_constraint=constraints.MaxNorm(1.05, axis=[0, 1, 2])),
        layers.MaxPooling2D(name="max_pooling2d"),
        layers.Flatten(name="flatten"),
        layers.Dense(8, activation="relu", name="dense", kernel_constraint=constraints.UnitNorm(axis=0)),
        layers.Dense(CLASSES, activation="softmax", name="dense_1", kernel_constraint=constraints.NonNeg()),
    ])


def run(dtype, x, labels, weights):
    """Losses of all batches before their updates, and the last weights."""
    model = build(dtype)
    assert list(named(model)) == list(weights)
    model.set_weights([w.astype(dtype) for w in weights.values()])
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    losses = []
    for batch, target in zip(x, labels, strict=True):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(batch.astype(dtype), target, return_dict=True)["loss"]))
    return np.array(losses, dtype), named(model)


def main():
    x, labels = data()
    weights = initial_weights()
    single = run("float32", x, labels, weights)
    double = run("float64", x, labels, weights)
    norms = np.sqrt((single[1]["conv2d/kernel"] ** 2).sum(axis=(0, 1, 2)))
    assert (norms > 1.0499).any() and (norms < 1.04).any(), f"max_norm should act on some filters: {norms}"
    golden = Golden("constraints.npz")
    golden.add("toml", text(toml()))
    golden.add_checked("losses", single[0], double[0], TOLERANCE)
    for name, value in single[1].items():
        golden.add_checked(f"final/{name}", value, double[1][name], TOLERANCE)
    golden.save()
    print("losses:", " ".join(f"{loss:.5f}" for loss in single[0]), "norms", norms)


if __name__ == "__main__":
    main()
