//! The core of a library like this one in two hundred lines: programs, tracing, evaluation, derivatives in both modes,
//! batches, and StableHLO that XLA compiles. The chapter "How it works inside" of the book explains it.

use std::cell::RefCell;
use std::fmt::Write;
use std::ops::{Add, Mul, Neg};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
use cotangent::Exported;
use cotangent::prelude::*;

// ANCHOR: program
/// An operation of one or two numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Primitive {
    Add,
    Mul,
    Neg,
    Sin,
    Cos,
}

/// An operand: a variable, or a number that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Atom {
    Var(usize),
    Number(f32),
}

/// One application of a primitive. Its result is the variable `out`.
#[derive(Clone, Debug)]
struct Equation {
    out: usize,
    primitive: Primitive,
    operands: Vec<Atom>,
}

/// A program of `inputs` variables: 0, 1, 2, …
#[derive(Clone, Debug)]
struct Program {
    inputs: usize,
    equations: Vec<Equation>,
    result: Atom,
}
// ANCHOR_END: program

// ANCHOR: bind
thread_local! {
    /// The program in the making, and the number of its variables.
    static FRAME: RefCell<Option<(Vec<Equation>, usize)>> = const { RefCell::new(None) };
}

/// Applies a primitive: computes the result if all operands are known, and records an equation otherwise.
fn bind(primitive: Primitive, operands: &[Atom]) -> Atom {
    if let Some(numbers) = operands.iter().map(|a| if let Atom::Number(x) = a { Some(*x) } else { None }).collect() {
        return Atom::Number(compute(primitive, numbers));
    }
    FRAME.with_borrow_mut(|frame| {
        let (equations, variables) = frame.as_mut().expect("a variable was used after its trace had ended");
        let out = *variables;
        *variables += 1;
        equations.push(Equation { out, primitive, operands: operands.to_vec() });
        Atom::Var(out)
    })
}

fn compute(primitive: Primitive, x: Vec<f32>) -> f32 {
    match primitive {
        Primitive::Add => x[0] + x[1],
        Primitive::Mul => x[0] * x[1],
        Primitive::Neg => -x[0],
        Primitive::Sin => x[0].sin(),
        Primitive::Cos => x[0].cos(),
    }
}
// ANCHOR_END: bind

// ANCHOR: operators
impl Add for Atom {
    type Output = Atom;
    fn add(self, other: Atom) -> Atom {
        bind(Primitive::Add, &[self, other])
    }
}

impl Mul for Atom {
    type Output = Atom;
    fn mul(self, other: Atom) -> Atom {
        bind(Primitive::Mul, &[self, other])
    }
}

impl Neg for Atom {
    type Output = Atom;
    fn neg(self) -> Atom {
        bind(Primitive::Neg, &[self])
    }
}

impl Atom {
    fn sin(self) -> Atom {
        bind(Primitive::Sin, &[self])
    }

    fn cos(self) -> Atom {
        bind(Primitive::Cos, &[self])
    }
}
// ANCHOR_END: operators

// ANCHOR: trace
/// Calls `f` with variables, and returns the program that it recorded.
fn trace(inputs: usize, f: impl Fn(&[Atom]) -> Atom) -> Program {
    let outer = FRAME.replace(Some((Vec::new(), inputs)));
    let result = f(&(0..inputs).map(Atom::Var).collect::<Vec<_>>());
    let (equations, _) = FRAME.replace(outer).expect("the frame of this trace");
    Program { inputs, equations, result }
}
// ANCHOR_END: trace

// ANCHOR: eval
/// The values of all variables, by number.
fn values(program: &Program, args: &[Atom]) -> Vec<Atom> {
    let mut values = args.to_vec();
    for equation in &program.equations {
        let operands: Vec<Atom> = equation.operands.iter().map(|a| read(*a, &values)).collect();
        let value = bind(equation.primitive, &operands);
        values.push(value);
    }
    values
}

fn read(atom: Atom, values: &[Atom]) -> Atom {
    match atom {
        Atom::Var(i) => values[i],
        number => number,
    }
}

/// Runs a program on operands: numbers, or variables of another program that is being traced.
fn eval(program: &Program, args: &[Atom]) -> Atom {
    read(program.result, &values(program, args))
}
// ANCHOR_END: eval

// ANCHOR: rules
const ZERO: Atom = Atom::Number(0.0);
const ONE: Atom = Atom::Number(1.0);

/// The slopes of a primitive with respect to its operands.
fn slopes(primitive: Primitive, x: &[Atom]) -> Vec<Atom> {
    match primitive {
        Primitive::Add => vec![ONE, ONE],
        Primitive::Mul => vec![x[1], x[0]],
        Primitive::Neg => vec![-ONE],
        Primitive::Sin => vec![x[0].cos()],
        Primitive::Cos => vec![-x[0].sin()],
    }
}
// ANCHOR_END: rules

