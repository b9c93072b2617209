use cotangent::prelude::*;

type A<'a> = &'a Array;

//~ cannot be transformed
//~ up to eight arguments
//~ group more arguments into a tuple or a struct
pub fn nine() {
    let f = jit(|a: A, b: A, c: A, d: A, e: A, f: A, g: A, h: A, i: A| a + b + c + d + e + f + g + h + i);
}
