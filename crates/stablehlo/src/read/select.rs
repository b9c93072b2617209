//! Several programs as one.

use std::sync::Arc;

use super::artifact::WriteError;
use super::ty::List;
use super::{Attr, Attrs, Function, LocId, Location, Program, Region, Type};

impl Program {
    /// A program whose `main` takes a number first, an `i32`, and runs the `main` of the program with that index on its
    /// other arguments. Functions get the names of the programs as endings. If all programs are equal, the number does not
    /// matter.
    ///
    /// So does JAX export a function for several platforms.
    ///
    /// # Errors
    ///
    /// If a program has no `main`, or one of other types than the first.
    ///
    /// ```
    /// use cotangent_stablehlo::read::{self, Program};
    /// let program = |op: &str| read::text(&format!(
    ///     "func.func public @main(%x: tensor<f32>) -> tensor<f32> {{
    ///         %0 = stablehlo.{op} %x : tensor<f32>
    ///         return %0 : tensor<f32>
    ///     }}"
    /// )).unwrap();
    /// let one = Program::select(&[("cpu", program("negate")), ("cuda", program("abs"))]).unwrap();
    /// assert_eq!(one.functions.len(), 3);
    /// assert_eq!(one.function("main").unwrap().params().count(), 2);
    /// ```
    pub fn select(programs: &[(&str, Program)]) -> Result<Program, WriteError> {
        let equal = programs.windows(2).all(|pair| pair[0].1 == pair[1].1);
        let programs = if equal { &programs[..programs.len().min(1)] } else { programs };
        let mains = programs.iter().map(|(ending, program)| {
            let main =
                program.function("main").ok_or_else(|| WriteError(format!("there is no `main` for {ending}")))?;
            Ok((main.params().cloned().collect::<Vec<Type>>(), main.results.clone()))
        });
        let mains = mains.collect::<Result<Vec<_>, WriteError>>()?;
        let Some((takes, returns)) = mains.first() else { return Err(WriteError("there is no program".into())) };
        if let Some(i) = mains.iter().position(|main| main != &mains[0]) {
            return Err(WriteError(format!("the `main` for {} has other types than the first", programs[i].0)));
        }
        let main = main_text(&programs.iter().map(|(ending, _)| *ending).collect::<Vec<_>>(), takes, returns);
        let mut all = super::text(&main).map_err(|e| WriteError(e.to_string()))?;
        all.name.clone_from(&programs[0].1.name);
        all.attributes.clone_from(&programs[0].1.attributes);
        for (ending, program) in programs {
            let first = all.locations.0.len() as u32;
            all.locations.0.extend(program.locations.0.iter().map(|location| moved(location, first)));
            for function in &program.functions {
                let mut function = function.clone();
                function.name = format!("{}_{ending}", function.name).into();
                function.public = false;
                renamed(&mut function, ending, first);
                all.functions.push(function);
            }
        }
        Ok(all)
    }
}

/// The function that selects.
fn main_text(endings: &[&str], takes: &[Type], returns: &[Type]) -> String {
    let params: Vec<String> = takes.iter().enumerate().map(|(i, ty)| format!("%{i}: {ty}")).collect();
    let args: Vec<String> = (0..takes.len()).map(|i| format!("%{i}")).collect();
    let values = |name: &str| match returns.len() {
        0 => (String::new(), String::new()),
        1 => (format!("%{name} = "), format!("%{name}")),
        n => (format!("%{name}:{n} = "), (0..n).map(|i| format!("%{name}#{i}")).collect::<Vec<_>>().join(", ")),
    };
    let signature = format!("({}) -> ({})", List(takes), List(returns));
    let call = |ending: &str, name: &str| {
        let (define, all) = values(name);
        (format!("{define}func.call @main_{ending}({}) : {signature}", args.join(", ")), all)
    };
    let list = if returns.is_empty() { String::new() } else { format!(" : {}", List(returns)) };
    let body = match endings {
        [only] => call(only, "r").0,
        several => {
            let regions = several.iter().enumerate().map(|(i, ending)| {
                let (call, all) = call(ending, &format!("c{i}"));
                format!("{{\n{call}\nstablehlo.return {all}{list}\n}}")
            });
            let regions: Vec<String> = regions.collect();
            let define = values("r").0;
            format!("{define}\"stablehlo.case\"(%i) ({}) : (tensor<i32>) -> ({})", regions.join(", "), List(returns))
        }
    };
    let params = std::iter::once("%i: tensor<i32>".to_owned()).chain(params).collect::<Vec<_>>().join(", ");
    format!(
        "func.func public @main({params}) -> ({}) {{\n{body}\nfunc.return {}{list}\n}}",
        List(returns),
        values("r").1
    )
}

/// Gives the functions that it calls their new names, and its locations their new numbers.
fn renamed(function: &mut Function, ending: &str, first: u32) {
    fn region(region_: &mut Region, ending: &str, first: u32) {
        for op in &mut region_.ops {
            op.location.0 += first;
            let symbols = |attr: &Attr| matches!(attr, Attr::Symbol(_) | Attr::Array(_));
            if op.attributes.iter().any(|(_, attr)| symbols(attr)) {
                let entry = |(name, attr): &(Arc<str>, Attr)| (name.clone(), symbol(attr, ending));
                op.attributes = Attrs::new(op.attributes.entries().iter().map(entry).collect());
            }
            op.regions.iter_mut().for_each(|inner| region(inner, ending, first));
        }
    }
    function.location.0 += first;
    region(&mut function.body, ending, first);
}

fn symbol(attr: &Attr, ending: &str) -> Attr {
    match attr {
        Attr::Symbol(name) => Attr::Symbol(format!("{name}_{ending}").into()),
        Attr::Array(items) => Attr::Array(items.iter().map(|item| symbol(item, ending)).collect()),
        other => other.clone(),
    }
}

/// A location whose parts have numbers that are larger by `first`.
fn moved(location: &Location, first: u32) -> Location {
    let id = |id: &LocId| LocId(id.0 + first);
    match location {
        Location::Name { name, child } => Location::Name { name: name.clone(), child: id(child) },
        Location::CallSite { callee, caller } => Location::CallSite { callee: id(callee), caller: id(caller) },
        Location::Fused(parts) => Location::Fused(parts.iter().map(id).collect()),
        other => other.clone(),
    }
}
