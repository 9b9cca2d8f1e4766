"""How many images of each class scikit-learn puts where. Run `python data/golden/make_parts.py` (NumPy and scikit-learn are enough).

Only the counts are compared: which images they are is drawn, there as here."""

import pathlib

import numpy as np
import sklearn
from sklearn.model_selection import StratifiedKFold, train_test_split

HERE = pathlib.Path(__file__).resolve().parent


def counts(labels, chosen, classes):
    return np.array([np.sum(labels[chosen] == c) for c in classes], np.int64)


def case(name, labels, folds, held):
    """Folds, and one held-out part of `held` images."""
    labels = np.asarray(labels, np.int64)
    classes = np.unique(labels)
    split = StratifiedKFold(folds, shuffle=True, random_state=0)
    per_fold = [counts(labels, test, classes) for _, test in split.split(labels, labels)]
    _, kept = train_test_split(np.arange(len(labels)), test_size=held, stratify=labels, random_state=0)
    # Equal remainders are drawn by scikit-learn: a case with one at the cut would prove nothing.
    remainders = np.sort([np.sum(labels == c) * held % len(labels) for c in classes])[::-1]
    more = held - sum(np.sum(labels == c) * held // len(labels) for c in classes)
    assert more in (0, len(classes)) or remainders[more - 1] != remainders[more], name
    return {
        f"{name}/labels": labels,
        f"{name}/folds": np.array([folds], np.int64),
        f"{name}/per_fold": np.array(per_fold),
        f"{name}/held": np.array([held], np.int64),
        f"{name}/kept": counts(labels, kept, classes),
    }


def main():
    random = np.random.RandomState(5)
    cases = {}
    cases |= case("balanced", np.arange(60) % 3, 5, 12)
    cases |= case("sorted", np.repeat([4, 1, 0, 2], [13, 29, 17, 8]), 5, 20)
    cases |= case("mixed", random.choice(6, 331, p=[0.4, 0.3, 0.15, 0.08, 0.04, 0.03]), 7, 50)
    cases |= case("two", random.permutation(np.repeat([7, 3], [90, 11])), 10, 10)
    cases["versions"] = np.frombuffer(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}".encode(), np.uint8)
    np.savez(HERE / "parts.npz", **cases)


main()
