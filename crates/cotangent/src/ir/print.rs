//! Printing jaxprs in JAX's notation.

use std::fmt;

use crate::array::literal::python;
use crate::ir::jaxpr::{Atom, Closed, Jaxpr, Var};

/// `a`, `b`, …, `z`, `ba`, …: JAX's variable names.
fn name(mut index: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'a' + (index % 26) as u8);
        index /= 26;
        if index == 0 {
            break;
        }
    }
    letters.iter().rev().map(|b| char::from(*b)).collect()
}

struct Names(Vec<Option<usize>>, usize);

impl Names {
    fn get(&mut self, var: Var) -> String {
        let slot = &mut self.0[var.index()];
        let index = *slot.get_or_insert_with(|| {
            self.1 += 1;
            self.1 - 1
        });
        name(index)
    }

    fn binder(&mut self, jaxpr: &Jaxpr, var: Var) -> Binder {
        (self.get(var), jaxpr.avals()[var.index()].to_string())
    }

    fn atom(&mut self, atom: &Atom) -> String {
        match atom {
            Atom::Var(var) => self.get(*var),
            Atom::Lit(literal) => format!("{literal}:{}", literal.aval()),
        }
    }
}

/// A variable where it is defined: its name and its type.
pub(crate) type Binder = (String, String);

/// The parts of an equation.
pub(crate) struct Line<'a> {
    pub(crate) outputs: Vec<Binder>,
    pub(crate) primitive: &'static str,
    pub(crate) params: Vec<(&'static str, String)>,
    pub(crate) nested: Vec<&'a Jaxpr>,
    pub(crate) inputs: Vec<String>,
    /// The names of the scopes around it.
    pub(crate) scope: Option<&'a str>,
}

/// The parts of a jaxpr.
pub(crate) struct Printed<'a> {
    pub(crate) inputs: Vec<Binder>,
    pub(crate) lines: Vec<Line<'a>>,
    /// The results, in parentheses.
    pub(crate) outputs: String,
}

impl<'a> Printed<'a> {
    pub(crate) fn new(jaxpr: &'a Jaxpr) -> Printed<'a> {
        let mut names = Names(vec![None; jaxpr.avals().len()], 0);
        let inputs = jaxpr.inputs().iter().map(|v| names.binder(jaxpr, *v)).collect();
        let lines = jaxpr.eqns().iter().map(|eqn| {
            let outputs = eqn.outputs.iter().map(|v| names.binder(jaxpr, *v)).collect();
            let inputs = eqn.inputs.iter().map(|a| names.atom(a)).collect();
            let nested = eqn.prim.jaxprs().into_iter().map(|inner| &**inner).collect();
            let (primitive, params, scope) = (eqn.prim.name(), eqn.prim.params(), eqn.scope());
            Line { outputs, primitive, params, nested, inputs, scope }
        });
        let lines = lines.collect();
        let outputs: Vec<_> = jaxpr.outputs().iter().map(|a| names.atom(a)).collect();
        let comma = if outputs.len() == 1 { "," } else { "" };
        Printed { inputs, lines, outputs: format!("({}{comma})", outputs.join(", ")) }
    }
}

/// Variables and their types: `a:f32[] b:f32[3]`.
pub(crate) fn binders(binders: &[Binder]) -> String {
    binders.iter().map(|(name, ty)| format!("{name}:{ty}")).collect::<Vec<_>>().join(" ")
}

fn write(f: &mut dyn fmt::Write, jaxpr: &Jaxpr, indent: usize, scopes: bool) -> fmt::Result {
    let Printed { inputs, lines, outputs } = Printed::new(jaxpr);
    let pad = " ".repeat(indent);
    write!(f, "{{ lambda ; {}. let", binders(&inputs))?;
    for Line { outputs, primitive, params, nested, inputs, scope } in &lines {
        write!(f, "\n{pad}    {} = {primitive}", binders(outputs))?;
        if nested.is_empty() {
            if !params.is_empty() {
                let texts: Vec<_> = params.iter().map(|(k, v)| format!("{k}={v}")).collect();
                write!(f, "[{}]", texts.join(" "))?;
            }
        } else {
            f.write_str("[")?;
            for (k, v) in params {
                write!(f, "\n{pad}      {k}={v}")?;
            }
            for inner in nested {
                write!(f, "\n{pad}      jaxpr=")?;
                write(f, inner, indent + 6, scopes)?;
            }
            write!(f, "\n{pad}    ]")?;
        }
        for input in inputs {
            write!(f, " {input}")?;
        }
        if let (true, Some(scope)) = (scopes, scope) {
            write!(f, " # [{scope}]")?;
        }
    }
    let separator = if lines.is_empty() { " ".to_string() } else { format!("\n{pad}  ") };
    write!(f, "{separator}in {outputs} }}")
}

/// `{:#}` also prints the names of scopes, after each equation.
impl fmt::Display for Jaxpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes = f.alternate();
        write(f, self, 0, scopes)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.jaxpr.fmt(f)
    }
}

/// A tuple as Python prints it: `(1,)`, `(2, 3)`.
pub(crate) fn tuple<T: fmt::Display>(items: &[T]) -> String {
    let texts: Vec<_> = items.iter().map(ToString::to_string).collect();
    let comma = if texts.len() == 1 { "," } else { "" };
    format!("({}{comma})", texts.join(", "))
}

/// A boolean as Python prints it.
pub(crate) fn boolean(value: bool) -> String {
    python(value).to_string()
}
