//! The pictures of programs in the book show what the library traces. `COTANGENT_BLESS=1` draws them again.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use cotangent::extend::{Atom, Jaxpr};
use cotangent::prelude::*;

/// A node is drawn below all nodes that it takes values from.
struct Node {
    text: String,
    kind: &'static str,
    from: Vec<usize>,
}

fn node(text: impl Into<String>, kind: &'static str, from: Vec<usize>) -> Node {
    Node { text: text.into(), kind, from }
}

/// The graph of a jaxpr: arguments, literals, equations, results.
fn graph(jaxpr: &Jaxpr) -> Vec<Node> {
    let typed = |aval: &dyn std::fmt::Display, name: &str| format!("{name} {aval}");
    let mut nodes: Vec<Node> = jaxpr.input_avals().map(|aval| node(typed(&aval, "x"), "input", vec![])).collect();
    let mut at: HashMap<_, usize> = jaxpr.inputs().iter().copied().zip(0..).collect();
    for eqn in jaxpr.eqns() {
        let mut from = Vec::new();
        for atom in eqn.inputs() {
            from.push(match atom {
                Atom::Var(var) => at[var],
                Atom::Lit(_) => {
                    nodes.push(node("1.0", "input", vec![]));
                    nodes.len() - 1
                }
            });
        }
        let name = eqn.prim().name();
        nodes.push(node(if name == "broadcast_in_dim" { "broadcast" } else { name }, "operation", from));
        at.insert(eqn.outputs()[0], nodes.len() - 1);
    }
    for (atom, aval) in jaxpr.outputs().iter().zip(jaxpr.output_avals()) {
        let Atom::Var(var) = atom else { panic!("a result that is a literal") };
        nodes.push(node(typed(&aval, "result"), "output", vec![at[var]]));
    }
    nodes
}

/// The graph of the computation whose HLO the page shows.
fn kernel(page: &str) -> Vec<Node> {
    let (mut nodes, mut at) = (Vec::new(), HashMap::new());
    let lines = page.lines().skip_while(|line| !line.starts_with("%fused_computation")).skip(1);
    for line in lines.take_while(|line| *line != "}") {
        let (name, rest) = line.trim().trim_start_matches("ROOT ").split_once(" = ").expect("an instruction");
        let (_, call) = rest.split_once(' ').expect("a type");
        let (operation, operands) = call.trim_end_matches(')').split_once('(').expect("operands");
        let from = operands.split(", ").filter_map(|operand| at.get(operand).copied()).collect();
        let is_input = operation == "parameter";
        nodes.push(if is_input { node("x f32[3]", "input", from) } else { node(operation, "operation", from) });
        at.insert(name, nodes.len() - 1);
    }
    let last = nodes.len() - 1;
    nodes.push(node("result f32[3]", "output", vec![last]));
    nodes
}

/// Where a line between two nodes goes, or a node.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Node(usize),
    Line(usize, usize),
}

/// The layers from top to bottom. A line that skips layers has a place in each, so that it goes around the nodes there.
fn layers(nodes: &[Node]) -> Vec<Vec<Place>> {
    let mut depth = vec![0; nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        depth[i] = node.from.iter().map(|&j| depth[j] + 1).max().unwrap_or(0);
    }
    // A constant stands just above what uses it first.
    for i in 0..nodes.len() {
        let users = (0..nodes.len()).filter(|&j| nodes[j].from.contains(&i));
        if let (true, Some(first)) = (nodes[i].from.is_empty(), users.map(|j| depth[j]).min()) {
            depth[i] = first - 1;
        }
    }
    let mut layers = vec![Vec::new(); depth.iter().max().expect("a node") + 1];
    for (i, node) in nodes.iter().enumerate() {
        layers[depth[i]].push(Place::Node(i));
        for &j in &node.from {
            (depth[j] + 1..depth[i]).for_each(|k| layers[k].push(Place::Line(j, i)));
        }
    }
    for sweep in 0..24 {
        let down = sweep % 2 == 0;
        for step in 1..layers.len() {
            let (k, other) = if down { (step, step - 1) } else { (layers.len() - 1 - step, layers.len() - step) };
            let at = |place: Place| {
                layers[other].iter().position(|&p| p == place).map(|n| n as f64 / layers[other].len() as f64)
            };
            let middle = |place: Place| {
                let near: Vec<f64> = match (place, down) {
                    (Place::Node(i), true) => nodes[i]
                        .from
                        .iter()
                        .filter_map(|&j| at(Place::Node(j)).or_else(|| at(Place::Line(j, i))))
                        .collect(),
                    (Place::Node(j), false) => {
                        let users = (0..nodes.len()).filter(|&i| nodes[i].from.contains(&j));
                        users.filter_map(|i| at(Place::Node(i)).or_else(|| at(Place::Line(j, i)))).collect()
                    }
                    (Place::Line(j, i), down) => at(Place::Line(j, i))
                        .or_else(|| at(Place::Node(if down { j } else { i })))
                        .into_iter()
                        .collect(),
                };
                near.iter().sum::<f64>() / near.len().max(1) as f64
            };
            let mut order: Vec<(f64, Place)> = layers[k].iter().map(|&place| (middle(place), place)).collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0));
            layers[k] = order.into_iter().map(|(_, place)| place).collect();
        }
    }
    layers
}

