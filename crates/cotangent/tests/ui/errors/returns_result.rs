use cotangent::prelude::*;

//~ Result<Array, Error>` cannot be transformed
//~ `try_call` returns errors of tracing
pub fn fallible() {
    let f = jit(|x: &Array| -> Result<Array> { Ok(x.sin()) });
}

//~ Result<Array, Error>` has no gradient
//~ `try_call` on the transformed function returns errors
pub fn objective() {
    let slope = grad(|x: &Array| -> Result<Array> { Ok(x.sin()) });
}
