"""Twenty steps of a small model's variables with the keys that all optimizers take, and with Muon, from Keras.

Run `python data/golden/make_optimizer_keys.py`."""

import json
import re

import numpy as np
from common import Golden, keras, normal, rng, text

TOLERANCE = 1e-5
STEPS = 20
# Steps after which weights are kept, counted from 0.
KEPT = [0, 1, 4, 5, 11, 19]

VARIABLES = {
    "conv2d/kernel": (3, 3, 2, 4),
    "conv2d/bias": (4,),
    "norm/gamma": (4,),
    "dense/kernel": (12, 5),
    "dense/bias": (5,),
    "dense_1/kernel": (5, 7),
    "dense_1/bias": (7,),
}

SCHEDULE = dict(type="CosineDecay", initial_learning_rate=0.01, decay_steps=12, warmup_target=0.1, warmup_steps=5)

CASES = {
    "clipnorm": dict(type="SGD", learning_rate=0.1, momentum=0.9, clipnorm=0.8),
    "clipnorm_adam": dict(type="Adam", learning_rate=0.01, clipnorm=0.05),
    "clipvalue": dict(type="SGD", learning_rate=0.1, clipvalue=0.3),
    "global_clipnorm": dict(type="SGD", learning_rate=0.1, global_clipnorm=1.5),
    "global_clipnorm_loose": dict(type="RMSprop", learning_rate=0.01, global_clipnorm=1000.0),
    "decay": dict(type="SGD", learning_rate=0.1, weight_decay=0.1),
    "decay_without_some": dict(type="SGD", learning_rate=0.1, momentum=0.9, weight_decay=0.5, exclude_from_weight_decay=["bias", "gamma"]),
    "decay_rmsprop": dict(type="RMSprop", learning_rate=0.01, weight_decay=0.2, clipvalue=0.5),
    "decay_adagrad": dict(type="Adagrad", learning_rate=0.05, weight_decay=0.3),
    "decay_nadam": dict(type="Nadam", learning_rate=0.01, weight_decay=0.3),
    "decay_lion": dict(type="Lion", learning_rate=0.01, weight_decay=0.3),
    "adamw_without_some": dict(type="AdamW", learning_rate=0.01, weight_decay=0.3, exclude_from_weight_decay=["bias"]),
    "average": dict(type="SGD", learning_rate=0.1, use_ema=True, ema_momentum=0.9),
    "average_overwrites": dict(type="Adam", learning_rate=0.01, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=6),
    "all": dict(type="Adam", learning_rate=0.01, clipnorm=0.5, weight_decay=0.1, exclude_from_weight_decay=["bias"], use_ema=True),
    "schedule": dict(type="SGD", learning_rate=SCHEDULE, momentum=0.9),
    "muon": dict(type="Muon"),
    "muon_output_by_adam": dict(type="Muon", learning_rate=0.01, exclude_layers=["dense_1"], adam_lr_ratio=0.5),
    "muon_plain": dict(type="Muon", learning_rate=0.01, nesterov=False, rms_rate=0.0, ns_steps=3, momentum=0.9, weight_decay=0.2, adam_weight_decay=0.1),
    "muon_clipped": dict(type="Muon", learning_rate=0.01, clipnorm=0.5, use_ema=True),
}


def inline(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def keras_weights(table, start, gradients):
    """Keras's weights after every step, and the averages where there are any."""
    arguments = {key: value for key, value in table.items() if key not in ("type", "exclude_from_weight_decay")}
    if isinstance(arguments.get("learning_rate"), dict):
        schedule = dict(arguments["learning_rate"])
        arguments["learning_rate"] = getattr(keras.optimizers.schedules, schedule.pop("type"))(**schedule)
    if arguments.get("rms_rate") == 0.0:
        arguments["rms_rate"] = None
    optimizer = getattr(keras.optimizers, table["type"])(**arguments)
    variables = []
    for name, value in start.items():
        layer, own = name.split("/")
        with keras.name_scope(layer):
            variables.append(keras.Variable(value, dtype="float32", name=own))
        assert variables[-1].path == name, variables[-1].path
    if "exclude_from_weight_decay" in table:
        optimizer.exclude_from_weight_decay(var_names=table["exclude_from_weight_decay"])
    optimizer.build(variables)
    flat = lambda arrays: np.concatenate([np.asarray(array).ravel() for array in arrays])
    weights, averages = [], []
    for step in range(STEPS):
        optimizer.apply([keras.ops.convert_to_tensor(gradients[name][step]) for name in start], variables)
        weights.append(flat(variables))
        if table.get("use_ema"):
            averages.append(flat(optimizer._model_variables_moving_average))
    return np.stack(weights), np.stack(averages) if averages else None


def rate(table, step):
    lr = table.get("learning_rate", 0.001)
    if not isinstance(lr, dict):
        return lr
    warmup = lr["warmup_steps"]
    if step < warmup:
        return lr["initial_learning_rate"] + (lr["warmup_target"] - lr["initial_learning_rate"]) * step / warmup
    return lr["warmup_target"] * 0.5 * (1 + np.cos(np.pi * min((step - warmup) / lr["decay_steps"], 1.0)))


def orthogonal(x, steps):
    wide = x.T if x.shape[0] > x.shape[1] else x
    wide = wide / (np.linalg.norm(wide) + 1e-7)
    for _ in range(steps):
        product = wide @ wide.T
        wide = 3.4445 * wide + (-4.7750 * product + 2.0315 * product @ product) @ wide
    return wide.T if x.shape[0] > x.shape[1] else wide


def update(table, state, name, g, lr, t):
    """What one step takes from a variable, by the published formulas."""
    kind, zeros = table["type"], np.zeros_like(g)
    m, v = state.get((name, "m"), zeros), state.get((name, "v"), zeros)
    b1, b2, epsilon, move = 0.9, 0.99 if kind == "Lion" else 0.999, 1e-7, None
    if kind == "Muon" and matrix(table, name, g):
        mu = table.get("momentum", 0.95)
        m = mu * m + g
        x = orthogonal(g + mu * m if table.get("nesterov", True) else m, table.get("ns_steps", 5))
        adjust = np.sqrt(max(g.shape)) * 0.2 if table.get("rms_rate", 0.2) else 1.0
        move = lr * x * adjust
    elif kind == "SGD":
        m = table.get("momentum", 0.0) * m - lr * g
        move = -m
    elif kind == "RMSprop":
        v = 0.9 * v + 0.1 * g**2
        move = lr * g / np.sqrt(v + epsilon)
    elif kind == "Adagrad":
        v = v + g**2
        move = lr * g / np.sqrt(v + 0.1 + epsilon)
    elif kind == "Lion":
        move = lr * np.sign(b1 * m + (1 - b1) * g)
        m = b2 * m + (1 - b2) * g
    else:
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        if kind == "Nadam":
            share = lambda t: b1 * (1 - 0.5 * 0.96**t)
            now, then = (np.prod([share(i) for i in range(1, n + 1)]) for n in (t, t + 1))
            ahead = share(t + 1) * m / (1 - then) + (1 - share(t)) * g / (1 - now)
            move = lr * ahead / (np.sqrt(v / (1 - b2**t)) + epsilon)
        else:
            lr = lr * table.get("adam_lr_ratio", 1.0)
            move = lr * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + epsilon)
    state[name, "m"], state[name, "v"] = m, v
    return move


