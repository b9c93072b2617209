use std::borrow::Borrow;

use smallvec::SmallVec;

use crate::attr::push_dict;
use crate::location::{Location, Locations};
use crate::scalar::{Scalar, push_bytes, push_elements, push_splat};
use crate::text::{push_id, push_list, push_symbol};
use crate::{Attr, Type};

/// A value of a function: its number and its type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    id: u32,
    ty: Type,
}

impl Value {
    /// The type of the value.
    #[inline]
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// The number of the value, unique in its function.
    #[inline]
    pub fn id(&self) -> u32 {
        self.id
    }
}

/// The results of an operation; derefs to `[Value]`.
pub type Values = SmallVec<[Value; 2]>;

/// The types that can be operands: slices, arrays and vectors of `Value` or `&Value`; one `&Value`; or `()` for none.
pub trait Operands {
    /// Calls `f` on each operand, in order.
    fn each(&self, f: impl FnMut(&Value));
}

impl Operands for () {
    fn each(&self, _: impl FnMut(&Value)) {}
}

impl Operands for Value {
    fn each(&self, mut f: impl FnMut(&Value)) {
        f(self);
    }
}

impl<V: Borrow<Value>> Operands for [V] {
    #[inline]
    fn each(&self, mut f: impl FnMut(&Value)) {
        self.iter().for_each(|v| f(v.borrow()));
    }
}

impl<V: Borrow<Value>, const N: usize> Operands for [V; N] {
    #[inline]
    fn each(&self, f: impl FnMut(&Value)) {
        self.as_slice().each(f);
    }
}

impl<V: Borrow<Value>> Operands for Vec<V> {
    fn each(&self, f: impl FnMut(&Value)) {
        self.as_slice().each(f);
    }
}

impl<const N: usize> Operands for SmallVec<[Value; N]> {
    fn each(&self, f: impl FnMut(&Value)) {
        self.as_slice().each(f);
    }
}

impl<O: Operands + ?Sized> Operands for &O {
    #[inline]
    fn each(&self, f: impl FnMut(&Value)) {
        (**self).each(f);
    }
}

type RegionBody<'r> = Box<dyn FnOnce(&mut Block, &[Value]) -> Vec<Value> + 'r>;

/// A region of an operation: the types of its parameters, and a closure that writes its body and returns its results.
/// See [`Block::op_with_regions`].
pub struct Region<'r> {
    params: SmallVec<[Type; 4]>,
    body: RegionBody<'r>,
}

impl std::fmt::Debug for Region<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Region").field("params", &self.params).finish_non_exhaustive()
    }
}

