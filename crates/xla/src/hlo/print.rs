//! HLO as text, close to XLA's own notation.

use std::collections::HashMap;
use std::fmt::Write;

use super::literal;
use super::proto::*;
use super::types::{braces, join, program_shape, shape_text};

/// Names of instructions and computations by their ids.
struct Names<'a> {
    instructions: HashMap<i64, &'a str>,
    computations: HashMap<i64, &'a str>,
}

/// Prints a module: its head, then its computations, callees before callers.
pub(super) fn module(module: &Module) -> String {
    let mut out = format!("HloModule {}", module.name);
    let aliases: Vec<_> = module.input_output_alias.iter().flat_map(|a| &a.entries).map(alias).collect();
    if !aliases.is_empty() {
        out += &format!(", input_output_alias={{ {} }}", aliases.join(", "));
    }
    if let Some(shape) = &module.program_shape {
        out += &format!(", entry_computation_layout={{{}}}", program_shape(shape));
    }
    out.push('\n');
    let computations: HashMap<_, _> = module.computations.iter().map(|c| (c.id, c.name.as_str())).collect();
    let mut names = Names { instructions: HashMap::new(), computations };
    for computation in &module.computations {
        let entry = computation.id == module.entry_computation_id;
        names.instructions = computation.instructions.iter().map(|i| (i.id, i.name.as_str())).collect();
        out.push('\n');
        print_computation(&mut out, computation, entry, &names);
    }
    out
}

fn alias(entry: &AliasEntry) -> String {
    format!(
        "{}: ({}, {}, {})",
        braces(&entry.output_shape_index),
        entry.parameter_number,
        braces(&entry.parameter_shape_index),
        if entry.kind == 2 { "must-alias" } else { "may-alias" },
    )
}

fn print_computation(out: &mut String, computation: &Computation, entry: bool, names: &Names) {
    if entry {
        out.push_str("ENTRY ");
    }
    let parameters: Vec<_> = computation
        .instructions
        .iter()
        .filter(|i| i.opcode == "parameter")
        .map(|i| (i.parameter_number, format!("{}: {}", i.name, instruction_shape(i, false))))
        .collect();
    let mut parameters = parameters;
    parameters.sort();
    let parameters: Vec<_> = parameters.into_iter().map(|(_, text)| text).collect();
    let result = computation.program_shape.as_ref().and_then(|p| p.result.as_ref());
    let result = result.map_or(String::new(), |s| shape_text(s, false));
    let _ = writeln!(out, "%{} ({}) -> {result} {{", computation.name, parameters.join(", "));
    for instruction in &computation.instructions {
        let root = if instruction.id == computation.root_id { "ROOT " } else { "" };
        let _ = writeln!(out, "  {root}{}", instruction_text(instruction, names));
    }
    out.push_str("}\n");
}

fn instruction_shape(instruction: &Instruction, layout: bool) -> String {
    instruction.shape.as_ref().map_or(String::new(), |s| shape_text(s, layout))
}

fn instruction_text(i: &Instruction, names: &Names) -> String {
    let name = |id: &i64| match names.instructions.get(id) {
        Some(name) => format!("%{name}"),
        None => format!("%{id}"),
    };
    let operands = match i.opcode.as_str() {
        "parameter" => i.parameter_number.to_string(),
        "constant" => i.literal.as_ref().map_or("?".to_owned(), literal::text),
        _ => i.operand_ids.iter().map(name).collect::<Vec<_>>().join(", "),
    };
    let mut text = format!("%{} = {} {}({operands})", i.name, instruction_shape(i, true), i.opcode);
    for (key, value) in attributes(i, names) {
        let _ = write!(text, ", {key}={value}");
    }
    if !i.control_predecessor_ids.is_empty() {
        let before: Vec<_> = i.control_predecessor_ids.iter().map(name).collect();
        let _ = write!(text, ", control-predecessors={{{}}}", before.join(", "));
    }
    if let Some(metadata) = &i.metadata {
        text.push_str(&metadata_text(metadata));
    }
    text
}

