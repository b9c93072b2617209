//! The search for the first NaN of a program.

use std::cell::Cell;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::control::cond::Cond;
use crate::control::scan::Scan;
use crate::control::while_loop::While;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::jaxpr::{Atom, Eqn, Jaxpr};

thread_local! {
    static ENABLED: Cell<bool> = const { Cell::new(false) };
}

/// Whether programs that this thread runs are looked through.
pub(crate) fn enabled() -> bool {
    ENABLED.get()
}

/// Turns it on or off, and tells what it was.
pub(crate) fn set(on: bool) -> bool {
    ENABLED.replace(on)
}

/// If it is asked for and one of the results has a NaN, the error that says where it came from.
pub(crate) fn check(jaxpr: &Jaxpr, args: &[&Array], results: &[Array]) -> Result<()> {
    if !enabled() || !any_nan(results)? {
        return Ok(());
    }
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            ENABLED.set(true);
        }
    }
    ENABLED.set(false);
    let _restore = Restore;
    let args: Vec<Array> = args.iter().map(|x| (*x).clone()).collect();
    follow(jaxpr, &args, "")?;
    Err(Error::new(
        ErrorKind::Value,
        "a result has a NaN (not a number), which did not show when the program was run again one operation at a time",
    )
    .help("the compiler may compute a fused operation with other rounding"))
}

fn any_nan(arrays: &[Array]) -> Result<bool> {
    for x in arrays {
        if x.dtype().is_inexact() && has_nan(x.dtype(), &x.to_bytes()?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_nan(dtype: DType, bytes: &[u8]) -> bool {
    fn any<const N: usize>(bytes: &[u8], is_nan: impl Fn([u8; N]) -> bool) -> bool {
        bytes.as_chunks::<N>().0.iter().any(|c| is_nan(*c))
    }
    match dtype {
        DType::F16 => any(bytes, |c| half::f16::from_ne_bytes(c).is_nan()),
        DType::BF16 => any(bytes, |c| half::bf16::from_ne_bytes(c).is_nan()),
        DType::F32 | DType::C64 => any(bytes, |c| f32::from_ne_bytes(c).is_nan()),
        DType::F64 | DType::C128 => any(bytes, |c| f64::from_ne_bytes(c).is_nan()),
        _ => false,
    }
}

/// Runs a program equation by equation; the first NaN is an error.
fn follow(jaxpr: &Jaxpr, args: &[Array], place: &str) -> Result<Vec<Array>> {
    let mut env: Vec<Option<Array>> = vec![None; jaxpr.avals().len()];
    for (var, arg) in jaxpr.inputs().iter().zip(args) {
        env[var.index()] = Some(arg.clone());
    }
    let read = |env: &[Option<Array>], atom: &Atom| match atom {
        Atom::Lit(literal) => Array::literal(*literal),
        Atom::Var(var) => match &env[var.index()] {
            Some(value) => value.clone(),
            None => unreachable!("variables are defined before their use"),
        },
    };
    for eqn in jaxpr.eqns() {
        let inputs: Vec<Array> = eqn.inputs.iter().map(|a| read(&env, a)).collect();
        let outputs = run_equation(jaxpr, eqn, &inputs, place)?;
        for (var, value) in eqn.outputs.iter().zip(outputs) {
            env[var.index()] = Some(value);
        }
    }
    Ok(jaxpr.outputs().iter().map(|a| read(&env, a)).collect())
}

fn run_equation(jaxpr: &Jaxpr, eqn: &Eqn, inputs: &[Array], place: &str) -> Result<Vec<Array>> {
    let kept = eqn.prim.effects().kept;
    if kept {
        // Effects are not repeated. What holds a program can be followed without them.
        if eqn.outputs.is_empty() {
            return Ok(Vec::new());
        }
        return step_into(eqn, inputs, place).unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Value, "a result has a NaN (not a number), and the program cannot be run again to see where it came from: it has effects").at(eqn.loc))
        });
    }
    let avals = eqn.inputs.iter().map(|a| jaxpr.aval(a));
    let outs = eqn.outputs.iter().map(|v| jaxpr.avals()[v.index()].clone());
    let single = Arc::new(Jaxpr::of_one(eqn.prim.clone(), avals, outs, eqn.loc));
    let (program, _) = crate::runtime().program(&single, &[])?;
    let outputs = super::run(&program, &inputs.iter().collect::<SmallVec<[&Array; 4]>>())?;
    if !any_nan(&outputs)? {
        return Ok(outputs);
    }
    if let Some(inside) = step_into(eqn, inputs, place) {
        inside?;
    }
    let types: Vec<String> = outputs.iter().map(|x| x.aval().to_string()).collect();
    let mut message = format!("NaN (not a number) in the result of `{}`, {}{place}", eqn.prim.name(), types.join(", "));
    message += if any_nan(inputs)? { "; an operand has one already" } else { "; its operands have none" };
    Err(Error::new(ErrorKind::Value, message).at(eqn.loc))
}

