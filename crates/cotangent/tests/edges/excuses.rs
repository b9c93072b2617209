//! The special points at which results of functions may differ from the stored ones, with reasons.
//! `goldens/excuses.json` holds the lists, and this file defines the named places that they refer to. An excuse that is
//! not needed fails the test, and so does a place that no excuse names.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::common::{float, golden};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Excuse {
    functions: Vec<String>,
    /// Which derivatives: 0 is the value, 1 first derivatives, 2 second derivatives, and 3 first derivatives by forward
    /// mode.
    orders: Vec<usize>,
    /// The name of a place.
    pub(super) at: String,
    /// The largest allowed error, in units in the last place; infinity allows any result.
    #[serde(deserialize_with = "number")]
    pub(super) slack: f64,
    pub(super) why: String,
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(float(&Value::deserialize(deserializer)?))
}

impl Excuse {
    pub(super) fn covers(&self, function: &str, order: usize, point: &[f64]) -> bool {
        self.functions.iter().any(|f| f == function) && self.orders.contains(&order) && place(&self.at)(point)
    }
}

/// Returns the excuses of a list.
pub(super) fn list(name: &str) -> Vec<Excuse> {
    serde_json::from_value(golden("excuses.json")[name].take()).unwrap_or_else(|e| panic!("the excuses `{name}`: {e}"))
}

type Place = fn(&[f64]) -> bool;

fn place(name: &str) -> Place {
    PLACES.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no place is called `{name}`")).1
}

/// Returns whether a number is zero or of moderate size.
fn moderate(x: f64) -> bool {
    x == 0.0 || (0.25..=100.0).contains(&x.abs())
}

fn subnormal(x: f64) -> bool {
    x != 0.0 && (x.abs() < f64::MIN_POSITIVE || (x.abs() < 1.2e-38 && f64::from(x as f32) == x))
}

/// Places by name; x and y are the arguments.
const PLACES: &[(&str, Place)] = &[
    ("everywhere", |_| true),
    ("x is 0", |x| x[0] == 0.0),
    ("x is 13 or -13", |x| x[0].abs() == 13.0),
    ("x is 16 or 17", |x| x[0] == 16.0 || x[0] == 17.0),
    ("x is 128 or 1024", |x| x[0] == 128.0 || x[0] == 1024.0),
    ("x and y are -1", |x| x == [-1.0, -1.0]),
    ("below 0.5", |x| x[0].abs() < 0.5),
    ("next to 0.5", |x| (x[0] - 0.5).abs() < 1e-6),
    ("next to 1 or -1", |x| (x[0].abs() - 1.0).abs() < 1e-6),
    ("next to zero, negative", |x| x[0] < 0.0 && x[0] > -1e-10),
    ("whole numbers up to zero", |x| x[0] <= 0.0 && x[0] == x[0].floor()),
    ("multiples of 0.5 beyond 1", |x| x[0].abs() > 1.0 && (x[0] * 2.0).fract() == 0.0),
    ("all below 4", |x| x.iter().all(|x| x.abs() < 4.0)),
    ("all near one", |x| x.iter().all(|x| moderate(*x))),
    ("finite, not all near one", |x| x.iter().all(|x| x.is_finite()) && !x.iter().all(|x| moderate(*x))),
    ("an infinite argument", |x| x.iter().any(|x| x.is_infinite())),
    ("an infinity and a NaN", |x| x.iter().any(|x| x.is_infinite()) && x.iter().any(|x| x.is_nan())),
    ("a subnormal argument", |x| x.iter().any(|x| subnormal(*x))),
    ("a subnormal y", |x| subnormal(x[1])),
    ("zeros and subnormal numbers", |x| x.iter().all(|x| *x == 0.0 || subnormal(*x))),
    ("x below 1.2e-38 or beyond 3e38", |x| x[0].abs() < 1.2e-38 || x[0] > 3e38),
    ("x below 1e-29 or beyond 1e24", |x| x[0].abs() < 1e-29 || x[0].abs() > 1e24),
    ("y below 1e-19 or beyond 1e19", |x| x[1].abs() < 1e-19 || x[1].abs() > 1e19),
    ("both beyond 3e38", |x| x.iter().all(|x| (3e38..f64::INFINITY).contains(&x.abs()))),
    ("beyond 1e307, or around 1e38", |x| x[0].abs() > 1e307 || (x[0].abs() > 9e37 && x[0].abs() < 1e39)),
    ("below 1e-37, or around 1e-10", |x| x[0].abs() < 1e-37 || (x[0].abs() < 2e-10 && x[0].abs() > 9e-11)),
];

#[test]
fn each_place_has_an_excuse() {
    let lists = ["points_of_one", "points_of_two", "points_narrow", "points_special"];
    let named: BTreeSet<String> = lists.into_iter().flat_map(list).map(|e| e.at).collect();
    let idle: Vec<&str> = PLACES.iter().map(|(name, _)| *name).filter(|name| !named.contains(*name)).collect();
    assert!(idle.is_empty(), "places that no excuse names: {idle:?}");
}
