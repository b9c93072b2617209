"""Writes decompositions.mlir: the functions of CHLO in terms of StableHLO, for one number.

StableHLO's pass `chlo-legalize-to-stablehlo` makes them when JAX exports a function. Run with JAX 0.10.2:

    python make_decompositions.py > decompositions.mlir
"""

import re

import jax
import jax.export
import jax.numpy as jnp
from jax import lax

jax.config.update("jax_enable_x64", True)

REAL = {"f32": jnp.float32, "f64": jnp.float64}
COMPLEX = {"c64": jnp.complex64, "c128": jnp.complex128}
FUNCTIONS = {
    "acos": (lax.acos, REAL | COMPLEX),
    "acosh": (lax.acosh, REAL | COMPLEX),
    "asin": (lax.asin, REAL | COMPLEX),
    "asinh": (lax.asinh, REAL | COMPLEX),
    "atan": (lax.atan, COMPLEX),
    "atanh": (lax.atanh, REAL | COMPLEX),
    "bessel_i1e": (lax.bessel_i1e, REAL),
    "conj": (lax.conj, COMPLEX),
    "digamma": (lax.digamma, REAL),
    "erf": (lax.erf, REAL),
    "erf_inv": (lax.erf_inv, REAL),
    "erfc": (lax.erfc, REAL),
    "lgamma": (lax.lgamma, REAL),
}


def decomposition(name, function, dtype):
    module = jax.export.export(jax.jit(function))(jnp.zeros((), dtype)).mlir_module()
    functions = re.findall(r"  func\.func (?:public|private) @(\S+?)\((.*?)\n  \}", module, re.DOTALL)
    # That of a composite is a function of its own; the others are written in place.
    body = next((f for f in functions if f[0] == f"chlo.{name}.impl"), functions[0])[1]
    text = re.sub(r" loc\((?:[^()]|\([^()]*\))*\)", "", body)
    text = re.sub(r" \{jax\.result_info = \"[^\"]*\"\}", "", text)
    assert "#loc" not in text and "composite" not in text, text
    return text


print("// Written by make_decompositions.py. Do not edit.")
print("module {")
for name, (function, dtypes) in FUNCTIONS.items():
    for suffix, dtype in dtypes.items():
        text = decomposition(name, function, dtype)
        print(f"  func.func private @{name}_{suffix}({text}\n  }}")
print("}")
