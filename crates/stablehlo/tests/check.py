"""Parses and verifies the golden modules with the MLIR of jaxlib, then compiles those XLA can."""

import pathlib
import sys

import jax
from jax._src.interpreters import mlir
from jaxlib.mlir import ir

# What XLA on the CPU does not know: the invented custom call.
PARSE_ONLY = {"functions"}

context = mlir.make_ir_context()
failed = False
for path in sorted(pathlib.Path(__file__).parent.glob("golden/*.mlir")):
    text = path.read_text()
    try:
        module = ir.Module.parse(text, context)
        module.operation.verify()
        if path.stem not in PARSE_ONLY:
            client = jax.devices("cpu")[0].client
            from jaxlib import _jax

            client.compile_and_load(text, _jax.DeviceList((jax.devices("cpu")[0],)), _jax.CompileOptions())
        if "-v" in sys.argv:
            print(module.operation.get_asm(enable_debug_info=True))
        print("ok  ", path.name)
    except Exception as error:
        failed = True
        print("FAIL", path.name, error)
sys.exit(failed)
