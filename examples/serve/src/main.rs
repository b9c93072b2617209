//! Serves a function of one array that `jax.export` wrote.
//!
//! ```text
//! cargo run --release -p serve -- examples/serve/model.jax
//! curl -d '{"input": [0.1, 0.2, …]}' localhost:8000/predict
//! ```

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use serve::{Limits, Model, Server};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves a function of one array that `jax.export` wrote.
#[derive(Parser)]
struct Options {
    /// The file.
    model: PathBuf,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// The sizes of batches that are compiled.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32")]
    batch: Vec<usize>,
    /// The longest time in microseconds that a request waits for others.
    #[arg(long, default_value_t = 1000)]
    wait: u64,
    /// The most requests that wait for the model.
    #[arg(long, default_value_t = 1024)]
    queue: usize,
    /// The largest body of a request, in bytes.
    #[arg(long, default_value_t = 1 << 20)]
    body: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let artifact = std::fs::read(&options.model).with_context(|| format!("reading {}", options.model.display()))?;
    let model = Arc::new(Model::load(&artifact, &options.batch)?);
    let listener = TcpListener::bind(options.listen).await?;
    eprintln!("f32{:?} -> f32{:?} on http://{}", model.takes, model.returns, listener.local_addr()?);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let limits = Limits { queue: options.queue, wait: Duration::from_micros(options.wait) };
    Server { model, limits, body: options.body }.run(listener, stop).await
}
