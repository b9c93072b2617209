//! Files: those of NumPy, Equinox, Flax and safetensors are read, damaged ones are errors, and checkpoints survive kills.
//! `goldens/make_files.py` and `goldens/make_flax_files.py` made the stored files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cotangent::io::safetensors::{self, File, Save};
use cotangent::io::{Checkpoints, flax, npy};
use cotangent::{ErrorKind, prelude::*};
use tempfile::{TempDir, tempdir};

fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/files").join(name)
}

fn temporary() -> TempDir {
    tempdir().expect("a folder")
}

/// The array that `make_files.py` stores under a shape and a dtype.
fn expected(shape: &[usize], dtype: DType) -> Array {
    let x = np::arange(shape.iter().product::<usize>() as i64).reshape(shape);
    match dtype {
        DType::Bool => (x % 2).equal(1),
        DType::C64 | DType::C128 => x.astype(dtype.real()).complex(1.0).astype(dtype),
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => x.astype(dtype),
        _ => (x - 2).astype(dtype),
    }
}

#[track_caller]
fn assert_same(found: &Array, expected: &Array) {
    assert_eq!((found.dtype(), found.shape()), (expected.dtype(), expected.shape()));
    assert_eq!(found.to_bytes().expect("a value"), expected.to_bytes().expect("a value"));
}

#[track_caller]
fn says(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let text = error.to_string();
    assert!(parts.iter().all(|part| text.contains(part)), "no {parts:?} in:\n{text}");
    assert_eq!(error.kind(), kind, "{text}");
}

const NAMES: [(&str, DType); 15] = [
    ("bool", DType::Bool),
    ("int8", DType::I8),
    ("int16", DType::I16),
    ("int32", DType::I32),
    ("int64", DType::I64),
    ("uint8", DType::U8),
    ("uint16", DType::U16),
    ("uint32", DType::U32),
    ("uint64", DType::U64),
    ("float16", DType::F16),
    ("bfloat16", DType::BF16),
    ("float32", DType::F32),
    ("float64", DType::F64),
    ("complex64", DType::C64),
    ("complex128", DType::C128),
];

#[test]
fn arrays_of_numpy_are_read_and_written_as_numpy_writes_them() -> Result<()> {
    let folder = temporary();
    for (name, dtype) in NAMES {
        let file = stored(&format!("{name}.npy"));
        let x = npy::read(&file)?;
        assert_same(&x, &expected(&[2, 3], dtype));
        let copy = folder.path().join("copy.npy");
        npy::write(&copy, &x)?;
        assert_eq!(std::fs::read(copy).expect("a file"), std::fs::read(file).expect("a file"), "{name}");
    }
    assert_same(&npy::read(stored("column_major.npy"))?, &expected(&[2, 3, 4], DType::F32));
    assert_same(&npy::read(stored("big_endian.npy"))?, &expected(&[2, 3], DType::C64));
    assert_same(&npy::read(stored("scalar.npy"))?, &Array::scalar(2.5f32));
    assert_same(&npy::read(stored("empty.npy"))?, &np::zeros((0, 3)));
    Ok(())
}

#[test]
fn arrays_that_are_not_numbers_are_errors() {
    for (name, part) in [("objects", "`|O`"), ("texts", "`<U2`"), ("records", "records")] {
        let error = npy::read(stored(&format!("{name}.npy"))).unwrap_err();
        says(&error, ErrorKind::Value, &[name, part]);
    }
    says(&npy::read(stored("mlp.eqx")).unwrap_err(), ErrorKind::Value, &["4 arrays", "load_sequence"]);
    says(&npy::read(stored("stored.npz")).unwrap_err(), ErrorKind::Value, &["stored.npz", "NUMPY"]);
    says(&npy::read(stored("none.npy")).unwrap_err(), ErrorKind::Value, &["none.npy", "No such file"]);
}

