#!/usr/bin/env python3
"""The statistics of `adadagrad statistics`, by their definitions, in float64 PyTorch.

    python3 bench/pytorch/statistics.py --model mnist-cnn --batch 16 --seed 3 --train 20 --out FOLDER

writes weights.safetensors, inputs.npy, labels.npy (int64; int32 for an odd seed) and expected.json into FOLDER. Weights,
inputs and labels are float32 numbers of a formula (`uniform`) that test/cli/statistics.test.ts repeats; --train makes that
many steps from there. Each sample's gradient is a backward pass of its own, in a plain loop: slow and beyond doubt.
"""
import argparse
import json
import math
import pathlib
import struct

import numpy
import torch
from torch import nn


class Residual(nn.Module):
    """Basic block as torchvision names it, with GroupNorm in BatchNorm's place."""

    def __init__(self, inputs, outputs, stride, groups):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.GroupNorm(groups, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.GroupNorm(groups, outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.GroupNorm(groups, outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self, classes, groups=32):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.GroupNorm(groups, 64)

        def stage(inputs, outputs, stride):
            return nn.Sequential(
                Residual(inputs, outputs, stride, groups), Residual(outputs, outputs, 1, groups))

        self.layer1, self.layer2 = stage(64, 64, 1), stage(64, 128, 2)
        self.layer3, self.layer4 = stage(128, 256, 2), stage(256, 512, 2)
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def conv(inputs, outputs, kernel, padding):
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.ReLU(), nn.MaxPool2d(2)]


def build(name, classes):
    if name == "logistic":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, classes)), (1, 28, 28)
    if name == "mnist-cnn":
        return nn.Sequential(*conv(1, 16, 5, 2), *conv(16, 32, 5, 2), nn.Flatten(), nn.Linear(1568, 10)), (1, 28, 28)
    if name == "cifar-cnn":
        return nn.Sequential(*conv(3, 16, 3, 1), *conv(16, 32, 3, 1), *conv(32, 64, 3, 1), nn.Flatten(),
                             nn.Linear(1024, 500), nn.ReLU(), nn.Linear(500, classes)), (3, 32, 32)
    return ResNet18(classes), (3, 32, 32)


def uniform(count, seed):
    """`count` numbers in [0, 1): Murmur3's finaliser of k + seed·2654435769, in 32-bit arithmetic."""
    h = (numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(seed * 2654435769 % 2**32)) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = ((h ^ (h >> numpy.uint64(shift))) * numpy.uint64(factor)) & 0xFFFFFFFF
    return (h ^ (h >> numpy.uint64(16))).astype(numpy.float64) / 2**32


def initialise(model, seed):
    """Weights uniform on ±1/√fan-in; scales of normalisations in 0.5 … 1.5, vectors otherwise in ±0.1."""
    names = dict(model.named_parameters())
    for i, (name, parameter) in enumerate(names.items()):
        u = uniform(parameter.numel(), 1000 * seed + i)
        if parameter.dim() > 1:
            values = (2 * u - 1) / math.sqrt(parameter[0].numel())
        elif name.endswith("weight"):
            values = 0.5 + u
        else:
            values = 0.2 * u - 0.1
        values = values.astype(numpy.float32).reshape(parameter.shape)
        parameter.data = torch.from_numpy(values.astype(numpy.float64))


def samples(shape, batch, classes, seed, outlier):
    """Half of the pixels 0, the others in (0, 0.5), those of sample 0 times `outlier`; labels at random."""
    u = uniform(batch * math.prod(shape), 1000 * seed + 900)
    x = numpy.maximum(0, u - 0.5).reshape((batch, *shape))
    x[0] *= outlier
    x = x.astype(numpy.float32)
    y = numpy.floor(uniform(batch, 1000 * seed + 901) * classes).astype(numpy.int64)
    return x, y


def train(model, x, y, steps, rate):
    """Steps of Adam on the batch itself, so that some samples end up fitted and others not."""
    optimiser = torch.optim.Adam(model.parameters(), rate)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    for parameter in model.parameters():
        parameter.data = parameter.data.float().double()


def gradients(model, x, y):
    """The loss of each sample and the gradients by its parameters, a list of flat tensors."""
    parameters = list(model.parameters())
    for i in range(len(x)):
        loss = nn.functional.cross_entropy(model(x[i:i + 1]), y[i:i + 1])
        yield loss.item(), [g.ravel() for g in torch.autograd.grad(loss, parameters)]


