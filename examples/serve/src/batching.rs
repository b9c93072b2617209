//! A bounded queue of requests, and the thread that computes them in batches.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use cotangent::prelude::*;
use cotangent::{Compiled, Loaded, Ref, compile_cache, import};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The model for batches of one size.
#[derive(Debug)]
enum Program {
    Compiled(Compiled<(Ref<Array>,), Array>),
    /// Compiled by another process.
    Loaded(Loaded),
}

impl Program {
    fn call(&self, x: Array) -> Result<Array> {
        match self {
            Program::Compiled(program) => Ok(program.try_call((&x,))?),
            Program::Loaded(program) => Ok(program.call(&(x,))?.remove(0)),
        }
    }
}

/// A function of one array, compiled for batches of several sizes. It is `Send + Sync`: any thread may call it.
#[derive(Debug)]
pub struct Model {
    /// The shape of an example.
    pub takes: Vec<usize>,
    /// The shape of its result.
    pub returns: Vec<usize>,
    /// The sizes in ascending order, each with its program.
    programs: Vec<(usize, Program)>,
}

impl Model {
    /// Imports a function of one `f32` array that `jax.export` wrote, and compiles it for each size.
    ///
    /// # Errors
    /// If the function cannot be imported, has other arguments, or does not compile.
    pub fn load(artifact: &[u8], sizes: &[usize]) -> Result<Model> {
        let imported = import::jax(artifact)?;
        let f = imported.function::<(Array,), Array>()?;
        // Constants come first.
        let Some(takes) = imported.jaxpr().input_avals().last() else { bail!("{imported} has no argument") };
        if takes.dtype != DType::F32 {
            bail!("{imported}: this server has models of f32");
        }
        let batched = jit(vmap(|x: &Array| f(x)));
        let compile = |n: usize| {
            let shape: Vec<usize> = std::iter::once(n).chain(takes.shape.iter().copied()).collect();
            let program = batched.lower((&np::zeros(shape),))?.compile()?;
            Ok((n, Program::Compiled(program)))
        };
        Model::of(takes.shape.to_vec(), sorted(sizes).into_iter().map(compile).collect::<Result<_>>()?)
    }

    /// Calls each program once, so that what it needs is in memory, and removes what only loading and compiling needed.
    fn of(takes: Vec<usize>, programs: Vec<(usize, Program)>) -> Result<Model> {
        let mut returns = Vec::new();
        for (n, program) in &programs {
            let shape: Vec<usize> = std::iter::once(*n).chain(takes.iter().copied()).collect();
            let zeros = vec![0.0_f32; shape.iter().product()];
            returns = program.call(Array::from_vec(zeros, shape)?)?.shape().get(1..).unwrap_or_default().to_vec();
        }
        compile_cache::release_code();
        Ok(Model { takes, returns, programs })
    }

    /// The compiled programs of this artifact, for [`Model::load_compiled`] on the same kind of processor.
    ///
    /// # Errors
    /// If a program cannot be serialized.
    pub fn serialize(&self, artifact: &[u8]) -> Result<Vec<u8>> {
        let sizes: Vec<usize> = self.programs.iter().map(|(n, _)| *n).collect();
        let mut bytes = key(artifact, &sizes).to_vec();
        for (_, program) in &self.programs {
            let Program::Compiled(program) = program else { bail!("the programs were compiled by another process") };
            let program = program.serialize()?;
            bytes.extend((program.len() as u64).to_le_bytes());
            bytes.extend(program);
        }
        Ok(bytes)
    }

    /// Loads what [`Model::serialize`] returned for this artifact and these sizes. Nothing is compiled.
    ///
    /// # Errors
    /// If the bytes are something else or damaged, or were made for another artifact, version, plugin or processor.
    pub fn load_compiled(bytes: &[u8], artifact: &[u8], sizes: &[usize]) -> Result<Model> {
        let Some(mut bytes) = bytes.strip_prefix(&key(artifact, &sorted(sizes))) else {
            bail!("the file of compiled programs is of another model, or of other sizes");
        };
        let (mut takes, mut programs) = (Vec::new(), Vec::new());
        while let Some((length, rest)) = bytes.split_first_chunk() {
            let length = usize::try_from(u64::from_le_bytes(*length))?;
            let Some((program, rest)) = rest.split_at_checked(length) else {
                bail!("a file of compiled programs ends early")
            };
            bytes = rest;
            let program = Loaded::from_bytes(program)?;
            let [(_, batch, _)] = &program.signature().inputs[..] else { bail!("a program of several arguments") };
            let ([n, one @ ..], [_]) = (&batch.shape[..], &program.signature().outputs[..]) else {
                bail!("a program of a scalar, or with several results");
            };
            takes = one.to_vec();
            programs.push((*n, Program::Loaded(program)));
        }
        if programs.is_empty() || !bytes.is_empty() {
            bail!("not a file of compiled programs");
        }
        Model::of(takes, programs)
    }

    /// The most examples that are computed at once.
    pub fn largest(&self) -> usize {
        self.programs.last().map_or(0, |(n, _)| *n)
    }

