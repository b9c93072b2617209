"""optax_losses.json: losses and projections of Optax, and the gradients of their sums in the first argument."""

from common import *

import warnings
import jax.numpy as jnp
from optax import losses, projections

warnings.simplefilter("ignore")
inf = float("inf")


def wave(*shape, by=1.3, scale=2.0):
    return (scale * np.cos(by * np.arange(int(np.prod(shape))) + 0.4)).reshape(shape).astype(np.float32)


def probabilities(*shape, by=0.8):
    x = np.abs(wave(*shape, by=by)) + 0.1
    return (x / x.sum(-1, keepdims=True)).astype(np.float32)


edge = np.array([-inf, -1000.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1000.0, inf], np.float32)
finite = edge[1:-1]
bits = np.array([0, 1, 1, 0, 1, 0, 1], np.float32)
signs = 2 * bits - 1
scores, classes = wave(3, 4), np.array([0, 3, 2], np.int32)
one_hot = np.eye(4, dtype=np.float32)[classes]
sparse = np.array([[1, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1]], np.float32)
holes = np.where(sparse == 0, np.where(wave(3, 4) > 1, -inf, scores), scores).astype(np.float32)
sequences, texts = wave(2, 5, 4), np.array([[1, 1, 2], [3, 1, 0]], np.int32)
pads = np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 1]], np.float32)
text_pads = np.array([[0, 0, 0], [0, 0, 1]], np.float32)
maps = np.eye(3, dtype=np.float32)[np.arange(12).reshape(2, 6) % 3]
mask = np.array([[True, True, False, True], [False] * 4, [True, False, True, True]])

