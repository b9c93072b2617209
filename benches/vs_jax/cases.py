"""The cases of crates/bench in JAX, under the same names, as a user of JAX would write them.

    python cases.py --worker CASE     a process that measures a case, as `cotangent bench --worker CASE` is
    python cases.py --serve           a process that measures many cases, as `cotangent bench --serve` is
    python cases.py --list

`--size full` makes the cases that fill a GPU as large as they say; the default is `--size small`.
"""

import functools
import json
import operator
import sys
import threading
import time

CASES = {}
PROCESSES = {}
SLOW = set()
DOUBLE = set()  # cases in double precision, which JAX must enable
FULL = "full" in sys.argv


def case(name, slow=False, double=False):
    def add(set_up):
        CASES[name] = set_up
        if slow:
            SLOW.add(name)
        if double:
            DOUBLE.add(name)
        return set_up

    return add


def process(name):
    def add(run):
        PROCESSES[name] = run
        return run

    return add


def sized(full, small):
    """The size of a case that fills a GPU."""
    return full if FULL else small


class Bench:
    """The function that is timed. `make` prepares the argument of each call, which is not timed."""

    def __init__(self, run, units=1, check=(), make=None, sample=None):
        self.run, self.units, self.make, self.sample = run, units, make, sample
        self.check = [float(x) for x in check]
        self.residual = None  # how far the result is from a solution

    def time(self, calls):
        if self.sample is not None:
            return self.sample(calls)
        if self.make is not None:
            total = 0.0
            for _ in range(calls):
                made = self.make()
                start = time.perf_counter()
                self.run(made)
                total += time.perf_counter() - start
            return total
        run = self.run
        start = time.perf_counter()
        for _ in range(calls):
            run()
        return time.perf_counter() - start

    @staticmethod
    def queued(run, check):
        """The device may have all calls of a sample in its queue; the last result is waited for."""

        def sample(calls):
            start = time.perf_counter()
            for _ in range(calls):
                last = run()
            last.block_until_ready()
            return time.perf_counter() - start

        return Bench(None, check=check, sample=sample)

    def seconds(self, calls):
        return self.time(calls) / (calls * self.units)

    def calls_per_sample(self):
        sample, calls = 0.01, 1
        if self.time(1) > 1.0:
            return 1
        while True:
            seconds = max(min(self.time(calls) for _ in range(3)), 1e-9)
            if seconds >= sample / 2 or calls > 1 << 20:
                return max(int(calls * sample / seconds), 1)
            calls = max(int(calls * min(max(sample / seconds, 1.5), 20.0)), calls + 1)


# Start-up and the notebook


@process("start/first-gradient")
def first_gradient():
    from jax import grad

    return [float(grad(lambda x: 3 * x + 1)(4.0))]


@process("start/first-program")
def first_program():
    import jax.numpy as np
    from jax import grad

    return [float(grad(lambda x: x * np.sin(x))(3.0))]


@process("start/notebook")
def notebook():
    import jax.numpy as np
    from jax import grad, random
    from jax.scipy.stats import norm

    def show(cell, value):
        print(json.dumps({"cell": cell, "value": value}))

    df = grad(lambda x: 3 * x + 1)
    show("cell01_df", float(df(4.0)))
    dpolynomial = grad(lambda x: 3 * x**2 + 4 * x - 3)
    show("cell02_dpolynomial", float(dpolynomial(3.0)))
    x = 3.0
    for _ in range(200):
        x -= dpolynomial(x) * 0.01
    show("cell03_minimum", float(x))
    show("cell03_curvature", float(grad(dpolynomial)(x)))

    key = random.PRNGKey(44)
    show("key", key.tolist())
    true_mu, true_log_sigma = -3.0, np.log(2.0)
    raw = random.normal(key, shape=(1000,))
    data = raw * np.exp(true_log_sigma) + true_mu
    show("cell04_data_first8", data[:8].tolist())
    show("cell04_data_sum", float(np.sum(data)))
    show("cell04_data_mean", float(np.mean(data)))
    show("cell04_data_std", float(np.std(data)))
    show("raw_normal_bits_first8", raw[:8].view("uint32").tolist())

    def neglogp(mu, log_sigma, data):
        return -norm.logpdf(data, mu, np.exp(log_sigma)).sum()

    mu, log_sigma = -6.0, np.log(2.0)
    show("cell05_neglogp", float(neglogp(mu, log_sigma, data)))
    slopes = grad(neglogp, argnums=(0, 1))
    show("cell06_dneglogp", [float(d) for d in slopes(mu, log_sigma, data)])
    for _ in range(300):
        dmu, dlog_sigma = slopes(mu, log_sigma, data)
        mu -= 0.0001 * dmu
        log_sigma -= 0.0001 * dlog_sigma
    show("cell07_mu", float(mu))
    show("cell07_sigma", float(np.exp(log_sigma)))

    def gold(x, y):
        return (2 * x**2) - (4 * x * y) + (y**4 + 2)

    slopes = grad(gold, argnums=(0, 1))
    show("cell08_df", [float(d) for d in slopes(3.0, 4.0)])
    x, y = 0.1, -0.1
    for _ in range(300):
        dx, dy = slopes(x, y)
        x -= 0.01 * dx
        y -= 0.01 * dy
    show("cell09_minimum", [float(x), float(y)])
    slope, lowest = grad(gold, argnums=1), -0.1
    for _ in range(300):
        lowest -= 0.01 * slope(0.5, lowest)
    show("cell09_rail", float(lowest))
    show("cell09_rail_curvature", float(grad(slope, argnums=1)(0.5, lowest)))
    line = np.arange(-1.5, 1.5, 1e-2)
    x, y = np.meshgrid(line, line)
    z = gold(x, y)
    show("cell10_shape", list(z.shape))
    show("cell10_zmin", float(z.min()))
    show("cell10_zmax", float(z.max()))
    show("cell10_z_0_0", float(z[0, 0]))
    show("cell10_z_150_200", float(z[150, 200]))
    return []


