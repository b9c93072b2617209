//! The types behind the call syntax: which functions can be transformed, and how their arguments are passed.
//!
//! A transformed function dereferences to `dyn Fn(&A, B, …) -> R`, so it is called like any function. The marker types
//! [`Ref`] and [`Own`] record whether each argument is passed by reference or by value. The compiler infers them.
//!
//! A closure implements [`Func`] in two steps, so that the compiler can report each mistake precisely. The number of
//! arguments selects the implementation. Each argument is then resolved separately ([`Takes`]), which needs two
//! implementations for each argument instead of one for each combination. All other requirements ([`Boxed`],
//! [`Returns`]) are bounds on a type that is known only when all arguments are ([`Passing::Then`]). The compiler
//! therefore checks them after it has selected the implementation, and names what is wrong with an argument, a result
//! or a capture.

use std::marker::PhantomData;

use crate::array::{Array, InlineVec};
use crate::tree::{Leaves, Path, Tree};

/// Marks an argument that is passed by reference.
///
/// ```
/// use cotangent::prelude::*;
/// let df = grad(|x: &Array| x.powi(2));
/// assert_eq!(df(&3.0.into()).item::<f32>(), 6.0);
/// ```
#[derive(Debug)]
pub struct Ref<A: ?Sized>(PhantomData<fn() -> A>);

/// Marks an argument that is passed by value and consumed.
///
/// ```
/// use cotangent::prelude::*;
/// let df = grad(|x: Array| x.powi(2));
/// assert_eq!(df(3.0.into()).item::<f32>(), 6.0);
/// ```
#[derive(Debug)]
pub struct Own<A>(PhantomData<fn() -> A>);

/// What a caller passes for an argument taken by reference ([`Ref`]) or by value ([`Own`]), whether or not it is a
/// tree.
///
/// ```
/// use cotangent::{Array, Own, Passing};
/// let x: <Own<Array> as Passing>::Passed<'_> = Array::from(1.0);
/// assert_eq!(x.item::<f32>(), 1.0);
/// ```
pub trait Passing: 'static {
    /// The reference or the value.
    type Passed<'a>;
    /// `T`, which the compiler resolves only once it knows how the argument is passed.
    type Then<T>;
}

impl<A: ?Sized + 'static> Passing for Ref<A> {
    type Passed<'a> = &'a A;
    type Then<T> = T;
}

impl<A: 'static> Passing for Own<A> {
    type Passed<'a> = A;
    type Then<T> = T;
}

/// How a function takes one argument that is a tree: [`Ref`] or [`Own`].
///
/// ```
/// use cotangent::{Argument, Array, Own, Ref};
/// assert!(<Own<Array> as Argument>::OWNED && !<Ref<Array> as Argument>::OWNED);
/// ```
pub trait Argument: Passing {
    /// The type of the value.
    type Value: Tree;
    /// Whether the argument is passed by value.
    const OWNED: bool;

    /// Returns a reference to the value.
    fn borrow<'r>(passed: &'r Self::Passed<'_>) -> &'r Self::Value;
    /// Calls `f` with the value, or with a reference to it.
    fn pass<R>(value: Self::Value, f: impl FnOnce(Self::Passed<'_>) -> R) -> R;
    /// Drops what was passed. For an argument passed by value, its arrays are first added to `into`.
    fn consume(passed: Self::Passed<'_>, into: &mut Vec<Array>);
}

impl<A: Tree> Argument for Ref<A> {
    type Value = A;
    const OWNED: bool = false;

    fn borrow<'r>(passed: &'r &A) -> &'r A {
        passed
    }
    fn pass<R>(value: A, f: impl FnOnce(&A) -> R) -> R {
        f(&value)
    }
    fn consume(_: &A, _: &mut Vec<Array>) {}
}

impl<A: Tree> Argument for Own<A> {
    type Value = A;
    const OWNED: bool = true;

