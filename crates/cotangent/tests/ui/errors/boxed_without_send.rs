use cotangent::prelude::*;

//~ cannot be sent between threads safely
//~ cannot be shared between threads safely
pub fn boxed(f: Box<dyn Fn(&Array) -> Array>) {
    let slope = grad(f);
}

//~ consider further restricting type parameter `F` with trait `Send`
//~ consider further restricting type parameter `F` with trait `Sync`
pub fn generic<F: Fn(&Array) -> Array>(f: F) {
    let slope = grad(f);
}

//~ `Rc<f64>` cannot be sent between threads safely
pub fn counted() {
    let scale = std::rc::Rc::new(2.0);
    let f = jit(move |x: &Array| x * *scale);
}
