"""Stores what JAX 0.10.2 computes in each cell of each demo, in NAME.json beside this script.

    python make_demos.py [NAME…]

The test tests/demos.rs compares the demos' `--json` with these files. A cell's numbers may differ from JAX's by a
fraction of the cell's largest number: 1e-5, or what `within` says, with its reason. Integers, booleans and texts are
equal.
"""

import json
import pathlib
import sys

import jax
import jax.numpy as np
import numpy
from jax import grad, jit, lax, nn, random, value_and_grad, vmap
from jax.scipy import stats
from jax.scipy.special import logsumexp

LONG = "the result of thousands of steps, each with its rounding"
CANCELS = "a difference of numbers that are almost equal"
SIGNS = "a sum of terms of both signs"
SOLVED = "from the Cholesky factor of an ill-conditioned matrix"
CHAINS = "averages of chains that may part where a decision is close"


class Cells:
    def __init__(self):
        self.cells, self.within = {}, {}

    def put(self, name, value, within=None, why=None):
        assert name not in self.cells and (within is None) == (why is None), name
        self.cells[name] = plain(value)
        if within is not None:
            self.within[name] = [within, why]


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (str, bool, int, float)):
        return value
    return numpy.asarray(value).tolist()


def both(f):
    """f of every pair of elements of its two arguments."""
    return vmap(vmap(f, in_axes=(None, 0)), in_axes=(0, None))


def descend(loss, theta, steps, rate, *args):
    """Gradient descent, and the loss before each step."""

    def update(theta, _):
        value, slope = value_and_grad(loss)(theta, *args)
        return jax.tree.map(lambda p, g: p - rate * g, theta, slope), value

    return jit(lambda theta: lax.scan(update, theta, None, length=steps))(theta)


class Adam:
    """Adam with bias correction, as in Optax."""

    def __init__(self, rate, b1=0.9, b2=0.999, eps=1e-8):
        self.rate, self.b1, self.b2, self.eps = rate, b1, b2, eps

    def init(self, params):
        zeros = jax.tree.map(np.zeros_like, params)
        return 0, zeros, zeros

    def apply(self, params, slope, state):
        count, m, v = state
        count = count + 1
        m = jax.tree.map(lambda m, g: self.b1 * m + (1 - self.b1) * g, m, slope)
        v = jax.tree.map(lambda v, g: self.b2 * v + (1 - self.b2) * g * g, v, slope)
        c1, c2 = 1 - np.float32(self.b1) ** count, 1 - np.float32(self.b2) ** count
        step = lambda p, m, v: p - self.rate * (m / c1) / (np.sqrt(v / c2) + self.eps)
        return jax.tree.map(step, params, m, v), (count, m, v)


def line_data():
    x = np.linspace(-5.0, 5.0, 100)
    return x, 1.5 * x + -4.0 + 1.5 * random.normal(random.key(7), (100,))


def neural_networks_from_scratch(put):
    line = lambda w, b, x: w * x + b
    mse = lambda y, estimate: ((y - estimate) ** 2).mean()
    x, y = line_data()
    put("x_ends", [x[0], x[-1]])
    put("y_first", y[:4])
    put("y_mean", y.mean())
    estimate = line(-5.0, 3.0, x)
    put("estimate_ends", [estimate[0], estimate[-1]])
    put("loss_of_bad_guess", mse(y, estimate))
    put("loss_of_truth", mse(y, line(1.5, -4.0, x)))
    loss = lambda w, b: mse(y, line(w, b, x))
    ws, bs = np.array([-5.0, -2.0, 0.0, 1.5, 1.5, 1.5]), np.array([3.0, 3.0, 3.0, 3.0, 0.0, -4.0])
    put("loss_by_hand", vmap(loss)(ws, bs))
    ws, bs = np.linspace(-6.0, 9.0, 151), np.linspace(-24.0, 16.0, 161)
    surface = both(loss)(ws, bs)
    put("surface_shape", list(surface.shape))
    put("surface_range", [surface.min(), surface.max()])
    i, j = np.unravel_index(np.argmin(surface), surface.shape)
    put("grid_best", [ws[i], bs[j]])
    put("slope_of_bad_guess", grad(loss, argnums=(0, 1))(-5.0, 3.0))


def gradient_optimization(put):
    f = lambda w: w**2 + 3.0 * w - 5.0
    valleys = lambda w: w**4 - 3.0 * w**2 + w
    put("f", f(2.5))
    put("df", 2 * 2.5 + 3)
    step = jit(lambda w: w - (2.0 * w + 3.0) * 0.01)
    w = np.float32(10.0)
    for _ in range(1000):
        w = step(w)
    put("minimum_by_hand", w)
    step = jit(lambda w: w - grad(f)(w) * 0.01)
    w = np.float32(-10.0)
    for _ in range(1000):
        w = step(w)
    put("minimum_by_grad", w)
    put("curvature", grad(grad(f))(w))

    def walk(rate):
        step = lambda w, _: (w - rate * grad(f)(w),) * 2
        return lax.scan(step, 10.0, None, length=20)[1]

    rates = np.array([0.01, 0.05, 0.2, 0.5, 0.7, 0.9, 1.02])
    paths = vmap(walk)(rates)
    put("rates", rates)
    put("distances", abs(paths[:, -1] + 1.5))
    put("path_070", paths[4, :5])
    starts = np.linspace(-2.0, 2.0, 9)
    settle = lambda start: lax.fori_loop(0, 500, lambda _, w: w - 0.01 * grad(valleys)(w), start)
    ends = vmap(settle)(starts)
    depths = vmap(valleys)(ends)
    put("starts", starts)
    put("ends", ends)
    put("depths", depths)
    best = np.argmin(depths)
    put("deepest", [ends[best], depths[best]])