def looped(run):
    return Bench(lambda: [x.block_until_ready() for x in run()], check=run())


@case("notebook/polynomial")
def polynomial():
    from jax import grad

    def run():
        dpolynomial = grad(lambda x: 3 * x**2 + 4 * x - 3)
        x = 3.0
        for _ in range(200):
            x -= 0.01 * dpolynomial(x)
        return [x]

    return looped(run)


@case("notebook/likelihood")
def likelihood():
    import jax.numpy as np
    from jax import grad, random
    from jax.scipy.stats import norm

    data = random.normal(random.PRNGKey(44), shape=(1000,)) * np.exp(np.log(2.0)) - 3.0

    def run():
        def neglogp(mu, log_sigma, data):
            return -norm.logpdf(data, mu, np.exp(log_sigma)).sum()

        slopes = grad(neglogp, argnums=(0, 1))
        mu, log_sigma = -6.0, np.log(2.0)
        for _ in range(300):
            dmu, dlog_sigma = slopes(mu, log_sigma, data)
            mu -= 0.0001 * dmu
            log_sigma -= 0.0001 * dlog_sigma
        return [mu, log_sigma]

    return looped(run)


@case("notebook/gold")
def gold():
    from jax import grad

    def run():
        slopes = grad(lambda x, y: (2 * x**2) - (4 * x * y) + (y**4 + 2), argnums=(0, 1))
        x, y = 0.1, -0.1
        for _ in range(300):
            dx, dy = slopes(x, y)
            x -= 0.01 * dx
            y -= 0.01 * dy
        return [x, y]

    return looped(run)


# Calls


def device_scalar(x):
    import jax.numpy as jnp

    return jnp.float32(x).block_until_ready()


def quadratic(x):
    return 3.0 * x**2 + 4.0 * x - 3.0


@case("call/scalar")
def scalar_call():
    import jax

    x, y, add = device_scalar(3.0), device_scalar(4.0), jax.jit(lambda x, y: x + y)
    return Bench(lambda: add(x, y).block_until_ready(), check=[add(x, y)])


@case("call/scalar-dispatch")
def scalar_dispatch():
    import jax

    x, y, add = device_scalar(3.0), device_scalar(4.0), jax.jit(lambda x, y: x + y)
    return Bench(lambda: add(x, y))


def arguments(n):
    import jax

    xs = [device_scalar(i) for i in range(n)]
    f = jax.jit(lambda xs: functools.reduce(operator.add, xs, 1.0))
    return Bench(lambda: f(xs).block_until_ready(), check=[f(xs)])


for n in (1, 10, 100, 1000):
    case(f"call/arguments-{n}")(functools.partial(arguments, n))


@case("call/host-to-host")
def host_to_host():
    import jax

    successor = jax.jit(lambda x: x + 1.0)
    return Bench(lambda: float(successor(3.0)), check=[successor(3.0)])


@case("call/gradient-jitted")
def gradient_jitted():
    import jax

    x, df = device_scalar(3.0), jax.jit(jax.grad(quadratic))
    return Bench(lambda: df(x).block_until_ready(), check=[df(x)])


