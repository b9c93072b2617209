//! The count of the memory that arrays hold. This test is alone in its process, so the numbers are exact.

use cotangent_xla::{Argument, ArrayShape, Client, CompileOptions, ElementType};

#[test]
fn the_memory_of_arrays_is_counted() {
    let client = Client::cpu().unwrap();
    let shape = ArrayShape::new(ElementType::F32, [1000]);
    let text = "func.func @main(%a: tensor<1000xf32> {tf.aliasing_output = 0 : i32}) -> tensor<1000xf32> {
        %0 = stablehlo.add %a, %a : tensor<1000xf32>
        return %0 : tensor<1000xf32> }";
    let program = client.compile(text, std::slice::from_ref(&shape), &CompileOptions::default()).unwrap();
    assert_eq!(client.held_bytes(), 0);
    let first = client.buffer_from_host(&[0; 4000], &shape).unwrap();
    let second = client.buffer_from_owner(vec![0; 4000], &shape).unwrap();
    assert_eq!(client.held_bytes(), 8000);
    let results = program.execute(&[&first]).unwrap();
    assert_eq!(client.held_bytes(), 12_000);
    drop(second);
    drop(results);
    assert_eq!(client.held_bytes(), 4000);
    // The memory of a donated argument becomes that of the result.
    let results = program.execute_with(vec![Argument::Donate(first)]).unwrap();
    assert_eq!(client.held_bytes(), 4000);
    drop(results);
    assert_eq!(client.held_bytes(), 0);
}
