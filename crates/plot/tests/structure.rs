//! Pictures as SVG: what is drawn, how much of it, and under which names.

use cotangent_plot::{Animation, Axes, Color, Figure, Grid, Map, Paint, Surface, Theme};

/// The part of an SVG that shows the mark of a class and a label.
fn group<'a>(svg: &'a str, class: &str, label: &str) -> &'a str {
    let start = match label {
        "" => format!("<g class=\"{class}\""),
        label => format!("<g class=\"{class}\" data-label=\"{label}\""),
    };
    let from = svg.find(&start).unwrap_or_else(|| panic!("no {class} named {label:?} in {svg}"));
    let rest = &svg[from..];
    &rest[..rest.find("\n</g>").expect("the group ends")]
}

/// The points of the only path in a text.
fn points(text: &str) -> Vec<(f64, f64)> {
    let d = text.split(" d=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a path");
    let numbers: Vec<f64> = d
        .trim_end_matches('Z')
        .split(['M', ' '])
        .filter(|n| !n.is_empty())
        .map(|n| n.parse().expect("a number"))
        .collect();
    numbers.chunks(2).map(|p| (p[0], p[1])).collect()
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

/// The numbers of an attribute.
fn attribute(svg: &str, name: &str) -> Vec<f64> {
    let value =
        svg.split(&format!(" data-{name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).expect("it is there");
    value.split(' ').filter_map(|n| n.parse().ok()).collect()
}

#[test]
fn a_line_is_where_its_values_are() {
    let svg = Axes::new().x_range(0.0, 10.0).y_range(0.0, 1.0).line([0.0, 5.0, 10.0], [0.0, 1.0, 0.5]).label("a").svg();
    let [left, top, right, bottom] = attribute(&svg, "frame")[..] else { panic!("four sides") };
    assert_eq!((attribute(&svg, "x"), attribute(&svg, "y")), (vec![0.0, 10.0], vec![0.0, 1.0]));
    let expected = [(left, bottom), ((left + right) / 2.0, top), (right, (top + bottom) / 2.0)];
    for (is, should) in points(group(&svg, "line", "a")).iter().zip(expected) {
        assert!((is.0 - should.0).abs() < 0.02 && (is.1 - should.1).abs() < 0.02, "{is:?} is not {should:?}");
    }
}

#[test]
fn what_is_not_finite_makes_a_gap() {
    let y = [1.0, 2.0, f64::NAN, 3.0, 4.0, f64::INFINITY, 5.0];
    let svg = Axes::new().line(0.., y).label("a").scatter(0.., y).label("b").svg();
    assert_eq!(count(group(&svg, "line", "a"), "<path"), 2);
    assert_eq!(count(group(&svg, "line", "a"), "<circle"), 1, "a value alone is a dot");
    assert_eq!(count(group(&svg, "dots", "b"), "<circle"), 5);
    // A logarithmic axis has no zero and nothing below.
    let svg = Axes::new().y_log().line(0.., [1.0, 0.0, 10.0, 100.0, -1.0, 5.0, 6.0]).label("a").svg();
    assert_eq!(count(group(&svg, "line", "a"), "<path"), 2);
}

#[test]
fn nothing_at_all_is_a_picture() {
    let nothing: [f64; 0] = [];
    let infinite = [f64::NEG_INFINITY, f64::INFINITY, f64::NAN];
    for data in [&nothing[..], &infinite, &[3.0], &[0.0; 4], &[f64::MAX, f64::MIN], &[5e-324, 0.0]] {
        let axes = || {
            Axes::new()
                .line(0.., data)
                .scatter(data, data)
                .histogram(data)
                .density(data)
                .bars(0.., data)
                .band(0.., data, data)
                .image(3, data)
                .rgb(2, data)
                .note(0.0, f64::NAN, "nowhere")
        };
        let columns = data.len();
        let grid = Grid::new(0..columns, 0..columns.min(1), data);
        let maps = || Axes::new().heatmap(&grid).filled(&grid).contours(&grid).scatter(data, data).shaded(data);
        for picture in [axes(), axes().x_log().y_log(), axes().equal(), maps(), maps().equal()] {
            let figure = Figure::from(picture);
            assert!(figure.svg().ends_with("</svg>\n") && figure.png().len() > 100);
        }
        assert!(Surface::new(&grid).svg().ends_with("</svg>\n"));
    }
    assert!(Figure::new().svg().ends_with("</svg>\n"));
    assert!(Animation::new("t").png().is_err());
}

#[test]
fn a_million_points_are_thinned() {
    let y: Vec<f32> = (0..1_000_000).map(|i| (i as f32 * 1e-4).sin()).collect();
    let svg = Axes::new().line(0.., &y).label("a").scatter(0.., &y).label("b").svg();
    let line = points(group(&svg, "line", "a"));
    assert!(line.len() < 8_000, "{}", line.len());
    let (low, high) = line.iter().fold((f64::MAX, f64::MIN), |(a, b), p| (a.min(p.1), b.max(p.1)));
    let [_, top, _, bottom] = attribute(&svg, "frame")[..] else { panic!("four sides") };
    assert!(high - low > 0.85 * (bottom - top), "the peaks are kept");
    assert!(svg.len() < 4_000_000, "{}", svg.len());
}

#[test]
fn every_kind_of_mark_is_drawn() {
    let bowl = Grid::of(-1.0..1.0, -1.0..1.0, 21, |x, y| x * x + y * y);
    let svg = Axes::new().histogram([1.0, 2.0, 2.0, 9.0]).bins(4).label("h").svg();
    assert_eq!(count(group(&svg, "histogram", "h"), "<path"), 2, "empty bins have no bar");
    let svg = Axes::new().bars(0..3, [1, 2, 3]).label("b").svg();
    assert_eq!(count(group(&svg, "bars", "b"), "<path"), 3);
    let svg = Axes::new().filled(&bowl).levels([0.0, 0.5, 1.0, 2.0]).svg();
    assert_eq!(count(group(&svg, "filled", ""), "<path"), 3, "a region for each level but the last");
    let svg = Axes::new().contours(&bowl).levels([0.25, 0.5]).svg();
    let contours = group(&svg, "contours", "");
    assert_eq!((count(contours, "<path"), count(contours, "<text")), (2, 2));
    let svg = Axes::new().heatmap(&bowl).svg();
    assert_eq!(count(group(&svg, "heat", ""), "<image"), 1);
    let svg =
        Axes::new().line(0..2, [1, 2]).band(0..2, [0, 1], [2, 3]).label("band").vertical(1.0).horizontal(1.0).svg();
    assert!(group(&svg, "area", "band").contains("f-s0"), "a band has the color of its line");
    assert_eq!(count(&svg, "class=\"reference\""), 2);
    let svg = Surface::new(&bowl).svg();
    assert!(count(group(&svg, "space", ""), "<path") > 400, "20 by 20 cells, and walls");
    let svg = Axes::new().line([0], [0]).note(0.0, 0.0, "a < b & \"c\"").svg();
    assert!(svg.contains(">a &lt; b &amp; &quot;c&quot;</text>"));
}

#[test]
fn the_legend_covers_no_data() {
    let svg = Axes::new().line(0..2, [1, 2]).label("first").scatter(0..2, [1, 2]).label("second").svg();
    let top = attribute(&svg, "frame")[1];
    for name in ["first", "second"] {
        let before = svg.split(&format!(">{name}</text>")).next().expect("a label");
        let y = before.rsplit(" y=\"").next().and_then(|rest| rest.split('"').next()).expect("a position");
        assert!(y.parse::<f64>().expect("a number") < top, "{name} is above the frame");
    }
}

#[test]
fn themes_and_colors_are_classes() {
    let figure = Figure::from(Axes::new().line(0..2, [1, 2]).line(0..2, [2, 1]).color(Color::hex(0x12_34_56)));
    let (light, dark) = (figure.clone().svg(), figure.theme(Theme::Dark).svg());
    for svg in [&light, &dark] {
        assert!(svg.contains("class=\"f-paper\"") && svg.contains("class=\"l-s0\"") && svg.contains("#123456"));
    }
    assert!(light.contains("#ffffff") && !dark.contains("#ffffff"));
    // A color that is given takes none of the palette.
    let axes = Axes::new().line(0..2, [1, 2]).color(Paint::Ink).line(0..2, [1, 2]).label("first");
    let svg = axes.band(0..2, [1, 2], [2, 3]).color(Paint::Soft).line(0..2, [2, 1]).label("second").svg();
    assert!(group(&svg, "line", "first").contains("l-s0") && group(&svg, "line", "second").contains("l-s1"));
    assert_eq!(Theme::Dark.color(Paint::Series(0)), Theme::Dark.color(Paint::Series(7)), "the palette repeats");
    assert_ne!(Map::Sequential.at(0.0), Map::Sequential.at(1.0));
}

/// The chunks of a PNG file.
fn chunks(png: &[u8]) -> Vec<String> {
    let (mut at, mut names) = (8, Vec::new());
    while at + 8 <= png.len() {
        let length = u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]) as usize;
        names.push(String::from_utf8_lossy(&png[at + 4..at + 8]).into_owned());
        at += length + 12;
    }
    names
}

#[test]
fn an_animation_has_its_frames() {
    let state = |i: i32| (format!("{i}"), Axes::new().y_range(0.0, 3.0).line(0..2, [0, i]));
    let animation = Animation::new("slope").frames((0..3).map(state));
    let names = chunks(&animation.png().expect("frames of one size"));
    assert_eq!(names.iter().filter(|name| *name == "fcTL").count(), 3);
    assert!(names.contains(&"acTL".to_string()) && names.contains(&"fdAT".to_string()));
    let other = animation.frame("3", Figure::from(Axes::new()).size(100.0, 100.0));
    assert!(other.png().unwrap_err().to_string().contains("200 by 200"));
}
