"""Golden vectors of the random layers. Run `python data/golden/make_augment.py`.

`augment.npz` holds what Keras's layers make of images once their random numbers are drawn: the numbers are given here, so
that other generators can be compared. The files named after layers hold inference.
"""

import numpy as np
from common import Golden, keras, rng, text, tf, toml

TOLERANCE = 1e-5
SHAPE = (6, 7, 5, 2)
MODES = [(fill, how) for fill in ("reflect", "wrap", "constant", "nearest") for how in ("bilinear", "nearest")]


def uniform(name, low, high, *shape):
    return rng(name).uniform(low, high, shape).astype(np.float32)


def through(layer, x, matrices):
    """The images through the maps, as the layer's own call does it."""
    return keras.src.backend.image.affine_transform(
        x, transform=matrices, interpolation=layer.interpolation, fill_mode=layer.fill_mode, fill_value=layer.fill_value
    ).numpy()


def clear_of_jumps(layer, x, matrices):
    """Where nearest pixels change and where wrapping jumps, rounding decides: such draws are not compared."""
    y = through(layer, x, matrices)
    for axis in (2, 5):
        for nudge in (-1e-4, 1e-4):
            moved = np.array(matrices)
            moved[:, axis] += nudge
            if np.abs(through(layer, x, moved) - y).max() > 1e-3:
                return False
    return True


def geometric(golden, kind, low, high, columns, matrices_of, **keys):
    for fill, how in MODES:
        layer = getattr(keras.layers, kind)(**keys, fill_mode=fill, interpolation=how, fill_value=0.25)
        case = f"{kind}/{fill}_{how}"
        for attempt in range(1000):
            x = uniform(f"{case}/x/{attempt}", 0, 1, *SHAPE)
            drawn = uniform(f"{case}/{attempt}", low, high, SHAPE[0], columns)
            matrices = np.asarray(matrices_of(layer, drawn))
            if clear_of_jumps(layer, x, matrices):
                break
        else:
            raise AssertionError(case)
        golden.add(f"{case}/x", x)
        golden.add(f"{case}/drawn", drawn)
        golden.add(f"{case}/y", through(layer, x, matrices))


def rotation(layer, turns):
    n = turns.shape[0]
    zeros, ones = np.zeros(n, np.float32), np.ones(n, np.float32)
    return layer._compute_affine_matrix(
        center_x=0.5, center_y=0.5, angle=tf.constant(turns[:, 0] * 360), translate_x=zeros, translate_y=zeros, scale=ones,
        shear_x=zeros, shear_y=zeros, height=SHAPE[1], width=SHAPE[2],
    )  # fmt: skip


def translation(layer, shift):
    return layer._get_translation_matrix(tf.constant(shift[:, ::-1] * [SHAPE[2], SHAPE[1]], tf.float32))


def zoom(layer, factor):
    return layer._get_zoom_matrix(tf.constant(1 + factor[:, ::-1]), SHAPE[1], SHAPE[2])


def contrast(golden):
    layer = keras.layers.RandomContrast(0.5, value_range=(0, 1))
    x, factor = uniform("contrast/x", 0, 1, *SHAPE), uniform("contrast", 0.3, 1.9, SHAPE[0], 1)
    y = layer.transform_images(tf.constant(x), {"contrast_factor": factor[:, :, None, None]}, training=True)
    golden.add("RandomContrast/unit/x", x)
    golden.add("RandomContrast/unit/drawn", factor)
    golden.add("RandomContrast/unit/y", y.numpy())


def erasing(golden):
    """Drawn: share of height and width (squared), place of both between 0 and 1."""
    layer = keras.layers.RandomErasing(1.0, fill_value=0.25, value_range=(0, 1))
    x = uniform("erasing/x", 0, 1, *SHAPE)
    drawn = np.concatenate([uniform("erasing/shares", 0.02, 0.6, SHAPE[0], 2), uniform("erasing", 0, 1, SHAPE[0], 2)], axis=1)
    side = np.sqrt(drawn[:, :2]) * np.float32(SHAPE[1:3])
    start = drawn[:, 2:] * (np.float32(SHAPE[1:3]) - side)
    end = start + side
    corners = [tf.constant(part[:, axis]) for axis in (1, 0) for part in (start, end)]
    mask = layer._generate_batch_mask(SHAPE, corners)
    fill = layer._get_fill_value(tf.constant(x), SHAPE, None)
    transformation = {"batch_masks": mask, "apply_erasing": tf.ones(SHAPE[0], bool), "fill_value": fill}
    golden.add("RandomErasing/fill/x", x)
    golden.add("RandomErasing/fill/drawn", drawn)
    golden.add("RandomErasing/fill/y", layer.transform_images(tf.constant(x), transformation, training=True).numpy())