def linear_models(put):
    model = lambda theta, x: np.dot(x, theta[0]) + theta[1]
    mse = lambda theta, x, y: ((model(theta, x) - y) ** 2).mean()
    w, b = random.split(random.key(0))
    theta = random.normal(w), random.normal(b)
    put("initial_theta", theta)
    x, y = line_data()
    put("slope", grad(mse)((0.3, 0.5), x, y))
    theta, losses = descend(mse, theta, 3000, 0.01, x, y)
    put("losses", losses[np.array([0, 10, 100, 1000, 2999])])
    put("theta", theta)
    exact = np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), y)[0]
    put("exact", exact)
    x_key, noise_key = random.split(random.key(1))
    x = random.normal(x_key, (200, 4))
    y = x @ np.array([1.0, 2.0, 3.0, 4.0]) + 5.0 + 0.1 * random.normal(noise_key, (200,))
    (w, b), _ = descend(mse, (np.zeros(4), np.zeros(())), 3000, 0.01, x, y)
    put("theta_w", w)
    put("theta_b", b)
    put("programs", 2)


def stable_cross_entropy(z, y):
    return -y * nn.log_sigmoid(z) - (1 - y) * nn.log_sigmoid(-z)


def logistic_regression(put):
    logistic = lambda z: 1.0 / (1.0 + np.exp(-z))
    model = lambda theta, x: logistic(theta[0] * x + theta[1])
    cross_entropy = lambda y, p: -(y * np.log(p) + (1.0 - y) * np.log(1.0 - p))
    direct_loss = lambda theta, x, y: cross_entropy(y, model(theta, x)).sum()
    loss = lambda theta, x, y: stable_cross_entropy(theta[0] * x + theta[1], y).sum()
    x = np.linspace(-5.0, 5.0, 100)
    for name, theta in dict(gentle=(0.5, 0.0), steep=(3.0, 0.0), shifted=(1.0, 2.0), reversed=(-1.0, 0.0)).items():
        curve = model(theta, x)
        put(name, [curve[0], curve[-1]])
    y = np.round(logistic(2.0 * x + 1.0 + random.uniform(random.key(3), (100,))))
    put("yes", y.sum())
    p = np.array([0.01, 0.5, 0.99])
    put("if_yes", cross_entropy(np.ones(3), p))
    put("if_no", cross_entropy(np.zeros(3), p))
    direct = [direct_loss(theta, x, y) for theta in [(0.5, -1.0), (50.0, 0.0)]]
    put("direct_finite", [bool(np.isfinite(d)) for d in direct])
    put("direct_loss", direct[0])
    put("stable_loss", [loss(theta, x, y) for theta in [(0.5, -1.0), (50.0, 0.0)]])
    w, b = random.split(random.key(0))
    theta, losses = descend(loss, (random.normal(w), random.normal(b)), 5000, 0.001, x, y)
    put("losses", losses[np.array([0, 10, 100, 1000, 4999])])
    put("theta", theta)
    put("right", int((np.round(model(theta, x)) == y).sum()))
    put("threshold", -theta[1] / theta[0])
    theta, _ = descend(loss, (0.0, 0.0), 5000, 0.001, x, logistic(2.0 * x + 1.0))
    put("theta_exact", theta)