    /// Computes examples, which follow each other in `rows`. They are padded with zeros to the next compiled size.
    ///
    /// # Errors
    /// If they are more than [`largest`](Model::largest), or the program fails.
    pub fn call(&self, mut rows: Vec<f32>) -> Result<Vec<f32>> {
        let width: usize = self.takes.iter().product();
        let n = rows.len() / width.max(1);
        let Some((size, program)) = self.programs.iter().find(|(size, _)| *size >= n) else {
            bail!("{n} examples; the largest program takes {}", self.largest());
        };
        rows.resize(size * width, 0.0);
        let shape: Vec<usize> = std::iter::once(*size).chain(self.takes.iter().copied()).collect();
        let mut results = program.call(Array::from_vec(rows, shape)?)?.to_vec::<f32>();
        results.truncate(n * self.returns.iter().product::<usize>());
        Ok(results)
    }
}

fn sorted(sizes: &[usize]) -> Vec<usize> {
    let mut sizes = sizes.to_vec();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// What compiled programs were made from.
fn key(artifact: &[u8], sizes: &[usize]) -> [u8; 8] {
    let mut hasher = DefaultHasher::new();
    (artifact, sizes).hash(&mut hasher);
    hasher.finish().to_le_bytes()
}

/// A request, and where its result goes.
#[derive(Debug)]
struct Job {
    row: Vec<f32>,
    reply: oneshot::Sender<Result<Vec<f32>, String>>,
    _place: OwnedSemaphorePermit,
}

/// What the worker has done.
#[derive(Debug, Default)]
pub struct Counts {
    /// Batches.
    pub batches: AtomicU64,
    /// Examples in them.
    pub examples: AtomicU64,
    /// Zeros in the place of examples.
    pub padding: AtomicU64,
}

/// When a batch is computed: as soon as it is full, or when its first request has waited this long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most requests that wait for a result. Beyond that, requests are refused.
    pub queue: usize,
    /// The longest wait for more requests.
    pub wait: Duration,
}

/// The sending end of the queue. The worker ends when all of these are dropped and the queue is empty.
#[derive(Clone, Debug)]
pub struct Queue {
    sender: Sender<Job>,
    /// A permit for each request that may wait. It is with the request, even if nobody waits for it any more.
    places: Arc<Semaphore>,
    length: usize,
    /// The worker has what this refers to.
    alive: Weak<()>,
}

/// Why there is no result.
#[derive(Debug)]
pub enum Refusal {
    /// The queue is full.
    Full,
    /// The model failed.
    Failed(String),
}

impl Queue {
    /// Starts the worker.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub fn start(model: Arc<Model>, limits: Limits, counts: Arc<Counts>) -> std::io::Result<(Queue, JoinHandle<()>)> {
        let (sender, receiver) = channel();
        let running = Arc::new(());
        let alive = Arc::downgrade(&running);
        let work = move || {
            // Dropped when the worker ends, by a panic too.
            let _running = running;
            while let Some(jobs) = gather(&receiver, model.largest(), limits.wait) {
                compute(&model, jobs, &counts);
            }
        };
        let worker = std::thread::Builder::new().name("model".into()).spawn(work)?;
        let places = Arc::new(Semaphore::new(limits.queue));
        Ok((Queue { sender, places, length: limits.queue, alive }, worker))
    }

    /// Computes an example. Waits without blocking the thread.
    ///
    /// # Errors
    /// If the queue is full, or the model failed.
    pub async fn call(&self, row: Vec<f32>) -> Result<Vec<f32>, Refusal> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Refusal::Full)?;
        let (reply, result) = oneshot::channel();
        let ended = || Refusal::Failed("the worker has ended".into());
        self.sender.send(Job { row, reply, _place: place }).map_err(|_| ended())?;
        result.await.map_err(|_| ended())?.map_err(Refusal::Failed)
    }

    /// Whether the worker still computes.
    pub fn is_alive(&self) -> bool {
        self.alive.strong_count() > 0
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.length.saturating_sub(self.places.available_permits())
    }
}

/// Waits for a request, and for more of them. `None` if there will be no more.
fn gather(receiver: &Receiver<Job>, most: usize, wait: Duration) -> Option<Vec<Job>> {
    let mut jobs = vec![receiver.recv().ok()?];
    let deadline = Instant::now() + wait;
    while jobs.len() < most {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(job) => jobs.push(job),
            Err(_) => break,
        }
    }
    // Nobody waits for the result of a request whose connection is gone.
    jobs.retain(|job| !job.reply.is_closed());
    Some(jobs)
}

fn compute(model: &Model, jobs: Vec<Job>, counts: &Counts) {
    if jobs.is_empty() {
        return;
    }
    let rows: Vec<f32> = jobs.iter().flat_map(|job| &job.row).copied().collect();
    let padded = model.programs.iter().find(|(size, _)| *size >= jobs.len()).map_or(0, |(size, _)| size - jobs.len());
    counts.batches.fetch_add(1, Relaxed);
    counts.examples.fetch_add(jobs.len() as u64, Relaxed);
    counts.padding.fetch_add(padded as u64, Relaxed);
    let width: usize = model.returns.iter().product();
    // A receiver that is gone needs no result.
    match model.call(rows) {
        Ok(results) => {
            for (i, job) in jobs.into_iter().enumerate() {
                let _ = job.reply.send(Ok(results[i * width..(i + 1) * width].to_vec()));
            }
        }
        Err(error) => {
            for job in jobs {
                let _ = job.reply.send(Err(error.to_string()));
            }
        }
    }
}
