"""Where Keras's initializers lie: limits, deciles and moments of what they draw. Run `python data/golden/make_initializers.py`.

Numbers are drawn by Keras's own layers (`build`), many times with one seed after the other; limits are those that its initializers hand
to its generator of random numbers, so no formula is written down here.
"""

import contextlib
import types

import numpy as np
from common import Golden, keras, text, toml
from keras.src.initializers import random_initializers

# Seeds of which the draws are taken together.
DRAWS = 40

# Kernels of about ten thousand numbers.
LAYERS = {
    "dense": ((97,), "Dense", "kernel", dict(units=103)),
    "conv": ((6, 6, 32), "Conv2D", "kernel", dict(filters=64, kernel_size=[3, 2], groups=2)),
    "depthwise": ((6, 6, 150), "DepthwiseConv2D", "depthwise", dict(kernel_size=[5, 3], depth_multiplier=4)),
}
SCALED = ["glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform"]
# By their names alone, with Keras's numbers.
OTHERS = ["normal", "random_normal", "random_uniform", "truncated_normal", "uniform"]
TABLES = {
    "normal": (0.5, keras.initializers.RandomNormal(stddev=0.5)),
    "truncated_normal": (0.5, keras.initializers.TruncatedNormal(stddev=0.5)),
    "uniform": ([1.0, 3.0], keras.initializers.RandomUniform(1.0, 3.0)),
}
EXACT = {
    "zeros": ("zeros", keras.initializers.Zeros()),
    "ones": ("ones", keras.initializers.Ones()),
    "constant": ({"constant": 0.3}, keras.initializers.Constant(0.3)),
    "identity": ("identity", keras.initializers.Identity()),
    "identity_gain": ({"identity": 0.5}, keras.initializers.Identity(0.5)),
}
ORTHOGONAL = {"": ("orthogonal", 1.0), "_gain": ({"orthogonal": 2.0}, 2.0)}


@contextlib.contextmanager
def limits():
    """What the initializers ask of the generator: two limits, or nothing where nothing is cut off."""
    asked, ours = [], random_initializers.random

    def uniform(shape, minval, maxval, **more):
        asked.append((minval, maxval))
        return ours.uniform(shape, minval=minval, maxval=maxval, **more)

    def truncated_normal(shape, mean, stddev, **more):
        # It is cut at two deviations of the whole normal distribution, which the draws are held to.
        asked.append((mean - 2 * stddev, mean + 2 * stddev))
        return ours.truncated_normal(shape, mean=mean, stddev=stddev, **more)

    def normal(shape, **more):
        asked.append(None)
        return ours.normal(shape, **more)

    own = {"uniform": uniform, "truncated_normal": truncated_normal, "normal": normal}
    random_initializers.random = types.SimpleNamespace(**vars(ours) | own)
    try:
        yield asked
    finally:
        random_initializers.random = ours


def tables(value):
    """A table of one line in TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(toml({key: item}).strip() for key, item in value.items()) + " }"
    return toml({"x": value}).strip().removeprefix("x = ")


def parameter(kind, name, shape, table, initializer):
    """A built layer's parameter of this name."""
    table = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    layer = getattr(keras.layers, kind)(**table, **{f"{name}_initializer": initializer})
    layer.build((None, *shape))
    variables = {variable.name: variable for variable in layer.weights}
    return variables["kernel" if name == "depthwise" else name].numpy()


def add(golden, case, shape, kind, name, table, written):
    golden.add(f"{case}/toml", text(toml({"type": kind} | table) + f"{name}_initializer = {tables(written)}\n"))
    golden.add(f"{case}/input", np.array(shape, np.int64))
    golden.add(f"{case}/parameter", text("kernel" if name == "depthwise" else name))


def add_drawn(golden, case, layer, written, initializer):
    shape, kind, name, table = layer
    config = initializer.get_config()
    with limits() as asked:
        seeded = (type(initializer).from_config(config | {"seed": seed}) for seed in range(DRAWS))
        draws = [parameter(kind, name, shape, table, initializer) for initializer in seeded]
    assert len(set(asked)) == 1 and len(asked) == DRAWS, case
    draws = np.concatenate([draw.reshape(-1) for draw in draws]).astype(np.float64)
    add(golden, case, shape, kind, name, table, written)
    if asked[0] is not None:
        low, high = asked[0]
        assert low <= draws.min() < low + 0.01 * (high - low) and high >= draws.max() > high - 0.01 * (high - low), case
        golden.add(f"{case}/limits", np.array(asked[0], np.float32))
    golden.add(f"{case}/deciles", np.quantile(draws, np.arange(1, 10) / 10).astype(np.float32))
    golden.add(f"{case}/mean", np.array([draws.mean()], np.float32))
    golden.add(f"{case}/deviation", np.array([draws.std()], np.float32))


def add_exact(golden, case, layer, written, initializer):
    shape, kind, name, table = layer
    add(golden, case, shape, kind, name, table, written)
    golden.add(f"{case}/values", parameter(kind, name, shape, table, initializer))


def main():
    golden = Golden("initializers.npz")
    for place, layer in LAYERS.items():
        for name in SCALED:
            add_drawn(golden, f"{name}_{place}", layer, name, keras.initializers.get(name))
    dense = LAYERS["dense"]
    for name in OTHERS:
        add_drawn(golden, f"{name}_dense", dense, name, keras.initializers.get(name))
    for name, (value, initializer) in TABLES.items():
        add_drawn(golden, f"{name}_table_dense", dense, {name: value}, initializer)
    small = ((4,), "Dense", "kernel", dict(units=3))
    for name, (written, initializer) in EXACT.items():
        add_exact(golden, name, small, written, initializer)
    # Of a normalisation, gamma and beta begin the same way.
    for kind, table in (("BatchNormalization", {}), ("LayerNormalization", {}), ("GroupNormalization", dict(groups=2))):
        for name, written, initializer in (("gamma", "zeros", "zeros"), ("beta", {"constant": 0.3}, keras.initializers.Constant(0.3))):
            shape = (2, 2, 4)
            add_exact(golden, f"{kind}_{name}", (shape, kind, name, table), written, initializer)
            layer = getattr(keras.layers, kind)(**table)
            layer.build((None, *shape))
            golden.add(f"{kind}_{name}/default", {v.name: v.numpy() for v in layer.weights}[name])
    wide = ((5,), "Dense", "kernel", dict(units=12))
    tall = ((6, 6, 4), "Conv2D", "kernel", dict(filters=7, kernel_size=[3, 3]))
    for place, (shape, kind, name, table) in {"wide": wide, "tall": tall}.items():
        for more, (written, gain) in ORTHOGONAL.items():
            case = f"orthogonal{more}_{place}"
            kernel = parameter(kind, name, shape, table, keras.initializers.Orthogonal(gain=gain, seed=1))
            matrix = kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)
            add(golden, case, shape, kind, name, table, written)
            # Products of its vectors: of rows where there are fewer rows.
            golden.add(f"{case}/products", (matrix @ matrix.T if place == "wide" else matrix.T @ matrix).astype(np.float32))
    golden.save()


if __name__ == "__main__":
    main()
