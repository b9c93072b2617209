//! Definitions of optimizers with optional arguments.

/// Defines a struct of options, the function that makes it from the required arguments, and a method for each option.
/// An option of the second list is absent by default.
macro_rules! options {
    (
        $(#[$doc:meta])*
        $function:ident $Name:ident($($(#[$required_doc:meta])* $required:ident: $R:ty),* $(,)?)
        { $($(#[$option_doc:meta])* $option:ident: $T:ty = $default:expr;)* }
        $({ $($(#[$optional_doc:meta])* $optional:ident: $O:ty;)* })?
    ) => {
        #[doc = concat!("What [`", stringify!($function), "`] returns: an optimizer with options to set.")]
        #[derive(Clone, Debug)]
        #[must_use = "an optimizer does nothing until it is applied"]
        pub struct $Name {
            $(pub(super) $required: $R,)*
            $(pub(super) $option: $T,)*
            $($(pub(super) $optional: Option<$O>,)*)?
        }

        $(#[$doc])*
        #[allow(clippy::useless_conversion, reason = "some defaults have the type of their field")]
        pub fn $function($($required: impl Into<$R>),*) -> $Name {
            $Name {
                $($required: $required.into(),)*
                $($option: $default.into(),)*
                $($($optional: None,)*)?
            }
        }

        impl $Name {
            $(
                $(#[$option_doc])*
                #[doc = concat!("\n\nThe default is `", stringify!($default), "`.")]
                pub fn $option(mut self, $option: impl Into<$T>) -> Self {
                    self.$option = $option.into();
                    self
                }
            )*
            $($(
                $(#[$optional_doc])*
                pub fn $optional(mut self, $optional: impl Into<$O>) -> Self {
                    self.$optional = Some($optional.into());
                    self
                }
            )*)?
        }
    };
}

/// Defines an optimizer that is a chain of others: options, as in [`options!`], and the chain.
macro_rules! alias {
    (
        $(#[$doc:meta])*
        $function:ident $Name:ident($($required:tt)*)
        { $($options:tt)* }
        $({ $($optional:tt)* })?
        $Chain:ty: |$o:ident| $chain:expr
    ) => {
        options! {
            $(#[$doc])*
            $function $Name($($required)*) { $($options)* } $({ $($optional)* })?
        }

        impl Optimizer for $Name {
            type State = <$Chain as Optimizer>::State;

            fn start(&self, params: &PerLeaf) -> Self::State {
                let $o = self;
                let chain: $Chain = $chain;
                chain.start(params)
            }

            fn advance(&self, updates: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
                let $o = self;
                let chain: $Chain = $chain;
                chain.advance(updates, state, cx)
            }

            fn stored(&self, state: &Self::State) -> Option<(Array, PerLeaf)> {
                let $o = self;
                let chain: $Chain = $chain;
                chain.stored(state)
            }
        }
    };
}

pub(super) use {alias, options};
