//! Changes of modules that leave them readable: other types, attributes, operands, operations and regions.

use std::sync::Arc;

use super::Random;
use crate::read::{Attr, Attrs, Dense, Element, Function, Op, Program, Region, TensorType, Type};

/// Numbers that dimensions, sizes and loops are unlikely to have.
const NUMBERS: [i64; 14] =
    [-1, 0, 1, 2, 3, 5, 64, 1 << 16, i32::MAX as i64, 1 << 32, 1 << 40, i64::MAX, i64::MIN, -(1 << 31)];

const ELEMENTS: [Element; 16] = [
    Element::Bool,
    Element::I4,
    Element::I8,
    Element::I16,
    Element::I32,
    Element::I64,
    Element::U8,
    Element::U32,
    Element::U64,
    Element::F8E4M3FN,
    Element::BF16,
    Element::F16,
    Element::F32,
    Element::F64,
    Element::C64,
    Element::C128,
];

fn count(region: &Region) -> usize {
    region.ops.iter().map(|op| 1 + op.regions.iter().map(count).sum::<usize>()).sum()
}

/// The operation of a number in the order of the text.
fn nth<'r>(region: &'r mut Region, n: &mut usize) -> Option<&'r mut Op> {
    for op in &mut region.ops {
        if *n == 0 {
            return Some(op);
        }
        *n -= 1;
        for inner in &mut op.regions {
            let size = count(inner);
            if *n < size {
                return nth(inner, n);
            }
            *n -= size;
        }
    }
    None
}

impl Random {
    /// A program with up to four changes.
    pub(crate) fn changed(&mut self, programs: &[Program]) -> Program {
        let mut program = programs[self.below(programs.len())].clone();
        let other = &programs[self.below(programs.len())];
        for _ in 0..=self.below(4) {
            self.change(&mut program, other);
        }
        program
    }

    fn number(&mut self) -> i64 {
        if self.below(4) == 0 { self.below(9) as i64 } else { NUMBERS[self.below(NUMBERS.len())] }
    }

