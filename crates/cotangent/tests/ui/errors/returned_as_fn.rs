use cotangent::prelude::*;

//~ found `Jit<
pub fn compiled() -> impl Fn(&Array) -> Array {
    jit(|x: &Array| x.sin())
}
