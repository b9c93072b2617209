//! What the structs that transforms return have in common: they are called like functions and can be transformed again.

/// Implements calls, through `Deref`, and `Debug` for a struct that holds a function in the field `call`. The arguments
/// are the generic parameters, the struct, the lifetime of its function, and the result type.
macro_rules! callable {
    (
        impl[$($generic:tt)*] $T:ty: $life:lifetime -> $Out:ty $(where [$($bound:tt)*])?;
        |$this:ident, $f:ident| $debug:expr
    ) => {
        impl<$($generic)*> std::ops::Deref for $T $(where $($bound)*)? {
            type Target = P::Dyn<$life, $Out>;
            fn deref(&self) -> &Self::Target {
                &self.call
            }
        }

        impl<$($generic)*> std::fmt::Debug for $T $(where $($bound)*)? {
            fn fmt(&self, $f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let $this = self;
                $debug
            }
        }
    };
}

/// Expands to [`callable`] and to an implementation of [`Func`](super::func::Func), so that the struct can be
/// transformed again.
macro_rules! transformable {
    (
        impl[$($generic:tt)*] $T:ty: $life:lifetime -> $Out:ty $(where [$($bound:tt)*])?;
        |$this:ident, $f:ident| $debug:expr
    ) => {
        crate::api::callable::callable! {
            impl[$($generic)*] $T: $life -> $Out $(where [$($bound)*])?;
            |$this, $f| $debug
        }

        #[diagnostic::do_not_recommend]
        impl<$($generic)*> crate::api::func::Func<$life, P> for $T
        where
            Self: $life,
            $($($bound)*)?
        {
            type Out = $Out;
            fn boxed(self) -> Box<P::Dyn<$life, $Out>> {
                self.call
            }
        }
    };
}

pub(crate) use {callable, transformable};
