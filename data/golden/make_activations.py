"""The outputs of every layer of a small model, from Keras. Run `python data/golden/make_activations.py`."""

import numpy as np
from common import Golden, keras, normal, rng, text

TOLERANCE = 1e-5
IMAGES, SHAPE = 3, (12, 10, 3)

# Not square, in colour; `same` padding with and without strides, a kernel that is not square, a pooling whose windows overlap.
MODEL = """\
name = "activations"
input = [12, 10, 3]

[[layers]]
type = "Conv2D"
filters = 6
kernel_size = 3
padding = "same"
activation = "relu"

[[layers]]
type = "MaxPooling2D"

[[layers]]
type = "Conv2D"
filters = 5
kernel_size = [3, 2]
strides = 2
padding = "same"

[[layers]]
type = "MaxPooling2D"
pool_size = 2
strides = 1

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 7
activation = "relu"

[[layers]]
type = "Dense"
units = 4
activation = "softmax"
"""


def build(dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    layers = keras.layers
    return keras.Sequential([
        keras.Input(SHAPE),
        layers.Conv2D(6, 3, padding="same", activation="relu", name="conv2d"),
        layers.MaxPooling2D(name="max_pooling2d"),
        layers.Conv2D(5, (3, 2), strides=2, padding="same", name="conv2d_1"),
        layers.MaxPooling2D(2, strides=1, name="max_pooling2d_1"),
        layers.Flatten(name="flatten"),
        layers.Dense(7, activation="relu", name="dense"),
        layers.Dense(4, activation="softmax", name="dense_1"),
    ])


def named(model):
    """The weights by our names; `numpy.savez(file, **named(model))` is what `--weights` reads."""
    return {f"{layer.name}/{v.name}": v.numpy() for layer in model.layers for v in layer.weights}


def initial_weights(model):
    random = rng("activations/weights")
    scale = {"kernel": 0.4, "bias": 0.1}
    return {name: normal(random, *w.shape, scale=scale[name.split("/")[1]]) for name, w in named(model).items()}


def outputs(dtype, images, weights):
    """Every layer's output, as the course gets them: a model from the inputs to all outputs, called once."""
    model = build(dtype)
    model.set_weights([w.astype(dtype) for w in weights.values()])
    probe = keras.Model(inputs=model.inputs[0], outputs=[layer.output for layer in model.layers])
    # Bytes become numbers in float32, as ours, before anything else.
    x = (images.astype(np.float32) / np.float32(255)).astype(dtype)
    return {layer.name: y.numpy() for layer, y in zip(model.layers, probe(x), strict=True)}


def main():
    images = rng("activations/images").randint(0, 256, (IMAGES, *SHAPE)).astype(np.uint8)
    weights = initial_weights(build("float32"))
    single, double = outputs("float32", images, weights), outputs("float64", images, weights)

    golden = Golden("activations.npz")
    golden.add("toml", text(MODEL))
    golden.add("images", images)
    for name, value in weights.items():
        golden.add(f"weights/{name}", value)
    for name, value in single.items():
        golden.add_checked(f"outputs/{name}", value, double[name], TOLERANCE)
    golden.save()
    for name, value in single.items():
        print(f"{name}: {list(value.shape)}, {np.mean(value == 0):.0%} zeros, {value.min():.3f} to {value.max():.3f}")


if __name__ == "__main__":
    main()
