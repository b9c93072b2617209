//! Real processes: they meet, exchange values and wait for each other, and learn who has died.
//!
//! A process is this test binary, run again with a role in the environment.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use cotangent_coordination::{Client, Coordinator, Job, Member};

const ROLE: &str = "COORDINATION_TEST_ROLE";
/// Longer than anything here takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(60);
/// A heartbeat timeout: longer than a busy machine keeps a thread from sending its heartbeats.
const SILENCE: Duration = Duration::from_secs(6);

/// A process with a role. Its lines that begin with `@` are its reports.
struct Process {
    child: Child,
    reports: Receiver<String>,
}

impl Process {
    fn start(role: &str, address: &str, id: u32, processes: u32) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_process", "--nocapture", "--test-threads=1"])
            .env(ROLE, format!("{role} {address} {id} {processes}"))
            .stdout(Stdio::piped())
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

    fn report(&self) -> String {
        self.reports.recv_timeout(LONG).expect("a report in time")
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn report(what: impl std::fmt::Display) {
    // On a line of its own, which the test harness does not begin.
    println!("\n@{what}");
}

/// What a process does. Without a role, as part of the tests, it does nothing.
#[test]
fn a_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let mut words = role.split(' ');
    let mut word = || words.next().unwrap();
    let (role, address, id, processes) = (word(), word(), word().parse().unwrap(), word().parse().unwrap());
    if role == "coordinate" {
        let job = Job::of(processes).heartbeat_timeout(SILENCE);
        let coordinator = Coordinator::start(address, job).unwrap();
        report(coordinator.address());
        coordinator.wait();
        return report("over");
    }
    if role == "late" {
        std::thread::sleep(Duration::from_millis(700));
    }
    let client = Client::connect(address, &Member::new(id, processes), LONG).unwrap();
    match role {
        "exchange" | "late" => {
            client.put(&format!("square/{id}"), (id * id).to_string().as_bytes()).unwrap();
            let square = |id| String::from_utf8(client.get(&format!("square/{id}"), LONG).unwrap()).unwrap();
            let squares: Vec<String> = (0..processes).map(square).collect();
            client.barrier("end", LONG).unwrap();
            client.leave().unwrap();
            report(squares.join(" "));
        }
        "wait" => {
            client.barrier("start", LONG).unwrap();
            report("started");
            report(client.get("never", LONG).unwrap_err());
            // It is the same for every later call.
            report(client.put("key", b"value").unwrap_err());
        }
        "sleep" => {
            client.barrier("start", LONG).unwrap();
            report("started");
            std::thread::sleep(LONG);
        }
        other => panic!("no role {other}"),
    }
}

fn coordinator(processes: u32, silence: Duration) -> (Coordinator, String) {
    let coordinator = Coordinator::start("127.0.0.1:0", Job::of(processes).heartbeat_timeout(silence)).unwrap();
    let address = coordinator.address().to_string();
    (coordinator, address)
}

#[test]
fn processes_meet_exchange_values_and_leave() {
    let (coordinator, address) = coordinator(5, LONG);
    let roles = ["exchange", "late", "exchange", "late", "exchange"];
    let mut processes: Vec<Process> =
        roles.iter().zip(0..).map(|(role, id)| Process::start(role, &address, id, 5)).collect();
    for process in &mut processes {
        assert_eq!(process.report(), "0 1 4 9 16");
        assert!(process.child.wait().unwrap().success());
    }
    assert!(coordinator.shutdown(LONG), "all have left");
}

#[test]
fn a_coordinator_on_its_own_ends_after_the_last_process() {
    let coordinator = Process::start("coordinate", "127.0.0.1:0", 0, 2);
    let address = coordinator.report();
    let processes = [0, 1].map(|id| Process::start("exchange", &address, id, 2));
    processes.iter().for_each(|process| assert_eq!(process.report(), "0 1"));
    assert_eq!(coordinator.report(), "over");
}

/// Starts processes 0 and 2 that wait and process 1 that sleeps, and returns them once all have met.
fn met(address: &str) -> [Process; 3] {
    let processes = ["wait", "sleep", "wait"];
    let mut id = 0..;
    let processes = processes.map(|role| Process::start(role, address, id.next().unwrap(), 3));
    processes.iter().for_each(|process| assert_eq!(process.report(), "started"));
    processes
}

#[test]
fn a_killed_process_is_named_to_all_others() {
    // The heartbeat timeout is too long to matter: the connection of a killed process closes.
    let (_coordinator, address) = coordinator(3, 10 * LONG);
    let [first, mut killed, last] = met(&address);
    killed.child.kill().unwrap();
    let name = format!("process 1 (host {}, pid {}, 127.0.0.1:", host(), killed.child.id());
    for process in [&first, &last] {
        let error = process.report();
        assert!(error.contains(&name), "{error}");
        assert!(error.contains("ended without leaving the job") && error.contains(" s after its last"), "{error}");
        assert_eq!(process.report(), error, "a later call");
    }
}

#[test]
fn a_process_that_hangs_is_named_to_all_others() {
    let (_coordinator, address) = coordinator(3, SILENCE);
    let [first, hanging, last] = met(&address);
    hanging.signal("-STOP");
    let name = format!("process 1 (host {}, pid {}, 127.0.0.1:", host(), hanging.child.id());
    for process in [&first, &last] {
        let error = process.report();
        assert!(error.contains(&name) && error.contains("has been silent for"), "{error}");
        assert_eq!(process.report(), error, "a later call");
    }
}

#[test]
fn a_coordinator_that_dies_or_hangs_is_named_with_its_address() {
    for (signal, says) in [("-KILL", "its connection"), ("-STOP", "it no longer answers")] {
        let coordinator = Process::start("coordinate", "127.0.0.1:0", 0, 3);
        let address = coordinator.report();
        let [first, _sleeping, last] = met(&address);
        coordinator.signal(signal);
        for process in [&first, &last] {
            let error = process.report();
            let place =
                format!("the coordinator at {address} (host {}, pid {}) is lost: ", host(), coordinator.child.id());
            assert!(error.starts_with(&place) && error.contains(says), "{error}");
            assert_eq!(process.report(), error, "a later call");
        }
    }
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}
