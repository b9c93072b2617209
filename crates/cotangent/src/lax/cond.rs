//! Conditionals: branches selected at run time.

use std::panic::Location;

use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::modes::modes;
use crate::array::platform::Platform;
use crate::array::promote::promote_types;
use crate::array::{Array, ArrayLike};
use crate::control::cond::Cond;
use crate::error::location::with_location;
use crate::error::{Error, Loc, OrRaise, raise};
use crate::ir::jaxpr::Closed;
use crate::trace::frames::{Inputs, bind, stage};
use crate::transform::eval::eval;
use crate::tree::{Tree, flatten};

use super::control_flow::{Alike, conversion, share_captures};

/// Runs the first function if the scalar `pred` is true and the second otherwise, inside the compiled program.
///
/// Both functions are traced, but only one runs. They must return the same types; a Rust number takes the type of the
/// array that the other function returns. Under [`vmap`](crate::vmap) each element of the batch selects its own branch,
/// so both branches run. The derivative of each element is that of the selected branch, even where the other branch's
/// derivative is not finite.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = jit(|x: &Array| lax::cond(x.greater(0.0), || x.sqrt(), || -x));
/// assert_eq!(f(&4.0.into()).item::<f32>(), 2.0);
/// assert_eq!(f(&Array::from(-4.0)).item::<f32>(), 4.0);
/// ```
///
/// # Panics
/// Panics if `pred` is not a scalar, or if the results differ in structure or type.
#[track_caller]
pub fn cond<R: Tree>(pred: impl ArrayLike, yes: impl Fn() -> R, no: impl Fn() -> R) -> R {
    let (loc, pred) = (Location::caller(), pred.to_array());
    if pred.ndim() > 0 {
        raise(
            Error::shape(format!("cond: the predicate must be a scalar, got {}", pred.aval()))
                .help("use `numpy::where_` to select element by element"),
        );
    }
    let index = pred.astype(DType::Bool).astype(DType::I32);
    let names = ["the second function returns", "the first function returns"];
    choice("cond", &names, &index, &[&no, &yes], None, loc)
}

