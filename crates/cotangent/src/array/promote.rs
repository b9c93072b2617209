//! JAX's type promotion lattice.

use std::sync::OnceLock;

use crate::array::dtype::{DType, Kind};
use crate::array::modes::{DTypePromotion, modes};
use crate::error::{Error, raise};

/// A node of the lattice: a dtype, or the weak type of a family of Rust literals.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Strong(DType),
    WeakInt,
    WeakFloat,
    WeakComplex,
}

use Node::{Strong, WeakComplex, WeakFloat, WeakInt};

/// All nodes, each after those below it, so that the first common bound is the least one.
const NODES: [Node; 18] = {
    use DType::*;
    [
        Strong(Bool),
        WeakInt,
        Strong(U8),
        Strong(I8),
        Strong(U16),
        Strong(I16),
        Strong(U32),
        Strong(I32),
        Strong(U64),
        Strong(I64),
        WeakFloat,
        Strong(BF16),
        Strong(F16),
        Strong(F32),
        Strong(F64),
        WeakComplex,
        Strong(C64),
        Strong(C128),
    ]
};

/// The nodes directly above each node.
fn above(node: Node) -> &'static [Node] {
    use DType::*;
    match node {
        Strong(Bool) => &[WeakInt],
        WeakInt => &[Strong(U8), Strong(I8)],
        Strong(U8) => &[Strong(I16), Strong(U16)],
        Strong(I8) => &[Strong(I16)],
        Strong(U16) => &[Strong(I32), Strong(U32)],
        Strong(I16) => &[Strong(I32)],
        Strong(U32) => &[Strong(I64), Strong(U64)],
        Strong(I32) => &[Strong(I64)],
        Strong(U64) | Strong(I64) => &[WeakFloat],
        WeakFloat => &[Strong(BF16), Strong(F16), WeakComplex],
        Strong(BF16) | Strong(F16) => &[Strong(F32)],
        Strong(F32) => &[Strong(F64), Strong(C64)],
        Strong(F64) => &[Strong(C128)],
        WeakComplex => &[Strong(C64)],
        Strong(C64) => &[Strong(C128)],
        Strong(C128) => &[],
    }
}

/// Whether `high` can be reached from `low` by going up.
fn reaches(low: Node, high: Node) -> bool {
    low == high || above(low).iter().any(|n| reaches(*n, high))
}

fn node(dtype: DType, weak: bool) -> Node {
    match (weak, dtype.kind()) {
        (true, Kind::Int | Kind::Uint) => WeakInt,
        (true, Kind::Float) => WeakFloat,
        (true, Kind::Complex) => WeakComplex,
        _ => Strong(dtype),
    }
}

/// The dtype that two operands are promoted to, and whether it is weak: their least upper bound in JAX's lattice.
///
/// A weak result has its family's default width: `i32`, `f32`, `c64`.
///
/// ```
/// use cotangent::DType;
/// use cotangent::extend::promote_types;
/// assert_eq!(promote_types((DType::I32, false), (DType::F32, false)), (DType::F32, false));
/// assert_eq!(promote_types((DType::F16, false), (DType::F32, true)), (DType::F16, false));
/// ```
#[must_use]
pub fn promote_types(a: (DType, bool), b: (DType, bool)) -> (DType, bool) {
    if a == b {
        return a;
    }
    match bounds()[place(node(a.0, a.1))][place(node(b.0, b.1))] {
        Strong(dtype) => (dtype, false),
        WeakInt => (DType::I32, true),
        WeakFloat => (DType::F32, true),
        WeakComplex => (DType::C64, true),
    }
}

/// Raises an error if these operands have different dtypes and the thread forbids that they meet. A Rust number, whose
/// type is weak, meets all dtypes that its kind is part of.
#[track_caller]
pub(crate) fn allow_promotion(operands: impl Iterator<Item = (DType, bool)> + Clone) {
    if modes().promotion.dtypes == DTypePromotion::Strict {
        strictly(operands);
    }
}

#[cold]
#[track_caller]
fn strictly(operands: impl Iterator<Item = (DType, bool)> + Clone) {
    let kind = |dtype: DType| match dtype.kind() {
        Kind::Bool => 0,
        Kind::Int | Kind::Uint => 1,
        Kind::Float => 2,
        Kind::Complex => 3,
    };
    let is_weak = |(dtype, weak): &(DType, bool)| *weak && kind(*dtype) > 0;
    let Some((strong, _)) = operands.clone().find(|x| !is_weak(x)) else { return };
    // A boolean is no number.
    let fits =
        |x: &(DType, bool)| if is_weak(x) { kind(strong) > 0 && kind(x.0) <= kind(strong) } else { x.0 == strong };
    if operands.clone().all(|x| fits(&x)) {
        return;
    }
    let names: Vec<String> =
        operands.map(|x| if is_weak(&x) { format!("a Rust number like {}", x.0) } else { x.0.to_string() }).collect();
    raise(
        Error::dtype(format!("{} have no dtype in common, because promotion is strict", names.join(" and ")))
            .help("convert one of them with `.astype(DType::…)`, or allow it with `DTypePromotion::Standard`"),
    )
}

/// The index of a node in [`NODES`].
fn place(node: Node) -> usize {
    NODES.iter().position(|n| *n == node).unwrap_or(0)
}

/// The least upper bound of each pair of nodes.
fn bounds() -> &'static [[Node; 18]; 18] {
    static BOUNDS: OnceLock<[[Node; 18]; 18]> = OnceLock::new();
    BOUNDS.get_or_init(|| {
        // `c128` is above every node, so there is always a bound.
        let bound = |x, y| NODES.into_iter().find(|n| reaches(x, *n) && reaches(y, *n)).unwrap_or(Strong(DType::C128));
        NODES.map(|x| NODES.map(|y| bound(x, y)))
    })
}
