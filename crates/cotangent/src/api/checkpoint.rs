//! Rematerialization: `checkpoint` and its policies.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::control::checkpoint::{Checkpoint as CheckpointCall, Saveable};
use crate::control::ignored_by_eq::IgnoredByEq;
use crate::error::location::with_location;
use crate::error::{Loc, Result, attempt};
use crate::ir::primitive::Primitive;
use crate::ops::conv::ConvGeneralDilated;
use crate::ops::dot::DotGeneral;
use crate::ops::name::Name;
use crate::trace::frames::{Inputs, bind, tracing};
use crate::tree::Tree;

use super::callable::transformable;
use super::func::{Func, Params};
use super::program::{plainly, trace};

/// Determines which intermediate values of a [`checkpoint`]ed function are kept for the backward pass. See
/// [`checkpoint_policies`].
///
/// ```
/// use cotangent::Policy;
/// let sines = Policy::new("sines", |prim| prim.name() == "sin");
/// assert_eq!(format!("{sines:?}"), "sines");
/// ```
#[derive(Clone)]
pub struct Policy {
    name: String,
    saveable: Arc<Saveable>,
}

impl Policy {
    /// Creates a policy. `saveable` returns whether the results of a primitive are kept.
    ///
    /// ```
    /// use cotangent::{Policy, prelude::*};
    /// let sines = Policy::new("sines", |prim| prim.name() == "sin");
    /// let f = checkpoint(|x: &Array| x.sin().cos()).policy(sines);
    /// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 0.0);
    /// ```
    #[must_use]
    pub fn new(name: impl Into<String>, saveable: impl Fn(&dyn Primitive) -> bool + Send + Sync + 'static) -> Policy {
        Policy { name: name.into(), saveable: Arc::new(saveable) }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// JAX's policies, which determine the intermediate values that [`checkpoint`] keeps.
pub mod checkpoint_policies {
    use super::{BTreeSet, ConvGeneralDilated, DotGeneral, Name, Policy, Primitive};

    fn name_of(prim: &dyn Primitive) -> Option<&str> {
        prim.as_any().downcast_ref::<Name>().map(|n| &*n.name)
    }

    fn set<S: Into<String>>(names: impl IntoIterator<Item = S>) -> BTreeSet<String> {
        names.into_iter().map(Into::into).collect()
    }

    /// Keeps only the arguments of the function. This is the default of [`checkpoint`](super::checkpoint()).
    ///
    /// ```
    /// use cotangent::{checkpoint_policies, prelude::*};
    /// let f = checkpoint(|x: &Array| x.sin().sin()).policy(checkpoint_policies::nothing_saveable());
    /// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
    /// ```
    #[must_use]
    pub fn nothing_saveable() -> Policy {
        Policy::new("nothing_saveable", |_| false)
    }

    /// Keeps all intermediate values, as without `checkpoint`.
    ///
    /// ```
    /// use cotangent::{checkpoint_policies, prelude::*};
    /// let f = checkpoint(|x: &Array| x.sin().sin()).policy(checkpoint_policies::everything_saveable());
    /// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
    /// ```
    #[must_use]
    pub fn everything_saveable() -> Policy {
        Policy::new("everything_saveable", |_| true)
    }

    /// Keeps the results of matrix products and convolutions, which are expensive.
    ///
    /// ```
    /// use cotangent::{checkpoint_policies, prelude::*};
    /// let f = checkpoint(|x: &Array| x.dot(x).sin()).policy(checkpoint_policies::dots_saveable());
    /// assert_eq!(grad(f)(&Array::from([0.0f32, 0.0])).to_vec::<f32>(), [0.0, 0.0]);
    /// ```
    #[must_use]
    pub fn dots_saveable() -> Policy {
        Policy::new("dots_saveable", |prim| {
            prim.as_any().is::<DotGeneral>() || prim.as_any().is::<ConvGeneralDilated>()
        })
    }

    /// Keeps the results of matrix products without batch dimensions: products with weights, but not those of
    /// attention.
    ///
    /// ```
    /// use cotangent::{checkpoint_policies, prelude::*};
    /// let policy = checkpoint_policies::dots_with_no_batch_dims_saveable();
    /// let f = checkpoint(|x: &Array| x.dot(x).sin()).policy(policy);
    /// assert_eq!(grad(f)(&Array::from([0.0f32, 0.0])).to_vec::<f32>(), [0.0, 0.0]);
    /// ```
    #[must_use]
    pub fn dots_with_no_batch_dims_saveable() -> Policy {
        Policy::new("dots_with_no_batch_dims_saveable", |prim| {
            prim.as_any().downcast_ref::<DotGeneral>().is_some_and(|dot| dot.batch[0].is_empty())
        })
    }

    /// Keeps only the values that [`checkpoint_name`](crate::checkpoint_name) gave one of these names.
    ///
    /// ```
    /// use cotangent::{checkpoint_name, checkpoint_policies, prelude::*};
    /// let f = checkpoint(|x: &Array| checkpoint_name(&x.sin(), "sine").sin());
    /// let f = f.policy(checkpoint_policies::save_only_these_names(["sine"]));
    /// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
    /// ```
    #[must_use]
    pub fn save_only_these_names<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Policy {
        let names = set(names);
        Policy::new("save_only_these_names", move |prim| name_of(prim).is_some_and(|n| names.contains(n)))
    }

    /// Keeps all values that have a name other than these.
    ///
    /// ```
    /// use cotangent::{checkpoint_name, checkpoint_policies, prelude::*};
    /// let f = checkpoint(|x: &Array| checkpoint_name(&x.sin(), "sine").sin());
    /// let f = f.policy(checkpoint_policies::save_any_names_but_these(["cosine"]));
    /// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
    /// ```
    #[must_use]
    pub fn save_any_names_but_these<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Policy {
        let names = set(names);
        Policy::new("save_any_names_but_these", move |prim| name_of(prim).is_some_and(|n| !names.contains(n)))
    }

    /// Keeps everything except the values with one of these names. The result of a primitive is kept before it gets such a
    /// name, and the named value is recomputed from it.
    ///
    /// ```
    /// use cotangent::{checkpoint_name, checkpoint_policies, prelude::*};
    /// let f = checkpoint(|x: &Array| checkpoint_name(&x.sin(), "sine").sin());
    /// let f = f.policy(checkpoint_policies::save_anything_except_these_names(["sine"]));
    /// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
    /// ```
    #[must_use]
    pub fn save_anything_except_these_names<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Policy {
        let names = set(names);
        let kept = move |prim: &dyn Primitive| name_of(prim).is_none_or(|n| !names.contains(n));
        Policy::new("save_anything_except_these_names", kept)
    }

    /// Keeps what either policy keeps.
    ///
    /// ```
    /// use cotangent::{checkpoint_policies, prelude::*};
    /// let both = checkpoint_policies::save_from_both_policies(
    ///     checkpoint_policies::dots_saveable(),
    ///     checkpoint_policies::save_only_these_names(["sine"]),
    /// );
    /// let f = checkpoint(|x: &Array| x.sin().sin()).policy(both);
    /// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
    /// ```
    #[must_use]
    pub fn save_from_both_policies(a: Policy, b: Policy) -> Policy {
        let name = format!("save_from_both_policies({a:?}, {b:?})");
        Policy::new(name, move |prim| (a.saveable)(prim) || (b.saveable)(prim))
    }
}

/// A function whose intermediate values are recomputed in the backward pass, as returned by [`checkpoint`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = checkpoint(|x: &Array| x.sin().sin());
/// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct Checkpoint<'f, P: Params, R: 'f> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, R>>,
    options: Options,
}

#[derive(Clone)]
struct Options {
    name: Arc<str>,
    policy: Policy,
    prevent_cse: bool,
    loc: Loc,
}

fn call_checkpointed<'f, P: Params, R: Tree>(f: &P::Dyn<'f, R>, args: P::Refs<'_>, options: &Options) -> R {
    if !tracing() {
        return plainly::<P, R>(f, args);
    }
    let leaves: Vec<Array> = P::leaves(args).0.into_iter().cloned().collect();
    let avals: Vec<Aval> = leaves.iter().map(Array::aval).collect();
    let (closed, result) = trace::<P, R>(f, args, &avals, &Inputs::Known(&leaves));
    let prim = CheckpointCall {
        name: options.name.clone(),
        jaxpr: closed.jaxpr,
        policy: IgnoredByEq(options.policy.saveable.clone()),
        prevent_cse: options.prevent_cse,
        differentiated: false,
    };
    let operands: Vec<&Array> = closed.captures.iter().chain(&leaves).collect();
    let results = with_location(options.loc, || bind(prim, &operands));
    result.rebuild(&mut results.into_iter())
}

