"""The model of make_trajectory.py with every kind of regulariser, trained by Keras. Run `python data/golden/make_regularizers.py`.

The batches are those of trajectory.npz, and so are the weights at the start.
"""

import numpy as np
from common import Golden, keras, text, tf
from make_trajectory import BATCH, CLASSES, MODEL, STEPS, TOLERANCE, data, initial_weights, named

REGULARIZERS = {
    "filters = 4\n": '''filters = 4
kernel_regularizer = { l1 = 0.002, l2 = 0.01 }
bias_regularizer = "l2"
''',
    "units = 8\n": '''units = 8
kernel_regularizer = { l2 = 0.003 }
bias_regularizer = { l1 = 0.02 }
''',
    "units = 3\n": '''units = 3
kernel_regularizer = "l1"
''',
}


def toml():
    model = MODEL
    for line, lines in REGULARIZERS.items():
        assert line in model, line
        model = model.replace(line, lines)
    return model


def build(dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    layers, reg = keras.layers, keras.regularizers
    return keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.Conv2D(4, 3, activation="relu", name="conv2d", kernel_regularizer=reg.L1L2(l1=0.002, l2=0.01), bias_regularizer="l2"),
        layers.MaxPooling2D(name="max_pooling2d"),
        layers.Flatten(name="flatten"),
        layers.Dense(8, activation="relu", name="dense", kernel_regularizer=reg.L2(0.003), bias_regularizer=reg.L1(0.02)),
        layers.Dense(CLASSES, activation="softmax", name="dense_1", kernel_regularizer="l1"),
    ])


def run(dtype, x, labels, weights):
    """Losses of all batches before their updates, the first gradient, the last weights, and evaluate at the first weights."""
    model = build(dtype)
    assert list(named(model)) == list(weights)
    model.set_weights([w.astype(dtype) for w in weights.values()])
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    every = x.reshape(STEPS * BATCH, 8, 8, 1).astype(dtype)
    logs = model.evaluate(every, labels.reshape(-1), batch_size=BATCH, verbose=0, return_dict=True)
    answers = model.predict(every, batch_size=BATCH, verbose=0)
    data_loss = keras.losses.sparse_categorical_crossentropy(labels.reshape(-1), answers)
    penalty = logs["loss"] - float(np.mean(data_loss))
    evaluated = np.array([logs["loss"], logs["accuracy"], penalty], dtype)

    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=None, y=labels[0], y_pred=model(x[0].astype(dtype), training=True))
    gradient = tape.gradient(loss, [v.value for v in model.weights])
    gradient = dict(zip(weights, (g.numpy() for g in gradient), strict=True))

    losses = []
    for batch, target in zip(x, labels, strict=True):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(batch.astype(dtype), target, return_dict=True)["loss"]))
    return np.array(losses, dtype), gradient, named(model), evaluated


def main(filename="regularizers.npz"):
    x, labels = data()
    weights = initial_weights()
    single = run("float32", x, labels, weights)
    double = run("float64", x, labels, weights)
    assert single[3][2] > 0.1, "the penalty is too small to show"

    golden = Golden(filename)
    golden.add("toml", text(toml()))
    golden.add_checked("losses", single[0], double[0], TOLERANCE)
    golden.add_checked("evaluate", single[3], double[3], TOLERANCE)
    for name, value in single[1].items():
        golden.add_checked(f"gradient/{name}", value, double[1][name], TOLERANCE)
    for name, value in single[2].items():
        golden.add_checked(f"final/{name}", value, double[2][name], TOLERANCE)
    golden.save()
    print("losses:", " ".join(f"{loss:.5f}" for loss in single[0]))
    print("evaluate: loss {:.6f}, accuracy {:.6f}, penalty {:.6f}".format(*single[3]))


if __name__ == "__main__":
    main()
