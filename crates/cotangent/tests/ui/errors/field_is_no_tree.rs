use cotangent::prelude::*;

pub struct Config {
    rate: f64,
}

//~ `Rc<f64>` is not a tree of arrays
//~ `#[tree(static)]`
#[derive(Clone, Tree)]
pub struct Model {
    weight: Array,
    config: std::rc::Rc<f64>,
}
