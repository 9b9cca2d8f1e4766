"""Golden vectors of every layer: output and gradients from Keras. Run `python data/golden/make_layers.py`."""

import numpy as np
from common import Golden, keras, normal, rng, text, tf, toml

TOLERANCE = 1e-5
# No relu input lies closer to 0 than this, no two candidates of a pooling window closer to each other: rounding cannot turn a gradient on or off.
MARGIN = 1e-3

CONV2D = {
    "valid_relu": ((2, 7, 6, 1), dict(filters=4, kernel_size=3, activation="relu")),
    "three_channels": ((2, 6, 7, 3), dict(filters=5, kernel_size=[3, 3])),
    "same_odd_kernel": ((2, 5, 6, 2), dict(filters=3, kernel_size=3, padding="same", activation="relu")),
    "same_stride2_even_size": ((2, 8, 8, 2), dict(filters=3, kernel_size=3, strides=2, padding="same")),
    "same_stride2_odd_size": ((2, 7, 7, 2), dict(filters=3, kernel_size=3, strides=2, padding="same")),
    "same_even_kernel": ((2, 5, 6, 3), dict(filters=4, kernel_size=2, padding="same", activation="relu")),
    "same_stride3_kernel5x2": ((1, 11, 10, 2), dict(filters=3, kernel_size=[5, 2], strides=[3, 2], padding="same")),
    "same_stride_past_kernel": ((2, 8, 7, 2), dict(filters=3, kernel_size=1, strides=2, padding="same")),
    "rectangular_no_bias": ((2, 11, 9, 3), dict(filters=5, kernel_size=[5, 3], strides=[2, 1], use_bias=False)),
    "valid_drops_the_rest": ((2, 9, 8, 1), dict(filters=2, kernel_size=[2, 3], strides=[2, 3])),
    "one_by_one": ((3, 4, 5, 3), dict(filters=6, kernel_size=1, activation="relu")),
    "kernel_is_the_image": ((3, 3, 4, 2), dict(filters=7, kernel_size=[3, 4])),
    "padding_1": ((2, 6, 5, 2), dict(filters=3, kernel_size=3, padding=1, activation="relu")),
    "padding_2_stride2": ((2, 7, 8, 1), dict(filters=3, kernel_size=3, strides=2, padding=2)),
    "sigmoid": ((3, 6, 6, 2), dict(filters=3, kernel_size=3, activation="sigmoid")),
    "tanh": ((3, 6, 6, 2), dict(filters=3, kernel_size=3, activation="tanh")),
    "linear": ((3, 6, 6, 2), dict(filters=3, kernel_size=3, activation="linear")),
    "gelu": ((3, 6, 6, 2), dict(filters=3, kernel_size=3, activation="gelu")),
    "softmax_over_filters": ((2, 5, 5, 2), dict(filters=4, kernel_size=3, activation="softmax")),
    "many_filters": ((1, 6, 6, 9), dict(filters=33, kernel_size=3, activation="relu")),
    "batch_3": ((3, 12, 12, 4), dict(filters=8, kernel_size=3, activation="relu")),
    "dilated": ((2, 9, 8, 2), dict(filters=3, kernel_size=3, dilation_rate=2)),
    "dilated_same": ((2, 7, 8, 3), dict(filters=4, kernel_size=3, dilation_rate=[2, 3], padding="same", activation="relu")),
    "dilated_same_even_kernel": ((2, 7, 6, 2), dict(filters=3, kernel_size=2, dilation_rate=3, padding="same")),
    "dilated_padding_1": ((1, 8, 9, 2), dict(filters=3, kernel_size=[2, 3], dilation_rate=[3, 1], padding=1)),
    "dilated_beyond_the_image": ((2, 4, 5, 1), dict(filters=3, kernel_size=3, dilation_rate=4, padding="same")),
    "groups": ((2, 6, 7, 4), dict(filters=6, kernel_size=3, groups=2)),
    "groups_same_stride2": ((2, 7, 6, 6), dict(filters=9, kernel_size=3, strides=2, padding="same", groups=3, activation="relu")),
    "groups_dilated_no_bias": ((2, 7, 8, 4), dict(filters=8, kernel_size=3, dilation_rate=2, groups=4, use_bias=False)),
    "groups_each_channel": ((2, 6, 5, 17), dict(filters=17, kernel_size=3, padding="same", groups=17)),
}

