//! Operations in their pretty syntax.

use std::sync::Arc;

use super::super::{Attr, Element, Region, TensorType, Type, canon};
use super::formats::{self, Item};
use super::op::Parts;
use super::{Result, Text};

impl<'a> Text<'a> {
    /// Reads what follows the name of an operation.
    pub(super) fn pretty(&mut self, name: &str, at: usize, op: &mut Parts) -> Result<()> {
        match name {
            "stablehlo.constant" | "chlo.constant" => self.constant(op),
            "stablehlo.reduce" => self.reduce(op),
            "stablehlo.while" => self.while_loop(op),
            _ => match formats::find(&self.formats, name) {
                Some(format) => format.iter().try_for_each(|item| self.item(*item, op)),
                None => self
                    .error_at(at, format!("the syntax of `{name}` is not known; print the module in the generic form")),
            },
        }
    }

    fn set(&mut self, op: &mut Parts, name: &'static str, value: Attr) {
        let name = self.name(name);
        op.attributes.push((name, value));
    }

    fn item(&mut self, item: Item, op: &mut Parts) -> Result<()> {
        match item {
            Item::One => op.operands.push(self.operand()?),
            Item::Many => {
                while self.peek() == Some(b'%') {
                    op.operands.push(self.operand()?);
                    if !self.eat(",") {
                        break;
                    }
                }
            }
            Item::Each => {
                while self.peek() == Some(b'%') {
                    op.operands.push(self.operand()?);
                    self.expect(",")?;
                }
            }
            Item::Token(token) => self.expect(token)?,
            Item::Int(name) => {
                let value = Attr::Int(self.integer()?, Element::I64);
                self.typed(&Element::I64)?;
                self.set(op, name, value);
            }
            Item::Int32(name) => {
                let value = Attr::Int(self.integer()?, Element::I32);
                self.typed(&Element::I32)?;
                self.set(op, name, value);
            }
            Item::Ints(name) => {
                // MLIR prints `[0, 1]`; `array<i64: 0, 1>` means the same.
                let value = match self.peek() {
                    Some(b'[') => Attr::Ints(self.ints()?.into()),
                    _ => self.attr()?,
                };
                self.set(op, name, value);
            }
            Item::Flag(name) => {
                let value = Attr::Bool(self.boolean()?);
                self.set(op, name, value);
            }
            Item::Str(name) => {
                let value = Attr::Str(self.string()?.as_ref().into());
                self.set(op, name, value);
            }
            Item::Target(name) => {
                let value = Attr::str(&self.symbol()?);
                self.set(op, name, value);
            }
            Item::Symbol(name) => {
                let value = Attr::Symbol(self.symbol()?);
                self.set(op, name, value);
            }
            Item::Case(name, kind) => self.case(op, name, kind)?,
            Item::OptionalCase(name, kind) => {
                if self.eat(",") {
                    self.case(op, name, kind)?;
                }
            }
            Item::OptionalFlag(name) => {
                if self.eat(",") {
                    self.expect(name)?;
                    self.expect("=")?;
                    self.item(Item::Flag(name), op)?;
                }
            }
            Item::Precision => self.precision(op)?,
            Item::Ranges => self.ranges(op)?,
            Item::Dot => self.dot_dimensions(op)?,
            Item::Convolution => self.convolution(op)?,
            Item::Bits => self.exponent_mantissa(op)?,
            Item::Regions => {
                if self.eat("(") {
                    self.list(")", |s| {
                        op.regions.push(s.region(&[])?);
                        Ok(())
                    })?;
                }
            }
            Item::Text(name) => {
                self.expect("<")?;
                let text = self.balanced()?;
                self.set(op, name, Attr::Opaque(text.into()));
            }
            Item::Dict => self.optional_dict(&mut op.attributes)?,
            _ => self.type_item(item, op)?,
        }
        Ok(())
    }

    /// The type after a number, if there is one.
    fn typed(&mut self, element: &Element) -> Result<()> {
        let at = self.pos;
        // A colon may also start the types of the operation.
        if self.eat(":") && self.ty()? != Type::Scalar(element.clone()) {
            self.pos = at;
        }
        Ok(())
    }

