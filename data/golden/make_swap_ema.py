"""Three epochs with a running mean of the weights, from Keras's own fit: without SwapEMAWeights, with it, and with swap_on_epoch.

Run `python data/golden/make_swap_ema.py`.
"""

import numpy as np
from common import Golden, keras, text
from make_trajectory import MODEL, build, data, initial_weights, named

TOLERANCE = 1e-5
EPOCHS, TRAIN = 3, 10
OPTIMIZER = dict(learning_rate=0.05, momentum=0.9, use_ema=True, ema_momentum=0.8)
CASES = {"alone": None, "measured": False, "shown": True}


class Watch(keras.callbacks.Callback):
    """The weights that a callback behind SwapEMAWeights sees at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(np.concatenate([w.numpy().ravel() for w in self.model.weights]))


def run(dtype, swap):
    """Per epoch: loss, val_loss, val_accuracy and the weights that are seen; then the weights that fit leaves."""
    x, labels = data()
    x = x.astype(dtype)
    model = build(dtype)
    model.set_weights([w.astype(dtype) for w in initial_weights().values()])
    model.compile(optimizer=keras.optimizers.SGD(**OPTIMIZER), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    watch = Watch()
    callbacks = ([] if swap is None else [keras.callbacks.SwapEMAWeights(swap_on_epoch=swap)]) + [watch]
    history = model.fit(
        x[:TRAIN].reshape(-1, 8, 8, 1),
        labels[:TRAIN].ravel(),
        validation_data=(x[TRAIN:].reshape(-1, 8, 8, 1), labels[TRAIN:].ravel()),
        epochs=EPOCHS,
        batch_size=16,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    ).history
    logs = {name: np.array(history[name], dtype) for name in ("loss", "val_loss", "val_accuracy")}
    return logs, np.stack(watch.seen), named(model)


def main():
    keys = ", ".join(f"{key} = {str(value).lower()}" for key, value in OPTIMIZER.items())
    toml = MODEL.replace('{ type = "Adam", learning_rate = 0.01 }', f'{{ type = "SGD", {keys} }}').replace("epochs = 1", f"epochs = {EPOCHS}")
    golden = Golden("swap_ema.npz")
    golden.add("toml", text(toml))
    runs = {case: (run("float32", swap), run("float64", swap)) for case, swap in CASES.items()}
    for case, (single, double) in runs.items():
        for name, values in single[0].items():
            golden.add_checked(f"{case}/{name}", values, double[0][name], TOLERANCE)
        golden.add_checked(f"{case}/seen", single[1], double[1], TOLERANCE)
        for name, value in single[2].items():
            golden.add_checked(f"{case}/final/{name}", value, double[2][name], TOLERANCE)
    # Else the cases would show nothing.
    logs = {case: single[0] for case, (single, _) in runs.items()}
    assert np.abs(logs["alone"]["val_loss"] - logs["measured"]["val_loss"]).min() > 1e-3
    assert np.abs(runs["measured"][0][1] - runs["shown"][0][1]).max() > 1e-3
    golden.save()
    print("val_loss:", {case: values["val_loss"].round(5).tolist() for case, values in logs.items()})


if __name__ == "__main__":
    main()
