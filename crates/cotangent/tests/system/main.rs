//! Around the transforms: what programs look like, programs ahead of time, functions of this process in them, NaN
//! search and checks, and what is said of mistakes.

mod aot;
mod callbacks;
mod checks;
mod errors;
mod ir;
mod notebook;
mod outside;
