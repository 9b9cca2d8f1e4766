"""Golden images of the course's convolution lab, by the lab's own loops. Run `python data/golden/make_lab.py`.

Source of the loops: C1_W3_Lab_2_exploring_convolutions.ipynb of the DeepLearning.AI TensorFlow Developer course. Two things differ: pixels
are taken out of the array as Python's whole numbers, because NumPy 2 refuses `uint8 * -4`; and the loops are functions.
"""

import pathlib

import numpy as np
from common import HERE, Golden, tf

# A part of data/stairs.png with columns, a rail and stairs: rows and columns.
CROP = (slice(220, 300), slice(140, 204))

# The lab's three filters, and the one of its remark on weights.
CASES = {
    "laplacian": ([[0, 1, 0], [1, -4, 1], [0, 1, 0]], 1),
    "horizontal": ([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], 1),
    "vertical": ([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], 1),
    "weighted": ([[1, 1, 1], [1, 2, 1], [1, 1, 1]], 0.1),
}


def convolve(original, filter, weight):
    transformed = np.copy(original)
    size_x, size_y = transformed.shape
    image = original.tolist()
    for x in range(1, size_x - 1):
        for y in range(1, size_y - 1):
            convolution = 0.0
            convolution = convolution + (image[x - 1][y - 1] * filter[0][0])
            convolution = convolution + (image[x - 1][y] * filter[0][1])
            convolution = convolution + (image[x - 1][y + 1] * filter[0][2])
            convolution = convolution + (image[x][y - 1] * filter[1][0])
            convolution = convolution + (image[x][y] * filter[1][1])
            convolution = convolution + (image[x][y + 1] * filter[1][2])
            convolution = convolution + (image[x + 1][y - 1] * filter[2][0])
            convolution = convolution + (image[x + 1][y] * filter[2][1])
            convolution = convolution + (image[x + 1][y + 1] * filter[2][2])
            convolution = convolution * weight
            if convolution < 0:
                convolution = 0
            if convolution > 255:
                convolution = 255
            transformed[x, y] = convolution
    return transformed


def pool(transformed):
    size_x, size_y = transformed.shape
    pooled = np.zeros((int(size_x / 2), int(size_y / 2)))
    for x in range(0, size_x, 2):
        for y in range(0, size_y, 2):
            pixels = [transformed[x, y], transformed[x + 1, y], transformed[x, y + 1], transformed[x + 1, y + 1]]
            pooled[int(x / 2), int(y / 2)] = max(pixels)
    return pooled


def main():
    shipped = pathlib.Path(HERE.parent, "stairs.png").read_bytes()
    image = tf.io.decode_png(shipped, channels=1).numpy()[:, :, 0][CROP]
    golden = Golden("lab.npz")
    golden.add("image", image)
    for name, (filter, weight) in CASES.items():
        transformed = convolve(image, filter, weight)
        pooled = pool(transformed)
        golden.add(f"{name}/filter", np.array(filter, dtype=np.float32))
        golden.add(f"{name}/weight", np.array([weight], dtype=np.float32))
        golden.add(f"{name}/transformed", transformed)
        golden.add(f"{name}/pooled", pooled.astype(np.float32))
        print(f"{name}: {np.mean(transformed == 0):.0%} black, {np.mean(transformed == 255):.0%} white")
    golden.save()


if __name__ == "__main__":
    main()
