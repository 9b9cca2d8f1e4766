"""Does Keras shuffle anew in every epoch? Prints the order that `fit` takes ten samples in, for three epochs.

    python data/golden/keras_shuffle.py

With `keras.utils.set_random_seed`, on the TensorFlow backend, the three orders are the same (Keras 3.15.1, TensorFlow 2.21.0): the
random operation inside the input pipeline begins again with each epoch's iterator. A seeded Keras run therefore sees the same
batches in every epoch, fits its training images a little faster and its test images a little worse than ours, which shuffles anew.
"""

from common import keras, np
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

keras.utils.set_random_seed(1)
samples = np.arange(10)
batches = ArrayDataAdapter(samples, samples, batch_size=10, shuffle=True).get_tf_dataset()
for epoch in range(3):
    print(f"epoch {epoch + 1}:", [x.numpy().tolist() for x, _ in batches][0])
