use cotangent::prelude::*;

//~ cannot multiply `f32` by `&Array`
pub fn narrow_first(x: &Array) -> Array {
    2.0f32 * x
}

//~ cannot add `&Array` to `usize`
pub fn count_first(x: &Array, n: usize) -> Array {
    n + x
}

//~ `Vec<{float}>` is not an operand for an array
//~ convert a list with `np::array(list)`
pub fn list(x: Array) -> Array {
    x + vec![1.0, 2.0]
}

//~ `&str` is not an array or a number
pub fn assigned(mut x: Array) -> Array {
    x += "1";
    x
}