#[test]
fn archives_of_numpy() -> Result<()> {
    let archive = npy::Archive::open(stored("stored.npz"))?;
    assert_eq!(archive.names().collect::<Vec<_>>(), ["arr_0", "b"]);
    assert_same(&archive.get("arr_0")?, &expected(&[2, 3], DType::F32));
    assert_same(&archive.get("b")?, &expected(&[3], DType::I32));
    says(&archive.get("c").unwrap_err(), ErrorKind::Value, &["no array `c`", "arr_0"]);

    let archive = npy::Archive::open(stored("compressed.npz"))?;
    assert_same(&archive.get("weight")?, &expected(&[2, 3], DType::F32));
    let like = BTreeMap::from([("bias".to_string(), np::zeros_as(3, DType::F64))]);
    says(&archive.load(&like).unwrap_err(), ErrorKind::Structure, &["`weight` is not in the tree", "load_part"]);
    assert_same(&archive.load_part(&like)?["bias"], &expected(&[3], DType::F64));

    let folder = temporary();
    let path = folder.path().join("all.npz");
    let all: Vec<Array> = NAMES.iter().map(|(_, dtype)| expected(&[2, 3], *dtype)).collect();
    npy::save(&path, &all)?;
    for (x, y) in npy::load(&path, &all)?.iter().zip(&all) {
        assert_same(x, y);
    }
    Ok(())
}

#[derive(Clone, Tree)]
struct Layer {
    weight: Array,
    bias: Array,
}

fn layer(inputs: usize, outputs: usize) -> Layer {
    Layer { weight: np::zeros((outputs, inputs)), bias: np::zeros(outputs) }
}

#[test]
fn leaves_of_equinox() -> Result<()> {
    let like = vec![layer(2, 4), layer(4, 1)];
    let mlp = npy::load_sequence(stored("mlp.eqx"), &like)?;
    for (layer, like) in mlp.iter().zip(&like) {
        assert_same(&layer.weight, &expected(like.weight.shape(), DType::F32));
        assert_same(&layer.bias, &expected(like.bias.shape(), DType::F32));
    }
    let folder = temporary();
    let path = folder.path().join("mlp.eqx");
    npy::save_sequence(&path, &mlp)?;
    assert_eq!(std::fs::read(&path).expect("a file"), std::fs::read(stored("mlp.eqx")).expect("a file"));
    let error = npy::load_sequence(&path, &vec![layer(3, 4), layer(4, 1)]).err().expect("an error");
    says(&error, ErrorKind::Structure, &["array 0 is f32[4,2], and `[0].weight` is f32[4,3]"]);
    let error = npy::load_sequence(&path, &vec![layer(2, 4)]).err().expect("an error");
    says(&error, ErrorKind::Structure, &["the file has 4 arrays, and the tree 2"]);
    Ok(())
}

