//! Devices: where arrays are and programs run, transfers, and the errors for arrays that do not meet. The rules of
//! committed and uncommitted arrays are those of JAX 0.10.2.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use cotangent::extend::Backend;
use cotangent::prelude::*;
use cotangent::{
    Aval, Callback, ErrorKind, Exported, Loaded, Platform, default_device, device_put, devices_of, lax, local_devices,
};

/// Two devices of one client, and one of another, beside the default client.
fn others() -> [Device; 3] {
    static DEVICES: OnceLock<[Device; 3]> = OnceLock::new();
    *DEVICES.get_or_init(|| {
        Backend::new(Platform::Cpu).option("cpu_device_count", 2).register("two").unwrap();
        let plugin = xla::plugin::locate(xla::plugin::Platform::Cpu).unwrap().path;
        Backend::new(Platform::Cpu).plugin(plugin).option("cpu_device_count", 1).register("one").unwrap();
        let [a, b] = devices_of("two").unwrap()[..] else { panic!("two devices were asked for") };
        [a, b, devices_of("one").unwrap()[0]]
    })
}

/// Where an array is, and whether it is committed.
fn place(x: &Array) -> (Device, bool) {
    (x.device().unwrap(), x.is_committed())
}

fn data() -> Array {
    Array::from(vec![1.0f32, 2.0, 3.0])
}

#[test]
fn devices_are_listed_by_name() {
    let [a, b, c] = others();
    assert_eq!([a, b, c].map(|d| d.to_string()), ["two:0", "two:1", "one:0"]);
    for device in [a, b, c] {
        assert_eq!(device.to_string().parse(), Ok(device));
        assert_eq!(device.platform(), Platform::Cpu);
        assert_eq!(device.kind().unwrap(), "cpu");
    }
    assert_eq!(default_device(c, || local_devices().unwrap()), [c]);
    assert_eq!(devices_of(Platform::Cpu).unwrap()[0], Device::cpu(0));
    let error = "two:2".parse::<Device>().unwrap().kind().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Device);
    assert!(error.message().contains("`two` has two:0, two:1"), "{error}");
    assert!(devices_of("four").unwrap_err().to_string().contains("`two`"));
    // A client that cannot be opened is an error each time, and the process goes on.
    Backend::new(Platform::Cpu).plugin("/no/such/plugin.so").register("absent").unwrap();
    for _ in 0..2 {
        let error = data().try_to("absent".parse::<Device>().unwrap()).unwrap_err();
        assert!(error.to_string().contains("/no/such/plugin.so"), "{error}");
    }
    assert!(Backend::new(Platform::Cpu).register("cpu").is_err());
}

#[test]
fn uncommitted_arrays_are_on_the_default_device() {
    let home = Device::current().unwrap();
    for device in others() {
        let (host, computed, scalar) = default_device(device, || (data(), np::arange(3) * 2, Array::from(2.0)));
        assert_eq!(place(&host), (device, false));
        assert_eq!(place(&computed), (device, false));
        // A scalar on the host is where it is asked for.
        assert_eq!(place(&scalar), (home, false));
        // Outside the scope they move to the default device, even if a function returns them unchanged.
        assert_eq!(place(&(&computed + 1)), (home, false));
        let same = jit(|x: &Array| x.clone())(&computed);
        assert_eq!(place(&same), (home, false));
        assert_eq!(same.to_vec::<i32>(), [0, 2, 4]);
        assert_eq!(default_device(device, || place(&(&host + 1))), (device, false));
    }
}

