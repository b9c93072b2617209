//! The operations of VHLO, and how their attributes become those of StableHLO.

use std::sync::Arc;

use super::super::{Attr, Element, Type, canon};
use super::{arc, as_array};

/// The operations of VHLO that have attributes, with the names of these.
pub(in crate::read) const VHLO: &[(&str, &str)] = &[
    ("all_gather_v1", "all_gather_dim replica_groups channel_id use_global_device_ids"),
    ("all_gather_v2", "all_gather_dim replica_groups channel_id use_global_device_ids"),
    ("all_reduce_v1", "replica_groups channel_id use_global_device_ids"),
    ("all_reduce_v2", "replica_groups channel_id use_global_device_ids"),
    ("all_to_all_v1", "split_dimension concat_dimension split_count replica_groups channel_id"),
    ("all_to_all_v2", "split_dimension concat_dimension split_count replica_groups channel_id"),
    ("batch_norm_grad_v1", "epsilon feature_index"),
    ("batch_norm_inference_v1", "epsilon feature_index"),
    ("batch_norm_training_v1", "epsilon feature_index"),
    ("broadcast_in_dim_v1", "broadcast_dimensions"),
    ("broadcast_v1", "broadcast_sizes"),
    ("call_v1", "callee"),
    ("cbrt_v2", "result_accuracy"),
    ("cholesky_v1", "lower"),
    ("collective_broadcast_v1", "replica_groups channel_id"),
    ("collective_broadcast_v2", "replica_groups channel_id has_dynamic_root"),
    ("collective_reduce_v1", "replica_groups channel_id use_global_device_ids has_dynamic_root"),
    ("collective_permute_v1", "source_target_pairs channel_id"),
    ("compare_v1", "comparison_direction compare_type"),
    ("composite_v1", "name composite_attributes decomposition version"),
    ("composite_v2", "name composite_attributes decomposition version"),
    ("concatenate_v1", "dimension"),
    ("constant_v1", "value"),
    (
        "convolution_v1",
        "window_strides padding lhs_dilation rhs_dilation window_reversal input_batch_dimension \
            input_feature_dimension input_spatial_dimensions kernel_input_feature_dimension \
            kernel_output_feature_dimension kernel_spatial_dimensions output_batch_dimension \
            output_feature_dimension output_spatial_dimensions feature_group_count batch_group_count precision_config",
    ),
    ("cosine_v2", "result_accuracy"),
    ("cross-replica-sum_v1", "replica_groups"),
    (
        "custom_call_v1",
        "call_target_name has_side_effect backend_config api_version called_computations operand_layouts \
            result_layouts output_operand_aliases",
    ),
    (
        "custom_call_v2",
        "call_target_name has_side_effect backend_config api_version called_computations operand_layouts \
            result_layouts output_operand_aliases result_tilings",
    ),
    (
        "dot_general_v1",
        "lhs_batching_dimensions rhs_batching_dimensions lhs_contracting_dimensions rhs_contracting_dimensions \
            precision_config",
    ),
    (
        "dot_general_v2",
        "lhs_batching_dimensions rhs_batching_dimensions lhs_contracting_dimensions rhs_contracting_dimensions \
            precision_config lhs_precision_type rhs_precision_type accumulation_type lhs_component_count \
            rhs_component_count num_primitive_operations allow_imprecise_accumulation",
    ),
    ("dot_v1", "precision_config"),
    ("dynamic_broadcast_in_dim_v1", "broadcast_dimensions known_expanding_dimensions known_nonexpanding_dimensions"),
    (
        "dynamic_conv_v1",
        "window_strides padding lhs_dilation rhs_dilation window_reversal input_batch_dimension \
            input_feature_dimension input_spatial_dimensions kernel_input_feature_dimension \
            kernel_output_feature_dimension kernel_spatial_dimensions output_batch_dimension \
            output_feature_dimension output_spatial_dimensions feature_group_count batch_group_count precision_config",
    ),
    (
        "dynamic_conv_v2",
        "window_strides lhs_dilation rhs_dilation window_reversal input_batch_dimension input_feature_dimension \
            input_spatial_dimensions kernel_input_feature_dimension kernel_output_feature_dimension \
            kernel_spatial_dimensions output_batch_dimension output_feature_dimension output_spatial_dimensions \
            feature_group_count batch_group_count precision_config",
    ),
    ("dynamic_gather_v1", "offset_dims collapsed_slice_dims start_index_map index_vector_dim indices_are_sorted"),
    (
        "dynamic_gather_v2",
        "offset_dims collapsed_slice_dims operand_batching_dims start_indices_batching_dims start_index_map \
            index_vector_dim indices_are_sorted",
    ),
    ("dynamic_iota_v1", "iota_dimension"),
    ("dynamic_slice_v1", "slice_sizes"),
    ("einsum_v1", "einsum_config"),
    ("exponential_minus_one_v2", "result_accuracy"),
    ("exponential_v2", "result_accuracy"),
    ("fft_v1", "fft_type fft_length"),
    ("func_v1", "sym_name function_type sym_visibility arg_attrs res_attrs"),
    ("gather_v1", "offset_dims collapsed_slice_dims start_index_map index_vector_dim slice_sizes indices_are_sorted"),
    (
        "gather_v2",
        "offset_dims collapsed_slice_dims operand_batching_dims start_indices_batching_dims start_index_map \
            index_vector_dim slice_sizes indices_are_sorted",
    ),
    ("get_dimension_size_v1", "dimension"),
    ("get_tuple_element_v1", "index"),
    ("infeed_v1", "infeed_config layout"),
    ("iota_v1", "iota_dimension"),
    ("log_plus_one_v2", "result_accuracy"),
    ("logistic_v2", "result_accuracy"),
    ("log_v2", "result_accuracy"),
    ("map_v1", "dimensions"),
    ("outfeed_v1", "outfeed_config"),
    ("pad_v1", "edge_padding_low edge_padding_high interior_padding"),
    ("recv_v1", "channel_id channel_type is_host_transfer"),
    ("recv_v2", "channel_id channel_type is_host_transfer source_target_pairs"),
    ("reduce_v1", "dimensions"),
    ("reduce_precision_v1", "exponent_bits mantissa_bits"),
    ("reduce_scatter_v1", "scatter_dimension replica_groups channel_id use_global_device_ids"),
    ("reduce_window_v1", "window_dimensions window_strides base_dilations window_dilations padding"),
    ("reverse_v1", "dimensions"),
    ("rng_bit_generator_v1", "rng_algorithm"),
    ("rng_v1", "rng_distribution"),
    ("rsqrt_v2", "result_accuracy"),
    (
        "scatter_v1",
        "update_window_dims inserted_window_dims scatter_dims_to_operand_dims index_vector_dim indices_are_sorted \
            unique_indices",
    ),
    (
        "scatter_v2",
        "update_window_dims inserted_window_dims input_batching_dims scatter_indices_batching_dims \
            scatter_dims_to_operand_dims index_vector_dim indices_are_sorted unique_indices",
    ),
    ("select_and_scatter_v1", "window_dimensions window_strides padding"),
    ("send_v1", "channel_id channel_type is_host_transfer"),
    ("send_v2", "channel_id channel_type is_host_transfer source_target_pairs"),
    ("set_dimension_size_v1", "dimension"),
    ("sine_v2", "result_accuracy"),
    ("slice_v1", "start_indices limit_indices strides"),
    ("sort_v1", "dimension is_stable"),
    ("sqrt_v2", "result_accuracy"),
    ("tan_v2", "result_accuracy"),
    ("tanh_v2", "result_accuracy"),
    ("torch_index_select_v1", "dim batch_dims"),
    ("transpose_v1", "permutation"),
    ("triangular_solve_v1", "left_side lower unit_diagonal transpose_a"),
    ("unary_einsum_v1", "einsum_config"),
];

