"""Fifty steps of each optimizer, from Keras. Run `python data/golden/make_optimizers.py`."""

import numpy as np
from common import Golden, keras, normal, rng, text, toml

# Keras takes 1 - beta_2^t in float32, where 1 - 0.999 is off by 1.3e-5 of itself: after 50 steps with learning rate 0.01 that is 2e-6.
TOLERANCE = 1e-5
STEPS, PARAMETERS = 50, 41

CASES = {
    "sgd": dict(type="SGD"),
    "sgd_momentum": dict(type="SGD", learning_rate=0.05, momentum=0.9),
    "sgd_nesterov": dict(type="SGD", learning_rate=0.05, momentum=0.9, nesterov=True),
    "adam": dict(type="Adam"),
    "adam_other_betas": dict(type="Adam", learning_rate=0.01, beta_1=0.8, beta_2=0.95),
    "adamw": dict(type="AdamW"),
    "adamw_strong_decay": dict(type="AdamW", learning_rate=0.003, weight_decay=0.1),
    "adagrad": dict(type="Adagrad", learning_rate=0.01),
    "adagrad_from_zero": dict(type="Adagrad", learning_rate=0.01, initial_accumulator_value=0.0, epsilon=0.001),
    "lion": dict(type="Lion"),
    "lion_other_betas": dict(type="Lion", learning_rate=0.01, beta_1=0.5, beta_2=0.9),
    "nadam": dict(type="Nadam"),
    "nadam_other_betas": dict(type="Nadam", learning_rate=0.01, beta_1=0.8, beta_2=0.95),
    "rmsprop": dict(type="RMSprop"),
    "rmsprop_momentum": dict(type="RMSprop", rho=0.8, momentum=0.9),
    "rmsprop_centered": dict(type="RMSprop", centered=True, epsilon=0.001),
    "rmsprop_centered_momentum": dict(type="RMSprop", centered=True, momentum=0.5, epsilon=0.001),
    "adam_large_epsilon": dict(type="Adam", learning_rate=0.01, epsilon=0.1),
}


def gradients(random):
    """Steady ones, noisy ones, ones that change scale, tiny ones (where epsilon matters), and a parameter that gets none."""
    g = normal(random, STEPS, PARAMETERS)
    g[:, 0:8] += 1.5
    g[:, 8:16] *= np.float32(10.0) ** random.uniform(-3, 1, (STEPS, 8)).astype(np.float32)
    g[:, 16:24] *= np.float32(1e-7)
    g[:, 24] = 0
    g[: STEPS // 2, 25] = 0
    return g


def keras_weights(table, w, g):
    """Keras's weights after every step."""
    arguments = {key: value for key, value in table.items() if key != "type"}
    optimizer = getattr(keras.optimizers, table["type"])(**arguments)
    variable = keras.Variable(w, dtype="float32")
    optimizer.build([variable])
    weights = []
    for gradient in g:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        weights.append(variable.numpy().copy())
    return np.stack(weights)


def textbook_weights(table, w, g):
    """The same by the published formulas in float64: tells what rounding does to Keras."""
    w, weights = w.astype(np.float64), []
    m, v, a = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    share = lambda t: table.get("beta_1", 0.9) * (1 - 0.5 * 0.96**t)
    for t, gradient in enumerate(g.astype(np.float64), start=1):
        if table["type"] == "SGD":
            lr, momentum = table.get("learning_rate", 0.01), table.get("momentum", 0.0)
            m = momentum * m - lr * gradient
            w = w + (momentum * m - lr * gradient if table.get("nesterov") else m)
        elif table["type"] == "Adagrad":
            lr, epsilon = table["learning_rate"], table.get("epsilon", 1e-7)
            a = a + gradient**2
            w = w - lr * gradient / np.sqrt(a + table.get("initial_accumulator_value", 0.1) + epsilon)
        elif table["type"] == "Lion":
            lr, b1, b2 = table.get("learning_rate", 0.001), table.get("beta_1", 0.9), table.get("beta_2", 0.99)
            w = w - lr * np.sign(b1 * m + (1 - b1) * gradient)
            m = b2 * m + (1 - b2) * gradient
        elif table["type"] == "RMSprop":
            lr, epsilon, rho = 0.001, table.get("epsilon", 1e-7), table.get("rho", 0.9)
            v = rho * v + (1 - rho) * gradient**2
            a = rho * a + (1 - rho) * gradient
            step = lr * gradient / np.sqrt(v - (a**2 if table.get("centered") else 0) + epsilon)
            m = table.get("momentum", 0) * m + step
            w = w - m
        elif table["type"] == "Nadam":
            lr, epsilon = table.get("learning_rate", 0.001), 1e-7
            b1, b2 = table.get("beta_1", 0.9), table.get("beta_2", 0.999)
            m = b1 * m + (1 - b1) * gradient
            v = b2 * v + (1 - b2) * gradient**2
            now, then = (np.prod([share(i) for i in range(1, n + 1)]) for n in (t, t + 1))
            ahead = share(t + 1) * m / (1 - then) + (1 - share(t)) * gradient / (1 - now)
            w = w - lr * ahead / (np.sqrt(v / (1 - b2**t)) + epsilon)
        else:
            lr, epsilon = table.get("learning_rate", 0.001), table.get("epsilon", 1e-7)
            b1, b2 = table.get("beta_1", 0.9), table.get("beta_2", 0.999)
            m = b1 * m + (1 - b1) * gradient
            v = b2 * v + (1 - b2) * gradient**2
            if table["type"] == "AdamW":
                w = w - w * table.get("weight_decay", 0.004) * lr
            w = w - lr * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + epsilon)
        weights.append(w)
    return np.stack(weights)


def main():
    golden = Golden("optimizers.npz")
    for case, table in CASES.items():
        random = rng(f"optimizers/{case}")
        w = normal(random, PARAMETERS, scale=0.1)
        g = gradients(random)
        golden.add(f"{case}/toml", text(toml(table)))
        golden.add(f"{case}/initial", w)
        golden.add(f"{case}/gradients", g)
        golden.add_checked(f"{case}/weights", keras_weights(table, w, g), textbook_weights(table, w, g), TOLERANCE)
    golden.save()


if __name__ == "__main__":
    main()
