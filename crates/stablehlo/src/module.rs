use std::fmt;

use crate::attr::push_dict;
use crate::block::push_params;
use crate::location::Locations;
use crate::text::{push_i64, push_list, push_quoted, push_symbol};
use crate::{Attr, Block, Type, Value};

/// Whether a function is an entry point of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// An entry point.
    Public,
    /// Called from within the module only.
    Private,
}

type Attrs = Vec<(String, Attr)>;

/// A function being written.
#[derive(Debug)]
pub struct Func {
    name: String,
    visibility: Visibility,
    params: Vec<Value>,
    param_attrs: Vec<Attrs>,
    results: Option<Vec<Type>>,
    result_attrs: Vec<(usize, String, Attr)>,
    block: Block,
}

impl Func {
    /// A function with parameters of the given types, and an empty body.
    pub fn new(name: &str, visibility: Visibility, params: &[Type]) -> Func {
        let mut block = Block::new();
        Func {
            name: name.to_owned(),
            visibility,
            params: params.iter().map(|ty| block.fresh(ty)).collect(),
            param_attrs: vec![Vec::new(); params.len()],
            results: None,
            result_attrs: Vec::new(),
            block,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The parameters.
    pub fn params(&self) -> Vec<Value> {
        self.params.clone()
    }

    /// Sets an attribute of a parameter.
    ///
    /// ```
    /// # use cotangent_stablehlo::{Attr, Func, Module, Type, Visibility};
    /// # let ty = Type::tensor(&[], "f32");
    /// let mut f = Func::new("main", Visibility::Public, &[ty]);
    /// f.param_attr(0, "tf.aliasing_output", Attr::I32(0));
    /// # f.ret(&f.params());
    /// # let mut module = Module::new("m");
    /// # module.add(f);
    /// # let text = module.to_text();
    /// assert!(text.contains("@main(%0: tensor<f32> {tf.aliasing_output = 0 : i32})"));
    /// ```
    pub fn param_attr(&mut self, param: usize, name: &str, attr: Attr) {
        self.param_attrs[param].push((name.to_owned(), attr));
    }

    /// Sets an attribute of a result.
    pub fn result_attr(&mut self, result: usize, name: &str, attr: Attr) {
        self.result_attrs.push((result, name.to_owned(), attr));
    }

    /// Where operations are appended.
    #[inline]
    pub fn body(&mut self) -> &mut Block {
        &mut self.block
    }

    /// Ends the function with these results.
    ///
    /// # Panics
    /// If the function has returned already.
    pub fn ret(&mut self, values: &[Value]) {
        assert!(self.results.is_none(), "the function {} returns twice", self.name);
        self.block.terminator("func.return", values);
        self.results = Some(values.iter().map(|v| v.ty().clone()).collect());
    }

    fn push_to(&self, out: &mut String, locations: &mut Locations) {
        let Some(results) = &self.results else {
            panic!("the function {} never returns", self.name);
        };
        out.push_str(match self.visibility {
            Visibility::Public => "  func.func public ",
            Visibility::Private => "  func.func private ",
        });
        push_symbol(out, &self.name);
        out.push('(');
        push_params(out, &self.params, |out, i| push_attrs(out, &self.param_attrs[i]));
        out.push(')');
        let attrs_of = |i| self.result_attrs.iter().filter(move |attr| attr.0 == i);
        match results.as_slice() {
            [] => {}
            [one] if self.result_attrs.is_empty() => {
                out.push_str(" -> ");
                one.push_to(out);
            }
            _ => {
                out.push_str(" -> (");
                push_list(out, results.iter().enumerate(), |out, (i, ty)| {
                    ty.push_to(out);
                    if attrs_of(i).next().is_some() {
                        out.push(' ');
                        push_dict(out, attrs_of(i).map(|(_, name, attr)| (name.as_str(), attr)));
                    }
                });
                out.push(')');
            }
        }
        out.push_str(" {\n");
        self.block.push_to(out, locations);
        out.push_str("  }\n");
    }
}

fn push_attrs(out: &mut String, attrs: &Attrs) {
    if !attrs.is_empty() {
        out.push(' ');
        push_dict(out, attrs.iter().map(|(name, attr)| (name.as_str(), attr)));
    }
}

/// A program: named functions, of which XLA runs `main`.
#[derive(Debug)]
pub struct Module {
    name: String,
    attrs: Attrs,
    meshes: String,
    functions: String,
    locations: Locations,
}

impl Module {
    /// An empty module for one replica and one partition.
    pub fn new(name: &str) -> Module {
        let one = |name: &str| (name.to_owned(), Attr::I32(1));
        Module {
            name: name.to_owned(),
            attrs: vec![one("mhlo.num_partitions"), one("mhlo.num_replicas")],
            meshes: String::new(),
            functions: String::new(),
            locations: Locations::default(),
        }
    }

    /// Sets an attribute of the module. Replaces one with the same name.
    ///
    /// ```
    /// use cotangent_stablehlo::{Attr, Module};
    /// let mut module = Module::new("m");
    /// module.set_attr("mhlo.num_partitions", Attr::I32(4));
    /// let attrs = "{mhlo.num_partitions = 4 : i32, mhlo.num_replicas = 1 : i32}";
    /// assert_eq!(module.to_text(), format!("module @m attributes {attrs} {{\n}}\n"));
    /// ```
    pub fn set_attr(&mut self, name: &str, attr: Attr) {
        match self.attrs.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = attr,
            None => self.attrs.push((name.to_owned(), attr)),
        }
    }

    /// Adds a mesh of devices for Shardy: the names and sizes of its axes. The last axis varies fastest.
    ///
    /// ```
    /// use cotangent_stablehlo::Module;
    /// let mut module = Module::new("m");
    /// module.add_mesh("mesh", [("x", 2), ("y", 4)]);
    /// assert!(module.to_text().contains(r#"sdy.mesh @mesh = <["x"=2, "y"=4]>"#));
    /// ```
    pub fn add_mesh<'a>(&mut self, name: &str, axes: impl IntoIterator<Item = (&'a str, usize)>) {
        let out = &mut self.meshes;
        out.push_str("  sdy.mesh ");
        push_symbol(out, name);
        out.push_str(" = <[");
        push_list(out, axes, |out, (axis, size)| {
            push_quoted(out, axis);
            out.push('=');
            push_i64(out, size as i64);
        });
        out.push_str("]>\n");
    }

    /// Adds a function. Functions may be added in any order.
    ///
    /// # Panics
    /// If the function has no [`Func::ret`].
    pub fn add(&mut self, func: Func) {
        func.push_to(&mut self.functions, &mut self.locations);
    }

    /// Adds functions that are text, such as those of a [`Part`](crate::read::Part).
    pub fn add_text(&mut self, functions: &str) {
        self.functions.push_str(functions);
    }

    /// The text of the module.
    pub fn to_text(&self) -> String {
        let mut out = String::with_capacity(self.functions.len() + 256);
        out.push_str("module ");
        push_symbol(&mut out, &self.name);
        out.push_str(" attributes");
        push_attrs(&mut out, &self.attrs);
        out.push_str(" {\n");
        out.push_str(&self.meshes);
        out.push_str(&self.functions);
        out.push_str("}\n");
        self.locations.push_to(&mut out);
        out
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}