#[test]
fn files_of_flax() -> Result<()> {
    #[derive(Clone, Tree)]
    struct Dense {
        bias: Array,
        kernel: Array,
    }
    let dense = |m: usize, n: usize| Dense { bias: np::zeros(n), kernel: np::zeros((m, n)) };
    let like = BTreeMap::from([("Dense_0".to_string(), dense(4, 1)), ("Dense_1".to_string(), dense(2, 4))]);
    let file = flax::File::open(stored("mlp.msgpack"))?;
    let params = file.load_renamed(&like, |name| format!("params.{name}"))?;
    for (name, layer) in &params {
        assert_same(&layer.kernel, &expected(like[name].kernel.shape(), DType::F32));
        assert_same(&layer.bias, &expected(like[name].bias.shape(), DType::F32));
    }
    let error = file.load(&like).err().expect("an error");
    says(
        &error,
        ErrorKind::Structure,
        &["`Dense_0.bias`, f32[1], is missing", "`params.Dense_0.bias` is not in the tree"],
    );
    // What is written is what Flax writes.
    let folder = temporary();
    let path = folder.path().join("copy.msgpack");
    flax::save(&path, &BTreeMap::from([("params".to_string(), params)]))?;
    assert_eq!(std::fs::read(&path).expect("a file"), std::fs::read(stored("mlp.msgpack")).expect("a file"));

    let state = flax::File::open(stored("state.msgpack"))?;
    for (name, dtype) in NAMES {
        assert_same(&state.get(&format!("arrays.{name}"))?, &expected(&[2, 3], dtype));
    }
    assert_same(&state.get("list.0")?, &expected(&[3], DType::F32));
    assert_same(&state.get("list.1.0")?, &expected(&[], DType::F64));
    assert_same(&state.get("list.1.1")?, &Array::scalar(2.5f32));
    assert_same(&state.get("empty")?, &np::zeros((0, 3)));
    assert_same(&state.get("large")?, &Array::scalar(1i64 << 40));
    says(&state.get("text").unwrap_err(), ErrorKind::Value, &["no array `text`"]);
    says(&state.get("float8").unwrap_err(), ErrorKind::DType, &["float8_e4m3fn"]);

    // Numbers of Python take the dtype of the tree.
    let numbers = |dtypes: [DType; 5]| {
        let names = ["step", "negative", "rate", "flag", "phase"];
        names
            .iter()
            .zip(dtypes)
            .map(|(name, dtype)| (name.to_string(), np::zeros_as((), dtype)))
            .collect::<BTreeMap<_, _>>()
    };
    use DType::{Bool, C64, F16, F32, I8, I32, U8, U32};
    let read = state.load_part(&numbers([U32, I8, F16, Bool, C64]))?;
    assert_same(&read["step"], &Array::scalar(300u32));
    assert_same(&read["negative"], &Array::scalar(-5i8));
    assert_same(&read["rate"], &Array::scalar(0.125f32).astype(F16));
    assert_same(&read["flag"], &Array::scalar(true));
    assert_same(&read["phase"], &Array::scalar(1.5f32).complex(-2.0).astype(C64));
    assert_same(&state.load_part(&numbers([F32, I32, F32, Bool, C64]))?["step"], &Array::scalar(300f32));
    let error = state.load_part(&numbers([U8, U8, I32, I32, F32])).expect_err("an error");
    let parts =
        ["`step` is i64[], expected u8[]", "`negative`", "`rate` is f64[]", "`flag` is bool[]", "`phase` is c128[]"];
    says(&error, ErrorKind::Structure, &parts);

    let divided = flax::File::open(stored("divided.msgpack"))?;
    assert_same(&divided.get("a")?, &expected(&[3, 4], DType::F32));
    assert_same(&divided.get("b")?, &expected(&[2], DType::F64));

    let all: Vec<Array> = NAMES.iter().map(|(_, dtype)| expected(&[2, 3], *dtype)).collect();
    flax::save(&path, &(all.clone(), np::eye(20, 20), Array::scalar(1i32)))?;
    let read = flax::load(&path, &(all.clone(), np::eye(20, 20), Array::scalar(0i32)))?;
    assert_same_tree(&read, &(all, np::eye(20, 20), Array::scalar(1i32)));
    flax::save(&path, &expected(&[3], DType::I16))?;
    assert_same(&flax::load(&path, &expected(&[3], DType::I16))?, &expected(&[3], DType::I16));
    Ok(())
}