def compounds(key, count):
    x = random.normal(key, (count, 41))
    return x, (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(np.float32)[:, None]


def confusion(y, z):
    actual, predicted = (nn.one_hot((v.ravel() > 0).astype(int), 2) for v in (y, z))
    return (actual.T @ predicted).astype(int)


def neural_networks(put):
    linear = lambda layer, x: x @ layer[0] + layer[1]
    network = lambda theta, x: linear(theta[1], np.tanh(linear(theta[0], x)))
    x, y = compounds(random.key(8), 4000)
    x_train, y_train, x_test, y_test = x[:3000], y[:3000], x[3000:], y[3000:]
    put("degradable", y_train.sum())
    put("degradable_test", y_test.sum())

    def layer(key, inputs, outputs):
        return random.normal(key, (inputs, outputs)) / np.sqrt(np.float32(inputs)), np.zeros(outputs)

    a, b = random.split(random.key(42))
    theta = layer(a, 41, 20), layer(b, 20, 1)
    put("paths", [".hidden.w", ".hidden.b", ".output.w", ".output.b"])
    put("count", sum(leaf.size for leaf in jax.tree.leaves(theta)))
    loss_of = lambda model: lambda theta, x, y: stable_cross_entropy(model(theta, x), y).mean()
    theta, losses = descend(loss_of(network), theta, 1000, 0.5, x_train, y_train)
    put("losses", losses[np.array([0, 10, 100, 500])], 1e-4, LONG)
    put("last_loss", losses[-1], 1e-3, LONG)
    straight = np.zeros((41, 1)), np.zeros(1)
    straight, losses = descend(loss_of(linear), straight, 1000, 0.5, x_train, y_train)
    put("linear_last_loss", losses[-1])
    put("confusion_linear", confusion(y_test, linear(straight, x_test)))
    put("confusion_network", confusion(y_test, network(theta, x_test)))
    put("confusion_seen", confusion(y_train, network(theta, x_train)))


def loopless_loops(put):
    softmax = lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum()
    angle = lambda opposite, adjacent: np.arctan(opposite / adjacent)
    put("squares", vmap(lambda x: x * x)(np.arange(20)))
    table = np.arange(20).reshape(4, 5)
    put("of_rows", vmap(np.sum)(table))
    put("of_columns", vmap(np.sum, in_axes=1)(table))
    probabilities = vmap(softmax)(random.normal(random.key(2), (4, 5)) * 3.0)
    put("probabilities", probabilities)
    put("totals", probabilities.sum(1))
    put("angle", angle(5.0, 3.0))
    sides = np.arange(0.0, 20.0, 1.0), np.linspace(3.0, 30.0, 20)
    put("angles", vmap(angle)(*sides))
    a, f = random.split(random.key(90))
    adjacency = random.bernoulli(a, 0.3, (13, 7, 7)).astype(np.float32)
    received = vmap(np.dot)(adjacency, random.normal(f, (13, 7, 11)))
    put("received_shape", list(received.shape))
    put("received", received[0, 0])
    put("same_as_loop", True)
    totals = vmap(vmap(lambda row: np.cumprod(row).sum()))(random.normal(random.key(90), (11, 31, 7)))
    put("totals_shape", list(totals.shape))
    put("totals_first", totals[0, :5])
    nodes = random.normal(random.key(91), (13, 17))
    pairs = both(lambda a, b: np.concatenate([a, b]))(nodes, nodes)
    put("pairs_shape", list(pairs.shape))
    put("pairs_ends", pairs[3, 5, np.array([0, 33])])
    distances = both(lambda a, b: np.sqrt(((a - b) ** 2).sum()))(nodes, nodes)
    put("distances", distances[0, :5])
    put("symmetric", True)
    put("slopes", vmap(grad(angle))(*sides)[:5])


def loopy_carry(put):
    numbers = np.array([3, 1, 4, 1, 5, 9, 2, 6])
    total, totals = lax.scan(lambda total, x: (total + x, total + x), 0, numbers)
    put("total", total)
    put("totals", totals)
    put("cumsum", np.cumsum(numbers))

    def savings(start, interest):
        return lax.scan(lambda wealth, _: (wealth * (1.0 + interest), wealth), start, None, length=100)[1]

    wealth, looped = np.float32(100.0), []
    for _ in range(100):
        looped.append(wealth)
        wealth = wealth * np.float32(1.01)
    put("looped", [looped[i] for i in (0, 1, 99)])
    put("scanned", savings(100.0, 0.01)[np.array([0, 1, 99])])
    by_start = vmap(savings, in_axes=(0, None))(np.arange(0.0, 300.0, 1.0), 0.01)
    put("by_start_shape", list(by_start.shape))
    put("by_start_end", by_start[1:4, -1])
    by_rate = vmap(savings, in_axes=(None, 0))(100.0, np.array([0.0, 0.005, 0.01, 0.02, 0.03, 0.04]))
    put("by_rate_end", by_rate[:, -1])
    put("worth", grad(lambda start, interest: savings(start, interest)[-1], 1)(100.0, 0.01))
    put("worth_on_paper", 99 * 100 * 1.01**98)

    def break_stick(fraction):
        return lax.scan(lambda rest, _: (rest - rest * fraction, rest * fraction), 1.0, None, length=30)

    rest, pieces = break_stick(0.1)
    put("pieces", pieces[:5])
    put("rest", rest)
    put("whole", pieces.sum() + rest)
    _, pieces = vmap(break_stick)(np.array([0.02, 0.05, 0.1, 0.2, 0.5]))
    put("half", (np.cumsum(pieces, 1) < 0.5).sum(1) + 1)


def deterministic_randomness(put):
    key = random.key(42)
    put("key", random.key_data(key))
    put("a", random.normal(key))
    put("b", random.normal(key))
    _, k2 = random.split(key)
    put("c", random.normal(k2))
    put("d", random.normal(random.split(k2, 3)[0]))
    key = random.key(44)
    put("from_keys", vmap(random.normal)(random.split(key, 20))[:5])
    put("from_key", random.normal(key, (20,))[:5])

    def walk(key, steps):
        step = lambda position, key: (position + random.normal(key), position)
        return lax.scan(step, 0.0, random.split(key, steps))[1]

    position, looped = np.float32(0.0), []
    for k in random.split(key, 100):
        looped.append(position)
        position = position + random.normal(k)
    put("looped", [looped[i] for i in (1, 10, 99)])
    put("walked", walk(key, 100)[np.array([1, 10, 99])])

    def move(position, key):
        axis_key, direction_key = random.split(key)
        axis, direction = random.choice(axis_key, 2), random.choice(direction_key, np.array([-1, 1]))
        position = position + direction * nn.one_hot(axis, 2, dtype=np.int32)
        return position, position

    last, path = lax.scan(move, np.array([0, 0]), random.split(key, 1000))
    put("grid_path", path[:4])
    put("grid_last", last)
    put("grid_reach", [path.min(0), path.max(0)])

    def snap(rest, key):
        piece = rest * random.beta(key, 1.0, 5.0)
        return rest - piece, piece

    rest, pieces = lax.scan(snap, 1.0, random.split(key, 30))
    put("stick_pieces", pieces[:6])
    put("stick_rest", rest, 1e-4, CANCELS)
    walks = vmap(lambda key: walk(key, 1000))(random.split(key, 500))
    put("walks_shape", list(walks.shape))
    put("walks_end", walks[:5, -1])
    put("spread", walks.std(0)[np.array([9, 99, 999])])


def optimized_learning(put):
    """The cells that ../reference.json does not have."""
    polynomial = lambda x: 3.0 * x**2 + 4.0 * x - 3.0
    gold = lambda x, y: 2.0 * x**2 - 4.0 * x * y + y**4 + 2.0
    x = lax.fori_loop(0, 200, lambda _, x: x - 0.01 * grad(polynomial)(x), 3.0)
    put("cell03_curvature", grad(grad(polynomial))(x))
    slope = grad(gold, 1)
    lowest = lax.fori_loop(0, 300, lambda _, y: y - 0.01 * slope(0.5, y), -0.1)
    put("cell09_rail", lowest)
    put("cell09_rail_curvature", grad(slope, 1)(0.5, lowest))


def just_in_time(put):
    selu = lambda x: 1.05 * np.where(x > 0, x, 1.67 * np.exp(x) - 1.67)
    x = random.normal(random.key(44), (1_000_000,))
    put("selu", selu(x)[:5])
    put("selu_mean", selu(x).mean(), 1e-4, SIGNS)
    put("selu_same", True)
    put("equations", 6)
    put("totals", [10.0, 10.0, 20.0, 10.0, 20.0, 0.0])
    put("programs", 2)

    def walk(key):
        def step(position, key):
            position = position + random.normal(key)
            return position, position

        return lax.scan(step, 0.0, random.split(key, 10_000))[1]

    walks = jit(lambda key: vmap(walk)(random.split(key, 1000)))(random.key(42))
    put("walks_shape", list(walks.shape))
    put("walks_start", walks[0, :4])
    put("walks_end", walks[:4, -1])
    put("walks_spread", walks[:, -1].std())


def dense(key, inputs, outputs):
    """The defaults of the library's `Linear`: Lecun's normal weights, from the first of two keys, and no bias."""
    return nn.initializers.lecun_normal()(random.split(key)[0], (inputs, outputs)), np.zeros(outputs)


def dense_apply(layer, x):
    return x @ layer[0] + layer[1]


def adam_scan(loss, optimizer, steps):
    """Trains, and returns the last parameters, all those before each step, and their losses."""

    def step(carry, _):
        params, state = carry
        value, slope = value_and_grad(loss)(params)
        return optimizer.apply(params, slope, state), (params, value)

    def train(params):
        (last, _), (history, losses) = lax.scan(step, (params, optimizer.init(params)), None, length=steps)
        return last, history, losses

    return train


def stax_linear(put):
    key = random.key(42)
    x = random.normal(key, (200, 4))
    y = x @ np.array([[1.0], [2.0], [3.0], [4.0]]) + 5.0
    mse = lambda layer: ((dense_apply(layer, x) - y) ** 2).mean()
    start = dense(key, 4, 1)
    put("weight", start[0])
    put("bias", start[1])
    estimate = dense_apply(start, x)
    put("estimate_shape", list(estimate.shape))
    put("estimate", estimate[:3])
    put("y", y[:3])
    train = adam_scan(mse, Adam(0.1), 1000)
    last, history, losses = jit(train)(start)
    put("after_100", losses[100], 1e-4, LONG)
    put("jit_weight", last[0].ravel(), 1e-4, LONG)
    put("scan_weight", last[0].ravel(), 1e-4, LONG)
    put("scan_bias", last[1], 1e-4, LONG)
    put("losses", losses[np.array([0, 10, 100])])
    models, _, losses = jit(vmap(lambda key: train(dense(key, 4, 1))))(random.split(key, 100))
    put("losses_shape", list(losses.shape))
    put("weights", models[0][:3, :, 0], 1e-4, LONG)
    put("first_losses", [losses[:, 0].min(), losses[:, 0].max()])
    put("recovered", bool(abs(models[0][..., 0] - np.array([1.0, 2.0, 3.0, 4.0])).max() < 1e-2))


def stax_neural(put):
    key = random.key(42)

    def network(key):
        hidden, output = random.split(key)
        return dense(hidden, 41, 20), dense(output, 20, 1)

    call = lambda net, x: dense_apply(net[1], np.tanh(dense_apply(net[0], x)))
    loss = lambda net, x, y: stable_cross_entropy(call(net, x), y).mean()
    accuracy = lambda net, x, y: ((call(net, x) > 0) == (y > 0)).mean()
    start = network(key)
    put("paths", ["[0][0].weight", "[0][0].bias", "[0][2].weight", "[0][2].bias"])
    put("hidden_weight", start[0][0][0, :4])
    x, y = compounds(random.key(8), 2000)
    x, x_test, y, y_test = x[:1500], x[1500:], y[:1500], y[1500:]
    put("loss_before", loss(start, x, y))
    train = adam_scan(lambda net: loss(net, x, y), Adam(0.003), 800)
    _, history, training = jit(train)(start)
    test = jit(vmap(lambda net: loss(net, x_test, y_test)))(history)
    put("history_shape", list(history[0][0].shape))
    moments = np.array([0, 50, 100, 200, 799])
    put("training_loss", training[moments], 1e-3, LONG)
    put("test_loss", test[moments], 1e-3, LONG)
    best = np.argmin(test)
    stopped, last = (jax.tree.map(lambda x: x[i], history) for i in (best, -1))
    put("least_test_loss", test.min(), 1e-3, LONG)
    put("best_is_early", bool(best < 400))
    accuracies = [accuracy(stopped, x_test, y_test), accuracy(last, x_test, y_test)]
    put("accuracy", accuracies, 5e-3, "two of 500 answers may be on the border")
    _, histories, _ = jit(vmap(lambda key: train(network(key))))(random.split(key, 5))
    curves = jit(vmap(vmap(lambda net: loss(net, x_test, y_test))))(histories)
    put("curves_shape", list(curves.shape))
    put("curves_start", curves[:, 0])
    put("curves_least", curves.min(1), 1e-3, LONG)


def gaussian_clustering(put):
    component = lambda log_weight, mean, log_scale, x: log_weight + stats.norm.logpdf(x, mean, np.exp(log_scale))

    def one(mixture, x):
        weights, means, scales = mixture
        components = vmap(component, in_axes=(0, 0, 0, None))
        return logsumexp(components(nn.log_softmax(weights), means, scales, x))

    log_likelihood = lambda mixture, data: vmap(one, in_axes=(None, 0))(mixture, data).sum()
    log_prior = lambda mixture: stats.dirichlet.logpdf(nn.softmax(mixture[0]), np.array([2.0, 2.0]))
    loss = lambda mixture: -(log_likelihood(mixture, data) + log_prior(mixture))
    truth = np.log(np.array([1.0, 5.0])), np.array([-2.0, 5.0]), np.log(np.array([1.1, 2.0]))
    key = random.key(100)
    a, b = random.split(key)
    data = np.concatenate([random.normal(a, (1000,)) * 1.1 - 2.0, random.normal(b, (5000,)) * 2.0 + 5.0])
    put("data", data[:3])
    put("data_mean", data.mean())
    put("component", component(0.0, 0.0, 0.0, 0.0))
    put("standard_normal", stats.norm.logpdf(0.0))
    put("one", one(truth, data[1]))
    put("log_likelihood", log_likelihood(truth, data))
    put("log_prior", log_prior(truth))
    put("true_loss", loss(truth))
    start = tuple(random.normal(k, (2,)) for k in random.split(key, 3))
    put("first_loss", loss(start))
    put("slope_of_means", grad(loss)(start)[1])
    fitted, history, losses = jit(adam_scan(loss, Adam(0.1), 600))(start)
    put("losses", losses[np.array([0, 10, 30, 100, 300])], 1e-4, LONG)
    put("last_loss", losses[-1])
    order = np.argsort(fitted[1])
    put("weights", nn.softmax(fitted[0])[order], 1e-3, LONG)
    put("means", fitted[1][order], 1e-3, LONG)
    put("scales", np.exp(fitted[2])[order], 1e-3, LONG)


def break_stick(fractions):
    return lax.scan(lambda rest, fraction: (rest * (1.0 - fraction), rest * fraction), 1.0, fractions)


def dirichlet_processes(put):
    draw = lambda key, concentration: break_stick(random.beta(key, 1.0, concentration, (50,)))[1]

    def fractions_of(weights):
        return lax.scan(lambda rest, weight: (rest - weight, weight / rest), 1.0, weights)[1]

    def log_likelihood(log_concentration, weights):
        return stats.beta.logpdf(fractions_of(weights[:25]), 1.0, np.exp(log_concentration)).sum()

    key = random.key(42)
    weights = draw(key, 3.0)
    put("weights", weights[:5])
    put("weights_sum", weights.sum())
    draws = vmap(draw, in_axes=(0, None))(random.split(key, 20), 3.0)
    put("draws_shape", list(draws.shape))
    put("draws_first", draws[:5, 0])
    concentrations = np.array([0.5, 1.0, 3.0, 5.0, 10.0, 20.0])
    twenty = lambda key, c: vmap(draw, in_axes=(0, None))(random.split(key, 20), c)
    every = vmap(twenty)(random.split(key, 6), concentrations)
    put("all_shape", list(every.shape))
    put("greatest", every.max(2).mean(1))
    put("needed", ((np.cumsum(every, 2) < 0.9).sum(2) + 1).mean(1))
    fractions = random.beta(key, 1.0, 3.0, (50,))
    weights = break_stick(fractions)[1]
    recovered = fractions_of(weights)
    put("recovered", recovered[:5])
    put("error_small", bool(abs(recovered - fractions)[:25].max() < 1e-3))
    grid = np.linspace(-3.0, 3.0, 1000)
    likelihoods = vmap(log_likelihood, in_axes=(0, None))(grid, weights)
    put("likelihood_at_1", log_likelihood(1.0, weights), 1e-4, CANCELS)
    put("likeliest", np.exp(grid[np.argmax(likelihoods)]), 0.02, "a place on a grid, at a flat maximum")
    draws = every[3]
    loss = lambda log_concentration: -vmap(log_likelihood, in_axes=(None, 0))(log_concentration, draws).sum()
    start = random.normal(key)
    fitted, _, losses = jit(adam_scan(loss, Adam(0.05), 300))(start)
    put("start", np.exp(start))
    put("losses", losses[np.array([0, 10, 50, 299])], 1e-4, CANCELS)
    put("concentration", np.exp(fitted), 1e-3, CANCELS)
    put("on_paper", -1.0 / np.log(1.0 - vmap(fractions_of)(draws[:, :25])).mean(), 1e-3, CANCELS)


def dirichlet_process_clustering(put):
    def log_weights(process):
        snap = lambda log_rest, z: (log_rest + nn.log_sigmoid(-z), log_rest + nn.log_sigmoid(z))
        return lax.scan(snap, 0.0, process[0])[1]

    def log_likelihood(process):
        weights, scales = log_weights(process), np.exp(process[2])
        return vmap(lambda x: logsumexp(weights + stats.norm.logpdf(x, process[1], scales)))(data).sum()

    def log_prior(process):
        odds, means, log_scales, log_concentration = process
        breaks = stats.beta.logpdf(nn.sigmoid(odds), 1.0, np.exp(log_concentration))
        return breaks.sum() + stats.norm.logpdf(means, 0.0, 5.0).sum() + stats.norm.logpdf(log_scales).sum()

    loss = lambda process: -(log_prior(process) + log_likelihood(process))
    clusters = [(200, -2.0, 1.1), (1000, -5.0, 2.0), (100, 3.0, 1.0), (600, 8.0, 1.5)]
    keys = random.split(random.key(42), 4)
    draws = [scale * random.normal(key, (n,)) + mean for (n, mean, scale), key in zip(clusters, keys)]
    data = np.concatenate(draws)
    put("count", data.size)
    put("data_mean", data.mean(), 1e-4, SIGNS)
    means, scales = random.split(random.key(7))
    start = np.full(20, -1.1), random.normal(means, (20,)), 0.3 * random.normal(scales, (20,)), np.zeros(())
    put("start_weights", np.exp(log_weights(start))[:4])
    put("start_likelihood", log_likelihood(start))
    put("start_prior", log_prior(start))
    put("first_loss", loss(start))
    fitted, history, losses = jit(adam_scan(loss, Adam(0.05), 1500))(start)
    put("losses", losses[np.array([0, 10, 100, 500])], 1e-3, LONG)
    put("last_loss", losses[-1], 1e-3, LONG)
    weights = np.exp(log_weights(fitted))
    order = np.argsort(-weights)
    put("weights", weights[order][:5], 0.02, LONG)
    put("means", fitted[1][order][:5], 0.02, LONG)
    put("scales", np.exp(fitted[2])[order][:5], 0.02, LONG)
    put("concentration", np.exp(fitted[3]), 0.01, LONG)
    put("two", [weights[order][:2].sum()], 0.01, LONG)


def double_pendulum(put):
    def kinetic(p, q, v):
        masses, lengths = p
        x, y = np.cumsum(lengths * v * np.cos(q)), np.cumsum(lengths * v * np.sin(q))
        return 0.5 * (masses * (x**2 + y**2)).sum()

    potential = lambda p, q: 9.81 * (p[0] * -np.cumsum(p[1] * np.cos(q))).sum()
    lagrangian = lambda p, q, v: kinetic(p, q, v) - potential(p, q)
    momentum = grad(lagrangian, 2)

    def acceleration(p, q, v):
        force = grad(lagrangian, 1)(p, q, v)
        inertia, coupling = jax.jacfwd(momentum, 2)(p, q, v), jax.jacfwd(momentum, 1)(p, q, v)
        (a, b), (c, d) = inertia
        return np.array([[d, -b], [-c, a]]) @ (force - coupling @ v) / (a * d - b * c)

    def step(p, state, time):
        slope = lambda state: (state[1], acceleration(p, *state))
        moved = lambda by, time: jax.tree.map(lambda x, dx: x + time * dx, state, by)
        a = slope(state)
        b = slope(moved(a, time / 2))
        c = slope(moved(b, time / 2))
        d = slope(moved(c, time))
        return moved(jax.tree.map(lambda a, b, c, d: 2.0 * (b + c) + (a + d), a, b, c, d), time / 6)

    def simulate(p, start, steps):
        return lax.scan(lambda state, _: (step(p, state, 0.01), state), start, None, length=steps)[1]

    pendulum = np.array([1.0, 0.6]), np.array([1.0, 0.7])
    start = np.array([2.0, 2.6]), np.zeros(2)
    put("lagrangian", lagrangian(pendulum, *start))
    put("acceleration", acceleration(pendulum, *start))
    angles, speeds = jit(lambda: simulate(pendulum, start, 1000))()
    energies = vmap(lambda q, v: kinetic(pendulum, q, v) + potential(pendulum, q))(angles, speeds)
    put("after_1s", angles[100], 1e-4, LONG)
    put("energy", energies[0])
    put("energy_kept", bool(np.ptp(energies) / abs(energies[0]) < 1e-3))
    nearby = jit(vmap(lambda offset: simulate(pendulum, (start[0] + offset, start[1]), 1000)[0]))
    every = nearby(np.linspace(0.0, 8e-4, 9))
    put("spread_shape", list(every.shape))
    spread = every[..., 1].std(0)
    put("chaos", [bool(spread[100] < 0.01), bool(spread[-1] > 1.0)])
    measured = angles[:200] + 0.01 * random.normal(random.key(5), (200, 2))
    loss = lambda logs: ((simulate(jax.tree.map(np.exp, logs), start, 200)[0] - measured) ** 2).mean()
    optimizer = Adam(0.03)

    def update(carry, _):
        logs, state = carry
        value, (masses, lengths) = value_and_grad(loss)(logs)
        return optimizer.apply(logs, (masses * np.array([0.0, 1.0]), lengths), state), value

    guess = jax.tree.map(np.log, (np.array([1.0, 1.0]), np.array([1.2, 0.9])))
    (logs, _), losses = jit(lambda g: lax.scan(update, (g, optimizer.init(g)), None, length=200))(guess)
    put("losses", losses[np.array([0, 50, 100])], 1e-2, LONG)
    put("masses", np.exp(logs[0]), 1e-3, LONG)
    put("lengths", np.exp(logs[1]), 1e-3, LONG)
    put("misfit", [np.sqrt(losses[-1])], 1e-2, LONG)


def gaussian_process(put):
    def kernel(p, a, b):
        return np.exp(2.0 * p[0] - 0.5 * ((a - b) / np.exp(p[1])) ** 2)

    covariance = lambda p, a, b: both(lambda a, b: kernel(p, a, b))(a, b)
    factor = lambda p, x: np.linalg.cholesky(covariance(p, x, x) + np.exp(2.0 * p[2]) * np.eye(x.size))
    solve = lambda l, b: jax.scipy.linalg.solve_triangular(l, b, lower=True)

    def loss(p, x, y):
        l = factor(p, x)
        return 0.5 * (solve(l, y) ** 2).sum() + np.log(np.diag(l)).sum() + 0.5 * x.size * np.log(2 * np.pi)

    x_key, noise_key, sample_key = random.split(random.key(11), 3)
    places = random.uniform(x_key, (40,)) * 6.0
    x = np.where(places < 3.0, places - 4.0, places - 2.0)
    y = np.sin(2.0 * x) + 0.3 * x + 0.15 * random.normal(noise_key, (40,))
    put("x", x[:4])
    put("y", y[:4])
    start = np.float32(0.0), np.float32(0.5), np.float32(-1.0)
    k = covariance(start, x, x)
    put("k_shape", list(k.shape))
    put("k", k[0, :4])
    value, slope = value_and_grad(loss)(start, x, y)
    put("first_loss", value, 1e-4, SOLVED)
    put("slope", slope, 1e-3, SOLVED)
    fitted, _, losses = jit(adam_scan(lambda p: loss(p, x, y), Adam(0.05), 300))(start)
    put("last_loss", losses[-1], 1e-3, SOLVED)
    put("found", [np.exp(v) for v in fitted], 1e-2, SOLVED)
    at = np.linspace(-6.0, 6.0, 121)
    l = factor(fitted, x)
    across = solve(l, covariance(fitted, x, at))
    mean = across.T @ solve(l, y)
    spread = np.sqrt(np.maximum(np.diag(covariance(fitted, at, at) - across.T @ across), 0.0))
    shown = np.array([0, 30, 60, 90])
    put("mean", mean[shown], 1e-2, SOLVED)
    put("spread", spread[shown], 1e-2, SOLVED)
    put("draws_shape", [8, 121])
    put("draws_inside", True)


def bayesian_regression(put):
    def log_posterior(line, x, y):
        slope, intercept, log_noise = line
        normal = stats.norm.logpdf
        prior = normal(slope, 0.0, 10.0) + normal(intercept, 0.0, 10.0) + normal(log_noise, 0.0, 1.0)
        return prior + normal(y, slope * x + intercept, np.exp(log_noise)).sum()

    energy = lambda momentum: 0.5 * sum(p**2 for p in momentum)

    def leapfrog(line, momentum):
        push = lambda momentum, line, time: tuple(
            p + time * f for p, f in zip(momentum, grad(log_posterior)(line, x, y))
        )

        def step(_, state):
            line, momentum = state
            momentum = push(momentum, line, 0.5 * 0.04)
            line = tuple(q + 0.04 * p for q, p in zip(line, momentum))
            return line, push(momentum, line, 0.5 * 0.04)

        return lax.fori_loop(0, 20, step, (line, momentum))

    x_key, noise_key, start_key, chain_key = random.split(random.key(21), 4)
    x = random.normal(x_key, (15,))
    y = 2.0 * x - 1.0 + 0.8 * random.normal(noise_key, (15,))
    truth = np.float32(2.0), np.float32(-1.0), np.log(np.float32(0.8))
    put("at_truth", log_posterior(truth, x, y))
    push = np.float32(1.0), np.float32(0.5), np.float32(-0.5)
    line, momentum = leapfrog(truth, push)
    put("rolled", line, 1e-4, LONG)
    put("before", energy(push) - log_posterior(truth, x, y))
    put("after", energy(momentum) - log_posterior(line, x, y), 1e-4, LONG)
    normals = lambda key, shape=(): tuple(random.normal(k, shape) for k in random.split(key, 3))

    def chain(start, key):
        def step(line, key):
            momentum_key, choice_key = random.split(key)
            momentum = normals(momentum_key)
            proposal, end = leapfrog(line, momentum)
            before = energy(momentum) - log_posterior(line, x, y)
            after = energy(end) - log_posterior(proposal, x, y)
            accepted = np.log(random.uniform(choice_key)) < before - after
            line = tuple(np.where(accepted, new, old) for new, old in zip(proposal, line))
            return line, (line, accepted)

        return lax.scan(step, start, random.split(key, 1000))[1]

    samples, accepted = jit(vmap(chain))(normals(start_key, (4,)), random.split(chain_key, 4))
    put("samples_shape", list(samples[0].shape))
    put("first_slopes", samples[0][:, 0], 1e-4, LONG)
    put("accepted", accepted.mean(1), 1e-2, CHAINS)
    kept = [s[:, 200:] for s in samples]
    put("means", [s.mean() for s in kept], 2e-2, CHAINS)
    put("spreads", [s.std() for s in kept], 5e-2, CHAINS)
    put("chains_agree", bool(kept[0].mean(1).std() / kept[0].std() < 0.1))
    put("least_squares", np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), y)[0])
    put("steeper", (kept[0] > 2.0).mean(), 0.1, CHAINS)


