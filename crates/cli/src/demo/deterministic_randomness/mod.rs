//! "Deterministic randomness": keys, and simulations that repeat exactly.

mod pictures;

use anyhow::Result;
use cotangent::prelude::*;

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{Demo, IDIOMS};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "deterministic-randomness",
    chapter: IDIOMS,
    summary: "random keys: split them, map over them, and repeat a simulation exactly",
    seconds: 2,
    source: include_str!("mod.rs"),
    run,
    functions,
};

fn walk(key: Key, steps: usize) -> Array {
    let step = |position: Array, key: Key| (&position + random::normal(key, ()), position);
    let (_, history) = lax::scan(step, 0.0, &random::split(key, steps));
    history
}

fn move_on_grid(position: &Array, key: &Key) -> (Array, Array) {
    let [axis_key, direction_key] = key.clone().split();
    let axis = random::choice(axis_key, 2, (), true);
    let direction = random::choice(direction_key, np::array([-1, 1]), (), true);
    let next = position + direction * nn::one_hot_as(axis, 2, -1, DType::I32);
    (next.clone(), next)
}

fn break_stick(key: Key, concentration: &Array) -> (Array, Array) {
    let snap = |rest: &Array, key: &Key| {
        let piece = rest * random::beta(key.clone(), 1.0, concentration, ());
        (rest - &piece, piece)
    };
    lax::scan(snap, 1.0, &random::split(key, 30))
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Most random number generators have a hidden state: every draw changes it, and the result of a line depends on \
         all lines that ran before. When something goes wrong in the ten thousandth iteration, nobody can go back \
         there. Here, a draw is a function of a key, and of nothing else. Whoever has the key can repeat the draw.",
    )?;

    nb.heading("A key, and what it draws")?;
    nb.cell(&[])?;
    let key = random::key(42);
    let a = random::normal(key.clone(), ());
    let b = random::normal(key.clone(), ());

    nb.value("key", "key", shown(key.data()))?;
    nb.value("a", "a", shown(&a))?;
    nb.value("b", "b", shown(&b))?;
    nb.text(
        "The same key gives the same number. In Rust, a sampler takes the key by value: using one twice takes a \
         `clone`, so that it does not happen by accident.",
    )?;

    nb.heading("Split a key")?;
    nb.text("For another number, there must be another key. `split` makes any number of independent keys from one.")?;
    nb.cell(&[])?;
    let [_, k2] = key.clone().split();
    let c = random::normal(k2.clone(), ());
    let [k3, _, _] = k2.split();
    let d = random::normal(k3, ());

    nb.value("c", "c", shown(&c))?;
    nb.value("d", "d", shown(&d))?;

    nb.heading("Twenty numbers, in two ways")?;
    nb.text(
        "Split the key into twenty and draw one number from each, or draw twenty numbers from the one key. Both are \
         twenty independent normal numbers. They are not the same numbers, because the keys are not the same.",
    )?;
    nb.cell(&[])?;
    let key = random::key(44);
    let from_keys = vmap(|key: &Key| random::normal(key.clone(), ()))(&random::split(key.clone(), 20));
    let from_key = random::normal(key.clone(), 20);

    nb.value("from_keys", "from_keys[..5]", shown(&from_keys.at(..5).get()))?;
    nb.value("from_key", "from_key[..5]", shown(&from_key.at(..5).get()))?;

    nb.heading("A random walk")?;
    nb.text(
        "A walk adds a normal step to the position, again and again. First as a loop over keys, then as a `scan` over \
         the same keys. The steps are the same, because the keys are.",
    )?;
    nb.cell(&["walk"])?;
    let mut position = Array::from(0.0);
    let mut looped = Vec::new();
    for key in random::split(key.clone(), 100) {
        looped.push(position.clone());
        position += random::normal(key, ());
    }
    let walked = walk(key.clone(), 100);

    nb.value("looped", "loop, positions 1, 10, 99", all([1, 10, 99].map(|i| &looped[i])))?;
    nb.value("walked", "scan, positions 1, 10, 99", shown(&walked.at(np::array([1, 10, 99])).get()))?;

    nb.heading("Exercise: a walk on a grid")?;
    nb.text(
        "A particle moves one field at a time: up, down, left or right. Each step needs two draws, one of the axis and \
         one of the direction, and so two keys. There is no `if` on the axis: a one-hot vector times the direction is \
         the move.",
    )?;
    nb.cell(&["move_on_grid"])?;
    let keys = random::split(key.clone(), 1000);
    let (last, path) = lax::scan(move_on_grid, np::array([0, 0]), &keys);

    nb.value("grid_path", "path[..4]", shown(&path.at(..4).get()))?;
    nb.value("grid_last", "last position", shown(&last))?;
    nb.value("grid_reach", "farthest to each side", all(&[path.min_axis(0), path.max_axis(0)]))?;
    if nb.wants_pictures() {
        nb.picture("grid", pictures::grid(&path))?;
    }

    nb.heading("Exercise: break a stick at random")?;
    nb.text(
        "The stick of `loopy-carry`, with a random fraction at each break, from a beta distribution. The mean fraction \
         is 1/(1 + concentration).",
    )?;
    nb.cell(&["break_stick"])?;
    let (rest, pieces) = break_stick(key.clone(), &5.0.into());

    nb.value("stick_pieces", "pieces[..6]", shown(&pieces.at(..6).get()))?;
    nb.value("stick_rest", "what is left", shown(&rest))?;

    nb.heading("Exercise: many walks")?;
    nb.text(
        "A walk is a function of a key, so many walks are `vmap` of it over many keys. The spread of the positions \
         grows with the square root of the time: after 999 steps it should be about 31.6.",
    )?;
    nb.cell(&[])?;
    let walks = vmap(|key: &Key| walk(key.clone(), 1000))(&random::split(key, 500));
    let spread = walks.std_axis(0);

    nb.value("walks_shape", "shape", walks.shape().to_vec())?;
    nb.value("walks_end", "the first ends", shown(&walks.at((..5, -1)).get()))?;
    nb.value("spread", "spread after 9, 99, 999 steps", shown(&spread.at(np::array([9, 99, 999])).get()))?;
    if nb.wants_pictures() {
        nb.picture("walks", pictures::walks(&walks))?;
    }
    nb.text(
        "Run this demo again, on another machine or another day: every number stays the same. They are JAX's numbers, \
         too, as the keys and the algorithms are.",
    )?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let last = |key: &Key, start: &Array| walk(key.clone(), 100).at(-1).get() + start;
    vec![Function::new(
        "walk",
        "a random walk of 100 steps",
        last,
        grad(last).argnums(args!(1)),
        (random::key(44), Array::from(0.0)),
    )]
}
