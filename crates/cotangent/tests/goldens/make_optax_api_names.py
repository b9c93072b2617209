"""optax-api-names.json: the public functions and classes of Optax, by module; what docs/features.md has a row for each of."""

from common import *

import importlib
import inspect

MODULES = """
optax optax.assignment optax.contrib optax.experimental optax.losses optax.microbatching optax.perturbations optax.projections
optax.schedules optax.second_order optax.transforms optax.tree
""".split()


def names(module):
    things = ((name, getattr(module, name)) for name in dir(module) if not name.startswith("_"))
    return sorted(name for name, x in things if callable(x) and not inspect.ismodule(x))


lines = [f"{json.dumps(m)}: {json.dumps(names(importlib.import_module(m)))}" for m in MODULES]
path = pathlib.Path(__file__).with_name("optax-api-names.json")
version = importlib.import_module("optax").__version__
path.write_text('{\n"optax": "%s",\n"names": {\n%s\n}\n}\n' % (version, ",\n".join(lines)))