def molecules(put):
    size = 9.0

    def pair(a, b):
        d = a - b
        d = d - size * np.round(d / size)
        squared = (d**2).sum()
        inverse = np.where(squared == 0.0, 1.0, squared) ** -3
        return np.where(squared == 0.0, 0.0, 4.0 * (inverse**2 - inverse))

    potential = lambda places: 0.5 * both(pair)(places, places).sum()
    side = np.arange(0.0, 8.0) * (size / 8) + 0.5
    x, y = np.meshgrid(side, side)
    grid = np.stack([x.ravel(), y.ravel()], 1)
    put("grid_energy", potential(grid))
    force = lambda places: -grad(potential)(places)
    put("on_moved", force(grid.at[27, 0].add(0.1))[27], 1e-3, CANCELS)
    put("total_force", True)

    def step(_, state):
        places, speeds = state
        speeds = speeds + 0.5 * 0.004 * force(places)
        places = places + 0.004 * speeds
        return np.remainder(places, size), speeds + 0.5 * 0.004 * force(places)

    speeds = random.normal(random.key(3), (64, 2))
    start = grid, speeds - speeds.mean(0)
    frame = lambda state, _: (lax.fori_loop(0, 10, step, state), state)
    places, speeds = jit(lambda: lax.scan(frame, start, None, length=200)[1])()
    kinetic = 0.5 * (speeds**2).sum((1, 2))
    total = kinetic + vmap(potential)(places)
    put("film_shape", list(places.shape))
    put("one_frame_later", places[1, 27])
    put("start_energy", [kinetic[0], total[0]])
    put("energy_kept", bool(np.ptp(total) / kinetic[0] < 0.01))
    put("first_temperature", kinetic[0] / 64)
    late = kinetic[100:] / 64
    put("settled", bool(late.std() < 0.3 * late.mean()))


