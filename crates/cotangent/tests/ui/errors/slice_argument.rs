use cotangent::prelude::*;

//~ `[Array]` is not a tree of arrays
//~ `&Vec<Array>` instead of `&[Array]`
pub fn layers() {
    let f = jit(|layers: &[Array]| layers[0].sin());
}
