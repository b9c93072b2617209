//! Large results reuse memory. This test is alone in its process, so the counts are its own.

use cotangent_xla::{ArrayShape, Client, CompileOptions, ElementType};

/// The pages that the system has given to this process so far.
#[cfg(target_os = "linux")]
fn faults() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name, which may hold anything, the eighth field.
    text.rsplit(") ").next().unwrap().split(' ').nth(7).unwrap().parse().unwrap()
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn large_results_reuse_memory() {
    let client = Client::cpu().unwrap();
    let shape = ArrayShape::new(ElementType::F32, [0; 0]);
    let text = "func.func @main(%a: tensor<f32>) -> tensor<2097152xf32> {
        %0 = stablehlo.broadcast_in_dim %a, dims = [] : (tensor<f32>) -> tensor<2097152xf32>
        return %0 : tensor<2097152xf32> }";
    let program = client.compile(text, std::slice::from_ref(&shape), &CompileOptions::default()).unwrap();
    let x = client.buffer_from_host(&[0; 4], &shape).unwrap();
    let call = || drop(program.execute(&[&x]).unwrap());
    (0..4).for_each(|_| call());
    let before = faults();
    (0..16).for_each(|_| call());
    let pages = (faults() - before) / 16;
    // The result has 2,048 pages.
    assert!(pages < 512, "{pages} new pages for each call");
}