/// The attributes of an instruction, in XLA's order where there is one.
fn attributes(i: &Instruction, names: &Names) -> Vec<(&'static str, String)> {
    let mut list = Vec::new();
    let op = i.opcode.as_str();
    let with_dimensions = ["broadcast", "concatenate", "iota", "map", "reduce", "reverse", "sort", "transpose"];
    let collective = ["all-gather", "all-to-all", "reduce-scatter", "get-dimension-size"];
    if op == "iota" {
        list.push(("iota_dimension", i.dimensions.first().copied().unwrap_or(0).to_string()));
    } else if with_dimensions.contains(&op) || (collective.contains(&op) && !i.dimensions.is_empty()) {
        list.push(("dimensions", braces(&i.dimensions)));
    }
    if op == "get-tuple-element" {
        list.push(("index", i.tuple_index.to_string()));
    }
    if !i.slice_dimensions.is_empty() {
        list.push(("slice", slices(&i.slice_dimensions)));
    }
    if !i.dynamic_slice_sizes.is_empty() {
        list.push(("dynamic_slice_sizes", braces(&i.dynamic_slice_sizes)));
    }
    if let Some(p) = i.padding.as_ref().filter(|p| !p.dimensions.is_empty()) {
        list.push(("padding", padding(p)));
    }
    if let Some(w) = i.window.as_ref().filter(|w| !w.dimensions.is_empty()) {
        list.push(("window", window(w)));
    }
    if op == "convolution" {
        if let Some(c) = &i.convolution {
            list.push(("dim_labels", dim_labels(c)));
        }
        for (key, count) in [("feature_group_count", i.feature_group_count), ("batch_group_count", i.batch_group_count)]
        {
            if count > 1 {
                list.push((key, count.to_string()));
            }
        }
    }
    if let Some(d) = &i.dot {
        for (key, dims) in [
            ("lhs_batch_dims", &d.lhs_batch),
            ("lhs_contracting_dims", &d.lhs_contracting),
            ("rhs_batch_dims", &d.rhs_batch),
            ("rhs_contracting_dims", &d.rhs_contracting),
        ] {
            if !dims.is_empty() {
                list.push((key, braces(dims)));
            }
        }
    }
    if let Some(g) = &i.gather {
        list.extend([
            ("offset_dims", braces(&g.offset_dims)),
            ("collapsed_slice_dims", braces(&g.collapsed_slice_dims)),
            ("start_index_map", braces(&g.start_index_map)),
        ]);
        if !g.operand_batching_dims.is_empty() {
            list.push(("operand_batching_dims", braces(&g.operand_batching_dims)));
            list.push(("start_indices_batching_dims", braces(&g.start_indices_batching_dims)));
        }
        list.push(("index_vector_dim", g.index_vector_dim.to_string()));
        list.push(("slice_sizes", braces(&i.gather_slice_sizes)));
    }
    if let Some(s) = &i.scatter {
        list.extend([
            ("update_window_dims", braces(&s.update_window_dims)),
            ("inserted_window_dims", braces(&s.inserted_window_dims)),
            ("scatter_dims_to_operand_dims", braces(&s.scatter_dims_to_operand_dims)),
        ]);
        if !s.input_batching_dims.is_empty() {
            list.push(("input_batching_dims", braces(&s.input_batching_dims)));
            list.push(("scatter_indices_batching_dims", braces(&s.scatter_indices_batching_dims)));
        }
        list.push(("index_vector_dim", s.index_vector_dim.to_string()));
    }
    for (key, set) in
        [("indices_are_sorted", i.indices_are_sorted), ("unique_indices", i.unique_indices), ("is_stable", i.is_stable)]
    {
        if set {
            list.push((key, "true".to_owned()));
        }
    }
    if op == "fft" {
        let kind = ["FFT", "IFFT", "RFFT", "IRFFT"].get(i.fft_type as usize).unwrap_or(&"?");
        list.push(("fft_type", (*kind).to_owned()));
        list.push(("fft_length", braces(&i.fft_length)));
    }
    if let Some(t) = i.triangular_solve.as_ref().filter(|_| op == "triangular-solve") {
        let transpose = ["?", "NO_TRANSPOSE", "TRANSPOSE", "ADJOINT"].get(t.transpose_a as usize);
        list.extend([
            ("left_side", t.left_side.to_string()),
            ("lower", t.lower.to_string()),
            ("unit_diagonal", t.unit_diagonal.to_string()),
            ("transpose_a", transpose.unwrap_or(&"?").to_string()),
        ]);
    }
    if let Some(c) = i.cholesky.as_ref().filter(|_| op == "cholesky") {
        list.push(("lower", c.lower.to_string()));
    }
    if op == "reduce-precision" {
        list.push(("exponent_bits", i.exponent_bits.to_string()));
        list.push(("mantissa_bits", i.mantissa_bits.to_string()));
    }
    if !i.comparison_direction.is_empty() {
        list.push(("direction", i.comparison_direction.clone()));
    }
    if i.channel_id > 0 {
        list.push(("channel_id", i.channel_id.to_string()));
    }
    if !i.replica_groups.is_empty() {
        let groups: Vec<_> = i.replica_groups.iter().map(|g| braces(&g.replica_ids)).collect();
        list.push(("replica_groups", format!("{{{}}}", groups.join(","))));
    }
    if !i.custom_call_target.is_empty() {
        list.push(("custom_call_target", format!("{:?}", i.custom_call_target)));
    }
    if op == "fusion" {
        list.push(("kind", i.fusion_kind.clone()));
    }
    called_computations(i, names, &mut list);
    if !i.backend_config.is_empty() {
        let config = String::from_utf8_lossy(&i.backend_config);
        // A JSON object is printed as it is; anything else is quoted.
        let json = config.starts_with('{');
        list.push(("backend_config", if json { config.into_owned() } else { format!("{config:?}") }));
    }
    list
}

