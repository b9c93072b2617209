use cotangent::Array;
use cotangent_plot::{Axes, Figure};

/// The loss of every step, and that of the text set aside after every fifty.
pub(super) fn training(losses: &Array, test_losses: &Array) -> Axes {
    Axes::new()
        .title("Learning to write")
        .x("step")
        .y("cross entropy")
        .line(0.., losses.to_vec::<f64>())
        .label("text")
        .line((0..13).map(|i| 50 * i), test_losses.to_vec::<f64>())
        .label("text set aside")
}

/// The weights of the head that looks back most, with the characters on both axes.
pub(super) fn attention(weights: &Array, prompt: &str) -> Figure {
    let visible = |c: char| match c {
        ' ' => '␣',
        '\n' => '↵',
        c => c,
    };
    let characters: Vec<String> = prompt.chars().map(|c| visible(c).to_string()).collect();
    let n = characters.len();
    // Of each head: the weight that goes to the character before, on average.
    let before = |head: &Vec<f64>| (1..n).map(|i| head[i * n + i - 1]).sum::<f64>();
    let all = weights.reshape((8, n * n));
    let heads: Vec<Vec<f64>> = all.iter().map(|head| head.to_vec()).collect();
    let (place, head) = heads
        .iter()
        .enumerate()
        .max_by(|a, b| before(a.1).total_cmp(&before(b.1)))
        .map(|(i, head)| (i, head.clone()))
        .unwrap_or_default();
    let axes = Axes::new()
        .title(format!("Where block {}, head {} looks", place / 4 + 1, place % 4 + 1))
        .subtitle("of all heads, the one that looks most at the character before")
        .x("looks at")
        .y("character")
        .x_names(&characters)
        .y_names(&characters)
        .matrix(n, head)
        .span(0.0, 1.0)
        .label("weight");
    Figure::new().size(760.0, 780.0).panel(axes)
}

/// The weights of all heads.
pub(super) fn heads(weights: &Array) -> Figure {
    let n = weights.shape()[3];
    let panels = weights.reshape((8, n * n)).iter().enumerate().map(|(i, head)| {
        let title = format!("block {}, head {}", i / 4 + 1, i % 4 + 1);
        Axes::new().title(title).bare().matrix(n, head.to_vec::<f64>()).span(0.0, 1.0).no_bar()
    });
    let panels: Vec<Axes> = panels.collect();
    Figure::new().title("All heads, from earlier to later characters").panels(panels).columns(4).size(760.0, 460.0)
}
