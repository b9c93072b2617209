//! Small programs of composed transforms, compared with the results of their JAX counterparts.

use super::common;

use cotangent::prelude::*;
use cotangent::scipy::special;
use std::borrow::Borrow;

// Library functions with the signatures that the transforms accept.

fn total(x: impl Borrow<Array>) -> Array {
    x.borrow().sum()
}

fn mean(x: impl Borrow<Array>) -> Array {
    x.borrow().mean()
}

fn matmul(a: &Array, b: &Array) -> Array {
    a.matmul(b)
}

fn logsumexp(x: &Array) -> Array {
    special::logsumexp(x)
}

fn number(x: f64) -> Array {
    Array::scalar(x)
}

/// Returns the Hessian of a function of two scalars, as four scalars in row-major order.
fn hessian2(f: impl Fn(&Array, &Array) -> Array + Send + Sync + Copy, x: &Array, y: &Array) -> Vec<Array> {
    let ((xx, xy), (yx, yy)) = hessian(f).argnums(args!(0, 1))(x, y);
    vec![xx, xy, yx, yy]
}

fn hvp(f: impl Fn(&Array) -> Array + Send + Sync, x: &Array, v: &Array) -> Array {
    jvp(grad(f), (x,), (v,)).1
}

fn rosenbrock(x: &Array, y: &Array) -> Array {
    (1.0 - x).powi(2) + 100.0 * (y - x.powi(2)).powi(2)
}

fn quartic(x: &Array) -> Array {
    total(x.powi(4)) + total(x) * total(x.sin())
}

type Params = (Array, Array, Array, Array);

fn mlp((w1, b1, w2, b2): &Params, x: &Array) -> Array {
    matmul(&(matmul(x, w1) + b1).tanh(), w2) + b2
}

fn mse(p: &Params, x: &Array, y: &Array) -> Array {
    mean((mlp(p, x) - y).powi(2))
}

fn xent(w: &Array, b: &Array, x: &Array, onehot: &Array) -> Array {
    let loss = |x: &Array, t: &Array| {
        let logits = matmul(x, w) + b;
        logsumexp(&logits) - total(t * &logits)
    };
    mean(vmap(loss)(x, onehot))
}

fn gauss(mu: &Array, log_sigma: &Array, data: &Array) -> Array {
    let tau = 0.5 * (2.0 * std::f64::consts::PI).ln();
    total(-0.5 * ((data - mu) / log_sigma.exp()).powi(2) - log_sigma - tau)
}

fn rnn(wh: &Array, wx: &Array, b: &Array, h: &Array, xs: &[Array]) -> Array {
    let h = xs.iter().fold(h.clone(), |h, x| (matmul(&h, wh) + matmul(x, wx) + b).tanh());
    total(h.powi(2))
}

fn params(x: &[Array]) -> Params {
    (x[0].clone(), x[1].clone(), x[2].clone(), x[3].clone())
}

fn flat((a, b, c, d): Params) -> Vec<Array> {
    vec![a, b, c, d]
}

