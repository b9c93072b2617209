//! Jobs of several processes: they meet, agree on devices and programs, and learn who has died.
//!
//! A process is this test binary, run again with a role in the environment.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use cotangent::distributed::{self, Config};
use cotangent::prelude::*;

const ROLE: &str = "COTANGENT_TEST_ROLE";
/// Longer than anything here takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(120);

/// A process with a role. Its lines that begin with `@` are its reports.
struct Process {
    child: Child,
    reports: Receiver<String>,
}

impl Process {
    fn start(role: &str, variables: &[(&str, &str)]) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_process", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, reports) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(report) = line.strip_prefix('@') {
                    let _ = sender.send(report.to_owned());
                }
            }
        });
        Process { child, reports }
    }

    /// The next report. A process that ends without one has failed.
    fn report(&self) -> String {
        self.reports.recv_timeout(LONG).expect("a report in time")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts one process for each role, which all join one job.
fn job<const N: usize>(roles: [&str; N]) -> ([Process; N], String) {
    let address = format!("127.0.0.1:{}", free_port());
    let mut id = 0..;
    let processes = roles.map(|role| {
        let id = id.next().unwrap();
        Process::start(&format!("{role} {address} {N} {id}"), &[])
    });
    (processes, address)
}

/// A port that nothing listens on. It is below those that the system chooses for connections, so it stays free.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 8000).unwrap();
    loop {
        let port = 20000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 8000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn report(what: impl Display) {
    // On one line of its own, which the test harness does not begin.
    println!("\n@{}", what.to_string().replace('\n', " | "));
    std::io::stdout().flush().unwrap();
}

/// The sum of a small program on the device of this process.
fn computed() -> f32 {
    jit(|x: &Array| (x * 2.0).sum())(&Array::from([1.0f32, 2.0, 3.0])).item()
}

/// What a process does. Without a role, as part of the tests, it does nothing.
#[test]
fn a_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    match words[..] {
        [role, address, processes, id] => in_a_job(role, address, processes.parse().unwrap(), id.parse().unwrap()),
        [role] => alone(role),
        _ => panic!("no role {role}"),
    }
}

fn alone(role: &str) {
    match role {
        "environment" => match distributed::initialize_from_env() {
            Ok(()) => {
                report(format!("{} of {}", distributed::process_index(), distributed::process_count()));
                distributed::shutdown().unwrap();
            }
            Err(error) => report(error),
        },
        "late" => {
            assert_eq!(computed(), 12.0);
            report(distributed::initialize("127.0.0.1:1", 2, 1).unwrap_err());
        }
        other => panic!("no role {other}"),
    }
}

fn in_a_job(role: &str, address: &str, processes: usize, id: usize) {
    let config = Config::new(address, processes, id).timeout(LONG);
    match role {
        "more" => return report(Config::new(address, processes + 1, id).timeout(LONG).initialize().unwrap_err()),
        "waits" => return report(config.initialize().unwrap_err()),
        "short" => return report(config.timeout(Duration::from_millis(300)).initialize().unwrap_err()),
        "exits" => {
            let exits = move |error: &Error| {
                assert_eq!(distributed::process_index(), id);
                report(error);
                std::process::exit(0);
            };
            config.on_failure(exits).initialize().unwrap();
            report("joined");
            // As if it waited for a device.
            std::thread::sleep(LONG);
            return;
        }
        _ => config.initialize().unwrap(),
    }
    match role {
        "meets" => meets(processes, id),
        "compiles" => compiles(id),
        "twice" => {
            report(distributed::initialize(address, processes, id).unwrap_err());
            distributed::shutdown().unwrap();
        }
        "leaves" => {
            report("joined");
            report(distributed::shutdown().map_or_else(|error| error.to_string(), |()| "left".to_owned()));
        }
        "computes" => {
            report("joined");
            report(distributed::barrier("never", LONG).unwrap_err());
            report(distributed::check().unwrap_err());
            report(distributed::shutdown().unwrap_err());
            // The process goes on, on its own.
            report((distributed::is_initialized(), computed()).1);
        }
        "sleeps" => {
            report("joined");
            std::thread::sleep(LONG);
        }
        other => panic!("no role {other}"),
    }
}

/// Everything that a job can do.
fn meets(processes: usize, id: usize) {
    assert!(distributed::is_initialized());
    assert_eq!((distributed::process_index(), distributed::process_count()), (id, processes));
    for round in 0..3 {
        // A name can be used again.
        let all = distributed::exchange("squares", &[(id * id + round) as u8]).unwrap();
        let expected: Vec<Vec<u8>> = (0..processes).map(|id| vec![(id * id + round) as u8]).collect();
        assert_eq!(all, expected);
        distributed::barrier("round", LONG).unwrap();
    }
    assert_eq!(computed(), 12.0);
    let devices: Vec<String> = distributed::devices().unwrap().iter().map(ToString::to_string).collect();
    let text = jit(|x: &Array| x.sin()).lower((&np::zeros(3),)).unwrap().stablehlo();
    distributed::assert_same("step", &text).unwrap();
    // Process 2 has other programs: one with another shape, and one with another operation.
    let other = jit(|x: &Array| x.sin()).lower((&np::zeros(3 + usize::from(id == 2)),)).unwrap().stablehlo();
    report(distributed::assert_same("shapes", &other).unwrap_err());
    let other = if id == 1 { text.clone() } else { text.replace("sine", "cosine") };
    report(distributed::assert_same("operations", &other).unwrap_err());
    // None of this has ended the job.
    distributed::assert_same("step", &text).unwrap();
    distributed::shutdown().unwrap();
    assert!(!distributed::is_initialized());
    report(devices.join(", "));
}

#[test]
fn processes_agree_on_devices_and_programs() {
    let (processes, _) = job(["meets", "meets", "meets"]);
    for (id, process) in processes.iter().enumerate() {
        let shapes = process.report();
        let says = "the 3 processes do not agree on `shapes`: process 2 has another text than process 0; line ";
        assert!(shapes.starts_with(says), "{shapes}");
        assert!(shapes.contains("tensor<3xf32>") && shapes.contains("tensor<4xf32>"), "{shapes}");
        assert!(shapes.contains("tests/distributed.rs:"), "the user's line: {shapes}");
        let operations = process.report();
        assert!(operations.contains("`operations`: process 1 has another text than process 0"), "{operations}");
        let (here, there) = if id == 1 { ("sine", "cosine") } else { ("cosine", "sine") };
        let other = usize::from(id != 1);
        let line = |name: &str| format!("%1 = \"stablehlo.{name}\"");
        assert!(operations.contains(&format!("here: {}", line(here))), "{operations}");
        assert!(operations.contains(&format!("in process {other}: {}", line(there))), "{operations}");
        let devices = "device 0: cpu:0 of process 0 (cpu), device 1: cpu:0 of process 1 (cpu), \
                       device 2: cpu:0 of process 2 (cpu)";
        assert_eq!(process.report(), devices);
    }
}

/// The sum over all rows of a product, on a mesh of two processes with two devices each: data-parallel over the processes,
/// tensor-parallel within them.
const PROGRAM: &str = r#"
module @step attributes {mhlo.num_partitions = 4 : i32, mhlo.num_replicas = 1 : i32} {
  sdy.mesh @mesh = <["process"=2, "device"=2]>
  func.func public @main(
      %x: tensor<8x6xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"process"}, {"device"}]>},
      %w: tensor<6x4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"device"}, {}]>})
      -> (tensor<4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}) {
    %zero = stablehlo.constant dense<0.0> : tensor<f32>
    %0 = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0] : (tensor<8x6xf32>, tensor<6x4xf32>) -> tensor<8x4xf32>
    %1 = stablehlo.reduce(%0 init: %zero) applies stablehlo.add across dimensions = [0]
      : (tensor<8x4xf32>, tensor<f32>) -> tensor<4xf32>
    return %1 : tensor<4xf32>
  }
}"#;

