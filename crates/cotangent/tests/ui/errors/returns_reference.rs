use cotangent::prelude::*;

//~ a function that returns `&Array` cannot be transformed
//~ `x.clone()` shares the memory of `x`
pub fn identity() {
    let f = jit(|x: &Array| x);
}
