//! Natural call syntax: what can be transformed, and how its arguments are taken.
//!
//! A transformed function derefs to `dyn Fn(&A, B, …) -> R`, so a call of it looks like a call. The marker
//! types [`Ref`] and [`Own`] record for each argument whether it is taken by reference or by value; they keep
//! the implementations for closures apart, and inference finds them.

use std::marker::PhantomData;

use crate::array::Array;
use crate::tree::{Leaves, Path, Tree};

/// An argument taken by reference.
///
/// ```
/// use cotangent::prelude::*;
/// let df = grad(|x: &Array| x.powi(2));
/// assert_eq!(df(&3.0.into()).item::<f32>(), 6.0);
/// ```
#[derive(Debug)]
pub struct Ref<A>(PhantomData<fn() -> A>);

/// An argument taken by value: consumed.
///
/// ```
/// use cotangent::prelude::*;
/// let df = grad(|x: Array| x.powi(2));
/// assert_eq!(df(3.0.into()).item::<f32>(), 6.0);
/// ```
#[derive(Debug)]
pub struct Own<A>(PhantomData<fn() -> A>);

/// The arguments of a function: a tuple of [`Ref`] and [`Own`] markers.
///
/// ```
/// use cotangent::{Array, Own, Params, Ref};
/// assert_eq!(<(Ref<Array>, Own<Array>) as Params>::ARITY, 2);
/// ```
pub trait Params: Sized + 'static {
    /// How many arguments there are.
    const ARITY: usize;
    /// The arguments as values.
    type Values: Tree;
    /// The arguments as references.
    type Refs<'a>: Copy + Send + Sync;
    /// A function of these arguments with result `R`.
    type Dyn<'f, R: 'f>: ?Sized + Send + Sync + 'f;

    /// A function that hands its arguments on as references.
    fn wrap<'f, R: 'f>(f: impl for<'a> Fn(Self::Refs<'a>) -> R + Send + Sync + 'f) -> Box<Self::Dyn<'f, R>>;
    /// A function that is called in two steps: `prepare` with all arguments, and `finish` with what that gave and the
    /// arrays of the arguments taken by value, which nobody holds any more on their account.
    fn wrap_consuming<'f, R: 'f, T>(
        prepare: impl for<'a> Fn(Self::Refs<'a>) -> T + Send + Sync + 'f,
        finish: impl Fn(T, Vec<Array>) -> R + Send + Sync + 'f,
    ) -> Box<Self::Dyn<'f, R>>;
    /// Which arguments are taken by value.
    fn owned() -> &'static [bool];
    /// Calls `f` with `values`.
    fn call<'f, R: 'f>(f: &Self::Dyn<'f, R>, values: Self::Values) -> R;
    /// References to values.
    fn refs(values: &Self::Values) -> Self::Refs<'_>;
    /// The arrays in each argument, one argument after the other, and how many each has.
    fn leaves<'a>(args: Self::Refs<'a>) -> (Leaves<'a>, smallvec::SmallVec<[usize; 4]>);
    /// Arguments of the same structure with other arrays.
    fn rebuild(args: Self::Refs<'_>, leaves: &mut dyn Iterator<Item = Array>) -> Self::Values;
    /// Whether both are alike in all but their arrays.
    fn same_structure(a: Self::Refs<'_>, b: Self::Refs<'_>) -> bool;
    /// The same, for each argument.
    fn same_each(a: Self::Refs<'_>, b: Self::Refs<'_>) -> Vec<bool>;
    /// Names each leaf.
    fn paths(args: Self::Refs<'_>, path: &mut Path<'_>);
}

/// What can be transformed: closures and functions of one to four trees, and transformed functions.
///
/// ```
/// use cotangent::prelude::*;
/// fn square(x: &Array) -> Array {
///     x.powi(2)
/// }
/// assert_eq!(grad(square)(&3.0.into()).item::<f32>(), 6.0);
/// ```
///
/// Functions of this crate are passed by their names: methods of arrays take a reference, functions of `numpy` a value.
///
/// ```
/// use cotangent::prelude::*;
/// let x = np::array([[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(vmap(Array::sum)(&x).to_vec::<f32>(), [3.0, 7.0]);
/// assert_eq!(vmap(np::sum)(x).to_vec::<f32>(), [3.0, 7.0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be transformed",
    label = "not a function of one to four trees",
    note = "a function takes one to four arguments, each a tree or a reference to one, and returns a tree: `|x: &Array| x.sin()`",
    note = "trees are arrays, keys, tuples, `Vec`s and maps of trees, Rust's numbers, and structs with `#[derive(Clone, Tree)]`; \
            a slice `&[T]` is none, `&Vec<T>` is",
    note = "it must be `Fn + Send + Sync`: it may read what it captures and not change it"
)]
pub trait Func<'f, P: Params>: 'f {
    /// What it returns.
    type Out: Tree;

