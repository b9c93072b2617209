use cotangent::prelude::*;

//~ `Array` cannot be transformed
//~ it must be an `Fn` with up to eight arguments
pub fn value(x: &Array) {
    let slope = grad(x.sin());
}
