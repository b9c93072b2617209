//! Spans and events of the crate `tracing`, with the feature of that name. Without it these macros expand to nothing that
//! runs.

/// Enters a span; the value leaves it when it is dropped.
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
        $crate::compile::spans::Off
    }};
}

/// Says that something happened.
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

/// The span of a build without the feature.
#[cfg(not(feature = "tracing"))]
pub(crate) struct Off;

pub(crate) use {event, span};
