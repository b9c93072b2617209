use std::sync::Arc;

use smallvec::SmallVec;

use super::{Attrs, LocId, Locations, Type};

/// A module: its functions and its attributes.
///
/// Equality ignores locations.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The module's name, such as `jit_f`.
    pub name: Option<Arc<str>>,
    /// The module's attributes, such as `mhlo.num_partitions`.
    pub attributes: Attrs,
    /// The functions, in the order of the input.
    pub functions: Vec<Function>,
    /// What the module holds beside functions, such as `sdy.mesh`.
    pub others: Vec<Op>,
    /// The table that each [`LocId`] of the program points into.
    pub locations: Locations,
}

impl Program {
    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|f| &*f.name == name)
    }
}

impl PartialEq for Program {
    fn eq(&self, other: &Program) -> bool {
        self.name == other.name
            && self.attributes == other.attributes
            && self.functions == other.functions
            && self.others == other.others
    }
}

/// A function of a [`Program`].
#[derive(Clone, Debug)]
pub struct Function {
    /// The name, without `@`.
    pub name: Arc<str>,
    /// Whether it is `public`. A function without a visibility is public too.
    pub public: bool,
    /// The attributes of each parameter, such as `tf.aliasing_output`. As long as `body.params`.
    pub param_attributes: Vec<Attrs>,
    /// The types of the results.
    pub results: Vec<Type>,
    /// The attributes of each result, such as `jax.result_info`. As long as `results`.
    pub result_attributes: Vec<Attrs>,
    /// The other attributes.
    pub attributes: Attrs,
    /// The parameters and operations. A function that is only declared has no operations.
    pub body: Region,
    /// The type of each [`Value`] of the function, its inner regions included.
    pub types: Vec<Type>,
    /// Where the function was defined.
    pub location: LocId,
}

impl Function {
    /// The type of a value of this function.
    ///
    /// # Panics
    ///
    /// If the value is of another function.
    pub fn ty(&self, value: Value) -> &Type {
        &self.types[value.0 as usize]
    }

    /// The types of the parameters.
    pub fn params(&self) -> impl ExactSizeIterator<Item = &Type> {
        self.body.params.into_iter().map(|v| self.ty(v))
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
            && self.public == other.public
            && self.param_attributes == other.param_attributes
            && self.results == other.results
            && self.result_attributes == other.result_attributes
            && self.attributes == other.attributes
            && self.body == other.body
            && self.types == other.types
    }
}

/// A value: a number that is unique within its [`Function`].
///
/// Values are numbered from 0 in the order of their definitions: the parameters of a function or region, then for each
/// operation its results and then the values in its regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

/// Values with consecutive numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    pub(crate) first: u32,
    pub(crate) len: u32,
}

impl Values {
    /// How many they are.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The value at an index.
    pub fn get(self, index: usize) -> Option<Value> {
        (index < self.len()).then(|| Value(self.first + index as u32))
    }
}

impl IntoIterator for Values {
    type Item = Value;
    type IntoIter = std::iter::Map<std::ops::Range<u32>, fn(u32) -> Value>;

    fn into_iter(self) -> Self::IntoIter {
        (self.first..self.first + self.len).map(Value)
    }
}

/// A region: parameters, and operations in order. It is one block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Region {
    /// The parameters.
    pub params: Values,
    /// The operations. The last one is the terminator, `stablehlo.return` or `func.return`.
    pub ops: Vec<Op>,
}

/// The operands of an operation; derefs to `[Value]`. Most operations have few.
pub type Operands = SmallVec<[Value; 4]>;

/// An operation.
///
/// Equality ignores the location.
#[derive(Clone, Debug)]
pub struct Op {
    /// The full name, such as `stablehlo.add`, `chlo.erf` or `func.call`.
    pub name: Arc<str>,
    /// The operands.
    pub operands: Operands,
    /// The results. Their types are [`Function::ty`].
    pub results: Values,
    /// The attributes, in the generic form's names.
    pub attributes: Attrs,
    /// The regions.
    pub regions: Vec<Region>,
    /// Where the operation was made.
    pub location: LocId,
}

impl PartialEq for Op {
    fn eq(&self, other: &Op) -> bool {
        self.name == other.name
            && self.operands == other.operands
            && self.results == other.results
            && self.attributes == other.attributes
            && self.regions == other.regions
    }
}