# TensorFlow's depthwise convolution wants the same stride along both axes.
DEPTHWISE_CONV2D = {
    "valid_relu": ((2, 7, 6, 3), dict(kernel_size=3, activation="relu")),
    "same": ((2, 6, 5, 17), dict(kernel_size=3, padding="same")),
    "same_stride2": ((2, 8, 7, 4), dict(kernel_size=3, strides=2, padding="same")),
    "rectangular_stride3_no_bias": ((2, 9, 10, 5), dict(kernel_size=[2, 4], strides=3, use_bias=False)),
    "multiplier_2": ((2, 6, 7, 3), dict(kernel_size=3, depth_multiplier=2, activation="tanh")),
    "multiplier_3_same_stride2": ((1, 7, 7, 2), dict(kernel_size=3, depth_multiplier=3, strides=2, padding="same")),
    "dilated": ((2, 9, 8, 4), dict(kernel_size=3, dilation_rate=2)),
    "dilated_same": ((2, 6, 7, 9), dict(kernel_size=3, dilation_rate=[2, 2], padding="same")),
    "padding_1": ((2, 5, 6, 33), dict(kernel_size=3, padding=1, activation="relu")),
    "one_channel": ((2, 6, 6, 1), dict(kernel_size=3)),
    "softmax": ((2, 4, 4, 3), dict(kernel_size=2, activation="softmax")),
}

SEPARABLE_CONV2D = {
    "valid_relu": ((2, 7, 6, 3), dict(filters=4, kernel_size=3, activation="relu")),
    "same_stride2": ((2, 8, 7, 4), dict(filters=5, kernel_size=3, strides=2, padding="same")),
    "multiplier_2_no_bias": ((2, 6, 7, 3), dict(filters=4, kernel_size=[3, 2], depth_multiplier=2, use_bias=False)),
    "dilated_same": ((2, 6, 7, 2), dict(filters=3, kernel_size=3, dilation_rate=2, padding="same", activation="sigmoid")),
    "padding_1": ((2, 5, 6, 17), dict(filters=18, kernel_size=3, padding=1)),
}

MAX_POOLING2D = {
    "default": ((2, 6, 8, 3), dict()),
    "pool_2": ((2, 6, 6, 3), dict(pool_size=2)),
    "odd_size_drops_the_rest": ((2, 7, 5, 2), dict(pool_size=2)),
    "overlapping_3_stride_2": ((2, 9, 8, 2), dict(pool_size=3, strides=2)),
    "overlapping_3_stride_1": ((2, 5, 6, 2), dict(pool_size=3, strides=1)),
    "rectangular": ((2, 6, 9, 3), dict(pool_size=[2, 3])),
    "rectangular_strides": ((1, 8, 9, 2), dict(pool_size=[2, 3], strides=[3, 2])),
    "same_odd_size": ((2, 7, 5, 3), dict(pool_size=2, padding="same")),
    "same_overlapping": ((2, 6, 7, 2), dict(pool_size=3, strides=2, padding="same")),
    "same_all_negative": ((2, 5, 5, 2), dict(pool_size=3, strides=2, padding="same")),
    "batch_3_lanes": ((3, 4, 4, 17), dict(pool_size=2)),
    "constant": ((2, 6, 6, 2), dict(pool_size=2)),
}

