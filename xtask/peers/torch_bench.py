"""PyTorch, eager: channels_last, fused Adam; answers with a traced and frozen network. Wants tcmalloc preloaded."""

import common

args = common.arguments()

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

# One image is answered sooner by one thread.
if args.mode == "infer" and args.batch == 1:
    args.threads = 1
torch.set_num_threads(args.threads)


def build():
    features, flat = common.network(args.network)
    layers, channels = [], 1
    for kind, *filters in features:
        if kind == "conv":
            layers += [nn.Conv2d(channels, *filters, 3), nn.ReLU()]
            channels = filters[0]
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, 128), nn.ReLU(), nn.Linear(128, 10))


def last(images):
    """[n, 1, 28, 28] as channels_last: with one channel the numbers lie in the same order."""
    return images.as_strided((len(images), 1, 28, 28), (784, 1, 28, 1))


def trainer():
    """A function that takes one step on images and labels and returns the loss."""
    model = build().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=common.LEARNING_RATE, fused=True)

    def step(images, labels):
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(model(last(images)), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def data():
    images, labels = common.load()
    return torch.from_numpy(images), torch.from_numpy(labels).long()


def train():
    images, labels = data()
    step, loss = trainer(), None
    places = common.Batches(len(images), args.batch, torch.randperm)

    def one():
        nonlocal loss
        batch = places()
        loss = step(images.index_select(0, batch), labels.index_select(0, batch))

    return common.training(one, args.batch, args.seconds) | {"loss": loss.item()}


def infer():
    images, _ = common.load("t10k")
    images = images.reshape(-1, 1, 28, 28)
    model = nn.Sequential(build(), nn.Softmax(1)).eval()
    with torch.inference_mode():
        traced = torch.jit.trace(model, torch.from_numpy(images[: args.batch]))
        model = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
        return common.answering(lambda x: model(torch.from_numpy(x)).numpy(), images, args.batch, args.seconds)


def cold():
    images, labels = data()
    trainer()(images[: args.batch], labels[: args.batch])
    return {}


with open("/proc/self/maps") as maps:
    tcmalloc = "tcmalloc" in maps.read()
settings = {"tcmalloc": tcmalloc} | (
    {"traced": True, "frozen": True} if args.mode == "infer" else {"channels_last": True, "adam": "fused"}
)
common.run(args, {"torch": torch.__version__}, settings, {"train": train, "infer": infer, "cold": cold})
