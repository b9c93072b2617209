//! Options of a compilation and of a client.

use std::collections::BTreeMap;

use prost::Message;

use crate::abi::{self, NamedValue, NamedValueUnion};

/// The value of a client's create option.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    /// Text.
    String(String),
    /// An integer.
    Int(i64),
    /// Several integers.
    IntList(Vec<i64>),
    /// A number.
    Float(f32),
    /// A boolean.
    Bool(bool),
}

/// The value of a compiler flag, as in `xla_cpu_enable_fast_math = true`.
#[derive(Clone, Debug, PartialEq)]
pub enum FlagValue {
    /// Text.
    String(String),
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number.
    Float(f64),
}

/// How to compile a program. The default is one replica in one partition on the first device.
#[derive(Clone, Debug, PartialEq)]
pub struct CompileOptions {
    /// The number of copies of the program that run at once.
    pub num_replicas: i64,
    /// The number of devices that each copy is partitioned over.
    pub num_partitions: i64,
    /// The device to compile for, if it matters.
    pub device_ordinal: Option<i64>,
    /// The devices to run on: for each partition, the device of each replica. `None` selects the first ones.
    pub device_assignment: Option<Vec<Vec<i64>>>,
    /// Whether to partition one program over the devices (SPMD).
    pub use_spmd_partitioning: bool,
    /// Whether to use the Shardy partitioner.
    pub use_shardy_partitioner: bool,
    /// For each parameter, whether the partitioner may choose its layout. Empty: it may choose none.
    pub propagate_to_parameters: Vec<bool>,
    /// For each result, whether the partitioner may choose its layout. Empty: it may choose none.
    pub propagate_to_outputs: Vec<bool>,
    /// Compiler flags by name, without dashes. They apply to this program only. An unknown flag is a compile error; an
    /// unknown flag in `XLA_FLAGS` would end the process.
    pub flags: BTreeMap<String, FlagValue>,
    /// Options of the compiler's backend by name, as set by `--xla_backend_extra_options=name=value`. They are hints: a
    /// plugin that does not report its defaults compiles without them.
    pub backend_options: BTreeMap<String, String>,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            num_replicas: 1,
            num_partitions: 1,
            device_ordinal: None,
            device_assignment: None,
            use_spmd_partitioning: false,
            use_shardy_partitioner: false,
            propagate_to_parameters: Vec::new(),
            propagate_to_outputs: Vec::new(),
            flags: BTreeMap::new(),
            backend_options: BTreeMap::new(),
        }
    }
}

impl CompileOptions {
    /// Sets a compiler flag.
    pub fn flag(mut self, name: impl Into<String>, value: FlagValue) -> Self {
        self.flags.insert(name.into(), value);
        self
    }

    /// Sets an option of the compiler's backend.
    pub fn backend_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.backend_options.insert(name.into(), value.into());
        self
    }

    /// The options as bytes. Equal options give equal bytes, so the bytes can be part of a cache key.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_onto(&[])
    }

    /// The bytes that the plugin receives. The only interface for backend options is the whole message of debug
    /// options, in which every option that is not set is off. So `defaults` are the plugin's own options.
    pub(crate) fn encode_onto(&self, defaults: &[u8]) -> Vec<u8> {
        let device_assignment = self.device_assignment.as_ref().map(|columns| proto::DeviceAssignment {
            replica_count: columns.first().map_or(0, |c| c.len() as i32),
            computation_count: columns.len() as i32,
            computation_devices: columns
                .iter()
                .map(|ids| proto::ComputationDevice { replica_device_ids: ids.clone() })
                .collect(),
        });
        let flag = |value: &FlagValue| proto::OptionOverride {
            value: Some(match value {
                FlagValue::String(s) => proto::OverrideValue::String(s.clone()),
                FlagValue::Bool(b) => proto::OverrideValue::Bool(*b),
                FlagValue::Int(i) => proto::OverrideValue::Int(*i),
                FlagValue::Float(x) => proto::OverrideValue::Double(*x),
            }),
        };
        proto::CompileOptions {
            executable_build_options: Some(proto::ExecutableBuildOptions {
                // -1 is "not set"; 0 would be the first device.
                device_ordinal: self.device_ordinal.unwrap_or(-1),
                num_replicas: self.num_replicas,
                num_partitions: self.num_partitions,
                use_spmd_partitioning: self.use_spmd_partitioning,
                device_assignment,
                use_shardy_partitioner: self.use_shardy_partitioner,
                propagate_to_parameters: self.propagate_to_parameters.clone(),
                propagate_to_outputs: self.propagate_to_outputs.clone(),
                // Concatenated protobuf messages are merged by the reader.
                debug_options: (!self.backend_options.is_empty()).then(|| {
                    let extra = proto::ExtraOptions { options: self.backend_options.clone() };
                    [defaults, &extra.encode_to_vec()].concat()
                }),
            }),
            env_option_overrides: self.flags.iter().map(|(k, v)| (k.clone(), flag(v))).collect(),
        }
        .encode_to_vec()
    }
}

