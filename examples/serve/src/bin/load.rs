//! Sends requests to a server over several connections, each of which waits for its answer, and prints the latencies as JSON.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends the same request over and over.
#[derive(Parser)]
struct Options {
    /// The server.
    server: SocketAddr,
    /// The body of the request.
    body: String,
    /// How many connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// For how many seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let request = format!(
        "POST /predict HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        options.server,
        options.body.len(),
        options.body
    );
    let end = Instant::now() + Duration::from_secs_f64(options.seconds);
    // One thread, so that two cores are left to share with the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut times = runtime.block_on(async {
        let tasks: Vec<_> = (0..options.connections)
            .map(|_| tokio::spawn(connection(options.server, request.clone().into_bytes(), end)))
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await??);
        }
        anyhow::Ok(all)
    })?;
    times.sort_unstable();
    if times.is_empty() {
        bail!("no answer");
    }
    let at = |q: f64| times[((times.len() - 1) as f64 * q) as usize] as f64 / 1e6;
    let summary = serde_json::json!({
        "requests": times.len(),
        "per_second": times.len() as f64 / options.seconds,
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "max_ms": at(1.0),
    });
    println!("{summary}");
    Ok(())
}

/// The nanoseconds that each answer took.
async fn connection(server: SocketAddr, request: Vec<u8>, end: Instant) -> Result<Vec<u64>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let (mut times, mut answer) = (Vec::new(), Vec::new());
    while Instant::now() < end {
        let start = Instant::now();
        stream.write_all(&request).await?;
        answer.clear();
        loop {
            if stream.read_buf(&mut answer).await? == 0 {
                bail!("the connection was closed");
            }
            if complete(&answer)? {
                break;
            }
        }
        times.push(start.elapsed().as_nanos() as u64);
    }
    Ok(times)
}

/// Whether an answer has come with its body, which must be good.
fn complete(answer: &[u8]) -> Result<bool> {
    let Some(head) = answer.windows(4).position(|w| w == b"\r\n\r\n") else { return Ok(false) };
    let text = std::str::from_utf8(&answer[..head])?.to_ascii_lowercase();
    if !text.starts_with("http/1.1 200") {
        bail!("{}", String::from_utf8_lossy(answer));
    }
    let length =
        text.split("content-length:").nth(1).and_then(|rest| rest.lines().next()?.trim().parse::<usize>().ok());
    match length {
        Some(length) => Ok(answer.len() >= head + 4 + length),
        None => bail!("an answer without a length: {text}"),
    }
}
