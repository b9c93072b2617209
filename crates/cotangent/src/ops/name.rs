//! Named values, which the policies of `checkpoint` refer to.

use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::trace::frames::bind1;
use crate::tree::Tree;

use super::elementwise::rebind1;

/// `name`: the identity, with a name for its operand.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Name { name: "hidden".into() }, &[&Array::from([1.0f32])]);
/// assert_eq!(y.to_vec::<f32>(), [1.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The name.
    pub name: Arc<str>,
}

impl Primitive for Name {
    fn name(&self) -> &'static str {
        "name"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("name", self.name.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Ok(inputs.iter().cloned().collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        // The name belongs to the value and not to its tangent.
        (vec![rebind1(self, &[&x[0]])], vec![dx[0].clone()])
    }

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        ct.to_vec()
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![rebind1(self, &[&x[0]])], axes.to_vec())
    }

    fn is_identity(&self) -> bool {
        true
    }

    fn lower(&self, _: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        args.iter().cloned().collect()
    }
}

/// Returns `x` and gives each array in it a name, for the policies of [`checkpoint`](crate::checkpoint()).
///
/// ```
/// use cotangent::{checkpoint_name, checkpoint_policies, prelude::*};
/// let f = |x: &Array| checkpoint_name(&x.sin(), "sine").cos();
/// let g = cotangent::checkpoint(f).policy(checkpoint_policies::save_only_these_names(["sine"]));
/// assert_eq!(grad(g)(&0.5.into()).item::<f32>(), grad(f)(&0.5.into()).item::<f32>());
/// ```
#[track_caller]
pub fn checkpoint_name<T: Tree>(x: &T, name: &str) -> T {
    let name: Arc<str> = name.into();
    x.map(|x| bind1(Name { name: name.clone() }, &[x]))
}