impl<'r> Region<'r> {
    /// Makes a region.
    pub fn new(params: &[Type], body: impl FnOnce(&mut Block, &[Value]) -> Vec<Value> + 'r) -> Region<'r> {
        Region { params: params.iter().cloned().collect(), body: Box::new(body) }
    }
}

/// Where operations are appended: the body of a function and of the regions in it.
#[derive(Debug)]
pub struct Block {
    text: String,
    next: u32,
    depth: usize,
    locations: Locations,
    current: Option<u32>,
    /// Positions in `text` that need a location, each with the number of the location. The numbers are those of this
    /// block, and become the module's when the function is added to it.
    marks: Vec<(usize, u32)>,
}

impl Block {
    pub(crate) fn new() -> Block {
        Block {
            text: String::new(),
            next: 0,
            depth: 2,
            locations: Locations::default(),
            current: None,
            marks: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn fresh(&mut self, ty: &Type) -> Value {
        let id = self.next;
        self.next += 1;
        Value { id, ty: ty.clone() }
    }

    /// Sets the source location of the operations that follow. A region starts with the location of its operation; a
    /// location set inside a region ends with it.
    ///
    /// ```
    /// use cotangent_stablehlo::{Func, Location, Module, Type, Visibility};
    /// let ty = Type::tensor(&[], "f32");
    /// let mut main = Func::new("main", Visibility::Public, &[ty.clone()]);
    /// let x = main.params().remove(0);
    /// main.body().set_location(Some(Location { file: "src/main.rs", line: 3, column: 9, name: None }));
    /// let y = main.body().op1("stablehlo.sine", &x, &[], &ty);
    /// main.body().set_location(None);
    /// main.ret(&[y]);
    /// let mut module = Module::new("jit_sin");
    /// module.add(main);
    /// let text = module.to_text();
    /// assert!(text.contains("(tensor<f32>) -> tensor<f32> loc(#loc0)\n"));
    /// assert!(text.ends_with("#loc0 = loc(\"src/main.rs\":3:9)\n"));
    /// ```
    pub fn set_location(&mut self, location: Option<Location<'_>>) {
        self.current = location.map(|at| self.locations.intern(at));
    }

    /// Appends an operation.
    ///
    /// ```
    /// # use cotangent_stablehlo::{Attr, Func, Type, Visibility};
    /// let ty = Type::tensor(&[8], "f32");
    /// let mut f = Func::new("f", Visibility::Private, &[ty.clone()]);
    /// let x = f.params();
    /// let results = [ty.clone(), ty.with_element("i32")];
    /// let top = f.body().op("chlo.top_k", &x, &[("k", Attr::I64(8))], &results);
    /// assert_eq!(top.len(), 2);
    /// assert_eq!(top[1].ty().element(), "i32");
    /// ```
    pub fn op(&mut self, name: &str, operands: impl Operands, attrs: &[(&str, Attr)], results: &[Type]) -> Values {
        let values = self.begin(name, &operands, results);
        self.push_attrs(attrs);
        self.end(&operands, results, self.current);
        values
    }

    /// Appends an operation that has one result.
    ///
    /// ```
    /// # use cotangent_stablehlo::{Attr, Func, Type, Visibility};
    /// let ty = Type::tensor(&[2], "f32");
    /// let mut f = Func::new("f", Visibility::Private, &[ty.clone(), ty.clone()]);
    /// let args = f.params();
    /// let less = ("comparison_direction", Attr::Static("#stablehlo<comparison_direction LT>"));
    /// let p = f.body().op1("stablehlo.compare", &args, &[less], &ty.with_element("i1"));
    /// let y = f.body().op1("stablehlo.select", [&p, &args[0], &args[1]], &[], &ty);
    /// assert_eq!(y.ty(), &ty);
    /// ```
    #[inline]
    pub fn op1(&mut self, name: &str, operands: impl Operands, attrs: &[(&str, Attr)], result: &Type) -> Value {
        let value = self.begin1(name, &operands, result);
        self.push_attrs(attrs);
        self.end(&operands, std::slice::from_ref(result), self.current);
        value
    }

    /// Appends a constant whose elements are given as MLIR text, the text inside `dense<…>`.
    pub fn constant(&mut self, ty: &Type, elements: &str) -> Value {
        self.constant_with(ty, |out| out.push_str(elements))
    }

    /// Appends a constant whose elements are all the same. The number is converted to the element type, so `0` works
    /// for floats, integers, booleans and complex numbers.
    pub fn splat(&mut self, ty: &Type, value: impl Into<Scalar>) -> Value {
        self.constant_with(ty, |out| push_splat(out, ty, value.into()))
    }

    /// Appends a constant with the given elements, in row-major order.
    ///
    /// ```
    /// # use cotangent_stablehlo::{Func, Type, Visibility};
    /// # let mut f = Func::new("f", Visibility::Private, &[]);
    /// let x = f.body().dense(&Type::tensor(&[2, 2], "f32"), [1.0, 2.0, 3.0, f32::NAN]);
    /// // %0 = "stablehlo.constant"() {value = dense<[[1.0, 2.0], [3.0, 0x7FC00000]]> : …
    /// ```
    ///
    /// # Panics
    /// If the number of elements differs from that of the type.
    pub fn dense(&mut self, ty: &Type, values: impl IntoIterator<Item = impl Into<Scalar>>) -> Value {
        self.constant_with(ty, |out| push_elements(out, ty, values))
    }

    /// Appends a constant given by its memory: row-major, little-endian, one byte for each boolean. This is the fast
    /// way for many elements.
    ///
    /// # Panics
    /// If the number of bytes differs from that of the type.
    pub fn bytes(&mut self, ty: &Type, bytes: &[u8]) -> Value {
        self.constant_with(ty, |out| push_bytes(out, ty, bytes))
    }

    fn constant_with(&mut self, ty: &Type, push: impl FnOnce(&mut String)) -> Value {
        let value = self.begin1("stablehlo.constant", &(), ty);
        self.text.push_str(" {value = dense<");
        push(&mut self.text);
        self.text.push_str("> : ");
        ty.push_to(&mut self.text);
        self.text.push('}');
        self.end(&(), std::slice::from_ref(ty), self.current);
        value
    }

    /// Appends a call of a function of the module. XLA inlines it unless `inlined` is false.
    pub fn call(&mut self, callee: &str, args: impl Operands, inlined: bool, results: &[Type]) -> Values {
        let values = self.begin("func.call", &args, results);
        self.text.push_str(" {callee = ");
        push_symbol(&mut self.text, callee);
        if !inlined {
            self.text.push_str(", mhlo.frontend_attributes = {inlineable = \"false\"}");
        }
        self.text.push('}');
        self.end(&args, results, self.current);
        values
    }

    /// Appends an operation that has regions. Each closure writes into this same block and sees the values of the
    /// enclosing function; `stablehlo.return` returns the values that the closure returns. If two regions need the same
    /// `&mut`, use [`Block::begin_op`].
    ///
    /// ```
    /// # use cotangent_stablehlo::{Attr, Func, Region, Type, Visibility};
    /// let ty = Type::tensor(&[8], "f32");
    /// let scalar = Type::tensor(&[], "f32");
    /// let mut f = Func::new("f", Visibility::Private, &[ty]);
    /// let x = f.params().remove(0);
    /// let block = f.body();
    /// let zero = block.splat(&scalar, 0);
    /// let sum = block.op_with_regions(
    ///     "stablehlo.reduce",
    ///     [&x, &zero],
    ///     &[("dimensions", Attr::i64s([0usize]))],
    ///     &[scalar.clone()],
    ///     [Region::new(&[scalar.clone(), scalar.clone()], |block, args| {
    ///         vec![block.op1("stablehlo.add", args, &[], &scalar)]
    ///     })],
    /// );
    /// assert_eq!(sum[0].ty(), &scalar);
    /// ```
    pub fn op_with_regions<'r>(
        &mut self,
        name: &str,
        operands: impl Operands,
        attrs: &[(&str, Attr)],
        results: &[Type],
        regions: impl IntoIterator<Item = Region<'r>>,
    ) -> Values {
        let mut op = self.begin_op(name, operands, results);
        for Region { params, body } in regions {
            op.region(&params, body);
        }
        op.finish(attrs)
    }

    /// Begins an operation whose regions are written one after another, so that their closures may borrow the same
    /// state. [`RegionOp::finish`] ends it.
    ///
    /// ```
    /// # use cotangent_stablehlo::{Func, Type, Visibility};
    /// let flag = Type::tensor(&[], "i1");
    /// let mut f = Func::new("f", Visibility::Private, &[flag.clone()]);
    /// let x = f.params();
    /// let mut written = 0;
    /// let mut op = f.body().begin_op("stablehlo.while", &x, &[flag.clone()]);
    /// op.region(&[flag.clone()], |_, args| {
    ///     written += 1;
    ///     args.to_vec()
    /// });
    /// op.region(&[flag.clone()], |block, args| {
    ///     written += 1;
    ///     vec![block.op1("stablehlo.not", args, &[], &flag)]
    /// });
    /// let y = op.finish(&[]);
    /// assert_eq!((y.len(), written), (1, 2));
    /// ```
    pub fn begin_op<'b, O: Operands>(&'b mut self, name: &str, operands: O, results: &[Type]) -> RegionOp<'b, O> {
        let values = self.begin(name, &operands, results);
        let location = self.current;
        RegionOp { block: self, operands, values, location, regions: 0 }
    }

