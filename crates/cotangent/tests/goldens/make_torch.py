"""Modules of PyTorch, exported by `torch.export`, torchax and `jax.export`, with the values, gradients and batches that
PyTorch itself computes.

`pip install jax==0.10.2 torch==2.9.1 torchax==0.0.13 flatbuffers`. PyTorch is needed for the CPU only. A case is like one of
imports.json: its inputs are the parameters of the module, in the order of `torch.export`, and then its arguments. Buffers are
constants.
"""

import base64
import importlib.metadata
import json
import os

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np
import torch
import torchax.export
from torch import nn

from common import name_of, real

jax.config.update("jax_include_full_tracebacks_in_locations", False)


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


def described(x):
    x = np.asarray(x)
    return {"dtype": name_of(x.dtype), "shape": list(x.shape),
            "data": [real(v) if x.dtype.kind == "f" else int(v) for v in x.ravel()]}


def digest(x):
    x = x.detach().numpy()
    flat = x.astype(np.float64).ravel()
    weights = np.cos(1.0 + np.arange(flat.size))
    return {"dtype": name_of(x.dtype), "shape": list(x.shape),
            "digest": [real(flat.sum()), real((flat * weights).sum()), real(np.abs(flat).sum())]}


def listed(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def written(name, make, inputs):
    torch.manual_seed(0)
    module = make().eval()
    # The parameters are waves, so that they do not depend on the random numbers of a version.
    with torch.no_grad():
        for k, parameter in enumerate(module.parameters()):
            parameter.copy_(wave(*parameter.shape, seed=0.3 * k) + (0.0 if parameter.ndim > 1 else 0.7))
    args = inputs()
    program = torch.export.export(module, args)
    names, _, _ = torchax.export.exported_program_to_jax(program, export_raw=True)
    states, f = torchax.export.exported_program_to_jax(program)
    names = [name for name in names if name in program.graph_signature.parameters]
    parameters, buffers = [np.asarray(x) for x in states[: len(names)]], list(states[len(names) :])
    exported = jax.export.export(jax.jit(lambda parameters, args: f(parameters + buffers, args)))
    data = exported(parameters, tuple(a.numpy() for a in args)).serialize()

    leaves = [torch.tensor(x) for x in parameters] + list(args)
    moving = [i for i, x in enumerate(leaves) if x.is_floating_point()]

    def call(leaves):
        return listed(torch.func.functional_call(module, dict(zip(names, leaves)), tuple(leaves[len(names) :])))

    def loss(leaves):
        total = 0.0
        for k, y in enumerate(call(leaves)):
            total = total + (y.ravel() * torch.cos(1.0 + k + torch.arange(y.numel()))).sum()
        return total

    following = [x.clone().requires_grad_() if i in moving else x for i, x in enumerate(leaves)]
    gradients = torch.autograd.grad(loss(following), [following[i] for i in moving], allow_unused=True, materialize_grads=True)
    second = [x * 0.98 if x.is_floating_point() else x for x in leaves]
    batch = [torch.stack(pair) for pair in zip(call(leaves), call(second))]
    result = {"name": name, "package": "torch", "version": torch.__version__.split("+")[0], "modes": "grad",
              "inputs": [described(x) for x in leaves],
              "value": [digest(y) for y in call(leaves)], "vmap": [digest(y) for y in batch],
              "grad": [digest(x) for x in gradients]}
    result["artifact"] = base64.b64encode(data).decode()
    return result, len(data)


def main():
    lines = []
    for name, make, inputs in CASES:
        result, size = written(name, make, inputs)
        lines.append(json.dumps(result, separators=(",", ":")))
        print(f"{name:24} {size:8} {len(lines[-1]):8}")
    with open(os.environ.get("OUT", "torch.json"), "w") as file:
        versions = ",".join(f'"{p}":"{importlib.metadata.version(p)}"' for p in ("jax", "torch", "torchax"))
        file.write("{%s,\n" % versions + '"cases":[\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
