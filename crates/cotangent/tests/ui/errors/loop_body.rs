use cotangent::prelude::*;

//~ expected `Array`, found `(Array, Array)`
pub fn changes_type(x: Array) -> Array {
    lax::fori_loop(0, 3, |_: &Array, x: &Array| (x.sin(), x.cos()), x)
}

//~ is not a body for this loop
//~ the body must be an `Fn` that takes `(Array,)`
pub fn other_argument(x: Array) -> Array {
    lax::while_loop(|x: &Array| x.less(1.0), |x: &(Array, Array)| &x.0 + 1.0, x)
}

//~ but it returns `Array`
pub fn scan_of_one(x: Array, xs: &Array) -> (Array, Array) {
    lax::scan(|carry: &Array, x: &Array| carry + x, x, xs)
}

//~ cannot assign to `steps`
pub fn changes_capture(x: Array) -> Array {
    let mut steps = 0;
    lax::fori_loop(
        0,
        3,
        |_: &Array, x: &Array| {
            steps += 1;
            x.sin()
        },
        x,
    )
}