INFERENCE = {
    "RandomFlip": {"default": {}, "horizontal": dict(mode="horizontal"), "vertical": dict(mode="vertical")},
    "RandomTranslation": {
        "both": dict(height_factor=0.2, width_factor=[-0.1, 0.3]),
        "constant": dict(height_factor=0.2, width_factor=0.1, fill_mode="constant", fill_value=0.5),
    },
    "RandomRotation": {"tenth": dict(factor=0.1), "nearest": dict(factor=[-0.1, 0.2], interpolation="nearest")},
    "RandomZoom": {"one": dict(height_factor=0.2), "two": dict(height_factor=0.2, width_factor=[-0.3, 0.1], fill_mode="wrap")},
    "RandomErasing": {"default": {}, "all_keys": dict(factor=[0.5, 1.0], scale=[0.1, 0.2], fill_value=0.0, value_range=[0, 1])},
    "RandomContrast": {"fifth": dict(factor=0.2), "range": dict(factor=[0.1, 0.4], value_range=[0, 1])},
    "GaussianNoise": {"tenth": dict(stddev=0.1), "none": dict(stddev=0.0)},
}

# Input shape, and the keys. `padding` is ours, and of no effect in inference.
CROP = {
    "same_size": ((2, 6, 7, 2), dict(height=6, width=7)),
    "same_size_padded": ((2, 6, 7, 2), dict(height=6, width=7, padding=4)),
    "smaller": ((2, 8, 8, 3), dict(height=5, width=5)),
    "wider": ((2, 9, 7, 1), dict(height=3, width=5)),
    "higher": ((2, 7, 10, 2), dict(height=6, width=4)),
    "larger": ((2, 6, 5, 2), dict(height=8, width=7, padding=1)),
    "one_pixel": ((2, 5, 5, 1), dict(height=1, width=1)),
}


def inference():
    for kind, cases in INFERENCE.items():
        golden = Golden(f"{kind}.npz")
        for case, table in cases.items():
            x = uniform(f"{kind}/{case}", 0, 1, *SHAPE)
            golden.add(f"{case}/toml", text(toml({"type": kind} | table)))
            golden.add(f"{case}/x", x)
            golden.add(f"{case}/y", np.asarray(getattr(keras.layers, kind)(**table)(x, training=False)))
        golden.save()


def crop():
    """Keras's RandomCrop leaves images uncut in inference, against its documentation: smart_resize is what that describes."""
    golden = Golden("RandomCrop.npz")
    for case, (shape, table) in CROP.items():
        x, size = uniform(f"RandomCrop/{case}", 0, 1, *shape), (table["height"], table["width"])
        golden.add(f"{case}/toml", text(toml({"type": "RandomCrop"} | table)))
        golden.add(f"{case}/x", x)
        variable = tf.constant(x)
        dy = rng(f"RandomCrop/{case}/dy").standard_normal((shape[0], *size, shape[3])).astype(np.float32)
        with tf.GradientTape() as tape:
            tape.watch(variable)
            y = keras.preprocessing.image.smart_resize(variable, size)
            target = tf.reduce_sum(y * dy)
        golden.add(f"{case}/y", y.numpy())
        golden.add(f"{case}/dy", dy)
        golden.add(f"{case}/dx", tape.gradient(target, variable).numpy())
    golden.save()


if __name__ == "__main__":
    golden = Golden("augment.npz")
    geometric(golden, "RandomRotation", -0.4, 0.4, 1, rotation, factor=0.4)
    geometric(golden, "RandomTranslation", -0.9, 0.9, 2, translation, height_factor=0.9, width_factor=0.9)
    geometric(golden, "RandomZoom", -0.7, 0.9, 2, zoom, height_factor=0.9, width_factor=0.9)
    contrast(golden)
    erasing(golden)
    golden.save()
    inference()
    crop()
