"""Traces of Keras's own callbacks, for crates/cnn-callbacks/tests/golden.rs.

Runs each callback over scripted logs with a dummy model, without training anything, and writes what it did to the JSON files in
callbacks/. The tests only read those files. To make them again:

    pip install tensorflow-cpu==2.21.0 keras==3.15.1 && python data/golden/make_callbacks.py
"""

import json
import math
import os
import pathlib
import random
import tempfile
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras.src.callbacks import learning_rate_scheduler as scheduler_module
from keras.src.callbacks import model_checkpoint as checkpoint_module
from keras.src.callbacks import progbar_logger
from keras.src.callbacks import reduce_lr_on_plateau as reduce_module
from keras.src.callbacks import terminate_on_nan as terminate_module
from keras.src.utils import progbar

HERE = pathlib.Path(__file__).parent / "callbacks"
rng = random.Random(2026)


def f32(x):
    """The double that Keras logs: its metrics are computed in float32."""
    return float(np.float32(x))


def write(name, cases):
    text = {"made_with": f"Keras {keras.__version__}", "script": "make_callbacks.py"}
    body = ",\n".join("  " + json.dumps(c, ensure_ascii=False) for c in cases)
    head = json.dumps(text)[:-1]
    (HERE / name).write_text(f'{head}, "cases": [\n{body}\n]}}\n')
    print(f"{name}: {len(cases)} cases")


class Model:
    """What EarlyStopping sees of a model: the weights are the number of the epoch."""

    def __init__(self):
        self.stop_training = False
        self.weights = None
        self.restored = None
        self.metrics = []

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.restored = weights


