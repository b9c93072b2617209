//! The store, the barriers, who is admitted, and connections that are no processes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use cotangent_coordination::{Client, Coordinator, Error, Job, MAX_KEY, MAX_VALUE, Member};

/// Longer than anything here takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(60);
/// A heartbeat timeout: longer than a busy machine keeps a thread from sending its heartbeats.
const SILENCE: Duration = Duration::from_secs(6);
const SHORT: Duration = Duration::from_millis(300);

fn start(job: Job) -> (Coordinator, String) {
    let coordinator = Coordinator::start("127.0.0.1:0", job).unwrap();
    let address = coordinator.address().to_string();
    (coordinator, address)
}

/// A job and clients for all of its processes.
fn job(processes: u32) -> (Coordinator, Vec<Client>) {
    let (coordinator, address) = start(Job::of(processes));
    let clients = (0..processes).map(|id| Client::connect(&address, &Member::new(id, processes), LONG).unwrap());
    (coordinator, clients.collect())
}

/// Runs `f` for each client on a thread of its own.
fn each<R: Send>(clients: &[Client], f: impl Fn(&Client) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let threads: Vec<_> = clients.iter().map(|client| scope.spawn(|| f(client))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_key_is_written_once_and_read_by_all() {
    let (_coordinator, clients) = job(2);
    let [a, b] = &clients[..] else { unreachable!() };
    assert_eq!(b.try_get("key").unwrap(), None);
    a.put("key", b"\0value\xff").unwrap();
    assert_eq!(b.try_get("key").unwrap().unwrap(), b"\0value\xff");
    assert_eq!(b.get("key", LONG).unwrap(), b"\0value\xff");
    b.put("key", b"\0value\xff").unwrap();
    assert_eq!(b.put("key", b"other"), Err(Error::Exists { key: "key".into() }));
    a.delete("key").unwrap();
    a.delete("key").unwrap();
    assert_eq!(b.try_get("key").unwrap(), None);
    b.put("key", b"").unwrap();
    assert_eq!(a.get("key", LONG).unwrap(), b"");
}

#[test]
fn lengths_are_limited() {
    let (_coordinator, clients) = job(1);
    let longest: Vec<u8> = (0..MAX_VALUE).map(|i| i as u8).collect();
    clients[0].put(&"k".repeat(MAX_KEY), &longest).unwrap();
    assert!(clients[0].get(&"k".repeat(MAX_KEY), LONG).unwrap() == longest);
    let error = clients[0].put("value", &vec![0; MAX_VALUE + 1]).unwrap_err();
    assert_eq!(error, Error::TooLong { what: "value", bytes: MAX_VALUE + 1 });
    let long = "k".repeat(MAX_KEY + 1);
    for error in [clients[0].get(&long, LONG).unwrap_err(), clients[0].put(&long, b"").unwrap_err()] {
        assert_eq!(error, Error::TooLong { what: "key", bytes: MAX_KEY + 1 });
    }
    // None of this has ended the connection.
    clients[0].barrier("end", LONG).unwrap();
}

#[test]
fn many_threads_of_a_client_ask_at_once() {
    const THREADS: usize = 16;
    let (_coordinator, clients) = job(2);
    thread::scope(|scope| {
        for i in 0..THREADS {
            // All readers wait before the first value is there, and the writers come in reverse order.
            scope.spawn({
                let reader = &clients[0];
                move || assert_eq!(reader.get(&format!("key/{i}"), LONG).unwrap(), i.to_string().as_bytes())
            });
        }
        thread::sleep(SHORT);
        for i in (0..THREADS).rev() {
            let writer = &clients[1];
            scope.spawn(move || writer.put(&format!("key/{i}"), i.to_string().as_bytes()).unwrap());
        }
    });
}

#[test]
fn sixty_four_processes_pass_barriers_together() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (coordinator, clients) = job(64);
    let rounds: [AtomicUsize; 5] = Default::default();
    each(&clients, |client| {
        for round in &rounds {
            round.fetch_add(1, Ordering::SeqCst);
            client.barrier("round", LONG).unwrap();
            assert_eq!(round.load(Ordering::SeqCst), 64, "none passes before all have arrived");
        }
        client.leave().unwrap();
    });
    assert!(coordinator.shutdown(LONG));
}

#[test]
fn a_timeout_names_who_is_missing() {
    let (_coordinator, address) = start(Job::of(4));
    let connect = |id| Client::connect(&address, &Member::new(id, 4), LONG).unwrap();
    let [a, b, late] = [0, 1, 2].map(connect);
    let start = Instant::now();
    let (first, second) = thread::scope(|scope| {
        let second = scope.spawn(|| b.barrier("start", LONG).unwrap_err());
        thread::sleep(SHORT);
        let first = a.barrier("start", SHORT).unwrap_err();
        (first.to_string(), second.join().unwrap().to_string())
    });
    assert!(start.elapsed() < LONG, "the other process does not wait for its own timeout");
    assert!(first.starts_with("the barrier `start` was waited for in vain for 0."), "{first}");
    assert!(first.contains("2 processes (2 and 3) did not arrive; process 3 has never connected"), "{first}");
    assert!(second.contains("`start`: process 0 (host ") && second.contains("of waiting for 2 processes (2 and 3)"));
    // Whoever arrives later gets the same error, at once. Other barriers and keys are not affected.
    assert_eq!(late.barrier("start", LONG).unwrap_err().to_string(), second);
    a.put("key", b"").unwrap();
    let error = late.get("another", SHORT).unwrap_err().to_string();
    assert!(error.starts_with("the key `another` was waited for in vain for 0."), "{error}");
    assert!(error.ends_with("; process 3 has never connected"), "{error}");
}

#[test]
fn a_process_that_leaves_ends_its_barriers_and_nothing_else() {
    let (coordinator, clients) = job(3);
    let [a, b, leaving] = &clients[..] else { unreachable!() };
    leaving.put("legacy", b"stays").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| a.barrier("end", LONG).unwrap_err().to_string());
        thread::sleep(SHORT);
        leaving.leave().unwrap();
        let error = waiting.join().unwrap();
        assert!(error.contains("`end`: process 2 (host ") && error.contains("has left the job"), "{error}");
    });
    assert_eq!(leaving.get("legacy", LONG).unwrap_err(), Error::Left);
    leaving.leave().unwrap();
    let error = b.barrier("another", LONG).unwrap_err().to_string();
    assert!(error.contains("`another`: process 2 (host "), "{error}");
    assert_eq!(b.get("legacy", LONG).unwrap(), b"stays");
    a.leave().unwrap();
    b.leave().unwrap();
    assert!(coordinator.shutdown(LONG));
}

