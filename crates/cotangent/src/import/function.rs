//! Imported functions with the types of their arguments and results.

use std::sync::Arc;

use crate::api::callable::transformable;
use crate::api::func::{Argument, Params, Ref};
use crate::array::Array;
use crate::error::location::with_location;
use crate::error::{Error, ErrorKind, Loc, Result, raise};
use crate::tree::{Path, Tree, collect_paths, difference};

use super::body::Body;

/// The arguments of an imported function: a tuple of trees, each of which is passed by reference.
///
/// ```
/// use cotangent::import::Arguments;
/// use cotangent::{Array, Params};
/// assert_eq!(<<(Array, Array) as Arguments>::Refs as Params>::ARITY, 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not list the arguments of a function",
    label = "not a tuple of up to eight trees",
    note = "for a function of one argument, write `(T,)`"
)]
pub trait Arguments: Tree {
    /// The same arguments as a transformed function has them.
    type Refs: Params<Values = Self>;
}

macro_rules! arguments {
    ($($T:ident)*) => {
        impl<$($T: Tree),*> Arguments for ($($T,)*)
        where
            $(Ref<$T>: Argument<Value = $T>,)*
        {
            type Refs = ($(Ref<$T>,)*);
        }
    };
}

arguments!(A);
arguments!(A B);
arguments!(A B C);
arguments!(A B C D);
arguments!(A B C D E);
arguments!(A B C D E F);
arguments!(A B C D E F G);
arguments!(A B C D E F G H);

/// An imported function, as [`Model::function`](super::Model::function) returns it. It is called like any function, and can
/// be differentiated, batched and jitted.
///
/// ```
/// use cotangent::{import, prelude::*};
/// let text = "module @m { func.func public @main(%x: tensor<f32>, %y: tensor<f32>) -> tensor<f32> {
///     %0 = stablehlo.multiply %x, %y : tensor<f32>
///     return %0 : tensor<f32>
/// } }";
/// let product = import::stablehlo(text)?.function::<(Array, Array), Array>()?;
/// assert_eq!(product(&3.0.into(), &4.0.into()).item::<f32>(), 12.0);
/// assert_eq!(grad(product)(&3.0.into(), &4.0.into()).item::<f32>(), 4.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[must_use = "a function does nothing until it is called"]
pub struct Function<P: Params, R: 'static> {
    call: Box<P::Dyn<'static, R>>,
    name: Arc<str>,
}

impl<P: Params, R: Tree> Function<P, R> {
    /// `args` and `result` have the structure of what is taken and returned. The `orders` say which leaf of the file each of
    /// their leaves is.
    pub(super) fn new(
        body: Arc<Body>,
        args: P::Values,
        result: R,
        orders: [Vec<usize>; 2],
        loc: Loc,
    ) -> Function<P, R> {
        let name = body.name().clone();
        let [takes, returns] = orders;
        let call = P::wrap(move |given: P::Refs<'_>| {
            let flat = body.flat::<P>(P::refs(&args), given, &takes).unwrap_or_else(|error| raise(error.at(loc)));
            let results = with_location(loc, || body.call(&flat));
            result.rebuild(&mut returns.iter().map(|i| results[*i].clone()))
        });
        Function { call, name }
    }
}

impl Body {
    /// The arrays of the arguments in the order of the file, after checking them.
    fn flat<P: Params>(&self, expected: P::Refs<'_>, given: P::Refs<'_>, takes: &[usize]) -> Result<Vec<Array>> {
        let paths = |args: P::Refs<'_>| collect_paths(|path: &mut Path<'_>| P::paths(args, path));
        if !P::same_structure(expected, given) {
            let difference = difference(&paths(expected), &paths(given));
            let message =
                format!("{}: the arguments have another structure than the function's: {difference}", self.name());
            return Err(Error::new(ErrorKind::Structure, message));
        }
        let (leaves, _) = P::leaves(given);
        let mut flat: Vec<Option<Array>> = vec![None; takes.len()];
        for (n, (i, x)) in takes.iter().zip(leaves.iter()).enumerate() {
            let aval = &self.inputs()[*i];
            // The dtype of a Rust number gives way.
            let x = if x.weak_type() { x.convert(aval.dtype, false) } else { (*x).clone() };
            if x.shape() != &*aval.shape || x.dtype() != aval.dtype {
                let path = paths(given).get(n).cloned().unwrap_or_default();
                let message = format!("{}: argument {path} must be {aval}, got {}", self.name(), x.aval());
                return Err(Error::shape(message)
                    .help("an imported program has fixed shapes; `vmap` adds a batch axis, `astype` converts"));
            }
            flat[*i] = Some(x);
        }
        Ok(flat.into_iter().flatten().collect())
    }
}

transformable! {
    impl[P: Params, R: Tree] Function<P, R>: 'static -> R;
    |this, f| write!(f, "Function({})", this.name)
}