AVERAGE_POOLING2D = {
    "pool_2": ((2, 6, 8, 3), dict(pool_size=2)),
    "odd_size_drops_the_rest": ((2, 7, 5, 2), dict(pool_size=2)),
    "overlapping_3_stride_2": ((2, 9, 8, 2), dict(pool_size=3, strides=2)),
    "rectangular_strides": ((1, 8, 9, 2), dict(pool_size=[2, 3], strides=[3, 2])),
    "same_odd_size": ((2, 7, 5, 3), dict(pool_size=2, padding="same")),
    "same_overlapping": ((2, 6, 7, 2), dict(pool_size=3, strides=2, padding="same")),
    "batch_3_lanes": ((3, 4, 4, 17), dict(pool_size=2)),
}

GLOBAL_POOLING2D = {
    "image": ((2, 5, 4, 3), dict()),
    "keepdims": ((3, 3, 3, 17), dict(keepdims=True)),
    "one_pixel": ((2, 1, 1, 5), dict()),
}

ZERO_PADDING2D = {
    "default": ((2, 3, 4, 2), dict()),
    "axes": ((2, 3, 4, 1), dict(padding=[0, 2])),
    "sides": ((1, 2, 3, 3), dict(padding=[[1, 0], [2, 3]])),
}

CROPPING2D = {
    "default": ((2, 3, 4, 2), dict()),
    "all_sides": ((2, 5, 4, 3), dict(cropping=1)),
    "axes": ((2, 5, 4, 1), dict(cropping=[2, 0])),
    "sides": ((3, 4, 7, 2), dict(cropping=[[1, 0], [2, 3]])),
}

RESCALING = {
    "to_minus_one_and_one": ((2, 4, 3, 1), dict(scale=2.0, offset=-1.0)),
    "scale_alone": ((3, 7), dict(scale=0.5)),
}

RESHAPE = {
    "image": ((2, 24), dict(target_shape=[4, 3, 2])),
    "the_rest": ((3, 2, 6), dict(target_shape=[4, -1])),
}

LAYER_NORMALIZATION = {
    "flat": ((3, 9), dict()),
    "pixels": ((2, 3, 4, 5), dict(epsilon=0.1)),
    "no_center": ((2, 17), dict(center=False)),
    "no_scale": ((2, 3, 8), dict(scale=False)),
}

GROUP_NORMALIZATION = {
    "three_groups": ((2, 4, 3, 6), dict(groups=3)),
    "one_group": ((2, 3, 3, 5), dict(groups=1, epsilon=0.1)),
    "a_group_each": ((2, 4, 4, 7), dict(groups=7)),
    "default": ((1, 3, 3, 64), dict()),
    "no_center": ((2, 3, 3, 4), dict(groups=2, center=False)),
    "no_scale": ((2, 3, 3, 4), dict(groups=2, scale=False)),
}

ACTIVITY_REGULARIZATION = {
    "image": ((2, 3, 4, 2), dict(l1=0.01, l2=0.02)),
}

DENSE = {
    "relu": ((5, 12), dict(units=7, activation="relu")),
    "softmax": ((4, 9), dict(units=10, activation="softmax")),
    "linear": ((3, 8), dict(units=5)),
    "sigmoid": ((3, 8), dict(units=5, activation="sigmoid")),
    "tanh": ((3, 8), dict(units=5, activation="tanh")),
    "mish": ((3, 8), dict(units=5, activation="mish")),
    "no_bias": ((3, 8), dict(units=5, use_bias=False)),
    "one_unit": ((4, 6), dict(units=1)),
    "wide": ((2, 37), dict(units=67, activation="relu")),
    "last_axis_of_rank_4": ((2, 3, 4, 5), dict(units=6, activation="relu")),
    "softmax_last_axis_of_rank_3": ((2, 3, 5), dict(units=4, activation="softmax")),
}

