//! One program over several devices: Shardy's attributes and operations, compiled by the default plugin for eight CPU
//! devices.

use cotangent_xla::plugin::{self, Platform};
use cotangent_xla::*;

use ElementType::*;

fn client() -> Client {
    use std::sync::LazyLock;
    static CLIENT: LazyLock<Client> = LazyLock::new(|| {
        let location = plugin::locate(Platform::Cpu).expect("the CPU plugin");
        let options = [("cpu_device_count", OptionValue::Int(8))];
        Client::new(Plugin::load_location(&location).expect("a plugin"), &options).expect("eight devices")
    });
    CLIENT.clone()
}

fn options(devices: i64) -> CompileOptions {
    CompileOptions {
        num_partitions: devices,
        device_assignment: Some((0..devices).map(|d| vec![d]).collect()),
        use_spmd_partitioning: true,
        use_shardy_partitioner: true,
        propagate_to_outputs: vec![true],
        ..CompileOptions::default()
    }
}

fn bytes(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_ne_bytes).collect()
}

fn floats(buffer: &Buffer) -> Vec<f32> {
    buffer.to_vec().unwrap().chunks_exact(4).map(|c| f32::from_ne_bytes(c.try_into().unwrap())).collect()
}

/// The rows of the 8 × 8 matrix of the numbers from 0, two on each of four devices.
fn rows() -> Vec<Buffer> {
    let part = ArrayShape::new(F32, [2, 8]);
    let row = |d: usize| bytes((16 * d..16 * (d + 1)).map(|i| i as f32));
    (0..4).map(|d| client().buffer_from_host_on(&row(d), &part, d).unwrap()).collect()
}

fn compile(text: &str, devices: i64) -> Executable {
    client().compile(text, &[ArrayShape::new(F32, [8, 8])], &options(devices)).unwrap()
}

#[test]
fn a_reduction_over_devices_and_the_layout_that_the_partitioner_chose() {
    let program = compile(
        r#"module @sums attributes {mhlo.num_partitions = 4 : i32, mhlo.num_replicas = 1 : i32} {
          sdy.mesh @mesh = <["x"=4]>
          func.func public @main(%0: tensor<8x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}) -> (tensor<8xf32>, tensor<8xf32>) {
            %1 = stablehlo.constant dense<0.0> : tensor<f32>
            %2 = stablehlo.reduce(%0 init: %1) applies stablehlo.add across dimensions = [0] : (tensor<8x8xf32>, tensor<f32>) -> tensor<8xf32>
            %3 = stablehlo.reduce(%0 init: %1) applies stablehlo.add across dimensions = [1] : (tensor<8x8xf32>, tensor<f32>) -> tensor<8xf32>
            return %2, %3 : tensor<8xf32>, tensor<8xf32>
          }
        }"#,
        4,
    );
    assert_eq!(program.devices(), [0, 1, 2, 3]);
    assert_eq!(program.params(), [ArrayShape::new(F32, [2, 8])]);
    assert_eq!(program.outputs(), [ArrayShape::new(F32, [8]), ArrayShape::new(F32, [2])]);
    let tilings = program.tilings().unwrap();
    assert_eq!(tilings.params[0].as_ref().unwrap().tiles, [4, 1]);
    assert_eq!(tilings.outputs[0], Some(Tiling::default()));
    assert_eq!(tilings.outputs[1].as_ref().unwrap().places, [[0], [1], [2], [3]]);
    let rows = rows();
    let results = program.execute_partitioned(vec![Shards::Keep(rows.iter().collect())]).unwrap();
    let columns: Vec<f32> = (0..8).map(|j| (0..8).map(|i| (8 * i + j) as f32).sum()).collect();
    for (d, part) in results[0].iter().enumerate() {
        assert_eq!((floats(part), part.device()), (columns.clone(), d));
    }
    let sums: Vec<f32> = results[1].iter().flat_map(floats).collect();
    assert_eq!(sums, (0..8).map(|i| (0..8).map(|j| (8 * i + j) as f32).sum()).collect::<Vec<f32>>());
}