    fn case(&mut self, op: &mut Parts, name: &'static str, kind: &'static str) -> Result<()> {
        let case = self.expect_word("a case of an enumeration")?;
        let value = Attr::Enum(self.name(kind), self.name(case));
        self.set(op, name, value);
        Ok(())
    }

    /// The types of the operands and results.
    fn type_item(&mut self, item: Item, op: &mut Parts) -> Result<()> {
        if matches!(item, Item::Pairwise) && op.operands.is_empty() {
            return if self.eat("(") { self.expect(")") } else { Ok(()) };
        }
        if matches!(item, Item::Operands) && self.peek() != Some(b':') {
            return self.check_operands(op, &[]);
        }
        self.expect(":")?;
        let functional = self.peek() == Some(b'(');
        match item {
            Item::Functional => self.functional(op),
            Item::Same | Item::Complex | Item::Select | Item::Arrow if functional => self.functional(op),
            Item::Same => {
                let ty = self.ty()?;
                let types = vec![ty.clone(); op.operands.len()];
                op.results.push(ty);
                self.check_operands(op, &types)
            }
            Item::Complex => {
                let at = self.pos;
                let ty = self.ty()?;
                let part = ty.tensor().and_then(|t| {
                    let element = match t.element {
                        Element::C64 => Element::F32,
                        Element::C128 => Element::F64,
                        _ => return None,
                    };
                    Some(Type::Tensor(Arc::new(TensorType { element, ..t.clone() })))
                });
                let Some(part) = part else {
                    return self.error_at(at, format!("{ty} is not a tensor of complex numbers"));
                };
                op.results.push(ty);
                self.check_operands(op, &[part.clone(), part])
            }
            Item::Select => {
                let predicate = self.ty()?;
                self.expect(",")?;
                let ty = self.ty()?;
                op.results.push(ty.clone());
                self.check_operands(op, &[predicate, ty.clone(), ty])
            }
            Item::Results => {
                op.results = self.types()?;
                self.check_operands(op, &[])
            }
            Item::Tuple => {
                let at = self.pos;
                let ty = self.ty()?;
                let Type::Tuple(types) = &ty else {
                    return self.error_at(at, format!("{ty} is not a tuple"));
                };
                self.check_operands(op, types)?;
                op.results.push(ty);
                Ok(())
            }
            Item::Arrow => {
                let types = self.types()?;
                self.expect("->")?;
                op.results = self.result_types()?;
                self.check_operands(op, &types)
            }
            Item::Pairwise => {
                op.results = self.types()?;
                let types = op.results.clone();
                self.check_operands(op, &types)
            }
            _ => {
                let types = self.types()?;
                self.check_operands(op, &types)
            }
        }
    }

    fn types(&mut self) -> Result<Vec<Type>> {
        let mut types = vec![self.ty()?];
        while self.eat(",") {
            types.push(self.ty()?);
        }
        Ok(types)
    }

    /// `(types) -> types`
    pub(super) fn functional(&mut self, op: &mut Parts) -> Result<()> {
        let (params, results) = self.signature()?;
        op.results = results;
        self.check_operands(op, &params)
    }

    fn constant(&mut self, op: &mut Parts) -> Result<()> {
        if self.peek() == Some(b'(') {
            return self.generic(op);
        }
        self.optional_dict(&mut op.attributes)?;
        let at = self.pos;
        let value = self.attr()?;
        match &value {
            Attr::Dense(dense) => op.results.push(Type::Tensor(dense.ty.clone())),
            Attr::Opaque(text) => match text.rfind(" : ").map(|i| super::ty(&text[i + 3..])) {
                Some(Ok(ty)) => op.results.push(ty),
                _ => return self.error_at(at, "a constant without a type"),
            },
            _ => return self.error_at(at, "a constant that is not a tensor"),
        }
        self.set(op, "value", value);
        Ok(())
    }

