use cotangent::prelude::*;

pub struct Model {
    weight: Array,
}

//~ Model` is not a tree of arrays
//~ add `#[derive(Clone, Tree)]` to a struct or enum of your own
pub fn by_reference() {
    let loss = grad(|model: &Model, x: &Array| (&model.weight * x).sum());
}

//~ cannot be transformed
//~ a struct with `#[derive(Clone, Tree)]`
pub fn by_value() {
    let step = jit(|model: Model| model.weight.sum());
}

//~ Model` cannot be transformed
//~ a struct with `#[derive(Clone, Tree)]`
pub fn returned() {
    let step = jit(|x: &Array| Model { weight: x.clone() });
}
