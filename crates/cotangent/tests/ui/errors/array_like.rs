use cotangent::prelude::*;

//~ for a list of floats, choose the type
pub fn floats(x: &Array) {
    let y = np::dot(x, [0.5, 0.25]);
}

//~ collect an iterator with `.collect::<Vec<_>>()`
pub fn list(x: &Array) {
    let y = np::concatenate([0.5, 0.25].iter(), 0);
}

//~ elements cannot be read as `String`
pub fn element(x: &Array) {
    let y: String = x.item();
}
