//! Modules and functions.

use std::sync::Arc;

use super::super::{Attr, Attrs, Function, FunctionType, LocId, Program, Region, Type, Values};
use super::dense;
use super::op::Parts;
use super::{Result, Text};

type Entries = Vec<(Arc<str>, Attr)>;

impl<'a> Text<'a> {
    /// The whole text.
    pub(super) fn program(&mut self) -> Result<Program> {
        self.read_resources()?;
        let mut program = Program::default();
        let mut found = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'#' | b'!' => self.alias(byte)?,
                b'{' if self.eat("{-#") => {
                    // Its resources were read first.
                    let rest = &self.src[self.pos..];
                    match find(rest, b"#-}") {
                        Some(end) => self.pos += end + 3,
                        None => return self.error("`{-#` without `#-}`"),
                    }
                }
                _ if self.eat("module") => {
                    if std::mem::replace(&mut found, true) {
                        return self.error("more than one module");
                    }
                    self.module(&mut program)?;
                }
                b'"' if self.src[self.pos..].starts_with(b"\"builtin.module\"") => {
                    if std::mem::replace(&mut found, true) {
                        return self.error("more than one module");
                    }
                    self.string()?;
                    self.generic_module(&mut program)?;
                }
                // MLIR puts a module around operations that have none.
                _ if !found => self.module_op(&mut program)?,
                _ => return self.expected("the end"),
            }
        }
        self.check_locations()?;
        program.locations = std::mem::take(&mut self.locations);
        Ok(program)
    }

    /// `#name = attribute`, `#name = loc(…)` or `!name = type`
    fn alias(&mut self, sigil: u8) -> Result<()> {
        self.pos += 1;
        let at = self.pos;
        let name = self.suffix()?;
        self.expect("=")?;
        if sigil == b'!' {
            let ty = self.ty()?;
            self.type_aliases.insert(name, ty);
        } else if self.peek() == Some(b'l') && self.src[self.pos..].starts_with(b"loc(") {
            self.define_location(name, at)?;
        } else {
            let attr = self.attr()?;
            self.attr_aliases.insert(name, attr);
        }
        Ok(())
    }

    /// After `module`.
    fn module(&mut self, program: &mut Program) -> Result<()> {
        if self.peek() == Some(b'@') {
            program.name = Some(self.symbol()?);
        }
        if self.eat("attributes") {
            program.attributes = Attrs::new(self.nested(Self::dict)?);
        }
        self.expect("{")?;
        while !self.eat("}") {
            self.module_op(program)?;
        }
        self.optional_location()?;
        Ok(())
    }

    /// What a module and a function in generic form have between the name and the region: no operands, and properties.
    fn generic_head(&mut self) -> Result<Vec<(Arc<str>, Attr)>> {
        let mut attributes = Vec::new();
        self.expect("(")?;
        self.expect(")")?;
        if self.eat("<") {
            self.optional_dict(&mut attributes)?;
            self.expect(">")?;
        }
        self.expect("(")?;
        Ok(attributes)
    }

    /// What they have after the region: attributes and a type.
    fn generic_tail(&mut self, attributes: &mut Vec<(Arc<str>, Attr)>) -> Result<()> {
        self.expect(")")?;
        self.optional_dict(attributes)?;
        self.expect(":")?;
        self.signature()?;
        Ok(())
    }

    /// After `"builtin.module"`.
    fn generic_module(&mut self, program: &mut Program) -> Result<()> {
        let mut attributes = self.generic_head()?;
        self.expect("{")?;
        if self.eat("^") {
            self.suffix()?;
            self.expect(":")?;
        }
        while !self.eat("}") {
            self.module_op(program)?;
        }
        self.generic_tail(&mut attributes)?;
        self.optional_location()?;
        if let Some(name) = take(&mut attributes, "sym_name") {
            program.name = name.as_str().map(Arc::from);
        }
        program.attributes = Attrs::new(attributes);
        Ok(())
    }

    /// A function, or another operation of a module.
    fn module_op(&mut self, program: &mut Program) -> Result<()> {
        self.space();
        let at = self.pos;
        self.values.clear();
        self.hidden.clear();
        self.value_types.clear();
        if self.eat("func.func") || self.eat("func") {
            let function = self.function()?;
            return self.add(program, function, at);
        }
        if self.src[at..].starts_with(b"\"func.func\"") {
            self.string()?;
            let function = self.generic_function(at)?;
            return self.add(program, function, at);
        }
        if self.eat("sdy.mesh") {
            let name = Attr::str(&self.symbol()?);
            self.expect("=")?;
            self.expect("<")?;
            let mesh = Attr::Opaque(self.balanced()?.into());
            let mut attributes = vec![(self.name("sym_name"), name), (self.name("mesh"), mesh)];
            self.optional_dict(&mut attributes)?;
            let location = self.optional_location()?;
            let parts = Parts { attributes, location, ..Parts::default() };
            let name = self.name("sdy.mesh");
            program.others.push(parts.build(name, Values::default()));
            return Ok(());
        }
        if self.eat("module") || self.src[at..].starts_with(b"\"builtin.module\"") {
            return self.error_at(at, "a module inside another one");
        }
        let op = self.op()?;
        if !op.results.is_empty() || !op.operands.is_empty() || !op.regions.is_empty() {
            return self.error_at(at, format!("`{}` outside of a function", op.name));
        }
        program.others.push(op);
        Ok(())
    }

    fn add(&mut self, program: &mut Program, function: Function, at: usize) -> Result<()> {
        if !self.functions.insert(function.name.clone()) {
            return self.error_at(at, format!("a second function `@{}`", function.name));
        }
        program.functions.push(function);
        Ok(())
    }

    /// After `func.func`.
    fn function(&mut self) -> Result<Function> {
        let public = !(self.eat("private") || self.eat("nested"));
        let _ = public && self.eat("public");
        let name = self.symbol()?;
        let mut params: Vec<(Option<&[u8]>, Type)> = Vec::new();
        let mut param_attributes = Vec::new();
        self.expect("(")?;
        self.list(")", |s| {
            let name = if s.peek() == Some(b'%') {
                let name = s.value_name()?;
                s.expect(":")?;
                Some(name)
            } else {
                None
            };
            params.push((name, s.ty()?));
            let mut entries = Vec::new();
            s.optional_dict(&mut entries)?;
            param_attributes.push(Attrs::new(entries));
            s.optional_location()?;
            Ok(())
        })?;
        let (mut results, mut result_attributes) = (Vec::new(), Vec::new());
        if self.eat("->") {
            if self.eat("(") {
                self.list(")", |s| {
                    results.push(s.ty()?);
                    let mut entries = Vec::new();
                    s.optional_dict(&mut entries)?;
                    {
                        result_attributes.push(Attrs::new(entries));
                        Ok(())
                    }
                })?;
            } else {
                results.push(self.ty()?);
                result_attributes.push(Attrs::default());
            }
        }
        let mut attributes = Vec::new();
        if self.eat("attributes") {
            self.optional_dict(&mut attributes)?;
        }
        let named: Vec<(&[u8], Type)> = params.iter().filter_map(|(n, ty)| Some(((*n)?, ty.clone()))).collect();
        let body = if self.peek() == Some(b'{') {
            if named.len() != params.len() {
                return self.error("a function with a body names all of its parameters");
            }
            self.region(&named)?
        } else {
            let params = self.define(params.into_iter().map(|p| p.1).collect())?;
            Region { params, ops: Vec::new() }
        };
        let location = self.optional_location()?.unwrap_or(LocId::UNKNOWN);
        Ok(Function {
            name,
            public,
            param_attributes,
            results,
            result_attributes,
            attributes: Attrs::new(attributes),
            body,
            types: std::mem::take(&mut self.value_types),
            location,
        })
    }

    /// After `"func.func"`.
    fn generic_function(&mut self, at: usize) -> Result<Function> {
        let mut attributes = self.generic_head()?;
        let body = self.region(&[])?;
        self.generic_tail(&mut attributes)?;
        let location = self.optional_location()?.unwrap_or(LocId::UNKNOWN);
        let types = std::mem::take(&mut self.value_types);
        // Its function type is written out.
        let mut left = self.src.len();
        Function::from_parts(attributes, body, types, location, &mut left).or_else(|e| self.error_at(at, e))
    }

    /// The resources at the end of the text, `{-# dialect_resources: { builtin: { name: "0x…" } } #-}`.
    fn read_resources(&mut self) -> Result<()> {
        let Some(start) = rfind(self.src, b"{-#") else { return Ok(()) };
        if !matches!(start.checked_sub(1).map(|i| self.src[i]), None | Some(b'\n')) {
            return Ok(());
        }
        self.pos = start + 3;
        while !self.eat("#-}") {
            let group = self.expect_word("a group of resources")?;
            self.expect(":")?;
            self.expect("{")?;
            self.list("}", |s| {
                s.expect_word("a dialect")?;
                s.expect(":")?;
                s.expect("{")?;
                s.list("}", |s| s.resource(group == "dialect_resources"))
            })?;
            self.eat(",");
        }
        self.pos = 0;
        Ok(())
    }

    fn resource(&mut self, keep: bool) -> Result<()> {
        let name = if self.at_string() {
            self.string()?.into_owned()
        } else {
            self.expect_word("the name of a resource")?.as_bytes().to_vec()
        };
        self.expect(":")?;
        if !self.at_string() {
            self.attr()?;
            return Ok(());
        }
        let at = self.pos;
        let text = self.string()?;
        match text.strip_prefix(b"0x").and_then(dense::hex) {
            Some(bytes) if keep => drop(self.resources.insert(name, bytes)),
            None if keep => return self.error_at(at, "a resource that is not pairs of hexadecimal digits"),
            _ => {}
        }
        Ok(())
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

fn rfind(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).rposition(|w| w == what)
}