ACTIVATION = {
    "relu": ((3, 4, 5, 2), dict(activation="relu")),
    "relu_at_zero": ((2, 21), dict(activation="relu")),
    "linear": ((3, 7), dict(activation="linear")),
    "elu": ((3, 4, 5, 2), dict(activation="elu")),
    "exponential": ((3, 17), dict(activation="exponential")),
    "gelu": ((3, 4, 5, 2), dict(activation="gelu")),
    "gelu_far_out": ((2, 33), dict(activation="gelu")),
    "silu": ((3, 4, 5, 2), dict(activation="silu")),
    "swish_far_out": ((2, 33), dict(activation="swish")),
    "mish": ((3, 4, 5, 2), dict(activation="mish")),
    "mish_far_out": ((2, 33), dict(activation="mish")),
    "hard_silu": ((3, 4, 5, 2), dict(activation="hard_silu")),
    "hard_swish_far_out": ((2, 33), dict(activation="hard_swish")),
    "hard_sigmoid": ((3, 4, 5, 2), dict(activation="hard_sigmoid")),
    "hard_sigmoid_far_out": ((2, 33), dict(activation="hard_sigmoid")),
    "leaky_relu": ((3, 4, 5, 2), dict(activation="leaky_relu")),
    "relu6": ((3, 4, 5, 2), dict(activation="relu6")),
    "relu6_far_out": ((2, 33), dict(activation="relu6")),
    "selu": ((3, 4, 5, 2), dict(activation="selu")),
    "elu_far_out": ((2, 33), dict(activation="elu")),
    "softplus": ((3, 4, 5, 2), dict(activation="softplus")),
    "softplus_far_out": ((2, 33), dict(activation="softplus")),
    "softsign": ((3, 4, 5, 2), dict(activation="softsign")),
    "sigmoid": ((3, 4, 5, 2), dict(activation="sigmoid")),
    "sigmoid_far_out": ((2, 33), dict(activation="sigmoid")),
    "tanh": ((3, 4, 5, 2), dict(activation="tanh")),
    "tanh_far_out": ((2, 33), dict(activation="tanh")),
    "softmax": ((5, 10), dict(activation="softmax")),
    "softmax_last_axis": ((2, 3, 4, 5), dict(activation="softmax")),
    "softmax_far_out": ((4, 11), dict(activation="softmax")),
}

FLATTEN = {
    "image": ((3, 4, 5, 2), dict()),
    "sequence": ((2, 3, 4), dict()),
    "flat_already": ((2, 7), dict()),
}

# Inference only: which elements training drops is the business of the random generator.
SPATIAL_DROPOUT2D = {
    "image": ((2, 4, 4, 3), dict(rate=0.25)),
}

DROPOUT = {
    "half": ((3, 10), dict(rate=0.5)),
    "image": ((2, 4, 4, 3), dict(rate=0.25)),
    "none": ((3, 10), dict(rate=0.0)),
}


def tuples(value):
    """Keras wants tuples where a table has lists."""
    return tuple(tuples(n) for n in value) if isinstance(value, list) else value


def build(kind, table, dtype):
    """The Keras layer of a table. A number as padding is ours: Keras says ZeroPadding2D, then valid."""
    table = dict(table)
    before = []
    if isinstance(table.get("padding"), int) and kind != "ZeroPadding2D":
        before = [keras.layers.ZeroPadding2D(table.pop("padding"), dtype=dtype)]
    table = {key: tuples(value) for key, value in table.items()}
    layer = getattr(keras.layers, kind)(**table, dtype=dtype)
    return layer, before


def run(kind, table, dtype, x, weights, dy):
    """y, and if there is a dy also the gradients of sum(y * dy), by name."""
    layer, before = build(kind, table, dtype)
    x = tf.constant(x.astype(dtype))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        h = x
        for step in before:
            h = step(h)
        if not layer.built:
            layer.build(h.shape)
            layer.set_weights([weights[v.name].astype(dtype) for v in layer.weights])
        y = layer(h)
        target = None if dy is None else tf.reduce_sum(y * tf.constant(dy.astype(dtype)))
    results = {"y": y.numpy()}
    if target is not None:
        results["dx"] = tape.gradient(target, x).numpy()
        for v in layer.weights:
            results["d" + v.name] = tape.gradient(target, v.value).numpy()
    return results


