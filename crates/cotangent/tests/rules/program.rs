//! The checks of a case as one program, so that one compilation serves all of them.

use cotangent::extend::primitives::{Concatenate, ReduceSum};
use cotangent::extend::{bind_shared, bind1};
use cotangent::{lax, prelude::*};

use super::case::{Case, Mapped, Narrow};

/// The step and the weights of a fourth-order central difference.
const STEP: f64 = 2e-4;
pub(crate) const POINTS: [(f64, f64); 4] =
    [(-2.0, 1.0 / 12.0), (-1.0, -8.0 / 12.0), (1.0, 8.0 / 12.0), (2.0, -1.0 / 12.0)];

/// A program's results by name.
pub(crate) type Named = Vec<(String, Array)>;

fn sum_all(x: &Array) -> Array {
    bind1(ReduceSum { axes: (0..x.ndim()).collect() }, &[x])
}

/// Returns `x + c·t` for each point, stacked along a new leading axis.
fn points(x: &Array, t: &Array) -> Array {
    let at: Vec<Array> = POINTS.iter().map(|(c, _)| (x + t * (c * STEP)).expand_dims(0)).collect();
    bind1(Concatenate { dimension: 0 }, &at.iter().collect::<Vec<_>>())
}

/// Returns the numeric derivative from the results at those points.
fn slope(values: &Array) -> Array {
    let terms = POINTS.iter().enumerate().map(|(i, (_, w))| {
        let shape = values.shape()[1..].to_vec();
        values.slice_axis(0, i, i + 1).reshape(shape) * (w / STEP)
    });
    terms.reduce(|a, b| a + b).expect("there are points")
}

fn named(out: &mut Named, what: &str, values: &[Array]) {
    out.extend(values.iter().enumerate().map(|(i, x)| (format!("{what}.{i}"), x.clone())));
}

/// A case's function, and the point where it is differentiated.
struct At<'a> {
    case: &'a Case,
    /// All inputs.
    x: Vec<Array>,
    /// The inputs that have tangents, their tangents, and the cotangents of the results that have them.
    v: Vec<Array>,
    t: Vec<Array>,
    cts: Vec<Array>,
}

