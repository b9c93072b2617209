//! Operations of the user's own, with a name for compilers and a function that says what they compute.

use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::control::composite::CompositeCall;
use crate::control::ffi_call::FfiAttribute;
use crate::error::location::with_location;
use crate::error::{Error, Loc, Result, attempt, raise};
use crate::trace::frames::{Inputs, bind, tracing};
use crate::tree::Tree;

use super::callable::transformable;
use super::func::{Func, Params};
use super::program::{plainly, trace};

/// An operation whose meaning is a function, as returned by [`composite`].
///
/// ```
/// use cotangent::prelude::*;
/// let tangent = lax::composite("my.tangent", |x: &Array| x.sin() / x.cos());
/// assert_eq!(tangent(&0.0.into()).item::<f32>(), 0.0);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct Composite<'f, P: Params, R: 'f> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, R>>,
    about: About,
}

#[derive(Clone)]
struct About {
    name: Arc<str>,
    version: i32,
    attributes: Vec<(String, FfiAttribute)>,
    loc: Loc,
}

fn call_composite<'f, P: Params, R: Tree>(f: &P::Dyn<'f, R>, args: P::Refs<'_>, about: &About) -> R {
    if !tracing() {
        return plainly::<P, R>(f, args);
    }
    let leaves: Vec<Array> = P::leaves(args).0.into_iter().cloned().collect();
    let avals: Vec<Aval> = leaves.iter().map(Array::aval).collect();
    let (closed, result) = trace::<P, R>(f, args, &avals, &Inputs::Known(&leaves));
    let About { name, version, attributes, loc } = about.clone();
    let operands: Vec<&Array> = closed.captures.iter().chain(&leaves).collect();
    let prim = CompositeCall { name, version, attributes, jaxpr: closed.jaxpr };
    result.rebuild(&mut with_location(loc, || bind(prim, &operands)).into_iter())
}

impl<'f, P: Params, R: Tree> Composite<'f, P, R> {
    fn new(f: Arc<P::Dyn<'f, R>>, about: About) -> Self {
        let (inner, with) = (f.clone(), about.clone());
        let call = P::wrap(move |args| call_composite::<P, R>(&*inner, args, &with));
        Composite { f, call, about }
    }

    /// Sets the version of the operation. It says that what the name means has changed. The default is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = lax::composite("my.f", |x: &Array| x + 1.0).version(2);
    /// assert!(make_jaxpr(f)(&1.0.into()).to_string().contains("version=2"));
    /// ```
    pub fn version(self, version: i32) -> Self {
        Composite::new(self.f, About { version, ..self.about })
    }

    /// Adds an attribute, for a compiler that knows the operation.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = lax::composite("my.norm", |x: &Array| x / x.sum()).attribute("axis", 0i64).attribute("eps", 1e-5f32);
    /// assert!(make_jaxpr(f)(&np::ones(3)).to_string().contains("axis=0 : i64"));
    /// ```
    pub fn attribute(mut self, name: &str, value: impl Into<FfiAttribute>) -> Self {
        self.about.attributes.retain(|(known, _)| known != name);
        self.about.attributes.push((name.to_string(), value.into()));
        Composite::new(self.f, self.about)
    }

    /// Calls the function and returns every failure as an error instead of panicking.
    ///
    /// # Errors
    /// Returns an error if the function fails, or if the user's own code panics.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert!(lax::composite("my.f", |x: &Array| x + 1.0).try_call((&1.0.into(),)).is_ok());
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<R> {
        attempt(|| call_composite::<P, R>(&*self.f, args, &self.about))
    }
}

transformable! {
    impl['f, P: Params, R: Tree] Composite<'f, P, R>: 'f -> R;
    |this, f| write!(f, "composite({} at {})", this.about.name, this.about.loc)
}

/// Returns an operation with a name, whose meaning `f` states. A compiler that knows the name, the version and the
/// attributes may compute it in its own way; any other calls the function.
///
/// In StableHLO, it is a `stablehlo.composite`, and [`import`](crate::import) reads one back as such. XLA's CPU and GPU
/// compilers know none, so the operation is what `f` computes. Derivatives and batches are those of `f`; they are
/// ordinary programs and no longer the operation of that name. In JAX, a composite has neither.
///
/// What `f` captures comes before its arguments.
///
/// ```
/// use cotangent::prelude::*;
/// let tangent = lax::composite("my.tangent", |x: &Array| x.sin() / x.cos());
/// let text = jit(&*tangent).lower((&np::ones(3),))?.stablehlo();
/// assert!(text.contains("stablehlo.composite") && text.contains("@my.tangent"));
/// assert_eq!(grad(tangent)(&0.0.into()).item::<f32>(), 1.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # Panics
/// Panics if the name has no namespace, such as `my` in `my.tangent`, as StableHLO demands.
#[track_caller]
pub fn composite<'f, P: Params, F: Func<'f, P>>(name: &str, f: F) -> Composite<'f, P, F::Out> {
    if !name.split_once('.').is_some_and(|(space, name)| !space.is_empty() && !name.is_empty()) {
        raise(
            Error::value(format!("the name of a composite must have a namespace and a name, got {name:?}"))
                .help("write for example \"my.tangent\""),
        );
    }
    let about = About { name: name.into(), version: 0, attributes: Vec::new(), loc: Location::caller() };
    Composite::new(f.boxed().into(), about)
}
