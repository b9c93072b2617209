//! A stored case of a primitive: JAX's results, and the tolerances of the comparison with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use cotangent::Aval;
use cotangent::extend::Primitive;
use cotangent::prelude::*;
use half::{bf16, f16};
use serde_json::Value as Json;

use super::common::{Tolerance, array, arrays, list};
use super::excuses::Excuses;
use super::primitives;

/// One mapped call: the batch axis of each input, the inputs, and JAX's results with the batch axis in front.
pub(crate) struct Mapped {
    pub(crate) axes: Vec<Option<usize>>,
    pub(crate) inputs: Vec<Array>,
    pub(crate) outputs: Vec<Array>,
}

/// JAX's derivatives of a primitive at the inputs.
pub(crate) struct Derivatives {
    pub(crate) tangents: Vec<Option<Array>>,
    pub(crate) jvp: Vec<Option<Array>>,
    pub(crate) cotangents: Vec<Option<Array>>,
    pub(crate) vjp: Vec<Option<Array>>,
    pub(crate) second: Option<Vec<Option<Array>>>,
}

pub(crate) struct Case {
    pub(crate) primitive: String,
    pub(crate) name: String,
    pub(crate) prim: Arc<dyn Primitive>,
    pub(crate) inputs: Vec<Array>,
    pub(crate) outputs: Vec<Array>,
    pub(crate) derivatives: Option<Derivatives>,
    pub(crate) no_rule: bool,
    pub(crate) vmap: Vec<Mapped>,
    /// Whether the case also runs inside a loop and a conditional: the first cases of each primitive, for each set of
    /// dtypes.
    pub(crate) in_loop: bool,
    /// Whether it is the case that represents its primitive in the checks that are expensive to compile and vary little
    /// from case to case: narrower floats, and a batch of conditionals.
    pub(crate) chosen: bool,
}

impl Derivatives {
    /// Returns the results that have derivatives, their tangents, and the cotangents of the inputs that have tangents.
    pub(crate) fn parts(&self, outputs: &[Array]) -> (Vec<Array>, Vec<Array>, Vec<Array>) {
        let values = outputs.iter().zip(&self.cotangents).filter(|(_, c)| c.is_some()).map(|(y, _)| y.clone());
        let vjp = self.vjp.iter().zip(&self.tangents).filter(|(_, t)| t.is_some()).filter_map(|(x, _)| x.clone());
        (values.collect(), self.jvp.iter().flatten().cloned().collect(), vjp.collect())
    }
}

/// A dtype that wide floats are narrowed to; complex numbers are narrowed by their parts.
#[derive(Clone, Copy)]
pub(crate) struct Narrow {
    pub(crate) real: DType,
}

impl Narrow {
    pub(crate) const F32: Narrow = Narrow { real: DType::F32 };

    /// Returns the allowed difference from the derivative in f64, relative to its largest element.
    pub(crate) fn tolerance(self) -> f64 {
        match self.real {
            DType::F32 => 1e-5,
            DType::F16 => 2e-2,
            _ => 0.15,
        }
    }

    /// Returns the narrowed counterpart of a dtype.
    pub(crate) fn like(self, dtype: DType) -> DType {
        match dtype {
            DType::F64 => self.real,
            DType::C128 => DType::C64,
            other => other,
        }
    }
}

pub(crate) fn present(x: &Json) -> Vec<Array> {
    arrays(x).into_iter().map(|x| x.expect("an array")).collect()
}

