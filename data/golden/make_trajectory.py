"""Twenty Adam steps of a small model, from Keras's own training loop. Run `python data/golden/make_trajectory.py`."""

import numpy as np
from common import Golden, keras, normal, rng, text, tf

TOLERANCE = 1e-5
STEPS, BATCH, CLASSES = 20, 16, 3

MODEL = """\
name = "trajectory"
input = [8, 8, 1]

[[layers]]
type = "Conv2D"
filters = 4
kernel_size = 3
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 8
activation = "relu"

[[layers]]
type = "Dense"
units = 3
activation = "softmax"

[compile]
optimizer = { type = "Adam", learning_rate = 0.01 }
loss = "sparse_categorical_crossentropy"
metrics = ["accuracy"]

[fit]
epochs = 1
batch_size = 16
shuffle = false
"""


def build(dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    layers = keras.layers
    return keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.Conv2D(4, 3, activation="relu", name="conv2d"),
        layers.MaxPooling2D(name="max_pooling2d"),
        layers.Flatten(name="flatten"),
        layers.Dense(8, activation="relu", name="dense"),
        layers.Dense(CLASSES, activation="softmax", name="dense_1"),
    ])


def data():
    """Three fixed patterns in noise: something to learn within twenty steps."""
    random = rng("trajectory/data")
    patterns = random.uniform(0, 1, (CLASSES, 8, 8, 1))
    labels = random.randint(0, CLASSES, (STEPS, BATCH)).astype(np.int64)
    x = patterns[labels] + 0.2 * random.standard_normal((STEPS, BATCH, 8, 8, 1))
    return x.clip(0, 1).astype(np.float32), labels


def initial_weights():
    random = rng("trajectory/weights")
    shapes = {
        "conv2d/kernel": (3, 3, 1, 4),
        "conv2d/bias": (4,),
        "dense/kernel": (36, 8),
        "dense/bias": (8,),
        "dense_1/kernel": (8, 3),
        "dense_1/bias": (3,),
    }
    scale = {"conv2d/kernel": 0.3, "dense/kernel": 0.2, "dense_1/kernel": 0.4}
    return {name: normal(random, *shape, scale=scale.get(name, 0.05)) for name, shape in shapes.items()}


def named(model):
    """The weights by our names, which are Keras's without the model's: `conv2d/kernel`."""
    return {f"{layer.name}/{v.name}": v.numpy() for layer in model.layers for v in layer.weights}


def run(dtype, x, labels, weights):
    """The loss of every batch before its update, the gradient of the first, and the weights after the last."""
    model = build(dtype)
    assert list(named(model)) == list(weights)
    model.set_weights([w.astype(dtype) for w in weights.values()])
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=None, y=labels[0], y_pred=model(x[0].astype(dtype), training=True))
    gradient = tape.gradient(loss, [v.value for v in model.weights])
    gradient = dict(zip(weights, (g.numpy() for g in gradient), strict=True))

    losses, accuracies = [], []
    for batch, target in zip(x, labels, strict=True):
        model.reset_metrics()
        logs = model.train_on_batch(batch.astype(dtype), target, return_dict=True)
        losses.append(float(logs["loss"]))
        accuracies.append(float(logs["accuracy"]))
    return np.array(losses, dtype), np.array(accuracies, dtype), gradient, named(model)


def main():
    x, labels = data()
    weights = initial_weights()
    single = run("float32", x, labels, weights)
    double = run("float64", x, labels, weights)
    assert single[0][-1] < 0.8 * single[0][0], "nothing was learned"

    golden = Golden("trajectory.npz")
    golden.add("toml", text(MODEL))
    golden.add("x", x)
    golden.add("labels", labels)
    for name, value in weights.items():
        golden.add(f"initial/{name}", value)
    golden.add_checked("losses", single[0], double[0], TOLERANCE)
    golden.add_checked("accuracies", single[1], double[1], TOLERANCE)
    for name, value in single[2].items():
        golden.add_checked(f"gradient/{name}", value, double[2][name], TOLERANCE)
    for name, value in single[3].items():
        golden.add_checked(f"final/{name}", value, double[3][name], TOLERANCE)
    golden.save()
    print("losses:", " ".join(f"{loss:.5f}" for loss in single[0]))


if __name__ == "__main__":
    main()
