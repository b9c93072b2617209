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
    /// A file of compiled programs, which is loaded, so that nothing is compiled. It is written if there is none, or if it was
    /// made for another model, processor or version.
    #[arg(long)]
    compiled: Option<PathBuf>,
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
    /// The longest time in milliseconds that the head of a request, and then its body, may take to arrive.
    #[arg(long, default_value_t = 10_000)]
    read: u64,
    /// The longest time in milliseconds that a shutdown waits for connections.
    #[arg(long, default_value_t = 10_000)]
    shutdown: u64,
}

fn model(options: &Options) -> Result<Model> {
    let artifact = std::fs::read(&options.model).with_context(|| format!("reading {}", options.model.display()))?;
    if let Some(bytes) = options.compiled.as_ref().and_then(|file| std::fs::read(file).ok()) {
        match Model::load_compiled(&bytes, &artifact, &options.batch) {
            Ok(model) => return Ok(model),
            Err(error) => eprintln!("the programs are compiled again: {error}"),
        }
    }
    let model = Model::load(&artifact, &options.batch)?;
    if let Some(file) = &options.compiled {
        // It appears complete or not at all.
        let part = file.with_extension("part");
        std::fs::write(&part, model.serialize(&artifact)?)
            .and_then(|()| std::fs::rename(&part, file))
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(model)
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let model = Arc::new(model(&options)?);
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
    let (read, shutdown) = (Duration::from_millis(options.read), Duration::from_millis(options.shutdown));
    Server { model, limits, body: options.body, read, shutdown }.run(listener, stop).await
}
