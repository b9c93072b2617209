//! "Gradient-based optimization": derivatives by hand and by `grad`, and what a step size does.

mod pictures;

use anyhow::Result;
use cotangent::prelude::*;

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{DIFFERENTIABLE_PROGRAMMING, Demo};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "gradient-optimization",
    chapter: DIFFERENTIABLE_PROGRAMMING,
    summary: "gradient descent on a parabola: by hand, by grad, and with the wrong step size",
    seconds: 1,
    source: include_str!("mod.rs"),
    run,
    functions,
};

fn f(w: &Array) -> Array {
    w.powi(2) + 3.0 * w - 5.0
}

fn df(w: &Array) -> Array {
    2.0 * w + 3.0
}

fn valleys(w: &Array) -> Array {
    w.powi(4) - 3.0 * w.powi(2) + w
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "The derivative of a function says how much its result changes when its argument changes a little. At a \
         minimum it is zero. So there are two ways to find a minimum: solve for the zero of the derivative, or walk \
         against the derivative until nothing changes any more.",
    )?;

    nb.heading("On paper")?;
    nb.text(
        "Take f(w) = w² + 3w − 5. Its derivative is 2w + 3, which is zero at w = −3/2. The second derivative is 2, \
         positive everywhere, so this is a minimum. Here are both functions, written by hand:",
    )?;
    nb.cell(&["f", "df"])?;
    let value = f(&2.5.into());
    let slope = df(&2.5.into());

    nb.value("f", "f(2.5)", shown(&value))?;
    nb.value("df", "df(2.5)", shown(&slope))?;

    nb.heading("Walk downhill")?;
    nb.text(
        "The derivative points uphill. Start anywhere, subtract a hundredth of the derivative, and repeat: that is \
         gradient descent.",
    )?;
    nb.cell(&[])?;
    let mut w = Array::from(10.0);
    for _ in nb.steps("by hand", 1000) {
        w -= df(&w) * 0.01;
    }

    nb.value("minimum_by_hand", "w", shown(&w))?;

    nb.heading("Let grad find the derivative")?;
    nb.text(
        "For a function of a thousand lines, nobody wants to derive by hand. `grad` transforms a function into the \
         function of its derivative, by the chain rule, for whatever the function computes. Nothing else changes.",
    )?;
    nb.cell(&[])?;
    let df = grad(f);
    let mut w = Array::from(-10.0);
    for _ in nb.steps("by grad", 1000) {
        w -= df(&w) * 0.01;
    }

    nb.value("minimum_by_grad", "w", shown(&w))?;
    nb.text("The result of `grad` is a function like any other, so `grad` of it is the second derivative.")?;
    nb.cell(&[])?;
    let curvature = grad(grad(f))(&w);

    nb.value("curvature", "f''(w)", shown(&curvature))?;

    nb.heading("How long should a step be?")?;
    nb.text(
        "A step of the rate r multiplies the distance to the minimum by 1 − 2r. Small rates are slow. At ½ the first \
         step lands on the minimum. Above it, every step overshoots, and above 1 the distance grows. The walk is a \
         `scan`, which returns every position; `vmap` runs it for seven rates at once.",
    )?;
    nb.cell(&[])?;
    let walk = |rate: &Array| {
        let step = |w: &Array, _: &()| {
            let next = w - rate * df(w);
            (next.clone(), next)
        };
        let (_, path) = lax::Scan::new().length(20).run(step, 10.0, &());
        path
    };
    let rates = np::array([0.01, 0.05, 0.2, 0.5, 0.7, 0.9, 1.02]);
    let paths = vmap(walk)(&rates);
    let distances = (paths.at((.., -1)).get() + 1.5).abs();

    nb.value("rates", "rates", shown(&rates))?;
    nb.value("distances", "distances after 20 steps", shown(&distances))?;
    nb.value("path_070", "the first steps at rate 0.7", shown(&paths.at((4, ..5)).get()))?;
    if nb.wants_pictures() {
        nb.picture("rates", pictures::rates(&rates, &paths))?;
        let rates = np::linspace(0.05, 1.05, 21);
        let paths = vmap(walk)(&rates);
        nb.picture("walks", pictures::walks(|w: f64| f(&w.into()).item(), &rates, &paths))?;
    }

    nb.heading("Where should it start?")?;
    nb.text(
        "A parabola has one minimum. Most functions have several, and descent finds the one whose valley it starts in. \
         This one has two valleys, and the right one is not the deepest.",
    )?;
    nb.cell(&["valleys"])?;
    let starts = np::linspace(-2.0, 2.0, 9);
    let slope = grad(valleys);
    let settle = |start: &Array| lax::fori_loop(0, 500, |_: &Array, w: &Array| w - 0.01 * slope(w), start);
    let ends = vmap(settle)(&starts);
    let depths = vmap(valleys)(&ends);

    nb.value("starts", "starts", shown(&starts))?;
    nb.value("ends", "ends", shown(&ends))?;
    nb.value("depths", "f at the ends", shown(&depths))?;
    if nb.wants_pictures() {
        let f = |w: f64| valleys(&w.into()).item::<f64>();
        nb.picture("valleys", pictures::valleys(f, &starts, &ends))?;
    }
    nb.text(
        "No step size repairs that: the slope is a local property. Networks live with it, because in thousands of \
         dimensions most valleys are about equally deep.",
    )?;
    nb.cell(&[])?;
    let best = np::argmin(&depths);
    let (w, depth) = (ends.at(&best).get(), depths.at(&best).get());

    nb.value("deepest", "(w, f(w)) of the deepest", all(&[w, depth]))?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let at = || (Array::from(1.0),);
    vec![
        Function::new("parabola", "w² + 3w − 5", f, grad(f), at()),
        Function::new("valleys", "w⁴ − 3w² + w, which has two minima", valleys, grad(valleys), at()),
    ]
}