fn called_computations(i: &Instruction, names: &Names, list: &mut Vec<(&'static str, String)>) {
    let name = |id: &i64| match names.computations.get(id) {
        Some(name) => format!("%{name}"),
        None => format!("%{id}"),
    };
    let called: Vec<_> = i.called_computation_ids.iter().map(name).collect();
    match (i.opcode.as_str(), &called[..]) {
        (_, []) => {}
        // XLA stores the body first and prints the condition first.
        ("while", [body, condition]) => {
            list.push(("condition", condition.clone()));
            list.push(("body", body.clone()));
        }
        ("conditional", branches) => {
            list.push(("branch_computations", format!("{{{}}}", branches.join(", "))));
        }
        ("select-and-scatter", [select, scatter]) => {
            list.push(("select", select.clone()));
            list.push(("scatter", scatter.clone()));
        }
        ("fusion", [one]) => list.push(("calls", one.clone())),
        (_, [one]) => list.push(("to_apply", one.clone())),
        (_, many) => list.push(("called_computations", format!("{{{}}}", many.join(", ")))),
    }
}

fn metadata_text(metadata: &OpMetadata) -> String {
    let mut parts = Vec::new();
    if !metadata.op_name.is_empty() {
        parts.push(format!("op_name={:?}", metadata.op_name));
    }
    if !metadata.source_file.is_empty() {
        parts.push(format!("source_file={:?}", metadata.source_file));
    }
    if metadata.source_line != 0 {
        parts.push(format!("source_line={}", metadata.source_line));
    }
    if parts.is_empty() { String::new() } else { format!(", metadata={{{}}}", parts.join(" ")) }
}

fn slices(dims: &[SliceDimensions]) -> String {
    let one = |d: &SliceDimensions| match d.stride {
        0 | 1 => format!("[{}:{}]", d.start, d.limit),
        stride => format!("[{}:{}:{stride}]", d.start, d.limit),
    };
    format!("{{{}}}", join(dims.iter().map(one), ", "))
}

fn padding(padding: &Padding) -> String {
    let interior = padding.dimensions.iter().any(|d| d.interior != 0);
    let one = |d: &PaddingDimension| match interior {
        true => format!("{}_{}_{}", d.low, d.high, d.interior),
        false => format!("{}_{}", d.low, d.high),
    };
    join(padding.dimensions.iter().map(one), "x")
}

/// The properties of a window that differ from the default in some dimension.
fn window(window: &Window) -> String {
    let dims = &window.dimensions;
    let mut parts = vec![format!("size={}", join(dims.iter().map(|d| d.size), "x"))];
    let mut push = |key: &str, show: bool, text: String| {
        if show {
            parts.push(format!("{key}={text}"));
        }
    };
    let any = |f: fn(&WindowDimension) -> bool| dims.iter().any(f);
    push("stride", any(|d| d.stride > 1), join(dims.iter().map(|d| d.stride), "x"));
    push(
        "pad",
        any(|d| d.padding_low != 0 || d.padding_high != 0),
        join(dims.iter().map(|d| format!("{}_{}", d.padding_low, d.padding_high)), "x"),
    );
    push("lhs_dilate", any(|d| d.base_dilation > 1), join(dims.iter().map(|d| d.base_dilation), "x"));
    push("rhs_dilate", any(|d| d.window_dilation > 1), join(dims.iter().map(|d| d.window_dilation), "x"));
    push("rhs_reversal", any(|d| d.reversal), join(dims.iter().map(|d| u8::from(d.reversal)), "x"));
    format!("{{{}}}", parts.join(" "))
}

/// The role of each dimension in a convolution: `b01f_01io->b01f`.
fn dim_labels(c: &ConvolutionDimensions) -> String {
    let labels = |first: (char, i64), second: (char, i64), spatial: &[i64]| {
        let mut places: Vec<(i64, String)> = vec![(first.1, first.0.into()), (second.1, second.0.into())];
        places.extend(spatial.iter().enumerate().map(|(n, &place)| (place, n.to_string())));
        places.sort();
        join(places.into_iter().map(|(_, label)| label), "")
    };
    format!(
        "{}_{}->{}",
        labels(('b', c.input_batch), ('f', c.input_feature), &c.input_spatial),
        labels(('i', c.kernel_input_feature), ('o', c.kernel_output_feature), &c.kernel_spatial),
        labels(('b', c.output_batch), ('f', c.output_feature), &c.output_spatial),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convolution_labels() {
        let c = ConvolutionDimensions {
            input_batch: 0,
            input_feature: 3,
            input_spatial: vec![1, 2],
            kernel_input_feature: 2,
            kernel_output_feature: 3,
            kernel_spatial: vec![0, 1],
            output_batch: 0,
            output_feature: 1,
            output_spatial: vec![2, 3],
        };
        assert_eq!(dim_labels(&c), "b01f_01io->bf01");
    }
}
