"""Depthwise and separable convolutions with every key that a training shows, and a penalty on the closing softmax, trained by Keras.

The batches are those of trajectory.npz. Run `python data/golden/make_separable.py`.
"""

import make_regularizers as base
import make_trajectory
from common import Golden, keras, normal, rng
from make_trajectory import CLASSES

MODEL = """\
name = "separable"
input = [8, 8, 1]

[[layers]]
type = "DepthwiseConv2D"
kernel_size = 3
depth_multiplier = 3
activation = "tanh"
activity_regularizer = { l1 = 0.001, l2 = 0.002 }
depthwise_regularizer = { l2 = 0.003 }
depthwise_constraint = { max_norm = 1.05 }

[[layers]]
type = "DepthwiseConv2D"
kernel_size = 2
depth_multiplier = 2
depthwise_constraint = "unit_norm"

[[layers]]
type = "SeparableConv2D"
filters = 4
kernel_size = 3
depth_multiplier = 2
activation = "sigmoid"
activity_regularizer = "l2"
depthwise_constraint = { max_norm = 0.8 }
pointwise_constraint = { max_norm = 1.0 }
pointwise_regularizer = "l1"

[[layers]]
type = "Flatten"

[[layers]]
type = "Dense"
units = 3
activation = "softmax"
activity_regularizer = { l1 = 0.05, l2 = 0.2 }

""" + make_trajectory.MODEL[make_trajectory.MODEL.index("[compile]"):]


def build(dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    layers, reg, constraints = keras.layers, keras.regularizers, keras.constraints
    return keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.DepthwiseConv2D(
            3, depth_multiplier=3, activation="tanh", name="depthwise_conv2d", activity_regularizer=reg.L1L2(l1=0.001, l2=0.002),
            depthwise_regularizer=reg.L2(0.003), depthwise_constraint=constraints.MaxNorm(1.05, axis=[0, 1]),
        ),
        layers.DepthwiseConv2D(
            2, depth_multiplier=2, name="depthwise_conv2d_1", depthwise_constraint=constraints.UnitNorm(axis=[0, 1])
        ),
        layers.SeparableConv2D(
            4, 3, depth_multiplier=2, activation="sigmoid", name="separable_conv2d", activity_regularizer="l2",
            depthwise_constraint=constraints.MaxNorm(0.8, axis=[0, 1]), pointwise_constraint=constraints.MaxNorm(1.0, axis=[0, 1, 2]),
            pointwise_regularizer="l1",
        ),
        layers.Flatten(name="flatten"),
        layers.Dense(CLASSES, activation="softmax", name="dense", activity_regularizer=reg.L1L2(l1=0.05, l2=0.2)),
    ])


def initial_weights():
    random = rng("separable/weights")
    shapes = {f"{layer.name}/{v.name}": tuple(v.shape) for layer in build("float32").layers for v in layer.weights}
    return {name: normal(random, *shape, scale=0.05 if name.endswith("bias") else 0.4) for name, shape in shapes.items()}


class WithStart(Golden):
    """With the weights at the start, which are this model's own."""

    def __init__(self, filename):
        super().__init__(filename)
        for name, value in initial_weights().items():
            self.add(f"initial/{name}", value)


if __name__ == "__main__":
    base.toml = lambda: MODEL
    base.build = build
    base.initial_weights = initial_weights
    base.Golden = WithStart
    base.main("separable.npz")