    fn borrow(passed: &A) -> &A {
        passed
    }
    fn pass<R>(value: A, f: impl FnOnce(A) -> R) -> R {
        f(value)
    }
    fn consume(passed: A, into: &mut Vec<Array>) {
        into.extend(crate::tree::flatten(&passed));
    }
}

/// The arguments of a function, as a tuple of [`Ref`] and [`Own`] markers.
///
/// ```
/// use cotangent::{Array, Own, Params, Ref};
/// assert_eq!(<(Ref<Array>, Own<Array>) as Params>::ARITY, 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not list the arguments of a function",
    label = "a tuple with `Ref<T>` or `Own<T>` for each argument, where `T` is a tree",
    note = "the arguments of `Fn(&Array, Key) -> …` are `(Ref<Array>, Own<Key>)`, those of `Fn(&Array) -> …` are \
            `(Ref<Array>,)`"
)]
pub trait Params: Sized + 'static {
    /// The number of arguments.
    const ARITY: usize;
    /// The arguments as values.
    type Values: Tree;
    /// The arguments as references.
    type Refs<'a>: Copy + Send + Sync;
    /// The type of a function that takes these arguments and returns `R`.
    type Dyn<'f, R: 'f>: ?Sized + Send + Sync + 'f;

    /// Boxes a function that receives its arguments as references.
    fn wrap<'f, R: 'f>(f: impl for<'a> Fn(Self::Refs<'a>) -> R + Send + Sync + 'f) -> Box<Self::Dyn<'f, R>>;
    /// Boxes a function that is called in two steps: first `prepare` with all arguments, then `finish` with the result
    /// of `prepare` and the arrays of the arguments passed by value. The arguments themselves are dropped by then and
    /// hold no reference to these arrays.
    fn wrap_consuming<'f, R: 'f, T>(
        prepare: impl for<'a> Fn(Self::Refs<'a>) -> T + Send + Sync + 'f,
        finish: impl Fn(T, Vec<Array>) -> R + Send + Sync + 'f,
    ) -> Box<Self::Dyn<'f, R>>;
    /// Returns a mask of the arguments that are passed by value.
    fn owned() -> &'static [bool];
    /// Calls `f` with `values`.
    fn call<'f, R: 'f>(f: &Self::Dyn<'f, R>, values: Self::Values) -> R;
    /// Returns references to values.
    fn refs(values: &Self::Values) -> Self::Refs<'_>;
    /// Returns the arrays of all arguments, in order, and the number of arrays in each argument.
    fn leaves<'a>(args: Self::Refs<'a>) -> (Leaves<'a>, InlineVec<usize, 4>);
    /// Builds arguments of the same structure with other arrays.
    fn rebuild(args: Self::Refs<'_>, leaves: &mut dyn Iterator<Item = Array>) -> Self::Values;
    /// Returns whether both are equal in everything except their arrays.
    fn same_structure(a: Self::Refs<'_>, b: Self::Refs<'_>) -> bool;
    /// Returns, for each argument, whether both are equal in everything except their arrays.
    fn same_each(a: Self::Refs<'_>, b: Self::Refs<'_>) -> Vec<bool>;
    /// Names each leaf.
    fn paths(args: Self::Refs<'_>, path: &mut Path<'_>);
}

/// A function that can be transformed: a closure or function of up to eight trees, or a transformed function.
///
/// ```
/// use cotangent::prelude::*;
/// fn square(x: &Array) -> Array {
///     x.powi(2)
/// }
/// assert_eq!(grad(square)(&3.0.into()).item::<f32>(), 6.0);
/// ```
///
/// Functions of this crate can be passed by name. Methods of arrays take references; functions of `numpy` take values.
///
/// ```
/// use cotangent::prelude::*;
/// let x = np::array([[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(vmap(Array::sum)(&x).to_vec::<f32>(), [3.0, 7.0]);
/// assert_eq!(vmap(np::sum)(x).to_vec::<f32>(), [3.0, 7.0]);
/// ```
///
/// A transformed function is called like a function but does not implement `Fn`. [`boxed`](Func::boxed) returns one
/// that does.
///
/// ```
/// use cotangent::prelude::*;
/// fn scaled(factor: f64) -> impl Fn(&Array) -> Array {
///     jit(move |x: &Array| factor * x).boxed()
/// }
/// assert_eq!(scaled(2.0)(&3.0.into()).item::<f32>(), 6.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be transformed",
    label = "not a function of up to eight trees",
    note = "it must be an `Fn` with up to eight arguments, each a tree or a reference to one: `|x: &Array, key: Key| …`; \
            group more arguments into a tuple or a struct",
    note = "a tree is an array, a key, a Rust number, a tuple, `Vec` or map of trees, or a struct with `#[derive(Clone, Tree)]`",
    note = "an `FnMut` cannot be transformed: return what it changes as a result"
)]
pub trait Func<'f, P: Params>: 'f {
    /// The type of the result.
    type Out: Tree;