#[test]
fn a_manual_computation() {
    let program = compile(
        r#"module @manual attributes {mhlo.num_partitions = 4 : i32, mhlo.num_replicas = 1 : i32} {
          sdy.mesh @mesh = <["x"=4]>
          func.func public @main(%0: tensor<8x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}) -> tensor<8x8xf32> {
            %1 = "sdy.manual_computation"(%0) ({
            ^bb0(%2: tensor<2x8xf32>):
              %3 = "stablehlo.collective_permute"(%2) {channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>, source_target_pairs = dense<[[0, 1], [1, 2], [2, 3], [3, 0]]> : tensor<4x2xi64>} : (tensor<2x8xf32>) -> tensor<2x8xf32>
              %4 = "stablehlo.partition_id"() : () -> tensor<ui32>
              %5 = "stablehlo.convert"(%4) : (tensor<ui32>) -> tensor<f32>
              %6 = "stablehlo.broadcast_in_dim"(%5) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<2x8xf32>
              %7 = "stablehlo.add"(%3, %6) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
              "sdy.return"(%7) : (tensor<2x8xf32>) -> ()
            }) {in_shardings = #sdy.sharding_per_value<[<@mesh, [{"x"}, {}]>]>, manual_axes = #sdy<manual_axes{"x"}>, out_shardings = #sdy.sharding_per_value<[<@mesh, [{"x"}, {}]>]>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
            return %1 : tensor<8x8xf32>
          }
        }"#,
        4,
    );
    let rows = rows();
    let results = program.execute_partitioned(vec![Shards::Keep(rows.iter().collect())]).unwrap();
    for (d, part) in results[0].iter().enumerate() {
        let from = (d + 3) % 4;
        assert_eq!(floats(part), (16 * from..16 * (from + 1)).map(|i| (i + d) as f32).collect::<Vec<_>>());
    }
}

#[test]
fn a_donated_argument_is_reused_on_every_device() {
    let program = compile(
        r#"module @next attributes {mhlo.num_partitions = 4 : i32, mhlo.num_replicas = 1 : i32} {
          sdy.mesh @mesh = <["x"=4]>
          func.func public @main(%0: tensor<8x8xf32> {tf.aliasing_output = 0 : i32, sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}) -> (tensor<8x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}) {
            %1 = stablehlo.add %0, %0 : tensor<8x8xf32>
            return %1 : tensor<8x8xf32>
          }
        }"#,
        4,
    );
    let place = |b: &Buffer| b.with_bytes(|bytes| bytes.as_ptr().addr()).unwrap();
    let rows = rows();
    // Memory that the plugin made itself can be reused.
    let made = program.execute_partitioned(vec![Shards::Keep(rows.iter().collect())]).unwrap().remove(0);
    let places: Vec<usize> = made.iter().map(place).collect();
    let twice = program.execute_partitioned(vec![Shards::Donate(made)]).unwrap().remove(0);
    assert_eq!(twice.iter().map(place).collect::<Vec<_>>(), places);
    assert_eq!(floats(&twice[0])[1], 4.0);
}

#[test]
fn a_serialised_program_runs_on_the_same_devices() {
    let program = compile(
        r#"module @twice attributes {mhlo.num_partitions = 8 : i32, mhlo.num_replicas = 1 : i32} {
          sdy.mesh @mesh = <["x"=8]>
          func.func public @main(%0: tensor<8x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}) -> (tensor<8x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {"x"}]>}) {
            %1 = stablehlo.add %0, %0 : tensor<8x8xf32>
            return %1 : tensor<8x8xf32>
          }
        }"#,
        8,
    );
    let part = ArrayShape::new(F32, [1, 8]);
    let row = |d: usize| client().buffer_from_host_on(&bytes([d as f32; 8]), &part, d).unwrap();
    let rows: Vec<Buffer> = (0..8).map(row).collect();
    let again = client().deserialize(&program.serialize().unwrap(), &[ArrayShape::new(F32, [8, 8])]).unwrap();
    for program in [program, again] {
        assert_eq!(program.devices(), [0, 1, 2, 3, 4, 5, 6, 7]);
        let results = program.execute_partitioned(vec![Shards::Keep(rows.iter().collect())]).unwrap();
        for part in &results[0] {
            assert_eq!(floats(part), (0..8).map(|i| 2.0 * i as f32).collect::<Vec<_>>());
        }
    }
}

#[test]
fn wrong_arguments_are_errors() {
    let program = compile(
        r#"module @same attributes {mhlo.num_partitions = 4 : i32, mhlo.num_replicas = 1 : i32} {
          sdy.mesh @mesh = <["x"=4]>
          func.func public @main(%0: tensor<8x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}) -> tensor<8x8xf32> {
            %1 = stablehlo.add %0, %0 : tensor<8x8xf32>
            return %1 : tensor<8x8xf32>
          }
        }"#,
        4,
    );
    let rows = rows();
    let refs: Vec<&Buffer> = rows.iter().collect();
    assert!(program.execute_partitioned(vec![]).is_err());
    assert!(program.execute_partitioned(vec![Shards::Keep(refs[..3].to_vec())]).is_err());
    let swapped = vec![refs[1], refs[0], refs[2], refs[3]];
    assert!(program.execute_partitioned(vec![Shards::Keep(swapped)]).is_err());
    assert!(program.execute(&refs[..1]).is_err());
}
