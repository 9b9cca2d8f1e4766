"""Golden vectors of the losses, from Keras as `fit` computes them. Run `python data/golden/make_losses.py`."""

import numpy as np
from common import Golden, keras, normal, rng, text, tf

TOLERANCE = 1e-5
NAME = "sparse_categorical_crossentropy"

# Samples, classes, spread of the logits.
CASES = {
    "ten_classes": (32, 10, 2.0),
    "three_classes": (5, 3, 1.0),
    "two_classes_one_sample": (1, 2, 1.0),
    "seventeen_classes": (7, 17, 3.0),
    "saturated": (16, 10, 40.0),
    "undecided": (8, 10, 0.0),
}


def run(dtype, logits, labels):
    """Loss of each sample, its mean, and the mean's gradient, by the path that `fit` takes.

    Inside a tf.function Keras finds the logits behind a softmax output and uses the fused form. Called eagerly it would
    clip the probabilities to 1e-7 instead; `saturated` tells the two apart.
    """
    softmax = keras.layers.Activation("softmax", dtype=dtype)
    loss = keras.losses.SparseCategoricalCrossentropy(reduction=None, dtype=dtype)

    @tf.function(reduce_retracing=True)
    def step(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            each = loss(labels, softmax(logits))
            mean = tf.reduce_mean(each)
        return each, mean, tape.gradient(mean, logits)

    return [result.numpy() for result in step(tf.constant(logits.astype(dtype)))]


def main():
    golden = Golden("losses.npz")
    for case, (samples, classes, spread) in CASES.items():
        random = rng(f"losses/{case}")
        logits = normal(random, samples, classes, scale=spread)
        labels = random.randint(0, classes, samples).astype(np.int64)
        single = run("float32", logits, labels)
        double = run("float64", logits, labels)
        if case == "saturated":
            assert single[0].max() > 20, "the clipped form cannot exceed 16.2"
        golden.add(f"{case}/loss_name", text(NAME))
        golden.add(f"{case}/logits", logits)
        golden.add(f"{case}/labels", labels)
        # Keras's accuracy on a softmax output: the first of equal scores wins.
        golden.add(f"{case}/correct", np.array([np.sum(np.argmax(logits, axis=-1) == labels)], np.int64))
        for name, one, two in zip(("loss", "mean", "dlogits"), single, double, strict=True):
            golden.add_checked(f"{case}/{name}", np.atleast_1d(one), np.atleast_1d(two), TOLERANCE)
    golden.save()


if __name__ == "__main__":
    main()
