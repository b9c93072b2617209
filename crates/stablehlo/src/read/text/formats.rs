//! The pretty syntax of each operation that has a regular one.

use std::collections::HashMap;

/// A part of an operation's syntax.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    /// One operand.
    One,
    /// Operands with commas between them, or none.
    Many,
    /// Operands with a comma after each.
    Each,
    /// A token.
    Token(&'static str),
    /// An integer attribute of this name, of `i64`.
    Int(&'static str),
    /// Of `i32`.
    Int32(&'static str),
    /// A list of integers.
    Ints(&'static str),
    /// A boolean.
    Flag(&'static str),
    /// A quoted string.
    Str(&'static str),
    /// `@name`, which is a string.
    Target(&'static str),
    /// `@name`, which is a symbol.
    Symbol(&'static str),
    /// A case of an enumeration: the name of the attribute and of the enumeration.
    Case(&'static str, &'static str),
    /// A case that follows a comma, if there is one.
    OptionalCase(&'static str, &'static str),
    /// A flag that follows a comma and its name, if there is one.
    OptionalFlag(&'static str),
    /// `, precision = […]` and `, algorithm = <…>`, if they follow.
    Precision,
    /// `[0:4, 1:8:2]`
    Ranges,
    /// `batching_dims = [0] x [0], contracting_dims = [1] x [0]`
    Dot,
    /// `[b, 0, 1, f]x…` and the window.
    Convolution,
    /// `e8m10`
    Bits,
    /// Regions in parentheses, if they follow.
    Regions,
    /// `<…>` of another dialect, as text.
    Text(&'static str),
    /// A dictionary of attributes, if one follows.
    Dict,
    /// `: (types) -> types`
    Functional,
    /// `: type`, which all operands and the result have, or a functional type.
    Same,
    /// `: type` of a complex result.
    Complex,
    /// `: type of the predicate, type of the others`, or a functional type.
    Select,
    /// `: types` of the results.
    Results,
    /// `: type` of a tuple.
    Tuple,
    /// `: types -> types`
    Arrow,
    /// `: types` of the operands, which the results have too, if there are operands.
    Pairwise,
    /// `: types` of the operands, if there are operands.
    Operands,
}

use Item::*;

type Row = (&'static str, &'static [Item]);

const UNARY: &[Item] = &[One, Dict, Same];
const BINARY: &[Item] = &[One, Token(","), One, Dict, Same];
const PLAIN: &[Item] = &[Many, Dict, Functional];
const ARROW: &[Item] = &[Many, Dict, Arrow];

const UNARY_NAMES: &str = "abs cbrt ceil convert count_leading_zeros cosine exponential exponential_minus_one floor \
    imag log \
    log_plus_one logistic negate not popcnt real round_nearest_afz round_nearest_even rsqrt sign sine sqrt tan tanh \
    uniform_quantize uniform_dequantize";

const BINARY_NAMES: &str = "add and atan2 divide maximum minimum multiply or power remainder shift_left \
    shift_right_arithmetic shift_right_logical subtract xor";

const PLAIN_NAMES: &str = "bitcast_convert dynamic_pad dynamic_reshape dynamic_update_slice is_finite \
    real_dynamic_slice \
    reshape";

const CHLO_NAMES: &str = "_asin_acos_kernel acos acosh asin asinh atan atanh bessel_i1e conj cosh digamma erf \
    erf_inv erfc \
    is_inf is_neg_inf is_pos_inf lgamma sinh square tan broadcast_add broadcast_and broadcast_atan2 broadcast_complex \
    broadcast_divide broadcast_maximum broadcast_minimum broadcast_multiply broadcast_next_after broadcast_or \
    broadcast_polygamma broadcast_power broadcast_remainder broadcast_select broadcast_shift_left \
    broadcast_shift_right_arithmetic broadcast_shift_right_logical broadcast_subtract broadcast_xor \
    broadcast_zeta mulhi \
    next_after polygamma zeta";

const OTHERS: &[Row] = &[
    ("func.return", &[Many, Dict, Operands]),
    ("func.call", &[Symbol("callee"), Token("("), Many, Token(")"), Dict, Functional]),
    ("stablehlo.return", &[Many, Dict, Operands]),
    ("stablehlo.after_all", &[Many, Dict, Same]),
    ("stablehlo.broadcast", &[One, Token(","), Token("sizes"), Token("="), Ints("broadcast_sizes"), Dict, Functional]),
    (
        "stablehlo.broadcast_in_dim",
        &[One, Token(","), Token("dims"), Token("="), Ints("broadcast_dimensions"), Dict, Functional],
    ),
    ("stablehlo.cholesky", &[One, OptionalFlag("lower"), Dict, Same]),
    ("stablehlo.clamp", &[Many, Dict, Same]),
    (
        "stablehlo.compare",
        &[
            Case("comparison_direction", "comparison_direction"),
            Token(","),
            One,
            Token(","),
            One,
            OptionalCase("compare_type", "comparison_type"),
            Dict,
            Functional,
        ],
    ),
    ("stablehlo.complex", &[Many, Dict, Complex]),
    ("stablehlo.composite", &[Str("name"), Many, Regions, Dict, Functional]),
    ("stablehlo.concatenate", &[Each, Token("dim"), Token("="), Int("dimension"), Dict, Functional]),
    ("stablehlo.convolution", &[Token("("), Many, Token(")"), Convolution, Dict, Functional]),
    ("stablehlo.create_token", &[Dict, Results]),
    ("stablehlo.custom_call", &[Target("call_target_name"), Token("("), Many, Token(")"), Dict, Functional]),
    ("stablehlo.dot", &[One, Token(","), One, Precision, Dict, Functional]),
    ("stablehlo.dot_general", &[One, Token(","), One, Token(","), Dot, Precision, Dict, Functional]),
    (
        "stablehlo.dynamic_broadcast_in_dim",
        &[One, Token(","), One, Token(","), Token("dims"), Token("="), Ints("broadcast_dimensions"), Dict, Functional],
    ),
    ("stablehlo.dynamic_iota", &[One, Token(","), Token("dim"), Token("="), Int("iota_dimension"), Dict, Functional]),
    ("stablehlo.dynamic_slice", &[Each, Token("sizes"), Token("="), Ints("slice_sizes"), Dict, Functional]),
    (
        "stablehlo.einsum",
        &[One, Token(","), One, Token(","), Token("config"), Token("="), Str("einsum_config"), Dict, Functional],
    ),
    (
        "stablehlo.fft",
        &[
            One,
            Token(","),
            Token("type"),
            Token("="),
            Case("fft_type", "fft_type"),
            Token(","),
            Token("length"),
            Token("="),
            Ints("fft_length"),
            Dict,
            Functional,
        ],
    ),
    ("stablehlo.get_dimension_size", &[One, Token(","), Token("dim"), Token("="), Int("dimension"), Dict, Functional]),
    ("stablehlo.get_tuple_element", &[One, Token("["), Int32("index"), Token("]"), Dict, Functional]),
    ("stablehlo.iota", &[Token("dim"), Token("="), Int("iota_dimension"), Dict, Results]),
    ("stablehlo.optimization_barrier", &[Dict, Many, Pairwise]),
    (
        "stablehlo.pad",
        &[
            One,
            Token(","),
            One,
            Token(","),
            Token("low"),
            Token("="),
            Ints("edge_padding_low"),
            Token(","),
            Token("high"),
            Token("="),
            Ints("edge_padding_high"),
            Token(","),
            Token("interior"),
            Token("="),
            Ints("interior_padding"),
            Dict,
            Functional,
        ],
    ),
    ("stablehlo.partition_id", &[Dict, Results]),
    ("stablehlo.reduce_precision", &[One, Token(","), Token("format"), Token("="), Bits, Dict, Same]),
    ("stablehlo.replica_id", &[Dict, Results]),
    ("stablehlo.reverse", &[One, Token(","), Token("dims"), Token("="), Ints("dimensions"), Dict, Same]),
    (
        "stablehlo.rng",
        &[Each, Token("distribution"), Token("="), Case("rng_distribution", "rng_distribution"), Dict, Functional],
    ),
    (
        "stablehlo.rng_bit_generator",
        &[One, Token(","), Token("algorithm"), Token("="), Case("rng_algorithm", "rng_algorithm"), Dict, Functional],
    ),
    ("stablehlo.select", &[Many, Dict, Select]),
    (
        "stablehlo.set_dimension_size",
        &[One, Token(","), One, Token(","), Token("dim"), Token("="), Int("dimension"), Dict, Functional],
    ),
    ("stablehlo.slice", &[One, Ranges, Dict, Functional]),
    ("stablehlo.transpose", &[One, Token(","), Token("dims"), Token("="), Ints("permutation"), Dict, Functional]),
    ("stablehlo.tuple", &[Many, Dict, Tuple]),
    ("stablehlo.unary_einsum", &[One, Token(","), Token("config"), Token("="), Str("einsum_config"), Dict, Functional]),
    ("chlo.top_k", &top_k("is_stable")),
    ("sdy.return", &[Many, Dict, Operands]),
    ("sdy.reshard", &[One, Text("sharding"), Dict, Same]),
    ("sdy.sharding_constraint", &[One, Text("sharding"), Dict, Same]),
];

/// The greatest elements, in the formats of CHLO and MHLO, which have a flag each.
const fn top_k(flag: &'static str) -> [Item; 10] {
    [Token("("), One, Token(","), Token("k"), Token("="), Int("k"), OptionalFlag(flag), Token(")"), Dict, Arrow]
}

/// What XLA writes of HLO that StableHLO does not have: `mhlo.name`, and what it is read as.
const MHLO: &[(&str, &str, &[Item])] = &[
    ("acos", "chlo.acos", UNARY),
    ("acosh", "chlo.acosh", UNARY),
    ("asin", "chlo.asin", UNARY),
    ("asinh", "chlo.asinh", UNARY),
    ("atanh", "chlo.atanh", UNARY),
    ("copy", "stablehlo.reshape", UNARY),
    ("cosh", "chlo.cosh", UNARY),
    ("erf", "chlo.erf", UNARY),
    ("sinh", "chlo.sinh", UNARY),
    ("tan", "chlo.tan", UNARY),
    ("topk", "chlo.top_k", &top_k("largest")),
];

/// What an operation of MHLO is read as.
fn of_mhlo(name: &str) -> Option<&'static (&'static str, &'static str, &'static [Item])> {
    let short = name.strip_prefix("mhlo.")?;
    MHLO.iter().find(|(name, ..)| *name == short)
}

/// The name that an operation has in a program.
pub(super) fn known_as(name: &str) -> Option<&'static str> {
    of_mhlo(name).map(|(_, known, _)| *known)
}

/// The formats by the name of the operation.
pub(super) fn table() -> HashMap<&'static str, &'static [Item]> {
    // The names of operations without their dialect are found with it first.
    let short = [(UNARY_NAMES, UNARY), (BINARY_NAMES, BINARY), (PLAIN_NAMES, PLAIN)];
    let mut table: HashMap<&'static str, &'static [Item]> = OTHERS.iter().copied().collect();
    for (names, format) in short {
        table.extend(names.split_whitespace().map(|name| (name, format)));
    }
    table.extend(OTHERS.iter().filter_map(|(name, format)| Some((name.strip_prefix("stablehlo.")?, *format))));
    table
}

/// The format of an operation.
pub(super) fn find(table: &HashMap<&'static str, &'static [Item]>, name: &str) -> Option<&'static [Item]> {
    if let Some(short) = name.strip_prefix("stablehlo.") {
        return table.get(short).copied();
    }
    if let Some(short) = name.strip_prefix("chlo.")
        && CHLO_NAMES.split_whitespace().any(|n| n == short)
    {
        return Some(ARROW);
    }
    of_mhlo(name).map(|(.., format)| *format).or_else(|| table.get(name).copied())
}
