"""The modules of PyTorch that `make_torch.py` and `make_torch_xla.py` export."""

import numpy as np
import torch
from torch import nn


def wave(*shape, seed=0.0):
    i = torch.arange(int(np.prod(shape)), dtype=torch.float64)
    return (0.5 * torch.sin(seed + 1.7 * i)).reshape(shape).float()


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 8), nn.GELU("tanh"), nn.LayerNorm(8), nn.Linear(8, 8), nn.SiLU(), nn.Linear(8, 3))

    def forward(self, x):
        return torch.log_softmax(self.layers(x), -1)


class Erf(nn.Module):
    def forward(self, x):
        return nn.functional.gelu(x) + torch.erf(x)


class Convolutions(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, stride=2, groups=2)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.tanh(self.norm(self.first(x))), 2)
        return self.head(torch.sigmoid(self.second(x)).mean((2, 3)))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)

    def forward(self, tokens, shift):
        return self.layer(self.embed(tokens) + shift)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, xs):
        return self.head(self.rnn(xs)[0])


class Gated(nn.Module):
    """What is not a layer: indexing, sorting, cumulative sums, products by `einsum`, comparisons."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(wave(4, 6, 6))

    def forward(self, x):
        y = torch.einsum("bi,kij->bkj", x, self.w)
        y = torch.where(y > 0, y, 0.1 * y).cumsum(-1)
        top = torch.topk(y, 3, dim=-1).values
        return top.softmax(1) * y[:, :, 1:4].abs(), torch.sort(y, -1).values[..., ::2].flatten(1)


CASES = [
    ("torch_perceptron", Perceptron, lambda: (wave(4, 5),)),
    ("torch_gelu", Erf, lambda: (wave(4, 5, seed=0.01),)),
    ("torch_convolutions", Convolutions, lambda: (wave(2, 2, 9, 9),)),
    ("torch_attention", Attention, lambda: (torch.tensor([[1, 5, 0, 6], [2, 2, 3, 4]], dtype=torch.int32), wave(2, 4, 8))),
    ("torch_recurrent", Recurrent, lambda: (wave(2, 5, 3),)),
    ("torch_gated", Gated, lambda: (wave(3, 6),)),
]


def prepared(make):
    """A module whose parameters are waves, so that they do not depend on the random numbers of a version."""
    torch.manual_seed(0)
    module = make().eval()
    with torch.no_grad():
        for k, parameter in enumerate(module.parameters()):
            parameter.copy_(wave(*parameter.shape, seed=0.3 * k) + (0.0 if parameter.ndim > 1 else 0.7))
    return module
