use cotangent::prelude::*;

//~ `{float}` is not a shape
pub fn float() {
    let x = np::zeros(2.0);
}

//~ Neg` is not
pub fn negative() {
    let x = np::zeros([2, -1]);
}

//~ `(i32, {integer})` is not a shape
//~ convert other integers with `as usize`
pub fn narrow(n: i32) {
    let x = np::ones((n, 3));
}

//~ `{float}` is not the size of a dimension
pub fn reshaped(x: &Array) {
    let y = x.reshape((2.0, 3));
}