/// Compiles a program for the devices of all processes. No plugin for the CPU runs a program in several processes, so this
/// process has as many devices as the whole mesh while it compiles.
fn compiles(id: usize) {
    use xla::{ArrayShape, Client, CompileOptions, ElementType, OptionValue, Plugin};
    distributed::assert_same("program", PROGRAM).unwrap();
    let location = xla::plugin::locate(xla::plugin::Platform::Cpu).unwrap();
    let mesh = [("cpu_device_count", OptionValue::Int(4))];
    let client = Client::new(Plugin::load_location(&location).unwrap(), &mesh).unwrap();
    let options = CompileOptions {
        num_partitions: 4,
        use_spmd_partitioning: true,
        use_shardy_partitioner: true,
        device_assignment: Some((0..4).map(|device| vec![device]).collect()),
        ..CompileOptions::default()
    };
    // Each device has a part: half of the rows and half of the columns of `x`, and half of the rows of `w`.
    let parts = [[4, 3], [3, 4]].map(|dims| ArrayShape::new(ElementType::F32, dims));
    let executable = client.compile(PROGRAM, &parts, &options).unwrap();
    let optimized = executable.optimized_hlo().unwrap();
    assert!(optimized.contains("all-reduce"), "{optimized}");
    // What the compiler makes of it is the same program everywhere, which is what a collective operation relies on.
    distributed::assert_same("compiled", &optimized).unwrap();
    // A process that partitions otherwise is found before anything runs.
    let other = if id == 1 { PROGRAM.replace("\"device\"=2", "\"devices\"=2") } else { PROGRAM.to_owned() };
    report(distributed::assert_same("program", &other).unwrap_err());
    distributed::shutdown().unwrap();
}

#[test]
fn processes_compile_one_program_for_the_mesh_of_all() {
    let (processes, _) = job(["compiles", "compiles"]);
    for process in &processes {
        let error = process.report();
        assert!(
            error.contains("`program`: process 1 has another text than process 0; line 3 here: sdy.mesh"),
            "{error}"
        );
    }
}

