"""Golden vectors of the losses, from Keras as `fit` computes them. Run `python data/golden/make_losses.py`.

Every case is a loss with its settings as model.toml has them, the numbers `y` that it is given (scores before the softmax or
sigmoid that `link` names, or outputs where that is empty), class numbers as labels, and what Keras makes of them: the mean and
its gradient with respect to `y`. Mixed cases have second labels and shares, weighted ones class weights: Keras gets the soft
labels and the sample weights that its `fit(class_weight=…)` makes of them.
"""

import numpy as np
from common import Golden, keras, normal, rng, text, tf, toml
from keras.src.trainers.data_adapters.data_adapter_utils import class_weight_to_sample_weights

TOLERANCE = 1e-5

# Samples, classes, spread of the logits.
SPARSE = {
    "ten_classes": (32, 10, 2.0),
    "three_classes": (5, 3, 1.0),
    "two_classes_one_sample": (1, 2, 1.0),
    "seventeen_classes": (7, 17, 3.0),
    "saturated": (16, 10, 40.0),
    "undecided": (8, 10, 0.0),
}

# Link, outputs, and settings that are Keras's arguments too.
LOSSES = {
    "sparse_categorical_crossentropy": ("softmax", 5, {}),
    "categorical_crossentropy": ("softmax", 5, {}),
    "categorical_focal_crossentropy": ("softmax", 5, {}),
    "categorical_focal_crossentropy_hard": ("softmax", 3, {"alpha": 0.8, "gamma": 1.5}),
    "binary_crossentropy": ("sigmoid", 1, {}),
    "binary_crossentropy_of_classes": ("sigmoid", 4, {}),
    "binary_focal_crossentropy": ("sigmoid", 1, {}),
    "binary_focal_crossentropy_of_classes": ("sigmoid", 4, {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5}),
    "mean_squared_error": ("", 4, {}),
    "mean_squared_error_of_one": ("", 1, {}),
}

CLASSES = {
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    "mean_squared_error": "MeanSquaredError",
}


def kind(name):
    return max((known for known in CLASSES if name.startswith(known)), key=len)


def unclipped_focal(alpha, gamma):
    """Keras's categorical focal loss without its clip to 1e-7, from its own operations."""

    def loss(target, scores):
        log = keras.ops.log_softmax(scores)
        others = -tf.math.expm1(log)
        return keras.ops.sum(-target * alpha * others**gamma * log, axis=-1)

    return loss


def run(dtype, name, link, settings, y, target, weights, clipped=True):
    """Mean loss and its gradient, by the path that `fit` takes.

    Inside a tf.function Keras finds the scores behind a softmax or sigmoid and uses the fused form. Called eagerly it would
    clip the probabilities to 1e-7 instead; `saturated` tells the two apart.
    """
    activation = keras.layers.Activation(link or "linear", dtype=dtype)
    if name == "sparse_categorical_crossentropy" and target.ndim == 2:
        # Keras smooths and mixes one-hot labels only.
        name = "categorical_crossentropy"
    settings = dict(settings)
    loss = getattr(keras.losses, CLASSES[name])(dtype=dtype, **settings)

    @tf.function(reduce_retracing=True)
    def step(y):
        with tf.GradientTape() as tape:
            tape.watch(y)
            if clipped:
                mean = loss(target.astype(dtype), activation(y), sample_weight=weights)
            else:
                mean = tf.reduce_mean(unclipped_focal(settings.get("alpha", 0.25), settings.get("gamma", 2.0))(target, y))
        return mean, tape.gradient(mean, y)

    return [result.numpy() for result in step(tf.constant(y.astype(dtype)))]