    /// The function behind a pointer.
    fn boxed(self) -> Box<P::Dyn<'f, Self::Out>>;

    /// Its name, for programs and reports.
    fn name() -> &'static str {
        let path = std::any::type_name::<Self>();
        // `crate::module::function` or `crate::main::{{closure}}`.
        let plain = path.split('<').next().unwrap_or(path);
        plain.rsplit("::").find(|part| !part.starts_with('{')).unwrap_or("function")
    }
}

/// The type of the `I`-th argument.
///
/// ```
/// use cotangent::{Array, Nth, Ref};
/// let second: <(Ref<Array>, Ref<f64>) as Nth<1>>::Value = 2.0;
/// assert_eq!(second, 2.0f64);
/// ```
pub trait Nth<const I: usize>: Params {
    /// The type.
    type Value: Tree;
    /// The argument.
    fn nth(args: Self::Refs<'_>) -> &Self::Value;
}

macro_rules! arg_type {
    (Ref $A:ident) => {
        &$A
    };
    (Own $A:ident) => {
        $A
    };
}

macro_rules! borrowed {
    (Ref $a:expr) => {
        $a
    };
    (Own $a:expr) => {
        &$a
    };
}

macro_rules! is_owned {
    (Ref) => {
        false
    };
    (Own) => {
        true
    };
}

macro_rules! consumed {
    (Ref $a:ident $into:ident) => {};
    (Own $a:ident $into:ident) => {
        $into.extend(crate::tree::flatten(&$a));
        drop($a);
    };
}

macro_rules! passed {
    (Ref $a:expr) => {
        &$a
    };
    (Own $a:expr) => {
        $a
    };
}

macro_rules! function {
    ($(($kind:ident $A:ident $i:tt))*) => {
        #[allow(non_snake_case)]
        impl<$($A: Tree),*> Params for ($($kind<$A>,)*) {
            const ARITY: usize = [$($i),*].len();
            type Values = ($($A,)*);
            type Refs<'a> = ($(&'a $A,)*);
            type Dyn<'f, R: 'f> = dyn Fn($(arg_type!($kind $A)),*) -> R + Send + Sync + 'f;

            fn wrap<'f, R: 'f>(f: impl for<'a> Fn(Self::Refs<'a>) -> R + Send + Sync + 'f) -> Box<Self::Dyn<'f, R>> {
                Box::new(move |$($A: arg_type!($kind $A)),*| f(($(borrowed!($kind $A),)*)))
            }
            #[allow(unused_mut, reason = "where all arguments are taken by reference nothing is consumed")]
            fn wrap_consuming<'f, R: 'f, T>(
                prepare: impl for<'a> Fn(Self::Refs<'a>) -> T + Send + Sync + 'f,
                finish: impl Fn(T, Vec<Array>) -> R + Send + Sync + 'f,
            ) -> Box<Self::Dyn<'f, R>> {
                Box::new(move |$($A: arg_type!($kind $A)),*| {
                    let prepared = prepare(($(borrowed!($kind $A),)*));
                    let mut arrays = Vec::new();
                    $(consumed!($kind $A arrays);)*
                    finish(prepared, arrays)
                })
            }
            fn owned() -> &'static [bool] {
                &[$(is_owned!($kind)),*]
            }
            fn call<'f, R: 'f>(f: &Self::Dyn<'f, R>, values: Self::Values) -> R {
                let ($($A,)*) = values;
                f($(passed!($kind $A)),*)
            }
            fn refs(values: &Self::Values) -> Self::Refs<'_> {
                ($(&values.$i,)*)
            }
            fn leaves<'a>(args: Self::Refs<'a>) -> (Leaves<'a>, smallvec::SmallVec<[usize; 4]>) {
                let (mut leaves, mut counts) = (Leaves::new(), smallvec::SmallVec::new());
                $(
                    let before = leaves.len();
                    args.$i.leaves(&mut leaves);
                    counts.push(leaves.len() - before);
                )*
                (leaves, counts)
            }
            fn rebuild(args: Self::Refs<'_>, leaves: &mut dyn Iterator<Item = Array>) -> Self::Values {
                ($(args.$i.rebuild(leaves),)*)
            }
            fn same_structure(a: Self::Refs<'_>, b: Self::Refs<'_>) -> bool {
                $(a.$i.same_structure(b.$i))&&*
            }
            fn same_each(a: Self::Refs<'_>, b: Self::Refs<'_>) -> Vec<bool> {
                vec![$(a.$i.same_structure(b.$i)),*]
            }
            fn paths(args: Self::Refs<'_>, path: &mut Path<'_>) {
                $(path.index($i, |path| args.$i.paths(path));)*
            }
        }

        impl<'f, Func_, Out, $($A: Tree),*> Func<'f, ($($kind<$A>,)*)> for Func_
        where
            Out: Tree,
            Func_: Fn($(arg_type!($kind $A)),*) -> Out + Send + Sync + 'f,
        {
            type Out = Out;
            fn boxed(self) -> Box<<($($kind<$A>,)*) as Params>::Dyn<'f, Out>> {
                Box::new(self)
            }
        }

        function!(@nth [$(($kind $A $i))*] $(($A $i))*);
    };
    (@nth $all:tt $(($B:ident $j:tt))*) => { $( function!(@one $all $B $j); )* };
    (@one [$(($kind:ident $A:ident $i:tt))*] $B:ident $j:tt) => {
        impl<$($A: Tree),*> Nth<$j> for ($($kind<$A>,)*) {
            type Value = $B;
            fn nth(args: Self::Refs<'_>) -> &$B {
                args.$j
            }
        }
    };
}

