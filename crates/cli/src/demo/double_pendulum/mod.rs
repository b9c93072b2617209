//! A double pendulum: equations of motion from a Lagrangian, and parameters fitted by differentiating the solver.

mod pictures;

use anyhow::Result;
use cotangent::{optim, prelude::*};

use super::notebook::Notebook;
use super::values::{all, shown};
use super::{Demo, SCIENCE};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "double-pendulum",
    chapter: SCIENCE,
    summary: "physics from a Lagrangian, and a pendulum measured by differentiating its simulation",
    seconds: 8,
    source: include_str!("mod.rs"),
    run,
    functions,
};

#[derive(Clone, Tree)]
struct Pendulum {
    masses: Array,
    lengths: Array,
}

#[derive(Clone, Tree)]
struct State {
    angles: Array,
    speeds: Array,
}

fn kinetic_energy(pendulum: &Pendulum, angles: &Array, speeds: &Array) -> Array {
    let x = np::cumsum(&pendulum.lengths * speeds * np::cos(angles));
    let y = np::cumsum(&pendulum.lengths * speeds * np::sin(angles));
    0.5 * (&pendulum.masses * (x.square() + y.square())).sum()
}

fn potential_energy(pendulum: &Pendulum, angles: &Array) -> Array {
    let heights = -np::cumsum(&pendulum.lengths * np::cos(angles));
    9.81 * (&pendulum.masses * heights).sum()
}

fn lagrangian(pendulum: &Pendulum, angles: &Array, speeds: &Array) -> Array {
    kinetic_energy(pendulum, angles, speeds) - potential_energy(pendulum, angles)
}

fn energy(pendulum: &Pendulum, state: &State) -> Array {
    kinetic_energy(pendulum, &state.angles, &state.speeds) + potential_energy(pendulum, &state.angles)
}

fn momentum(pendulum: &Pendulum, angles: &Array, speeds: &Array) -> Array {
    grad(lagrangian).argnums(args!(2))(pendulum, angles, speeds)
}

fn acceleration(pendulum: &Pendulum, state: &State) -> Array {
    let State { angles, speeds } = state;
    let force = grad(lagrangian).argnums(args!(1))(pendulum, angles, speeds);
    let inertia = jacfwd(momentum).argnums(args!(2))(pendulum, angles, speeds);
    let coupling = jacfwd(momentum).argnums(args!(1))(pendulum, angles, speeds);
    solve_two(&inertia, &(force - coupling.dot(speeds)))
}

fn solve_two(a: &Array, b: &Array) -> Array {
    let a = |i: usize, j: usize| a.at((i, j)).get();
    let adjugate = np::stack([np::stack([a(1, 1), -a(0, 1)], 0), np::stack([-a(1, 0), a(0, 0)], 0)], 0);
    adjugate.dot(b) / (a(0, 0) * a(1, 1) - a(0, 1) * a(1, 0))
}

fn step(pendulum: &Pendulum, state: &State, time: f64) -> State {
    let slope = |state: &State| State { angles: state.speeds.clone(), speeds: acceleration(pendulum, state) };
    let moved = |by: &State, time: f64| state.zip(by, |x, dx| x + time * dx);
    let a = slope(state);
    let b = slope(&moved(&a, time / 2.0));
    let c = slope(&moved(&b, time / 2.0));
    let d = slope(&moved(&c, time));
    let middle = b.zip(&c, |b, c| 2.0 * (b + c));
    moved(&middle.zip(&a.zip(&d, |a, d| a + d), |x, y| x + y), time / 6.0)
}

fn simulate(pendulum: &Pendulum, start: &State, steps: usize) -> State {
    let advance = |state: &State, _: &()| (step(pendulum, state, 0.01), state.clone());
    let (_, history) = lax::Scan::new().length(steps).run(advance, start.clone(), &());
    history
}

fn loss(logs: &Pendulum, start: &State, measured: &Array) -> Array {
    let history = simulate(&logs.map(Array::exp), start, measured.shape()[0]);
    (history.angles - measured).square().mean()
}

