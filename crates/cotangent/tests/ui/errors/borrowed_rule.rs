use cotangent::prelude::*;

//~ `move` keyword
pub fn rule(scale: &Array) {
    let f = custom_jvp(|x: &Array| x * scale);
}