    fn precision(&mut self, op: &mut Parts) -> Result<()> {
        while self.eat(",") {
            if self.eat("precision") {
                self.expect("=")?;
                self.expect("[")?;
                let mut cases = Vec::new();
                self.list("]", |s| {
                    let case = s.expect_word("a precision")?;
                    {
                        cases.push(Attr::Enum(s.name("precision"), s.name(case)));
                        Ok(())
                    }
                })?;
                self.set(op, "precision_config", Attr::Array(cases.into()));
            } else {
                self.expect("algorithm")?;
                self.expect("=")?;
                self.expect("<")?;
                let start = self.pos;
                let value = self.nested(|s| s.structure("dot_algorithm", start))?;
                self.set(op, "algorithm", value);
            }
        }
        Ok(())
    }

    fn ranges(&mut self, op: &mut Parts) -> Result<()> {
        self.expect("[")?;
        let (mut starts, mut limits, mut strides) = (Vec::new(), Vec::new(), Vec::new());
        self.list("]", |s| {
            starts.push(s.integer()?);
            s.expect(":")?;
            limits.push(s.integer()?);
            strides.push(if s.eat(":") { s.integer()? } else { 1 });
            Ok(())
        })?;
        self.set(op, "start_indices", Attr::Ints(starts.into()));
        self.set(op, "limit_indices", Attr::Ints(limits.into()));
        self.set(op, "strides", Attr::Ints(strides.into()));
        Ok(())
    }

    fn dot_dimensions(&mut self, op: &mut Parts) -> Result<()> {
        let mut fields: Vec<(Arc<str>, Attr)> = Vec::new();
        let mut pair = |s: &mut Self, lhs, rhs| -> Result<()> {
            s.expect("=")?;
            fields.push((s.name(lhs), Attr::Ints(s.ints()?.into())));
            s.expect("x")?;
            fields.push((s.name(rhs), Attr::Ints(s.ints()?.into())));
            Ok(())
        };
        if self.eat("batching_dims") || self.eat("batch_dims") {
            pair(self, "lhs_batching_dimensions", "rhs_batching_dimensions")?;
            self.expect(",")?;
        }
        self.expect("contracting_dims")?;
        pair(self, "lhs_contracting_dimensions", "rhs_contracting_dimensions")?;
        self.set(op, "dot_dimension_numbers", canon::structure("dot", fields));
        Ok(())
    }

    fn convolution(&mut self, op: &mut Parts) -> Result<()> {
        self.expect("dim_numbers")?;
        self.expect("=")?;
        let dimensions = self.convolution_dimensions()?;
        self.set(op, "dimension_numbers", dimensions);
        for token in [",", "window", "=", "{"] {
            self.expect(token)?;
        }
        self.list("}", |s| {
            let at = s.pos;
            let (name, value) = match s.expect_word("a part of the window")? {
                "pad" => {
                    s.expect("=")?;
                    s.expect("[")?;
                    let mut data = Vec::new();
                    let mut rows = 0;
                    s.list("]", |s| {
                        let row = s.ints()?;
                        rows += 1;
                        if row.len() != 2 {
                            return s.error("the padding of an axis is two numbers");
                        }
                        row.iter().for_each(|n| data.extend_from_slice(&n.to_le_bytes()));
                        Ok(())
                    })?;
                    let ty = TensorType { dims: vec![Some(rows), Some(2)], element: Element::I64, encoding: None };
                    let value = canon::dense(&Arc::new(ty), data).or_else(|e| s.error(e))?;
                    ("padding", value)
                }
                "reverse" => {
                    s.expect("=")?;
                    s.expect("[")?;
                    let mut flags = Vec::new();
                    s.list("]", |s| {
                        flags.push(s.boolean()?);
                        Ok(())
                    })?;
                    ("window_reversal", Attr::Bools(flags.into()))
                }
                part => {
                    let name = match part {
                        "stride" => "window_strides",
                        "lhs_dilate" => "lhs_dilation",
                        "rhs_dilate" => "rhs_dilation",
                        _ => return s.error_at(at, format!("`{part}` is not a part of a window")),
                    };
                    s.expect("=")?;
                    (name, Attr::Ints(s.ints()?.into()))
                }
            };
            s.set(op, name, value);
            Ok(())
        })
    }

