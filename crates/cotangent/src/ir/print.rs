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

    fn binder(&mut self, jaxpr: &Jaxpr, var: Var) -> String {
        let aval = &jaxpr.avals()[var.index()];
        format!("{}:{aval}", self.get(var))
    }

    fn atom(&mut self, atom: &Atom) -> String {
        match atom {
            Atom::Var(var) => self.get(*var),
            Atom::Lit(literal) => format!("{literal}:{}", literal.aval()),
        }
    }
}

fn write(f: &mut dyn fmt::Write, jaxpr: &Jaxpr, indent: usize) -> fmt::Result {
    let mut names = Names(vec![None; jaxpr.avals().len()], 0);
    let inputs: Vec<_> = jaxpr.inputs().iter().map(|v| names.binder(jaxpr, *v)).collect();
    let pad = " ".repeat(indent);
    write!(f, "{{ lambda ; {}. let", inputs.join(" "))?;
    for eqn in jaxpr.eqns() {
        let outputs: Vec<_> = eqn.outputs.iter().map(|v| names.binder(jaxpr, *v)).collect();
        write!(f, "\n{pad}    {} = {}", outputs.join(" "), eqn.prim.name())?;
        let params = eqn.prim.params();
        let nested = eqn.prim.jaxprs();
        if nested.is_empty() {
            if !params.is_empty() {
                let texts: Vec<_> = params.iter().map(|(k, v)| format!("{k}={v}")).collect();
                write!(f, "[{}]", texts.join(" "))?;
            }
        } else {
            f.write_str("[")?;
            for (k, v) in &params {
                write!(f, "\n{pad}      {k}={v}")?;
            }
            for inner in nested {
                write!(f, "\n{pad}      jaxpr=")?;
                write(f, inner, indent + 6)?;
            }
            write!(f, "\n{pad}    ]")?;
        }
        for input in &eqn.inputs {
            write!(f, " {}", names.atom(input))?;
        }
    }
    let outputs: Vec<_> = jaxpr.outputs().iter().map(|a| names.atom(a)).collect();
    let comma = if outputs.len() == 1 { "," } else { "" };
    let separator = if jaxpr.eqns().is_empty() { " ".to_string() } else { format!("\n{pad}  ") };
    write!(f, "{separator}in ({}{comma}) }}", outputs.join(", "))
}

impl fmt::Display for Jaxpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self, 0)
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