@case("eager/gradient")
def eager_gradient():
    import jax

    x, df = device_scalar(3.0), jax.grad(quadratic)
    return Bench(lambda: df(x).block_until_ready(), check=[df(x)])


@case("eager/gradient-host")
def eager_gradient_host():
    import jax

    df = jax.grad(quadratic)
    return Bench(lambda: df(3.0).block_until_ready(), check=[df(3.0)])


def four():
    import jax.numpy as jnp

    return jnp.array([0.5, 1.5, 2.5, 3.5]).block_until_ready()


@case("eager/binary")
def eager_binary():
    x, y = four(), four() + 1.0
    return Bench(lambda: (x + y).block_until_ready(), check=x + y)


@case("eager/unary")
def eager_unary():
    import jax.numpy as jnp

    x = four()
    return Bench(lambda: jnp.sin(x).block_until_ready(), check=jnp.sin(x))


@case("eager/binary-scalars")
def eager_binary_scalars():
    import jax.numpy as jnp

    x, y = jnp.asarray(3.0), jnp.asarray(4.0)
    return Bench(lambda: (x + y).block_until_ready(), check=[x + y])


@case("eager/unary-scalar")
def eager_unary_scalar():
    import jax.numpy as jnp

    x = jnp.asarray(3.0)
    return Bench(lambda: (-x).block_until_ready(), check=[-x])


def threads(count, steps):
    import jax

    xs = [device_scalar(0.5) for _ in range(count)]
    root = jax.jit(lambda x: jax.lax.fori_loop(0, steps, lambda _, x: 0.5 * (x + 2.0 / x), x))
    each = 5000 if steps == 1 else 500  # a new thread may wait for the CPU for longer than a call takes

    def sample(calls):
        def work(x):
            for _ in range(calls * each):
                root(x).block_until_ready()

        workers = [threading.Thread(target=work, args=(x,)) for x in xs]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return time.perf_counter() - start

    return Bench(None, units=count * each, check=[root(xs[0])], sample=sample)


for name, count, size in [("one", 1, 1000), ("two", 2, 1000), ("one-short", 1, 1), ("two-short", 2, 1)]:
    case(f"threads/{name}")(functools.partial(threads, count, size))


# Chains. JAX caches traces by function, so each call has a function of its own.


def chain(n, factor):
    import jax.numpy as jnp

    def f(x):
        for i in range(n):
            x = jnp.sin(x) if i % 2 == 0 else x * factor
        return x

    return f


def trace(n):
    import jax

    x = device_scalar(0.5)
    return Bench(lambda: jax.make_jaxpr(chain(n, 1.5))(x), units=n)


def gradient(n):
    import jax

    x = device_scalar(0.5)
    return Bench(lambda: jax.make_jaxpr(jax.grad(chain(n, 1.5)))(x), units=n)


def batch(n):
    import jax
    import jax.numpy as jnp

    x = jnp.full(4, 0.5)
    return Bench(lambda: jax.make_jaxpr(jax.vmap(chain(n, 1.5)))(x), units=n)


def lower(n):
    import jax

    x = device_scalar(0.5)
    return Bench(lambda traced: traced.lower(), units=n, make=lambda: jax.jit(chain(n, 1.5)).trace(x))


def compiled(n):
    import jax

    x = device_scalar(0.5)
    programs = iter(range(1, 1 << 30))
    make = lambda: jax.jit(chain(n, 1.5 + next(programs) / 1024.0))
    return Bench(lambda f: f(x).block_until_ready(), units=n, make=make, check=[chain(10, 1.5)(x)])


for kind, measure in [("trace", trace), ("grad", gradient), ("vmap", batch), ("lower", lower), ("compile", compiled)]:
    for n in (100, 1_000, 10_000, 100_000):
        if (kind, n) != ("compile", 100_000):
            slow = kind == "compile" or n == 100_000
            case(f"{kind}/{n}", slow)(functools.partial(measure, n))


# Training


def adam_start(parameters):
    import jax
    import jax.numpy as jnp

    zeros = jax.tree.map(jnp.zeros_like, parameters)
    return jnp.zeros(()), zeros, zeros


def adam_step(rate, parameters, gradient, memory):
    import jax
    import jax.numpy as jnp

    steps, mean, square = memory
    steps = steps + 1.0
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g**2, square, gradient)
    rate = rate * jnp.sqrt(1.0 - 0.999**steps) / (1.0 - 0.9**steps)
    step = lambda p, m, s: p - rate * m / (jnp.sqrt(s) + 1e-8)
    return jax.tree.map(step, parameters, mean, square), (steps, mean, square)