def add(golden, case, name, link, settings, y, labels, mixed=None, class_weight=None, clipped=True):
    samples, outputs = y.shape
    known = kind(name)
    table = {"type": CLASSES[known], **settings}
    golden.add(f"{case}/toml", text(toml(table) + class_weight_toml(class_weight)))
    golden.add(f"{case}/link", text(link))
    golden.add(f"{case}/y", y)
    golden.add(f"{case}/labels", labels)
    one_hot = np.eye(2 if outputs == 1 else outputs)[labels]
    soft = one_hot
    if mixed:
        partners, shares = mixed
        golden.add(f"{case}/partners", partners)
        golden.add(f"{case}/shares", shares)
        share = shares[:, None].astype(np.float64)
        soft = share * one_hot + (1 - share) * np.eye(one_hot.shape[1])[partners]
    weights = None if class_weight is None else class_weight_to_sample_weights(soft, class_weight)
    hard = known == "sparse_categorical_crossentropy" and not mixed and not settings
    target = labels.astype(np.int64) if hard else soft[:, 1:] if outputs == 1 else soft
    arguments = (known, link, settings, y, target, weights, clipped)
    single, double = run("float32", *arguments), run("float64", *arguments)
    if case == "saturated":
        assert single[0] > 20, "the clipped form cannot exceed 16.2"
    # Keras's accuracy: of one output the threshold is ½ of the probability, of several the first largest is the answer.
    half = 0 if link else 0.5
    answers = (y[:, 0] > half).astype(np.int64) if outputs == 1 else np.argmax(y, axis=-1)
    golden.add(f"{case}/correct", np.array([np.sum(answers == np.argmax(soft, axis=-1))], np.int64))
    if outputs > 2:
        wanted = np.argmax(soft, axis=-1).astype(np.int32)
        top = keras.ops.convert_to_numpy(keras.metrics.sparse_top_k_categorical_accuracy(wanted, y, k=2))
        golden.add(f"{case}/top_2", np.array([np.sum(top)], np.int64))
    for key, one, two in zip(("mean", "dy"), single, double, strict=True):
        golden.add_checked(f"{case}/{key}", np.atleast_1d(one), np.atleast_1d(two), TOLERANCE)


def class_weight_toml(class_weight):
    if class_weight is None:
        return ""
    return "class_weight = { " + ", ".join(f"{key} = {value}" for key, value in class_weight.items()) + " }\n"


def main():
    golden = Golden("losses.npz")
    for case, (samples, classes, spread) in SPARSE.items():
        random = rng(f"losses/{case}")
        logits = normal(random, samples, classes, scale=spread)
        labels = random.randint(0, classes, samples).astype(np.int64)
        add(golden, case, "sparse_categorical_crossentropy", "softmax", {}, logits, labels)
    for name, (link, outputs, settings) in LOSSES.items():
        random = rng(f"losses/{name}")
        classes = 2 if outputs == 1 else outputs

        def draw(samples, spread=2.0):
            y = normal(random, samples, outputs, scale=spread if link else 0.7)
            return y, random.randint(0, classes, samples).astype(np.int64)

        add(golden, f"{name}-seven", name, link, settings, *draw(7))
        add(golden, f"{name}-one", name, link, settings, *draw(1))
        if link:
            smooth = {**settings, "label_smoothing": 0.1}
            add(golden, f"{name}-smoothed", name, link, smooth, *draw(7))
        weights = {0: 2.5, 1: 0.25}
        add(golden, f"{name}-weighted", name, link, settings, *draw(7), class_weight=weights)
        y, labels = draw(7)
        partners = random.randint(0, classes, 7).astype(np.int64)
        shares = random.uniform(0, 1, 7).astype(np.float32)
        add(golden, f"{name}-mixed", name, link, settings, y, labels, (partners, shares), weights)
        extreme = normal(random, 7, outputs) + 100 * random.choice([-1, 1], (7, outputs)).astype(np.float32)
        labels = random.randint(0, classes, 7).astype(np.int64)
        clipped = kind(name) != "categorical_focal_crossentropy"
        add(golden, f"{name}-extreme", name, link, settings, extreme, labels, clipped=clipped)
    golden.save()


if __name__ == "__main__":
    main()