/// Nesting, names and sizes that are not those of a file are errors.
#[test]
fn files_that_flax_does_not_write() {
    let folder = temporary();
    let path = folder.path().join("wrong.msgpack");
    let array = |shape: &[u8], dtype: &str, data: &[u8]| {
        let mut inside = vec![0x93, 0x90 | shape.len() as u8];
        inside.extend(shape);
        inside.push(0xa0 | dtype.len() as u8);
        inside.extend(dtype.bytes());
        inside.extend([0xc4, data.len() as u8]);
        inside.extend(data);
        [vec![0xc7, inside.len() as u8, 1], inside].concat()
    };
    let pair = |a: &[u8], b: &[u8]| [&[0x82, 0xa1, b'a'], a, &[0xa1, b'a'], b].concat();
    let long = [&[0x81, 0xda, 0x40, 0][..], &[b'k'; 0x4000], &[0xdc, 0x40, 0], &[1; 0x4000]].concat();
    let cases: [(Vec<u8>, &str); 14] = [
        (vec![], "ends too early"),
        (vec![0x81; 2000], "a key that is neither"),
        ([0x81, 0xa1, b'a'].repeat(2000), "more than 128 levels"),
        (vec![0x91; 2000], "more than 128 levels"),
        (vec![0xdf, 0xff, 0xff, 0xff, 0xff], "fewer values than it says"),
        (vec![0xdd, 0xff, 0xff, 0xff, 0xff], "fewer values than it says"),
        (pair(&[1], &[2]), "two arrays have the name `a`"),
        (vec![1, 1], "something follows the tree"),
        (vec![0xd4, 9, 0], "an extension of type 9"),
        (array(&[3], "float32", &[0; 8]), "8 bytes do not fit f32[3]"),
        (array(&[0x7f; 12], "int8", &[0]), "does not fit in memory"),
        (array(&[0xff], "int8", &[]), "a length that is not a number"),
        (vec![0xc1], "begins no value"),
        (long, "much longer than the file"),
    ];
    for (bytes, part) in cases {
        std::fs::write(&path, &bytes).expect("a file");
        says(
            &flax::File::open(&path).unwrap_err(),
            ErrorKind::Value,
            &["wrong.msgpack is not a valid file of Flax", part],
        );
    }
}

#[derive(Clone, Tree)]
struct Model {
    layers: Vec<Layer>,
    scale: Array,
    steps: Array,
    mask: Array,
    half: Array,
}

fn model() -> Model {
    let [scale, steps] = [(vec![], DType::F64), (vec![3], DType::I64)].map(|(s, d)| expected(&s, d));
    let [mask, half] = [(vec![3], DType::Bool), (vec![2], DType::F16)].map(|(s, d)| expected(&s, d));
    let layers = vec![Layer { weight: expected(&[4, 2], DType::F32), bias: expected(&[4], DType::F32) }];
    Model { layers, scale, steps, mask, half }
}

#[track_caller]
fn assert_same_tree<T: Tree>(found: &T, expected: &T) {
    assert_eq!(tree::leaf_paths(found), tree::leaf_paths(expected));
    tree::leaves(found).iter().zip(tree::leaves(expected)).for_each(|(x, y)| assert_same(x, &y));
}

#[test]
fn safetensors_by_path() -> Result<()> {
    let file = File::open(stored("model.safetensors"))?;
    assert_eq!(file.metadata()["format"], "np");
    assert_same_tree(&file.load(&model())?, &model());
    // The tree that says what is expected need not have values.
    let types = model().map(|x| Array::shape_dtype_struct(x.shape(), x.dtype()));
    assert_same_tree(&file.load(&types)?, &model());

    let mut other = model();
    other.scale = other.scale.astype(DType::F32);
    other.layers.push(layer(4, 1));
    let error = file.load(&other).err().expect("an error");
    let parts = ["`scale` is f64[], expected f32[]", "`layers.1.weight`, f32[1,4], is missing", "`layers.1.bias`"];
    says(&error, ErrorKind::Structure, &parts);
    let error = file.load(&model().layers).err().expect("an error");
    says(&error, ErrorKind::Structure, &["`0.weight`, f32[4,2], is missing", "`scale` is not in the tree"]);
    let layers = file.load_renamed(&model().layers, |name| format!("layers.{name}"))?;
    assert_same_tree(&layers, &model().layers);
    Ok(())
}