#[test]
fn a_barrier_is_reached_once_by_each_process() {
    let (_coordinator, clients) = job(2);
    let [a, b] = &clients[..] else { unreachable!() };
    thread::scope(|scope| {
        let waiting = scope.spawn(|| a.barrier("both", LONG));
        thread::sleep(SHORT);
        let error = a.barrier("both", LONG).unwrap_err().to_string();
        assert!(error.contains("another thread of this process waits at it already"), "{error}");
        b.barrier("both", LONG).unwrap();
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_client_that_is_dropped_is_lost() {
    let (_coordinator, mut clients) = job(2);
    drop(clients.pop());
    let error = clients[0].get("key", LONG).unwrap_err();
    assert!(matches!(error, Error::Failed { .. }));
    assert!(error.to_string().contains("process 1 (host "), "{error}");
    assert_eq!(clients[0].check().unwrap_err(), error);
    // Whoever comes later learns it too.
    let address = _coordinator.address().to_string();
    assert_eq!(Client::connect(&address, &Member::new(1, 2), LONG).unwrap_err(), error);
}

#[test]
fn a_failure_is_told_without_being_asked_for() {
    let (_coordinator, mut clients) = job(3);
    let (sender, told) = std::sync::mpsc::channel();
    for client in &clients[..2] {
        let sender = sender.clone();
        client.on_failure(move |error| sender.send(error.to_string()).unwrap());
    }
    clients[1].leave().unwrap();
    drop(clients.pop());
    let error = told.recv_timeout(LONG).unwrap();
    assert!(error.contains("process 2 (host "), "{error}");
    // Set later, it is told at once; and whoever has left is not told.
    clients[0].on_failure(move |error| sender.send(error.to_string()).unwrap());
    assert_eq!(told.try_recv().unwrap(), error);
    drop(clients);
    assert!(told.recv().is_err());
}

#[test]
fn a_process_that_does_not_fit_is_an_error_on_both_sides() {
    let cases = [
        (Member::new(1, 3), "it was started for 3 processes, but the job has 2"),
        (Member::new(2, 2), "its id is out of range: a job of 2 processes has the ids 0 to 1"),
        (Member::new(0, 2), "its id is taken: process 0 (host "),
    ];
    for (wrong, why) in cases {
        let (_coordinator, address) = start(Job::of(2).token("job"));
        let right = Client::connect(&address, &Member::new(0, 2).token("job"), LONG).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| right.barrier("start", LONG).unwrap_err().to_string());
            let refused = Client::connect(&address, &wrong.clone().token("job"), LONG).unwrap_err().to_string();
            assert!(refused.contains(&address) && refused.contains("does not admit this process"), "{refused}");
            assert!(refused.contains(why), "{refused}");
            let failed = waiting.join().unwrap();
            assert!(failed.contains("does not fit the job") && failed.contains(why), "{failed}");
        });
    }
}