def training(start, loss, squares):
    """The cases of a model: its loss, the gradient, a training step, and the first call of the step."""
    import jax

    ready = jax.block_until_ready

    def forward():
        model, x, y = start()
        f = jax.jit(loss)
        return Bench(lambda: ready(f(model, x, y)), check=[f(model, x, y)])

    def backward():
        model, x, y = start()
        f = jax.jit(jax.value_and_grad(loss))
        value, gradient = f(model, x, y)
        return Bench(lambda: ready(f(model, x, y)), check=[value] + [(g**2).sum() for g in squares(gradient)])

    def step_at(rate):
        def step(state, x, y):
            model, memory = state
            value, gradient = jax.value_and_grad(loss)(model, x, y)
            return adam_step(rate, model, gradient, memory), value

        return jax.jit(step)

    def adam():
        model, x, y = start()
        step = step_at(1e-3)
        state, check = (model, adam_start(model)), []
        for _ in range(3):
            state, value = step(state, x, y)
            check.append(value)

        def run():
            nonlocal state
            state = ready(step(state, x, y))[0]

        return Bench(run, check=check)

    def first_call():
        model, x, y = start()
        state = model, adam_start(model)
        programs = iter(range(1, 1 << 30))
        return Bench(lambda step: ready(step(state, x, y)), make=lambda: step_at(1e-3 + next(programs) / 1e6))

    return {"forward": forward, "backward": backward, "adam": adam, "adam-first-call": first_call}


def later(module, what):
    """A case of a model. Setting up the case imports JAX and creates the model."""
    return lambda: module()[what]()


def mlp():
    import jax
    import jax.numpy as jnp
    from jax import random

    def start():
        xk, yk, key = random.split(random.key(0), 3)
        sizes = [784, 512, 512, 10]
        mlp = [
            (random.normal(random.fold_in(key, i), (a, b)) * (2.0 / a) ** 0.5, jnp.zeros(b))
            for i, (a, b) in enumerate(zip(sizes, sizes[1:]))
        ]
        return mlp, random.normal(xk, (128, 784)), random.randint(yk, (128,), 0, 10)

    def loss(mlp, x, y):
        *hidden, (weight, bias) = mlp
        for w, b in hidden:
            x = jax.nn.relu(x @ w + b)
        logits = x @ weight + bias
        return -(jax.nn.one_hot(y, 10) * jax.nn.log_softmax(logits)).sum(-1).mean()

    return training(start, loss, lambda g: [g[0][0], g[2][1]])


for what in ("forward", "backward", "adam", "adam-first-call"):
    case(f"mlp/{what}", slow=what == "adam-first-call")(later(mlp, what))


