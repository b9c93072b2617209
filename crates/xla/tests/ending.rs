//! The end of a process whose other threads use the plugin: it comes soon, and with the status that was asked for.

use std::process::{Command, ExitCode, exit};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use cotangent_xla::*;

/// Set in a child process to what its other thread does, and to which thread ends it.
const CHILD: &str = "COTANGENT_TEST_ENDING";

/// A program that multiplies a matrix by itself several times.
fn products(count: usize) -> String {
    let ty = "tensor<300x300xf32>";
    let step = |i: usize| {
        let product = "stablehlo.dot_general";
        let next = i + 1;
        format!("%{next} = {product} %{i}, %{i}, contracting_dims = [1] x [0] : ({ty}, {ty}) -> {ty}\n")
    };
    let steps: String = (0..count).map(step).collect();
    format!("func.func @main(%a: {ty}) -> {ty} {{\n%0 = stablehlo.negate %a : {ty}\n{steps}return %{count} : {ty} }}")
}

/// Returns when another thread is using the plugin, and has done so for some rounds.
fn begin(doing: &str, rounds: usize) {
    let client = Client::cpu().unwrap();
    let shape = ArrayShape::new(ElementType::F32, [300, 300]);
    let x = client.buffer_from_host(&vec![0; 4 * 300 * 300], &shape).unwrap();
    let compile = {
        let (client, shape) = (client.clone(), shape.clone());
        move |count| client.compile(&products(count), std::slice::from_ref(&shape), &CompileOptions::default()).unwrap()
    };
    let (started, begun) = channel();
    let doing = doing.to_owned();
    std::thread::spawn(move || {
        let program = compile(30);
        // The first run makes the plugin set up what it needs.
        drop(program.execute(&[&x]).unwrap()[0].to_vec().unwrap());
        for count in 1.. {
            match doing.as_str() {
                // The results are dropped while they are computed.
                "starting programs" => drop(program.execute(&[&x]).unwrap()),
                "waiting for results" => drop(program.execute(&[&x]).unwrap()[0].to_vec().unwrap()),
                _ => drop(compile(count)),
            }
            started.send(()).ok();
        }
    });
    (0..rounds).for_each(|_| begun.recv().unwrap());
}

fn main() -> ExitCode {
    if let Ok(what) = std::env::var(CHILD) {
        match what.split_once(": ").unwrap() {
            ("main", doing) => begin(doing, 2),
            (_, doing) => {
                let doing = doing.to_owned();
                let thread = std::thread::spawn(move || {
                    begin(&doing, 16);
                    exit(3)
                });
                thread.join().unwrap();
            }
        }
        return ExitCode::from(3);
    }
    for doing in ["starting programs", "waiting for results", "compiling"] {
        for _ in 0..4 {
            ends(&format!("main: {doing}"));
            ends(&format!("a thread: {doing}"));
        }
    }
    ExitCode::SUCCESS
}

/// Checks that a child process ends.
fn ends(what: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap()).env(CHILD, what).spawn().unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("{what}: the process does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(3), "{what}: {status}");
}