impl<'f, P: Params, R: Tree> Checkpoint<'f, P, R> {
    fn new(f: Arc<P::Dyn<'f, R>>, options: Options) -> Self {
        let (inner, with) = (f.clone(), options.clone());
        let call = P::wrap(move |args| call_checkpointed::<P, R>(&*inner, args, &with));
        Checkpoint { f, call, options }
    }

    /// Sets which intermediate values are kept. See [`checkpoint_policies`].
    ///
    /// ```
    /// use cotangent::{checkpoint_policies, prelude::*};
    /// let f = checkpoint(|x: &Array| x.dot(x).sin()).policy(checkpoint_policies::dots_saveable());
    /// assert_eq!(grad(f)(&Array::from([0.0f32, 0.0])).to_vec::<f32>(), [0.0, 0.0]);
    /// ```
    pub fn policy(self, policy: Policy) -> Self {
        Checkpoint::new(self.f, Options { policy, ..self.options })
    }

    /// Sets whether the compiler is prevented from merging the recomputation with the first run, which would keep the
    /// values in memory. The default is `true`. In the body of a `scan`, the two runs are in different loops, and
    /// `false` is safe.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = checkpoint(|x: &Array| x.sin().sin()).prevent_cse(false);
    /// assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
    /// ```
    pub fn prevent_cse(self, prevent_cse: bool) -> Self {
        Checkpoint::new(self.f, Options { prevent_cse, ..self.options })
    }

