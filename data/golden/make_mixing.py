"""Batches mixed by Keras's MixUp and CutMix, and what soft labels cost. Run `python data/golden/make_mixing.py`.

The pairs, shares and windows are given, not drawn: drawing is the business of the random generator.
"""

import numpy as np
from common import Golden, keras, normal, rng, tf

TOLERANCE = 1e-5
N, H, W, C, CLASSES = 6, 5, 7, 2, 4
LABELS = np.array([0, 1, 2, 3, 1, 0], np.int64)
PARTNERS = np.array([3, 0, 2, 1, 5, 4], np.int64)
# The fifth and the sixth pair hold equal shares of the same two classes, in both orders.
SHARES = np.array([0.9, 0.25, 0.4, 0.625, 0.5, 0.5], np.float32)
# First row, rows, first column, columns. Nothing, everything, a row, a corner, ...
WINDOWS = np.array([[0, 0, 0, 0], [0, 5, 0, 7], [4, 1, 0, 7], [0, 2, 5, 2], [1, 3, 2, 4], [2, 2, 3, 1]], np.int64)


def soft_loss(dtype, soft, logits):
    """Mean loss, its gradient, right answers."""
    logits = tf.constant(logits.astype(dtype))
    soft = tf.constant(soft.astype(dtype))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_mean(keras.losses.categorical_crossentropy(soft, logits, from_logits=True))
    right = np.sum(keras.ops.convert_to_numpy(keras.metrics.categorical_accuracy(soft, logits)))
    return np.array([loss.numpy()], dtype), tape.gradient(loss, logits).numpy(), np.array([int(right)], np.int64)


def main():
    random = rng("mixing")
    images = random.uniform(0, 1, (N, H, W, C)).astype(np.float32)
    logits = normal(random, N, CLASSES, scale=2.0)
    logits[4:] = [[3.0, 1.0, 0.0, 0.0], [3.0, 1.0, 0.0, 0.0]]
    one_hot = np.eye(CLASSES, dtype=np.float32)[LABELS]
    golden = Golden("mixing.npz")
    golden.add("images", images)
    golden.add("labels", LABELS)
    golden.add("partners", PARTNERS)
    golden.add("logits", logits)

    layer = keras.layers.CutMix(factor=1.0)
    rows, columns = WINDOWS[:, :2].astype(np.float32), WINDOWS[:, 2:].astype(np.float32)
    corners = (columns[:, 0], columns.sum(1), rows[:, 0], rows.sum(1))
    masks, left = layer._generate_batch_mask((N, H, W, C), corners)
    left = np.asarray(left, np.float32)
    cases = {
        "mixup": (keras.layers.MixUp(alpha=0.2), {"mix_weight": SHARES, "permutation_order": PARTNERS}, SHARES),
        "cutmix": (layer, {"batch_masks": masks, "mix_weight": left, "permutation_order": PARTNERS}, left),
    }
    for case, (layer, transformation, shares) in cases.items():
        mixed = np.asarray(layer.transform_images(images, transformation, training=True))
        soft = np.asarray(layer.transform_labels(one_hot, transformation, training=True))
        golden.add(f"{case}/shares", shares)
        golden.add(f"{case}/x", mixed)
        single, double = soft_loss("float32", soft, logits), soft_loss("float64", soft, logits)
        golden.add_checked(f"{case}/loss", single[0], double[0], TOLERANCE)
        golden.add_checked(f"{case}/dlogits", single[1], double[1], TOLERANCE)
        golden.add(f"{case}/correct", single[2])
        print(case, "loss", single[0][0], "right", single[2][0], "soft labels", soft.round(3).tolist())
    golden.add("cutmix/windows", WINDOWS)
    golden.save()


if __name__ == "__main__":
    main()
