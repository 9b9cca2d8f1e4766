"""Explanations of a small network, from TensorFlow's gradients and NumPy. Run `python data/golden/make_explain.py`.

The gradients are those of GradientTape on the logits; what is made of them (saliency, Grad-CAM, Grad-CAM++, integrated gradients)
is written down here a second time, as the papers have it. Ranks and structural similarity are SciPy's and scikit-image's.
"""

import numpy as np
import scipy
import skimage
from common import VERSIONS, Golden, keras, normal, rng, text, tf
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

TOLERANCE = 1e-5
N, H, W, C, CLASSES, STEPS = 3, 12, 10, 2, 4, 20
ASKED = (0, 3)

MODEL = """\
name = "explain"
input = [12, 10, 2]

[[layers]]
type = "Conv2D"
filters = 5
kernel_size = 3
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Conv2D"
filters = 6
kernel_size = 2
padding = "same"
activation = "relu"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 8
activation = "tanh"

[[layers]]
type = "Dense"
units = 4
activation = "softmax"
"""


def build(dtype, weights):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((H, W, C)),
        layers.Conv2D(5, 3, activation="relu", name="conv2d"),
        layers.MaxPooling2D(name="max_pooling2d"),
        layers.Conv2D(6, 2, padding="same", activation="relu", name="conv2d_1"),
        layers.Flatten(name="flatten"),
        layers.Dense(8, activation="tanh", name="dense"),
        layers.Dense(CLASSES, name="dense_1"),
    ])
    model.set_weights([w.astype(dtype) for w in weights.values()])
    return model


def initial_weights():
    random = rng("explain/weights")
    shapes = {
        "conv2d/kernel": (3, 3, C, 5),
        "conv2d/bias": (5,),
        "conv2d_1/kernel": (2, 2, 5, 6),
        "conv2d_1/bias": (6,),
        "dense/kernel": (5 * 4 * 6, 8),
        "dense/bias": (8,),
        "dense_1/kernel": (8, CLASSES),
        "dense_1/bias": (CLASSES,),
    }
    return {name: normal(random, *shape, scale=0.3 if name.endswith("kernel") else 0.1) for name, shape in shapes.items()}


def gradient(model, x, class_, layer=None):
    """The class's logit for each image, the numbers at the layer (the input without one), and the gradient there."""
    split = 0 if layer is None else [one.name for one in model.layers].index(layer) + 1
    values = tf.constant(x)
    for one in model.layers[:split]:
        values = one(values)
    with tf.GradientTape() as tape:
        tape.watch(values)
        y = values
        for one in model.layers[split:]:
            y = one(y)
        score = y[:, class_]
    return score.numpy(), values.numpy(), tape.gradient(score, values).numpy()


def upsample(maps, dtype):
    """TensorFlow resizes in float32 whatever it is given."""
    return tf.image.resize(tf.constant(maps[..., None]), (H, W), method="bilinear").numpy()[..., 0].astype(dtype)


def grad_cam(model, x, class_, layer):
    _, maps, g = gradient(model, x, class_, layer)
    weights = g.mean(axis=(1, 2))
    return np.maximum(np.einsum("nijk,nk->nij", maps, weights), 0)


def grad_cam_plus_plus(model, x, class_, layer):
    _, maps, g = gradient(model, x, class_, layer)
    second, third = g**2, g**3
    below = 2 * second + third * maps.sum(axis=(1, 2), keepdims=True)
    alpha = np.divide(second, below, out=np.zeros_like(second), where=below != 0)
    weights = (alpha * np.maximum(g, 0)).sum(axis=(1, 2))
    return np.maximum(np.einsum("nijk,nk->nij", maps, weights), 0)


def integrated_gradients(model, x, class_, baseline):
    """Midpoint rule with a fixed number of steps."""
    total = np.zeros_like(x)
    for k in range(STEPS):
        t = np.asarray((k + 0.5) / STEPS, x.dtype)
        total += gradient(model, baseline + t * (x - baseline), class_)[2]
    return (x - baseline) * total / STEPS


def occlusion(model, x, class_, window, stride):
    """Mean fall of the score over the black windows that cover a pixel."""
    whole = model(x).numpy()[:, class_]
    sums, counts = np.zeros(x.shape[:3], x.dtype), np.zeros(x.shape[1:3], x.dtype)
    starts = [sorted({*range(0, size - window + 1, stride), size - window}) for size in (H, W)]
    for top in starts[0]:
        for left in starts[1]:
            covered = x.copy()
            covered[:, top : top + window, left : left + window] = 0
            fall = whole - model(covered).numpy()[:, class_]
            sums[:, top : top + window, left : left + window] += fall[:, None, None]
            counts[top : top + window, left : left + window] += 1
    return sums / counts


def run(dtype, weights, x, baseline):
    model, x, baseline = build(dtype, weights), x.astype(dtype), baseline.astype(dtype)
    found = {}
    for class_ in ASKED:
        score, _, at_input = gradient(model, x, class_)
        found[f"class{class_}/score"] = score
        found[f"class{class_}/gradient"] = at_input
        found[f"class{class_}/saliency"] = np.abs(at_input).max(axis=3)
        for layer in ("conv2d", "max_pooling2d", "conv2d_1"):
            found[f"class{class_}/gradient/{layer}"] = gradient(model, x, class_, layer)[2]
            for name, cam in (("grad-cam", grad_cam), ("grad-cam++", grad_cam_plus_plus)):
                coarse = cam(model, x, class_, layer)
                found[f"class{class_}/{name}/{layer}/coarse"] = coarse
                found[f"class{class_}/{name}/{layer}/map"] = upsample(coarse, dtype)
        found[f"class{class_}/integrated-gradients"] = integrated_gradients(model, x, class_, np.zeros_like(x))
        found[f"class{class_}/integrated-gradients/baseline"] = integrated_gradients(model, x, class_, baseline)
        found[f"class{class_}/occlusion"] = occlusion(model, x, class_, 3, 2)
    return found


def main():
    random = rng("explain/images")
    x = random.uniform(0, 1, (N, H, W, C)).astype(np.float32)
    baseline = random.uniform(0, 0.5, (1, H, W, C)).astype(np.float32)
    weights = initial_weights()
    single, double = run("float32", weights, x, baseline), run("float64", weights, x, baseline)

    golden = Golden("explain.npz")
    golden.arrays["versions"] = text(f"{VERSIONS}, scipy {scipy.__version__}, scikit-image {skimage.__version__}")
    golden.add("toml", text(MODEL))
    golden.add("images", x)
    golden.add("baseline", baseline[0])
    for name, value in weights.items():
        golden.add(f"weights/{name}", value)
    for name, value in single.items():
        golden.add_checked(name, value, double[name].astype(np.float64), TOLERANCE)

    planes = random.uniform(0, 1, (2, H, W)).astype(np.float32)
    planes[1] = (0.6 * planes[0] + 0.4 * planes[1]).round(1)
    golden.add("planes", planes)
    double = planes.astype(np.float64)
    golden.add("spearman", np.array([spearmanr(planes[0].ravel(), planes[1].ravel()).statistic], np.float32))
    golden.add("ssim", np.array([structural_similarity(double[0], double[1], data_range=1.0)], np.float32))
    golden.save()
    print("shares of the maps that are not zero:", {name: round(float((v != 0).mean()), 2) for name, v in single.items() if "coarse" in name})


if __name__ == "__main__":
    main()
