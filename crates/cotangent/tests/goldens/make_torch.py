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

from common import name_of, real
from torch_modules import CASES, prepared

jax.config.update("jax_include_full_tracebacks_in_locations", False)


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
    module = prepared(make)
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