CASES = {
    "squared_error": (losses.squared_error, finite, signs),
    "l2_loss": (losses.l2_loss, finite, signs),
    "huber_loss": (lambda x, y: losses.huber_loss(x, y, delta=0.7), finite, signs),
    "log_cosh": (losses.log_cosh, finite, signs),
    "cosine_similarity": (losses.cosine_similarity, scores, wave(3, 4, by=0.7)),
    "cosine_similarity_axis": (lambda x, y: losses.cosine_similarity(x, y, axis=0, epsilon=0.5), scores, one_hot),
    "cosine_distance": (losses.cosine_distance, scores, wave(3, 4, by=0.7)),
    "ntxent": (lambda x: losses.ntxent(x, jnp.array([0, 0, 1, 1, 1])), wave(5, 3)),
    "triplet_margin_loss": (losses.triplet_margin_loss, wave(4, 3), wave(4, 3, by=0.7), wave(4, 3, by=0.3)),
    "triplet_margin_loss degree 4": (
        lambda a, p, n: losses.triplet_margin_loss(a, p, n, axis=0, norm_degree=4, margin=2.0),
        wave(4, 3), wave(4, 3, by=0.7), wave(4, 3, by=0.3)),
    "kl_divergence": (losses.kl_divergence, np.log(probabilities(3, 4)), sparse),
    "kl_divergence_axis": (lambda p, q: losses.kl_divergence(p, q, axis=0), np.log(probabilities(3, 4)), sparse),
    "kl_divergence_with_log_targets": (
        losses.kl_divergence_with_log_targets, np.log(probabilities(3, 4)), np.log(probabilities(3, 4, by=0.3))),
    "generalized_kl_divergence": (losses.generalized_kl_divergence, np.log(probabilities(3, 4)), sparse),
    "smooth_labels": (lambda x: losses.smooth_labels(x, 0.1), one_hot),
    "sigmoid_binary_cross_entropy": (losses.sigmoid_binary_cross_entropy, finite, bits),
    "sigmoid_focal_loss": (losses.sigmoid_focal_loss, finite[1:-1], bits[1:-1]),
    "sigmoid_focal_loss alpha": (
        lambda x, y: losses.sigmoid_focal_loss(x, y, alpha=0.3, gamma=1.5), wave(6), probabilities(6)),
    "softmax_cross_entropy": (losses.softmax_cross_entropy, scores, sparse),
    "softmax_cross_entropy_axis": (lambda x, y: losses.softmax_cross_entropy(x, y, axis=0), scores, sparse),
    "softmax_cross_entropy large": (losses.softmax_cross_entropy, 500 * scores, sparse),
    "safe_softmax_cross_entropy": (losses.safe_softmax_cross_entropy, holes, sparse),
    "softmax_cross_entropy_with_integer_labels": (
        lambda x: losses.softmax_cross_entropy_with_integer_labels(x, jnp.asarray(classes)), scores),
    "softmax_cross_entropy_with_integer_labels_axis": (
        lambda x: losses.softmax_cross_entropy_with_integer_labels(x, jnp.array([0, 2, 1, 1]), axis=0), scores),
    "poly_loss_cross_entropy": (losses.poly_loss_cross_entropy, scores, sparse),
    "ranking_softmax_loss": (losses.ranking_softmax_loss, scores, sparse),
    "ranking_softmax_loss_where": (lambda x, y: losses.ranking_softmax_loss(
        x, y, where=jnp.array(mask[[0, 2]])), scores[[0, 2]], sparse[[0, 2]]),
    "ctc_loss": (lambda x: losses.ctc_loss(x, pads, texts, text_pads), sequences),
    "ctc_loss forward": (
        # What is impossible has a log-probability near -1e5, and no digits left.
        lambda x: jnp.concatenate([jnp.where(v > -1e4, v, 0.0).ravel() for v in losses.ctc_loss_with_forward_probs(
            x, pads, texts, text_pads, blank_id=3)]),
        sequences),
    "hinge_loss": (losses.hinge_loss, finite - 0.25, signs),
    "perceptron_loss": (losses.perceptron_loss, finite + 0.25, signs),
    "multiclass_hinge_loss": (lambda x: losses.multiclass_hinge_loss(x, jnp.asarray(classes)), scores),
    "multiclass_perceptron_loss": (lambda x: losses.multiclass_perceptron_loss(x, jnp.asarray(classes)), scores),
    "sparsemax_loss": (lambda x: losses.sparsemax_loss(x, jnp.array([0, 1, 1, 0, 1, 0, 1])), finite + 0.1),
    "multiclass_sparsemax_loss": (lambda x: losses.multiclass_sparsemax_loss(x, jnp.asarray(classes)), scores),
    "fenchel_young_loss": (losses.make_fenchel_young_loss(jax.nn.logsumexp), scores, sparse),
    "dice_loss": (losses.dice_loss, wave(2, 6, 3), maps),
    "dice_loss options": (
        lambda x, y: losses.dice_loss(x, y, class_weights=jnp.array([0.5, 1.0, 2.0]), smooth=0.5, alpha=0.3, beta=0.7,
                                      ignore_background=True), wave(2, 6, 3), maps),
    "multiclass_generalized_dice_loss": (losses.multiclass_generalized_dice_loss, wave(2, 6, 3), maps),
    "binary_dice_loss": (losses.binary_dice_loss, wave(2, 6, 1), maps[..., :1]),
    "projection_non_negative": (projections.projection_non_negative, np.append(wave(5), np.float32(0))),
    "projection_box": (lambda x: projections.projection_box(x, -0.5, 1.0), wave(6)),
    "projection_simplex": (lambda x: projections.projection_simplex(x, 1.5) ** 2, wave(6)),
    "projection_l1_sphere": (lambda x: projections.projection_l1_sphere(x, 1.5) ** 2, wave(6)),
    "projection_l1_ball": (lambda x: projections.projection_l1_ball(x, 1.5) ** 2, wave(6)),
    "projection_l1_ball inside": (lambda x: projections.projection_l1_ball(x, 100.0) ** 2, wave(6)),
    "projection_l2_sphere": (lambda x: projections.projection_l2_sphere(x, 1.5), wave(6)),
    "projection_l2_ball": (lambda x: projections.projection_l2_ball(x, 1.5), wave(6)),
    "projection_linf_ball": (lambda x: projections.projection_linf_ball(x, 1.5), wave(6)),
    "projection_vector": (projections.projection_vector, wave(6), wave(6, by=0.7)),
    "projection_hyperplane": (lambda x, a: projections.projection_hyperplane(x, a, 0.5), wave(6), wave(6, by=0.7)),
    "projection_halfspace": (lambda x, a: projections.projection_halfspace(x, a, 0.5), wave(6), wave(6, by=0.7)),
}


