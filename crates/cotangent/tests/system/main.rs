//! Tests of everything around the transforms: programs as text, ahead-of-time compilation, callbacks, NaN search and
//! checks, and error messages.

mod aot;
mod book;
mod callbacks;
mod checks;
mod cross;
mod devices;
mod errors;
mod ffi;
mod ir;
mod modes;
mod named;
mod notebook;
mod outside;
mod precision;
mod profiler;
