//! The routes, and the connections.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, anyhow};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::batching::{Counts, Limits, Model, Queue, Refusal};
use crate::json;

/// The server.
#[derive(Debug)]
pub struct Server {
    /// The model.
    pub model: Arc<Model>,
    /// The limits of the queue.
    pub limits: Limits,
    /// The largest body of a request, in bytes.
    pub body: usize,
    /// The longest time that a request may take to arrive: its head, and then its body. A connection without a request is
    /// closed after the same time.
    pub read: Duration,
    /// The longest time that a shutdown waits for connections. Those that are left are closed.
    pub shutdown: Duration,
}

struct Shared {
    model: Arc<Model>,
    queue: Queue,
    counts: Arc<Counts>,
    read: Duration,
    answered: AtomicU64,
    invalid: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Server {
    /// Serves until `stop` is ready. Then no connection is accepted, requests that have arrived are answered, and the worker
    /// ends. Connections that are still open after the time for this are closed.
    ///
    /// # Errors
    /// If the worker has panicked.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let counts = Arc::new(Counts::default());
        let (queue, worker) = Queue::start(self.model.clone(), self.limits, counts.clone())?;
        let shared = Arc::new(Shared {
            model: self.model,
            queue,
            counts,
            read: self.read,
            answered: AtomicU64::new(0),
            invalid: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let routes = Router::new()
            .route("/predict", post(predict))
            .route("/healthz", get(health))
            .route("/metrics", get(metrics))
            .layer(DefaultBodyLimit::max(self.body))
            .with_state(shared);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.read);
        let (graceful, mut connections, mut stop) = (GracefulShutdown::new(), JoinSet::new(), pin!(stop));
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let service = TowerToHyperService::new(routes.clone());
                        // A connection that fails is the client's matter.
                        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
                        connections.spawn(async move { drop(connection.await) });
                    }
                    // A connection that is gone already, or too many open files: others end meanwhile.
                    Err(_) => sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
                () = &mut stop => break,
            }
        }
        drop((listener, routes));
        if timeout(self.shutdown, graceful.shutdown()).await.is_err() {
            eprintln!("{} connections are closed before their requests have ended", connections.len());
        }
        connections.shutdown().await;
        // The routes and connections are gone, and the sending ends of the queue with them.
        tokio::task::spawn_blocking(move || worker.join()).await?.map_err(|_| anyhow!("the worker panicked"))
    }
}

/// Whether requests are answered: not after the worker has died.
async fn health(State(shared): State<Arc<Shared>>) -> Response {
    match shared.queue.is_alive() {
        true => "ok\n".into_response(),
        false => problem(StatusCode::SERVICE_UNAVAILABLE, "the worker has ended").into_response(),
    }
}

async fn predict(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let body = match timeout(shared.read, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) => return rejection.into_response(),
        Err(_) => {
            shared.invalid.fetch_add(1, Relaxed);
            let reason = format!("the body did not arrive within {:?}", shared.read);
            let response = problem(StatusCode::REQUEST_TIMEOUT, &reason);
            return ([(header::CONNECTION, "close")], response).into_response();
        }
    };
    let row = match json::input(&body, &shared.model.takes) {
        Ok(row) => row,
        Err(reason) => {
            shared.invalid.fetch_add(1, Relaxed);
            return problem(StatusCode::BAD_REQUEST, &reason).into_response();
        }
    };
    match shared.queue.call(row).await {
        Ok(values) => {
            shared.answered.fetch_add(1, Relaxed);
            let mut text = String::from("{\"output\":");
            json::nested(&mut text, &values, &shared.model.returns);
            text.push('}');
            ([(header::CONTENT_TYPE, "application/json")], text).into_response()
        }
        Err(Refusal::Full) => {
            shared.refused.fetch_add(1, Relaxed);
            let response = problem(StatusCode::SERVICE_UNAVAILABLE, "the queue is full");
            ([(header::RETRY_AFTER, "1")], response).into_response()
        }
        Err(Refusal::Failed(reason)) => {
            shared.failed.fetch_add(1, Relaxed);
            problem(StatusCode::INTERNAL_SERVER_ERROR, &reason).into_response()
        }
    }
}

fn problem(status: StatusCode, reason: &str) -> impl IntoResponse {
    let body = serde_json::json!({ "error": reason }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body)
}

/// The counts in the text format of Prometheus.
async fn metrics(State(shared): State<Arc<Shared>>) -> String {
    let mut text = String::from("# TYPE serve_requests_total counter\n");
    let outcomes = [
        ("answered", &shared.answered),
        ("invalid", &shared.invalid),
        ("refused", &shared.refused),
        ("failed", &shared.failed),
    ];
    for (outcome, count) in outcomes {
        text += &format!("serve_requests_total{{outcome=\"{outcome}\"}} {}\n", count.load(Relaxed));
    }
    let counts = &shared.counts;
    for (name, count) in [("batches", &counts.batches), ("examples", &counts.examples), ("padding", &counts.padding)] {
        text += &format!("# TYPE serve_{name}_total counter\nserve_{name}_total {}\n", count.load(Relaxed));
    }
    text += &format!("# TYPE serve_waiting gauge\nserve_waiting {}\n", shared.queue.waiting());
    text
}
