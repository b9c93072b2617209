//! Four processes fit one model, each with a learning rate of its own, and agree on the best.
//!
//! `cargo run -p cotangent --example several_processes` starts all four on this host. On several hosts, each process is
//! started with the variables of `cotangent::distributed::initialize_from_env`, or by `srun` or `mpirun`.
//!
//! Only the losses are exchanged: every process computes on its own device.

use std::net::TcpListener;
use std::process::Command;

use cotangent::distributed;
use cotangent::prelude::*;

const RATES: [f64; 4] = [0.01, 0.1, 0.3, 0.9];

/// Returns the loss of a line on points of 2x − 1.
fn loss(line: &(Array, Array), x: &Array) -> Array {
    let (slope, offset) = line;
    (slope * x + offset - (2.0 * x - 1.0)).powi(2).mean()
}

fn main() -> Result<()> {
    if std::env::var_os("COTANGENT_COORDINATOR").is_none() && std::env::var_os("SLURM_PROCID").is_none() {
        return start_all();
    }
    distributed::initialize_from_env()?;
    let (id, count) = (distributed::process_index(), distributed::process_count());

    let rate = RATES[id % RATES.len()];
    let step = jit(move |line: &(Array, Array), x: &Array| {
        let (slope, offset) = grad(loss)(line, x);
        (&line.0 - rate * slope, &line.1 - rate * offset)
    });
    let x = np::linspace(-1.0, 1.0, 21);
    let mut line = (Array::scalar(0f32), Array::scalar(0f32));
    // The rate is a constant of the program, so the programs differ. The program of the loss is the same everywhere.
    distributed::assert_same("loss", &jit(loss).lower((&line, &x))?.stablehlo())?;
    for _ in 0..30 {
        line = step(&line, &x);
        distributed::check()?;
    }

    let mine = loss(&line, &x).item::<f32>();
    let all = distributed::exchange("losses", &mine.to_le_bytes())?;
    let losses: Vec<f32> =
        all.iter().filter_map(|bytes| Some(f32::from_le_bytes(bytes[..].try_into().ok()?))).collect();
    let best = (0..count).min_by(|a, b| losses[*a].total_cmp(&losses[*b])).unwrap_or_default();
    println!("process {id} of {count}: rate {rate}, loss {mine:.1e}; the best is process {best}");
    distributed::shutdown()
}

/// Starts this program once for each rate, and waits for all of them.
fn start_all() -> Result<()> {
    let failed = |error: std::io::Error| Error::value(error.to_string());
    // A port that is free at the moment.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(failed)?.port();
    let start = |id: usize| {
        Command::new(std::env::current_exe()?)
            .env("COTANGENT_COORDINATOR", format!("127.0.0.1:{port}"))
            .env("COTANGENT_PROCESSES", RATES.len().to_string())
            .env("COTANGENT_PROCESS_ID", id.to_string())
            .spawn()
    };
    let processes = (0..RATES.len()).map(start).collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
    for mut process in processes {
        let status = process.wait().map_err(failed)?;
        if !status.success() {
            return Err(Error::value(format!("a process failed: {status}")));
        }
    }
    Ok(())
}
