use cotangent::prelude::*;

//~ this closure only implements `FnMut`
pub fn counts() {
    let mut calls = 0;
    let f = jit(|x: &Array| {
        calls += 1;
        x.sin()
    });
}

//~ cannot be transformed
//~ an `FnMut` cannot be transformed: return what it changes as a result
pub fn bound(f: impl FnMut(&Array) -> Array + Send + Sync) {
    let f = jit(f);
}
