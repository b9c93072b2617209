//! Loops, conditionals, solvers and custom rules.

use cotangent::scipy::special::{log_softmax, logsumexp, logsumexp_axis};
use cotangent::{lax, prelude::*};

use super::small::part;
use super::{Table, programs};

type Pair = (Array, Array);
type Triple = (Array, Array, Array);

fn number(x: f64) -> Array {
    Array::scalar(x)
}

fn zeros(n: usize) -> Array {
    np::zeros_as(n, DType::F64)
}

fn eye(n: usize) -> Array {
    np::eye_as(n, n, 0, DType::F64)
}

fn first(x: &Array) -> Array {
    part(x, 0, 1).reshape(())
}

/// One step of the classical fourth-order Runge–Kutta method for the van der Pol oscillator.
fn runge_kutta(y: &Array, mu: &Array) -> Array {
    let f = |y: &Array| {
        let (place, speed) = (first(y), part(y, 1, 2).reshape(()));
        np::stack(&[&speed, &(mu * (1.0 - place.square()) * &speed - &place)], 0)
    };
    let h = 0.1;
    let step = |y: &Array, _: &()| {
        let k1 = f(y);
        let k2 = f(&(y + h / 2.0 * &k1));
        let k3 = f(&(y + h / 2.0 * &k2));
        let k4 = f(&(y + h * &k3));
        let y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
        let place = first(&y);
        (y, place)
    };
    lax::Scan::new().length(12).run(step, y.clone(), &()).1
}

/// One step of Heun's method with a step size controlled by the error.
fn adaptive_step(y: &Array, a: &Array) -> Array {
    let going = |(t, _, _): &Triple| t.less(1.0);
    let step = |(t, y, h): &Triple| {
        let h = h.minimum(1.0 - t);
        let f = |y: &Array| -a * y + y.sin();
        let low = y + &h * f(y);
        let high = y + 0.5 * &h * (f(y) + f(&low));
        let good = (&high - &low).abs().stop_gradient().less(1e-3);
        (np::where_(&good, t + &h, t), np::where_(&good, high, y), np::where_(&good, 1.2 * &h, 0.5 * &h))
    };
    lax::while_loop(going, step, (0.0 * y, y.clone(), 0.2 + 0.0 * y)).1
}

fn hidden_markov(start: &Array, transition: &Array, observed: &Array) -> Array {
    let (start, transition) = (log_softmax(start, 0), log_softmax(transition, 1));
    let means = Array::from([-0.5f64, 0.7]);
    let seen = |y: &Array| -0.5 * (y - &means).square();
    let step = |alpha: &Array, y: &Array| (logsumexp_axis(alpha.expand_dims(1) + &transition, 0) + seen(y), ());
    logsumexp(lax::scan(step, start + seen(&first(observed)), &part(observed, 1, 4)).0)
}

fn kalman(log_q: &Array, log_r: &Array, observed: &Array) -> Array {
    let (q, r) = (log_q.exp(), log_r.exp());
    let f = Array::from([[1.0f64, 0.1], [0.0, 0.9]]);
    let h = Array::from([1.0f64, 0.0]);
    let step = |(m, p): &Pair, y: &Array| {
        let (m, p) = (f.dot(m), f.matmul(p).matmul(f.t()) + &q * eye(2));
        let s = h.dot(&p).dot(&h) + &r;
        let (gain, error) = (p.dot(&h) / &s, y - h.dot(&m));
        let likelihood = -0.5 * ((2.0 * np::PI * &s).log() + error.square() / &s);
        ((m + &gain * error, &p - np::outer(&gain, h.dot(&p))), likelihood)
    };
    lax::scan(step, (zeros(2), eye(2)), observed).1.sum()
}

/// Conjugate gradients. If the residual may become zero, `least` keeps the divisors positive.
fn cg(matvec: &dyn Fn(&Array) -> Array, b: &Array, steps: usize, least: f64) -> Array {
    let step = |(x, r, p): &Triple, _: &()| {
        let ap = matvec(p);
        let guarded = |x: Array| if least > 0.0 { x.maximum(least) } else { x };
        let alpha = r.dot(r) / guarded(p.dot(&ap));
        let (x, next) = (x + &alpha * p, r - &alpha * ap);
        let p = &next + next.dot(&next) / guarded(r.dot(r)) * p;
        ((x, next, p), ())
    };
    lax::Scan::new().length(steps).run(step, (np::zeros_like(b), b.clone(), b.clone()), &()).0.0
}

fn definite(m: &Array) -> Array {
    m.matmul(m.t()) + 2.0 * eye(3)
}