const STYLE: &str = "rect{stroke:#7a8794;fill:#fff}.input{fill:#e3eefb}.output{fill:#e2f3e5}\
                     text{font:15px sans-serif;text-anchor:middle;fill:#1b1f24}path{fill:none;stroke:#5b6773;stroke-width:1.4}";

fn svg(nodes: &[Node], title: &str) -> String {
    let layers = layers(nodes);
    let width = |place: Place| match place {
        Place::Node(i) => 24.0 + 8.2 * nodes[i].text.len() as f64,
        Place::Line(..) => 10.0,
    };
    let (space, down) = (26.0, 66.0);
    let row = |layer: &[Place]| layer.iter().map(|&p| width(p)).sum::<f64>() + space * (layer.len() - 1) as f64;
    let whole = layers.iter().map(|layer| row(layer)).fold(0.0, f64::max) + 2.0 * space;
    let mut at: Vec<(Place, f64, f64)> = Vec::new();
    for (k, layer) in layers.iter().enumerate() {
        let mut x = (whole - row(layer)) / 2.0;
        for &place in layer {
            at.push((place, x + width(place) / 2.0, 34.0 + down * k as f64));
            x += width(place) + space;
        }
    }
    let height = down * (layers.len() - 1) as f64 + 68.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole:.0} {height:.0}\" width=\"{whole:.0}\" role=\"img\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <polygon points=\"0,0 8,4 0,8\" fill=\"#5b6773\"/></marker></defs>\n\
         <rect width=\"{whole:.0}\" height=\"{height:.0}\" rx=\"8\" style=\"fill:#fafbfc;stroke:none\"/>\n"
    );
    let find = |place: Place| at.iter().find(|(p, ..)| *p == place).map(|&(_, x, y)| (x, y));
    for (i, node) in nodes.iter().enumerate() {
        let ends = node.from.len();
        for (n, &j) in node.from.iter().enumerate() {
            let (x, y) = find(Place::Node(j)).expect("a place");
            let mut points = vec![(x, y + 16.0)];
            points.extend(at.iter().filter(|(p, ..)| *p == Place::Line(j, i)).map(|&(_, x, y)| (x, y)));
            let (x, y) = find(Place::Node(i)).expect("a place");
            points.push((x + 16.0 * (n as f64 - (ends - 1) as f64 / 2.0), y - 17.0));
            let mut path = format!("M{:.0},{:.0}", points[0].0, points[0].1);
            for pair in points.windows(2) {
                let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
                let half = (y0 + y1) / 2.0;
                let _ = write!(path, " C{x0:.0},{half:.0} {x1:.0},{half:.0} {x1:.0},{y1:.0}");
            }
            let _ = writeln!(out, "<path d=\"{path}\" marker-end=\"url(#end)\"/>");
        }
    }
    for &(place, x, y) in &at {
        if let Place::Node(i) = place {
            let (wide, Node { text, kind, .. }) = (width(place), &nodes[i]);
            let (left, top, base) = (x - wide / 2.0, y - 16.0, y + 5.0);
            let _ = writeln!(
                out,
                "<rect class=\"{kind}\" x=\"{left:.0}\" y=\"{top:.0}\" width=\"{wide:.0}\" height=\"32\" rx=\"6\"/>\
                 <text x=\"{x:.0}\" y=\"{base:.0}\">{text}</text>"
            );
        }
    }
    out + "</svg>\n"
}

#[test]
fn pictures_of_programs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/book/src");
    let page = std::fs::read_to_string(folder.join("traces.md")).expect("the page");
    let f = |x: &Array| (x.sin() * x.cos()).sum();
    let x = np::ones(3);
    let pictures = [
        ("traces-function.svg", graph(&make_jaxpr(f)(&x).jaxpr), "The function's jaxpr as a graph"),
        ("traces-gradient.svg", graph(&make_jaxpr(grad(f))(&x).jaxpr), "The gradient's jaxpr as a graph"),
        ("traces-kernel.svg", kernel(&page), "The one kernel that the gradient becomes"),
    ];
    for (name, nodes, title) in pictures {
        let (path, drawn) = (folder.join(name), svg(&nodes, title));
        if std::env::var_os("COTANGENT_BLESS").is_some() {
            std::fs::write(&path, &drawn).expect("a new file");
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == drawn, "{name} is out of date; COTANGENT_BLESS=1 draws it again");
        assert!(page.contains(name), "traces.md does not show {name}");
    }
}