#[test]
fn safetensors_of_every_dtype_in_one_file_and_in_several() -> Result<()> {
    let folder = temporary();
    let all: Vec<Array> = NAMES.iter().map(|(_, dtype)| expected(&[2, 3], *dtype)).collect();
    let path = folder.path().join("all.safetensors");
    safetensors::save(&path, &all)?;
    assert_same_tree(&safetensors::load(&path, &all)?, &all);
    assert_same_tree(&safetensors::load(folder.path(), &all)?, &all);
    // Other programs find the parts of complex numbers, unless they know the text.
    let mut bytes = std::fs::read(&path).expect("a file");
    let (_, header) = ::safetensors::SafeTensors::read_metadata(&bytes).expect("a header");
    let parts = header.info("14").expect("the array of c128");
    assert_eq!((parts.dtype, &parts.shape[..]), (::safetensors::Dtype::F64, &[2, 3, 2][..]));
    // A text that does not fit its array.
    let text = bytes.windows(9).position(|x| x == b"\"c128:14\"").expect("the text");
    bytes[text + 7] = b'3';
    let other = folder.path().join("other");
    std::fs::write(&other, &bytes).expect("a file");
    says(&File::open(&other).unwrap_err(), ErrorKind::Value, &["`13` does not have the parts of complex numbers"]);
    // A failed save leaves the file that was there.
    assert!(
        safetensors::save(&path, &vec![expected(&[2], DType::F32), Array::shape_dtype_struct(2, DType::F32)]).is_err()
    );
    assert_same_tree(&safetensors::load(&path, &all)?, &all);

    let parts = folder.path().join("parts");
    std::fs::create_dir(&parts).expect("a folder");
    Save::new().max_shard_size(60).write(parts.join("all.safetensors"), &all)?;
    assert!(std::fs::read_dir(&parts).expect("a folder").count() > 5);
    assert_same_tree(&safetensors::load(&parts, &all)?, &all);

    // An index names files beside it and no others.
    let index = parts.join("all.safetensors.index.json");
    std::fs::write(&index, r#"{"weight_map": {"0": "../all.safetensors"}}"#).expect("a file");
    says(&File::open(&index).unwrap_err(), ErrorKind::Value, &["`../all.safetensors` is not the name of a file"]);
    Ok(())
}

/// On the CPU, an array of a file is used where it is: the address of its buffer is in the mapped file.
#[test]
fn arrays_are_not_copied() -> Result<()> {
    let folder = temporary();
    let path = folder.path().join("model.safetensors");
    let model = (np::ones(3), np::ones((40, 40)), np::ones_as(32, DType::BF16));
    safetensors::save(&path, &model)?;
    let loaded = safetensors::load(&path, &model)?;
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the maps of this process");
    let name = path.to_str().expect("a path");
    let range = maps.lines().find(|line| line.ends_with(name)).and_then(|line| line.split(' ').next());
    let (begin, end) = range.and_then(|range| range.split_once('-')).expect("the mapped file");
    let number = |text: &str| usize::from_str_radix(text, 16).expect("a number");
    for x in [&loaded.1, &loaded.2] {
        let address = x.to(Device::cpu(0)).buffer_address()?;
        assert!((number(begin)..number(end)).contains(&address), "{:?}", x.aval());
    }
    assert_eq!((loaded.1 * 2.0).sum().item::<f32>(), 3200.0);
    Ok(())
}

#[test]
fn damaged_files_are_errors_or_values() {
    let folder = temporary();
    let path = folder.path().join("damaged");
    let names = [
        "model.safetensors",
        "stored.npz",
        "compressed.npz",
        "mlp.eqx",
        "float32.npy",
        "state.msgpack",
        "divided.msgpack",
    ];
    for name in names {
        let whole = std::fs::read(stored(name)).expect("a file");
        // Nothing is asserted but that each attempt ends: a changed element is a value like any other.
        let attempt = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("a file");
            let read = || -> Result<()> {
                match name.rsplit('.').next() {
                    Some("safetensors") => {
                        let file = File::open(&path)?;
                        file.names().for_each(|name| drop(file.get(name).and_then(|x| x.to_bytes())));
                    }
                    Some("npz") => {
                        let file = npy::Archive::open(&path)?;
                        file.names().for_each(|name| drop(file.get(name).and_then(|x| x.to_bytes())));
                    }
                    Some("msgpack") => {
                        let file = flax::File::open(&path)?;
                        file.names().for_each(|name| drop(file.get(name).and_then(|x| x.to_bytes())));
                    }
                    _ => drop(npy::load_sequence(&path, &vec![layer(2, 4), layer(4, 1)])?),
                }
                Ok(())
            };
            read()
        };
        for n in 0..whole.len() {
            let cut = attempt(&whole[..n]);
            assert!(cut.is_err() || name == "stored.npz", "{name} of {n} bytes");
        }
        for i in 0..whole.len() {
            for change in [0x20, 0xff] {
                let mut damaged = whole.clone();
                damaged[i] ^= change;
                drop(attempt(&damaged));
            }
        }
    }
}

