//! The messages of an HLO module, with the fields that are printed.
//!
//! The decoder skips fields that are not declared. Enumerations are plain numbers.

use prost::Message;

/// A module with its configuration, which is not read.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ModuleWithConfig {
    #[prost(message, optional, tag = "1")]
    pub(super) hlo_module: Option<Module>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Module {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) computations: Vec<Computation>,
    #[prost(message, optional, tag = "4")]
    pub(super) program_shape: Option<ProgramShape>,
    #[prost(int64, tag = "6")]
    pub(super) entry_computation_id: i64,
    #[prost(message, optional, tag = "8")]
    pub(super) input_output_alias: Option<InputOutputAlias>,
}

/// A module without its computations, for reading its signature quickly.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HeadWithConfig {
    #[prost(message, optional, tag = "1")]
    pub(super) hlo_module: Option<Head>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Head {
    #[prost(message, optional, tag = "4")]
    pub(super) program_shape: Option<ProgramShape>,
    #[prost(message, optional, tag = "8")]
    pub(super) input_output_alias: Option<InputOutputAlias>,
    #[prost(message, optional, tag = "18")]
    pub(super) buffer_donor: Option<BufferDonor>,
    #[prost(message, optional, tag = "12")]
    pub(super) output_sharding: Option<Sharding>,
    #[prost(message, repeated, tag = "14")]
    pub(super) parameter_shardings: Vec<Sharding>,
}

