//! Functions with user-defined derivatives: `custom_jvp` and `custom_vjp`.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::control::custom_jvp::CustomJvp as CustomJvpCall;
use crate::control::custom_vjp::{CustomVjp as CustomVjpCall, VjpRule};
use crate::control::ignored_by_eq::IgnoredByEq;
use crate::error::location::with_location;
use crate::error::{Error, ErrorKind, Loc, Result, attempt, raise};
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::ir::primitive::Tangent;
use crate::trace::frames::{Inputs, bind, tracing};
use crate::tree::{Tree, flatten, leaf_name, leaf_paths};

use super::callable::transformable;
use super::func::{AllArgs, Argnums, Func, Params};
use super::program::{plainly, trace};

/// A function with a user-defined rule, as returned by [`CustomJvp::defjvp`] and [`CustomVjp::defvjp`]. It is called
/// and transformed like any other function.
///
/// ```
/// use cotangent::prelude::*;
/// let f = custom_jvp(|x: &Array| x.sin()).defjvp(|(x,), (t,)| (x.sin(), 10.0 * t));
/// assert_eq!(f(&0.0.into()).item::<f32>(), 0.0);
/// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 10.0);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct Custom<P: Params, R: 'static> {
    call: Box<P::Dyn<'static, R>>,
    kind: &'static str,
    name: Arc<str>,
}

impl<P: Params, R: Tree> Custom<P, R> {
    /// Calls the function and returns every failure as an error instead of panicking.
    ///
    /// # Errors
    /// If the function fails, or if the user's own code panics.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = custom_jvp(|x: &Array| x.sin()).defjvp(|(x,), (t,)| (x.sin(), t * x.cos()));
    /// assert!(f.try_call((&0.0.into(),)).is_ok());
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<R> {
        attempt(|| plainly::<P, R>(&*self.call, args))
    }
}

transformable! {
    impl[P: Params, R: Tree] Custom<P, R>: 'static -> R;
    |this, f| write!(f, "{}({})", this.kind, this.name)
}

/// A function to which a rule is being attached.
pub(super) struct Function<P: Params, R: 'static> {
    f: Box<P::Dyn<'static, R>>,
    kind: &'static str,
    pub(super) name: Arc<str>,
    loc: Loc,
}

/// One traced call of a function with rules: the structure of its arguments and results, which its rules must match.
pub(super) struct Site<P: Params, R> {
    args: P::Values,
    pub(super) result: R,
    pub(super) outs: Vec<Aval>,
    loc: Loc,
    kind: &'static str,
    pub(super) name: Arc<str>,
}

impl<P: Params, R: Tree> Function<P, R> {
    pub(super) fn new<F: Func<'static, P, Out = R>>(kind: &'static str, f: F, loc: Loc) -> Function<P, R> {
        Function { f: f.boxed(), kind, name: F::name().into(), loc }
    }

    /// Builds the function that users call. `record` binds its primitive, given the program and the operands.
    pub(super) fn with_rules(
        self,
        record: impl Fn(Arc<Jaxpr>, usize, Site<P, R>, &[&Array]) -> Vec<Array> + Send + Sync + 'static,
    ) -> Custom<P, R> {
        let (kind, name) = (self.kind, self.name.clone());
        let call = P::wrap(move |args| {
            if !tracing() {
                return plainly::<P, R>(&*self.f, args);
            }
            let leaves: Vec<Array> = P::leaves(args).0.into_iter().cloned().collect();
            let avals: Vec<Aval> = leaves.iter().map(Array::aval).collect();
            let (Closed { jaxpr, captures }, result) = trace::<P, R>(&*self.f, args, &avals, &Inputs::Known(&leaves));
            let none = &mut std::iter::repeat(Array::scalar(false));
            let site = Site {
                args: P::rebuild(args, none),
                result: result.rebuild(none),
                outs: jaxpr.output_avals().collect(),
                loc: self.loc,
                kind: self.kind,
                name: self.name.clone(),
            };
            let operands: Vec<&Array> = captures.iter().chain(&leaves).collect();
            let results = with_location(self.loc, || record(jaxpr, captures.len(), site, &operands));
            result.rebuild(&mut results.into_iter())
        });
        Custom { call, kind, name }
    }
}

