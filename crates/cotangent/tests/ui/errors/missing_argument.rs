use cotangent::prelude::*;

//~ there is no argument 2 to differentiate with respect to
//~ counted from 0
pub fn gradient() {
    let slope = grad(|x: &Array, y: &Array| x * y).argnums(args!(2));
}