    /// Boxes the function as a `Box<dyn Fn(…) -> … + Send + Sync>`.
    fn boxed(self) -> Box<P::Dyn<'f, Self::Out>>;

    /// Returns the function's name, for programs and reports.
    fn name() -> &'static str {
        name_of::<Self>()
    }
}

/// The name of a function, or of the one around a closure, by its type.
pub(crate) fn name_of<F: ?Sized>() -> &'static str {
    let path = std::any::type_name::<F>();
    // The path is `crate::module::function` or `crate::main::{{closure}}`.
    let plain = path.split('<').next().unwrap_or(path);
    plain.rsplit("::").find(|part| !part.starts_with('{')).unwrap_or("function")
}

/// The result type of a function, as a type that depends on all its arguments.
#[diagnostic::on_unimplemented(
    message = "a function that returns `{R}` cannot be transformed",
    label = "returns `{R}`, which is not a tree of arrays",
    note = "return an array, or a tuple, `Vec` or map of arrays, or a struct with `#[derive(Clone, Tree)]`",
    note = "return a value instead of a reference: `x.clone()` shares the memory of `x`",
    note = "return the value inside a `Result`: one trace serves many values, so an error cannot depend on them; \
            `try_call` returns errors of tracing, `checkify` errors that depend on values",
    note = "an `async` function cannot be traced: make it a plain function, and call the transformed one from async code"
)]
pub trait Returns<R> {
    /// The type `R`, which is a tree.
    type Out: Tree;
}

#[diagnostic::do_not_recommend]
impl<R: Tree> Returns<R> for () {
    type Out = R;
}

/// A function that can be called with these arguments. Its result type may depend on each lifetime in them.
pub(crate) trait Accepts<Args> {}

/// What an argument may refer to, whether or not it is a tree. A `&'static str` is itself a tree, and is passed by
/// value.
pub(crate) trait Referent {}
impl<A> Referent for A {}
impl<A> Referent for [A] {}

/// Argument lists whose argument at index `I` is passed as `F` takes it.
pub(crate) trait Takes<const I: usize, F> {}

/// Boxes `F`, a function of the arguments `P`.
pub(crate) trait Boxed<'f, P: Params, F, R> {
    fn boxed(f: F) -> Box<P::Dyn<'f, R>>;
}