impl<P: Params, R: Tree> Site<P, R> {
    pub(super) fn args(&self, leaves: &[Array]) -> P::Values {
        P::rebuild(P::refs(&self.args), &mut leaves.iter().cloned())
    }

    pub(super) fn fail(&self, message: String) -> ! {
        raise(Error::new(ErrorKind::Structure, format!("{} `{}`: {message}", self.kind, self.name)).at(self.loc))
    }

    /// Returns the arrays of a rule's result, after checking them against `avals`.
    fn fitted<T: Tree>(&self, what: &str, got: &T, like: &T, avals: &[Aval]) -> Vec<Array> {
        if !like.same_structure(got) {
            self.fail(format!("{what} must have the leaves {:?}, but has {:?}", leaf_paths(like), leaf_paths(got)));
        }
        let got = flatten(got);
        (got.iter().zip(avals).enumerate())
            .map(|(i, (x, aval))| {
                let fits = x.shape() == &*aval.shape && (x.dtype() == aval.dtype || x.weak_type());
                if !fits && aval.dtype.is_inexact() {
                    let leaf = leaf_name(&leaf_paths(like)[i], what);
                    self.fail(format!("{leaf} must be {aval}, got {}", x.aval()));
                }
                if fits { x.convert(aval.dtype, aval.weak_type) } else { crate::ops::zeros(&aval.shape, aval.dtype) }
            })
            .collect()
    }
}

/// A function that still needs its jvp rule, as returned by [`custom_jvp`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = custom_jvp(|x: &Array| x.sin()).defjvp(|(x,), (t,)| (x.sin(), 10.0 * t));
/// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 10.0);
/// ```
#[must_use = "a function without its rule cannot be called"]
pub struct CustomJvp<P: Params, R: 'static>(Function<P, R>);

impl<P: Params, R: Tree> fmt::Debug for CustomJvp<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "custom_jvp({}) without a rule", self.0.name)
    }
}

impl<P: Params, R: Tree> CustomJvp<P, R> {
    /// Defines the rule. It maps the arguments and their tangents to the result and its tangent, which must be linear
    /// in the tangents. The tangents of arguments that are not floating-point are zeros of the same shape and dtype.
    ///
    /// The result must not depend on the tangents. Compute it by calling the function itself, so that higher
    /// derivatives use the rule as well.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// fn log1pexp(x: &Array) -> Array {
    ///     let f = custom_jvp(|x: &Array| (1.0 + x.exp()).log());
    ///     f.defjvp(|(x,), (t,)| (log1pexp(x), t * x.logistic()))(x)
    /// }
    /// assert_eq!(grad(log1pexp)(&100.0.into()).item::<f32>(), 1.0); // and not NaN
    /// ```
    pub fn defjvp(
        self,
        rule: impl for<'a> Fn(P::Refs<'a>, P::Refs<'a>) -> (R, R) + Send + Sync + 'static,
    ) -> Custom<P, R> {
        let rule = Arc::new(rule);
        self.0.with_rules(move |jaxpr, consts, site, operands| {
            let (rule, name) = (rule.clone(), site.name.clone());
            let rule = move |x: &[Array], t: &[Array]| {
                let (x, t) = (site.args(x), site.args(t));
                let (y, dy) = rule(P::refs(&x), P::refs(&t));
                let y = site.fitted("the result of the rule", &y, &site.result, &site.outs);
                (y, site.fitted("the tangent that the rule returns", &dy, &site.result, &site.outs))
            };
            bind(CustomJvpCall { name, jaxpr, consts, rule: IgnoredByEq(Arc::new(rule)) }, operands).into_vec()
        })
    }
}

