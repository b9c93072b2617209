//! The arrays that a program takes and returns.

use std::fmt;

use crate::array::aval::Aval;
use crate::tree::{Tree, collect_paths, leaf_paths};

use super::entry::Entry;
use super::func::Params;

/// The types of the arrays that a stored program takes and returns.
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array, n: &Array| x * n.astype(DType::F32));
/// let exported = f.lower((&Array::from([1.0f32, 2.0]), &3.into())).unwrap().export().unwrap();
/// assert_eq!(exported.signature().to_string(), "([0]: f32[2], [1]: i32[]) -> (: f32[2])");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// For each array of the arguments: its path, its type, and whether the program uses it.
    pub inputs: Vec<(String, Aval, bool)>,
    /// For each array of the result: its path and type.
    pub outputs: Vec<(String, Aval)>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs: Vec<String> = self.inputs.iter().map(|(path, aval, _)| format!("{path}: {aval}")).collect();
        let outputs: Vec<String> = self.outputs.iter().map(|(path, aval)| format!("{path}: {aval}")).collect();
        write!(f, "({}) -> ({})", inputs.join(", "), outputs.join(", "))
    }
}

pub(super) fn signature<P: Params, R: Tree>(entry: &Entry<P, R>) -> Signature {
    let paths = collect_paths(|path| P::paths(P::refs(&entry.structure), path));
    let inputs = (paths.into_iter().zip(&entry.avals).enumerate())
        .map(|(i, (path, aval))| (path, aval.clone().with_weak_type(false), entry.used.contains(&i)));
    let avals = entry.closed.jaxpr.output_avals().map(|a| a.with_weak_type(false));
    Signature { inputs: inputs.collect(), outputs: leaf_paths(&entry.template).into_iter().zip(avals).collect() }
}
