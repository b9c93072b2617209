use cotangent::prelude::*;

//~ there is no argument 0 to differentiate with respect to
//~ make it an argument
pub fn gradient() {
    let x = Array::from(2.0);
    let slope = grad(|| x.powi(2));
}

//~ there is no argument 0 to differentiate with respect to
pub fn jacobian() {
    let x = Array::from(2.0);
    let slopes = jacfwd(|| x.powi(2));
}
