use cotangent::prelude::*;

async fn model(x: &Array) -> Array {
    x.sin()
}

//~ a function that returns `impl Future<Output = Array>` cannot be transformed
//~ an `async` function cannot be traced: make it a plain function
pub fn function() {
    let f = jit(model);
}

//~ an `async` function cannot be traced: make it a plain function
pub fn closure() {
    let f = jit(async |x: &Array| x.sin());
}