    fn indent(&mut self) {
        const SPACES: &str = "                                ";
        self.text.push_str(&SPACES[..(2 * self.depth).min(SPACES.len())]);
    }

    /// `%1 = "name"(%0`, and the closing parenthesis.
    #[inline]
    fn begin1(&mut self, name: &str, operands: &impl Operands, result: &Type) -> Value {
        let value = self.fresh(result);
        self.indent();
        push_id(&mut self.text, value.id);
        self.text.push_str(" = ");
        self.push_name(name, operands);
        value
    }

    fn begin(&mut self, name: &str, operands: &impl Operands, results: &[Type]) -> Values {
        let values: Values = results.iter().map(|ty| self.fresh(ty)).collect();
        self.indent();
        push_list(&mut self.text, &values, |out, v| push_id(out, v.id));
        if !values.is_empty() {
            self.text.push_str(" = ");
        }
        self.push_name(name, operands);
        values
    }

    #[inline]
    fn push_name(&mut self, name: &str, operands: &impl Operands) {
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\"(");
        let mut first = true;
        operands.each(|v| {
            if !std::mem::take(&mut first) {
                self.text.push_str(", ");
            }
            push_id(&mut self.text, v.id);
        });
        self.text.push(')');
    }

    #[inline]
    fn push_attrs(&mut self, attrs: &[(&str, Attr)]) {
        if !attrs.is_empty() {
            self.text.push(' ');
            push_dict(&mut self.text, attrs.iter().map(|(name, attr)| (*name, attr)));
        }
    }

    /// The function type, the location and the end of the line.
    #[inline]
    fn end(&mut self, operands: &impl Operands, results: &[Type], location: Option<u32>) {
        self.text.push_str(" : (");
        let mut first = true;
        operands.each(|v| {
            if !std::mem::take(&mut first) {
                self.text.push_str(", ");
            }
            v.ty.push_to(&mut self.text);
        });
        self.text.push_str(") -> ");
        match results {
            [one] => one.push_to(&mut self.text),
            _ => {
                self.text.push('(');
                push_list(&mut self.text, results, |out, ty| ty.push_to(out));
                self.text.push(')');
            }
        }
        if let Some(id) = location {
            self.marks.push((self.text.len(), id));
        }
        self.text.push('\n');
    }

    pub(crate) fn terminator(&mut self, name: &str, values: &[Value]) {
        self.indent();
        self.push_name(name, &values);
        self.end(&values, &[], self.current);
    }

    /// Appends the text to a module's, and renumbers the locations.
    pub(crate) fn push_to(&self, out: &mut String, module: &mut Locations) {
        let ids: Vec<u32> = self.locations.iter().map(|at| module.intern(at)).collect();
        out.reserve(self.text.len() + 16 * self.marks.len());
        let mut from = 0;
        for &(to, id) in &self.marks {
            out.push_str(&self.text[from..to]);
            out.push_str(" loc(#loc");
            crate::text::push_u64(out, ids[id as usize].into());
            out.push(')');
            from = to;
        }
        out.push_str(&self.text[from..]);
    }
}

