use cotangent::prelude::*;

//~ use of moved value: `x`
pub fn used_again(x: Array) -> Array {
    let step = jit(|x: Array| x.sin());
    let y = step(x);
    x + y
}