/// The operations of VHLO that have no attributes.
pub(in crate::read) const PLAIN: &str = "abs_v1 add_v1 after_all_v1 and_v1 async_start_v1 \
    async_done_v1 atan2_v1 bitcast_convert_v1 case_v1 cbrt_v1 ceil_v1 clamp_v1 count_leading_zeros_v1 complex_v1 \
    convert_v1 cosine_v1 create_token_v1 divide_v1 dynamic_pad_v1 dynamic_reshape_v1 dynamic_update_slice_v1 \
    exponential_minus_one_v1 exponential_v1 floor_v1 if_v1 imag_v1 is_finite_v1 log_plus_one_v1 logistic_v1 \
    log_v1 maximum_v1 minimum_v1 multiply_v1 negate_v1 not_v1 optimization_barrier_v1 or_v1 partition_id_v1 \
    popcnt_v1 power_v1 real_dynamic_slice_v1 real_v1 remainder_v1 replica_id_v1 reshape_v1 return_v1 \
    round_nearest_even_v1 round_nearest_afz_v1 rsqrt_v1 select_v1 shift_left_v1 shift_right_arithmetic_v1 \
    shift_right_logical_v1 sign_v1 sine_v1 sqrt_v1 subtract_v1 tan_v1 tanh_v1 tuple_v1 uniform_dequantize_v1 \
    uniform_quantize_v1 while_v1 xor_v1";

