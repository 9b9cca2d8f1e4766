"""Where Keras lands: trains presets with plain Keras and keeps the results in keras_reference.json.

    python data/golden/keras_reference.py cnn16 three-conv64
    python data/golden/keras_reference.py              # prints the table, trains nothing
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


def train(preset, seed, epochs, data):
    import keras
    import presets
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    model = presets.build(preset)
    start = time.monotonic()
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
    for preset, entry in results["presets"].items():
        spread = entry["test_accuracy_sd"]
        spread = "" if spread is None else f" ± {spread:.4g}"
        count = len(entry["runs"]) if entry.get("runs") else entry["run_count"]
        lines.append(f"| {preset} | {entry['test_accuracy_mean']:.4g}{spread} | {count} | {entry['from']} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
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
                run = train(preset, seed, args.epochs, data)
                print(preset, run, flush=True)
                entry = results["presets"].get(preset, {})
                if not entry.get("runs"):
                    entry = {"from": "keras_reference.py", "runs": []}
                entry["runs"] = [old for old in entry["runs"] if old["seed"] != seed] + [run]
                summarise(entry)
                results["presets"][preset] = entry
                RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
