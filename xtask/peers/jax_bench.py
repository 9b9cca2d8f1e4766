"""Bare JAX, NHWC: one jitted step with donated state, Adam written down, pooling by reshape. `--scan N` fuses N steps into a call."""

import collections
import os

import common

args = common.arguments({"name": "--scan", "type": int, "default": 1, "help": "steps in a call"})
# JAX takes a thread for each processor that it may use.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax  # noqa: E402

FEATURES, FLAT = common.network(args.network)

# Nine slices side by side and one product train sooner with few filters and small batches; XLA's convolution does otherwise.
PATCHES = args.mode == "train" and args.network == "cnn32" and args.batch <= 32


def initial():
    """Glorot's uniform weights and zero biases, layer by layer."""
    rng = np.random.default_rng(0)

    def glorot(*shape):
        window = int(np.prod(shape[:-2]))
        limit = np.sqrt(6 / (window * (shape[-2] + shape[-1])))
        return jnp.asarray(rng.uniform(-limit, limit, shape).astype(np.float32)), jnp.zeros(shape[-1])

    parameters, channels = [], 1
    for kind, *filters in FEATURES:
        if kind == "conv":
            parameters.append(glorot(3, 3, channels, *filters))
            channels = filters[0]
    return [*parameters, glorot(FLAT, 128), glorot(128, 10)]


def convolved(x, kernel):
    if not PATCHES:
        return lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    _, height, width, channels = x.shape
    patches = [x[:, i : i + height - 2, j : j + width - 2, :] for i in range(3) for j in range(3)]
    return jnp.concatenate(patches, -1) @ kernel.reshape(9 * channels, -1)


def pooled(x):
    n, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))


def logits(parameters, x):
    *convolutions, (hidden, hidden_bias), (last, last_bias) = parameters
    convolutions = iter(convolutions)
    for kind, *_ in FEATURES:
        if kind == "conv":
            kernel, bias = next(convolutions)
            x = jax.nn.relu(convolved(x, kernel) + bias)
        else:
            x = pooled(x)
    x = jax.nn.relu(x.reshape(len(x), -1) @ hidden + hidden_bias)
    return x @ last + last_bias


def loss_of(parameters, x, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits(parameters, x)), labels[:, None], 1).mean()


def update(state, x, labels):
    """One step of Adam."""
    parameters, m, v, t = state
    loss, gradient = jax.value_and_grad(loss_of)(parameters, x, labels)
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradient)
    rate = common.LEARNING_RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    parameters = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), parameters, m, v)
    return (parameters, m, v, t), loss


def first_state():
    parameters = initial()
    # Each slot its own memory: the state is donated.
    zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)  # noqa: E731
    return parameters, zeros(), zeros(), jnp.zeros(())


one_step = jax.jit(update, donate_argnums=0)


def scan(state, images, labels, places):
    """As many steps as `places` has rows."""
    return lax.scan(lambda state, batch: update(state, images[batch], labels[batch]), state, places)


many_steps = jax.jit(scan, donate_argnums=0)


def train():
    images, labels = common.load()
    if args.scan > 1:
        images, labels = jnp.asarray(images), jnp.asarray(labels)
    state, started = first_state(), collections.deque()
    places = common.Batches(len(images), args.scan * args.batch, np.random.default_rng(0).permutation)

    def one():
        nonlocal state
        batch = places()
        if args.scan > 1:
            batch = batch.reshape(args.scan, args.batch).astype(np.int32)
            state, loss = many_steps(state, images, labels, batch)
        else:
            state, loss = one_step(state, images[batch], labels[batch])
        started.append(loss)
        # A call returns before its work is done; a few may wait, more would hide from the clock.
        if len(started) > 4:
            started.popleft().block_until_ready()

    figures = common.training(one, args.scan * args.batch, args.seconds, lambda: jax.block_until_ready(state))
    return figures | {"loss": float(started[-1].mean())}


def infer():
    images, _ = common.load("t10k")
    parameters = initial()
    forward = jax.jit(lambda x: jax.nn.softmax(logits(parameters, x)))
    return common.answering(lambda x: np.asarray(forward(x)), images, args.batch, args.seconds)


def cold():
    images, labels = common.load()
    jax.block_until_ready(one_step(first_state(), images[: args.batch], labels[: args.batch]))
    return {}


settings = {"convolution": "patches" if PATCHES else "lax", "pooling": "reshape", "steps_in_a_call": args.scan}
common.run(args, {"jax": jax.__version__}, settings, {"train": train, "infer": infer, "cold": cold})
