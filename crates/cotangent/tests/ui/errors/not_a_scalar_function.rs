use cotangent::prelude::*;

//~ a function that returns `(Array, Array, Array)` has no gradient
//~ must return an `Array` (one number), or a pair `(Array, auxiliary data)`
pub fn three() {
    let slope = grad(|x: &Array| (x.sin(), x.cos(), x.tan()));
}

//~ a function that returns `()` has no gradient
pub fn nothing() {
    let slope = value_and_grad(|x: &Array| {
        x.sin();
    });
}