/// Runs one of several functions, selected by a scalar index that is clamped to the valid range.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = |i: &Array, x: &Array| lax::switch(i, &[&|| x + 1.0, &|| x * 2.0, &|| -x]);
/// assert_eq!(f(&1.into(), &5.0.into()).item::<f32>(), 10.0);
/// ```
///
/// # Panics
/// Panics if there are no functions, if the index is not an integer scalar, or if the results differ in structure or
/// type.
#[track_caller]
pub fn switch<R: Tree>(index: impl ArrayLike, branches: &[&dyn Fn() -> R]) -> R {
    let loc = Location::caller();
    let index = index.to_array();
    if index.ndim() > 0 || !index.dtype().is_integer() {
        raise(Error::dtype(format!("switch: the index must be an integer scalar, got {}", index.aval())));
    }
    let names: Vec<String> = (0..branches.len()).map(|i| format!("function {i} returns")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    choice("switch", &names, &index.astype(DType::I32), branches, None, loc)
}

/// Runs the function of the platform that the program is for, or else `default`.
///
/// All functions are traced, and the choice is made when the program is lowered: the compiled program has one of them
/// only. A function for one platform may therefore use what others lack, such as functions of this process. A program
/// that is exported for several platforms has them all, and the reader chooses.
///
/// The functions must return the same types, as in [`cond`](fn@cond). The result can be differentiated and batched;
/// the derivative is chosen in the same way.
///
/// ```
/// use cotangent::{Platform, lax, prelude::*};
/// let f = |x: &Array| lax::platform_dependent(&[(Platform::Cuda, &|| x.cos())], Some(&|| x.sin()));
/// if Device::current()?.platform() == Platform::Cpu {
///     assert_eq!(f(&0.0.into()).item::<f32>(), 0.0);
///     assert_eq!(grad(f)(&0.0.into()).item::<f32>(), 1.0);
/// }
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # Panics
/// Panics if there are no functions, if two are for one platform, or if the results differ in structure or type. A
/// program for a platform without a function fails when it is compiled.
#[track_caller]
pub fn platform_dependent<R: Tree>(branches: &[(Platform, &dyn Fn() -> R)], default: Option<&dyn Fn() -> R>) -> R {
    let loc = Location::caller();
    let mut platforms: Vec<Option<Platform>> = branches.iter().map(|(platform, _)| Some(*platform)).collect();
    if let Some(twice) = (1..platforms.len()).find(|i| platforms[..*i].contains(&platforms[*i])) {
        let platform = branches[twice].0;
        raise(Error::value(format!("platform_dependent: {platform} has two functions")).help("leave out one of them"));
    }
    platforms.extend(default.map(|_| None));
    let functions: Vec<&dyn Fn() -> R> = branches.iter().map(|(_, f)| *f).chain(default).collect();
    let of = |platform: &Option<Platform>| match platform {
        Some(platform) => format!("the function for {platform} returns"),
        None => "the default returns".to_string(),
    };
    let names: Vec<String> = platforms.iter().map(of).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    choice("platform_dependent", &names, &Array::scalar(0i32), &functions, Some(platforms), loc)
}

/// Runs the branch that `index` selects, or the platform if `platforms` is given. `names` introduces the type of each
/// branch's result in error messages.
#[track_caller]
fn choice<R: Tree>(
    call: &'static str,
    names: &[&str],
    index: &Array,
    branches: &[&dyn Fn() -> R],
    platforms: Option<Vec<Option<Platform>>>,
    loc: Loc,
) -> R {
    if modes().without_jit
        && let Some(last) = branches.len().checked_sub(1)
        && platforms.is_none()
        && let Ok(which) = index.try_item::<i32>()
    {
        return branches[(which.max(0) as usize).min(last)]();
    }
    let trace = |branch: &&dyn Fn() -> R| {
        stage(&[], &Inputs::Unknown("inside a branch"), |_| {
            let result = branch();
            (flatten(&result), result)
        })
    };
    let mut traced: Vec<(Closed, R)> = branches.iter().map(trace).collect();
    let Some((_, template)) = traced.first() else {
        raise(Error::value(format!("{call}: expected at least one function")))
    };
    // Where some branches return a Rust number and others an array, the array determines the type.
    let mut types: Vec<(DType, bool)> = flatten(template).iter().map(|x| (x.dtype(), x.weak_type())).collect();
    for (_, result) in &traced {
        for (dtype, x) in types.iter_mut().zip(flatten(result)) {
            *dtype = promote_types(*dtype, (x.dtype(), x.weak_type()));
        }
    }
    for (closed, result) in &mut traced {
        if !flatten(result).iter().any(Array::weak_type) {
            continue;
        }
        let settle = |(x, (dtype, weak)): (&Array, &(DType, bool))| match x.weak_type() {
            true => x.convert(*dtype, *weak),
            false => x.clone(),
        };
        let inputs: Vec<Aval> = closed.jaxpr.input_avals().cloned().collect();
        let (settled, ()) = stage(&inputs, &Inputs::Unknown("inside a branch"), |args| {
            let outputs = eval(&closed.jaxpr, args);
            (with_location(loc, || outputs.iter().zip(&types).map(settle).collect()), ())
        });
        let leaves: Vec<Array> = settled.jaxpr.output_avals().map(|aval| Array::of_aval(&aval)).collect();
        *result = result.rebuild(&mut leaves.into_iter());
        closed.jaxpr = settled.jaxpr;
    }
    let template = &traced[0].1;
    for ((closed, result), name) in traced.iter().zip(names).skip(1) {
        let alike = Alike {
            call,
            part: "the result",
            must: "must have the same type in all functions",
            sides: [names[0], name],
            help: |expected, got| {
                format!("convert one to the type of the other, for example {got} with {}", conversion(expected, got))
            },
        };
        alike.check(template, result, &closed.jaxpr, loc).or_raise();
    }
    let programs: Vec<&Closed> = traced.iter().map(|(closed, _)| closed).collect();
    let (branches, captures) = share_captures(&programs);
    let operands: Vec<&Array> = std::iter::once(index).chain(&captures).collect();
    template.rebuild(&mut bind(Cond { branches, platforms }, &operands).into_iter())
}
