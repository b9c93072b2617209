//! The routes.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Result, anyhow};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;

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
}

struct Shared {
    model: Arc<Model>,
    queue: Queue,
    counts: Arc<Counts>,
    answered: AtomicU64,
    invalid: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Server {
    /// Serves until `stop` is ready. Then no connection is accepted, requests that were accepted are answered, and the worker
    /// ends.
    ///
    /// # Errors
    /// If the socket fails, or the worker has panicked.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let counts = Arc::new(Counts::default());
        let (queue, worker) = Queue::start(self.model.clone(), self.limits, counts.clone())?;
        let shared = Arc::new(Shared {
            model: self.model,
            queue,
            counts,
            answered: AtomicU64::new(0),
            invalid: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let routes = Router::new()
            .route("/predict", post(predict))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/metrics", get(metrics))
            .layer(DefaultBodyLimit::max(self.body))
            .with_state(shared);
        axum::serve(listener, routes).with_graceful_shutdown(stop).await?;
        // The routes are gone, and the sending end of the queue with them.
        tokio::task::spawn_blocking(move || worker.join()).await?.map_err(|_| anyhow!("the worker panicked"))
    }
}

async fn predict(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
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
