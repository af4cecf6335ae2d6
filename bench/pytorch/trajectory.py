"""The MNIST CNN with AdaGrad in PyTorch, float64, from given weights on given batches: prints the losses as JSON.

usage: trajectory.py FOLDER LEARNING_RATE, with weights.f32 [d], x.f32 [steps, b, 1, 28, 28], y.i32 [steps, b] in FOLDER
"""
import json
import sys

import numpy as np
import torch
from torch import nn

folder, learning_rate = sys.argv[1], float(sys.argv[2])
steps, b = json.load(open(f'{folder}/extents.json'))
weights = torch.tensor(np.fromfile(f'{folder}/weights.f32', '<f4')).double()
x = torch.tensor(np.fromfile(f'{folder}/x.f32', '<f4')).double().reshape(steps, b, 1, 28, 28)
y = torch.tensor(np.fromfile(f'{folder}/y.i32', '<i4')).long().reshape(steps, b)

torch.set_num_threads(1)
network = nn.Sequential(
    nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(1568, 10),
).double()
nn.utils.vector_to_parameters(weights, network.parameters())
optimizer = torch.optim.Adagrad(network.parameters(), lr=learning_rate)
losses = []
for k in range(steps):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(network(x[k]), y[k])
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
json.dump(losses, sys.stdout)