    fn op<'p>(&mut self, program: &'p mut Program) -> Option<(&'p mut Op, usize)> {
        let at = self.below(program.functions.len());
        let function = program.functions.get_mut(at)?;
        let values = function.types.len();
        let mut n = self.below(count(&function.body));
        nth(&mut function.body, &mut n).map(|op| (op, values))
    }

    fn function<'p>(&mut self, program: &'p mut Program) -> Option<&'p mut Function> {
        let at = self.below(program.functions.len());
        program.functions.get_mut(at)
    }

    fn change(&mut self, program: &mut Program, other: &Program) {
        let mut donor = other.clone();
        match self.below(12) {
            0 => {
                let Some(function) = self.function(program) else { return };
                let (a, b) = (self.below(function.types.len()), self.below(function.types.len()));
                if let Some(ty) = function.types.get(b).cloned() {
                    function.types[a] = ty;
                }
            }
            1 | 2 => {
                let Some(function) = self.function(program) else { return };
                let at = self.below(function.types.len());
                if let Some(ty) = function.types.get(at) {
                    let changed = self.other_type(ty);
                    // Equal types often stay equal, so that the change is a program.
                    if self.below(2) == 0 {
                        let old = ty.clone();
                        let all = function.types.iter_mut().chain(&mut function.results);
                        all.filter(|ty| **ty == old).for_each(|ty| *ty = changed.clone());
                    } else {
                        function.types[at] = changed;
                    }
                }
            }
            3 => {
                let Some(function) = self.function(program) else { return };
                let at = self.below(function.results.len());
                if let Some(ty) = function.results.get(at) {
                    function.results[at] = self.other_type(ty);
                }
            }
            4..=6 => {
                let Some((op, _)) = self.op(program) else { return };
                op.attributes = self.other_attrs(&op.attributes);
            }
            7 => {
                let (Some((op, _)), Some((from, _))) = (self.op(program), self.op(&mut donor)) else { return };
                if self.below(2) == 0 {
                    op.attributes = from.attributes.clone();
                } else {
                    op.name = from.name.clone();
                }
            }
            8 | 9 => {
                let Some((op, values)) = self.op(program) else { return };
                let (a, b) = (self.below(op.operands.len()), self.below(op.operands.len()));
                match self.below(4) {
                    0 if !op.operands.is_empty() => op.operands.swap(a, b),
                    1 if !op.operands.is_empty() => drop(op.operands.remove(a)),
                    2 if !op.operands.is_empty() => op.operands.push(op.operands[a]),
                    _ if !op.operands.is_empty() => op.operands[a] = crate::read::Value(self.below(values) as u32),
                    _ => {}
                }
            }
            10 => {
                let Some((op, _)) = self.op(program) else { return };
                let (a, b) = (self.below(op.regions.len()), self.below(op.regions.len()));
                if op.regions.len() > 1 && self.below(2) == 0 {
                    op.regions.swap(a, b);
                } else if let Some(region) = op.regions.get_mut(a) {
                    let (a, b) = (self.below(region.ops.len()), self.below(region.ops.len()));
                    if self.below(2) == 0 && !region.ops.is_empty() {
                        region.ops.swap(a, b);
                    } else if !region.ops.is_empty() {
                        region.ops.remove(a);
                    }
                }
            }
            _ => {
                let Some(function) = self.function(program) else { return };
                let (a, b) = (self.below(function.body.ops.len()), self.below(function.body.ops.len()));
                if !function.body.ops.is_empty() {
                    match self.below(2) {
                        0 => function.body.ops.swap(a, b),
                        _ => drop(function.body.ops.remove(a)),
                    }
                }
            }
        }
    }

    fn other_type(&mut self, ty: &Type) -> Type {
        let Type::Tensor(tensor) = ty else { return Type::Token };
        let mut tensor = TensorType::clone(tensor);
        let at = self.below(tensor.dims.len());
        match self.below(6) {
            0 => tensor.element = ELEMENTS[self.below(ELEMENTS.len())].clone(),
            1 if !tensor.dims.is_empty() => drop(tensor.dims.remove(at)),
            2 => tensor.dims.insert(at, Some(self.below(4) as u64)),
            3 if !tensor.dims.is_empty() && self.below(4) == 0 => tensor.dims[at] = None,
            _ if !tensor.dims.is_empty() => tensor.dims[at] = Some(self.number().unsigned_abs().min(i64::MAX as u64)),
            _ => tensor.element = ELEMENTS[self.below(ELEMENTS.len())].clone(),
        }
        Type::Tensor(Arc::new(tensor))
    }

    fn other_attrs(&mut self, attrs: &Attrs) -> Attrs {
        let mut entries = attrs.entries().to_vec();
        let at = self.below(entries.len());
        if entries.is_empty() {
            return attrs.clone();
        }
        match self.below(8) {
            0 => drop(entries.remove(at)),
            1 => entries[at].1 = entries[self.below(entries.len())].1.clone(),
            _ => entries[at].1 = self.other_attr(&entries[at].1.clone()),
        }
        Attrs::new(entries)
    }

    fn other_list<T: Clone>(&mut self, items: &[T], mut other: impl FnMut(&mut Random, &T) -> T) -> Vec<T> {
        let mut items = items.to_vec();
        let (a, b) = (self.below(items.len()), self.below(items.len()));
        match self.below(5) {
            _ if items.is_empty() => {}
            0 => items.swap(a, b),
            1 => drop(items.remove(a)),
            2 => items.push(items[a].clone()),
            _ => items[a] = other(self, &items[a].clone()),
        }
        items
    }

    fn other_attr(&mut self, attr: &Attr) -> Attr {
        match attr {
            Attr::Bool(b) => Attr::Bool(!b),
            Attr::Int(_, element) => Attr::Int(self.number(), element.clone()),
            Attr::Float(bits, element) => Attr::Float(bits ^ (1 << self.below(32)), element.clone()),
            Attr::Str(_) => Attr::str(["", "main", "TopK", "Qr", "lapack_sgetrf_ffi", "mhlo.topk", "x"][self.below(7)]),
            Attr::Symbol(_) if self.below(2) == 0 => Attr::Symbol("main".into()),
            Attr::Type(ty) => Attr::Type(self.other_type(ty)),
            Attr::Array(items) => Attr::Array(self.other_list(items, Random::other_attr).into()),
            Attr::Ints(values) if values.is_empty() => Attr::Ints([self.number()].into()),
            Attr::Ints(values) => Attr::Ints(self.other_list(values, |random, _| random.number()).into()),
            Attr::Bools(values) => Attr::Bools(self.other_list(values, |_, b| !b).into()),
            Attr::Dict(entries) => Attr::Dict(self.other_attrs(entries)),
            Attr::Struct(fields) => {
                let mut fields = crate::read::Struct::clone(fields);
                fields.fields = self.other_attrs(&fields.fields);
                Attr::Struct(Arc::new(fields))
            }
            Attr::Dense(dense) => Attr::Dense(Arc::new(self.other_elements(dense))),
            Attr::Numbers(dense) => Attr::Numbers(Arc::new(self.other_elements(dense))),
            Attr::Enum(kind, _) => {
                let cases =
                    ["LT", "EQ", "NE", "GE", "TOTALORDER", "RFFT", "IRFFT", "HIGHEST", "THREE_FRY", "TRANSPOSE"];
                Attr::Enum(kind.clone(), cases[self.below(cases.len())].into())
            }
            other => other.clone(),
        }
    }

    /// The same tensor with another element, or another shape with the same element everywhere.
    fn other_elements(&mut self, dense: &Dense) -> Dense {
        let mut dense = dense.clone();
        if dense.splat && self.below(3) == 0 {
            if let Type::Tensor(ty) = self.other_type(&Type::Tensor(dense.ty.clone()))
                && ty.element == dense.ty.element
                && ty.len().is_some_and(|n| n > 0)
            {
                dense.ty = ty;
            }
            return dense;
        }
        let mut data = dense.data.to_vec();
        let size = dense.ty.element.size().unwrap_or(1);
        if dense.ty.element != Element::Bool && data.len() >= size {
            let at = size * self.below(data.len() / size);
            let number = self.number().to_le_bytes();
            data[at..at + size.min(8)].copy_from_slice(&number[..size.min(8)]);
        }
        dense.data = data.into();
        dense
    }
}