    /// Calls the function and returns every failure as an error instead of panicking.
    ///
    /// # Errors
    /// If the function fails, or if the user's own code panics.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = checkpoint(|x: &Array| x.sin());
    /// assert!(f.try_call((&0.0.into(),)).is_ok());
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<R> {
        attempt(|| call_checkpointed::<P, R>(&*self.f, args, &self.options))
    }
}

transformable! {
    impl['f, P: Params, R: Tree] Checkpoint<'f, P, R>: 'f -> R;
    |this, f| write!(f, "checkpoint({} at {})", this.options.name, this.options.loc)
}

/// Returns a function that uses less memory under reverse-mode differentiation. It keeps its arguments and recomputes
/// its intermediate values in the backward pass. A [policy](Checkpoint::policy) may keep some of them.
///
/// JAX also calls it `remat`.
///
/// ```
/// use cotangent::prelude::*;
/// let layer = |x: &Array| x.sin().sin();
/// let slope = grad(|x: &Array| checkpoint(layer)(&checkpoint(layer)(x)));
/// assert_eq!(slope(&0.0.into()).item::<f32>(), 1.0);
/// ```
#[track_caller]
pub fn checkpoint<'f, P: Params, F: Func<'f, P>>(f: F) -> Checkpoint<'f, P, F::Out> {
    let options = Options {
        name: F::name().into(),
        policy: checkpoint_policies::nothing_saveable(),
        prevent_cse: true,
        loc: Location::caller(),
    };
    Checkpoint::new(f.boxed().into(), options)
}