fn implicit_root(a: &Array) -> Array {
    let newton = |f: &dyn Fn(&Array) -> Array, x: &Array| {
        lax::fori_loop(0, 12, |_, x: &Array| x - f(x) / (3.0 * x.square() + 1.0), x.clone())
    };
    lax::custom_root(|x: &Array| x.powi(3) + x - a, &number(1.0), newton, |g, b| b / g(&number(1.0)))
}

fn descent_meta_gradient(rate: &Array, x: &Array) -> Array {
    let inner = grad(|x: &Array| (x.powi(4) + x.cos()).sum());
    let step = |x: &Array, _: &()| (x - 0.1 * rate * inner(x), ());
    lax::Scan::new().length(4).run(step, x.clone(), &()).0.square().sum()
}

fn log1pexp(x: &Array) -> Array {
    custom_jvp(|x: &Array| (1.0 + x.exp()).log()).defjvp(|(x,), (t,)| (log1pexp(x), t * x.logistic()))(x)
}

fn clip_gradient(x: &Array) -> Array {
    let f = custom_vjp(|x: &Array| x.clone());
    f.defvjp(|(x,)| (x.clone(), ()), |(), ct| (np::clip(ct, -0.5, 0.5),))(x)
}

fn random_walk(drift: &Array, scale: &Array) -> Array {
    let step = |x: &Array, key: &random::Key| {
        let step = random::uniform_as(key.clone(), (), DType::F64);
        (x + drift + scale * step * x.cos(), ())
    };
    lax::scan(step, number(0.0), &random::split(random::key(11), 6)).0
}

pub(crate) const LOOPS: Table = programs! {
    "horner" |c, x| lax::scan(|y: &Array, c: &Array| (y * x + c, ()), number(0.0), c).0;
    "backwards" |x, a| {
        lax::Scan::new().reverse().run(|c: &Array, x: &Array| (a * c + x, c * x), number(0.0), x).1
    };
    "euler" |a, y| lax::fori_loop(0, 20, |_, y: &Array| y + 0.05 * (a * y - y.powi(3)), y.clone());
    "runge_kutta" |y, mu| runge_kutta(y, mu);
    "adaptive_step" |y, a| adaptive_step(y, a);
    "newton_by_while" |a| {
        let going = |(x, last): &Pair| (x - last).abs().greater(1e-13);
        lax::while_loop(going, |(x, _): &Pair| ((x + a / x) / 2.0, x.clone()), (a.clone(), 0.0 * a)).0
    };
    "chosen" |x| lax::cond(x.sum().greater(0.0), || x.sin(), || x.square() * x.sum());
    "switched" |x, y| {
        let step = |c: &Array, i: &Array| {
            (lax::switch(i, &[&|| c * y, &|| c.sin() + y, &|| c.square() * x]), ())
        };
        lax::scan(step, x.clone(), &Array::from([0, 2, 1, 1, 5])).0
    };
    "linear_recurrence" |a, b| {
        let combine = |(a, b): &Pair, (c, d): &Pair| (a * c, c * b + d);
        lax::associative_scan(combine, &(a.clone(), b.clone())).1
    };
    "hidden_markov" |start, transition, observed| hidden_markov(start, transition, observed);
    "kalman" |log_q, log_r, observed| kalman(log_q, log_r, observed);
    "conjugate_gradients" |m, b| {
        let a = definite(m);
        cg(&|x| a.dot(x), b, 2, 0.0)
    };
    "implicit_linear_solve" |m, b| {
        let a = definite(m);
        lax::custom_linear_solve(|x: &Array| a.dot(x), |matvec, b| cg(matvec, b, 4, 1e-300)).symmetric().solve(b)
    };
    "implicit_root" |a| implicit_root(a);
    "descent_meta_gradient" |rate, x| descent_meta_gradient(rate, x);
    "fixed_point" |w, x| lax::fori_loop(0, 15, |_, z: &Array| (0.3 * w * z + x).tanh(), zeros(3));
    "own_forward_rule" |x| log1pexp(&(3.0 * x)) * x;
    "own_reverse_rule" |x| clip_gradient(&x.square()).sin() * x;
    "recomputed" |x, w| {
        let layer = checkpoint(|x: &Array| w.dot(x).tanh());
        lax::Scan::new().length(3).run(|x: &Array, _: &()| (layer(x), ()), x.clone(), &()).0
    };
    "evidence_lower_bound" |mean, log_scale| {
        let z = mean + log_scale.exp() * random::normal_as(random::key(3), [4, 3], DType::F64);
        (-0.25 * z.powi(4) + z).sum_axis(1).mean() + log_scale.sum()
    };
    "dropout" |w, x| {
        let keep = random::bernoulli(random::key(7), number(0.6), [3, 4]);
        np::where_(keep, x / 0.6, 0.0).matmul(w).tanh().sum_axis(0)
    };
    "random_walk" |drift, scale| random_walk(drift, scale);
};