fn fit(guess: Pendulum, start: &State, measured: &Array) -> (Pendulum, Array) {
    let optimizer = optim::adam(0.03);
    let state = optimizer.init(&guess);
    let step = |(logs, state): (Pendulum, _), _: ()| {
        let (loss, mut slope) = value_and_grad(loss)(&logs, start, measured);
        slope.masses *= np::array([0.0, 1.0]); // only their ratio matters
        (optimizer.apply(&logs, &slope, &state), loss)
    };
    let ((logs, _), losses) = lax::Scan::new().length(200).run(step, (guess, state), &());
    (logs.map(Array::exp), losses)
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Two rods, two weights: a double pendulum is the simplest machine whose motion cannot be predicted for long. \
         Deriving its equations of motion by hand takes a page. We write down its energies, and let derivatives do the \
         rest; then we measure an unknown pendulum by watching it swing.",
    )?;

    nb.heading("Energies")?;
    nb.text(
        "Each joint adds its rod to the position of the one above, so positions and velocities are cumulative sums. \
         Kinetic and potential energy follow, and the Lagrangian is their difference.",
    )?;
    nb.cell(&["Pendulum", "State", "kinetic_energy", "potential_energy", "lagrangian"])?;
    let pendulum = Pendulum { masses: np::array([1.0, 0.6]), lengths: np::array([1.0, 0.7]) };
    let start = State { angles: np::array([2.0, 2.6]), speeds: np::zeros(2) };
    let value = lagrangian(&pendulum, &start.angles, &start.speeds);

    nb.value("lagrangian", "Lagrangian at the start", shown(&value))?;

    nb.heading("Equations of motion")?;
    nb.text(
        "Lagrange's equation says that the momentum ∂L/∂v changes at the rate of the force ∂L/∂q. By the chain rule, \
         that is a linear system for the acceleration: its matrix is the derivative of the momentum with respect to \
         the speeds. `grad` gives the momentum and the force, and `jacfwd` of the momentum gives both matrices.",
    )?;
    nb.cell(&["momentum", "acceleration", "solve_two"])?;
    let at_start = acceleration(&pendulum, &start);

    nb.value("acceleration", "acceleration at the start", shown(&at_start))?;

    nb.heading("Simulation")?;
    nb.text(
        "The method of Runge and Kutta of fourth order, a hundredth of a second at a time. A state is a tree, so the \
         method is written for any state: `zip` adds slopes to it. Energy is conserved in nature, and nearly so here.",
    )?;
    nb.cell(&["step", "simulate", "energy"])?;
    let swing = jit(|pendulum: &Pendulum, start: &State| simulate(pendulum, start, 1000));
    let history = swing(&pendulum, &start);
    let energies = vmap(energy).in_axes((None, 0))(&pendulum, &history);

    nb.value("after_1s", "angles after one second", shown(&history.angles.at(100).get()))?;
    nb.value("energy", "energy at the start", shown(&energies.at(0).get()))?;
    let drift = np::ptp(&energies).item::<f64>() / energies.at(0).get().item::<f64>().abs();
    nb.value("energy_kept", "energy kept within a thousandth", drift < 1e-3)?;

    nb.heading("Chaos")?;
    nb.text(
        "Nine pendulums start at angles that differ by a ten-thousandth of a radian from one to the next. `vmap` \
         swings all of them. At first they cannot be told apart; after ten seconds, they have nothing in common.",
    )?;
    nb.cell(&[])?;
    let offsets = np::linspace(0.0, 8e-4, 9);
    let nearby = |offset: &Array| {
        let start = State { angles: &start.angles + offset, speeds: start.speeds.clone() };
        simulate(&pendulum, &start, 1000).angles
    };
    let angles = jit(vmap(nearby))(&offsets);
    let spread = angles.at((.., .., 1)).get().std_axis(0);

    let (early, late) = (spread.at(100).get().item::<f64>(), spread.at(-1).get().item::<f64>());
    nb.value("spread_shape", "shape of all angles", angles.shape().to_vec())?;
    nb.value("chaos", "spread below 0.01 after 1 s, above 1 after 10 s", vec![early < 0.01, late > 1.0])?;
    if nb.wants_pictures() {
        nb.picture("swing", pictures::swing(&pendulum, &history, &angles))?;
    }

    nb.heading("Measure a pendulum by watching it")?;
    nb.text(
        "Now the masses and lengths are unknown. We have the angles of the first two seconds, with an error of a \
         hundredth of a radian, and a guess. The loss simulates the guess and compares angles. Its gradient goes back \
         through two hundred steps of Runge and Kutta, through the equations of motion in each, and so through \
         derivatives of the Lagrangian. Logarithms keep masses and lengths positive. Only the ratio of the masses has \
         an influence on the motion, so the first one stays what it is.",
    )?;
    nb.cell(&["loss", "fit"])?;
    let errors = 0.01 * random::normal(random::key(5), (200, 2));
    let measured = history.angles.at(..200).get() + errors;
    let guess = Pendulum { masses: np::array([1.0, 1.0]), lengths: np::array([1.2, 0.9]) };
    let (fitted, losses) = jit(fit)(guess.map(Array::log), &start, &measured);

    nb.value("losses", "losses at 0, 50, 100", shown(&losses.at(np::array([0, 50, 100])).get()))?;
    nb.value("masses", "masses (1 and 0.6)", shown(&fitted.masses))?;
    nb.value("lengths", "lengths (1 and 0.7)", shown(&fitted.lengths))?;
    if nb.wants_pictures() {
        let (before, after) = (simulate(&guess, &start, 200), simulate(&fitted, &start, 200));
        nb.picture("fit", pictures::fit(&measured, &before.angles, &after.angles))?;
        nb.picture("losses", pictures::losses(&losses))?;
    }
    nb.text("What was measured is what was hidden, to about the precision of the observations:")?;
    nb.cell(&[])?;
    let misfit = np::sqrt(losses.at(-1).get());

    nb.value("misfit", "remaining error of an angle", all(&[misfit]))?;
    Ok(())
}

fn functions() -> Vec<Function> {
    let pendulum = Pendulum { masses: np::array([1.0, 0.6]), lengths: np::array([1.0, 0.7]) };
    let args = (pendulum, np::array([2.0, 2.6]), np::zeros(2));
    vec![Function::new("lagrangian", "the Lagrangian of a double pendulum", lagrangian, momentum, args)]
}
