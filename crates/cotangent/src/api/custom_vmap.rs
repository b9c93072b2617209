//! Functions with user-defined batching: `custom_vmap` and `sequential_vmap`.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::control::custom_vmap::{CustomVmap as CustomVmapCall, Rule};
use crate::control::ignored_by_eq::IgnoredByEq;
use crate::trace::frames::bind;
use crate::tree::{Tree, flatten, leaf_name, leaf_paths};

use super::axes::IntoAxes;
use super::custom::{Custom, Function, Site};
use super::func::{Func, Params};

/// A function that still needs its batching rule, as returned by [`custom_vmap`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = custom_vmap(|x: &Array| x.sin()).def_vmap(|_size, _batched, (xs,)| (xs.cos(), true));
/// assert_eq!(vmap(f)(&Array::from([0.0f32])).to_vec::<f32>(), [1.0]);
/// ```
#[must_use = "a function without its rule cannot be called"]
pub struct CustomVmap<P: Params, R: 'static>(Function<P, R>);

impl<P: Params, R: Tree> fmt::Debug for CustomVmap<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "custom_vmap({}) without a rule", self.0.name)
    }
}

impl<P: Params, R: Tree> CustomVmap<P, R> {
    /// Defines the rule. Its arguments are the size of the batch, a mask of the argument arrays that have the batch
    /// axis, in order, and the arguments themselves, with the batch axis in front. It returns the result, and which
    /// parts of it have the batch axis, in front: `true` or `false`, or a tuple of these with the structure of the
    /// result.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// // A solver that does many right-hand sides at once, but only for one matrix.
    /// let scale = custom_vmap(|a: &Array, x: &Array| a * x).def_vmap(|_size, batched, (a, xs)| {
    ///     assert_eq!(batched, [false, true]);
    ///     (a * xs, true)
    /// });
    /// let y = vmap(scale).in_axes((None, 0))(&2.0.into(), &Array::from([1.0f32, 2.0]));
    /// assert_eq!(y.to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    pub fn def_vmap<B: IntoAxes>(
        self,
        rule: impl for<'a> Fn(usize, &[bool], P::Refs<'a>) -> (R, B) + Send + Sync + 'static,
    ) -> Custom<P, R> {
        let rule = Arc::new(rule);
        self.0.with_rules(move |jaxpr, consts, site, operands| {
            let (rule, name) = (rule.clone(), site.name.clone());
            let rule = move |size: usize, batched: &[bool], args: &[Array]| {
                let args = site.args(args);
                let (result, out) = rule(size, batched, P::refs(&args));
                batched_results(&site, size, &result, out)
            };
            bind(CustomVmapCall { name, jaxpr, consts, rule: Rule::Given(IgnoredByEq(Arc::new(rule))) }, operands)
                .into_vec()
        })
    }
}

/// Checks the result of a rule against the types of single results. Returns its arrays and the mask of batched ones.
fn batched_results<P: Params, R: Tree>(
    site: &Site<P, R>,
    size: usize,
    result: &R,
    out: impl IntoAxes,
) -> (Vec<Array>, Vec<bool>) {
    if !site.result.same_structure(result) {
        let (like, got) = (leaf_paths(&site.result), leaf_paths(result));
        site.fail(format!("the result of the rule must have the leaves {like:?}, but has {got:?}"));
    }
    let results = flatten(result);
    let flags: Vec<bool> = match out.into_axes().resolve(results.len(), |path| result.paths(path)) {
        Ok(axes) if axes.iter().all(|a| a.is_none_or(|a| a == 0)) => axes.iter().map(Option::is_some).collect(),
        Ok(_) => site.fail("the results of the rule must have the batch axis first".to_string()),
        Err(error) => site.fail(format!("the axes that the rule returns: {}", error.message())),
    };
    let results = (results.iter().zip(&flags).zip(&site.outs).enumerate()).map(|(i, ((x, batched), aval))| {
        let wanted = if *batched { aval.with_shape(aval.shape.insert(0, size)) } else { aval.clone() };
        if x.shape() != &*wanted.shape || (x.dtype() != wanted.dtype && !x.weak_type()) {
            let leaf = leaf_name(&leaf_paths(result)[i], "the result of the rule");
            site.fail(format!("{leaf} must be {wanted}, got {}", x.aval()));
        }
        x.convert(wanted.dtype, wanted.weak_type)
    });
    (results.collect(), flags)
}

/// Attaches a user-defined batching rule for [`vmap`](crate::vmap) to a function. Define it with
/// [`def_vmap`](CustomVmap::def_vmap).
///
/// All other transforms treat the function like any other. Under `vmap`, its forward-mode derivative is the derivative
/// of the rule. In reverse mode, which JAX does not support here, the backward pass is batched like any program. The
/// rule must own its captures (`move`). What the function captures must be the same for all elements.
///
/// ```
/// use cotangent::prelude::*;
/// let f = custom_vmap(|x: &Array, y: &Array| x + y).def_vmap(|_size, _batched, (xs, ys)| (xs * ys, true));
/// let (x, y) = (Array::from([0.0f32, 1.0, 2.0]), Array::from([1.0f32, 2.0, 3.0]));
/// assert_eq!(f(&x, &y).to_vec::<f32>(), [1.0, 3.0, 5.0]);
/// assert_eq!(vmap(f)(&x, &y).to_vec::<f32>(), [0.0, 2.0, 6.0]);
/// ```
///
/// # Panics
/// Under `vmap`, if the results of the rule do not have the types of the function's results, with a batch axis in those
/// that the rule declares as batched.
#[track_caller]
pub fn custom_vmap<P: Params, F: Func<'static, P>>(f: F) -> CustomVmap<P, F::Out> {
    CustomVmap(Function::new("custom_vmap", f, Location::caller()))
}

/// Returns a function that [`vmap`](crate::vmap) runs for one element at a time, in a loop of the compiled program. It
/// uses less memory and is slower. Its derivatives are batched in the same way.
///
/// ```
/// use cotangent::prelude::*;
/// let f = sequential_vmap(|x: &Array| x.sin());
/// let y = vmap(&*f)(&Array::from([0.0f32, 1.0]));
/// assert_eq!(y.to_vec::<f32>(), Array::from([0.0f32, 1.0]).sin().to_vec::<f32>());
/// ```
#[track_caller]
pub fn sequential_vmap<P: Params, F: Func<'static, P>>(f: F) -> Custom<P, F::Out> {
    Function::new("sequential_vmap", f, Location::caller()).with_rules(|jaxpr, consts, site, operands| {
        bind(CustomVmapCall { name: site.name, jaxpr, consts, rule: Rule::Sequential }, operands).into_vec()
    })
}