/// An operation whose regions are being written; made by [`Block::begin_op`].
#[must_use = "the operation is incomplete until `finish`"]
pub struct RegionOp<'b, O> {
    block: &'b mut Block,
    operands: O,
    values: Values,
    location: Option<u32>,
    regions: usize,
}

impl<O> std::fmt::Debug for RegionOp<'_, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegionOp").field("values", &self.values).field("regions", &self.regions).finish_non_exhaustive()
    }
}

impl<O: Operands> RegionOp<'_, O> {
    /// Writes the next region, which ends in `stablehlo.return`.
    pub fn region(&mut self, params: &[Type], body: impl FnOnce(&mut Block, &[Value]) -> Vec<Value>) {
        self.region_ending("stablehlo.return", params, body);
    }

    /// Writes the next region. The operation `terminator` returns its results.
    pub fn region_ending(
        &mut self,
        terminator: &str,
        params: &[Type],
        body: impl FnOnce(&mut Block, &[Value]) -> Vec<Value>,
    ) {
        let block = &mut *self.block;
        block.text.push_str(if self.regions == 0 { " ({\n" } else { ", {\n" });
        self.regions += 1;
        let args: SmallVec<[Value; 4]> = params.iter().map(|ty| block.fresh(ty)).collect();
        if !args.is_empty() {
            block.indent();
            block.text.push_str("^bb0(");
            push_params(&mut block.text, &args, |_, _| {});
            block.text.push_str("):\n");
        }
        block.depth += 1;
        let returned = body(block, &args);
        block.terminator(terminator, &returned);
        block.depth -= 1;
        block.current = self.location;
        block.indent();
        block.text.push('}');
    }

    /// Writes the attributes and the types, and returns the results.
    pub fn finish(self, attrs: &[(&str, Attr)]) -> Values {
        let RegionOp { block, operands, values, location, regions } = self;
        if regions > 0 {
            block.text.push(')');
        }
        block.push_attrs(attrs);
        let results: SmallVec<[Type; 2]> = values.iter().map(|v| v.ty.clone()).collect();
        block.end(&operands, &results, location);
        values
    }
}

/// Appends `%0: tensor<f32>, …`, each followed by the text that `extra` appends.
pub(crate) fn push_params(out: &mut String, params: &[Value], mut extra: impl FnMut(&mut String, usize)) {
    push_list(out, params.iter().enumerate(), |out, (i, param)| {
        push_id(out, param.id);
        out.push_str(": ");
        param.ty.push_to(out);
        extra(out, i);
    });
}