impl At<'_> {
    /// Returns all results of all inputs.
    fn apply(&self, x: &[Array]) -> Vec<Array> {
        bind_shared(self.case.prim.clone(), &x.iter().collect::<Vec<_>>()).into_vec()
    }

    /// Applies the function to the inputs that have tangents. Returns the results that have cotangents.
    fn of(&self, v: &[Array]) -> Vec<Array> {
        let d = self.case.derivatives.as_ref().expect("a case with derivatives");
        let mut v = v.iter();
        let full: Vec<Array> = (self.x.iter().zip(&d.tangents))
            .map(|(x, t)| if t.is_some() { v.next().expect("an input").clone() } else { x.clone() })
            .collect();
        self.apply(&full).into_iter().zip(&d.cotangents).filter(|(_, c)| c.is_some()).map(|(y, _)| y).collect()
    }

    /// Returns the inner product of the results and the cotangents, a scalar.
    fn paired(&self, v: &[Array]) -> Array {
        let terms = self.of(v).into_iter().zip(&self.cts).map(|(y, ct)| sum_all(&(y * ct)));
        terms.reduce(|a, b| a + b).expect("a result")
    }

    /// Returns the points along the tangent for numeric differences.
    fn points(&self) -> Vec<Array> {
        self.v.iter().zip(&self.t).map(|(x, t)| points(x, t)).collect()
    }

    fn first_order(&self, out: &mut Named) {
        let f = |v: &Vec<Array>| self.of(v);
        let (y, dy) = jvp(f, (&self.v,), (&self.t,));
        named(out, "jvp value", &y);
        named(out, "jvp", &dy);
        let (y, back) = vjp(f, (&self.v,));
        named(out, "vjp value", &y);
        named(out, "vjp", &back(&self.cts).0);
    }

    fn numeric(&self, out: &mut Named) {
        let f = |v: &Vec<Array>| self.of(v);
        if self.case.smooth() {
            named(out, "numeric jvp", &vmap(f)(&self.points()).iter().map(slope).collect::<Vec<_>>());
        }
    }

    /// Computes second derivatives in every combination of modes.
    fn second_order(&self, out: &mut Named) {
        let s = |v: &Vec<Array>| self.paired(v);
        let (v, t) = (&self.v, &self.t);
        named(out, "jvp of vjp", &jvp(grad(s), (v,), (t,)).1);
        let forward = |v: &Vec<Array>| jvp(s, (v,), (t,)).1;
        named(out, "jvp of jvp", &[jvp(forward, (v,), (t,)).1]);
        let along = |v: &Vec<Array>| -> Array {
            let terms = grad(s)(v).into_iter().zip(t).map(|(g, t)| sum_all(&(g * t)));
            terms.reduce(|a, b| a + b).expect("a gradient")
        };
        if self.case.commutes() {
            named(out, "vjp of jvp", &grad(forward)(v));
            named(out, "vjp of vjp", &grad(along)(v));
        }
        if self.case.smooth() {
            let at = self.points();
            let mapped = vmap(grad(s))(&at);
            named(out, "numeric second", &mapped.iter().map(slope).collect::<Vec<_>>());
            // The mapped gradient must equal a loop of gradients; the first and the last are compared.
            for i in [0, POINTS.len() - 1] {
                let pick = |a: &Array| a.slice_axis(0, i, i + 1).reshape(&a.shape()[1..]);
                let one: Vec<Array> = at.iter().map(pick).collect();
                named(out, &format!("vmap of grad, element {i}"), &mapped.iter().map(pick).collect::<Vec<_>>());
                named(out, &format!("grad, element {i}"), &grad(s)(&one));
            }
        }
    }

    /// Runs a loop of two iterations over the inputs, each with a conditional on a traced index. The first iteration
    /// applies the primitive, and the second returns zeros. Inputs and results have a leading axis for the iterations.
    fn looped(&self, v: &[Array], f: &dyn Fn(&[Array]) -> Vec<Array>) -> Vec<Array> {
        let step = |i: &Array, v: &Vec<Array>| {
            let zeros = || f(v).iter().map(np::zeros_like).collect::<Vec<_>>();
            (i + 1, lax::switch(i, &[&|| f(v), &zeros]))
        };
        lax::Scan::new().length(2).run(step, 0, &v.to_vec()).1
    }

    /// Computes values and derivatives inside a loop and a conditional; those of the second iteration must be zero.
    fn in_loop(&self, out: &mut Named) {
        let twice = |x: &[Array]| -> Vec<Array> {
            x.iter().map(|x| x.expand_dims(0).broadcast_to(&*[&[2], x.shape()].concat())).collect()
        };
        let steps = |out: &mut Named, what: &str, values: &[Array], zero: bool| {
            let pick = |i: usize| -> Vec<Array> {
                values.iter().map(|y| y.slice_axis(0, i, i + 1).reshape(&y.shape()[1..])).collect()
            };
            named(out, &format!("loop {what}"), &pick(0));
            if zero {
                named(out, &format!("loop {what}, the other branch"), &pick(1));
            }
        };
        if self.case.derivatives.is_none() {
            steps(out, "value", &self.looped(&twice(&self.x), &|x| self.apply(x)), false);
            return;
        }
        let f = |v: &Vec<Array>| self.looped(v, &|v| self.of(v));
        let (v, t, cts) = (twice(&self.v), twice(&self.t), twice(&self.cts));
        let (y, dy) = jvp(f, (&v,), (&t,));
        steps(out, "value", &y, true);
        steps(out, "jvp", &dy, true);
        steps(out, "vjp", &vjp(f, (&v,)).1(&cts).0, true);
        if !self.case.chosen {
            return;
        }
        // Batching over the index turns the conditional into an elementwise selection.
        let chosen = |i: &Array| {
            let zeros = |v: &Vec<Array>| self.of(v).iter().map(np::zeros_like).collect::<Vec<_>>();
            jvp(|v: &Vec<Array>| lax::switch(i, &[&|| self.of(v), &|| zeros(v)]), (&self.v,), (&self.t,)).1
        };
        steps(out, "jvp, batched", &vmap(chosen)(&Array::from([0i32, 1])), true);
    }

    /// Maps over the axes of a mapped call.
    fn mapped(&self, mapped: &Mapped, x: &[Array]) -> Vec<Array> {
        // The inputs mapped over their first axis, over their last axis, and unmapped.
        let place = |i: usize| match mapped.axes[i] {
            None => 2,
            Some(0) => 0,
            Some(a) => {
                assert_eq!(a + 1, mapped.inputs[i].ndim(), "an axis is the first or the last");
                1
            }
        };
        let group =
            |g: usize| -> Vec<Array> { (0..x.len()).filter(|i| place(*i) == g).map(|i| x[i].clone()).collect() };
        let f = |first: &Vec<Array>, last: &Vec<Array>| {
            let mut parts = [first.iter(), last.iter()];
            let full: Vec<Array> = (0..x.len())
                .map(|i| match place(i) {
                    2 => x[i].clone(),
                    g => parts[g].next().expect("an input").clone(),
                })
                .collect();
            self.apply(&full)
        };
        vmap(f).in_axes((0, -1))(&group(0), &group(1))
    }

    /// Computes the vjp in narrower floats.
    fn narrow(&self, out: &mut Named) {
        for dtype in self.case.narrower() {
            let narrow = self.narrowed(dtype);
            let back = vjp(|v: &Vec<Array>| narrow.of(v), (&narrow.v,)).1;
            named(out, &format!("{} vjp", dtype.real.name()), &back(&narrow.cts).0);
        }
    }

    fn narrowed(&self, dtype: Narrow) -> Self {
        let to = |x: &[Array]| -> Vec<Array> { x.iter().map(|x| x.astype(dtype.like(x.dtype()))).collect() };
        At { case: self.case, x: to(&self.x), v: to(&self.v), t: to(&self.t), cts: to(&self.cts) }
    }
}

