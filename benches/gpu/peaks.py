"""What a card does at best, measured with PyTorch if it is there, and with JAX: a line of JSON for each.

    python peaks.py cuda|cpu

Bandwidth is that of a copy on the card, with bytes read and written both counted, in bytes per second. A matrix product of
random numbers is counted as 2n³ operations per second.
"""

import json
import sys
import time

CPU = sys.argv[1] == "cpu"
ELEMENTS = 1 << (22 if CPU else 29)  # of f32
SIZE = 256 if CPU else 8192
FLOPS = 2.0 * SIZE**3


def fastest(call, wait, seconds=0.6):
    """The least time of a call, in samples of about a hundredth of a second."""
    call()
    wait()
    start = time.perf_counter()
    call()
    wait()
    calls = max(int(0.01 / max(time.perf_counter() - start, 1e-6)), 1)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        wait()
        best = min(best, (time.perf_counter() - start) / calls)
    return best


def with_torch():
    import torch

    device = "cpu" if CPU else "cuda"
    wait = (lambda: None) if CPU else torch.cuda.synchronize
    found = {"version": torch.__version__}
    x = torch.ones(ELEMENTS, device=device)
    y = torch.empty_like(x)
    found["copy"] = 8 * ELEMENTS / fastest(lambda: y.copy_(x), wait)
    del x, y
    for name, dtype in [("bf16", torch.bfloat16), ("f16", torch.float16), ("tf32", torch.float32), ("f32", torch.float32)]:
        torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
        a, b = (torch.randn(SIZE, SIZE, device=device).to(dtype) for _ in range(2))
        out = torch.empty_like(a)
        found[name] = FLOPS / fastest(lambda: torch.matmul(a, b, out=out), wait)
    return found


def with_jax():
    import jax
    import jax.numpy as jnp
    from jax import lax, random

    found, last = {"version": jax.__version__}, []

    def run(f, *arguments):
        f = jax.jit(f)

        def call():
            last[:] = [f(*arguments)]

        return fastest(call, lambda: last[0].block_until_ready())

    found["copy"] = 8 * ELEMENTS / run(lambda x: -x, jnp.ones(ELEMENTS))
    last.clear()
    for name, dtype, precision in [
        ("bf16", "bfloat16", None), ("f16", "float16", None), ("tf32", "float32", None), ("f32", "float32", "highest"),
    ]:
        a, b = (random.normal(key, (SIZE, SIZE)).astype(dtype) for key in random.split(random.key(0)))
        found[name] = FLOPS / run(lambda a, b: lax.dot(a, b, precision=precision), a, b)
    return found


for name, measure in [("torch", with_torch), ("jax", with_jax)]:
    try:
        found = measure()
    except Exception as error:  # the other one may be there
        found = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    print(json.dumps({name: found}), flush=True)
