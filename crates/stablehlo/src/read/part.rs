//! Parts of a program, written for another module.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::{Attr, Attrs, Function, Op, Program, Region, Struct, Type, Value};
use crate::read::print;

/// Operations of a [`Program`] as functions of another module: one that holds the operations, and those that it calls.
/// [`Program::part`] makes it.
///
/// ```
/// use cotangent_stablehlo::read;
/// let program = read::text(
///     "module @m { func.func @main(%x: tensor<f32>) -> tensor<f32> {
///         %0 = stablehlo.sine %x : tensor<f32>
///         %1 = stablehlo.add %0, %x : tensor<f32>
///         return %1 : tensor<f32>
///     } }",
/// )?;
/// let main = &program.functions[0];
/// let sum = &main.body.ops[1..2];
/// let part = program.part(main, sum, sum[0].results.into_iter().collect());
/// assert_eq!(part.operands.len(), 2);
/// let text = part.to_text("sum");
/// assert!(text.contains(r#"func.func private @sum(%1: tensor<f32>, %0: tensor<f32>) -> (tensor<f32>)"#), "{text}");
/// # Ok::<(), read::ReadError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// The values that the operations use and do not define, which the first function takes.
    pub operands: Vec<Value>,
    /// The values of theirs that the first function returns.
    pub results: Vec<Value>,
    /// The text between the names of functions, and the number of each of these functions.
    pieces: Vec<(String, usize)>,
    end: String,
}

/// What begins the name of a function in the text before it is split. No name or string of MLIR has it: it is a zero byte in
/// a name that is quoted.
const MARK: &str = "@\"\\00";

impl Part {
    /// The functions, all private. The first one is called `name`, and the others have names that begin with it.
    pub fn to_text(&self, name: &str) -> String {
        let mut out = String::new();
        for (text, function) in &self.pieces {
            out.push_str(text);
            let number = format!("{name}.{function}");
            crate::text::push_symbol(&mut out, if *function == 0 { name } else { &number });
        }
        out.push_str(&self.end);
        out
    }
}

impl Op {
    /// Adds the values that the operation uses and does not define.
    fn free(&self, defined: &mut HashSet<Value>, found: &mut Vec<Value>) {
        found.extend(self.operands.iter().filter(|value| !defined.contains(value)));
        for region in &self.regions {
            defined.extend(region.params);
            region.ops.iter().for_each(|op| op.free(defined, found));
        }
        defined.extend(self.results);
    }
}

/// The values that operations use and do not define, each once, in the order of their uses.
pub fn free(ops: &[Op]) -> Vec<Value> {
    let (mut defined, mut found) = (HashSet::new(), Vec::new());
    ops.iter().for_each(|op| op.free(&mut defined, &mut found));
    let mut seen = HashSet::new();
    found.retain(|value| seen.insert(*value));
    found
}

/// The functions of a part: those that are written, by their names.
struct Names<'p> {
    program: &'p Program,
    numbers: HashMap<Arc<str>, usize>,
    open: VecDeque<&'p Function>,
}

impl Program {
    /// Operations of a function in a form that another module can hold. Layouts over devices are left out.
    /// `results` are the values that they define and that are used elsewhere.
    pub fn part(&self, function: &Function, ops: &[Op], results: Vec<Value>) -> Part {
        let operands = free(ops);
        let mut names = Names { program: self, numbers: HashMap::new(), open: VecDeque::new() };
        let body: Vec<Op> = ops.iter().map(|op| names.op(op)).collect();
        let mut text = String::new();
        let values = |values: &[Value]| values.iter().map(|v| (*v, function.ty(*v))).collect::<Vec<(Value, &Type)>>();
        print::push_part(&mut text, &marked(0), &values(&operands), &values(&results), &body, &function.types);
        while let Some(next) = names.open.pop_front() {
            let number = names.numbers[&next.name];
            let written = Function {
                name: marked(number).into(),
                public: false,
                param_attributes: vec![Attrs::default(); next.param_attributes.len()],
                result_attributes: vec![Attrs::default(); next.result_attributes.len()],
                attributes: Attrs::default(),
                body: names.region(&next.body),
                ..next.clone()
            };
            print::push_function(&mut text, &written);
        }
        let mut parts = text.split(MARK);
        let mut pieces = Vec::new();
        let mut end = parts.next().unwrap_or_default().to_string();
        for part in parts {
            // The number, the quote after it, and the text up to the next name.
            let (number, rest) = part.split_once('"').unwrap_or((part, ""));
            pieces.push((std::mem::replace(&mut end, rest.to_string()), number.parse().unwrap_or_default()));
        }
        Part { operands, results, pieces, end }
    }
}

fn marked(number: usize) -> String {
    format!("\0{number}")
}

impl Names<'_> {
    fn region(&mut self, region: &Region) -> Region {
        Region { params: region.params, ops: region.ops.iter().map(|op| self.op(op)).collect() }
    }

    fn op(&mut self, op: &Op) -> Op {
        let layout = |name: &str| name.starts_with("sdy.") || name == "mhlo.sharding";
        let kept = op.attributes.entries().iter().filter(|(name, _)| !layout(name));
        let attributes = Attrs::new(kept.map(|(name, attr)| (name.clone(), self.attr(attr))).collect());
        let regions = op.regions.iter().map(|region| self.region(region)).collect();
        Op { attributes, regions, ..op.clone() }
    }

    /// The attribute with the names that the functions have here.
    fn attr(&mut self, attr: &Attr) -> Attr {
        match attr {
            Attr::Symbol(name) => {
                if let Some(number) = self.numbers.get(name) {
                    return Attr::Symbol(marked(*number).into());
                }
                let Some(function) = self.program.function(name) else { return attr.clone() };
                let number = self.numbers.len() + 1;
                self.numbers.insert(name.clone(), number);
                self.open.push_back(function);
                Attr::Symbol(marked(number).into())
            }
            Attr::Array(items) => Attr::Array(items.iter().map(|item| self.attr(item)).collect()),
            Attr::Dict(entries) => Attr::Dict(self.attrs(entries)),
            Attr::Struct(s) => Attr::Struct(Arc::new(Struct { name: s.name.clone(), fields: self.attrs(&s.fields) })),
            other => other.clone(),
        }
    }

    fn attrs(&mut self, attrs: &Attrs) -> Attrs {
        Attrs::new(attrs.entries().iter().map(|(name, attr)| (name.clone(), self.attr(attr))).collect())
    }
}