#[test]
fn a_process_that_dies_is_named_and_the_others_go_on() {
    let ([first, mut killed, exits], _) = job(["computes", "sleeps", "exits"]);
    for process in [&first, &killed, &exits] {
        assert_eq!(process.report(), "joined");
    }
    killed.child.kill().unwrap();
    let name = format!(", pid {}, 127.0.0.1:", killed.child.id());
    let errors = [first.report(), first.report(), first.report(), exits.report()];
    for error in &errors {
        assert!(error.contains("process 1 (host ") && error.contains(&name), "{error}");
        assert!(error.contains("ended without leaving the job"), "{error}");
    }
    assert!(errors[0].contains("tests/distributed.rs:"), "the user's line: {}", errors[0]);
    assert!(errors[2].starts_with("distributed::shutdown: "), "{}", errors[2]);
    assert_eq!(first.report(), "12");
}

#[test]
fn a_process_that_dies_with_the_coordinator_is_named() {
    let ([mut killed, other], address) = job(["sleeps", "computes"]);
    for process in [&killed, &other] {
        assert_eq!(process.report(), "joined");
    }
    killed.child.kill().unwrap();
    let error = other.report();
    assert!(error.contains(&format!("the coordinator at {address} (process 0, host ")), "{error}");
    assert!(error.contains(&format!("pid {}) is lost: its connection", killed.child.id())), "{error}");
}

#[test]
fn a_process_leaves_when_all_do() {
    let (mut processes, _) = job(["leaves", "leaves"]);
    for process in &mut processes {
        assert_eq!(process.report(), "joined");
        assert_eq!(process.report(), "left");
        assert!(process.child.wait().unwrap().success());
    }
}

#[test]
fn processes_that_do_not_fit_together_are_errors_in_all() {
    let ([waits, more], address) = job(["waits", "more"]);
    let error = more.report();
    assert!(
        error.starts_with(&format!("distributed::initialize: the coordinator at {address} does not admit")),
        "{error}"
    );
    for error in [error, waits.report()] {
        assert!(error.contains("it was started for 3 processes, but the job has 2"), "{error}");
        assert!(error.contains("tests/distributed.rs:"), "the user's line: {error}");
    }
}

#[test]
fn a_coordinator_that_does_not_answer_is_an_error() {
    let address = format!("127.0.0.1:{}", free_port());
    let error = Process::start(&format!("short {address} 2 1"), &[]).report();
    assert!(error.starts_with("distributed::initialize: no coordinator answered at "), "{error}");
    assert!(error.contains(&format!("{address} within 0.")) && error.contains("tests/distributed.rs:"), "{error}");
    // Nor does a process that never comes make the others wait for longer than they were told to.
    let error = Process::start(&format!("short {address} 3 0"), &[]).report();
    assert!(
        error.contains("2 processes (1 and 2) did not arrive; 2 processes (1 and 2) have never connected"),
        "{error}"
    );
}

#[test]
fn a_process_joins_once_and_before_it_uses_a_device() {
    let error = Process::start("late", &[]).report();
    assert!(error.contains("its devices are in use") && error.contains("before the first array operation"), "{error}");
    assert!(error.contains("tests/distributed.rs:"), "the user's line: {error}");
    let ([twice], _) = job(["twice"]);
    let error = twice.report();
    assert!(error.contains("has joined a job already, as process 0 of 1"), "{error}");
}

#[test]
fn the_environment_says_how_to_join() {
    let address = format!("127.0.0.1:{}", free_port());
    let own = |id| [("COTANGENT_COORDINATOR", &*address), ("COTANGENT_PROCESSES", "2"), ("COTANGENT_PROCESS_ID", id)];
    let [first, second] = ["0", "1"].map(|id| Process::start("environment", &own(id)));
    assert_eq!([first.report(), second.report()], ["0 of 2", "1 of 2"]);
    let error = Process::start("environment", &own("2")).report();
    assert!(error.contains("there is no process 2 in a job of 2 processes"), "{error}");
    assert!(error.contains("numbered from 0 to 1") && error.contains("tests/distributed.rs:"), "{error}");
    let error =
        Process::start("environment", &[("COTANGENT_COORDINATOR", "no port"), own("0")[1], own("0")[2]]).report();
    assert!(error.contains("`no port` is not the address of a coordinator"), "{error}");
    let error = Process::start("environment", &own("1")[..1]).report();
    assert!(error.contains("COTANGENT_PROCESSES is not set"), "{error}");
}

#[test]
fn without_a_job_a_process_is_alone() {
    assert!(!distributed::is_initialized());
    assert_eq!((distributed::process_index(), distributed::process_count()), (0, 1));
    distributed::barrier("alone", Duration::ZERO).unwrap();
    assert_eq!(distributed::exchange("alone", b"bytes").unwrap(), [b"bytes"]);
    distributed::assert_same("alone", "text").unwrap();
    assert_eq!(distributed::devices().unwrap().len(), cotangent::devices().unwrap().len());
    distributed::shutdown().unwrap();
}
