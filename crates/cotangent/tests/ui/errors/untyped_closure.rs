use cotangent::prelude::*;

//~ type annotations needed
//~ consider giving this closure parameter an explicit type
pub fn scalar_first() {
    let slope = grad(|x| 3.0 * x);
}

//~ type annotations needed
//~ consider giving this closure parameter an explicit type
pub fn method() {
    let f = jit(|x| x.sin());
}

//~ consider giving this closure parameter an explicit type
pub fn second_argument() {
    let f = jit(|x: &Array, y| x + y);
}
