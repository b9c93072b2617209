"""The model that `examples/serve` serves and `benches/serve` compares: `pip install jax==0.10.2 flatbuffers`, then
`python make_model.py`. Writes model.jax, and a request with its answer to request.json."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

SIZES = [32, 128, 128, 8]


def weights():
    r = np.random.default_rng(0)
    return [((r.normal(size=(m, n)) / m**0.5).astype(np.float32), np.zeros(n, np.float32))
            for m, n in zip(SIZES, SIZES[1:])]


WEIGHTS = weights()


def predict(x):
    for w, b in WEIGHTS[:-1]:
        x = jax.nn.gelu(x @ w + b)
    w, b = WEIGHTS[-1]
    return jax.nn.softmax(x @ w + b)


def main():
    folder = Path(__file__).parent
    x = np.sin(np.arange(SIZES[0])).astype(np.float32)
    (folder / "model.jax").write_bytes(export.export(jax.jit(predict))(x).serialize())
    request = {"input": [round(float(v), 6) for v in x]}
    answer = [float(v) for v in jax.jit(predict)(jnp.asarray(request["input"], jnp.float32))]
    (folder / "request.json").write_text(json.dumps({"request": request, "answer": answer}) + "\n")


if __name__ == "__main__":
    jax.config.update("jax_include_full_tracebacks_in_locations", False)
    main()
