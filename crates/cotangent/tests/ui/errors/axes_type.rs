use cotangent::prelude::*;

//~ `{float}` does not name axes
pub fn float(x: &Array) {
    let y = np::sum_axis(x, 0.0);
}

//~ does not name axes
//~ NumPy's `axis=None` is `()`
pub fn option(x: &Array) {
    let y = np::mean_axis(x, None);
}

//~ `usize` does not specify axes
//~ other integers: `axis as i32`
pub fn mapped() {
    let f = vmap(|x: &Array| x.sin()).in_axes(0usize);
}

//~ `&str` does not specify axes
pub fn mapped_name() {
    let f = vmap(|x: &Array, y: &Array| x * y).in_axes(("x", None));
}