/// Evaluates the Rust counterpart of a stored program, by its name.
#[allow(clippy::too_many_lines, reason = "one table")]
fn run(name: &str, x: &[Array]) -> Option<Vec<Array>> {
    let pair = |(a, b): (Array, Array)| vec![a, b];
    Some(match name {
        "grad_polynomial" => vec![grad(|x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0)(&x[0])],
        "grad_grad" => vec![grad(grad(|x: &Array| x.sin() * x.exp()))(&x[0])],
        "third_derivative" => vec![grad(grad(grad(|x: &Array| x.powi(5) + x.sin())))(&x[0])],
        "fourth_derivative_tanh" => vec![grad(grad(grad(grad(|x: &Array| x.tanh()))))(&x[0])],
        "third_derivative_logistic" => vec![grad(grad(grad(|x: &Array| x.logistic())))(&x[0])],
        "value_and_grad" => pair(value_and_grad(|x: &Array| total(x.sin() * x))(&x[0])),
        "grad_vector" => vec![grad(|x: &Array| total(x.powi(3)) + mean(x.exp()))(&x[0])],
        "grad_argnums_1" => vec![grad(|x: &Array, y: &Array| x * y.sin() + y / x).argnums(args!(1))(&x[0], &x[1])],
        "grad_argnums_both" => {
            let f = |x: &Array, y: &Array| 2.0 * x.powi(2) - 4.0 * x * y + y.powi(4) + 2.0;
            pair(grad(f).argnums(args!(0, 1))(&x[0], &x[1]))
        }
        "grad_argnums_reversed" => pair(grad(|x: &Array, y: &Array| x.powi(2) * y).argnums(args!(1, 0))(&x[0], &x[1])),
        "value_and_grad_has_aux" => {
            let ((value, aux), g) = value_and_grad(|x: &Array| (total(x.powi(2)), x.sin()))(&x[0]);
            vec![value, aux, g]
        }
        "grad_has_aux" => {
            let (g, (x, sum)) = grad(|x: &Array| (total(x.powi(3)), (x.clone(), total(x))))(&x[0]);
            vec![g, x, sum]
        }
        "grad_unused_argument" => pair(grad(|x: &Array, _: &Array| x.powi(2)).argnums(args!(0, 1))(&x[0], &x[1])),
        "grad_constant" => vec![grad(|x: &Array| 1.0 + 0.0 * total(x))(&x[0])],
        "grad_through_where" => {
            vec![grad(|x: &Array| total(np::where_(x.greater(0.0), x.powi(2), -3.0 * x)))(&x[0])]
        }
        "grad_safe_where" => vec![grad(|x: &Array| {
            let safe = np::where_(x.greater(0.0), x, 1.0);
            total(np::where_(x.greater(0.0), safe.log(), 0.0))
        })(&x[0])],
        "grad_through_max" => vec![grad(|x: &Array| total(x.max_axis(1).powi(2)))(&x[0])],
        "grad_shared_subexpression" => vec![grad(|x: &Array| {
            let y = x.exp();
            &y * &y + y.sin() * &y
        })(&x[0])],
        "jvp_scalar" => pair(jvp(|x: &Array| x.sin() * x, (&x[0],), (&x[1],))),
        "jvp_two_arguments" => pair(jvp(|x: &Array, y: &Array| x * y.exp() / 2.0, (&x[0], &x[1]), (&x[2], &x[3]))),
        "jvp_two_outputs" => {
            let ((a, b), (da, db)) = jvp(|x: &Array| (total(x), x.cos()), (&x[0],), (&x[1],));
            vec![a, b, da, db]
        }
        "jvp_of_jvp" => pair(jvp(|y: &Array| jvp(|x: &Array| x.powi(4), (y,), (&x[1],)).1, (&x[0],), (&x[2],))),
        "vjp_vector" => vec![vjp(|x: &Array| x.sin() * total(x), (&x[0],)).1(&x[1]).0],
        "vjp_two_arguments" => pair(vjp(matmul, (&x[0], &x[1])).1(&x[2])),
        "vjp_two_outputs" => {
            vec![vjp(|x: &Array| (x.powi(2), total(x.exp())), (&x[0],)).1(&(x[1].clone(), x[2].clone())).0]
        }
        "vjp_matrix_vector" => pair(vjp(|a: &Array, x: &Array| matmul(a, x).tanh(), (&x[0], &x[1])).1(&x[2])),
        "linearize" => {
            let (y, f) = linearize(|x: &Array| x.sin() * x, (&x[0],));
            vec![y, f(&x[1]), f(&x[2])]
        }
        "linearize_matmul" => vec![linearize(|a: &Array| matmul(a, &x[1]).tanh(), (&x[0],)).1(&x[2])],
        "grad_of_jvp" => {
            vec![grad(|v: &Array| total(jvp(|x: &Array| x.sin() * x, (v,), (&x[1],)).1))(&x[0])]
        }
        "grad_of_vjp" => {
            vec![grad(|v: &Array| total(vjp(|x: &Array| x.exp() * x, (v,)).1(&x[1]).0.powi(2)))(&x[0])]
        }
        "hvp_forward_over_reverse" => vec![hvp(quartic, &x[0], &x[1])],
        "hvp_reverse_over_reverse" => vec![grad(|v: &Array| total(grad(quartic)(v) * &x[1]))(&x[0])],
        "hvp_reverse_over_forward" => vec![grad(|v: &Array| jvp(quartic, (v,), (&x[1],)).1)(&x[0])],
        "hessian" => vec![hessian(quartic)(&x[0])],
        "jacfwd" => vec![jacfwd(|x: &Array| x.sin() * total(x.powi(2)))(&x[0])],
        "jacrev" => vec![jacrev(|x: &Array| x.sin() * total(x.powi(2)))(&x[0])],
        "rosenbrock_grad" => pair(grad(rosenbrock).argnums(args!(0, 1))(&x[0], &x[1])),
        "rosenbrock_hessian" => hessian2(rosenbrock, &x[0], &x[1]),
        "rosenbrock_hvp" => pair(jvp(grad(rosenbrock).argnums(args!(0, 1)), (&x[0], &x[1]), (&x[2], &x[3])).1),
        "perturbation_confusion" => vec![grad(|x: &Array| x * grad(|y: &Array| x + y)(&number(1.0)))(&x[0])],
        "perturbation_confusion_square" => vec![grad(|x: &Array| x * grad(|y: &Array| x * y * y)(x))(&x[0])],
        "perturbation_confusion_jvp" => {
            vec![grad(|x: &Array| x * jvp(|y: &Array| x * y.powi(2), (x,), (&number(1.0),)).1)(&x[0])]
        }
        "perturbation_confusion_shadow" => {
            let f = |v: &Array| v * jvp(|z: &Array| z.sin() * v, (&x[1],), (&number(1.0),)).1;
            vec![jvp(f, (&x[0],), (&number(1.0),)).1]
        }
        "captured_outer_variable" => vec![grad(|v: &Array| total((&x[0] * v).sin()))(&x[1])],
        "grad_of_captured" => {
            vec![grad(|a: &Array| total(grad(|x: &Array| total(a.powi(2) * x.powi(3)))(&x[1])))(&x[0])]
        }
        "vmap_captured" => vec![vmap(|r: &Array| total(&x[0] * r))(&x[1])],
        "vmap_grad" => vec![vmap(grad(|x: &Array| total(x.powi(3)) * total(x)))(&x[0])],
        "grad_vmap" => vec![grad(|m: &Array| total(vmap(|r: &Array| total(r.sin()).powi(2))(m)))(&x[0])],
        "grad_vmap_shared_weights" => {
            vec![grad(|w: &Array, m: &Array| total(vmap(|r: &Array| matmul(w, r).tanh())(m)))(&x[0], &x[1])]
        }
        "vmap_in_axes_1" => vec![vmap(|c: &Array| c * total(c)).in_axes(1)(&x[0])],
        "vmap_in_axes_out_axes" => vec![vmap(|c: &Array| c.exp()).in_axes(1).out_axes(1)(&x[0])],
        "vmap_in_axes_none" => vec![vmap(matmul).in_axes((0, None))(&x[0], &x[1])],
        "vmap_mixed_axes" => vec![vmap(|r: &Array, c: &Array| r * c).in_axes((0, 1)).out_axes(1)(&x[0], &x[1])],
        "vmap_of_vmap" => {
            let inner = vmap(|x: &Array, y: &Array| x * y + y.sin()).in_axes((None, 0));
            vec![vmap(inner).in_axes((0, None))(&x[0], &x[1])]
        }
        "vmap_matmul" => vec![vmap(matmul)(&x[0], &x[1])],
        "vmap_constant_output" => pair(vmap(|x: &Array| (x.clone(), number(2.0)))(&x[0])),
        "vmap_where" => vec![vmap(|x: &Array, y: &Array| np::where_(x.greater(y), x, y.powi(2)))(&x[0], &x[1])],
        "vmap_negative_axis" => vec![vmap(|m: &Array| matmul(&m.t(), m)).in_axes(-1).out_axes(-1)(&x[0])],
        "jvp_of_vmap" => vec![jvp(vmap(|r: &Array| r * total(r)), (&x[0],), (&x[1],)).1],
        "vmap_of_jvp" => {
            vec![vmap(|t: &Array| jvp(|x: &Array| x.sin() * total(x), (&x[0],), (t,)).1)(&x[1])]
        }
        "vmap_of_vjp" => {
            let back = vjp(|x: &Array| x.powi(2) * total(x), (&x[0],)).1;
            vec![vmap(|ct: &Array| back(ct).0)(&x[1])]
        }
        "vmap_of_hvp" => vec![vmap(|v: &Array| hvp(quartic, &x[0], v))(&x[1])],
        "jit_grad" => vec![jit(grad(|x: &Array| total((x.powi(2) + 1.0).sqrt())))(&x[0])],
        "grad_jit" => vec![grad(jit(|x: &Array| total((x.powi(2) + 1.0).log())))(&x[0])],
        "vmap_grad_jit" => vec![vmap(grad(jit(|x: &Array| total(x.tanh().powi(2)))))(&x[0])],
        "jit_vmap_grad_jit_grad" => vec![jit(vmap(grad(jit(grad(|x: &Array| x.powi(4) * x.cos())))))(&x[0])],
        "jit_captured" => vec![grad(|a: &Array| total(jit(|x: &Array| (a * x).exp())(&x[1])))(&x[0])],
        "reshape_transpose_grad" => {
            vec![grad(|m: &Array| total(m.t().reshape([2, 3]).powi(2) * m))(&x[0])]
        }
        "broadcast_grad" => {
            let f = |x: &Array, c: &Array| total((x + c).powi(2) * c.exp());
            pair(grad(f).argnums(args!(0, 1))(&x[0], &x[1]))
        }
        "softmax_jacobian" => vec![jacrev(|x: &Array| (x - logsumexp(x)).exp())(&x[0])],
        "logsumexp_hessian" => vec![hessian(logsumexp)(&x[0])],
        "softmax_cross_entropy_grad" => {
            let (value, (w, b)) = value_and_grad(xent).argnums(args!(0, 1))(&x[0], &x[1], &x[2], &x[3]);
            vec![value, w, b]
        }
        "gaussian_log_likelihood" => {
            let (value, (mu, sigma)) = value_and_grad(gauss).argnums(args!(0, 1))(&x[0], &x[1], &x[2]);
            vec![value, mu, sigma]
        }
        "gaussian_fisher" => hessian2(|mu: &Array, s: &Array| gauss(mu, s, &x[2]), &x[0], &x[1]),
        "mlp_value_and_grad" => {
            let (value, g) = value_and_grad(mse)(&params(x), &x[4], &x[5]);
            [vec![value], flat(g)].concat()
        }
        "mlp_hvp" => {
            let loss = |w: &Array| mse(&(w.clone(), x[1].clone(), x[2].clone(), x[3].clone()), &x[4], &x[5]);
            vec![hvp(loss, &x[0], &x[6])]
        }
        "mlp_per_example_grads" => vec![vmap(grad(mse)).in_axes((None, 0, 0))(&params(x), &x[4], &x[5]).0],
        "mlp_input_jacobian" => {
            let p = params(x);
            vec![jacfwd(|x: &Array| mlp(&p, x))(&x[4])]
        }
        "mlp_sgd_step" => {
            let p = params(x);
            flat(p.zip(&grad(mse)(&p, &x[4], &x[5]), |p, g| p - 0.1 * g))
        }
        "rnn_grad" => {
            let f = |wh: &Array, wx: &Array, b: &Array, h: &Array| rnn(wh, wx, b, h, &x[4..]);
            let (value, g) = value_and_grad(f).argnums(args!(0, 1, 2, 3))(&x[0], &x[1], &x[2], &x[3]);
            [vec![value], flat(g)].concat()
        }
        "rnn_jvp" => pair(jvp(|wh: &Array| rnn(wh, &x[1], &x[2], &x[3], &x[4..9]), (&x[0],), (&x[9],))),
        "unrolled_newton_grad" => {
            vec![grad(|a: &Array| (0..4).fold(number(1.5), |x, _| 0.5 * (&x + (a.powi(2) + 1.0) / &x)))(&x[0])]
        }
        "gradient_descent_meta_grad" => vec![grad(|lr: &Array| {
            let step = |x: Array, _| &x - lr * grad(|x: &Array| total(x.powi(4) + x.powi(2)))(&x);
            total((0..3).fold(x[1].clone(), step).powi(2))
        })(&x[0])],
        "laplacian" => {
            let h = hessian(|x: &Array| (-total(x.powi(2))).exp())(&x[0]);
            vec![np::trace(h)]
        }
        "division_mixed" => {
            hessian2(|x: &Array, y: &Array| x / (1.0 + y.powi(2)) + (1.0 + x.powi(2)).sqrt(), &x[0], &x[1])
        }
        _ => return None,
    })
}

#[test]
fn every_stored_program_gives_what_jax_gives() {
    common::compare_programs("transforms.json", run);
}
