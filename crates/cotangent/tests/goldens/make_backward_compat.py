"""backward_compat.json: the modules with which JAX tests that it still reads what its older versions exported.

They are in the package `jax` (`jax/_src/internal_test_util/export_back_compat_test_data`): a module of portable StableHLO for
each custom call that JAX promises to keep, with the version of the calling convention, its inputs, and the outputs that JAX
had on the platform. `ALL=1` stores them all, and not only the first and the last element type of a call on a GPU.
"""

import base64
import importlib
import os
import pkgutil

from common import array, jax, np, write

import jax._src.internal_test_util.export_back_compat_test_data as data


def described(x):
    """Like `array`, with no more digits of `float32` than it has."""
    x = np.asarray(x)
    short = lambda v: v if isinstance(v, str) else float(str(np.float32(v)))
    result = array(x)
    if x.dtype == np.float32:
        result["data"] = [short(v) for v in result["data"]]
    elif x.dtype == np.complex64:
        result["data"] = [[short(v) for v in pair] for pair in result["data"]]
    return result


def tests(name, value):
    """The modules below a value, with their names."""
    if isinstance(value, dict) and "mlir_module_serialized" in value:
        yield name, value
    elif isinstance(value, (dict, list, tuple)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from tests(f"{name}/{key}", part)


def another(name, names):
    """Whether the library of a GPU has the same call for other element types, of which the first and the last are stored."""
    start, _, element = name.rpartition("/")
    types = [e for e in ("f32", "f64", "c64", "c128") if f"{start}/{e}" in names]
    between = element in types[1:-1] and not name.startswith("cpu_")
    # Two matrices of 36 rows, which are stored in single precision.
    return between or name.startswith("rocm_eigh_hipsolver_syev:data_2024_08_05/f64")


def main():
    found = []
    for info in pkgutil.iter_modules(data.__path__):
        if not info.ispkg:
            module = importlib.import_module(f"{data.__name__}.{info.name}")
            for key, value in vars(module).items():
                if not key.startswith("__"):
                    found.extend(tests(f"{info.name}:{key}", value))
    cases = []
    for name, value in found:
        version = value.get("xla_call_module_version", value.get("calling_convention_version"))
        cases.append({
            "name": name, "version": int(version), "targets": list(value["custom_call_targets"]),
            "inputs": [described(x) for x in value["inputs"]],
            "outputs": [described(x) for x in value["expected_outputs"]],
            "module": base64.b64encode(value["mlir_module_serialized"]).decode(),
        })
    print(len(cases), "modules")
    stored = [case for case in cases if os.environ.get("ALL") or not another(case["name"], {c["name"] for c in cases})]
    write(__file__, {"cases": stored})


main()
