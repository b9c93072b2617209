"""torch_xla.json: modules of PyTorch as torch-xla writes them in StableHLO text, with the values, gradients and batches that
PyTorch computes.

`pip install torch==2.9.0 torch_xla==2.9.0`. A case is like one of imports.json, with `text` in place of `artifact`. Its inputs
are the parameters, constants and arguments in the order of the text.
"""

import json
import os
import pathlib

os.environ["PJRT_DEVICE"] = "CPU"

import numpy as np
import torch
import torch_xla
from torch.export import export
from torch_xla.stablehlo import VariableType, exported_program_to_stablehlo

from torch_modules import CASES, prepared

NAMES = {"float32": "f32", "int32": "s32", "int64": "s64", "bool": "pred"}


def described(x):
    x = x.detach().numpy()
    return {"dtype": NAMES[x.dtype.name], "shape": list(x.shape), "data": [v.item() for v in x.ravel()]}


def digest(x):
    x = x.detach().numpy()
    flat = x.astype(np.float64).ravel()
    weighted = (flat * np.cos(1.0 + np.arange(flat.size))).sum()
    return {"dtype": NAMES[x.dtype.name], "shape": list(x.shape), "digest": [flat.sum(), weighted, np.abs(flat).sum()]}


def written(name, make, inputs):
    module, args = prepared(make), inputs()
    program = exported_program_to_stablehlo(export(module, args))
    bundle = program._bundle
    locations = bundle.stablehlo_funcs[0].meta.input_locations
    state = dict(module.named_parameters()) | dict(module.named_buffers())

    def leaf(at):
        if at.type_ == VariableType.INPUT_ARG:
            return args[at.position]
        if at.type_ == VariableType.CONSTANT:
            return torch.tensor(bundle.additional_constants[at.position])
        return state[at.name].detach()

    leaves = [leaf(at) for at in locations]

    def call(leaves):
        parameters, arguments = dict(state), list(args)
        for at, value in zip(locations, leaves):
            if at.type_ == VariableType.INPUT_ARG:
                arguments[at.position] = value
            elif at.type_ == VariableType.PARAMETER:
                parameters[at.name] = value
        results = torch.func.functional_call(module, parameters, tuple(arguments))
        return list(results) if isinstance(results, (tuple, list)) else [results]

    def loss(leaves):
        total = 0.0
        for k, y in enumerate(call(leaves)):
            total = total + (y.ravel() * torch.cos(1.0 + k + torch.arange(y.numel()))).sum()
        return total

    moving = [i for i, x in enumerate(leaves) if x.is_floating_point()]
    statistics = any(at.name in dict(module.named_buffers()) and x.is_floating_point() for at, x in zip(locations, leaves))
    if statistics:
        moving = []
    following = [x.clone().requires_grad_() if i in moving else x for i, x in enumerate(leaves)]
    moved_by = [following[i] for i in moving]
    gradients = torch.autograd.grad(loss(following), moved_by, allow_unused=True, materialize_grads=True) if moving else []
    moved = [x * 0.98 if x.is_floating_point() else x for x in leaves]
    return {
        "name": f"{name}_by_xla", "package": "torch_xla", "version": torch_xla.__version__,
        "modes": "value: PyTorch has no gradient by the statistics of a norm" if statistics else "grad",
        "inputs": [described(x) for x in leaves], "value": [digest(y) for y in call(leaves)],
        "vmap": [digest(torch.stack(pair)) for pair in zip(call(leaves), call(moved))],
        "grad": None if statistics else [digest(x) for x in gradients], "text": program.get_stablehlo_text("forward"),
    }


def main():
    lines = []
    for name, make, inputs in CASES:
        lines.append(json.dumps(written(name, make, inputs), separators=(",", ":")))
        print(f"{name:24} {len(lines[-1]):8}")
    path = pathlib.Path(__file__).with_name("torch_xla.json")
    path.write_text('{"torch_xla":"%s",\n"cases":[\n' % torch_xla.__version__ + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
