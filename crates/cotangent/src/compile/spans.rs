//! Spans and events: of the crate `tracing`, behind the feature `tracing`, and of profiles. Without the feature and
//! without a profile, a span costs a look at a flag, and an event nothing.

/// Enters a span and returns a guard that leaves the span when dropped.
#[cfg(feature = "tracing")]
macro_rules! span {
    ($level:ident, $name:literal $(, $field:ident = $value:expr)* $(,)?) => {(
        tracing::span!(target: "cotangent", tracing::Level::$level, $name $(, $field = $value)*).entered(),
        $crate::compile::record::going(|| $name, || vec![$((stringify!($field), $value.to_string())),*]),
    )};
}

#[cfg(not(feature = "tracing"))]
macro_rules! span {
    ($level:ident, $name:literal $(, $field:ident = $value:expr)* $(,)?) => {
        $crate::compile::record::going(|| $name, || vec![$((stringify!($field), $value.to_string())),*])
    };
}

/// Emits an event.
#[cfg(feature = "tracing")]
macro_rules! event {
    ($level:ident, $message:literal $(, $field:ident = $value:expr)* $(,)?) => {
        tracing::event!(target: "cotangent", tracing::Level::$level, $($field = $value,)* $message)
    };
}

#[cfg(not(feature = "tracing"))]
macro_rules! event {
    ($level:ident, $message:literal $(, $field:ident = $value:expr)* $(,)?) => {{
        $( let _ = || $value; )*
    }};
}

/// The guard that [`span!`] returns.
#[cfg(feature = "tracing")]
pub(crate) type Span = (tracing::span::EnteredSpan, crate::compile::record::Going);

#[cfg(not(feature = "tracing"))]
pub(crate) type Span = crate::compile::record::Going;

pub(crate) use {event, span};
