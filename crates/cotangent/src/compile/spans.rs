//! Spans and events of the crate `tracing`, behind the feature `tracing`. Without the feature, these macros expand to
//! nothing at run time.

/// Enters a span and returns a guard that leaves the span when dropped.
#[cfg(feature = "tracing")]
macro_rules! span {
    ($level:ident, $name:literal $(, $field:ident = $value:expr)* $(,)?) => {
        tracing::span!(target: "cotangent", tracing::Level::$level, $name $(, $field = $value)*).entered()
    };
}

#[cfg(not(feature = "tracing"))]
macro_rules! span {
    ($level:ident, $name:literal $(, $field:ident = $value:expr)* $(,)?) => {{
        $( let _ = || $value; )*
        $crate::compile::spans::Span
    }};
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
pub(crate) type Span = tracing::span::EnteredSpan;

#[cfg(not(feature = "tracing"))]
pub(crate) struct Span;

pub(crate) use {event, span};
