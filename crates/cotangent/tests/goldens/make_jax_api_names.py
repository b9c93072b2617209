"""jax-api-names.json: the public functions of JAX, by module; what docs/features.md has a row for each of."""

from common import *

import importlib
import inspect

MODULES = """
jax jax.lax jax.lax.linalg jax.numpy jax.numpy.linalg jax.numpy.fft jax.random jax.nn jax.nn.initializers
jax.scipy.special jax.scipy.linalg jax.scipy.signal jax.scipy.fft jax.scipy.sparse.linalg jax.scipy.integrate
jax.scipy.ndimage jax.scipy.optimize jax.image jax.ops jax.tree jax.debug jax.profiler jax.sharding jax.distributed
jax.export jax.ref jax.ffi jax.scipy.stats
""".split() + ["jax.scipy.stats." + name for name in """
bernoulli beta betabinom binom cauchy chi2 dirichlet expon gamma gennorm geom gumbel_l gumbel_r laplace logistic
multinomial multivariate_normal nbinom norm pareto poisson t truncnorm uniform vonmises wrapcauchy
""".split()]

# The classes that are there for their methods, which compute.
CLASSES = ["gaussian_kde"]


def functions(module):
    things = ((name, getattr(module, name)) for name in dir(module) if not name.startswith("_"))
    public = lambda x: callable(x) and not inspect.isclass(x) and not inspect.ismodule(x)
    return sorted(name for name, x in things if public(x) or name in CLASSES)


lines = [f"{json.dumps(m)}: {json.dumps(functions(importlib.import_module(m)))}" for m in MODULES]
path = pathlib.Path(__file__).with_name("jax-api-names.json")
path.write_text('{\n"jax": "%s",\n"names": {\n%s\n}\n}\n' % (jax.__version__, ",\n".join(lines)))
