//! The cost per equation of tracing, transforming, lowering and compiling.

use cotangent::prelude::*;

use crate::{Bench, Case, on_device, ready};

const EQUATION: &str = "equation";

macro_rules! chains {
    ($($kind:ident $about:literal: $($n:literal $name:literal $($slow:ident)?),*;)*) => {
        &[$($(
            Case::new($name, concat!($about, " a chain of ", $n, " equations"), EQUATION, || $kind($n))$(.$slow())?
        ),*),*]
    };
}

pub(crate) const CASES: &[Case] = chains! {
    trace "tracing": 100 "trace/100", 1_000 "trace/1000", 10_000 "trace/10000", 100_000 "trace/100000" slow;
    gradient "tracing the gradient of":
        100 "grad/100", 1_000 "grad/1000", 10_000 "grad/10000", 100_000 "grad/100000" slow;
    batch "tracing the vmap of": 100 "vmap/100", 1_000 "vmap/1000", 10_000 "vmap/10000", 100_000 "vmap/100000" slow;
    lower "lowering": 100 "lower/100", 1_000 "lower/1000", 10_000 "lower/10000", 100_000 "lower/100000" slow;
    compile "the first call, mostly compilation, of":
        100 "compile/100" slow, 1_000 "compile/1000" slow, 10_000 "compile/10000" slow;
};

/// A chain of `n` equations. Each `factor` makes a different program.
fn chain(n: usize, factor: f64) -> impl Fn(&Array) -> Array + Copy {
    move |x| (0..n).fold(x.clone(), |x, i| if i % 2 == 0 { x.sin() } else { x * factor })
}

fn trace(n: usize) -> Bench {
    let (x, trace) = (Array::scalar(0.5f32), make_jaxpr(chain(n, 1.5)));
    Bench::of(move || trace(&x)).units(n)
}

fn gradient(n: usize) -> Bench {
    let (x, trace) = (Array::scalar(0.5f32), make_jaxpr(grad(chain(n, 1.5))));
    Bench::of(move || trace(&x)).units(n)
}

fn batch(n: usize) -> Bench {
    let (x, trace) = (Array::from(vec![0.5f32; 4]), make_jaxpr(vmap(chain(n, 1.5))));
    Bench::of(move || trace(&x)).units(n)
}

fn lower(n: usize) -> Bench {
    let lowered = jit(chain(n, 1.5)).lower((&Array::scalar(0.5f32),)).expect("it traces");
    Bench::of(move || lowered.stablehlo()).units(n)
}

fn compile(n: usize) -> Bench {
    let x = on_device(0.5);
    let check = vec![chain(10, 1.5)(&x).item()];
    let mut programs = 0;
    let fresh = move || {
        programs += 1;
        jit(chain(n, 1.5 + f64::from(programs) / 1024.0))
    };
    Bench::prepared(fresh, move |f| ready(f(&x))).units(n).check(check)
}