impl Case {
    pub(crate) fn parse(case: &Json) -> Result<Case, String> {
        let text = |key: &str| case[key].as_str().expect("a name").to_string();
        let prim = primitives::primitive(&text("primitive"), &case["params"])?;
        let inputs = present(&case["inputs"]);
        let derivatives = case.get("jvp").map(|jvp| Derivatives {
            tangents: arrays(&case["tangents"]),
            jvp: arrays(jvp),
            cotangents: arrays(&case["cotangents"]),
            vjp: arrays(&case["vjp"]),
            second: case.get("second").map(arrays),
        });
        let vmap = case.get("vmap").map(list).unwrap_or_default().iter().map(|v| Mapped {
            axes: list(&v["in_axes"]).iter().map(|a| a.as_u64().map(|a| a as usize)).collect(),
            inputs: present(&v["inputs"]),
            outputs: list(&v["outputs"]).iter().filter_map(array).collect(),
        });
        Ok(Case {
            primitive: text("primitive"),
            name: text("case"),
            prim,
            outputs: present(&case["outputs"]),
            derivatives,
            no_rule: case.get("no_rule").is_some(),
            vmap: vmap.collect(),
            in_loop: false,
            chosen: false,
            inputs,
        })
    }

    /// Returns whether numeric differences approximate the derivative.
    pub(crate) fn smooth(&self) -> bool {
        Excuses::get().of("numeric", self).is_none()
    }

    /// Returns whether the primitive accepts and returns these narrower floats.
    pub(crate) fn takes(&self, narrow: Narrow) -> bool {
        let avals: Vec<_> = self.inputs.iter().map(|x| Aval::new(narrow.like(x.dtype()), x.aval().shape)).collect();
        self.prim.infer(&avals).is_ok_and(|outputs| {
            outputs.iter().zip(&self.outputs).all(|(y, wide)| y.dtype == narrow.like(wide.dtype()))
        })
    }

    /// Returns the narrower floats to compute the derivative in: those that the primitive accepts and returns.
    pub(crate) fn narrower(&self) -> Vec<Narrow> {
        let all = [DType::F32, DType::F16, DType::BF16].map(|real| Narrow { real });
        // Values that rounding makes equal are at a kink of many primitives.
        let distinct = |narrow: &Narrow| {
            let floats = self.inputs.iter().filter(|x| x.dtype() == DType::F64).flat_map(|x| x.to_vec::<f64>());
            let values: BTreeSet<u64> = floats.map(f64::to_bits).collect();
            let round = |v: &u64| match (f64::from_bits(*v), narrow.real) {
                (v, DType::F16) => f16::from_f64(v).to_f64().to_bits(),
                (v, DType::BF16) => bf16::from_f64(v).to_f64().to_bits(),
                (v, _) => f64::from(v as f32).to_bits(),
            };
            values.iter().map(round).collect::<BTreeSet<_>>().len() == values.len()
        };
        let narrow = |n: &Narrow| (n.real == DType::F32 || !self.complex()) && self.takes(*n) && distinct(n);
        if self.chosen && self.smooth() { all.into_iter().filter(narrow).collect() } else { Vec::new() }
    }

    /// Returns whether JAX's derivative is wrong. This crate's derivative must then agree with numeric differences.
    pub(crate) fn jax_errs(&self) -> bool {
        Excuses::get().of("jax", self).is_some()
    }

    /// Returns whether the case involves complex numbers.
    pub(crate) fn complex(&self) -> bool {
        self.inputs.iter().chain(&self.outputs).any(|x| x.dtype().is_complex())
    }

    /// Returns whether reverse over reverse mode must agree with JAX's stored result, which is forward over reverse.
    pub(crate) fn commutes(&self) -> bool {
        Excuses::get().of("symmetry", self).is_none()
    }

    /// Returns the allowed difference of a value from JAX's.
    pub(crate) fn tolerance(&self, like: &Array) -> Tolerance {
        let exact = Excuses::get().exact(&self.primitive);
        let real = self.inputs.iter().all(|x| !x.dtype().is_complex());
        if exact && real {
            return Tolerance::default();
        }
        // A few units in the last place: the plugin may be another build than the one that JAX used.
        let relative = match like.dtype().real() {
            DType::F64 => 1e-14,
            DType::F32 => 1e-6,
            DType::F16 => 2e-3,
            DType::BF16 => 1.6e-2,
            _ => 0.0,
        };
        // Some results are sums over whole matrices, with errors relative to the largest element.
        let of_scale = if Excuses::get().of("scale", self).is_some() { relative } else { 0.0 };
        Tolerance { relative, of_scale, ..Tolerance::default() }
    }
}