    fn exponent_mantissa(&mut self, op: &mut Parts) -> Result<()> {
        let at = self.pos;
        let word = self.expect_word("a format such as `e8m10`")?;
        let bits = word.strip_prefix('e').and_then(|w| w.split_once('m'));
        let parsed = bits.and_then(|(e, m)| Some((e.parse::<u16>().ok()?, m.parse::<u16>().ok()?)));
        let Some((exponent, mantissa)) = parsed else {
            return self.error_at(at, format!("`{word}` is not a format such as `e8m10`"));
        };
        self.set(op, "exponent_bits", Attr::Int(exponent.into(), Element::I32));
        self.set(op, "mantissa_bits", Attr::Int(mantissa.into(), Element::I32));
        Ok(())
    }

    /// `(%a = %x, %b = %y) : types attributes {…} cond {…} do {…}`
    fn while_loop(&mut self, op: &mut Parts) -> Result<()> {
        let mut names = Vec::new();
        self.expect("(")?;
        self.list(")", |s| {
            names.push(s.value_name()?);
            s.expect("=")?;
            {
                op.operands.push(s.operand()?);
                Ok(())
            }
        })?;
        if !op.operands.is_empty() {
            self.expect(":")?;
            op.results = self.types()?;
        }
        let types = op.results.clone();
        self.check_operands(op, &types)?;
        if self.eat("attributes") {
            self.optional_dict(&mut op.attributes)?;
        }
        let params: Vec<_> = names.into_iter().zip(types).collect();
        for word in ["cond", "do"] {
            self.expect(word)?;
            let region = self.region(&params)?;
            op.regions.push(region);
        }
        Ok(())
    }

    /// `(%x init: %a), … applies stablehlo.add across dimensions = [0] : types`, or with a region after `reducer`.
    fn reduce(&mut self, op: &mut Parts) -> Result<()> {
        let mut inits = Vec::new();
        while self.eat("(") {
            op.operands.push(self.operand()?);
            self.expect("init")?;
            self.expect(":")?;
            inits.push(self.operand()?);
            self.expect(")")?;
            if !self.eat(",") {
                break;
            }
        }
        op.operands.extend(inits);
        let applies = if self.eat("applies") {
            Some(if self.at_string() {
                self.string_name()?
            } else {
                let word = self.expect_word("an operation")?;
                self.name(word)
            })
        } else {
            None
        };
        for token in ["across", "dimensions", "="] {
            self.expect(token)?;
        }
        let dimensions = Attr::Ints(self.ints()?.into());
        self.set(op, "dimensions", dimensions);
        self.optional_dict(&mut op.attributes)?;
        self.expect(":")?;
        self.functional(op)?;
        let Some(inner) = applies else {
            self.expect("reducer")?;
            let (mut params, mut rest) = (Vec::new(), Vec::new());
            while self.eat("(") {
                params.push(self.typed_name()?);
                self.expect(",")?;
                rest.push(self.typed_name()?);
                self.expect(")")?;
            }
            params.append(&mut rest);
            let region = self.region(&params)?;
            op.regions.push(region);
            return Ok(());
        };
        let at = self.pos;
        let ty = match op.operands.first().and_then(|v| self.value_types[v.0 as usize].tensor()) {
            Some(t) => TensorType { dims: Vec::new(), element: t.element.clone(), encoding: None },
            None => return self.error_at(at, "a reduction of something that is not a tensor"),
        };
        op.location = self.optional_location()?;
        op.regions.push(self.applied(inner, Type::Tensor(Arc::new(ty)), op)?);
        Ok(())
    }

    /// The region that applies one operation to its two parameters.
    fn applied(&mut self, name: Arc<str>, ty: Type, op: &Parts) -> Result<Region> {
        let params = self.define(vec![ty.clone(); 2])?;
        let results = self.define(vec![ty])?;
        let mut inner = Parts { operands: params.into_iter().collect(), location: op.location, ..Parts::default() };
        let first = inner.build(name, results);
        inner = Parts { operands: results.into_iter().collect(), location: op.location, ..Parts::default() };
        let last = inner.build(self.name("stablehlo.return"), self.define(Vec::new())?);
        Ok(Region { params, ops: vec![first, last] })
    }

    /// `%name: type`, and a location.
    fn typed_name(&mut self) -> Result<(&'a [u8], Type)> {
        let name = self.value_name()?;
        self.expect(":")?;
        let ty = self.ty()?;
        self.optional_location()?;
        Ok((name, ty))
    }
}
