//! A client as one of several, each in a process of its own, as far as the plugin for the CPU goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cotangent_xla::*;

/// A store that records the keys that it is asked for.
#[derive(Default)]
struct Recorder(Mutex<BTreeMap<String, Vec<u8>>>);

impl KeyValueStore for Recorder {
    fn get(&self, key: &str, _: Duration) -> std::result::Result<Vec<u8>, StoreError> {
        Ok(self.try_get(key)?.unwrap_or_default())
    }
    fn try_get(&self, key: &str) -> std::result::Result<Option<Vec<u8>>, StoreError> {
        Ok(Some(self.0.lock().unwrap().entry(key.to_owned()).or_default().clone()))
    }
    fn put(&self, key: &str, value: &[u8]) -> std::result::Result<(), StoreError> {
        self.0.lock().unwrap().insert(key.to_owned(), value.to_vec());
        Ok(())
    }
}

fn client(process: i64, store: Option<Arc<dyn KeyValueStore>>) -> Client {
    let location = plugin::locate(plugin::Platform::Cpu).expect("the CPU plugin");
    let options = [("cpu_device_count", OptionValue::Int(2)), ("process_id", OptionValue::Int(process))];
    Client::with_store(Plugin::load_location(&location).unwrap(), &options, store).unwrap()
}

#[test]
fn a_process_knows_its_number_and_that_of_its_devices() {
    let ids = [0, 1].map(|process| {
        let client = client(process, None);
        assert_eq!(i64::from(client.process_index().unwrap()), process);
        let global = client.global_devices().unwrap();
        // The plugin for the CPU knows no devices of other processes.
        assert_eq!(global, client.devices());
        assert!(global.iter().all(|device| i64::from(device.process) == process), "{global:?}");
        global.iter().map(|device| device.id).collect::<Vec<_>>()
    });
    assert_eq!(ids[0], [0, 1]);
    assert!(ids[1].iter().all(|id| !ids[0].contains(id)), "{ids:?}: ids are unique among the processes");
}

/// Documents what the pinned plugin cannot do, so that a newer one that can is noticed.
#[test]
fn the_cpu_neither_uses_the_store_nor_compiles_for_several_processes() {
    let store = Arc::new(Recorder::default());
    let client = client(1, Some(store.clone()));
    let shape = ArrayShape::new(ElementType::F32, [4]);
    let text = "func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {
        %0 = stablehlo.add %a, %a : tensor<4xf32>
        return %0 : tensor<4xf32> }";
    let program = client.compile(text, std::slice::from_ref(&shape), &CompileOptions::default()).unwrap();
    let bytes: Vec<u8> = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_ne_bytes()).collect();
    let sum = program.execute(&[&client.buffer_from_host(&bytes, &shape).unwrap()]).unwrap();
    assert_eq!(&sum[0].to_vec().unwrap()[..4], &2f32.to_ne_bytes());
    assert!(store.0.lock().unwrap().is_empty(), "{:?}", store.0);

    // The first device of process 0 and one of this process.
    let devices = vec![vec![0], vec![i64::from(client.devices()[0].id)]];
    let options = CompileOptions {
        num_partitions: 2,
        use_spmd_partitioning: true,
        device_assignment: Some(devices),
        ..CompileOptions::default()
    };
    let error = client.compile(text, &[shape], &options).unwrap_err().to_string();
    assert!(error.contains("Multiprocess computations aren't implemented on the CPU backend"), "{error}");
}