/// The type of the argument at index `I`.
///
/// ```
/// use cotangent::{Array, Nth, Ref};
/// let second: <(Ref<Array>, Ref<f64>) as Nth<1>>::Value = 2.0;
/// assert_eq!(second, 2.0f64);
/// ```
#[diagnostic::on_unimplemented(
    message = "there is no argument {I} to differentiate with respect to",
    label = "needs a function with an argument {I}, counted from 0",
    note = "the arguments are `{Self}`; a captured value is a constant to `grad`: make it an argument"
)]
pub trait Nth<const I: usize>: Params {
    /// The type of the argument.
    type Value: Tree;
    /// Returns a reference to the argument.
    fn nth(args: Self::Refs<'_>) -> &Self::Value;
}

/// Expands to `()`, as a type that is resolved once all arguments are known.
macro_rules! once_known {
    () => { () };
    ($K:ident $($R:ident)*) => { <$K as Passing>::Then<once_known!($($R)*)> };
}

/// Expands to a call of `$f` with the values, each passed as its marker says.
macro_rules! passed {
    ($f:ident [$($done:ident)*]) => { $f($($done),*) };
    ($f:ident [$($done:ident)*] $K:ident $($R:ident)*) => {
        $K::pass($K, |$K| passed!($f [$($done)* $K] $($R)*))
    };
}

macro_rules! arity {
    ($($K:ident $k:lifetime $i:tt)*) => { arity!(@all ($($K,)*) $($K $k $i)*); };
    (@all $All:tt $($K:ident $k:lifetime $i:tt)*) => {
        #[allow(non_snake_case, reason = "a value has the name of its type")]
        #[allow(unused_variables, unused_mut, clippy::unused_unit, reason = "there may be no arguments")]
        impl<$($K: Argument),*> Params for $All {
            const ARITY: usize = <[usize]>::len(&[$($i),*]);
            type Values = ($($K::Value,)*);
            type Refs<'a> = ($(&'a $K::Value,)*);
            type Dyn<'f, R: 'f> = dyn for<$($k),*> Fn($($K::Passed<$k>),*) -> R + Send + Sync + 'f;

            fn wrap<'f, R: 'f>(f: impl for<'a> Fn(Self::Refs<'a>) -> R + Send + Sync + 'f) -> Box<Self::Dyn<'f, R>> {
                Box::new(move |$($K: $K::Passed<'_>),*| f(($($K::borrow(&$K),)*)))
            }
            fn wrap_consuming<'f, R: 'f, T>(
                prepare: impl for<'a> Fn(Self::Refs<'a>) -> T + Send + Sync + 'f,
                finish: impl Fn(T, Vec<Array>) -> R + Send + Sync + 'f,
            ) -> Box<Self::Dyn<'f, R>> {
                Box::new(move |$($K: $K::Passed<'_>),*| {
                    let prepared = prepare(($($K::borrow(&$K),)*));
                    let mut arrays = Vec::new();
                    $($K::consume($K, &mut arrays);)*
                    finish(prepared, arrays)
                })
            }
            fn owned() -> &'static [bool] {
                const { &[$($K::OWNED),*] }
            }
            fn call<'f, R: 'f>(f: &Self::Dyn<'f, R>, values: Self::Values) -> R {
                let ($($K,)*) = values;
                passed!(f [] $($K)*)
            }
            fn refs(values: &Self::Values) -> Self::Refs<'_> {
                let ($($K,)*) = values;
                ($($K,)*)
            }
            fn leaves<'a>(args: Self::Refs<'a>) -> (Leaves<'a>, InlineVec<usize, 4>) {
                let ($($K,)*) = args;
                let (mut leaves, mut counts) = (Leaves::new(), InlineVec::new());
                $(
                    let before = leaves.len();
                    $K.leaves(&mut leaves);
                    counts.push(leaves.len() - before);
                )*
                (leaves, counts)
            }
            fn rebuild(args: Self::Refs<'_>, leaves: &mut dyn Iterator<Item = Array>) -> Self::Values {
                let ($($K,)*) = args;
                ($($K.rebuild(leaves),)*)
            }
            fn same_structure(a: Self::Refs<'_>, b: Self::Refs<'_>) -> bool {
                true $(&& a.$i.same_structure(b.$i))*
            }
            fn same_each(a: Self::Refs<'_>, b: Self::Refs<'_>) -> Vec<bool> {
                vec![$(a.$i.same_structure(b.$i)),*]
            }
            fn paths(args: Self::Refs<'_>, path: &mut Path<'_>) {
                $(path.index($i, |path| args.$i.paths(path));)*
            }
        }

        impl<'f, F, R, $($K: Argument),*> Func<'f, $All> for F
        where
            F: Fn($($K::Passed<'static>),*) -> R + 'f,
            $($All: Takes<$i, F>,)*
            once_known!($($K)*): Returns<R> + Boxed<'f, $All, F, <once_known!($($K)*) as Returns<R>>::Out>,
        {
            type Out = <once_known!($($K)*) as Returns<R>>::Out;
            fn boxed(self) -> Box<<$All as Params>::Dyn<'f, Self::Out>> {
                <once_known!($($K)*) as Boxed<'f, $All, F, Self::Out>>::boxed(self)
            }
        }

        impl<F, R, $($K),*> Accepts<($($K,)*)> for F where F: Fn($($K),*) -> R {}

        impl<'f, F, R: 'f, $($K: Argument),*> Boxed<'f, $All, F, R> for ()
        where
            F: Send + Sync + 'f + for<$($k),*> Fn($($K::Passed<$k>),*) -> R,
        {
            fn boxed(f: F) -> Box<<$All as Params>::Dyn<'f, R>> {
                Box::new(f)
            }
        }

        arity!(@argument [] $($K $i)*);
    };
    (@argument [$($D:ident)*]) => {};
    (@argument [$($D:ident)*] $K:ident $i:tt $($R:ident $j:tt)*) => {
        impl<F, T: ?Sized + Referent + 'static, Out, $($D: Passing,)* $($R: Passing),*> Takes<$i, F> for ($($D,)* Ref<T>, $($R),*)
        where
            F: Fn($($D::Passed<'static>,)* &'static T, $($R::Passed<'static>),*) -> Out,
            F: for<'a> Accepts<($($D::Passed<'static>,)* &'a T, $($R::Passed<'static>),*)>,
        {
        }
        impl<F, T: Tree, Out, $($D: Passing,)* $($R: Passing),*> Takes<$i, F> for ($($D,)* Own<T>, $($R),*)
        where
            F: Fn($($D::Passed<'static>,)* T, $($R::Passed<'static>),*) -> Out,
        {
        }
        #[diagnostic::do_not_recommend]
        impl<$($D: Argument,)* $K: Argument, $($R: Argument),*> Nth<$i> for ($($D,)* $K, $($R),*) {
            type Value = $K::Value;
            fn nth(args: Self::Refs<'_>) -> &$K::Value {
                args.$i
            }
        }
        arity!(@argument [$($D)* $K] $($R $j)*);
    };
}

