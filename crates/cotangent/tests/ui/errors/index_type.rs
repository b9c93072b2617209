use cotangent::prelude::*;

//~ `{float}` is not an index
pub fn float(x: &Array) {
    let y = x.at(1.5).get();
}

//~ `&str` is not a part of an index
pub fn part(x: &Array) {
    let y = x.at((0, "last")).get();
}

//~ `{float}` is not a range of indices
pub fn slice(x: &Array) {
    let y = x.at(s![0.5]).get();
}

//~ an array cannot be indexed with brackets
//~ write `x.at(…).get()`
pub fn brackets(x: &Array) {
    let y = x[0].sin();
}
