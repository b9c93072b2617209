"""Runs GradBench's tool for JAX, `python3 jax_waiting.py RUN.PY …`, with jitted functions that wait for their results.

The tool stops its clock when a call returns, which in JAX is before the result is ready.
"""

import functools
import runpy
import sys
from pathlib import Path

import jax

jit = jax.jit


def waiting_jit(f, **options):
    jitted = jit(f, **options)
    return functools.wraps(f)(lambda *args, **kwargs: jax.block_until_ready(jitted(*args, **kwargs)))


jax.jit = waiting_jit
sys.argv = sys.argv[1:]
sys.path[0] = str(Path(sys.argv[0]).resolve().parent)  # the directory of its modules, as for any script
runpy.run_path(sys.argv[0], run_name="__main__")