/// What is known of the properties of an operation: the order of its attributes.
#[derive(Clone, Copy)]
pub(super) enum Properties {
    /// Required attributes, sorted by name.
    Required(&'static str),
    /// Attributes that may be absent, sorted by name.
    Optional(&'static str),
    Unknown,
}

/// The name of an operation.
pub(super) struct OpName {
    /// The name in StableHLO: `stablehlo.add` for `vhlo.add_v1`.
    pub(super) name: Arc<str>,
    pub(super) vhlo: bool,
    /// Whether it is the `return_v1` of VHLO, which ends functions too.
    pub(super) is_return: bool,
    pub(super) properties: Properties,
}

impl OpName {
    pub(super) fn new(dialect: &str, name: &str, registered: bool) -> OpName {
        if dialect != "vhlo" {
            let name = if name.is_empty() { dialect.to_owned() } else { format!("{dialect}.{name}") };
            let properties = match &*name {
                "builtin.module" => Properties::Optional("sym_name sym_visibility"),
                "sdy.mesh" => Properties::Required("mesh sym_name"),
                "sdy.sharding_constraint" | "sdy.reshard" => Properties::Required("sharding"),
                _ if registered => Properties::Unknown,
                _ => Properties::Required(""),
            };
            return OpName { name: name.into(), vhlo: false, is_return: false, properties };
        }
        let attributes = VHLO.iter().find(|row| row.0 == name).map_or("", |row| row.1);
        let short = name.rsplit_once("_v").map_or(name, |(short, _)| short);
        let full = match short {
            "func" | "call" => format!("func.{short}"),
            _ => format!("stablehlo.{short}"),
        };
        OpName {
            name: full.into(),
            vhlo: true,
            is_return: short == "return",
            properties: Properties::Required(attributes),
        }
    }
}

/// The attributes of StableHLO that are dense arrays, and in VHLO tensors.
const ARRAYS: &str = "base_dilations broadcast_dimensions broadcast_sizes collapsed_slice_dims dimensions \
    edge_padding_high \
    edge_padding_low fft_length input_batching_dims input_spatial_dimensions inserted_window_dims interior_padding \
    kernel_spatial_dimensions known_expanding_dimensions known_nonexpanding_dimensions lhs_batching_dimensions \
    lhs_contracting_dimensions lhs_dilation limit_indices offset_dims operand_batching_dims output_spatial_dimensions \
    permutation rhs_batching_dimensions rhs_contracting_dimensions rhs_dilation scatter_dims_to_operand_dims \
    scatter_indices_batching_dims slice_sizes start_index_map start_indices start_indices_batching_dims strides \
    update_window_dims window_dilations window_dimensions window_reversal window_strides";

/// A structured attribute of StableHLO, which VHLO has as several: operations, name of the attribute, name of the
/// structure, and its fields.
type Group = (&'static [&'static str], &'static str, &'static str, &'static str);

pub(in crate::read) const GROUPS: &[Group] = &[
    (
        &["gather", "dynamic_gather"],
        "dimension_numbers",
        "gather",
        "offset_dims collapsed_slice_dims operand_batching_dims start_indices_batching_dims start_index_map \
            index_vector_dim",
    ),
    (
        &["scatter"],
        "scatter_dimension_numbers",
        "scatter",
        "update_window_dims inserted_window_dims input_batching_dims scatter_indices_batching_dims \
            scatter_dims_to_operand_dims index_vector_dim",
    ),
    (
        &["dot_general"],
        "dot_dimension_numbers",
        "dot",
        "lhs_batching_dimensions rhs_batching_dimensions lhs_contracting_dimensions rhs_contracting_dimensions",
    ),
    (
        &["dot_general"],
        "algorithm",
        "dot_algorithm",
        "lhs_precision_type rhs_precision_type accumulation_type lhs_component_count rhs_component_count \
            num_primitive_operations allow_imprecise_accumulation",
    ),
    (
        &["convolution", "dynamic_conv"],
        "dimension_numbers",
        "conv",
        "input_batch_dimension input_feature_dimension input_spatial_dimensions kernel_input_feature_dimension \
            kernel_output_feature_dimension kernel_spatial_dimensions output_batch_dimension output_feature_dimension \
            output_spatial_dimensions",
    ),
    (&["send", "recv"], "channel_handle", "channel_handle", "channel_id channel_type"),
    (
        &[
            "all_gather",
            "all_reduce",
            "all_to_all",
            "collective_broadcast",
            "collective_permute",
            "collective_reduce",
            "reduce_scatter",
        ],
        "channel_handle",
        "channel_handle",
        "channel_id",
    ),
];

/// The name of a field in the structured attribute, where VHLO has another one.
pub(in crate::read) fn field_name(vhlo: &str) -> &str {
    match vhlo {
        "channel_id" => "handle",
        "channel_type" => "type",
        _ => vhlo,
    }
}

fn symbol(attr: Attr) -> Attr {
    match attr.as_str() {
        Some(name) => Attr::Symbol(arc(name)),
        None => attr,
    }
}

/// Turns the attributes of an operation of VHLO into those of StableHLO.
pub(super) fn to_stablehlo(name: &str, attributes: &mut Vec<(Arc<str>, Attr)>) {
    // Functions have attributes of their own each, and none of them changes.
    if name == "func.func" {
        return;
    }
    let op = name.strip_prefix("stablehlo.").unwrap_or(name);
    for (name, value) in attributes.iter_mut() {
        let old = std::mem::replace(value, Attr::Unit);
        *value = match (op, &**name) {
            ("func.call", "callee") | ("composite", "decomposition") => symbol(old),
            ("custom_call", "called_computations") => match old {
                Attr::Array(items) => Attr::Array(items.iter().cloned().map(symbol).collect()),
                other => other,
            },
            _ if ARRAYS.split_whitespace().any(|n| n == &**name) => as_array(old),
            _ => old,
        };
    }
    attributes.retain_mut(|(name, value)| match (&**name, &value) {
        ("use_global_device_ids", Attr::Bool(flag)) => {
            let keep = *flag;
            *value = Attr::Unit;
            keep
        }
        ("source_target_pairs", Attr::Dense(dense)) if matches!(op, "send" | "recv") => !dense.ty.is_empty(),
        ("result_tilings" | "operand_layouts" | "result_layouts", Attr::Array(items)) => !items.is_empty(),
        _ => true,
    });
    for (ops, attribute, structure, fields) in GROUPS {
        if !ops.contains(&op) {
            continue;
        }
        let mut found: Vec<(Arc<str>, Attr)> = Vec::new();
        attributes.retain(|(name, value)| {
            let mine = fields.split_whitespace().any(|f| f == &**name);
            if mine {
                found.push((arc(field_name(name)), value.clone()));
            }
            !mine
        });
        let none = |(_, value): &(Arc<str>, Attr)| matches!(value, Attr::Type(Type::Opaque(text)) if &**text == "none");
        if found.is_empty() || found.iter().any(none) {
            continue;
        }
        if *structure == "channel_handle" && found.len() == 1 {
            found.push((arc("type"), Attr::Int(0, Element::I64)));
        }
        attributes.push((arc(attribute), canon::structure(structure, found)));
    }
}
