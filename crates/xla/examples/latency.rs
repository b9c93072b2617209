//! Measures the cost of this crate's calls: `cargo run --release -p cotangent-xla --example latency`.

use std::time::{Duration, Instant};

use cotangent_xla::plugin::{self, Platform};
use cotangent_xla::{ArrayShape, Buffer, Client, CompileOptions, ElementType, Executable, Plugin, Result};

/// Prints the minimum, the median and the 90th percentile of `rounds` batches of `f`. On a machine that does other work
/// as well, only the minimum is worth comparing.
fn measure(what: &str, rounds: usize, batch: u32, mut f: impl FnMut()) {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..batch {
                f();
            }
            start.elapsed() / batch
        })
        .collect();
    times.sort();
    let us = |t: Duration| t.as_secs_f64() * 1e6;
    println!("{what:<40} {:>10.2} {:>10.2} {:>10.2}", us(times[0]), us(times[rounds / 2]), us(times[rounds * 9 / 10]));
}

fn compile(client: &Client, n: usize) -> Result<Executable> {
    let params: Vec<_> = (0..n).map(|i| format!("%a{i}: tensor<f32>")).collect();
    let text = format!(
        "func.func @main({}) -> tensor<f32> {{
           %0 = stablehlo.add %a0, %a1 : tensor<f32>
           return %0 : tensor<f32>
         }}",
        params.join(", ")
    );
    let scalar = ArrayShape::scalar(ElementType::F32);
    client.compile(&text, &vec![scalar; n], &CompileOptions::default())
}

fn main() -> Result<()> {
    let start = Instant::now();
    let location = plugin::locate(Platform::Cpu)?;
    let located = start.elapsed();
    let plugin = Plugin::load_location(&location)?;
    let loaded = start.elapsed();
    let client = Client::cpu_at(&location)?;
    let opened = start.elapsed();
    println!("{} (PJRT {}.{})", location.path.display(), plugin.api_version().0, plugin.api_version().1);
    println!(
        "locate {:?}, load {:?}, client {:?}; {} device(s)",
        located,
        loaded - located,
        opened - loaded,
        client.devices().len()
    );

    println!("{:<40} {:>10} {:>10} {:>10}", "", "least µs", "median µs", "p90 µs");
    let scalar = ArrayShape::scalar(ElementType::F32);
    let add = compile(&client, 2)?;
    let x = client.buffer_from_host(&1f32.to_ne_bytes(), &scalar)?;
    measure("execute a + b, wait, drop", 2000, 50, || {
        let out = add.execute(&[&x, &x]).unwrap();
        out[0].wait().unwrap();
    });
    for n in [10, 100, 1000] {
        let many = compile(&client, n)?;
        let args: Vec<&Buffer> = vec![&x; n];
        measure(&format!("the same with {n} arguments"), 500, 10, || {
            let out = many.execute(&args).unwrap();
            out[0].wait().unwrap();
        });
    }
    measure("scalar in, copied", 1000, 50, || {
        client.buffer_from_host(&1f32.to_ne_bytes(), &scalar).unwrap();
    });
    #[repr(align(64))]
    struct Aligned([u8; 4]);
    impl AsRef<[u8]> for Aligned {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    measure("scalar in, owned", 1000, 50, || {
        client.buffer_from_owner(Aligned(1f32.to_ne_bytes()), &scalar).unwrap();
    });
    let out = add.execute(&[&x, &x])?;
    let mut dst = [0; 4];
    measure("scalar out", 1000, 50, || out[0].read_into(&mut dst).unwrap());
    measure("scalar in, execute, out", 1000, 50, || {
        let x = client.buffer_from_host(&1f32.to_ne_bytes(), &scalar).unwrap();
        let out = add.execute(&[&x, &x]).unwrap();
        out[0].read_into(&mut dst).unwrap();
    });
    let big = ArrayShape::new(ElementType::F32, [16 << 20]);
    let bytes = vec![0u8; 64 << 20];
    measure("64 MiB in, copied", 10, 1, || {
        client.buffer_from_host(&bytes, &big).unwrap();
    });
    measure("compile a + b", 20, 1, || {
        compile(&client, 2).unwrap();
    });
    let bytes = add.serialize()?;
    let params = [scalar.clone(), scalar];
    measure("load serialized a + b", 50, 1, || {
        client.deserialize(&bytes, &params).unwrap();
    });
    measure("optimized HLO of a + b as text", 50, 1, || {
        add.optimized_hlo().unwrap();
    });
    Ok(())
}