/// Attaches a user-defined forward-mode derivative to a function. Define the rule with [`defjvp`](CustomJvp::defjvp).
/// Reverse mode follows from it.
///
/// The rule becomes part of the programs that the function is used in, so it must own its captures (`move`). A value
/// that the function captures cannot be differentiated: pass it as an argument instead.
///
/// ```
/// use cotangent::prelude::*;
/// let clipped = custom_jvp(|x: &Array| np::clip(x, -1.0, 1.0)).defjvp(|(x,), (t,)| (np::clip(x, -1.0, 1.0), t.clone()));
/// assert_eq!(grad(clipped)(&5.0.into()).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// The function panics under differentiation if the results of the rule do not match those of the function, or if it is
/// differentiated with respect to a captured value.
#[track_caller]
pub fn custom_jvp<P: Params, F: Func<'static, P>>(f: F) -> CustomJvp<P, F::Out> {
    CustomJvp(Function::new("custom_jvp", f, Location::caller()))
}

/// A function that still needs its reverse-mode rule, as returned by [`custom_vjp`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = custom_vjp(|x: &Array| x.sin()).defvjp(|(x,)| (x.sin(), x.cos()), |cos, ct| (ct * cos,));
/// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
/// ```
#[must_use = "a function without its rule cannot be called"]
pub struct CustomVjp<P: Params, R: 'static, N: Argnums<P> = AllArgs>(Function<P, R>, PhantomData<N>);

impl<P: Params, R: Tree, N: Argnums<P>> fmt::Debug for CustomVjp<P, R, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "custom_vjp({}) without a rule", self.0.name)
    }
}

impl<P: Params, R: Tree, N: Argnums<P>> CustomVjp<P, R, N> {
    /// Restricts differentiation to these arguments. The rule returns cotangents for them alone.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = custom_vjp(|x: &Array, low: &Array| x.maximum(low)).argnums(args!(0));
    /// let f = f.defvjp(|(x, low)| (x.maximum(low), ()), |_, ct| ct.clone());
    /// assert_eq!(grad(f)(&1.0.into(), &2.0.into()).item::<f32>(), 1.0);
    /// ```
    pub fn argnums<M: Argnums<P>>(self, _: M) -> CustomVjp<P, R, M> {
        CustomVjp(self.0, PhantomData)
    }

    /// Defines the rule. `forward` maps the arguments to the result and the residuals, which are whatever `backward`
    /// needs. `backward` maps the residuals and the cotangent of the result to a tuple of cotangents, one for each
    /// argument. Cotangents of arguments that are not floating-point are ignored.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// /// The identity, whose gradient stays within ±1.
    /// fn clip_gradient(x: &Array) -> Array {
    ///     let f = custom_vjp(|x: &Array| x.clone());
    ///     f.defvjp(|(x,)| (x.clone(), ()), |(), ct| (np::clip(ct, -1.0, 1.0),))(x)
    /// }
    /// assert_eq!(grad(|x: &Array| clip_gradient(x).powi(2))(&3.0.into()).item::<f32>(), 1.0);
    /// ```
    pub fn defvjp<S: Tree>(
        self,
        forward: impl for<'a> Fn(P::Refs<'a>) -> (R, S) + Send + Sync + 'static,
        backward: impl Fn(&S, &R) -> N::Grads + Send + Sync + 'static,
    ) -> Custom<P, R> {
        let (forward, backward) = (Arc::new(forward), Arc::new(backward));
        self.0.with_rules(move |jaxpr, consts, site, operands| {
            let name = site.name.clone();
            let counts = P::leaves(P::refs(&site.args)).1;
            let avals = operands[consts..].iter().map(|x| x.aval()).collect();
            let (forward, backward) = (forward.clone(), backward.clone());
            let rule = Rule::<P, R, S, N, _, _> {
                site,
                avals,
                counts: counts.to_vec(),
                forward,
                backward,
                residuals: OnceLock::new(),
                argnums: PhantomData,
            };
            bind(CustomVjpCall { name, jaxpr, consts, rule: IgnoredByEq(Arc::new(rule)) }, operands).into_vec()
        })
    }
}

