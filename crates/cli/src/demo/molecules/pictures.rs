use cotangent::Array;
use cotangent_plot::{Axes, Figure};

use super::{Atoms, BOX};

/// The box at the start, in the middle and at the end, with the speed of each atom as its color.
pub(super) fn boxes(film: &Atoms) -> Figure {
    let panels = [("At the start", 0), ("After 100 frames", 100), ("At the end", 199)].map(|(name, frame)| {
        let column = |a: &Array, i: usize| a.at((frame, .., i)).get().to_vec::<f64>();
        let (vx, vy) = (column(&film.speeds, 0), column(&film.speeds, 1));
        let speeds: Vec<f64> = vx.iter().zip(&vy).map(|(x, y)| x.hypot(*y)).collect();
        Axes::new()
            .title(name)
            .x("x")
            .y("y")
            .equal()
            .x_range(0.0, BOX)
            .y_range(0.0, BOX)
            .scatter(column(&film.places, 0), column(&film.places, 1))
            .size(12.0)
            .shaded(speeds)
            .span(0.0, 4.0)
            .label("speed")
    });
    Figure::new().title("64 atoms in a box without walls").panels(panels).columns(3)
}

/// The energies of the film.
pub(super) fn energies(kinetic: &Array, total: &Array) -> Axes {
    let (kinetic, total): (Vec<f64>, Vec<f64>) = (kinetic.to_vec(), total.to_vec());
    let potential = total.iter().zip(&kinetic).map(|(t, k)| t - k);
    Axes::new()
        .title("Energy changes its form, not its amount")
        .x("frame")
        .y("energy")
        .line(0.., &kinetic)
        .label("kinetic")
        .line(0.., potential)
        .label("potential")
        .line(0.., &total)
        .label("total")
}
