"""Trains the same model in Keras and in ours, from the same weights, on the same images in the same order, and compares.

    cargo build --release -p cnn-cli
    python data/golden/compare_keras.py                # cnn32, 200 steps at batch 32
    python data/golden/compare_keras.py --preset dnn --steps 500

Prints the largest relative difference between the losses of the steps, and the final weights' difference. Exit code 1 if
the former exceeds the tolerance. `--double` shows how far Keras is from Keras in float64: the part that rounding explains.
Rounding explains much: where two numbers in a pooling window are nearly equal, the last bit decides which of them learns, and
from there on two correct trainings go apart. `--each-step` takes that out: in every step ours starts from Keras's weights of that
step, and the loss and the gradient of each batch are compared.
"""

import argparse
import csv
import pathlib
import subprocess
import sys
import tempfile

from common import VERSIONS, keras, np, tf

import presets

BATCH = 32
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run_keras(preset, dtype, weights, images, labels):
    """Loss and accuracy of each batch before its update, and the final weights, from Keras's own training loop."""
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    model = presets.build(preset)
    model.set_weights([value.astype(dtype) for value in weights.values()])
    steps = []
    for first in range(0, len(images), BATCH):
        part = slice(first, first + BATCH)
        model.reset_metrics()
        logs = model.train_on_batch(images[part].astype(dtype), labels[part], return_dict=True)
        steps.append((float(logs["loss"]), float(logs["accuracy"])))
    return np.array(steps), presets.named_weights(model)


def run_ours(binary, preset, data, limit, weights, folder, extra):
    """The same from the program: it writes one line per step, and its final weights."""
    initial, final, log = folder / "initial.npz", folder / "final.npz", folder / "steps.csv"
    np.savez(initial, **weights)
    command = [binary, "train", preset, "--data", data, "--limit", limit, "--epochs", 1, "--no-shuffle"]
    command += ["--initial-weights", initial, "--save-weights", final, "--log-steps", log, *extra]
    command = [str(part) for part in command]
    print("$", " ".join(command))
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"exit code {result.returncode}\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}")
    with open(log, newline="") as file:
        rows = list(csv.DictReader(file))
    with np.load(final) as archive:
        final_weights = {name: archive[name] for name in archive.files}
    return np.array([(float(row["loss"]), float(row["accuracy"])) for row in rows]), final_weights


def compare(title, steps, weights, expected_steps, expected_weights):
    """Prints the differences and returns the largest relative one between the losses."""
    if steps.shape != expected_steps.shape:
        sys.exit(f"{title}: {len(steps)} steps, Keras has {len(expected_steps)}")
    if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in expected_weights.items()}:
        sys.exit(f"{title}: other weights than Keras: {sorted(weights)} instead of {sorted(expected_weights)}")
    if not np.isfinite(steps).all():
        sys.exit(f"{title}: a loss is not finite")
    relative = np.abs(steps[:, 0] - expected_steps[:, 0]) / np.abs(expected_steps[:, 0])
    worst = int(np.argmax(relative))
    accuracies = int(np.sum(np.abs(steps[:, 1] - expected_steps[:, 1]) > 1e-6))
    print(f"\n{title}, {len(steps)} steps")
    print(f"  losses: largest relative difference {relative[worst]:.2e}, at step {worst + 1}; median {np.median(relative):.2e}; first {relative[0]:.2e}")
    print(f"  accuracies: {accuracies} steps differ")
    for name, expected in expected_weights.items():
        difference = np.abs(weights[name].astype(np.float64) - expected).max()
        print(f"  final {name}: largest difference {difference:.2e}, largest weight {np.abs(expected).max():.2e}")
    return relative[worst]


