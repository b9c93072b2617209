use cotangent::prelude::*;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    First,
}

//~ `Layer` cannot be the key of a map in a tree
//~ implement `Display`
pub fn keyed() {
    let f = jit(|m: &std::collections::BTreeMap<Layer, Array>| m[&Layer::First].sin());
}