GLYPHS = """
.###. #...# #..## #.#.# ##..# #...# .###.
..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.
.###. #...# ....# ...#. ..#.. .#... #####
.###. #...# ....# ..##. ....# #...# .###.
...#. ..##. .#.#. #..#. ##### ...#. ...#.
##### #.... ####. ....# ....# #...# .###.
..##. .#... #.... ####. #...# #...# .###.
##### ....# ...#. ..#.. .#... .#... .#...
.###. #...# #...# .###. #...# #...# .###.
.###. #...# #...# .#### ....# ...#. .##..
"""


def digits(put):
    glyphs = np.array([c == "#" for c in GLYPHS if not c.isspace()], np.float32).reshape(10, 7, 5)

    def draw(key):
        digit_key, row_key, column_key, noise_key = random.split(key, 4)
        digit = random.randint(digit_key, (), 0, 10)
        row, column = random.randint(row_key, (), 0, 6), random.randint(column_key, (), 0, 8)
        image = lax.dynamic_update_slice(np.zeros((12, 12)), glyphs[digit], (row, column))
        return image + 0.25 * random.normal(noise_key, (12, 12)), digit

    def reader(key):
        a, b, c = random.split(key, 3)
        kernel = nn.initializers.lecun_normal()(random.split(a)[0], (5, 5, 1, 16))
        return (kernel, np.zeros(16)), dense(b, 576, 64), dense(c, 64, 10)

    def read(net, images):
        (kernel, bias), hidden, output = net
        layout = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(images[..., None], kernel, (1, 1), "SAME", dimension_numbers=layout)
        x = np.maximum(x + bias, 0.0)
        x = lax.reduce_window(x, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return dense_apply(output, np.maximum(dense_apply(hidden, x.reshape(len(images), -1)), 0.0))

    def loss(net, images, labels):
        return -np.take_along_axis(nn.log_softmax(read(net, images)), labels[:, None], 1).mean()

    reader_key, train_key, test_key = random.split(random.key(10), 3)
    images, labels = vmap(draw)(random.split(test_key, 1000))
    put("images_shape", list(images.shape))
    put("digits", labels[:10])
    put("pixels", images[0, 5, :4])
    start = reader(reader_key)
    put("count", sum(leaf.size for leaf in jax.tree.leaves(start)))
    put("loss_before", loss(start, images, labels))
    optimizer = Adam(0.005)

    def step(carry, key):
        net, state = carry
        value, slope = value_and_grad(loss)(net, *vmap(draw)(random.split(key, 64)))
        return optimizer.apply(net, slope, state), value

    train = jit(lambda net: lax.scan(step, (net, optimizer.init(net)), random.split(train_key, 400)))
    (net, _), losses = train(start)
    put("losses", losses[np.array([0, 20, 50])], 1e-2, LONG)
    right = (read(net, images).argmax(1) == labels).sum()
    put("loss_after", loss(net, images, labels), 0.2, LONG)
    put("mostly_right", bool(right > 900))
    put("confused_shape", [10, 10])
    put("all_counted", 1000.0)


def small_gpt(put):
    source = pathlib.Path(__file__).parents[2] / "src/demo/small_gpt/coriolanus.txt"
    characters = source.read_text()
    alphabet = sorted(set(characters))
    decode = lambda tokens: "".join(alphabet[i] for i in tokens.tolist())
    tokens = np.array([alphabet.index(c) for c in characters], np.int32)
    text, test = tokens[:43000], tokens[43000:]
    put("characters", len(alphabet))
    put("length", tokens.size)
    put("first", text[:8])
    put("decoded", decode(text[:8]))
    norm = lambda: (np.ones(64), np.zeros(64))

    def block(key):
        a, b, c = random.split(key, 3)
        maps = tuple(dense(k, 64, 64) for k in random.split(a, 4))
        return norm(), maps, norm(), dense(b, 64, 256), dense(c, 256, 64)

    def gpt(key):
        a, b = random.split(key)
        embedding = nn.initializers.variance_scaling(1.0, "fan_in", "normal", in_axis=1, out_axis=0)
        return embedding(a, (len(alphabet), 64)), vmap(block)(random.split(b, 2)), norm()

    def normalize(layer, x):
        centered = x - x.mean(-1, keepdims=True)
        return centered * lax.rsqrt(centered.var(-1, keepdims=True) + 1e-6) * layer[0] + layer[1]

    def rotate(x):
        angles = np.arange(32.0)[:, None, None] * 100.0 ** (-np.arange(8.0) / 8)
        a, b = x[..., :8], x[..., 8:]
        return np.concatenate([a * np.cos(angles) - b * np.sin(angles), b * np.cos(angles) + a * np.sin(angles)], -1)

    def weights_of(maps, x):
        query, key = (rotate(dense_apply(layer, x).reshape(32, 4, 16)) for layer in maps[:2])
        products = np.einsum("ihf,jhf->hij", query, key) / 4
        return nn.softmax(np.where(np.tril(np.ones((32, 32), bool)), products, -np.inf))

    def through(x, block):
        first, maps, second, hidden, output = block
        y = normalize(first, x)
        weights = weights_of(maps, y)
        values = dense_apply(maps[2], y).reshape(32, 4, 16)
        x = x + dense_apply(maps[3], np.einsum("hij,jhf->ihf", weights, values).reshape(32, 64))
        return x + dense_apply(output, nn.gelu(dense_apply(hidden, normalize(second, x)))), weights

    def logits(net, tokens):
        x, _ = lax.scan(through, net[0][tokens], net[1])
        return normalize(net[2], x) @ net[0].T

    def loss(net, windows):
        answers = vmap(logits, in_axes=(None, 0))(net, windows[:, :-1])
        return -np.take_along_axis(nn.log_softmax(answers), windows[:, 1:, None], 2).mean()

    @jit
    def write(net, prompt, temperature, key):
        def following(window, key):
            token = random.categorical(key, logits(net, window)[-1] / temperature).astype(np.int32)
            return np.append(window[1:], token), token

        return lax.scan(following, prompt, random.split(key, 240))[1]

    gpt_key, train_key, write_key = random.split(random.key(1), 3)
    start, prompt = gpt(gpt_key), test[:32]
    guess = logits(start, prompt)
    put("count", sum(leaf.size for leaf in jax.tree.leaves(start)))
    put("guess_shape", list(guess.shape))
    put("guess", guess[0, :4])
    windows = lambda text, starts: text[starts[:, None] + np.arange(33)]
    held_out, test_loss = windows(test, np.arange(0, 4800, 32)), jit(loss)
    put("windows_shape", list(held_out.shape))
    put("loss_before", test_loss(start, held_out))
    put("nonsense", decode(write(start, prompt, 1.0, write_key))[:40])

    def step(carry, key):
        net, state = carry
        optimizer = Adam(0.005 * 0.5 * (1.0 + np.cos(np.pi * state[0] / 600)), b2=0.99)
        value, slope = value_and_grad(loss)(net, windows(text, random.randint(key, (32,), 0, 43000 - 32)))
        return optimizer.apply(net, slope, state), value

    train = jit(lambda carry, keys: lax.scan(step, carry, keys))
    carry, losses, test_losses = (start, Adam(0).init(start)), [], [test_loss(start, held_out)]
    for keys in random.split(train_key, (12, 50)):
        carry, fifty = train(carry, keys)
        losses.append(fifty)
        test_losses.append(test_loss(carry[0], held_out))
    losses, test_losses, net = np.concatenate(losses), np.stack(test_losses), carry[0]
    put("losses", losses[np.array([0, 5, 20])], 1e-3, LONG)
    put("late_losses", losses[np.array([100, 500])], 5e-2, LONG)
    put("test_losses", test_losses[np.array([0, 1, 12])], 2e-2, LONG)
    prompt = text[-32:]
    written = [write(net, prompt, temperature, write_key) for temperature in (0.3, 0.7, 1.2)]
    words = lambda text: "".join(c if c.isalpha() else " " for c in text).split()
    known = [numpy.mean([word in set(words(characters)) for word in words(decode(t))[1:-1]]) for t in written]
    put("prompt", decode(prompt))
    put("written_shape", [3, 240])
    put("known", bool(known[0] > 0.5 and known[1] > 0.5))
    put("fewer", bool(known[2] < known[0]))
    put("weights_shape", [2, 4, 32, 32])
    put("weights_sum", True)
    put("untrained", lax.scan(through, start[0][prompt], start[1])[1][:, 0, 2, :3])


DEMOS = {
    "neural-networks-from-scratch": neural_networks_from_scratch,
    "gradient-optimization": gradient_optimization,
    "linear-models": linear_models,
    "logistic-regression": logistic_regression,
    "neural-networks": neural_networks,
    "loopless-loops": loopless_loops,
    "loopy-carry": loopy_carry,
    "deterministic-randomness": deterministic_randomness,
    "optimized-learning": optimized_learning,
    "jit": just_in_time,
    "stax-linear": stax_linear,
    "stax-neural": stax_neural,
    "gaussian-clustering": gaussian_clustering,
    "dirichlet-processes": dirichlet_processes,
    "dirichlet-process-clustering": dirichlet_process_clustering,
    "double-pendulum": double_pendulum,
    "gaussian-process": gaussian_process,
    "bayesian-regression": bayesian_regression,
    "molecules": molecules,
    "digits": digits,
    "small-gpt": small_gpt,
}


def write(name):
    cells = Cells()
    DEMOS[name](cells.put)
    lines = [f'"jax": "{jax.__version__}"']
    lines += [f'"cells": {{\n{rows(cells.cells)}\n}}', f'"within": {{\n{rows(cells.within)}\n}}']
    path = pathlib.Path(__file__).with_name(f"{name}.json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def rows(table):
    return ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in table.items())


if __name__ == "__main__":
    for name in sys.argv[1:] or DEMOS:
        write(name)
        print(name)