# Inputs at the edges: infinities and NaN in each argument, no elements, one number, and double precision.
special = np.append(edge, np.float32(np.nan))
special_signs = np.where(np.arange(10) % 3 == 0, 1, -1).astype(np.float32)
rows = np.array([[inf, 1, 0, -1], [-inf, 1, 0, -inf], [np.nan, 1, 0, 2]], np.float32)
pairs = ("squared_error", "l2_loss", "huber_loss", "log_cosh", "sigmoid_binary_cross_entropy", "sigmoid_focal_loss", "hinge_loss",
         "perceptron_loss")
with_targets = ("kl_divergence", "generalized_kl_divergence", "softmax_cross_entropy", "safe_softmax_cross_entropy",
                "poly_loss_cross_entropy", "ranking_softmax_loss", "cosine_similarity", "cosine_distance")
with_classes = ("softmax_cross_entropy_with_integer_labels", "multiclass_hinge_loss", "multiclass_perceptron_loss",
                "multiclass_sparsemax_loss")
projected = ("projection_non_negative", "projection_box", "projection_simplex", "projection_l1_sphere", "projection_l1_ball",
             "projection_l2_sphere", "projection_l2_ball", "projection_linf_ball")


def edges():
    for name in pairs:
        yield name, special, special_signs
        yield name, special_signs, special
        yield name, special, special
        yield name, np.zeros((0,), np.float32), np.zeros((0,), np.float32)
        yield name, np.float32(0.3), np.float32(1)
    for name in with_targets:
        yield name, rows, sparse
        yield name, scores, rows
        yield name, np.zeros((3, 4), np.float32), np.zeros((3, 4), np.float32)
        yield name, np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32)
        yield name, scores[0], sparse[1]
    yield "kl_divergence_with_log_targets", rows, scores
    yield "kl_divergence_with_log_targets", scores, rows
    for name in with_classes:
        yield name, rows
    yield "smooth_labels", rows
    yield "smooth_labels", np.zeros((0, 4), np.float32)
    for name in ("triplet_margin_loss",):
        yield name, rows, scores, wave(3, 4, by=0.3)
        # The derivative of a distance at zero.
        yield name, scores, scores, scores
    for name in projected:
        yield name, np.zeros(6, np.float32)
        yield name, np.array([inf, 0.5, -1], np.float32)
        yield name, np.array([np.nan, 0.5, -1], np.float32)



def short(x):
    x = np.asarray(x)
    near = lambda v: float(f"{v:.13g}") if x.dtype == np.float64 else float(str(v))
    return [near(v) if np.isfinite(v) else real(v) for v in x.reshape(-1)]


def stored(x):
    x = np.asarray(x)
    return {"dtype": name_of(x.dtype), "shape": list(x.shape), "data": short(x)}


# Gradients that Optax gets wrong: the elements, and why.
WRONG = {
    "multiclass_sparsemax_loss": (
        {5: 1.0}, "an infinite score times the slope of its probability, which is zero, is NaN; the slope of the loss is the "
        "probability less that of the label"),
}


def add(name, f, *args, **kinds):
    args = [jnp.asarray(x) for x in args]
    value = f(*args)
    gradient = jax.grad(lambda *args: f(*args).sum())(*args)
    if kinds and name in WRONG:
        right, kinds["why"] = WRONG[name]
        gradient = np.array(gradient)
        for i, x in right.items():
            assert np.isnan(gradient.flat[i]), name
            gradient.flat[i] = x
    lines.append(json.dumps(
        {"name": name, **kinds, "inputs": [stored(x) for x in args], "value": stored(value), "gradient": stored(gradient)},
        separators=(",", ":")))


lines = []
for name, (f, *args) in CASES.items():
    add(name, f, *args)
for name, *args in edges():
    add(name, CASES[name][0], *args, edge=True)
jax.config.update("jax_enable_x64", True)
for name, (f, *args) in CASES.items():
    if "ctc" not in name:
        add(name, f, *(np.round(np.asarray(x, np.float64), 3) for x in args))
path = pathlib.Path(__file__).with_name("optax_losses.json")
path.write_text('{\n"jax": "%s",\n"cases": [\n' % jax.__version__ + ",\n".join(lines) + "\n]\n}\n")