def parameter_shapes(kind, table, shape):
    layer, before = build(kind, table, "float32")
    h = tf.zeros(shape)
    for step in before:
        h = step(h)
    layer(h)
    return {v.name: tuple(v.shape) for v in layer.weights}, tuple(layer(h).shape)


def inputs(kind, case, shape, table, attempt):
    random = rng(f"{kind}/{case}", attempt)
    if kind == "MaxPooling2D" and case == "constant":
        return np.full(shape, 0.5, np.float32), {}, None
    if kind in ("MaxPooling2D", "GlobalMaxPooling2D"):
        count = int(np.prod(shape))
        x = ((random.permutation(count) - count / 2) * (4 / count)).astype(np.float32).reshape(shape)
        x = x - 5 if case == "same_all_negative" else x
    elif case.endswith("far_out"):
        x = normal(random, *shape, scale=40.0)
    elif case == "relu_at_zero":
        x = np.round(normal(random, *shape))
    else:
        x = normal(random, *shape)
    parameters, output = parameter_shapes(kind, table, shape)
    weights = {name: normal(random, *size, scale=0.5) for name, size in parameters.items()}
    dy = None if kind in ("Dropout", "SpatialDropout2D") else normal(random, *output)
    return x, weights, dy


def clear_of_kinks(kind, table, x, weights):
    if table.get("activation") != "relu" or kind == "Activation":
        return True
    z = run(kind, table | {"activation": "linear"}, "float64", x, weights, None)["y"]
    return np.abs(z).min() > MARGIN


def make(kind, cases):
    golden = Golden(f"{kind}.npz")
    for case, (shape, table) in cases.items():
        for attempt in range(1000):
            x, weights, dy = inputs(kind, case, shape, table, attempt)
            if clear_of_kinks(kind, table, x, weights):
                break
        else:
            raise AssertionError(f"{kind}/{case}: every attempt lies on a kink")
        golden.add(f"{case}/toml", text(toml({"type": kind} | table)))
        golden.add(f"{case}/x", x)
        for name, value in weights.items():
            golden.add(f"{case}/{name}", value)
        single = run(kind, table, "float32", x, weights, dy)
        double = run(kind, table, "float64", x, weights, dy)
        golden.add_checked(f"{case}/y", single.pop("y"), double.pop("y"), TOLERANCE)
        if dy is not None:
            golden.add(f"{case}/dy", dy)
        for name, value in single.items():
            golden.add_checked(f"{case}/{name}", value, double[name], TOLERANCE)
    golden.save()


if __name__ == "__main__":
    make("Conv2D", CONV2D)
    make("DepthwiseConv2D", DEPTHWISE_CONV2D)
    make("SeparableConv2D", SEPARABLE_CONV2D)
    make("MaxPooling2D", MAX_POOLING2D)
    make("Dense", DENSE)
    make("Activation", ACTIVATION)
    make("ActivityRegularization", ACTIVITY_REGULARIZATION)
    make("Flatten", FLATTEN)
    make("Dropout", DROPOUT)
    make("AveragePooling2D", AVERAGE_POOLING2D)
    make("GlobalAveragePooling2D", GLOBAL_POOLING2D)
    make("GlobalMaxPooling2D", GLOBAL_POOLING2D)
    make("ZeroPadding2D", ZERO_PADDING2D)
    make("Cropping2D", CROPPING2D)
    make("Rescaling", RESCALING)
    make("Reshape", RESHAPE)
    make("SpatialDropout2D", SPATIAL_DROPOUT2D)
    make("LayerNormalization", LAYER_NORMALIZATION)
    make("GroupNormalization", GROUP_NORMALIZATION)