def conv():
    import jax
    import jax.numpy as jnp
    from jax import lax, random

    def start():
        xk, yk, key = random.split(random.key(2), 3)
        channels = [1, 16, 32, 32]
        layers = [
            (random.normal(random.fold_in(key, i), (3, 3, a, b)) * (2.0 / (9 * a)) ** 0.5, jnp.zeros(b))
            for i, (a, b) in enumerate(zip(channels, channels[1:]))
        ]
        weight = random.normal(random.fold_in(key, 3), (7 * 7 * 32, 10)) * (2.0 / (7 * 7 * 32)) ** 0.5
        net = {"layers": layers, "out": (weight, jnp.zeros(10))}
        return net, random.normal(xk, (32, 28, 28, 1)), random.randint(yk, (32,), 0, 10)

    def loss(net, x, y):
        for i, (kernel, bias) in enumerate(net["layers"]):
            stride = 1 if i == 0 else 2
            x = lax.conv_general_dilated(
                x, kernel, (stride, stride), [(1, 1), (1, 1)], dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = jax.nn.relu(x + bias)
        weight, bias = net["out"]
        logits = x.reshape(32, -1) @ weight + bias
        return -(jax.nn.one_hot(y, 10) * jax.nn.log_softmax(logits)).sum(-1).mean()

    return training(start, loss, lambda g: [g["layers"][0][0], g["layers"][1][1]])


for what in ("forward", "backward", "adam"):
    case(f"conv/{what}")(later(conv, what))


def transformer():
    import jax
    import jax.numpy as jnp
    from jax import random

    batch, places, features, heads, hidden = 8, 64, 128, 4, 512

    def start():
        a, b, c, d, xk, yk = random.split(random.key(1), 6)
        weight = lambda key, rows, columns: random.normal(key, (rows, columns)) / rows**0.5
        block = {
            "before": (jnp.ones(features), jnp.zeros(features)),
            "qkv": weight(a, features, 3 * features),
            "out": weight(b, features, features),
            "between": (jnp.ones(features), jnp.zeros(features)),
            "up": weight(c, features, hidden),
            "down": weight(d, hidden, features),
        }
        shape = batch, places, features
        return block, random.normal(xk, shape), random.normal(yk, shape)

    def norm(parameters, x):
        scale, shift = parameters
        centered = x - x.mean(-1, keepdims=True)
        variance = (centered**2).mean(-1, keepdims=True)
        return centered / jnp.sqrt(variance + 1e-5) * scale + shift

    def attention(block, x):
        qkv = (x @ block["qkv"]).reshape(batch, places, 3 * heads, features // heads)
        q, k, v = jnp.split(qkv, 3, axis=2)
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / (features // heads) ** 0.5
        causal = jnp.tri(places, dtype=bool)
        weights = jax.nn.softmax(jnp.where(causal, scores, -1e9))
        mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, v)
        return mixed.reshape(batch, places, features) @ block["out"]

    def loss(block, x, y):
        x = x + attention(block, norm(block["before"], x))
        x = x + jax.nn.gelu(norm(block["between"], x) @ block["up"]) @ block["down"]
        return ((x - y) ** 2).mean()

    return training(start, loss, lambda g: [g["qkv"], g["up"]])


for what in ("forward", "backward", "adam"):
    case(f"transformer/{what}")(later(transformer, what))


# Scans


def scan(carries, differentiate):
    import jax
    import jax.numpy as jnp

    def last(start):
        def step(carries, _):
            neighbours = carries[1:] + carries[:1]
            return [0.99 * x + 0.01 * jnp.sin(y) for x, y in zip(carries, neighbours)], None

        return functools.reduce(operator.add, jax.lax.scan(step, start, length=1000)[0])

    start = [device_scalar(1.0 + i / 64.0) for i in range(carries)]
    if differentiate:
        f = jax.jit(jax.grad(last))
        return Bench(lambda: jax.block_until_ready(f(start)), check=f(start)[:4])
    f = jax.jit(last)
    return Bench(lambda: f(start).block_until_ready(), check=[f(start)])


for n in (1, 64):
    case(f"scan/{n}")(functools.partial(scan, n, False))
    case(f"scan/{n}-gradient")(functools.partial(scan, n, True))


# Numerics


def on(x, f):
    import jax

    f = jax.jit(f)
    flat = f(x).reshape(-1)
    half = flat.size // 2
    return Bench(lambda: f(x).block_until_ready(), check=[*flat[:4], *flat[half : half + 4]])


@case("numerics/normals")
def normals():
    import jax
    from jax import random

    draw = jax.jit(lambda key: random.normal(key, (10_000_000,)))
    return Bench(lambda: draw(random.key(7)).block_until_ready(), check=draw(random.key(7))[:8])


@case("numerics/sort")
def sort():
    import jax.numpy as jnp
    from jax import random

    return on(random.normal(random.key(8), (1_000_000,)), jnp.sort)


@case("numerics/cumsum")
def cumsum():
    import jax.numpy as jnp
    from jax import random

    return on(random.normal(random.key(8), (1_000_000,)), jnp.cumsum)


@case("numerics/softmax")
def softmax():
    import jax
    from jax import random

    return on(random.normal(random.key(9), (1024, 1024)), jax.nn.softmax)


@case("numerics/gather")
def gather():
    import jax.numpy as jnp
    from jax import random

    table = random.normal(random.key(11), (10_000, 64))
    rows = random.randint(random.key(12), (65_536,), 0, 10_000)
    return on(rows, lambda rows: jnp.take(table, rows, axis=0))


@case("numerics/scatter-add")
def scatter_add():
    import jax.numpy as jnp
    from jax import random

    rows = random.randint(random.key(13), (65_536,), 0, 10_000)
    return on(random.normal(random.key(14), (65_536, 64)), lambda x: jnp.zeros((10_000, 64)).at[rows].add(x))


@case("numerics/n-body", double=True)
def n_body():
    import jax
    import jax.numpy as jnp
    from jax import random

    a, b, c = random.split(random.key(10), 3)
    place = random.normal(a, (256, 3))
    speed = random.normal(b, (256, 3)) * 0.1
    mass = random.uniform(c, (256,)) / 256

    def pull(place, mass):
        apart = place[None] - place[:, None]
        square = (apart**2).sum(-1) + 1e-3
        strength = mass / (square * jnp.sqrt(square))
        return jnp.einsum("ij,ijk->ik", strength, apart)

    @jax.jit
    def leap(state, mass):
        place, speed = state
        half = speed + 0.5e-3 * pull(place, mass)
        place = place + 1e-3 * half
        return place, half + 0.5e-3 * pull(place, mass)

    state = leap((place, speed), mass)
    check = state[0][:2].reshape(-1)

    def run():
        nonlocal state
        state = jax.block_until_ready(leap(state, mass))

    return Bench(run, check=check)


@case("numerics/fft")
def fft():
    import jax
    import jax.numpy as jnp
    from jax import lax, random

    shape = sized((256, 65_536), (4, 4_096))
    x = lax.complex(*(random.normal(key, shape) for key in random.split(random.key(15)))).block_until_ready()
    f = jax.jit(jnp.fft.fft)
    y = f(x)[0, :4]
    return Bench(lambda: f(x).block_until_ready(), check=[*y.real, *y.imag])


# Linear algebra


def linalg(shape, dtype, work):
    """`work` takes the shape and the dtype. It returns inputs, a function of them, a function that rebuilds an array
    from the results, and the array that it should be."""
    import jax
    import numpy as np

    inputs, f, rebuilt, wanted = work(shape, dtype)
    inputs, f, wanted = jax.block_until_ready(inputs), jax.jit(f), np.asarray(wanted, np.float64)
    wide = {"f": np.float64, "c": np.complex128}
    outputs = [np.asarray(x, wide.get(x.dtype.kind)) for x in f(*inputs)]
    bench = Bench(lambda: jax.block_until_ready(f(*inputs)))
    bench.residual = float(np.linalg.norm(rebuilt(*outputs) - wanted) / np.linalg.norm(wanted))
    return bench


def normal(seed, shape, dtype):
    from jax import random

    return random.normal(random.key(seed), shape, dtype)


def positive(shape, dtype):
    import numpy as np

    g = np.asarray(normal(30, shape, dtype), np.float64)
    return ((g @ g.mT).astype(dtype) / np.dtype(dtype).type(shape[-1]) + np.eye(shape[-1], dtype=dtype)).astype(dtype)


def cholesky(shape, dtype):
    import jax

    a = jax.numpy.asarray(positive(shape, dtype))
    return [a], lambda a: [jax.lax.linalg.cholesky(a)], lambda l: l @ l.mT, a


def triangular(shape, dtype):
    import jax
    import numpy as np

    l, b = jax.lax.linalg.cholesky(jax.numpy.asarray(positive(shape, dtype))), normal(31, shape, dtype)
    solve = lambda l, b: [jax.lax.linalg.triangular_solve(l, b, left_side=True, lower=True)]
    return [l, b], solve, lambda x: np.asarray(l, np.float64) @ x, b


def lu(shape, dtype):
    import jax
    import numpy as np

    def rebuilt(lu, pivots, permutation):
        lower = np.tril(lu, -1) + np.eye(shape[-1])
        return np.take_along_axis(lower @ np.triu(lu), np.argsort(permutation, -1)[..., None], -2)

    a = normal(32, shape, dtype)
    return [a], jax.lax.linalg.lu, rebuilt, a


def solve(shape, dtype):
    import jax
    import numpy as np

    a, b = jax.numpy.asarray(positive(shape, dtype)), normal(33, (*shape[:-1], 1), dtype)
    return [a, b], lambda a, b: [jax.numpy.linalg.solve(a, b)], lambda x: np.asarray(a, np.float64) @ x, b


def qr(shape, dtype):
    import jax

    a = normal(32, shape, dtype)
    return [a], jax.numpy.linalg.qr, lambda q, r: q @ r, a


def svd(shape, dtype):
    import jax

    a = normal(32, shape, dtype)
    rebuilt = lambda u, s, vt: (u * s[..., None, :]) @ vt
    return [a], functools.partial(jax.numpy.linalg.svd, full_matrices=False), rebuilt, a


def eigh(shape, dtype):
    import jax

    a = jax.numpy.asarray(positive(shape, dtype))
    return [a], jax.numpy.linalg.eigh, lambda w, v: (v * w[..., None, :]) @ v.mT, a


def eig(shape, dtype):
    import jax
    import numpy as np

    a = normal(32, shape, dtype)
    wide = np.asarray(a, np.float64)
    return [a], jax.numpy.linalg.eig, lambda w, v: abs(wide @ v - v * w[..., None, :]) + wide, a


for work in (cholesky, triangular, lu, solve, qr, svd, eigh, eig):
    sizes = [(str(n), (n, n)) for n in (7, 8, 64, 256, 1000)]
    for name, shape in [*sizes, ("batch", (10_000, 8, 8))]:
        for kind, dtype in [("f32", "float32"), ("f64", "float64")]:
            setup = functools.partial(linalg, shape, dtype, work)
            case(f"linalg/{work.__name__}-{name}-{kind}", double=kind == "f64")(setup)


# Products and attention


def product(size, dtype, exact):
    import jax
    from jax import lax, random

    a, b = random.split(random.key(20))
    x, y = jax.block_until_ready([random.normal(key, (size, size)).astype(dtype) for key in (a, b)])
    precision = lax.Precision.HIGHEST if exact else None
    f = jax.jit(lambda x, y: lax.dot_general(x, y, (((1,), (0,)), ((), ())), precision=precision))
    return Bench.queued(lambda: f(x, y), check=f(x, y)[0, :8])


def attend(q, k, v):
    import jax
    import jax.numpy as jnp

    scores = jnp.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[3] ** 0.5
    causal = jnp.tri(q.shape[2], dtype=bool)
    return jnp.einsum("bhqk,bhkd->bhqd", jax.nn.softmax(jnp.where(causal, scores, -1e4)), v)


def attention(places, dtype):
    import jax
    from jax import random

    shape = sized(4, 1), sized(16, 2), places, 64
    q, k, v = jax.block_until_ready([random.normal(key, shape).astype(dtype) for key in random.split(random.key(21), 3)])
    f = jax.jit(attend)
    return Bench.queued(lambda: f(q, k, v), check=f(q, k, v).reshape(-1, 64)[7, :8])


def fused_attention(gradient):
    import jax
    import jax.numpy as jnp
    from jax import random

    shape = sized(4, 1), sized(4096, 64), sized(16, 2), 64
    q, k, v = jax.block_until_ready([random.normal(key, shape).astype("bfloat16") for key in random.split(random.key(21), 3)])
    # cuDNN is there only on a GPU; elsewhere, JAX's default computes the same.
    how = "cudnn" if jax.default_backend() == "gpu" else None

    def attend(q, k, v):
        return jax.nn.dot_product_attention(q, k, v, is_causal=True, implementation=how)

    def loss(q, k, v):
        return (attend(q, k, v).astype(jnp.float32) ** 2).sum()

    slopes = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
    f = (lambda *x: slopes(*x)[0]) if gradient else jax.jit(attend)
    return Bench.queued(lambda: f(q, k, v), check=f(q, k, v).reshape(-1, 64)[7, :8])


for name, size in [("large", sized(8192, 256)), ("medium", sized(2048, 128))]:
    for kind, dtype in [("f32", "float32"), ("tf32", "float32"), ("bf16", "bfloat16"), ("f16", "float16")]:
        case(f"matmul/{name}-{kind}")(functools.partial(product, size, dtype, kind == "f32"))
for name, size in [("short", sized(1024, 32)), ("long", sized(4096, 64))]:
    for kind, dtype in [("f32", "float32"), ("bf16", "bfloat16"), ("f16", "float16")]:
        case(f"attention/{name}-{kind}")(functools.partial(attention, size, dtype))
case("attention/cudnn-bf16")(functools.partial(fused_attention, False))
case("attention/cudnn-bf16-gradient")(functools.partial(fused_attention, True))


# Language models


def gpt(count, width, words, batch, places, dtype="float32"):
    import jax
    import jax.numpy as jnp
    from jax import random

    head = 64
    if not FULL:
        count, width, words, batch, places = 2, 128, 64, 2, 16

    def start():
        a, b, c, d, e, f, xk, yk = random.split(random.key(22), 8)
        weight = lambda key, rows, columns: random.normal(key, (count, rows, columns)) / rows**0.5
        layers = {
            "qkv": weight(a, width, 3 * width),
            "out": weight(b, width, width),
            "up": weight(c, width, 4 * width),
            "down": weight(d, 4 * width, width),
            "before": jnp.ones((count, width)),
            "between": jnp.ones((count, width)),
        }
        model = {
            "words": random.normal(e, (words, width)) * 0.02,
            "places": random.normal(f, (places, width)) * 0.02,
            "layers": layers,
            "last": jnp.ones(width),
        }
        text = lambda key: random.randint(key, (batch, places), 0, words)
        return jax.block_until_ready((model, text(xk), text(yk)))

    def norm(x, scale):
        return x / jnp.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * scale

    def layer(x, w):
        dense = lambda x, w: x.astype(dtype) @ w.astype(dtype)
        qkv = dense(norm(x, w["before"]), w["qkv"]).reshape(batch, places, 3, width // head, head)
        q, k, v = qkv.transpose(2, 0, 3, 1, 4)
        mixed = attend(q, k, v).transpose(0, 2, 1, 3).reshape(batch, places, width)
        x = x + dense(mixed, w["out"]).astype(jnp.float32)
        hidden = jnp.maximum(dense(norm(x, w["between"]), w["up"]), 0.0)
        return x + dense(hidden, w["down"]).astype(jnp.float32), None

    def loss(model, x, y):
        embedded = model["words"][x] + model["places"]
        x, _ = jax.lax.scan(layer, embedded, model["layers"])
        logits = (norm(x, model["last"]).astype(dtype) @ model["words"].T.astype(dtype)).astype(jnp.float32)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], -1)
        return -chosen.mean()

    return training(start, loss, None)["adam"]()


case("gpt/1e7")(lambda: gpt(6, 320, 8192, 16, 256))
case("gpt/1e8")(lambda: gpt(12, 768, 19_456, 8, 512))
case("gpt/1e8-bf16")(lambda: gpt(12, 768, 19_456, 8, 512, "bfloat16"))


# Memory


def elements(full):
    return sized(full, full >> 8)


def memory_pass(reads, f):
    import jax
    from jax import random

    xs = jax.block_until_ready([random.uniform(random.key(30 + i), (elements(1 << 28),)) for i in range(reads)])
    f = jax.jit(f)
    y = f(xs)
    return Bench.queued(lambda: f(xs), check=[y] if y.ndim == 0 else y[:8])


case("memory/copy")(lambda: memory_pass(1, lambda xs: -xs[0]))
case("memory/add")(lambda: memory_pass(2, lambda xs: xs[0] + xs[1]))
case("memory/sum")(lambda: memory_pass(1, lambda xs: xs[0].sum()))


@case("transfer/in")
def transfer_in():
    import jax
    import numpy

    host = numpy.arange(elements(1 << 24), dtype=numpy.float32)
    return Bench(lambda x: jax.device_put(x).block_until_ready(), make=host.copy)


@case("transfer/out")
def transfer_out():
    import jax
    import jax.numpy as jnp
    import numpy

    successor = jax.jit(lambda x: x + 1.0)
    x = jnp.zeros(elements(1 << 24))

    def make():
        nonlocal x
        x = successor(x).block_until_ready()
        return x

    # Reading an array twice returns the same memory, so each is read once.
    return Bench(lambda x: numpy.array(x), make=make)


def peak_memory():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def answer(line):
    print(line, flush=True)


def set_up(name):
    """A case, and the number of calls of a sample."""
    if name in DOUBLE or "jax" in sys.modules:
        import jax

        jax.config.update("jax_enable_x64", name in DOUBLE)
    bench = CASES[name]()
    return bench, 1 if name in SLOW else bench.calls_per_sample()


def announce(name, check, calls, residual=None):
    answer(json.dumps({"case": name, "check": check, "calls": calls, "residual": residual}))


def serve(name):
    if name in PROCESSES:
        announce(name, PROCESSES[name](), 1)
    else:
        bench, calls = set_up(name)
        announce(name, bench.check, calls, bench.residual)
        for _ in sys.stdin:
            answer(bench.seconds(calls))
    answer(json.dumps({"peak_memory": peak_memory()}))


def serve_many():
    bench, calls = None, 0
    for line in sys.stdin:
        name = line.strip()
        try:
            if not name:
                answer(bench.seconds(calls))
                continue
            bench = None  # its arrays are freed before those of the next case are made
            bench, calls = set_up(name)
            announce(name, bench.check, calls, bench.residual)
        except Exception as error:  # of this case; the next may succeed
            answer(json.dumps({"error": f"{type(error).__name__}: {error}"}))
    answer(json.dumps({"peak_memory": peak_memory()}))


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if word not in ("--size", "full", "small")]
    if arguments == ["--list"]:
        print(*PROCESSES, *CASES, sep="\n")
    elif arguments == ["--serve"]:
        serve_many()
    elif arguments[:1] == ["--worker"] and len(arguments) == 2:
        serve(arguments[1])
    else:
        sys.exit(__doc__)