def measure(model, x, y, eta, theta, nu, micro_batches):
    """Two passes, so that no b × d matrix is kept: first the mean ḡ, then everything around it. MATHS.md §1, §2, §6."""
    b = len(x)
    losses, mean = [], None
    m = micro_batches
    micro = []  # the mean gradient of each micro-batch
    for i, (loss, g) in enumerate(gradients(model, x, y)):
        losses.append(loss)
        if i % (b // m) == 0:
            micro.append([torch.zeros_like(t) for t in g])
        micro[-1] = [t + u / (b // m) for t, u in zip(micro[-1], g)]
        mean = g if mean is None else [t + u for t, u in zip(mean, g)]
    mean = [t / b for t in mean]
    signals = [t.dot(t).item() for t in mean]
    signal = sum(signals)
    result = {"batchSize": b, "loss": sum(losses) / b, "meanSquaredNorm": signal, "sumSquaredNorms": 0.0}
    if b == 1:
        result["sumSquaredNorms"] = signal
        return {**result, "varianceL1": None, "innerProductVariance": None, "orthogonalVariance": None}

    total = orthogonal = official_orthogonal = within = 0.0
    products, coordinates = [], [torch.zeros_like(t) for t in mean]
    for i, (_, g) in enumerate(gradients(model, x, y)):
        per_tensor = [t.dot(u).item() for t, u in zip(g, mean)]
        products.append(per_tensor)
        c = sum(per_tensor) / signal
        for j, (t, u) in enumerate(zip(g, mean)):
            centred = t - u
            coordinates[j] += centred ** 2
            total += centred.dot(centred).item()
            r = t - c * u
            orthogonal += r.dot(r).item()
            r = t - per_tensor[j] / signals[j] * u if signals[j] > 0 else t - u
            official_orthogonal += r.dot(r).item()
            from_micro = t - micro[i // (b // m)][j]
            within += from_micro.dot(from_micro).item()
            result["sumSquaredNorms"] += t.dot(t).item()
    products = numpy.array(products)
    total, orthogonal, official_orthogonal = (s / (b - 1) for s in (total, orthogonal, official_orthogonal))
    along = products.sum(1).var(ddof=1)
    result.update(varianceL1=total, innerProductVariance=along, orthogonalVariance=orthogonal)
    worst = max(((v / (b - 1)) / u ** 2)[v > 0].max().item() for v, u in zip(coordinates, mean) if (v > 0).any())
    result["suggestedBatchSize"] = {
        "norm": total / (eta ** 2 * signal),
        "innerProduct": along / (theta ** 2 * signal ** 2),
        "orthogonality": orthogonal / (nu ** 2 * signal),
        "augmentedInnerProduct": max(along / (theta ** 2 * signal ** 2), orthogonal / (nu ** 2 * signal)),
        "coordinate": worst / eta ** 2,
    }
    between = sum((u - t).dot(u - t).item() for means in micro for t, u in zip(mean, means))
    pooled = within / (b // m - 1) / m + between / m if b > m else None
    result["official"] = {
        "varianceL1": pooled,
        "innerProductVariance": products.var(0, ddof=1).sum(),
        "orthogonalVariance": official_orthogonal,
    }
    return result


def save_safetensors(path, tensors):
    header, end = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(a.tobytes() for a in tensors.values()))


def measure_case(options):
    """The network, its batch and what is expected of them."""
    model, shape = build(options.model, options.classes)
    initialise(model, options.seed)
    x, y = samples(shape, options.batch, options.classes, options.seed, options.outlier)
    inputs, labels = torch.from_numpy(x.astype(numpy.float64)), torch.from_numpy(y)
    train(model, inputs, labels, options.train, options.rate)
    expected = measure(model, inputs, labels, options.eta, options.theta, options.nu, options.micro_batches)
    return model, x, y, expected


# The cases of test/cli/statistics.fixtures.json: model, b, classes, micro-batches, outlier.
FIXTURES = [
    ("logistic", 2, 10, 1, 1), ("logistic", 6, 26, 3, 1), ("logistic", 200, 10, 4, 1), ("logistic", 5, 10, 1, 1000),
    ("mnist-cnn", 2, 10, 1, 1), ("mnist-cnn", 8, 10, 2, 1), ("mnist-cnn", 12, 10, 3, 1),
    ("cifar-cnn", 2, 10, 1, 1), ("cifar-cnn", 6, 100, 2, 1), ("resnet18", 4, 100, 2, 1),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixtures", action="store_true", help="print test/cli/statistics.fixtures.json")
    parser.add_argument("--model", choices=["logistic", "mnist-cnn", "cifar-cnn", "resnet18"])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--outlier", type=float, default=1, help="factor of the inputs of sample 0")
    parser.add_argument("--train", type=int, default=0, help="steps of Adam on the batch before the measurement")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate of these steps")
    parser.add_argument("--micro-batches", type=int, default=1)
    parser.add_argument("--eta", type=float, default=0.1)
    parser.add_argument("--theta", type=float, default=0.5)
    parser.add_argument("--nu", type=float, default=1.0)
    parser.add_argument("--out", type=pathlib.Path, help="folder; without it, expected.json goes to standard output")
    options = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)

    if options.fixtures:
        lines = []
        for seed, (model, batch, classes, micro_batches, outlier) in enumerate(FIXTURES, 1):
            case = dict(model=model, batch=batch, classes=classes, microBatches=micro_batches, outlier=outlier, seed=seed)
            vars(options).update(case, micro_batches=micro_batches)
            lines.append(json.dumps({**case, "expected": measure_case(options)[3]}, indent=2).replace("\n", "\n  "))
        print("[\n  " + ",\n  ".join(lines) + "\n]")
        return
    if options.model is None:
        parser.error("expected --model or --fixtures")
    model, x, y, expected = measure_case(options)
    text = json.dumps(expected, indent=2)
    if options.out is None:
        print(text)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    state = {name: p.detach().numpy().astype(numpy.float32) for name, p in model.named_parameters()}
    save_safetensors(options.out / "weights.safetensors", state)
    numpy.save(options.out / "inputs.npy", x)
    numpy.save(options.out / "labels.npy", y.astype(numpy.int32) if options.seed % 2 else y)
    (options.out / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