/// A reverse-mode rule on flat lists of arrays.
struct Rule<P: Params, R, S, N, F, B> {
    site: Site<P, R>,
    avals: Vec<Aval>,
    /// The number of arrays in each argument.
    counts: Vec<usize>,
    forward: Arc<F>,
    backward: Arc<B>,
    /// The structure of the residuals, set when the forward rule runs.
    residuals: OnceLock<S>,
    argnums: PhantomData<fn() -> N>,
}

impl<P, R, S, N, F, B> VjpRule for Rule<P, R, S, N, F, B>
where
    P: Params,
    R: Tree,
    S: Tree,
    N: Argnums<P>,
    F: for<'a> Fn(P::Refs<'a>) -> (R, S) + Send + Sync,
    B: Fn(&S, &R) -> N::Grads + Send + Sync,
{
    fn forward(&self, args: &[Array]) -> (Vec<Array>, Vec<Array>) {
        let site = &self.site;
        let (y, residuals) = (self.forward)(P::refs(&site.args(args)));
        let y = site.fitted("the result of the forward rule", &y, &site.result, &site.outs);
        let flat = flatten(&residuals);
        let _ = self.residuals.set(residuals.rebuild(&mut std::iter::repeat(Array::scalar(false))));
        (y, flat)
    }

    fn backward(&self, residuals: &[Array], cts: &[Array]) -> Vec<Tangent> {
        let site = &self.site;
        let Some(structure) = self.residuals.get() else { unreachable!("the forward rule has run") };
        let residuals = structure.rebuild(&mut residuals.iter().cloned());
        let grads = (self.backward)(&residuals, &site.result.rebuild(&mut cts.iter().cloned()));
        // The indices of the leaves that the rule differentiates, in the rule's order.
        let start = |i: usize| self.counts[..i].iter().sum::<usize>();
        let leaves: Vec<usize> = N::positions().into_iter().flat_map(|i| start(i)..start(i + 1)).collect();
        let avals: Vec<Aval> = leaves.iter().map(|i| self.avals[*i].clone()).collect();
        let like = N::rebuild(P::refs(&site.args), &mut std::iter::repeat(Array::scalar(false)));
        let grads = site.fitted("the result of the backward rule", &grads, &like, &avals);
        let mut all: Vec<Tangent> = vec![None; self.avals.len()];
        for (i, ct) in leaves.into_iter().zip(grads) {
            all[i] = Some(ct);
        }
        all
    }

    fn differentiates(&self, argument: usize) -> bool {
        let start = |i: usize| self.counts[..i].iter().sum::<usize>();
        N::positions().into_iter().any(|i| (start(i)..start(i + 1)).contains(&argument))
    }
}

/// Attaches a user-defined reverse-mode derivative to a function. Define its two rules with
/// [`defvjp`](CustomVjp::defvjp). Forward mode is not available.
///
/// The rules become part of the programs that the function is used in, so they must own their captures (`move`). An
/// array that the function captures cannot be differentiated: pass it as an argument instead. Values without arrays
/// (numbers, strings, options) may be captured, or may be static parts of an argument.
///
/// ```
/// use cotangent::prelude::*;
/// let f = custom_vjp(|x: &Array| x.sin()).defvjp(|(x,)| (x.sin(), x.cos()), |cos, ct| (ct * cos,));
/// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// The function panics if it is differentiated in forward mode or with respect to a captured value, or if the results
/// of its rules do not match the result or the arguments.
#[track_caller]
pub fn custom_vjp<P: Params, F: Func<'static, P>>(f: F) -> CustomVjp<P, F::Out> {
    CustomVjp(Function::new("custom_vjp", f, Location::caller()), PhantomData)
}
