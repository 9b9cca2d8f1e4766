"""The rate of every step by each learning-rate schedule: Keras's, and PyTorch's OneCycleLR. Run `python data/golden/make_schedules.py`."""

import json
import math
import subprocess
import sys

import numpy as np
from common import Golden, keras, text, toml

TOLERANCE = 1e-6
STEPS = 60

KERAS = {
    "exponential": dict(type="ExponentialDecay", initial_learning_rate=0.1, decay_steps=7, decay_rate=0.5),
    "exponential_staircase": dict(type="ExponentialDecay", initial_learning_rate=0.02, decay_steps=9, decay_rate=0.9, staircase=True),
    "piecewise": dict(type="PiecewiseConstantDecay", boundaries=[3, 20, 41], values=[0.1, 0.03, 0.5, 0.002]),
    "piecewise_one": dict(type="PiecewiseConstantDecay", boundaries=[1], values=[0.1, 0.01]),
    "polynomial": dict(type="PolynomialDecay", initial_learning_rate=0.1, decay_steps=40),
    "polynomial_root": dict(type="PolynomialDecay", initial_learning_rate=0.1, decay_steps=25, end_learning_rate=0.01, power=0.5),
    "polynomial_cycle": dict(type="PolynomialDecay", initial_learning_rate=0.1, decay_steps=13, end_learning_rate=0.01, power=2.0, cycle=True),
    "inverse_time": dict(type="InverseTimeDecay", initial_learning_rate=0.1, decay_steps=5, decay_rate=0.5),
    "inverse_time_staircase": dict(type="InverseTimeDecay", initial_learning_rate=0.1, decay_steps=8, decay_rate=1.5, staircase=True),
    "cosine": dict(type="CosineDecay", initial_learning_rate=0.1, decay_steps=50),
    "cosine_alpha": dict(type="CosineDecay", initial_learning_rate=0.1, decay_steps=33, alpha=0.1),
    "cosine_warmup": dict(type="CosineDecay", initial_learning_rate=0.0, decay_steps=40, warmup_target=0.1, warmup_steps=10),
    "cosine_warmup_alpha": dict(type="CosineDecay", initial_learning_rate=0.01, decay_steps=30, alpha=0.05, warmup_target=0.2, warmup_steps=7),
    "restarts": dict(type="CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=8),
    "restarts_equal": dict(type="CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=16, t_mul=1.0, m_mul=0.5, alpha=0.1),
    "restarts_growing": dict(type="CosineDecayRestarts", initial_learning_rate=0.1, first_decay_steps=4, t_mul=2.5, m_mul=0.8, alpha=0.01),
}

TORCH = {
    "one_cycle": dict(type="OneCycle", max_lr=0.1, total_steps=60),
    "one_cycle_linear": dict(type="OneCycle", max_lr=0.02, total_steps=60, pct_start=0.25, anneal_strategy="linear"),
    "one_cycle_factors": dict(type="OneCycle", max_lr=1.0, total_steps=60, pct_start=0.5, div_factor=10.0, final_div_factor=100.0),
    "one_cycle_at_once": dict(type="OneCycle", max_lr=0.1, total_steps=60, pct_start=0.0),
}


def keras_rates(table):
    arguments = {key: value for key, value in table.items() if key != "type"}
    schedule = getattr(keras.optimizers.schedules, table["type"])(**arguments)
    return np.array([float(schedule(step)) for step in range(STEPS)], dtype=np.float32)


# A process of its own: PyTorch and TensorFlow do not load into one.
IN_TORCH = """
import json, sys, torch
arguments = json.loads(sys.argv[1])
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, cycle_momentum=False, **arguments)
rates = []
for _ in range(int(sys.argv[2])):
    rates.append(schedule.get_last_lr()[0])
    optimizer.step()
    schedule.step()
print(json.dumps(rates))
"""


def torch_rates(table):
    arguments = json.dumps({key: value for key, value in table.items() if key != "type"})
    command = [sys.executable, "-c", IN_TORCH, arguments, str(STEPS)]
    return np.array(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout), dtype=np.float64)


def textbook(table, step):
    """The published formulas in float64: tells what rounding does to Keras."""
    first, kind, alpha = table.get("initial_learning_rate"), table["type"], table.get("alpha", 0.0)
    wave = lambda p: (1 - alpha) * 0.5 * (1 + math.cos(math.pi * min(p, 1.0))) + alpha
    if kind == "PiecewiseConstantDecay":
        return table["values"][sum(step > boundary for boundary in table["boundaries"])]
    if kind == "CosineDecayRestarts":
        begin, length, i = 0.0, float(table["first_decay_steps"]), 0
        while step >= begin + length:
            begin, length, i = begin + length, length * table.get("t_mul", 2.0), i + 1
        height = table.get("m_mul", 1.0) ** i * 0.5 * (1 + math.cos(math.pi * (step - begin) / length))
        return first * ((1 - alpha) * height + alpha)
    p = step / table["decay_steps"]
    if kind == "CosineDecay":
        if "warmup_target" not in table:
            return first * wave(p)
        target, warmup = table["warmup_target"], table["warmup_steps"]
        if step < warmup:
            return first + (target - first) * step / warmup
        return target * wave((step - warmup) / table["decay_steps"])
    if kind == "PolynomialDecay":
        end, power = table.get("end_learning_rate", 0.0001), table.get("power", 1.0)
        p = p / max(1, math.ceil(p)) if table.get("cycle") else min(p, 1.0)
        return (first - end) * (1 - p) ** power + end
    p = math.floor(p) if table.get("staircase") else p
    if kind == "ExponentialDecay":
        return first * table["decay_rate"] ** p
    return first / (1 + table["decay_rate"] * p)


def main():
    golden = Golden("schedules.npz")
    for case, table in KERAS.items():
        golden.add(f"{case}/toml", text(toml(table)))
        exact = np.array([textbook(table, step) for step in range(STEPS)], dtype=np.float64)
        golden.add_checked(f"{case}/rates", keras_rates(table), exact, TOLERANCE)
    for case, table in TORCH.items():
        golden.add(f"{case}/toml", text(toml(table)))
        rates = torch_rates(table)
        golden.add_checked(f"{case}/rates", rates.astype(np.float32), rates, TOLERANCE)
    golden.save()


if __name__ == "__main__":
    main()