/// Takes the attribute of this name out.
fn take(entries: &mut Entries, name: &str) -> Option<Attr> {
    let at = entries.iter().position(|(n, _)| &**n == name)?;
    Some(entries.remove(at).1)
}

impl Function {
    /// A function from the attributes of the generic `func.func`. `left` is how many parameters and results it may
    /// have.
    pub(in crate::read) fn from_parts(
        mut attributes: Entries,
        body: Region,
        types: Vec<Type>,
        location: LocId,
        left: &mut usize,
    ) -> std::result::Result<Function, String> {
        let name = take(&mut attributes, "sym_name").and_then(|a| a.as_str().map(Arc::<str>::from));
        let Some(name) = name else { return Err("a function without a name".into()) };
        let visibility = take(&mut attributes, "sym_visibility");
        let public = !matches!(visibility.as_ref().and_then(Attr::as_str), Some("private" | "nested"));
        let Some(Attr::Type(Type::Function(ty))) = take(&mut attributes, "function_type") else {
            return Err(format!("the function `@{name}` has no function type"));
        };
        let FunctionType { params, results } = &*ty;
        match left.checked_sub(params.len() + results.len()) {
            Some(n) => *left = n,
            None => return Err(format!("the parameters of `@{name}` are too many")),
        }
        let mut lists = ["arg_attrs", "res_attrs"].into_iter().zip([params.len(), results.len()]).map(|(key, len)| {
            let list: Vec<Attrs> = match take(&mut attributes, key) {
                Some(Attr::Array(items)) => {
                    items.iter().map(|a| if let Attr::Dict(d) = a { d.clone() } else { Attrs::default() }).collect()
                }
                _ => Vec::new(),
            };
            match list.len() {
                0 => Ok(vec![Attrs::default(); len]),
                n if n == len => Ok(list),
                n => Err(format!("{n} dictionaries in `{key}` of `@{name}`, not {len}")),
            }
        });
        let (Some(param_attributes), Some(result_attributes)) = (lists.next(), lists.next()) else {
            return Err(String::new());
        };
        let (param_attributes, result_attributes) = (param_attributes?, result_attributes?);
        drop(lists);
        let mut body = body;
        let mut types = types;
        if body.ops.is_empty() && body.params.is_empty() {
            types = params.clone();
            body.params = Values { first: 0, len: types.len() as u32 };
        }
        let same = body.params.len() == params.len()
            && body.params.into_iter().zip(params).all(|(v, ty)| types[v.0 as usize] == *ty);
        if !same {
            return Err(format!("the parameters of `@{name}` are not of the types that its function type says"));
        }
        Ok(Function {
            name,
            public,
            param_attributes,
            results: results.clone(),
            result_attributes,
            attributes: Attrs::new(attributes),
            body,
            types,
            location,
        })
    }
}
