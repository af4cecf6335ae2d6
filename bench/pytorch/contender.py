#!/usr/bin/env python3
"""Native peers for bench/: a training step of the MNIST CNN with AdaGrad, as PyTorch users make it.

Reads one JSON request a line, {"work": …, "batch": …, "seconds": …}, and answers with steps and seconds. Workloads:

- plain: forward, backward, step.
- official: the way of the AdAdaGrad authors' code: a deep copy of the model, functorch's vmap(grad) over the batch, the
  norm test from the b × d gradients, then a plain step.
- sumGradSquared: Σ g_i∘g_i beside the backward pass as BackPACK's extension of that name gets it: hooks keep each
  layer's input and output gradient; a linear layer multiplies their squares, a convolution forms each sample's gradient
  from unfolded inputs.
- batchL2Grad: ‖g_i‖² for each sample and parameter, by hooks in the same way.

BackPACK itself is in none of Debian's packages; the last two are its algorithms, written afresh in PyTorch.
"""
import copy
import json
import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(1)


def mnist_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 10))


cross_entropy = nn.functional.cross_entropy
model = mnist_cnn()
optimiser = torch.optim.Adagrad(model.parameters(), lr=8e-3)


def plain(x, y):
    optimiser.zero_grad()
    loss = cross_entropy(model(x), y)
    loss.backward()
    optimiser.step()
    return loss


def norm_test(variance, mean_squared_norm, batch, eta=0.1):
    return (variance / (eta ** 2 * mean_squared_norm)).item() if batch > 1 else 2


def official(x, y):
    from functorch import grad, make_functional, vmap

    call, parameters = make_functional(copy.deepcopy(model))

    def loss_of(parameters, sample, label):
        return cross_entropy(call(parameters, sample.unsqueeze(0)), label.unsqueeze(0))

    each = vmap(grad(loss_of), in_dims=(None, 0, 0))(parameters, x, y)
    with torch.no_grad():
        variance = sum(g.var(0).sum() for g in each)
        squared = sum(g.mean(0).square().sum() for g in each)
        norm_test(variance, squared, len(x))
    return plain(x, y)


kept = {}


def keep(layer, inputs, output):
    if not torch.is_grad_enabled():
        return

    def with_gradient(gradient):
        kept[layer] = (inputs[0].detach(), gradient)

    output.register_hook(with_gradient)


def unfolded(layer, x, gradient):
    """Inputs of each output position [b, Ckk, P] and gradients [b, O, P]."""
    return nn.functional.unfold(x, layer.kernel_size, padding=layer.padding), gradient.flatten(2)


def squares(layer, x, gradient):
    """Σ g_i∘g_i of weight and bias. Losses are means: b times the gradient is that of a sample's own loss."""
    b = len(x)
    if isinstance(layer, nn.Linear):
        return b * b * (gradient.square().t() @ x.square()), b * b * gradient.square().sum(0)
    patches, gradient = unfolded(layer, x, gradient)
    each = torch.bmm(gradient, patches.transpose(1, 2))
    return b * b * each.square_().sum(0), b * b * gradient.sum(2).square().sum(0)


def norms(layer, x, gradient):
    """‖g_i‖² of weight and bias, [b] each."""
    b = len(x)
    if isinstance(layer, nn.Linear):
        g = gradient.square().sum(1)
        return b * b * g * x.square().sum(1), b * b * g
    patches, gradient = unfolded(layer, x, gradient)
    each = torch.bmm(gradient, patches.transpose(1, 2))
    return b * b * each.square_().flatten(1).sum(1), b * b * gradient.sum(2).square().sum(1)


def with_hooks(extension):
    def step(x, y):
        handles = [m.register_forward_hook(keep) for m in model if any(True for _ in m.parameters())]
        optimiser.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        with torch.no_grad():
            total = sum(s.sum() for layer, (x_, g) in kept.items() for s in extension(layer, x_, g))
            squared = sum(p.grad.square().sum() for p in model.parameters())
            b = len(x)
            norm_test((total - b * squared) / max(1, b - 1), squared, b)
        optimiser.step()
        for handle in handles:
            handle.remove()
        kept.clear()
        return loss

    return step


workloads = {"plain": plain, "official": official, "sumGradSquared": with_hooks(squares), "batchL2Grad": with_hooks(norms)}


def matmul(n):
    a, b = torch.randn(n, n), torch.randn(n, n)
    return lambda: torch.mm(a, b)


batches = {}


def batch_of(b):
    if b not in batches:
        batches[b] = (torch.rand(b, 1, 28, 28), torch.randint(0, 10, (b,)))
    return batches[b]


def check():
    """The hooks' numbers are those of the definition."""
    x, y = batch_of(4)
    direct = []
    for i in range(4):
        model.zero_grad()
        cross_entropy(model(x[i:i + 1]), y[i:i + 1]).backward()
        direct.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    direct = torch.stack(direct).square()
    handles = [m.register_forward_hook(keep) for m in model if any(True for _ in m.parameters())]
    model.zero_grad()
    cross_entropy(model(x), y).backward()
    with torch.no_grad():
        summed = torch.cat([s.flatten() for m in model if m in kept for s in squares(m, *kept[m])])
        lengths = sum(n for m in kept for n in norms(m, *kept[m]))
    for handle in handles:
        handle.remove()
    kept.clear()
    assert torch.allclose(summed, direct.sum(0), rtol=1e-3, atol=1e-7)
    assert torch.allclose(lengths, direct.sum(1), rtol=1e-3)


def measure(go, seconds):
    for _ in range(2):
        go()
    steps, cpu, wall = 0, time.process_time(), time.perf_counter()
    while steps == 0 or time.process_time() - cpu < seconds:
        go()
        steps += 1
    return {"steps": steps, "cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def main():
    check()
    with open("/proc/self/maps") as maps:
        # The folder tells OpenBLAS from the reference implementation: both call the file libblas.so.3.
        blas = sorted({"/".join(line.split("/")[-2:]).strip() for line in maps if "blas" in line.lower()})
    versions = {"version": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads(),
                "build": f"oneDNN {'on' if torch.backends.mkldnn.is_available() else 'off'}, "
                         f"{' '.join(blas) or 'BLAS unknown'}, python {sys.version.split()[0]}"}
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["work"] == "matmul":
                go = matmul(request["size"])
            else:
                x, y = batch_of(request["batch"])
                work = workloads[request["work"]]
                go = lambda: work(x, y)
            answer = measure(go, request["seconds"])
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