def compare_each_step(binary, preset, weights, images, labels, folder):
    """Walks along Keras's training; at each step compares our loss and gradient at Keras's weights. Returns the worst loss."""
    model = presets.build(preset)
    model.set_weights(list(weights.values()))
    spec = (ROOT / "crates" / "cnn-cli" / "presets" / f"{preset}.toml").read_text()
    toml, data, run = folder / "sgd.toml", folder / "batch.npz", folder / "run"
    plain = 'optimizer = { type = "SGD", learning_rate = 1.0 }'  # one step of it subtracts the gradient
    toml.write_text("\n".join(plain if line.startswith("optimizer") else line for line in spec.split("\n")))
    losses, gradients = [], []
    for first in range(0, len(images), BATCH):
        part = slice(first, first + BATCH)
        x, y = images[part], labels[part]
        now = presets.named_weights(model)
        np.savez(folder / "now.npz", **now)
        pixels = (x * 255).round().astype(np.uint8)
        np.savez(data, x_train=pixels, y_train=y, x_test=pixels[:1], y_test=np.array([9]))  # ten classes
        command = [binary, "train", toml, "--data", data, "--epochs", 1, "--no-shuffle", "--run-dir", run, "--force"]
        command += ["--initial-weights", folder / "now.npz", "--save-weights", folder / "next.npz", "--log-steps", folder / "step.csv"]
        subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, check=True)
        with open(folder / "step.csv", newline="") as file:
            ours = float(next(csv.DictReader(file))["loss"])
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, model(x, training=True)))
        expected = tape.gradient(loss, model.trainable_variables)
        with np.load(folder / "next.npz") as after:
            worst = [np.abs(now[n] - after[n] - g.numpy()).max() / np.abs(g.numpy()).max() for n, g in zip(now, expected)]
        losses.append(abs(ours - float(loss)) / float(loss))
        gradients.append(max(worst))
        model.train_on_batch(x, y)
    print(f"\nOurs against Keras at Keras's own weights, {len(losses)} steps")
    print(f"  losses: largest relative difference {max(losses):.2e}, median {np.median(losses):.2e}")
    print(f"  gradients (largest difference of a tensor over its largest number): median {np.median(gradients):.2e}, largest {max(gradients):.2e}")
    print(f"  steps in which a pooling window was decided otherwise (above 1e-5): {sum(g > 1e-5 for g in gradients)}")
    return max(losses)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="cnn32", choices=sorted(presets.PRESETS))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7, help="of Keras's initial weights")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="relative, on the loss of each step")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target" / "release" / "cnn")
    parser.add_argument("--data", type=pathlib.Path, default=presets.DATA, help="folder with Fashion-MNIST's four files")
    parser.add_argument("--double", action="store_true", help="also run Keras in float64")
    parser.add_argument("--each-step", action="store_true", help="start every step from Keras's weights of that step")
    parser.add_argument("--keras-only", action="store_true", help="leave our program out (with --double)")
    parser.add_argument("extra", nargs="*", help="further arguments for `cnn train`, after --")
    args = parser.parse_args()

    limit = args.steps * BATCH
    images, labels = presets.load("train", args.data)
    if limit > len(images):
        parser.error(f"{args.steps} steps of {BATCH} are more than the {len(images)} training images")
    images, labels = images[:limit], labels[:limit]

    keras.utils.set_random_seed(args.seed)
    weights = presets.named_weights(presets.build(args.preset))
    if args.each_step:
        with tempfile.TemporaryDirectory() as folder:
            worst = compare_each_step(args.binary.resolve(), args.preset, weights, images, labels, pathlib.Path(folder))
        print(f"\nThe losses {'agree' if worst <= args.tolerance else 'DO NOT agree'} to {args.tolerance:g} relative.")
        sys.exit(0 if worst <= args.tolerance else 1)
    expected = run_keras(args.preset, "float32", weights, images, labels)
    print(f"{args.preset}: loss {expected[0][0, 0]:.4f} in the first step, {expected[0][-20:, 0].mean():.4f} in the last 20. {VERSIONS}")
    if args.double:
        compare("Keras in float64 against Keras in float32", *run_keras(args.preset, "float64", weights, images, labels), *expected)
    if args.keras_only:
        return
    with tempfile.TemporaryDirectory() as folder:
        ours = run_ours(args.binary.resolve(), args.preset, args.data.resolve(), limit, weights, pathlib.Path(folder), args.extra)
    worst = compare("Ours against Keras", *ours, *expected)
    verdict = "agree" if worst <= args.tolerance else "DO NOT agree"
    print(f"\nThe losses {verdict} to {args.tolerance:g} relative.")
    sys.exit(0 if worst <= args.tolerance else 1)


if __name__ == "__main__":
    main()