// ANCHOR: jvp
/// Forward mode: the result, and its derivative in the direction `tangents`.
fn jvp(program: &Program, args: &[Atom], tangents: &[Atom]) -> (Atom, Atom) {
    let mut primal = args.to_vec();
    let mut tangent = tangents.to_vec();
    for equation in &program.equations {
        let x: Vec<Atom> = equation.operands.iter().map(|a| read(*a, &primal)).collect();
        let mut sum = ZERO;
        for (slope, operand) in slopes(equation.primitive, &x).into_iter().zip(&equation.operands) {
            if let Atom::Var(i) = operand {
                sum = sum + slope * tangent[*i];
            }
        }
        primal.push(bind(equation.primitive, &x));
        tangent.push(sum);
    }
    let slope = if let Atom::Var(i) = program.result { tangent[i] } else { ZERO };
    (read(program.result, &primal), slope)
}
// ANCHOR_END: jvp

// ANCHOR: grad
/// Reverse mode: the derivative with respect to each input, as one program.
fn gradient(program: &Program, args: &[Atom]) -> Vec<Atom> {
    let primal = values(program, args);
    let mut cotangents = vec![ZERO; primal.len()];
    if let Atom::Var(i) = program.result {
        cotangents[i] = ONE;
    }
    for equation in program.equations.iter().rev() {
        let x: Vec<Atom> = equation.operands.iter().map(|a| read(*a, &primal)).collect();
        for (slope, operand) in slopes(equation.primitive, &x).into_iter().zip(&equation.operands) {
            if let Atom::Var(i) = operand {
                cotangents[*i] = cotangents[*i] + slope * cotangents[equation.out];
            }
        }
    }
    cotangents.truncate(program.inputs);
    cotangents
}

fn grad_of(program: &Program) -> Program {
    trace(program.inputs, |x| gradient(program, x)[0])
}
// ANCHOR_END: grad

// ANCHOR: lower
/// The program as StableHLO, for a batch of arguments. All primitives are elementwise, so a batch changes types only.
fn lower(program: &Program, batch: usize) -> Result<String> {
    let ty = format!("tensor<{batch}xf32>");
    let inputs: Vec<String> = (0..program.inputs).map(|i| format!("%v{i}: {ty}")).collect();
    let mut text = format!("module @tiny {{\n  func.func public @main({}) -> {ty} {{\n", inputs.join(", "));
    let mut constants = 0;
    let mut operand = |atom: &Atom, text: &mut String| -> Result<String> {
        match atom {
            Atom::Var(i) => Ok(format!("%v{i}")),
            Atom::Number(x) => {
                constants += 1;
                let bits = x.to_bits();
                writeln!(text, "    %c{constants} = stablehlo.constant dense<0x{bits:08X}> : {ty}")?;
                Ok(format!("%c{constants}"))
            }
        }
    };
    for equation in &program.equations {
        let operands: Vec<String> = equation.operands.iter().map(|a| operand(a, &mut text)).collect::<Result<_>>()?;
        let name = match equation.primitive {
            Primitive::Add => "add",
            Primitive::Mul => "multiply",
            Primitive::Neg => "negate",
            Primitive::Sin => "sine",
            Primitive::Cos => "cosine",
        };
        writeln!(text, "    %v{} = stablehlo.{name} {} : {ty}", equation.out, operands.join(", "))?;
    }
    let result = operand(&program.result, &mut text)?;
    writeln!(text, "    return {result} : {ty}\n  }}\n}}")?;
    Ok(text)
}
// ANCHOR_END: lower

fn main() -> Result<()> {
    // ANCHOR: use
    let f = trace(1, |x| x[0].sin() * x[0]);
    let df = grad_of(&f);
    let ddf = grad_of(&df);

    // On numbers, a program runs.
    let x = 2f32;
    assert_eq!(eval(&f, &[Atom::Number(x)]), Atom::Number(x.sin() * x));
    let Atom::Number(slope) = eval(&df, &[Atom::Number(x)]) else { unreachable!("numbers in, numbers out") };
    assert!((slope - (x.cos() * x + x.sin())).abs() < 1e-6);

    // Forward mode agrees, and so does forward mode of reverse mode.
    assert_eq!(jvp(&f, &[Atom::Number(x)], &[ONE]).1, Atom::Number(slope));
    assert_eq!(jvp(&df, &[Atom::Number(x)], &[ONE]).1, eval(&ddf, &[Atom::Number(x)]));
    // ANCHOR_END: use

    // ANCHOR: run
    let module = lower(&ddf, 3)?;
    println!("{module}");
    let compiled = Exported::from_stablehlo("ddf", &module)?.compile()?;
    let x = Array::from([0.0f32, 1.0, 2.0]);
    let y = compiled.call(&(x.clone(),))?.remove(0);
    println!("{y}");

    let expected = 2.0 * x.cos() - &x * x.sin();
    assert!((y - expected).abs().max().item::<f32>() < 1e-5);
    // ANCHOR_END: run
    Ok(())
}