#[derive(Clone, Tree)]
struct State {
    weight: Array,
    key: Key,
    step: Array,
}

fn state(step: u64) -> State {
    State { weight: np::full(2000, step as f64), key: random::key(step), step: Array::scalar(step as i64) }
}

#[test]
fn checkpoints_are_kept_replaced_and_checked() -> Result<()> {
    let folder = temporary();
    let folder = folder.path().join("runs/1");
    let checkpoints = Checkpoints::new(&folder).keep(2);
    assert!(checkpoints.steps()?.is_empty() && checkpoints.restore_latest(&state(0))?.is_none());
    for step in [10, 20, 30] {
        checkpoints.save(step, &state(step))?;
    }
    assert_eq!(checkpoints.steps()?, [20, 30]);
    assert_same_tree(&checkpoints.restore(20, &state(0))?, &state(20));
    // After a restart from an earlier step, what is saved is kept.
    checkpoints.save(15, &state(15))?;
    assert_eq!(checkpoints.steps()?, [15, 30]);
    says(&checkpoints.restore(20, &state(0)).err().expect("an error"), ErrorKind::Value, &["step 20", "[15, 30]"]);
    let other = (np::zeros(2000), np::zeros(1));
    says(&checkpoints.restore(30, &other).expect_err("an error"), ErrorKind::Structure, &["`weight` is not in"]);

    let path = folder.join("step-000000000040.safetensors");
    Save::new().metadata("version", "2").write(path, &state(40))?;
    let error = checkpoints.restore_latest(&state(0)).err().expect("an error");
    says(&error, ErrorKind::Value, &["version 2", "reads 1"]);
    Ok(())
}

/// A process that is killed when the test ends, however it ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Saves checkpoints until it is killed. It does nothing unless [`checkpoints_survive_kills`] starts it.
#[test]
fn saves_until_it_is_killed() -> Result<()> {
    let Some(folder) = std::env::var_os("COTANGENT_TEST_CHECKPOINTS") else { return Ok(()) };
    let checkpoints = Checkpoints::new(PathBuf::from(folder)).keep(2);
    let first = checkpoints.restore_latest(&state(0))?.map_or(0, |(step, _)| step);
    for step in first + 1.. {
        checkpoints.save(step, &state(step))?;
    }
    Ok(())
}

#[test]
fn checkpoints_survive_kills() -> Result<()> {
    let folder = temporary();
    let checkpoints = Checkpoints::new(folder.path());
    let mut last = 0;
    for round in 0..12 {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["saves_until_it_is_killed", "--exact", "--nocapture"]).stdout(Stdio::null());
        let mut child = Killed(command.env("COTANGENT_TEST_CHECKPOINTS", folder.path()).spawn().expect("a process"));
        // The process is killed once it has saved something, at another moment in each round.
        while checkpoints.steps()?.last().is_none_or(|step| *step <= last) {
            assert!(child.0.try_wait().expect("a status").is_none(), "the process ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(700 * round));
        drop(child);
        let (step, restored) = checkpoints.restore_latest(&state(0))?.expect("a checkpoint");
        assert!(step > last);
        assert_same_tree(&restored, &state(step));
        last = step;
    }
    checkpoints.clone().keep(2).save(last + 1, &state(last + 1))?;
    let names = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(names, 2, "what the killed processes left is gone");
    Ok(())
}
