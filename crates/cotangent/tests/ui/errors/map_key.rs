use cotangent::prelude::*;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    First,
}

//~ `Place` cannot be the key of a map in a tree
//~ implement `Display`
pub fn keyed() {
    let f = jit(|m: &std::collections::BTreeMap<Place, Array>| m[&Place::First].sin());
}