#[test]
fn a_process_of_another_job_disturbs_nobody() {
    let (_coordinator, address) = start(Job::of(2).token("this"));
    let member = |id| Member::new(id, 2).token("this");
    let a = Client::connect(&address, &member(0), LONG).unwrap();
    for token in ["", "that"] {
        let refused = Client::connect(&address, &Member::new(1, 2).token(token), LONG).unwrap_err().to_string();
        assert!(refused.contains("it belongs to another job"), "{refused}");
    }
    let b = Client::connect(&address, &member(1), LONG).unwrap();
    // Once the job is complete, a second process 1 disturbs nobody either.
    let refused = Client::connect(&address, &member(1), LONG).unwrap_err().to_string();
    assert!(refused.contains("its id is taken"), "{refused}");
    each(&[a, b], |client| client.barrier("start", LONG).unwrap());
}

#[test]
fn a_coordinator_that_is_not_there_is_an_error_with_address_and_time() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let start = Instant::now();
    let error = Client::connect(&address, &Member::new(1, 2), SHORT).unwrap_err();
    assert!(start.elapsed() < LONG);
    let text = error.to_string();
    assert!(text.starts_with(&format!("no coordinator answered at {address} within 0.")), "{text}");
    assert!(matches!(error, Error::Unreachable { attempts: 2.., .. }), "it is tried again: {text}");
    let error = Client::connect("no-such-host.invalid:80", &Member::new(1, 2), SHORT).unwrap_err().to_string();
    assert!(error.contains("no-such-host.invalid:80") && error.contains("cannot be resolved"), "{error}");
    let error = Client::connect("no port", &Member::new(1, 2), SHORT).unwrap_err().to_string();
    assert!(error.contains("no port") && error.contains("cannot be resolved"), "{error}");
}

#[test]
fn processes_that_are_there_before_the_coordinator_wait_for_it() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    thread::scope(|scope| {
        let early = scope.spawn(|| Client::connect(&address, &Member::new(0, 1), LONG).unwrap());
        thread::sleep(SHORT);
        let _coordinator = Coordinator::start(&address, Job::of(1)).unwrap();
        early.join().unwrap().barrier("start", LONG).unwrap();
    });
}

/// Listens, and answers every connection in the same way.
fn other_server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let _ = stream.write_all(answer);
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    address
}

#[test]
fn other_servers_are_told_from_a_coordinator() {
    let error = Client::connect(&other_server(b""), &Member::new(1, 2), SHORT).unwrap_err().to_string();
    assert!(error.contains("did not answer within 0."), "{error}");
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n"[..],
        b"COTANGCO\x01\0\0\0\xff\xff\xff\xff",
        b"COTANGCO\x01\0\0\0\x01\0\0\0\x03",
    ] {
        let error = Client::connect(&other_server(answer), &Member::new(1, 2), LONG).unwrap_err();
        assert!(matches!(error, Error::NotACoordinator { .. }), "{error}");
    }
    let error =
        Client::connect(&other_server(b"COTANGCO\x02\0\0\0"), &Member::new(1, 2), LONG).unwrap_err().to_string();
    assert!(error.contains("has version 2 of the protocol and this process version 1"), "{error}");
}

