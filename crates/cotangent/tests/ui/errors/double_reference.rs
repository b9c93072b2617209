use cotangent::prelude::*;

//~ `&Array` is not a tree of arrays
//~ `&Array` instead of `&&Array`
pub fn closure() {
    let f = jit(|x: &&Array| x.sin());
}