#[test]
fn committed_arrays_decide() {
    let (x, [a, ..]) = (data(), others());
    for device in others() {
        let y = x.to(device);
        assert_eq!(place(&y), (device, true));
        assert_eq!(place(&x), (Device::current().unwrap(), false));
        assert_eq!(place(&(&y + &x)), (device, true));
        assert_eq!(place(&(1.0 - &y)), (device, true));
        assert_eq!(default_device(a, || place(&(&y * 2.0))), (device, true));
        assert_eq!((&y + &x).to_vec::<f32>(), [2.0, 4.0, 6.0]);
        // Every result is committed, whether it is computed, passed on, or a number.
        let f = jit(|x: &Array, y: &Array| (x.clone(), y.clone(), x + y, np::array(3.0)));
        let (p, q, r, s) = f(&x, &y);
        assert_eq!([&p, &q, &r, &s].map(place), [(device, true); 4]);
        assert_eq!((p.to_vec::<f32>(), s.item::<f32>()), (vec![1.0, 2.0, 3.0], 3.0));
        // A scalar that is committed is no number of the host.
        let two = Array::from(2.0).to(device);
        assert_eq!((place(&two), two.weak_type()), ((device, true), true));
        assert_eq!(place(&(&two * 3.0)), (device, true));
        assert_eq!((&two * 3.0).item::<f32>(), 6.0);
        // An argument that the program does not use has no say, as in JAX.
        let unused = jit(|x: &Array, _: &Array| x + 1.0);
        assert!(!place(&unused(&x, &y)).1);
        // What a function captures counts like an argument.
        let captures = jit(|x: &Array| x + &y);
        assert_eq!(place(&captures(&x)), (device, true));
        assert_eq!(place(&grad(|x: &Array| (x * &y).sum())(&x)), (device, true));
    }
}

#[test]
fn functions_run_where_the_user_says() {
    let [a, b, c] = others();
    let f = jit(|x: &Array| (x.sin(), Array::from(1.0)));
    let expected = f(&data()).0.to_vec::<f32>();
    for device in [a, b, c] {
        let g = jit(|x: &Array| (x.sin(), Array::from(1.0))).on(device);
        for x in [data(), data().to(a), data().to(b), data().to(c)] {
            let (sine, one) = g(&x);
            assert_eq!((place(&sine), place(&one)), ((device, true), (device, true)));
            assert_eq!(sine.to_vec::<f32>(), expected);
            // The function itself follows its argument.
            assert_eq!(place(&f(&x).0), place(&x));
        }
        assert_eq!(g.cache_report().traces, 1);
    }
    // One trace serves all devices, and each is compiled for once.
    let report = f.cache_report();
    assert_eq!(report.traces, 1);
}

#[test]
fn arrays_of_different_devices_do_not_meet() {
    let [a, b, c] = others();
    let (x, y, z) = (data().to(a), data().to(b), data().to(c));
    let check = |error: Error, parts: &[&str], line: u32| {
        assert_eq!(error.kind(), ErrorKind::Device);
        let text = error.to_string();
        for part in parts.iter().chain(&["two:0", "two:1", "f32[3]", ".to("]) {
            assert!(text.contains(part), "`{part}` in {text}");
        }
        assert_eq!(error.location().unwrap().line(), line, "{text}");
    };
    let (sum, added) = (|x: &Array, y: &Array| x + y, line!());
    let error = jit(sum).try_call((&x, &y)).unwrap_err();
    check(error, &["argument [0]", "argument [1]"], line!() - 1);
    let eager = catch_unwind(AssertUnwindSafe(|| sum(&x, &y))).unwrap_err();
    let eager = eager.downcast::<String>().unwrap();
    for part in ["operand 0 of `add`", "operand 1", "two:0", "two:1", &format!("devices.rs:{added}")] {
        assert!(eager.contains(part), "`{part}` in {eager}");
    }
    let error = jit(|x: &Array| x + &y).try_call((&x,)).unwrap_err();
    check(error, &["a captured array", "argument [0]"], line!() - 1);
    let error = grad(|x: &Array| (x * x * &y).sum()).try_call((&x,)).unwrap_err();
    assert!(error.to_string().contains("a captured array") && error.kind() == ErrorKind::Device, "{error}");
    let pair = (x.clone(), vec![y.clone()]);
    let error = jit(|p: &(Array, Vec<Array>)| &p.0 * &p.1[0]).try_call((&pair,)).unwrap_err();
    check(error, &["argument [0][0]", "argument [0][1][0]"], line!() - 1);
    // Clients are kept apart like devices of one client, and the advice works.
    assert!(jit(sum).try_call((&y, &z)).unwrap_err().to_string().contains("one:0"));
    assert_eq!(sum(&z.to(y.device().unwrap()), &y).to_vec::<f32>(), [2.0, 4.0, 6.0]);
    assert_eq!(place(&jit(sum).on(c)(&x, &y)), (c, true));
}

