//! The directory of compiled programs, shared between processes: whatever is in it, the results are the same.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use xla::plugin::Platform;

/// A test's own cache directory, with the user's plugins.
struct Cache(PathBuf);

impl Cache {
    fn new(name: &str) -> Cache {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        let plugins = xla::plugin::cache_dir().expect("there is a cache").join("plugins");
        fs::create_dir_all(&plugins).expect("the plugins' folder");
        std::os::unix::fs::symlink(plugins, folder.join("plugins")).expect("a link");
        Cache(folder)
    }

    fn programs(&self) -> PathBuf {
        self.0.join("programs")
    }

    /// The stored programs by name.
    fn entries(&self) -> BTreeMap<String, Vec<u8>> {
        let Ok(listing) = fs::read_dir(self.programs()) else { return BTreeMap::new() };
        (listing.flatten())
            .map(|e| (e.file_name().into_string().expect("text"), fs::read(e.path()).expect("an entry")))
            .collect()
    }

    /// A process that runs a case of `cotangent bench`.
    fn worker(&self, before: &str, case: &str) -> Command {
        let mut command = Command::new("sh");
        let run = format!("{before} exec \"$0\" bench --worker \"$1\"");
        command.args(["-c", &run, env!("CARGO_BIN_EXE_cotangent"), case]);
        command.env("COTANGENT_CACHE_DIR", &self.0).env("COTANGENT_COMPILE_CACHE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// The numbers that a process computed. The process must have succeeded.
fn numbers(child: std::process::Output) -> String {
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let output = String::from_utf8(child.stdout).expect("text");
    let lines: Vec<&str> =
        output.lines().filter_map(|l| Some(&l[l.find("\"cell\"").or_else(|| l.find("\"check\""))?..])).collect();
    assert!(!lines.is_empty(), "{output}");
    lines.join("\n")
}

fn run(cache: &Cache, case: &str) -> String {
    numbers(cache.worker("", case).output().expect("it runs"))
}

const NOTEBOOK: &str = "start/notebook";

#[test]
fn a_second_process_compiles_nothing() {
    let cache = Cache::new("second");
    // A step of a perceptron with Adam; other cases share programs with it.
    let first = run(&cache, "mlp/adam");
    let stored = cache.entries();
    assert!(!stored.is_empty());
    // Programs are stored, each as a new file. The hard links keep the inode numbers of the old files in use.
    let second = cache.0.join("second");
    fs::create_dir(&second).expect("a folder");
    for name in stored.keys() {
        fs::hard_link(cache.programs().join(name), second.join(name)).expect("a link");
    }
    let files = || -> Vec<u64> {
        stored.keys().map(|name| fs::metadata(cache.programs().join(name)).expect("a file").ino()).collect()
    };
    let before = files();
    assert_eq!(run(&cache, "mlp/adam"), first);
    assert_eq!(files(), before);
    assert_eq!(cache.entries().len(), stored.len());
    // This is how the test would notice.
    let (name, bytes) = stored.first_key_value().expect("a program");
    fs::write(cache.programs().join(name), &bytes[..100]).expect("it is written");
    assert_eq!(run(&cache, "mlp/adam"), first);
    assert_ne!(files(), before);
}

#[test]
fn many_processes_fill_one_folder() {
    let cache = Cache::new("many");
    let processes: Vec<_> = (0..6).map(|_| cache.worker("", NOTEBOOK).spawn().expect("it starts")).collect();
    let results: Vec<String> = processes.into_iter().map(|p| numbers(p.wait_with_output().expect("it ends"))).collect();
    assert!(results.iter().all(|r| *r == results[0]));
    // No partial file is left behind, and every entry is complete.
    let stored = cache.entries();
    assert!(stored.keys().all(|name| name.len() == 64), "{:?}", stored.keys());
    assert_eq!(run(&cache, NOTEBOOK), results[0]);
    assert_eq!(cache.entries(), stored);
}

#[test]
fn what_is_damaged_or_foreign_is_made_again() {
    let cache = Cache::new("damage");
    let right = run(&cache, NOTEBOOK);
    let stored = cache.entries();
    let contents: Vec<&Vec<u8>> = stored.values().collect();
    let damage = |i: usize, bytes: &[u8]| -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match i % 6 {
            // A flipped bit in the machine code, in the checksum, or in the name inside.
            0 => *bytes.last_mut().expect("not empty") ^= 1,
            1 => bytes[50] ^= 0x80,
            2 => bytes[20] ^= 1,
            // A complete entry of another program.
            3 => bytes = contents[(i + 1) % contents.len()].clone(),
            // A truncated entry, and an empty one.
            4 => bytes.truncate(bytes.len() / 2),
            _ => bytes.clear(),
        }
        bytes
    };
    for (i, (name, bytes)) in stored.iter().enumerate() {
        fs::write(cache.programs().join(name), damage(i, bytes)).expect("it is written");
    }
    assert_eq!(run(&cache, NOTEBOOK), right);
    let again = cache.entries();
    assert_eq!(again.keys().collect::<Vec<_>>(), stored.keys().collect::<Vec<_>>());
    // All entries are complete again.
    assert_eq!(run(&cache, NOTEBOOK), right);
    assert_eq!(cache.entries(), again);
}

#[test]
fn other_options_are_other_programs() {
    let cache = Cache::new("options");
    let case = "start/first-program";
    run(&cache, case);
    let plain = cache.entries().len();
    let mut other = cache.worker("", case);
    numbers(other.env("XLA_FLAGS", "--xla_backend_optimization_level=1").output().expect("it runs"));
    assert_eq!(cache.entries().len(), 2 * plain);
}

#[test]
fn a_plugin_from_elsewhere_is_read_only_where_its_hash_is_of_use() {
    let plugin = xla::plugin::locate(Platform::Cpu).expect("there is a plugin").path;
    // The hash of a plugin that the user names is stored in the cache directory, which shows that it was computed.
    let hashes = |name: &str, prepare: fn(&Cache)| {
        let cache = Cache::new(name);
        prepare(&cache);
        numbers(cache.worker("", NOTEBOOK).env(Platform::Cpu.variable(), &plugin).output().expect("it runs"));
        fs::read_dir(cache.0.join("hashes")).map_or(0, Iterator::count)
    };
    assert_eq!(hashes("hashed", |_| ()), 1);
    // Nothing can be stored, and nothing is stored already.
    assert_eq!(hashes("unhashed", |cache| fs::write(cache.programs(), "not a folder").expect("it is written")), 0);
}

#[test]
fn a_full_disk_costs_a_compile_and_nothing_else() {
    let cache = Cache::new("full");
    // No file may grow beyond 8 blocks: writing fails partway, as on a full disk.
    let full = "trap '' XFSZ; ulimit -f 8;";
    let right = numbers(cache.worker("", "start/first-program").output().expect("it runs"));
    fs::remove_dir_all(cache.programs()).expect("it was there");
    for _ in 0..2 {
        assert_eq!(numbers(cache.worker(full, "start/first-program").output().expect("it runs")), right);
        assert!(cache.entries().is_empty(), "{:?}", cache.entries().keys());
    }
}

/// The output of `cotangent cache` for a cache.
fn cache(cache: &Cache, limit: &str, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cotangent"));
    command.arg("cache").args(args).env("COTANGENT_CACHE_DIR", &cache.0);
    let output = command.env("COTANGENT_COMPILE_CACHE_LIMIT", limit).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_cache_is_shown_and_cleaned() {
    let folder = Cache::new("show");
    assert!(cache(&folder, "", &[]).contains("0, 0 bytes of at most 1.0 GB"));
    assert!(cache(&folder, "", &["clean"]).contains("there was no compiled program"));
    let right = run(&folder, "start/first-program");
    let bytes: usize = folder.entries().values().map(Vec::len).sum();
    let shown: serde_json::Value = serde_json::from_str(&cache(&folder, "2 GiB", &["show", "--json"])).expect("JSON");
    let programs = &shown["programs"];
    assert_eq!(programs["count"], folder.entries().len());
    assert_eq!(programs["bytes"], bytes);
    assert_eq!(programs["limit"], 2u64 << 30);
    assert_eq!(shown["dir"], folder.0.to_str().expect("UTF-8"));
    assert!(shown["plugins"][0]["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{shown}");
    let text = cache(&folder, "much", &["show"]);
    assert!(text.contains("`much`, which is not a size") && text.contains("at most 1.0 GB"), "{text}");
    assert!(cache(&folder, "", &["clean"]).starts_with("removed "));
    assert!(folder.entries().is_empty());
    assert_eq!(run(&folder, "start/first-program"), right);
    // `--all` removes the plugins, but not files of others.
    fs::remove_file(folder.0.join("plugins")).expect("a link");
    fs::create_dir_all(folder.0.join("plugins/fake-1.0")).expect("a folder");
    fs::write(folder.0.join("plugins/fake-1.0/libfake.so"), "of bytes").expect("a file");
    fs::write(folder.0.join("plugins/.lock"), "").expect("a file");
    let gone: serde_json::Value =
        serde_json::from_str(&cache(&folder, "", &["clean", "--all", "--json"])).expect("JSON");
    assert_eq!(gone["plugins"], serde_json::json!({ "count": 1, "bytes": 8 }));
    let left: Vec<_> = fs::read_dir(folder.0.join("plugins")).expect("a folder").flatten().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn many_processes_keep_within_the_limit() {
    let folder = Cache::new("limit");
    let right = run(&folder, NOTEBOOK);
    let all: usize = folder.entries().values().map(Vec::len).sum();
    let limit = all / 2;
    fs::remove_dir_all(folder.programs()).expect("it was there");
    fs::remove_file(folder.programs().with_extension("stored")).expect("it was there");
    let start = || {
        let mut command = folder.worker("", NOTEBOOK);
        command.env("COTANGENT_COMPILE_CACHE_LIMIT", limit.to_string()).spawn().expect("it starts")
    };
    let processes: Vec<_> = (0..4).map(|_| start()).collect();
    for process in processes {
        assert_eq!(numbers(process.wait_with_output().expect("it ends")), right);
    }
    // Each process may have stored a program since the last check.
    let largest = folder.entries().values().map(Vec::len).max().expect("some stay");
    let kept: usize = folder.entries().values().map(Vec::len).sum();
    assert!(kept <= limit + 4 * largest, "{kept} of {limit}");
    assert!(kept >= limit / 4, "{kept} of {limit}");
}
