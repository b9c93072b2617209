//! A server on a real socket: good and bad requests, a full queue, requests that never end, a dead worker, and shutdowns.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use serve::{Limits, Model, Server};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a file")
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<anyhow::Result<()>>,
}

async fn start(model: Arc<Model>, queue: usize, wait: Duration) -> Running {
    let (read, shutdown) = (Duration::from_secs(60), Duration::from_secs(60));
    run(Server { model, limits: Limits { queue, wait }, body: 4096, read, shutdown }).await
}

async fn run(server: Server) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(listener, async move { stopped.await.unwrap_or_default() }));
    Running { address, stop, ended }
}

/// Sends a request on a connection of its own. Returns the status, the head and the body.
fn send(address: SocketAddr, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    (status, head.to_ascii_lowercase(), body.into())
}

fn post(address: SocketAddr, body: &str) -> (u16, String, String) {
    let head = "POST /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length";
    send(address, &format!("{head}: {}\r\n\r\n{body}", body.len()))
}

fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    send(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
}

async fn blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(f).await.expect("no panic")
}

fn near(body: &str, expected: &Value) {
    let body: Value = serde_json::from_str(body).expect("JSON");
    let list =
        |v: &Value| v.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect::<Vec<_>>();
    let (found, expected) = (list(&body["output"]), list(expected));
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} instead of {expected:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_answered_refused_and_finished() {
    let stored: Value = serde_json::from_slice(&file("request.json")).expect("JSON");
    let request = stored["request"].to_string();
    let model = Arc::new(Model::load(&file("model.jax"), &[4, 1]).expect("the model"));
    assert_eq!((&*model.takes, &*model.returns), (&[32][..], &[8][..]));

    // Requests at the same time share batches, and each gets its own answer, which is JAX's.
    let server = start(model.clone(), 64, Duration::from_millis(20)).await;
    let (address, answer) = (server.address, stored["answer"].clone());
    let asked: Vec<_> = (0..13)
        .map(|_| {
            let (request, answer) = (request.clone(), answer.clone());
            tokio::task::spawn_blocking(move || {
                let (status, _, body) = post(address, &request);
                assert_eq!(status, 200, "{body}");
                near(&body, &answer);
            })
        })
        .collect();
    for task in asked {
        task.await.expect("an answer");
    }

    // What is wrong is said.
    let zeros = |n: usize| json!({ "input": vec![0.5; n] }).to_string();
    let cases = [
        (400, "{\"input\": [1, 2".into(), "EOF"),
        (400, zeros(31), "a list of 32 elements"),
        (400, zeros(33), "a list of 32 elements"),
        (400, json!({ "input": vec![vec![1.0]; 32] }).to_string(), "a number"),
        (400, json!({ "input": 1.0 }).to_string(), "a list of 32 elements"),
        (400, zeros(32).replacen("0.5", "\"a\"", 1), "a number"),
        (400, zeros(32).replacen("0.5", "true", 1), "a number"),
        (400, zeros(32).replacen("0.5", "NaN", 1), "expected value"),
        (400, zeros(32).replacen("0.5", "1e39", 1), "too large for f32"),
        (400, zeros(32).replacen("0.5", "1e999", 1), "out of range"),
        (400, "[]".into(), "an object with the field `input`"),
        (400, "{}".into(), "missing field `input`"),
        (400, json!({ "x": 1 }).to_string(), "unknown field `x`"),
        (400, zeros(32) + "1", "trailing"),
        (413, zeros(2000), "length limit"),
    ];
    for (expected, body, reason) in cases {
        let (status, _, answer) = blocking(move || post(address, &body)).await;
        assert!(status == expected && answer.contains(reason), "{status} {answer}: expected {expected} {reason}");
    }
    assert_eq!(blocking(move || get(address, "/predict")).await.0, 405);
    assert_eq!(blocking(move || get(address, "/healthz")).await.0, 200);
    let (_, _, metrics) = blocking(move || get(address, "/metrics")).await;
    assert!(metrics.contains("serve_requests_total{outcome=\"answered\"} 13"), "{metrics}");
    assert!(metrics.contains("serve_examples_total 13"), "{metrics}");
    let batches: u32 =
        metrics.lines().find_map(|l| l.strip_prefix("serve_batches_total ")?.parse().ok()).expect("a count");
    assert!((4..13).contains(&batches), "13 requests in {batches} batches");
    server.stop.send(()).expect("the server runs");
    server.ended.await.expect("no panic").expect("no error");

    // Compiled programs in a file return the same, and a file that is damaged or of another model is refused.
    let artifact = file("model.jax");
    let stored = model.serialize(&artifact).expect("bytes");
    let loaded = Model::load_compiled(&stored, &artifact, &[1, 4, 4]).expect("the programs");
    assert_eq!((&loaded.takes, &loaded.returns, loaded.largest()), (&model.takes, &model.returns, 4));
    let rows: Vec<f32> = (0..96).map(|i| (i as f32).sin()).collect();
    assert_eq!(loaded.call(rows.clone()).expect("rows"), model.call(rows).expect("rows"));
    let refused = |bytes: &[u8], artifact: &[u8], sizes: &[usize], reason: &str| {
        let error = Model::load_compiled(bytes, artifact, sizes).expect_err("an error").to_string();
        assert!(error.contains(reason), "{error}");
    };
    refused(&stored, &artifact[1..], &[1, 4], "of another model");
    refused(&stored, &artifact, &[1, 8], "of other sizes");
    refused(&stored[..stored.len() - 1], &artifact, &[1, 4], "ends early");
    refused(&stored[..8], &artifact, &[1, 4], "not a file of compiled programs");
    let mut damaged = stored.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    refused(&damaged, &artifact, &[1, 4], "damaged");

    // The worker waits for a fourth request, but only three may wait.
    let server = start(model, 3, Duration::from_secs(3)).await;
    let address = server.address;
    let mut asked = JoinSet::new();
    for _ in 0..8 {
        let request = request.clone();
        asked.spawn_blocking(move || post(address, &request));
    }
    for _ in 0..5 {
        let (status, head, body) = asked.join_next().await.expect("a task").expect("an answer");
        assert_eq!(status, 503, "{body}");
        assert!(head.contains("retry-after: 1") && body.contains("the queue is full"), "{head}\n{body}");
    }
    // Requests that were accepted are answered, although the server has been told to stop.
    server.stop.send(()).expect("the server runs");
    for _ in 0..3 {
        let (status, _, body) = asked.join_next().await.expect("a task").expect("an answer");
        assert_eq!(status, 200, "{body}");
        near(&body, &answer);
    }
    server.ended.await.expect("no panic").expect("no error");
    assert!(blocking(move || TcpStream::connect(address)).await.is_err(), "the socket is closed");
}

/// Sends a part of a request, and returns all that comes until the server closes the connection.
fn begin(address: SocketAddr, part: &str) -> std::thread::JoinHandle<String> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(part.as_bytes()).expect("the part is sent");
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        // A connection that is reset is closed, too.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).expect("UTF-8")
    })
}

