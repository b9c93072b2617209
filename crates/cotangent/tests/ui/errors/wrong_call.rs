use cotangent::prelude::*;

//~ expected `&Array`, found `Array`
pub fn by_value(x: Array) {
    let f = jit(|x: &Array| x.sin());
    f(x);
}

//~ this function takes 1 argument but 2 arguments were supplied
pub fn too_many(x: Array) {
    let f = jit(|x: &Array| x.sin());
    f(&x, &x);
}

//~ expected `&Array`, found `(&Array,)`
pub fn no_tuple(x: Array) {
    let (y, back) = vjp(|x: &Array| x.sin(), &x);
}