def early_stopping():
    cases = []
    for _ in range(300):
        coarse = rng.random() < 0.6  # few distinct values, so that ties and exact deltas happen
        level = rng.choice([0.3, 0.5, 1.0])

        def value():
            if rng.random() < 0.03:
                return None  # the metric is missing in this epoch
            x = level + rng.choice([-1, 1]) * rng.random() * 0.25
            return f32(round(x, 1) if coarse else x)

        settings = {
            "monitor": "val_loss",
            "min_delta": rng.choice([0.0, 0.0, 0.1, 0.05, 0.001]),
            "patience": rng.choice([0, 0, 1, 1, 2, 3, 5]),
            "mode": rng.choice(["auto", "min", "max"]),
            "baseline": rng.choice([None, None, level, level + 0.1, level - 0.1]),
            "restore_best_weights": rng.random() < 0.7,
            "start_from_epoch": rng.choice([0, 0, 0, 1, 3]),
        }
        values = [value() for _ in range(rng.choice([1, 2, 5, 12]))]
        model, callback = Model(), keras.callbacks.EarlyStopping(**settings)
        callback.set_model(model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            callback.on_train_begin()
            for epoch, x in enumerate(values):
                model.weights = epoch
                callback.on_epoch_end(epoch, {} if x is None else {"val_loss": x})
                if model.stop_training:
                    break
            callback.on_train_end()
        stopped = epoch if model.stop_training else None
        cases.append({"settings": settings, "values": values, "stopped": stopped, "restored": model.restored})
    write("early_stopping.json", cases)


class Clock:
    now = 0.0

    def time(self):
        return self.now


def progress_bar():
    clock, said = Clock(), []
    progbar.time = clock
    progbar.io_utils.print_msg = lambda text, line_break=True: said.append(text + ("\n" if line_break else ""))
    progbar_logger.io_utils.print_msg = progbar.io_utils.print_msg
    odd_values = [0.0, 1e-3, 1.01e-3, 9.99e-4, 1e-7, 1e-12, 123.456, 1e6, 0.99995, 2.5, 1e-100, -0.5, math.nan, math.inf]
    cases = []
    for verbose in (1, 2):
        for _ in range(30):
            steps = rng.choice([1, 2, 7, 9, 10, 19, 20, 21, 100, 1000, 1875])
            epochs = rng.choice([1, 3])
            # Times are sums of 2^-10 s, exact also when the clock's reading is large, as that of a real clock is.
            tick = rng.choice([1, 3, 50, 60, 700, 3000, 90_000]) / 1024
            names = rng.choice([["loss"], ["accuracy", "loss"]])
            odd = rng.random() < 0.4

            def logs(names):
                # With verbose=2 Keras forgets the sign of a metric and writes -0.5 as -5.0000e-01; ours does not.
                values = [x for x in odd_values if verbose == 1 or not x < 0]
                return {n: rng.choice(values) if odd else f32(rng.random()) for n in names}

            start, elapsed, script = 2.0**20, 0.0, []
            count = min(steps, 12)
            shown = sorted(rng.sample(range(steps), count) + [0, steps - 1])
            logger = progbar_logger.ProgbarLogger()
            logger.set_params({"verbose": verbose, "epochs": epochs, "steps": steps})
            said.clear()
            clock.now = start
            logger.on_train_begin()
            logger.on_epoch_begin(1 if epochs > 1 else 0)
            for step in sorted(set(shown)):
                elapsed += tick * rng.choice([1, 1, 2])
                batch = logs(names)
                clock.now = start + elapsed
                logger.on_train_batch_end(step, batch)
                script.append({"step": step, "elapsed": elapsed, "logs": batch})
            elapsed += tick
            clock.now = start + elapsed
            final = logs(names + (["val_" + n for n in names] if rng.random() < 0.5 else []))
            logger.on_epoch_end(0, final)
            text = "".join(said).replace("\b", "")
            cases.append(
                {
                    "verbose": verbose,
                    "epoch": 1 if epochs > 1 else 0,
                    "epochs": epochs,
                    "steps": steps,
                    "batches": script,
                    "elapsed": elapsed,
                    "logs": final,
                    "text": text,
                }
            )
    write("progress_bar.json", finite(cases))


def csv_logger():
    odd = [0.1, 1.0, 0.0, -0.0, 1e-4, 9.9e-5, 1e-7, 1.5e16, 1e22, 1e15, 123456.789, math.nan, math.inf, -math.inf, f32(0.8298)]
    cases = []
    for names in (
        ["loss"],
        ["loss", "accuracy"],
        ["loss", "accuracy", "val_loss", "val_accuracy"],
        ["val_loss", "loss"],
        ["zeta", "loss", "alpha"],
    ):
        for separator in (",", ";", "\t"):
            epochs = []
            for epoch in range(6):
                kept = [n for n in names if epoch == 0 or rng.random() < 0.8]
                epochs.append({n: rng.choice(odd) for n in kept})
            epochs.append({n: odd[i] for i, n in enumerate(names)} | {"new": 1.0, "val_loss": 0.25})
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "log.csv"
                for append, part in ((False, epochs[:4]), (True, epochs[:1] + epochs[4:])):
                    logger = keras.callbacks.CSVLogger(str(path), separator=separator, append=append)
                    logger.on_train_begin()
                    for epoch, logs in enumerate(part):
                        logger.on_epoch_end(epoch, logs)
                    logger.on_train_end()
                runs = [epochs[:4], epochs[:1] + epochs[4:]]
                cases.append({"separator": separator, "runs": runs, "text": path.read_bytes().decode()})
    write("csv_logger.json", finite(cases))


def terminate_on_nan():
    cases = []
    for losses in ([1.0, 0.5], [math.nan], [0.5, math.inf, 1.0], [2.0, 1.0, -math.inf], [1.0, None, math.nan, 1.0]):
        said = []
        terminate_module.io_utils.print_msg = lambda text, line_break=True: said.append(text)
        model, callback = Model(), keras.callbacks.TerminateOnNaN()
        callback.set_model(model)
        stopped = None
        for step, loss in enumerate(losses):
            callback.on_batch_end(step, {} if loss is None else {"loss": loss})
            if model.stop_training:
                stopped = step
                break
        cases.append({"losses": losses, "stopped": stopped, "said": said})
    write("terminate_on_nan.json", finite(cases))


class Optimizer:
    """A learning rate in single precision, as Keras's variables hold it."""

    def __init__(self, rate):
        self._rate = np.float32(rate)

    @property
    def learning_rate(self):
        return self._rate

    @learning_rate.setter
    def learning_rate(self, rate):
        self._rate = np.float32(rate)


def monitored(level):
    """Values of a metric: often few distinct ones, so that ties happen."""
    coarse = rng.random() < 0.5
    x = level + rng.choice([-1, 1]) * rng.random() * 0.3
    return f32(round(x, 1) if coarse else x)


def reduce_lr_on_plateau():
    cases = []
    for _ in range(150):
        settings = {
            "monitor": "val_loss",
            "factor": rng.choice([0.1, 0.5, 0.2, 0.9, 1 / 3]),
            "patience": rng.choice([0, 1, 1, 2, 3, 10]),
            "verbose": rng.choice([0, 1]),
            "mode": rng.choice(["auto", "min", "max"]),
            "min_delta": rng.choice([1e-4, 0.0, 0.1, -0.05]),
            "cooldown": rng.choice([0, 0, 1, 3]),
            "min_lr": rng.choice([0.0, 0.0, 1e-4, 3e-3, 1.0]),
        }
        rate = rng.choice([0.001, 0.01, 0.1])
        values = [monitored(0.5) for _ in range(rng.choice([1, 4, 12, 25]))]
        said = []
        reduce_module.io_utils.print_msg = lambda text, line_break=True: said.append(text)
        model, callback = Model(), keras.callbacks.ReduceLROnPlateau(**settings)
        model.optimizer = Optimizer(rate)
        callback.set_model(model)
        callback.on_train_begin()
        logged, after = [], []
        for epoch, x in enumerate(values):
            logs = {"loss": 1.0, "val_loss": x}
            callback.on_epoch_end(epoch, logs)
            logged.append(logs["learning_rate"])
            after.append(float(model.optimizer.learning_rate))
        case = {"settings": settings, "rate": rate, "values": values, "logged": logged, "after": after, "said": said}
        cases.append(case)
    write("reduce_lr_on_plateau.json", cases)


def learning_rate_scheduler():
    cases = []
    for _ in range(30):
        rates = [[e, rng.choice([1e-3, 1e-4, 0.05, 0.1, 3e-5])] for e in sorted(rng.sample(range(12), rng.choice([1, 2, 4])))]
        start, verbose = rng.choice([0.001, 0.01]), rng.choice([0, 1])
        # What our table means, as the function that Keras wants.
        given = []

        def schedule(epoch, rate):
            given.append([epoch, rate])
            return next((r for e, r in reversed(rates) if e <= epoch), rate)

        said = []
        scheduler_module.io_utils.print_msg = lambda text, line_break=True: said.append(text)
        model, callback = Model(), keras.callbacks.LearningRateScheduler(schedule, verbose=verbose)
        model.optimizer = Optimizer(start)
        callback.set_model(model)
        callback.on_train_begin()
        logged = []
        for epoch in range(14):
            callback.on_epoch_begin(epoch)
            logs = {"loss": 1.0}
            callback.on_epoch_end(epoch, logs)
            logged.append(logs["learning_rate"])
        case = {"rates": rates, "start": start, "verbose": verbose, "given": given, "logged": logged, "said": said}
        cases.append(case)
    write("learning_rate_scheduler.json", cases)


class Saver(Model):
    """Notes under which names it was to be saved."""

    def __init__(self):
        super().__init__()
        self.saved = []

    def save(self, path, overwrite):
        self.saved.append(path)


TEMPLATES = [
    "best.keras",
    "{epoch:02d}-{val_loss:.2f}.keras",
    "checkpoints/{epoch}.keras",
    "{epoch:3d}_{loss:.4e}.keras",
    "e{epoch:04d}/{val_loss:08.3f}{{x}}.keras",
    "{val_loss}.keras",
]
BATCH_TEMPLATES = ["{epoch:02d}-{batch:04d}.keras", "{batch}-{loss:.3f}.keras", "last.keras"]


def model_checkpoint():
    cases = []
    for _ in range(150):
        by_batch = rng.random() < 0.4
        best_only = rng.random() < 0.6
        monitor = "loss" if by_batch else rng.choice(["val_loss", "loss"])
        settings = {
            "filepath": rng.choice(BATCH_TEMPLATES if by_batch else TEMPLATES),
            "monitor": monitor,
            "verbose": rng.choice([0, 1]),
            "save_best_only": best_only,
            "mode": rng.choice(["auto", "min", "max"]),
            "save_freq": rng.choice([1, 2, 3, 7]) if by_batch else "epoch",
        }
        if best_only and rng.random() < 0.4:
            settings["initial_value_threshold"] = rng.choice([0.3, 0.5, 0.7])
        steps = rng.choice([1, 3, 5])
        epochs = []
        for _ in range(rng.choice([1, 3, 6])):
            batches = [monitored(0.5) for _ in range(steps)]
            epochs.append({"batches": batches, "loss": monitored(0.5), "val_loss": monitored(0.5)})
        said = []
        checkpoint_module.io_utils.print_msg = lambda text, line_break=True: said.append(text)
        model, callback = Saver(), keras.callbacks.ModelCheckpoint(**settings)
        callback.set_model(model)
        # Keras does this at the first epoch's end; until then its comparison of batches calls None and fails.
        callback._set_monitor_op()
        callback.on_train_begin()
        saves = []

        def note(epoch, batch):
            saves.extend([epoch, batch, path] for path in model.saved)
            model.saved.clear()

        with tempfile.TemporaryDirectory() as folder:
            here = os.getcwd()
            os.chdir(folder)
            for epoch, e in enumerate(epochs):
                callback.on_epoch_begin(epoch)
                for batch, loss in enumerate(e["batches"]):
                    callback.on_train_batch_end(batch, {"loss": loss})
                    note(epoch, batch)
                callback.on_epoch_end(epoch, {"loss": e["loss"], "val_loss": e["val_loss"]})
                note(epoch, None)
            os.chdir(here)
        cases.append({"settings": settings, "epochs": epochs, "saves": saves, "said": said})
    write("model_checkpoint.json", cases)


def finite(x):
    """JSON has no NaN and no infinity: they become strings."""
    if isinstance(x, float) and not math.isfinite(x):
        return repr(x)
    if isinstance(x, dict):
        return {k: finite(v) for k, v in x.items()}
    if isinstance(x, list):
        return [finite(v) for v in x]
    return x


early_stopping()
progress_bar()
csv_logger()
terminate_on_nan()
reduce_lr_on_plateau()
learning_rate_scheduler()
model_checkpoint()