/// The debug options in a serialized executable, with which it was compiled.
pub(crate) fn debug_options(serialized: &[u8]) -> Option<Vec<u8>> {
    let whole = proto::ExecutableAndOptions::decode(serialized).ok()?;
    whole.options?.executable_build_options?.debug_options.filter(|bytes| !bytes.is_empty())
}

/// The messages of XLA's compile options, with the fields used here.
mod proto {
    use std::collections::BTreeMap;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct CompileOptions {
        #[prost(message, optional, tag = "3")]
        pub(super) executable_build_options: Option<ExecutableBuildOptions>,
        #[prost(btree_map = "string, message", tag = "7")]
        pub(super) env_option_overrides: BTreeMap<String, OptionOverride>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct ExecutableBuildOptions {
        #[prost(int64, tag = "1")]
        pub(super) device_ordinal: i64,
        /// A message of hundreds of fields, kept as raw bytes.
        #[prost(bytes = "vec", optional, tag = "3")]
        pub(super) debug_options: Option<Vec<u8>>,
        #[prost(int64, tag = "4")]
        pub(super) num_replicas: i64,
        #[prost(int64, tag = "5")]
        pub(super) num_partitions: i64,
        #[prost(bool, tag = "6")]
        pub(super) use_spmd_partitioning: bool,
        #[prost(message, optional, tag = "9")]
        pub(super) device_assignment: Option<DeviceAssignment>,
        #[prost(bool, repeated, tag = "12")]
        pub(super) propagate_to_outputs: Vec<bool>,
        #[prost(bool, repeated, tag = "18")]
        pub(super) propagate_to_parameters: Vec<bool>,
        #[prost(bool, tag = "19")]
        pub(super) use_shardy_partitioner: bool,
    }

    /// The message that `serialize` writes.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct ExecutableAndOptions {
        #[prost(message, optional, tag = "2")]
        pub(super) options: Option<CompileOptions>,
    }

    /// The only field of the debug options that is written here.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct ExtraOptions {
        #[prost(btree_map = "string, string", tag = "500")]
        pub(super) options: BTreeMap<String, String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct DeviceAssignment {
        #[prost(int32, tag = "1")]
        pub(super) replica_count: i32,
        #[prost(int32, tag = "2")]
        pub(super) computation_count: i32,
        #[prost(message, repeated, tag = "3")]
        pub(super) computation_devices: Vec<ComputationDevice>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct ComputationDevice {
        #[prost(int64, repeated, tag = "1")]
        pub(super) replica_device_ids: Vec<i64>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct OptionOverride {
        #[prost(oneof = "OverrideValue", tags = "1, 2, 3, 4")]
        pub(super) value: Option<OverrideValue>,
    }

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(super) enum OverrideValue {
        #[prost(string, tag = "1")]
        String(String),
        #[prost(bool, tag = "2")]
        Bool(bool),
        #[prost(int64, tag = "3")]
        Int(i64),
        #[prost(double, tag = "4")]
        Double(f64),
    }
}

/// The C form of a create option. It borrows the name and the value.
pub(crate) fn named_value(name: &str, value: &OptionValue) -> NamedValue {
    use abi::named_value::{BOOL, FLOAT, INT64, INT64_LIST, STRING};
    let (type_, value, value_size) = match value {
        OptionValue::String(s) => (STRING, NamedValueUnion { string: s.as_ptr().cast() }, s.len()),
        OptionValue::Int(i) => (INT64, NamedValueUnion { int64: *i }, 1),
        OptionValue::IntList(l) => (INT64_LIST, NamedValueUnion { int64_array: l.as_ptr() }, l.len()),
        OptionValue::Float(x) => (FLOAT, NamedValueUnion { float: *x }, 1),
        OptionValue::Bool(b) => (BOOL, NamedValueUnion { bool_: *b }, 1),
    };
    NamedValue {
        struct_size: size_of::<NamedValue>(),
        extension_start: std::ptr::null_mut(),
        name: name.as_ptr().cast(),
        name_size: name.len(),
        type_,
        value,
        value_size,
    }
}
