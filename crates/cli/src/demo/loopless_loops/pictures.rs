use cotangent::Array;
use cotangent_plot::{Axes, Figure, Map};

/// Rows of probabilities, and the distances of all pairs.
pub(super) fn matrices(probabilities: &Array, distances: &Array) -> Figure {
    let panel = |title, matrix: &Array, x, y, name| {
        let axes = Axes::new().title(title).x(x).y(y);
        axes.matrix(matrix.shape()[1], matrix.to_vec::<f64>()).map(Map::Blues).label(name)
    };
    Figure::new()
        .title("Maps over one axis, and over two")
        .panel(panel("Softmax of each row", probabilities, "element", "row", "probability"))
        .panel(panel("Distance of every pair of nodes", distances, "node", "node", "distance"))
}