/// Follows the programs that a primitive holds, if it is known how it runs them.
fn step_into(eqn: &Eqn, inputs: &[Array], place: &str) -> Option<Result<Vec<Array>>> {
    let prim = eqn.prim.as_any();
    if let Some(scan) = prim.downcast_ref::<Scan>() {
        return Some(follow_scan(scan, inputs, place));
    }
    if let Some(Cond { branches }) = prim.downcast_ref::<Cond>() {
        let which = |index: i32| (index.max(0) as usize).min(branches.len() - 1);
        let branch =
            |index: i32| follow(&branches[which(index)], &inputs[1..], &format!("{place}, in branch {}", which(index)));
        return Some(inputs[0].try_item::<i32>().and_then(branch));
    }
    if let Some(turns) = prim.downcast_ref::<While>() {
        return Some(follow_while(turns, inputs, place));
    }
    let [inner] = eqn.prim.jaxprs()[..] else { return None };
    let same = |(aval, x): (&Aval, &Array)| *aval.shape == *x.shape() && aval.dtype == x.dtype();
    let fits = inner.inputs().len() == inputs.len()
        && inner.outputs().len() == eqn.outputs.len()
        && inner.input_avals().zip(inputs).all(same);
    let name = eqn.prim.params().into_iter().find(|(key, _)| *key == "name").map(|(_, name)| name);
    let within = name.map_or_else(|| place.to_string(), |name| format!("{place}, in `{name}`"));
    fits.then(|| follow(inner, inputs, &within))
}

fn follow_scan(scan: &Scan, inputs: &[Array], place: &str) -> Result<Vec<Array>> {
    let (consts, rest) = inputs.split_at(scan.consts);
    let (carry, xs) = rest.split_at(scan.carry);
    let mut carry = carry.to_vec();
    let xs: Vec<(Aval, Vec<u8>)> = xs.iter().map(|x| Ok((x.aval(), x.to_bytes()?))).collect::<Result<_>>()?;
    let mut stacks: Vec<Vec<Vec<u8>>> = Vec::new();
    for step in 0..scan.length {
        let i = if scan.reverse { scan.length - 1 - step } else { step };
        let slices = xs.iter().map(|(aval, bytes)| {
            let row = bytes.len() / scan.length;
            let aval = aval.with_shape(aval.shape.remove(&[0]));
            Array::of_bytes(bytes[i * row..(i + 1) * row].to_vec(), aval)
        });
        let args: Vec<Array> = consts.iter().chain(&carry).cloned().chain(slices).collect();
        let mut next = follow(&scan.jaxpr, &args, &format!("{place}, at index {i} of the scan"))?;
        let ys = next.split_off(scan.carry);
        carry = next;
        stacks.push(ys.iter().map(Array::to_bytes).collect::<Result<_>>()?);
    }
    if scan.reverse {
        stacks.reverse();
    }
    let stacked = scan.jaxpr.output_avals().skip(scan.carry).enumerate().map(|(k, aval)| {
        let bytes = stacks.iter().flat_map(|ys| ys[k].iter().copied()).collect();
        Array::of_bytes(bytes, aval.with_shape(aval.shape.insert(0, scan.length)))
    });
    Ok(carry.into_iter().chain(stacked).collect())
}

fn follow_while(turns: &While, inputs: &[Array], place: &str) -> Result<Vec<Array>> {
    let (turns, inputs) = turns.together(inputs);
    let (cond, rest) = inputs.split_at(turns.cond_consts);
    let (body, carry) = rest.split_at(turns.body_consts);
    let mut carry = carry.to_vec();
    for turn in 0.. {
        let place = format!("{place}, in turn {turn} of the loop");
        let args = |consts: &[Array]| consts.iter().chain(&carry).cloned().collect::<Vec<_>>();
        if !follow(&turns.cond, &args(cond), &place)?[0].try_item::<bool>()? {
            break;
        }
        carry = follow(&turns.body, &args(body), &place)?;
    }
    Ok(carry)
}
