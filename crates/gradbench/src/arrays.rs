//! Array helpers that several evals share.

use cotangent::{Tree, lax, prelude::*};

use crate::task::leaves;

/// The slices along the leading axis, whose length is `N`.
pub(crate) fn rows<const N: usize>(x: &Array) -> [Array; N] {
    assert_eq!(x.shape()[0], N, "the number of rows");
    std::array::from_fn(|i| x.at(i as i32).get())
}

/// Computes `f` for blocks of `size` elements of `xs`, and writes the results one after another into `results`, from
/// the start.
///
/// In this way the intermediate values stay in the cache. Elements lie along the leading axis of each array in `xs`;
/// for each element, `f` returns the same number of rows. If the size does not divide the number of elements, the last
/// block begins earlier, and the elements it shares with the block before are computed twice.
pub(crate) fn fill<X: Tree, Y: Tree>(results: Y, xs: &X, size: usize, f: impl Fn(&X) -> Y) -> Y {
    let count = leaves(xs)[0].shape()[0];
    let size = size.min(count);
    let block = |i: &Array, results: &Y| {
        let first = (i * size as i32).minimum((count - size) as i32);
        let xs = xs.map(|x| lax::dynamic_slice_in_dim(x, &first, size, 0));
        results.zip(&f(&xs), |whole, part| {
            let rows = part.shape()[0] / size;
            lax::dynamic_update_slice_in_dim(whole, part, &first * rows as i32, 0)
        })
    };
    lax::fori_loop(0, count.div_ceil(size) as i32, block, results)
}
