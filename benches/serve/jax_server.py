"""The model of examples/serve behind HTTP, as people write it in Python: Starlette on uvicorn with uvloop and httptools, orjson,
a queue of asyncio, and a jitted, vmapped function for batches of 1, 8 and 32, which a thread runs."""

import argparse
import asyncio
import contextlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parents[2] / "examples/serve"))
from make_model import SIZES, predict

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=8001)
parser.add_argument("--wait", type=float, default=1000, help="microseconds")
parser.add_argument("--queue", type=int, default=1024)
parser.add_argument("--cache", help="a folder for JAX's compilation cache")
options = parser.parse_args()
if options.cache:
    jax.config.update("jax_compilation_cache_dir", options.cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

BATCHES = [1, 8, 32]
PROGRAMS = {n: jax.jit(jax.vmap(predict)).lower(jax.ShapeDtypeStruct((n, SIZES[0]), np.float32)).compile() for n in BATCHES}
pool = ThreadPoolExecutor(1)


def run(rows):
    size = next(n for n in BATCHES if n >= len(rows))
    x = np.zeros((size, SIZES[0]), np.float32)
    x[: len(rows)] = rows
    return np.asarray(PROGRAMS[size](x))[: len(rows)]


async def work(queue):
    loop = asyncio.get_running_loop()
    while True:
        jobs = [await queue.get()]
        deadline = loop.time() + options.wait / 1e6
        while len(jobs) < BATCHES[-1]:
            try:
                jobs.append(queue.get_nowait())
            except asyncio.QueueEmpty:
                left = deadline - loop.time()
                if left <= 0:
                    break
                try:
                    jobs.append(await asyncio.wait_for(queue.get(), left))
                except asyncio.TimeoutError:
                    break
        try:
            results = await loop.run_in_executor(pool, run, [row for row, _ in jobs])
            for (_, future), y in zip(jobs, results):
                if not future.done():
                    future.set_result(y)
        except Exception as error:
            for _, future in jobs:
                if not future.done():
                    future.set_exception(error)


def problem(status, reason, **headers):
    return Response(orjson.dumps({"error": reason}), status, headers, "application/json")


async def serve_predict(request):
    try:
        x = np.array(orjson.loads(await request.body())["input"], np.float32)
        if x.shape != (SIZES[0],):
            return problem(400, f"the shape of `input` is {x.shape}")
    except (ValueError, KeyError, TypeError) as error:
        return problem(400, str(error))
    future = asyncio.get_running_loop().create_future()
    try:
        request.app.state.queue.put_nowait((x, future))
    except asyncio.QueueFull:
        return problem(503, "the queue is full", **{"retry-after": "1"})
    y = await future
    return Response(orjson.dumps({"output": y}, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


@contextlib.asynccontextmanager
async def lifespan(app):
    app.state.queue = asyncio.Queue(options.queue)
    task = asyncio.create_task(work(app.state.queue))
    yield
    task.cancel()


app = Starlette(routes=[Route("/predict", serve_predict, methods=["POST"])], lifespan=lifespan)

if __name__ == "__main__":
    uvicorn.run(app, port=options.port, log_level="warning", access_log=False, loop="uvloop", http="httptools")