/// The bytes with which a process introduces itself.
fn introduction(id: u32, processes: u32) -> Vec<u8> {
    let mut hello = vec![1];
    hello.extend(0u32.to_le_bytes()); // no token
    hello.extend(processes.to_le_bytes());
    hello.extend(id.to_le_bytes());
    hello.extend(5u32.to_le_bytes());
    hello.extend(b"rogue");
    hello.extend(77u32.to_le_bytes());
    [b"COTANGCO\x01\0\0\0".to_vec(), (hello.len() as u32).to_le_bytes().to_vec(), hello].concat()
}

#[test]
fn connections_that_are_no_processes_harm_nobody() {
    let (coordinator, address) = start(Job::of(2).heartbeat_timeout(SILENCE));
    let whole = introduction(1, 2);
    let mut open = Vec::new();
    let mut connect = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let _ = stream.write_all(bytes);
        open.push(stream);
    };
    connect(b"");
    connect(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    connect(&[0xff; 1000]);
    connect(b"COTANGCO\x07\0\0\0");
    // A length of 4 GiB, a message that is none, and one that may not come first.
    connect(b"COTANGCO\x01\0\0\0\xff\xff\xff\xffaaaa");
    connect(b"COTANGCO\x01\0\0\0\x02\0\0\0\x63\x63");
    connect(b"COTANGCO\x01\0\0\0\x01\0\0\0\x02");
    // Many that stop in the middle of the introduction.
    (0..200).for_each(|i| connect(&whole[..i % whole.len()]));
    let clients: Vec<Client> = (0..2).map(|id| Client::connect(&address, &Member::new(id, 2), LONG).unwrap()).collect();
    each(&clients, |client| client.barrier("start", LONG).unwrap());
    // All of them are closed after a while, and the job goes on.
    for mut stream in open {
        stream.set_read_timeout(Some(LONG)).unwrap();
        let end = stream.read_to_end(&mut Vec::new());
        assert!(!matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "{end:?}");
    }
    each(&clients, |client| {
        client.barrier("end", LONG).unwrap();
        client.leave().unwrap();
    });
    assert!(coordinator.shutdown(LONG));
}

#[test]
fn a_process_that_breaks_the_protocol_is_lost() {
    for garbage in [&b"\xff\xff\xff\xff"[..], b"\x01\0\0\0\x63", b"\x01\0\0\0\x01"] {
        let (_coordinator, address) = start(Job::of(2));
        let client = Client::connect(&address, &Member::new(0, 2), LONG).unwrap();
        let mut rogue = TcpStream::connect(&address).unwrap();
        rogue.write_all(&introduction(1, 2)).unwrap();
        rogue.write_all(garbage).unwrap();
        let error = client.barrier("start", LONG).unwrap_err().to_string();
        assert!(error.contains("process 1 (host rogue, pid 77, 127.0.0.1:"), "{error}");
        assert!(error.contains("no message of the protocol"), "{error}");
    }
}

#[test]
fn a_coordinator_on_all_addresses_is_reached_from_its_host() {
    for all in ["0.0.0.0:0", "[::]:0"] {
        // A host may have no IPv6.
        let Ok(coordinator) = Coordinator::start(all, Job::of(1)) else { continue };
        let address = coordinator.local_address().to_string();
        let client = Client::connect(&address, &Member::new(0, 1), LONG).unwrap();
        client.leave().unwrap();
        assert!(coordinator.shutdown(LONG));
    }
}

#[test]
fn jobs_that_cannot_be_are_errors() {
    for processes in [0, u32::MAX] {
        let error = Coordinator::start("127.0.0.1:0", Job::of(processes)).unwrap_err().to_string();
        assert!(error.contains(&processes.to_string()), "{error}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = Coordinator::start(&address, Job::of(1)).unwrap_err().to_string();
    assert!(error.contains(&address) && error.contains("Choose a free port"), "{error}");
}
