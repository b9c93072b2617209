"""tensorflow.json: functions of TensorFlow as StableHLO text, with the values, gradients and batches that TensorFlow computes.

`pip install tensorflow-cpu==2.20.0`. `tf.function(f, jit_compile=True).experimental_get_compiler_ir(…)(stage="stablehlo")` writes
the text. A case is like one of imports.json, with `text` in place of `artifact`.
"""

import json
import os
import pathlib

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

NAMES = {"float32": "f32", "int32": "s32", "int64": "s64", "bool": "pred", "bfloat16": "bf16", "complex64": "c64", "int8": "s8"}
CASES = []


def case(make):
    CASES.append(make)
    return make


def wave(shape, seed=0.0):
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    return (0.5 * np.sin(seed + 1.7 * i)).reshape(shape).astype(np.float32)


@case
def tf_perceptron():
    f = lambda x, w, b, v: tf.nn.softmax(tf.nn.relu(x @ w + b) @ v)
    return f, wave((4, 5)), wave((5, 6), 1), wave((6,), 2), wave((6, 3), 3)


@case
def tf_convolutions():
    def f(x, kernel, depthwise):
        y = tf.nn.conv2d(x, kernel, strides=[1, 2, 1, 1], padding="SAME")
        y = tf.nn.max_pool2d(tf.nn.gelu(y), 2, 2, "VALID")
        y = tf.nn.depthwise_conv2d(y, depthwise, [1, 1, 1, 1], "SAME")
        return tf.nn.avg_pool2d(y, 2, 1, "SAME")
    return f, wave((2, 8, 6, 3)), wave((3, 3, 3, 4), 1), wave((2, 2, 4, 2), 2)


@case
def tf_loop_and_branch():
    def f(x, n):
        body = lambda i, c: (i + 1, tf.tanh(c * 0.9 + tf.cast(i, tf.float32)))
        looped = tf.while_loop(lambda i, c: i < 5, body, [tf.constant(0), x])[1]
        return looped, tf.cond(n > 0, lambda: x * 2, lambda: x - 1)
    return f, wave((3,)), np.int32(1)


@case
def tf_indexing():
    def f(x, i):
        return (tf.gather(x, i), tf.tensor_scatter_nd_update(x, i[:, None], x[:3]), tf.math.top_k(x, 2), tf.sort(x, axis=0),
                tf.argmax(x, 1), tf.one_hot(i, 4), tf.cumsum(x, 1, reverse=True), tf.reverse(x, [0]),
                tf.pad(x, [[1, 0], [0, 2]]), tf.math.unsorted_segment_sum(x, tf.constant([0, 2, 1, 2, 0]), 4),
                tf.strided_slice(x, [0, 1], [5, 4], [2, 1]), tf.math.cumprod(x, 0))
    return f, wave((5, 4), 0.3), np.array([2, 0, 4], np.int32)


@case
def tf_algebra():
    def f(a, b):
        factor = tf.linalg.cholesky(a @ tf.transpose(a) + 4 * tf.eye(4))
        spectrum = tf.abs(tf.signal.fft(tf.complex(a, b)))
        return factor, tf.einsum("ij,kj->ik", a, b), tf.linalg.triangular_solve(factor, b), spectrum
    return f, wave((4, 4)), wave((4, 4), 2)


@case
def tf_functions():
    def f(x):
        return (tf.math.erf(x), tf.math.lgamma(x + 2), tf.nn.softplus(x), tf.math.floormod(x, 0.3), tf.round(x * 4),
                tf.cast(x, tf.bfloat16) * 2, tf.cast(tf.cast(x * 100, tf.int8), tf.float32), tf.math.atan2(x, x + 1),
                tf.math.sinh(x), tf.math.acos(x), tf.math.asinh(x), tf.math.tan(x), tf.math.cosh(x), tf.math.atanh(x))
    return f, wave((5,), 0.4)


