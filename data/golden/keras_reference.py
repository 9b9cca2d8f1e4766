"""Where Keras lands: trains presets with plain Keras and keeps the results in keras_reference.json.

    python data/golden/keras_reference.py cnn16 three-conv64
    python data/golden/keras_reference.py --fresh-order one-conv64
    python data/golden/keras_reference.py              # prints the table, trains nothing

With its seed set, Keras takes the images in one order in all epochs (`keras_shuffle.py`). `--fresh-order` shuffles anew in every epoch, as
our trainer does; those results are kept beside the others, as `fresh_order`.
"""

import argparse
import json
import os
import pathlib
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["KERAS_BACKEND"] = "tensorflow"

RESULTS = pathlib.Path(__file__).resolve().with_suffix(".json")


def train(preset, seed, epochs, data, fresh_order):
    import keras
    import numpy as np
    import presets
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    model = presets.build(preset)
    start = time.monotonic()
    if fresh_order:
        x, y = data["train"]
        random, history = np.random.default_rng(seed), {"accuracy": [], "loss": []}
        for _ in range(epochs):
            order = random.permutation(len(x))
            logs = model.fit(x[order], y[order], epochs=1, batch_size=32, shuffle=False, verbose=2).history
            for name, values in history.items():
                values += logs[name]
    else:
        history = model.fit(*data["train"], epochs=epochs, batch_size=32, verbose=2).history
    seconds = time.monotonic() - start
    loss, accuracy = model.evaluate(*data["t10k"], verbose=0)
    return {
        "seed": seed,
        "epochs": epochs,
        "test_accuracy": round(accuracy, 4),
        "test_loss": round(loss, 4),
        "train_accuracy": [round(value, 4) for value in history["accuracy"]],
        "train_loss": [round(value, 4) for value in history["loss"]],
        "seconds": round(seconds, 1),
        "versions": f"keras {keras.__version__}, tensorflow {tf.__version__}",
    }


def summarise(entry):
    accuracies = [run["test_accuracy"] for run in entry["runs"]]
    entry["test_accuracy_mean"] = round(statistics.mean(accuracies), 4)
    entry["test_accuracy_sd"] = round(statistics.stdev(accuracies), 4) if len(accuracies) > 1 else None


def table(results):
    lines = ["| preset | test accuracy | runs | from |", "|---|---|---|---|"]
    fresh = {f"{preset}, fresh order": entry for preset, entry in results.get("fresh_order", {}).items()}
    for preset, entry in (results["presets"] | fresh).items():
        spread = entry["test_accuracy_sd"]
        spread = "" if spread is None else f" ± {spread:.4g}"
        count = len(entry["runs"]) if entry.get("runs") else entry["run_count"]
        lines.append(f"| {preset} | {entry['test_accuracy_mean']:.4g}{spread} | {count} | {entry['from']} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--fresh-order", action="store_true", help="a new order in every epoch")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--data", help="folder with the four files (default: data/fashion-mnist)")
    args = parser.parse_args()

    results = json.loads(RESULTS.read_text())
    if args.presets:
        import presets

        folder = args.data or presets.DATA
        data = {split: presets.load(split, folder) for split in ("train", "t10k")}
        for preset in args.presets:
            for seed in args.seeds:
                run = train(preset, seed, args.epochs, data, args.fresh_order)
                print(preset, run, flush=True)
                kept = results.setdefault("fresh_order", {}) if args.fresh_order else results["presets"]
                entry = kept.get(preset, {})
                if not entry.get("runs"):
                    entry = {"from": "keras_reference.py", "runs": []}
                entry["runs"] = [old for old in entry["runs"] if old["seed"] != seed] + [run]
                summarise(entry)
                kept[preset] = entry
                RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
