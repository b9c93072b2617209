//! Profiles of time and of memory.

use std::path::Path;

use cotangent::prelude::*;
use cotangent::profiler;

/// The content of a file of gzip that is stored without compression.
fn unzipped(file: &[u8]) -> Vec<u8> {
    assert_eq!(file[..3], [0x1f, 0x8b, 8]);
    let (mut at, mut content) = (10, Vec::new());
    loop {
        let (last, len) = (file[at], usize::from(u16::from_le_bytes([file[at + 1], file[at + 2]])));
        content.extend(&file[at + 5..at + 5 + len]);
        at += 5 + len;
        if last == 1 {
            break;
        }
    }
    assert_eq!(file[at + 4..], (content.len() as u32).to_le_bytes());
    content
}

/// The file of a folder whose name has this end.
fn file(folder: &Path, end: &str) -> Vec<u8> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let path = names.into_iter().find(|path| path.to_str().unwrap().ends_with(end)).expect(end);
    std::fs::read(path).unwrap()
}

/// There is one profile at a time in a process.
#[test]
fn profiles_are_of_what_happens_meanwhile() {
    let folder = std::env::temp_dir().join(format!("cotangent-profile-{}", std::process::id()));
    let mut options = profiler::Options::default();
    options.perfetto = true;
    let f = jit(|x: &Array| (x.sin() * 3.25).sum());
    let _ = profiler::annotate("before", || f(&np::ones(3)));
    profiler::start_trace(&folder, options).unwrap();
    assert!(profiler::start_trace(&folder, options).unwrap_err().message().contains("is being recorded already"));
    for n in 0..3 {
        let _ = profiler::step("train", n, || f(&np::ones(4)).block_until_ready().unwrap().clone());
    }
    std::thread::scope(|scope| {
        scope.spawn(|| profiler::annotate("else\"where", || ()));
    });
    let run = profiler::stop_trace().unwrap();
    profiler::annotate("after", || ());
    assert!(profiler::stop_trace().is_err());
    assert!(run.starts_with(folder.join("plugins/profile")));

    let json = unzipped(&file(&run, ".trace.json.gz"));
    assert_eq!(json, unzipped(&file(&run, "perfetto_trace.json.gz")));
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let names: Vec<&str> = events.iter().map(|event| event["name"].as_str().unwrap()).collect();
    for (name, n) in [("train 0", 1), ("train 2", 1), ("else\"where", 1), ("before", 0), ("after", 0)] {
        assert_eq!(names.iter().filter(|known| **known == name).count(), n, "{name} in {names:?}");
    }
    for name in ["call", "jit", "trace", "lower", "execute", "wait"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    // A step contains the calls in it, in time and on its thread.
    let at = |event: &serde_json::Value| {
        let start = event["ts"].as_f64().unwrap();
        (event["tid"].as_u64().unwrap(), start, start + event["dur"].as_f64().unwrap())
    };
    let (thread, start, end) = at(events.iter().find(|event| event["name"] == "train 1").unwrap());
    let inside = |event: &&serde_json::Value| {
        let (t, s, e) = at(event);
        event["name"] == "call" && t == thread && s >= start && e <= end + 0.001
    };
    assert_eq!(events.iter().filter(|event| event["ph"] == "X").filter(inside).count(), 1);

    let plane = file(&run, ".xplane.pb");
    let has = |text: &str| plane.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(["/host:CPU", "train 0", "step_num", "call", "execute"].into_iter().all(has));
    assert!(!has("before") && !has("after"));
    std::fs::remove_dir_all(&folder).unwrap();

    // A panic ends the profile, and the next one can begin.
    let left = std::panic::catch_unwind(|| profiler::trace(&folder, || panic!("out")));
    assert!(left.is_err() && folder.exists());
    assert_eq!(profiler::trace(&folder, || 3), 3);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn live_arrays_are_those_that_exist() {
    // Other tests make arrays meanwhile, of other sizes.
    let of_size = |n: usize| profiler::live_arrays().iter().filter(|x| x.size() == n).count();
    let before = np::ones(70_001).block_until_ready().unwrap().clone();
    profiler::track_arrays(true);
    assert_eq!(of_size(70_001), 0, "it was made before");
    let x = Array::from(vec![1.0f32; 70_001]);
    let y = jit(|x: &Array| x * 2.0)(&x);
    assert_eq!(of_size(70_001), 2);
    let clone = y.clone();
    drop(y);
    assert_eq!(of_size(70_001), 2);
    drop(clone);
    assert_eq!(of_size(70_001), 1);
    for _ in 0..1000 {
        drop(&x + 1.0);
    }
    assert_eq!(of_size(70_001), 1);

    let profile = unzipped(&profiler::device_memory_profile());
    let has = |text: &str| profile.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(["allocations", "space", "bytes", "buffer", "live_arrays_are_those_that_exist"].into_iter().all(has));
    // The number of bytes, as protocol buffers write it.
    let bytes: Vec<u8> =
        [0x10, (280_004 & 0x7f) as u8 | 0x80, (280_004 >> 7 & 0x7f) as u8 | 0x80, (280_004 >> 14) as u8].into();
    assert!(profile.windows(4).any(|part| part == bytes));
    profiler::track_arrays(false);
    drop((x, before));
    assert_eq!(of_size(70_001), 0);
    let error = profiler::save_device_memory_profile("/no/such/folder/memory.prof").unwrap_err();
    assert!(error.message().contains("the profile cannot be written to"), "{error}");
}
