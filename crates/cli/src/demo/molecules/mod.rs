//! Molecular dynamics: forces from an energy, and a liquid that keeps its energy.

mod pictures;

use anyhow::Result;
use cotangent::prelude::*;

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{Demo, SCIENCE};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "molecules",
    chapter: SCIENCE,
    summary: "64 atoms in a box: forces by grad, steps by scan, temperature by counting",
    seconds: 2,
    source: include_str!("mod.rs"),
    run,
    functions,
};

const BOX: f64 = 9.0;

#[derive(Clone, Tree)]
struct Atoms {
    places: Array,
    speeds: Array,
}

fn displacement(a: &Array, b: &Array) -> Array {
    let d = a - b;
    &d - BOX * np::round(&d / BOX)
}

fn pair_energy(a: &Array, b: &Array) -> Array {
    let squared = displacement(a, b).square().sum();
    let alone = squared.equal(0.0); // the atom itself
    let inverse = np::where_(&alone, 1.0, &squared).powi(-3);
    np::where_(alone, 0.0, 4.0 * (inverse.square() - inverse))
}

fn potential(places: &Array) -> Array {
    let with_all = vmap(pair_energy).in_axes((None, 0));
    0.5 * vmap(with_all).in_axes((0, None))(places, places).sum()
}

fn kinetic(speeds: &Array) -> Array {
    0.5 * speeds.square().sum()
}

fn step(atoms: &Atoms, time: f64) -> Atoms {
    let force = |places: &Array| -grad(potential)(places);
    let speeds = &atoms.speeds + 0.5 * time * force(&atoms.places);
    let places = &atoms.places + time * &speeds;
    let speeds = speeds + 0.5 * time * force(&places);
    Atoms { places: np::remainder(places, BOX), speeds }
}

fn simulate(start: &Atoms) -> Atoms {
    let frame =
        |atoms: &Atoms, _: &()| (lax::repeat(10, atoms.clone(), |atoms: &Atoms| step(atoms, 0.004)), atoms.clone());
    let (_, history) = lax::Scan::new().length(200).run(frame, start.clone(), &());
    history
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Atoms attract each other at a distance and repel each other when they touch. That is one formula for the \
         energy of a pair. The force on every atom is the negative gradient of the total energy, and Newton does the \
         rest.",
    )?;

    nb.heading("The energy of a pair")?;
    nb.text(
        "The potential of Lennard-Jones, in its own units, in two dimensions. The box has no walls: what leaves on one \
         side enters on the other, and of all images of an atom the nearest one counts. The pair of an atom with \
         itself needs care: it must contribute zero to the energy, and zero to the gradient, too. So the impossible \
         distance is replaced before it is used, not only afterward.",
    )?;
    nb.cell(&["BOX", "displacement", "pair_energy", "potential"])?;
    let side = np::arange(8.0) * (BOX / 8.0) + 0.5;
    let (x, y) = np::meshgrid(&side, &side);
    let grid = np::stack([np::ravel(x), np::ravel(y)], 1);
    let energy = potential(&grid);

    nb.value("grid_energy", "energy of 64 atoms on a grid", shown(&energy))?;

    nb.heading("Forces")?;
    nb.text(
        "On the grid, every atom is pulled to all sides alike. Move one, and its neighbors push it back. The forces of \
         a closed system add up to nothing.",
    )?;
    nb.cell(&[])?;
    let moved = grid.at((27, 0)).add(0.1);
    let force = -grad(potential)(&moved);

    nb.value("on_moved", "force on the atom that was moved", shown(&force.at(27).get()))?;
    nb.value("total_force", "total force within 0.001", force.sum_axis(0).abs().max().item::<f64>() < 1e-3)?;

    nb.heading("Motion")?;
    nb.text(
        "Random speeds, with the mean taken away so that the liquid as a whole stays where it is. A step is that of \
         Verlet: half a push, a move, half a push. A frame is ten steps, and the film has two hundred frames: two \
         loops, one inside of the other, in one program.",
    )?;
    nb.cell(&["Atoms", "step", "simulate", "kinetic"])?;
    let speeds = random::normal(random::key(3), (64, 2));
    let start = Atoms { places: grid, speeds: &speeds - speeds.mean_axis(0) };
    let film = jit(simulate)(&start);
    let kinetic = vmap(kinetic)(&film.speeds);
    let total = &kinetic + vmap(potential)(&film.places);

    nb.value("film_shape", "shape of the film", film.places.shape().to_vec())?;
    nb.value("one_frame_later", "an atom one frame later", shown(&film.places.at((1, 27)).get()))?;
    nb.value("start_energy", "kinetic and total energy at the start", all(&[kinetic.at(0).get(), total.at(0).get()]))?;
    let drift = np::ptp(&total).item::<f64>() / kinetic.at(0).get().item::<f64>();
    nb.value("energy_kept", "total energy kept within a hundredth", drift < 0.01)?;

    nb.heading("Temperature")?;
    nb.text(
        "In two dimensions the temperature is the kinetic energy of an atom. On the grid, the atoms are not at rest \
         with each other: part of the motion becomes disorder. The speeds soon follow the bell curve of Maxwell, \
         whatever they were at the start.",
    )?;
    nb.cell(&[])?;
    let temperature = &kinetic / 64.0;
    let late = temperature.at(100..).get();

    nb.value("first_temperature", "temperature at the start", shown(&temperature.at(0).get()))?;
    let settled = late.std().item::<f64>() < 0.3 * late.mean().item::<f64>();
    nb.value("settled", "settled in the second half", settled)?;
    if nb.wants_pictures() {
        nb.picture("box", pictures::boxes(&film))?;
        nb.picture("energies", pictures::energies(&kinetic, &total))?;
    }
    Ok(())
}

fn functions() -> Vec<Function> {
    vec![Function::new("molecules", "the energy of 64 atoms", potential, grad(potential), (np::zeros((64, 2)),))]
}