@case
def tf_draws():
    def f(seed, scale):
        return scale * tf.random.stateless_uniform((4,), seed, alg="philox")
    return f, np.array([1, 2], np.int32), np.float32(2)


@case
def tf_batch_norm():
    return (lambda x, scale, offset: tf.compat.v1.nn.fused_batch_norm(x, scale, offset, epsilon=1e-3)[0],
            wave((2, 3, 3, 4)), wave((4,), 1), wave((4,), 2))


@case
def tf_gradient():
    def f(w, x):
        with tf.GradientTape() as tape:
            tape.watch(w)
            loss = tf.reduce_sum(tf.tanh(x @ w) ** 2)
        return loss, tape.gradient(loss, w)
    return f, wave((5, 3)), wave((4, 5), 1)


@case
def tf_recurrent():
    def f(x, u, r, b):
        h = c = tf.zeros((2, 3))
        for t in range(4):
            i, g, o, q = tf.split(x[:, t] @ u + h @ r + b, 4, 1)
            c = tf.sigmoid(g) * c + tf.sigmoid(i) * tf.tanh(o)
            h = tf.sigmoid(q) * tf.tanh(c)
        return h
    return f, wave((2, 4, 5)), wave((5, 12), 1), wave((3, 12), 2), wave((12,), 3)


def numbers(x):
    x = tf.cast(x, tf.float32) if x.dtype == tf.bfloat16 else x
    flat = x.numpy().ravel()
    return np.concatenate([flat.real, flat.imag] if np.iscomplexobj(flat) else [flat]).astype(np.float64)


def digest(x):
    flat = numbers(x)
    weighted = (flat * np.cos(1.0 + np.arange(flat.size))).sum()
    return {"dtype": NAMES[x.dtype.name], "shape": x.shape.as_list(), "digest": [flat.sum(), weighted, np.abs(flat).sum()]}


def loss(results):
    total = 0.0
    for k, y in enumerate(results):
        if y.dtype.is_floating:
            y = tf.reshape(tf.cast(y, tf.float32), [-1])
            total += tf.reduce_sum(y * np.cos(1.0 + k + np.arange(y.shape[0])).astype(np.float32))
    return total


def written(make):
    f, *args = make()
    args = [tf.constant(x) for x in args]
    function = tf.function(f, jit_compile=True)
    text = function.experimental_get_compiler_ir(*args)(stage="stablehlo")
    # Locations have the path of the package.
    text = text.replace(os.path.dirname(os.path.dirname(tf.__file__)) + "/", "").replace(str(pathlib.Path(__file__).parent) + "/", "")
    compiled = lambda args: tf.nest.flatten(function(*args))
    moved = [x * 0.98 if x.dtype.is_floating else x for x in args]
    pairs = zip(compiled(args), compiled(moved))
    floats = [x for x in args if x.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(floats)
        # XLA does not differentiate every loop, and draws other numbers than TensorFlow's own kernels.
        total = loss(tf.nest.flatten((function if make is tf_draws else f)(*args)))
    data = lambda x: [v.item() for v in x.numpy().ravel()]
    return {
        "name": make.__name__, "package": "tensorflow", "version": tf.__version__, "modes": "grad",
        "inputs": [{"dtype": NAMES[x.dtype.name], "shape": x.shape.as_list(), "data": data(x)} for x in args],
        "value": [digest(y) for y in compiled(args)], "vmap": [digest(tf.stack(pair)) for pair in pairs],
        "grad": [digest(g) for g in tape.gradient(total, floats)], "text": text,
    }


def main():
    lines = []
    for make in CASES:
        lines.append(json.dumps(written(make), separators=(",", ":")))
        print(f"{make.__name__:24} {len(lines[-1]):8}")
    path = pathlib.Path(__file__).with_name("tensorflow.json")
    path.write_text('{"tensorflow":"%s",\n"cases":[\n' % tf.__version__ + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
