//! Traces a function once, stores it in a file, and embeds the file in a binary that runs it without the function.
//!
//! `cargo run -p cotangent --example ahead_of_time -- write` writes the file again.

use cotangent::prelude::*;
use cotangent::{Exported, Loaded};

/// The output of `write`: StableHLO text with the signature of the function.
static EXPORTED: &[u8] = include_bytes!("ahead_of_time.mlir");

/// Returns a damped oscillation and its derivative.
fn oscillation(parameters: &(Array, Array), t: &Array) -> (Array, Array) {
    let (damping, frequency) = parameters.clone();
    let y = move |t: &Array| (-(&damping * t)).exp() * (&frequency * t).cos();
    (y(t), vmap(grad(&y))(t))
}

fn main() -> Result<()> {
    let parameters = (Array::scalar(0.5f32), Array::scalar(2.0f32));
    let t = np::linspace(0.0, 3.0, 7);
    let function = jit(oscillation);
    if std::env::args().nth(1).as_deref() == Some("write") {
        let exported = function.lower((&parameters, &t))?.export()?;
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/ahead_of_time.mlir");
        std::fs::write(path, exported.to_string()).map_err(|e| Error::value(e.to_string()))?;
        println!("wrote {path}");
        return Ok(());
    }

    // The embedded program is checked, compiled for this machine, and run.
    let exported = Exported::parse(EXPORTED)?;
    println!("embedded: {}", exported.signature());
    let program = exported.compile()?;
    let (y, slope) = program.call_like(&(parameters.clone(), t.clone()), &(t.clone(), t.clone()))?;
    println!("t      {t}\ny      {y}\nslope  {slope}");

    // The function itself returns the same values.
    let (y2, slope2) = function(&parameters, &t);
    assert!(near(&y, &y2) && near(&slope, &slope2));

    // The function is compiled before the first call, and serialized for another process with the same plugin.
    let compiled = function.lower((&parameters, &t))?.compile()?;
    println!("memory {:?}", compiled.memory_analysis()?);
    let bytes = compiled.serialize()?;
    let again = Loaded::from_bytes(&bytes)?.call(&(parameters, t))?;
    assert!(near(&again[0], &y2));
    println!("{} bytes of machine code return the same", bytes.len());
    Ok(())
}

fn near(a: &Array, b: &Array) -> bool {
    a.to_vec::<f32>().iter().zip(b.to_vec::<f32>()).all(|(a, b)| (a - b).abs() < 1e-6)
}