#[test]
fn traced_arrays_have_no_device() {
    let [a, ..] = others();
    let error = jit(|x: &Array| x.to(a)).try_call((&data(),)).unwrap_err();
    assert!(error.to_string().contains("`jit(f).on(device)`"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Trace);
    let error = jit(|x: &Array| (x.device().unwrap(), x.clone()).1).try_call((&data(),)).unwrap_err();
    assert!(error.to_string().contains("has no device"), "{error}");
    let inner = jit(|x: &Array| x + 1.0).on(a);
    let error = grad(|x: &Array| inner(x).sum()).try_call((&data(),)).unwrap_err();
    assert!(error.to_string().contains("choose a device for the outermost function"), "{error}");
    // A value that is known moves inside a traced function as anywhere else.
    let f = jit(|x: &Array| x + data().to(a));
    assert_eq!(place(&f(&data())), (a, true));
}

#[test]
fn arrays_move_between_all_devices() {
    let [a, b, c] = others();
    let all = [Device::current().unwrap(), a, b, c];
    let shapes: [&[usize]; 4] = [&[], &[0, 3], &[5], &[33, 17]];
    for dtype in DType::ALL {
        for shape in shapes {
            let x = (np::arange(shape.iter().product::<usize>()).reshape(shape) % 2).astype(dtype);
            let bytes = x.to_bytes().unwrap();
            for from in all {
                let there = x.to(from);
                for to in all {
                    let moved = there.to(to);
                    assert_eq!((place(&moved), moved.aval()), ((to, true), x.aval()));
                    assert_eq!(moved.to_bytes().unwrap(), bytes, "{dtype} {shape:?} from {from} to {to}");
                }
                assert_eq!(there.to_bytes().unwrap(), bytes);
            }
        }
    }
    // An array that is there already is not copied, and neither is one that has only to be committed.
    let y = (data() * 2.0).to(a);
    let address = y.buffer_address().unwrap();
    assert_eq!(y.to(a).buffer_address().unwrap(), address);
    let z = default_device(a, || data() * 3.0);
    assert_eq!(z.to(a).buffer_address().unwrap(), z.buffer_address().unwrap());
    // Two clients of the CPU share memory; two devices of one client do not.
    let big = default_device(a, || np::ones(4096) * 2.0);
    assert_eq!(big.to(c).buffer_address().unwrap(), big.buffer_address().unwrap());
    assert_ne!(big.to(b).buffer_address().unwrap(), big.buffer_address().unwrap());
    let tree = device_put(&(data(), vec![np::arange(2)]), b);
    assert_eq!([place(&tree.0), place(&tree.1[0])], [(b, true); 2]);
}

#[test]
fn donation_stays_on_the_device() {
    let [a, b, c] = others();
    let step = jit(|x: Array| 0.5 * x + 1.0);
    for device in [a, b, c] {
        let mut x = step((np::ones(1000) * 2.0).to(device));
        let address = x.buffer_address().unwrap();
        x = step(x);
        assert_eq!((place(&x), x.buffer_address().unwrap()), ((device, true), address));
        // An array whose memory is shared with another client, or that moves, is not overwritten.
        for to in [a, b, c] {
            let there = x.to(to);
            assert_eq!(step(there).to_vec::<f32>()[..2], [2.0, 2.0]);
            assert_eq!(x.to_vec::<f32>()[..2], [2.0, 2.0]);
            let on = jit(|x: Array| 0.5 * x + 3.0).on(to);
            assert_eq!(on(x.to(device)).to_vec::<f32>()[..2], [4.0, 4.0]);
            assert_eq!(x.to_vec::<f32>()[..2], [2.0, 2.0]);
        }
    }
}

#[test]
fn transforms_work_on_every_device() {
    let f = |w: &Array, x: &Array| {
        let step = |h: &Array, x: &Array| {
            let h = np::tanh(np::dot(w, h) + x);
            (h.clone(), h.sum())
        };
        let (h, sums) = lax::scan(step, &np::zeros(3), x);
        (h * sums.mean()).sum()
    };
    let w = np::arange(9).reshape([3, 3]).astype(DType::F32) * 0.1;
    let x = np::arange(12).reshape([4, 3]).astype(DType::F32) * 0.2;
    let run = |w: &Array, x: &Array| {
        let hessian_like = jit(grad(move |w: &Array, x: &Array| grad(f)(w, x).sum()));
        let batched = vmap(grad(f)).in_axes((None, 0));
        let key = random::fold_in(random::key(1), x.shape()[0]);
        vec![
            value_and_grad(f)(w, x).0,
            jit(grad(f))(w, x),
            hessian_like(w, x),
            batched(w, &np::stack(&[x, x], 0)),
            lax::linalg::cholesky(np::dot(w, w.t()) + np::eye(3, 3)),
            np::dot(x, w) + random::normal(key, [4, 3]),
        ]
    };
    let expected: Vec<Vec<f32>> = run(&w, &x).iter().map(Array::to_vec).collect();
    for device in others() {
        let results = run(&w.to(device), &x);
        assert!(results.iter().all(|y| place(y) == (device, true)));
        assert_eq!(results.iter().map(Array::to_vec::<f32>).collect::<Vec<_>>(), expected, "committed to {device}");
        let results = default_device(device, || run(&w, &x));
        assert!(results.iter().all(|y| place(y) == (device, false)));
        assert_eq!(results.iter().map(Array::to_vec::<f32>).collect::<Vec<_>>(), expected, "by default on {device}");
    }
}

#[test]
fn programs_call_functions_of_the_process_on_every_device() {
    static SEEN: Mutex<Vec<Device>> = Mutex::new(Vec::new());
    let aval = Aval::new(DType::F32, [3]);
    let call = Callback::pure(aval, |x: &Array| {
        // A callback is outside every scope, and may compute.
        SEEN.lock().unwrap().push((x + 1.0).device().unwrap());
        x * 2.0
    });
    let call = &call;
    let home = Device::current().unwrap();
    for device in others() {
        let f = jit(|x: &Array| call.call(&(x + 1.0)) + 1.0);
        let y = f(&data().to(device));
        assert_eq!((place(&y), y.to_vec::<f32>()), ((device, true), vec![5.0, 7.0, 9.0]));
        let y = default_device(device, || f(&data()));
        assert_eq!((place(&y), y.to_vec::<f32>()), ((device, false), vec![5.0, 7.0, 9.0]));
        // Its result is an array of the device like any other.
        assert_eq!(place(&(y.to(device) * 2.0)), (device, true));
    }
    assert_eq!(*SEEN.lock().unwrap(), [home; 6]);
}

#[test]
fn ahead_of_time_programs_keep_their_device() {
    let [a, b, c] = others();
    let f = jit(|x: &Array| x.cos() * 2.0);
    let expected = f(&data()).to_vec::<f32>();
    for device in [a, b, c] {
        let compiled = f.lower((&data().to(device),)).unwrap().compile().unwrap();
        let y = compiled(&data());
        assert_eq!((place(&y), y.to_vec::<f32>()), ((device, true), expected.clone()));
        let elsewhere = if device == a { b } else { a };
        let error = compiled.try_call((&data().to(elsewhere),)).unwrap_err().to_string();
        assert!(error.contains(&format!("compiled for {device}")) && error.contains(&elsewhere.to_string()), "{error}");
        // Without a committed argument, the device is the default one, and the result is not committed.
        let compiled = default_device(device, || f.lower((&data(),)).unwrap().compile().unwrap());
        assert_eq!(place(&compiled(&data())), (device, false));
        assert!(compiled.try_call((&data().to(elsewhere),)).is_err());
        // Machine code and text load onto the default device.
        let bytes = compiled.serialize().unwrap();
        let text = f.lower((&data(),)).unwrap().export().unwrap().to_string();
        for target in [a, b, c] {
            let (loaded, parsed) = default_device(target, || {
                (Loaded::from_bytes(&bytes).unwrap(), Exported::parse(text.as_bytes()).unwrap().compile().unwrap())
            });
            for program in [loaded, parsed] {
                let y = program.call(&(data(),)).unwrap().remove(0);
                assert_eq!((place(&y), y.to_vec::<f32>()), ((target, false), expected.clone()));
                let y = program.call(&(data().to(target),)).unwrap().remove(0);
                assert_eq!(place(&y), (target, true));
                let wrong = if target == a { c } else { a };
                let error = program.call(&(data().to(wrong),)).unwrap_err();
                assert!(error.to_string().contains(&format!("loaded on {target}")), "{error}");
            }
        }
    }
}

#[test]
fn scopes_belong_to_their_thread() {
    let [a, b, c] = others();
    let home = Device::current().unwrap();
    default_device(a, || {
        assert_eq!(default_device(b, || Device::current().unwrap()), b);
        assert_eq!(Device::current().unwrap(), a);
        assert_eq!(std::thread::spawn(|| Device::current().unwrap()).join().unwrap(), home);
    });
    assert_eq!(Device::current().unwrap(), home);
    // One function, called by many threads for all devices at once.
    let f = jit(|x: &Array| (x * x).sum());
    std::thread::scope(|threads| {
        for i in 0..12 {
            let f = &f;
            threads.spawn(move || {
                let device = [a, b, c][i % 3];
                for n in 1..20 {
                    let x = (np::ones(n + 1) * i).to(device);
                    let y = f(&x);
                    assert_eq!((place(&y), y.item::<f32>()), ((device, true), ((n + 1) * i * i) as f32));
                }
            });
        }
    });
}

/// Set in a child process.
const CHILD: &str = "COTANGENT_TEST_DEVICES";

/// Runs tests of this binary in a process with this environment. Returns what it said.
fn child(tests: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(tests).args(["--test-threads", "2"]).env(CHILD, "1").env_remove("COTANGENT_DEVICE");
    let output = child.envs(variables.iter().copied()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.success(), said)
}

/// The tests of callbacks, checks, ahead-of-time programs and errors, and the ones above, with another default device.
#[test]
fn the_tests_of_this_binary_pass_on_another_device() {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let (passed, said) = child(
        &["aot::", "callbacks::", "checks::", "errors::", "notebook::", "devices::"],
        &[("COTANGENT_CPU_DEVICES", "3"), ("COTANGENT_DEVICE", "cpu:2")],
    );
    assert!(passed, "{said}");
    assert!(said.contains("test devices::committed_arrays_decide ... ok"), "{said}");
}

/// What the environment says, in a process of its own.
#[test]
fn the_environment_chooses_the_default_device() {
    let first = |expected: &str| {
        let x = data() + 1.0;
        assert_eq!(x.device().unwrap().to_string(), expected);
        assert!(!x.is_committed());
        cotangent::devices().unwrap().len()
    };
    match std::env::var(CHILD).as_deref() {
        Err(_) => {
            let name = "devices::the_environment_chooses_the_default_device";
            let run = |mode: &str, variables: &[(&str, &str)]| {
                let variables: Vec<_> = variables.iter().copied().chain([(CHILD, mode)]).collect();
                let (passed, said) = child(&["--exact", name], &variables);
                assert!(passed && said.contains("1 passed"), "{said}");
            };
            run("default", &[("COTANGENT_CPU_DEVICES", "")]);
            run("third", &[("COTANGENT_CPU_DEVICES", "3"), ("COTANGENT_DEVICE", "cpu:2")]);
            run("code", &[("COTANGENT_CPU_DEVICES", "2"), ("COTANGENT_DEVICE", "cpu:0")]);
            run("absent", &[("COTANGENT_CPU_DEVICES", "2"), ("COTANGENT_DEVICE", "cpu:2")]);
            run("unknown", &[("COTANGENT_DEVICE", "tpu:0")]);
            run("no number", &[("COTANGENT_CPU_DEVICES", "many")]);
        }
        Ok("default") => assert_eq!(first("cpu:0"), 1),
        Ok("third") => assert_eq!(first("cpu:2"), 3),
        Ok("code") => {
            let before = data();
            cotangent::set_default_device(Device::cpu(1));
            assert_eq!((place(&before), first("cpu:1")), ((Device::cpu(0), false), 2));
            assert_eq!(std::thread::spawn(|| place(&(data() + 1.0)).0).join().unwrap(), Device::cpu(1));
            // Arrays that exist stay, and follow when they are used.
            assert_eq!(place(&(before + 1.0)), (Device::cpu(1), false));
        }
        Ok(mode @ ("absent" | "unknown" | "no number")) => {
            let error = jit(|x: &Array| x + 1.0).try_call((&data(),)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Device);
            let expected = match mode {
                "absent" => "there is no device cpu:2: `cpu` has cpu:0, cpu:1",
                "unknown" => "COTANGENT_DEVICE=tpu:0: there are no devices named `tpu`",
                _ => "COTANGENT_CPU_DEVICES=many is not a number of devices",
            };
            assert!(error.to_string().contains(expected), "{error}");
            // The process goes on: where a device is named, and there is one, programs run.
            let there = data().try_to(Device::cpu(0)).map(|x| (x + 1.0).to_vec::<f32>());
            assert_eq!(there.ok(), (mode != "no number").then(|| vec![2.0, 3.0, 4.0]));
        }
        Ok(_) => {}
    }
}
