"""The model of make_trajectory.py with penalties on what layers put out, trained by Keras. Run `python data/golden/make_activity.py`.

The batches are those of trajectory.npz, and so are the weights at the start.
"""

import make_regularizers as base
from common import keras
from make_trajectory import CLASSES

base.REGULARIZERS = {
    "filters = 4\n": "filters = 4\nactivity_regularizer = { l1 = 0.001, l2 = 0.002 }\n",
    "units = 8\n": 'units = 8\nactivity_regularizer = "l2"\nkernel_regularizer = { l2 = 0.003 }\n',
}


def build(dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    layers, reg = keras.layers, keras.regularizers
    return keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.Conv2D(4, 3, activation="relu", name="conv2d", activity_regularizer=reg.L1L2(l1=0.001, l2=0.002)),
        layers.MaxPooling2D(name="max_pooling2d"),
        layers.Flatten(name="flatten"),
        layers.Dense(8, activation="relu", name="dense", activity_regularizer="l2", kernel_regularizer=reg.L2(0.003)),
        layers.Dense(CLASSES, activation="softmax", name="dense_1"),
    ])


if __name__ == "__main__":
    base.build = build
    base.main("activity.npz")