/// Every mixture of arguments by reference and by value.
macro_rules! arities {
    ([$($done:tt)*]) => { function!($($done)*); };
    ([$($done:tt)*] ($A:ident $i:tt) $($rest:tt)*) => {
        arities!([$($done)* (Ref $A $i)] $($rest)*);
        arities!([$($done)* (Own $A $i)] $($rest)*);
    };
}

arities!([] (A 0));
arities!([] (A 0) (B 1));
arities!([] (A 0) (B 1) (C 2));
arities!([] (A 0) (B 1) (C 2) (D 3));

/// The position of an argument, as a type.
///
/// ```
/// use cotangent::prelude::*;
/// let df = grad(|x: &Array, y: &Array| x * y).argnums(cotangent::Arg::<1>);
/// assert_eq!(df(&2.0.into(), &3.0.into()).item::<f32>(), 2.0);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Arg<const I: usize>;

/// Which arguments a gradient is taken in: [`Arg`]s, alone or in a tuple. [`args!`](crate::args) writes them.
///
/// ```
/// use cotangent::{Arg, Argnums, Array, Ref};
/// assert_eq!(<Arg<1> as Argnums<(Ref<Array>, Ref<Array>)>>::positions(), [1]);
/// ```
pub trait Argnums<P: Params>: Default + Send + Sync + 'static {
    /// What the gradient is: a value like the argument, or a tuple of such.
    type Grads: Tree;
    /// The positions.
    fn positions() -> Vec<usize>;
    /// The gradient from its arrays.
    fn rebuild(args: P::Refs<'_>, leaves: &mut dyn Iterator<Item = Array>) -> Self::Grads;
}

impl<P: Nth<I>, const I: usize> Argnums<P> for Arg<I> {
    type Grads = <P as Nth<I>>::Value;
    fn positions() -> Vec<usize> {
        vec![I]
    }
    fn rebuild(args: P::Refs<'_>, leaves: &mut dyn Iterator<Item = Array>) -> Self::Grads {
        <P as Nth<I>>::nth(args).rebuild(leaves)
    }
}

/// All arguments: the gradient is a tuple with a part for each.
///
/// ```
/// use cotangent::{AllArgs, Argnums, Array, Ref};
/// assert_eq!(<AllArgs as Argnums<(Ref<Array>, Ref<Array>)>>::positions(), [0, 1]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AllArgs;

impl<P: Params> Argnums<P> for AllArgs {
    type Grads = P::Values;
    fn positions() -> Vec<usize> {
        (0..P::ARITY).collect()
    }
    fn rebuild(args: P::Refs<'_>, leaves: &mut dyn Iterator<Item = Array>) -> Self::Grads {
        P::rebuild(args, leaves)
    }
}

macro_rules! argnums {
    ($($I:ident),*) => {
        impl<P: Params, $($I: Argnums<P>),*> Argnums<P> for ($($I,)*) {
            type Grads = ($($I::Grads,)*);
            fn positions() -> Vec<usize> {
                [$($I::positions()),*].concat()
            }
            fn rebuild(args: P::Refs<'_>, leaves: &mut dyn Iterator<Item = Array>) -> Self::Grads {
                ($($I::rebuild(args, leaves),)*)
            }
        }
    };
}

argnums!(I);
argnums!(I, J);
argnums!(I, J, K);
argnums!(I, J, K, L);

/// Argument positions for `argnums`: `args!(0)`, `args!(0, 2)`.
#[macro_export]
macro_rules! args {
    ($i:literal) => { $crate::Arg::<$i> };
    ($($i:literal),+ $(,)?) => { ($($crate::Arg::<$i>,)+) };
}
