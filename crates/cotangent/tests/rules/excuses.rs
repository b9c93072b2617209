//! Failures that the checks excuse, with reasons: `goldens/excuses.json`. An excuse that is not needed fails the suite.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use cotangent::prelude::*;
use serde::Deserialize;

use super::case::Case;
use super::common::{dtype, golden};

/// One excuse. A field that is absent matches everything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Excuse {
    check: String,
    primitives: Option<Vec<String>>,
    /// The suffix of the names of its cases.
    cases: Option<String>,
    /// `complex`, or the dtype of an operand.
    operands: Option<String>,
    /// Dtypes; at least one result has one of them.
    results: Option<Vec<String>>,
    /// The columns in which an unchecked entry is allowed.
    columns: Option<Vec<String>>,
    /// The allowed relative difference from JAX's numbers.
    pub(crate) relative: Option<f64>,
    pub(crate) why: String,
}

impl Excuse {
    fn covers(&self, check: &str, column: Option<&str>, case: &Case) -> bool {
        let named =
            |names: &Option<Vec<String>>, name: &str| names.as_ref().is_none_or(|n| n.iter().any(|n| n == name));
        let is =
            |x: &Array, kind: &str| if kind == "complex" { x.dtype().is_complex() } else { x.dtype() == dtype(kind) };
        self.check == check
            && named(&self.primitives, &case.primitive)
            && column.is_none_or(|column| named(&self.columns, column))
            && self.cases.as_ref().is_none_or(|end| case.name.ends_with(end.as_str()))
            && self.operands.as_ref().is_none_or(|kind| case.inputs.iter().any(|x| is(x, kind)))
            && self.results.as_ref().is_none_or(|all| case.outputs.iter().any(|y| all.iter().any(|k| is(y, k))))
    }
}

/// What may differ on another device than the CPU: cases of some primitives, or of all, by the ends of their names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDevice {
    primitives: Option<Vec<String>>,
    cases: Option<Vec<String>>,
    why: String,
}

/// All excuses, and the cases that needed each.
pub(crate) struct Excuses {
    all: Vec<Excuse>,
    on_device: Vec<OnDevice>,
    exact: BTreeSet<String>,
    needed: Mutex<BTreeMap<usize, BTreeSet<String>>>,
}

impl Excuses {
    pub(crate) fn get() -> &'static Excuses {
        static EXCUSES: OnceLock<Excuses> = OnceLock::new();
        EXCUSES.get_or_init(|| {
            let mut file = golden("excuses.json");
            let all = serde_json::from_value(file["rules"].take()).expect("excuses");
            let exact = serde_json::from_value(file["exact"]["primitives"].take()).expect("names");
            let on_device = serde_json::from_value(file["device"].take()).expect("excuses on devices");
            Excuses { all, on_device, exact, needed: Mutex::default() }
        })
    }

    /// Returns whether the values of this real primitive must equal JAX's exactly.
    pub(crate) fn exact(&self, primitive: &str) -> bool {
        self.exact.contains(primitive)
    }

    /// Returns why a case may differ on this device from the CPU, if it may.
    pub(crate) fn of_device(&self, case: &Case) -> Option<&str> {
        if Device::current().is_ok_and(|device| device.platform() == cotangent::Platform::Cpu) {
            return None;
        }
        let covers = |excuse: &&OnDevice| {
            excuse.primitives.as_ref().is_none_or(|names| names.contains(&case.primitive))
                && excuse.cases.as_ref().is_none_or(|ends| ends.iter().any(|end| case.name.ends_with(end.as_str())))
        };
        self.on_device.iter().find(covers).map(|excuse| excuse.why.as_str())
    }

    /// Returns the excuse for a case from a check.
    pub(crate) fn of(&self, check: &str, case: &Case) -> Option<&Excuse> {
        self.find(check, None, case)
    }

    /// Returns the excuse for a column of a primitive's row in which nothing is checked.
    pub(crate) fn of_hole(&self, column: &str, case: &Case) -> Option<&Excuse> {
        self.find("hole", Some(column), case)
    }

    fn find(&self, check: &str, column: Option<&str>, case: &Case) -> Option<&Excuse> {
        let i = self.all.iter().position(|e| e.covers(check, column, case))?;
        let mut needed = self.needed.lock().unwrap_or_else(PoisonError::into_inner);
        let what =
            column.map_or_else(|| format!("{}/{}", case.primitive, case.name), |c| format!("{} {c}", case.primitive));
        needed.entry(i).or_default().insert(what);
        Some(&self.all[i])
    }

    /// Prints how many cases each excuse covered, and returns the errors in the list: excuses that were not
    /// needed, and names of exact primitives that are not in `primitives`.
    pub(crate) fn finish(&self, primitives: &BTreeSet<String>) -> Vec<String> {
        let needed = self.needed.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |i: usize| needed.get(&i).map_or(0, BTreeSet::len);
        let total: usize = (0..self.all.len()).map(count).sum();
        println!("{} excuses cover {total} checks; {} primitives are exact", self.all.len(), self.exact.len());
        let mut wrong = Vec::new();
        for (i, excuse) in self.all.iter().enumerate() {
            println!("- {} of `{}`: {}", count(i), excuse.check, excuse.why);
            if count(i) == 0 {
                wrong.push(format!("no case needs the excuse from `{}`: {}", excuse.check, excuse.why));
            }
        }
        let unknown = self.exact.iter().filter(|name| !primitives.contains(name.as_str()));
        wrong.extend(unknown.map(|name| format!("`{name}` is exact, and no primitive")));
        wrong
    }
}