impl<'a> At<'a> {
    /// Takes the inputs of a case from its arguments and, if it has derivatives, tangents and cotangents.
    fn new(case: &'a Case, take: &mut impl FnMut(usize) -> Vec<Array>) -> Self {
        let mut at = At { case, x: take(case.inputs.len()), v: Vec::new(), t: Vec::new(), cts: Vec::new() };
        if let Some(d) = &case.derivatives {
            at.t = take(d.tangents.iter().flatten().count());
            at.cts = take(d.cotangents.iter().flatten().count());
            at.v = at.x.iter().zip(&d.tangents).filter(|(_, t)| t.is_some()).map(|(x, _)| x.clone()).collect();
        }
        at
    }
}

/// Returns the values and first derivatives of a case as one program, the latter in `f32` as well where the primitive
/// takes it. The arguments are the inputs, the tangents and the cotangents.
pub(crate) fn first_order(case: &Case, args: &[Array]) -> Named {
    let mut args = args.iter().cloned();
    let at = At::new(case, &mut |n| args.by_ref().take(n).collect());
    let mut out = Named::new();
    named(&mut out, "value", &at.apply(&at.x));
    if case.derivatives.is_some() {
        at.first_order(&mut out);
        if case.takes(Narrow::F32) {
            let mut narrow = Named::new();
            at.narrowed(Narrow::F32).first_order(&mut narrow);
            out.extend(narrow.into_iter().map(|(what, x)| (format!("f32 {what}"), x)));
        }
    }
    out
}

/// Returns all checks of a case as one program, to be compiled once. The arguments are the inputs, the tangents, the
/// cotangents and the inputs of the mapped calls.
pub(crate) fn program(case: &Case, args: &[Array]) -> Named {
    let mut args = args.iter().cloned();
    let mut take = |n: usize| -> Vec<Array> { args.by_ref().take(n).collect() };
    let at = At::new(case, &mut take);
    let mut out = Named::new();
    named(&mut out, "jit", &at.apply(&at.x));
    if let Some(d) = &case.derivatives {
        at.first_order(&mut out);
        at.numeric(&mut out);
        at.narrow(&mut out);
        if d.second.is_some() {
            at.second_order(&mut out);
        }
    }
    if case.in_loop {
        at.in_loop(&mut out);
    }
    for (k, mapped) in case.vmap.iter().enumerate() {
        let x = take(mapped.inputs.len());
        named(&mut out, &format!("vmap {:?} (entry {k})", mapped.axes), &at.mapped(mapped, &x));
    }
    out
}

/// A way to use a primitive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Forward,
    Jvp,
    Vjp,
    Vmap,
}

impl Mode {
    pub(crate) const ALL: [Mode; 4] = [Mode::Forward, Mode::Jvp, Mode::Vjp, Mode::Vmap];

    /// Returns whether a case has it.
    pub(crate) fn of(self, case: &Case) -> bool {
        match self {
            Mode::Forward => true,
            Mode::Jvp | Mode::Vjp => case.derivatives.is_some(),
            Mode::Vmap => !case.vmap.is_empty(),
        }
    }

    /// Returns the arguments of [`alone`](Mode::alone).
    pub(crate) fn args(self, case: &Case) -> Vec<Array> {
        let tangents = case.derivatives.iter().flat_map(|d| match self {
            Mode::Jvp => d.tangents.iter().flatten(),
            _ => d.cotangents.iter().flatten(),
        });
        match self {
            Mode::Forward => case.inputs.clone(),
            Mode::Vmap => case.vmap[0].inputs.clone(),
            Mode::Jvp | Mode::Vjp => case.inputs.iter().chain(tangents).cloned().collect(),
        }
    }

    /// Returns the case in this mode and no other: its results, tangents, cotangents, or its first mapped call.
    pub(crate) fn alone(self, case: &Case, args: &[Array]) -> Vec<Array> {
        let mut at = At { case, x: args.to_vec(), v: Vec::new(), t: Vec::new(), cts: Vec::new() };
        if self == Mode::Vmap {
            return at.mapped(&case.vmap[0], args);
        }
        let more = at.x.split_off(case.inputs.len());
        let Some(d) = case.derivatives.as_ref().filter(|_| self != Mode::Forward) else { return at.apply(&at.x) };
        at.v = at.x.iter().zip(&d.tangents).filter(|(_, t)| t.is_some()).map(|(x, _)| x.clone()).collect();
        let f = |v: &Vec<Array>| at.of(v);
        if self == Mode::Jvp { jvp(f, (&at.v,), (&more,)).1 } else { vjp(f, (&at.v,)).1(&more).0 }
    }
}