arity!();
arity!(A 'a 0);
arity!(A 'a 0 B 'b 1);
arity!(A 'a 0 B 'b 1 C 'c 2);
arity!(A 'a 0 B 'b 1 C 'c 2 D 'd 3);
arity!(A 'a 0 B 'b 1 C 'c 2 D 'd 3 E 'e 4);
arity!(A 'a 0 B 'b 1 C 'c 2 D 'd 3 E 'e 4 G 'g 5);
arity!(A 'a 0 B 'b 1 C 'c 2 D 'd 3 E 'e 4 G 'g 5 H 'h 6);
arity!(A 'a 0 B 'b 1 C 'c 2 D 'd 3 E 'e 4 G 'g 5 H 'h 6 I 'i 7);

/// The index of an argument, as a type.
///
/// ```
/// use cotangent::prelude::*;
/// let df = grad(|x: &Array, y: &Array| x * y).argnums(cotangent::Arg::<1>);
/// assert_eq!(df(&2.0.into(), &3.0.into()).item::<f32>(), 2.0);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Arg<const I: usize>;

/// The arguments that a gradient is taken with respect to: an [`Arg`] or a tuple of them, as [`args!`](crate::args)
/// writes it.
///
/// ```
/// use cotangent::{Arg, Argnums, Array, Ref};
/// assert_eq!(<Arg<1> as Argnums<(Ref<Array>, Ref<Array>)>>::positions(), [1]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name arguments",
    label = "arguments are named by `args!(0)` or `args!(0, 2)`, all of them by `AllArgs`"
)]
pub trait Argnums<P: Params>: Default + Send + Sync + 'static {
    /// The type of the gradient: the type of the argument, or a tuple of such types.
    type Grads: Tree;
    /// Returns the indices of the arguments.
    fn positions() -> Vec<usize>;
    /// Builds the gradient from its arrays.
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

/// All arguments. The gradient is a tuple with an element for each.
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
argnums!(I, J, K, L, M);
argnums!(I, J, K, L, M, N);
argnums!(I, J, K, L, M, N, O);
argnums!(I, J, K, L, M, N, O, Q);

/// Writes argument indices for `argnums`: `args!(0)`, `args!(0, 2)`.
#[macro_export]
macro_rules! args {
    ($i:literal) => { $crate::Arg::<$i> };
    ($($i:literal),+ $(,)?) => { ($($crate::Arg::<$i>,)+) };
}