/// How an array, or each array of a tuple, is laid out over devices.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Sharding {
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(int64, repeated, tag = "3")]
    pub(super) tile_dims: Vec<i64>,
    #[prost(int64, repeated, tag = "4")]
    pub(super) tile_devices: Vec<i64>,
    #[prost(message, repeated, tag = "5")]
    pub(super) tuple: Vec<Sharding>,
    #[prost(bool, tag = "6")]
    pub(super) replicate_on_last_tile_dim: bool,
    #[prost(int32, repeated, tag = "8")]
    pub(super) last_tile_dims: Vec<i32>,
    #[prost(int64, repeated, tag = "9")]
    pub(super) iota_dims: Vec<i64>,
    #[prost(int32, repeated, tag = "10")]
    pub(super) iota_perm: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct BufferDonor {
    #[prost(message, repeated, tag = "1")]
    pub(super) entries: Vec<DonorEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct DonorEntry {
    #[prost(int64, tag = "1")]
    pub(super) parameter_number: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct InputOutputAlias {
    #[prost(message, repeated, tag = "1")]
    pub(super) entries: Vec<AliasEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AliasEntry {
    #[prost(int64, repeated, tag = "1")]
    pub(super) output_shape_index: Vec<i64>,
    #[prost(int64, tag = "2")]
    pub(super) parameter_number: i64,
    #[prost(int64, repeated, tag = "3")]
    pub(super) parameter_shape_index: Vec<i64>,
    #[prost(int32, tag = "4")]
    pub(super) kind: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ProgramShape {
    #[prost(message, repeated, tag = "1")]
    pub(super) parameters: Vec<Shape>,
    #[prost(message, optional, tag = "2")]
    pub(super) result: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Shape {
    #[prost(int32, tag = "2")]
    pub(super) element_type: i32,
    #[prost(int64, repeated, tag = "3")]
    pub(super) dimensions: Vec<i64>,
    #[prost(message, repeated, tag = "4")]
    pub(super) tuple_shapes: Vec<Shape>,
    #[prost(message, optional, tag = "5")]
    pub(super) layout: Option<Layout>,
    #[prost(bool, repeated, tag = "6")]
    pub(super) is_dynamic_dimension: Vec<bool>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Layout {
    #[prost(int64, repeated, tag = "1")]
    pub(super) minor_to_major: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Computation {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) instructions: Vec<Instruction>,
    #[prost(message, optional, tag = "4")]
    pub(super) program_shape: Option<ProgramShape>,
    #[prost(int64, tag = "5")]
    pub(super) id: i64,
    #[prost(int64, tag = "6")]
    pub(super) root_id: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Instruction {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) opcode: String,
    #[prost(message, optional, tag = "3")]
    pub(super) shape: Option<Shape>,
    #[prost(message, optional, tag = "7")]
    pub(super) metadata: Option<OpMetadata>,
    #[prost(message, optional, tag = "8")]
    pub(super) literal: Option<Literal>,
    #[prost(int64, tag = "9")]
    pub(super) parameter_number: i64,
    #[prost(string, tag = "11")]
    pub(super) fusion_kind: String,
    #[prost(int64, tag = "13")]
    pub(super) tuple_index: i64,
    #[prost(int64, repeated, tag = "14")]
    pub(super) dimensions: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    pub(super) window: Option<Window>,
    #[prost(message, optional, tag = "16")]
    pub(super) convolution: Option<ConvolutionDimensions>,
    #[prost(message, repeated, tag = "17")]
    pub(super) slice_dimensions: Vec<SliceDimensions>,
    #[prost(int32, tag = "18")]
    pub(super) exponent_bits: i32,
    #[prost(int32, tag = "19")]
    pub(super) mantissa_bits: i32,
    #[prost(int64, repeated, tag = "20")]
    pub(super) dynamic_slice_sizes: Vec<i64>,
    #[prost(message, optional, tag = "21")]
    pub(super) padding: Option<Padding>,
    #[prost(int64, tag = "26")]
    pub(super) channel_id: i64,
    #[prost(string, tag = "28")]
    pub(super) custom_call_target: String,
    #[prost(message, optional, tag = "30")]
    pub(super) dot: Option<DotDimensions>,
    #[prost(int32, tag = "31")]
    pub(super) fft_type: i32,
    #[prost(int64, repeated, tag = "32")]
    pub(super) fft_length: Vec<i64>,
    #[prost(message, optional, tag = "33")]
    pub(super) gather: Option<GatherDimensions>,
    #[prost(int64, repeated, tag = "34")]
    pub(super) gather_slice_sizes: Vec<i64>,
    #[prost(int64, tag = "35")]
    pub(super) id: i64,
    #[prost(int64, repeated, tag = "36")]
    pub(super) operand_ids: Vec<i64>,
    #[prost(int64, repeated, tag = "37")]
    pub(super) control_predecessor_ids: Vec<i64>,
    #[prost(int64, repeated, tag = "38")]
    pub(super) called_computation_ids: Vec<i64>,
    #[prost(bytes = "vec", tag = "43")]
    pub(super) backend_config: Vec<u8>,
    #[prost(message, optional, tag = "48")]
    pub(super) scatter: Option<ScatterDimensions>,
    #[prost(message, repeated, tag = "49")]
    pub(super) replica_groups: Vec<ReplicaGroup>,
    #[prost(int64, tag = "50")]
    pub(super) feature_group_count: i64,
    #[prost(int64, tag = "58")]
    pub(super) batch_group_count: i64,
    #[prost(message, optional, tag = "59")]
    pub(super) triangular_solve: Option<TriangularSolve>,
    #[prost(bool, tag = "60")]
    pub(super) is_stable: bool,
    #[prost(message, optional, tag = "62")]
    pub(super) cholesky: Option<Cholesky>,
    #[prost(string, tag = "63")]
    pub(super) comparison_direction: String,
    #[prost(bool, tag = "67")]
    pub(super) indices_are_sorted: bool,
    #[prost(bool, tag = "69")]
    pub(super) unique_indices: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OpMetadata {
    #[prost(string, tag = "2")]
    pub(super) op_name: String,
    #[prost(string, tag = "3")]
    pub(super) source_file: String,
    #[prost(int32, tag = "4")]
    pub(super) source_line: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ReplicaGroup {
    #[prost(int64, repeated, tag = "1")]
    pub(super) replica_ids: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SliceDimensions {
    #[prost(int64, tag = "1")]
    pub(super) start: i64,
    #[prost(int64, tag = "2")]
    pub(super) limit: i64,
    #[prost(int64, tag = "3")]
    pub(super) stride: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Padding {
    #[prost(message, repeated, tag = "1")]
    pub(super) dimensions: Vec<PaddingDimension>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PaddingDimension {
    #[prost(int64, tag = "1")]
    pub(super) low: i64,
    #[prost(int64, tag = "2")]
    pub(super) high: i64,
    #[prost(int64, tag = "3")]
    pub(super) interior: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Window {
    #[prost(message, repeated, tag = "1")]
    pub(super) dimensions: Vec<WindowDimension>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WindowDimension {
    #[prost(int64, tag = "1")]
    pub(super) size: i64,
    #[prost(int64, tag = "2")]
    pub(super) stride: i64,
    #[prost(int64, tag = "3")]
    pub(super) padding_low: i64,
    #[prost(int64, tag = "4")]
    pub(super) padding_high: i64,
    #[prost(int64, tag = "5")]
    pub(super) window_dilation: i64,
    #[prost(int64, tag = "6")]
    pub(super) base_dilation: i64,
    #[prost(bool, tag = "7")]
    pub(super) reversal: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ConvolutionDimensions {
    #[prost(int64, tag = "3")]
    pub(super) kernel_input_feature: i64,
    #[prost(int64, tag = "4")]
    pub(super) kernel_output_feature: i64,
    #[prost(int64, repeated, tag = "6")]
    pub(super) kernel_spatial: Vec<i64>,
    #[prost(int64, tag = "7")]
    pub(super) input_batch: i64,
    #[prost(int64, tag = "8")]
    pub(super) input_feature: i64,
    #[prost(int64, tag = "9")]
    pub(super) output_batch: i64,
    #[prost(int64, tag = "10")]
    pub(super) output_feature: i64,
    #[prost(int64, repeated, tag = "11")]
    pub(super) input_spatial: Vec<i64>,
    #[prost(int64, repeated, tag = "12")]
    pub(super) output_spatial: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct DotDimensions {
    #[prost(int64, repeated, tag = "1")]
    pub(super) lhs_contracting: Vec<i64>,
    #[prost(int64, repeated, tag = "2")]
    pub(super) rhs_contracting: Vec<i64>,
    #[prost(int64, repeated, tag = "3")]
    pub(super) lhs_batch: Vec<i64>,
    #[prost(int64, repeated, tag = "4")]
    pub(super) rhs_batch: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GatherDimensions {
    #[prost(int64, repeated, tag = "1")]
    pub(super) offset_dims: Vec<i64>,
    #[prost(int64, repeated, tag = "2")]
    pub(super) collapsed_slice_dims: Vec<i64>,
    #[prost(int64, repeated, tag = "3")]
    pub(super) start_index_map: Vec<i64>,
    #[prost(int64, tag = "4")]
    pub(super) index_vector_dim: i64,
    #[prost(int64, repeated, tag = "5")]
    pub(super) operand_batching_dims: Vec<i64>,
    #[prost(int64, repeated, tag = "6")]
    pub(super) start_indices_batching_dims: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ScatterDimensions {
    #[prost(int64, repeated, tag = "1")]
    pub(super) update_window_dims: Vec<i64>,
    #[prost(int64, repeated, tag = "2")]
    pub(super) inserted_window_dims: Vec<i64>,
    #[prost(int64, repeated, tag = "3")]
    pub(super) scatter_dims_to_operand_dims: Vec<i64>,
    #[prost(int64, tag = "4")]
    pub(super) index_vector_dim: i64,
    #[prost(int64, repeated, tag = "5")]
    pub(super) input_batching_dims: Vec<i64>,
    #[prost(int64, repeated, tag = "6")]
    pub(super) scatter_indices_batching_dims: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TriangularSolve {
    #[prost(bool, tag = "1")]
    pub(super) left_side: bool,
    #[prost(bool, tag = "2")]
    pub(super) lower: bool,
    #[prost(bool, tag = "3")]
    pub(super) unit_diagonal: bool,
    #[prost(int32, tag = "4")]
    pub(super) transpose_a: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Cholesky {
    #[prost(bool, tag = "1")]
    pub(super) lower: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Literal {
    #[prost(message, optional, tag = "1")]
    pub(super) shape: Option<Shape>,
    #[prost(bool, repeated, tag = "2")]
    pub(super) preds: Vec<bool>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) u8s: Vec<u8>,
    #[prost(int32, repeated, tag = "4")]
    pub(super) s32s: Vec<i32>,
    #[prost(int64, repeated, tag = "5")]
    pub(super) s64s: Vec<i64>,
    #[prost(uint32, repeated, tag = "6")]
    pub(super) u32s: Vec<u32>,
    #[prost(uint64, repeated, tag = "7")]
    pub(super) u64s: Vec<u64>,
    #[prost(float, repeated, tag = "8")]
    pub(super) f32s: Vec<f32>,
    #[prost(double, repeated, tag = "9")]
    pub(super) f64s: Vec<f64>,
    #[prost(message, repeated, tag = "10")]
    pub(super) tuple_literals: Vec<Literal>,
    #[prost(bytes = "vec", tag = "11")]
    pub(super) f16s: Vec<u8>,
    #[prost(float, repeated, tag = "12")]
    pub(super) c64s: Vec<f32>,
    #[prost(bytes = "vec", tag = "13")]
    pub(super) bf16s: Vec<u8>,
    #[prost(bytes = "vec", tag = "15")]
    pub(super) s8s: Vec<u8>,
    #[prost(bytes = "vec", tag = "16")]
    pub(super) u16s: Vec<u8>,
    #[prost(bytes = "vec", tag = "17")]
    pub(super) s16s: Vec<u8>,
    #[prost(double, repeated, tag = "18")]
    pub(super) c128s: Vec<f64>,
}