const HALF_A_HEAD: &str = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-le";
const HALF_A_BODY: &str = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"input\": [1, ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_never_end_hold_nothing() {
    let model = Arc::new(Model::load(&file("model.jax"), &[1]).expect("the model"));
    let limits = Limits { queue: 4, wait: Duration::from_millis(1) };
    let (soon, never) = (Duration::from_millis(200), Duration::from_secs(3600));
    let server =
        |read: Duration, shutdown: Duration| Server { model: model.clone(), limits, body: 4096, read, shutdown };

    let running = run(server(soon, never)).await;
    let address = running.address;
    let answers: Vec<String> = blocking(move || {
        let parts = ["", HALF_A_HEAD, HALF_A_BODY].map(|part| begin(address, part));
        parts.map(|part| part.join().expect("no panic")).into()
    })
    .await;
    assert!(answers[0].is_empty(), "{answers:?}");
    assert!(!answers[1].contains("200"), "{answers:?}");
    assert!(answers[2].starts_with("HTTP/1.1 408") && answers[2].contains("the body did not arrive"), "{answers:?}");
    // Other requests are answered, and nothing holds the shutdown.
    assert_eq!(blocking(move || get(address, "/healthz")).await.0, 200);
    running.stop.send(()).expect("the server runs");
    running.ended.await.expect("no panic").expect("no error");

    // A shutdown waits for its own time only.
    let running = run(server(never, soon)).await;
    let address = running.address;
    let parts = blocking(move || {
        let parts = ["", HALF_A_HEAD, HALF_A_BODY].map(|part| begin(address, part));
        // What was connected before this has been accepted.
        assert_eq!(get(address, "/healthz").0, 200);
        parts
    })
    .await;
    running.stop.send(()).expect("the server runs");
    let ended = tokio::time::timeout(Duration::from_secs(60), running.ended).await;
    ended.expect("the server ends").expect("no panic").expect("no error");
    blocking(move || parts.map(|part| part.join().expect("no panic"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_that_of_the_worker() {
    let mut model = Model::load(&file("model.jax"), &[1]).expect("the model");
    // The worker looks for more numbers than there are.
    model.returns = vec![1000];
    let server = start(Arc::new(model), 4, Duration::from_millis(1)).await;
    let address = server.address;
    assert_eq!(blocking(move || get(address, "/healthz")).await.0, 200);
    let request = json!({ "input": vec![0.5; 32] }).to_string();
    let (status, _, body) = blocking(move || post(address, &request)).await;
    assert!(status == 500 && body.contains("the worker has ended"), "{status} {body}");
    // The request is answered while the thread is ending.
    let dead = blocking(move || {
        (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            get(address, "/healthz").0 == 503
        })
    });
    assert!(dead.await, "a dead worker is healthy");
    server.stop.send(()).expect("the server runs");
    let error = server.ended.await.expect("no panic").expect_err("an error").to_string();
    assert!(error.contains("the worker panicked"), "{error}");
}