def matrix(table, name, g):
    return g.ndim == 2 and not any(word in name for word in table.get("exclude_layers", []))


def textbook_weights(table, start, gradients):
    weights = {name: value.astype(np.float64) for name, value in start.items()}
    averages, state, out, means = dict(weights), {}, [], []
    for t in range(1, STEPS + 1):
        lr = rate(table, t - 1)
        g = {name: gradients[name][t - 1].astype(np.float64) for name in start}
        if "clipnorm" in table:
            g = {name: x * table["clipnorm"] / max(np.linalg.norm(x), table["clipnorm"]) for name, x in g.items()}
        if "global_clipnorm" in table:
            norm = np.sqrt(sum(np.sum(x**2) for x in g.values()))
            g = {name: x * table["global_clipnorm"] / max(norm, table["global_clipnorm"]) for name, x in g.items()}
        if "clipvalue" in table:
            g = {name: np.clip(x, -table["clipvalue"], table["clipvalue"]) for name, x in g.items()}
        for name, x in g.items():
            decay = table.get("weight_decay", 0.004 if table["type"] in ("AdamW", "Muon") else 0.0)
            if table["type"] == "Muon" and not matrix(table, name, x):
                decay = table.get("adam_weight_decay", 0.004)
            if any(re.search(word, name.split("/")[1]) for word in table.get("exclude_from_weight_decay", [])):
                decay = 0.0
            weights[name] = weights[name] * (1 - decay * lr)
            weights[name] = weights[name] - update(table, state, name, x, lr, t)
            momentum = table.get("ema_momentum", 0.99) if t > 1 else 0.0
            averages[name] = momentum * averages[name] + (1 - momentum) * weights[name]
            if table.get("ema_overwrite_frequency") and t % table["ema_overwrite_frequency"] == 0:
                weights[name] = averages[name]
        out.append(np.concatenate([value.ravel() for value in weights.values()]))
        means.append(np.concatenate([value.ravel() for value in averages.values()]))
    return np.stack(out), np.stack(means)


def main():
    golden = Golden("optimizer_keys.npz")
    shapes = [f"{name} {' '.join(map(str, shape))}" for name, shape in VARIABLES.items()]
    golden.add("variables", text("\n".join(shapes)))
    random = rng("optimizer_keys")
    start = {name: normal(random, *shape, scale=0.5) for name, shape in VARIABLES.items()}
    gradients = {name: normal(random, STEPS, *shape, scale=0.3) for name, shape in VARIABLES.items()}
    golden.add("initial", np.concatenate([value.ravel() for value in start.values()]))
    golden.add("gradients", np.concatenate([g.reshape(STEPS, -1) for g in gradients.values()], axis=1))
    golden.add("kept", np.array(KEPT, dtype=np.int64))
    for case, table in CASES.items():
        golden.add(f"{case}/toml", text("\n".join(f"{key} = {inline(value)}" for key, value in table.items())))
        weights, averages = keras_weights(table, start, gradients)
        exact, means = textbook_weights(table, start, gradients)
        golden.add_checked(f"{case}/weights", weights[KEPT], exact[KEPT], TOLERANCE)
        if averages is not None:
            golden.add_checked(f"{case}/averages", averages[KEPT], means[KEPT], TOLERANCE)
    golden.save()


if __name__ == "__main__":
    main()
