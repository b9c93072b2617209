//! The page for a browser, and pictures on the terminal. `report.py` looks at the page in a browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs the first demo in an empty directory.
fn run(name: &str, args: &[&str]) -> (PathBuf, Output) {
    run_demo("optimized-learning", name, args)
}

/// Runs a demo in an empty directory.
fn run_demo(demo: &str, name: &str, args: &[&str]) -> (PathBuf, Output) {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cotangent"));
    command.args(["demo", "run", demo]).args(args).current_dir(&dir);
    (dir, command.output().expect("the binary runs"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn the_page_is_one_file_with_all_that_it_needs() {
    let (dir, output) = run("report", &["--html"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let file = Path::new("out").join("optimized-learning.html");
    assert!(text(&output.stdout).contains(file.to_str().expect("UTF-8")), "the terminal names the file");
    // The pictures are in the page and nowhere else.
    assert_eq!(std::fs::read_dir(dir.join("out")).expect("the directory").count(), 1);
    let page = std::fs::read_to_string(dir.join(file)).expect("the page");
    for part in [
        "<h1>Optimized learning</h1>",
        "<h2 id=\"h1\">The derivative of a function is a function</h2>",
        "<span class=\"k\">let</span> dpolynomial = <span class=\"f\">grad</span>(polynomial);",
        "<dt>z.shape()</dt><dd>[300, 300]</dd>",
        "<figure class=\"picture\" id=\"surface\">",
        "<input type=\"range\"",
        "prefers-color-scheme: dark",
        "@media print",
    ] {
        assert!(page.contains(part), "the page does not have {part}");
    }
    assert!(!page.contains("nb.value"), "the page shows the notebook's own calls");
    // Nothing is loaded: the only addresses are names and links that a reader may follow.
    for attribute in ["src=\"", "@import", "url(http", "<link rel=\"stylesheet\""] {
        assert!(!page.contains(attribute), "the page loads something: {attribute}");
    }
    // Names are unique, although every picture is there for wide and for narrow screens.
    let mut names: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "an id comes twice");
    let grid = page.split("class=\"grid\">").nth(1).and_then(|rest| rest.split("</script>").next()).expect("a grid");
    let grid: serde_json::Value = serde_json::from_str(grid).expect("the grid is JSON");
    let lengths = |name: &str| grid[name].as_array().expect("a list").len();
    assert_eq!(lengths("z"), lengths("x") * lengths("y"));
}

#[test]
fn a_page_and_json_go_together_and_a_bad_place_is_named() {
    let (dir, output) = run("report-json", &["--json", "--html", "page.html"]);
    assert!(output.status.success());
    assert!(
        text(&output.stdout).lines().all(|line| line.starts_with('{')),
        "standard output has JSON and nothing else"
    );
    assert!(dir.join("page.html").exists());
    let (_, output) = run("report-bad", &["--html", "/dev/null/page.html"]);
    let complaint = text(&output.stderr);
    assert!(complaint.contains("--html") && complaint.contains("/dev/null/page.html"), "{complaint}");
    assert!(output.stdout.is_empty(), "it is found out before anything is computed");
}

#[test]
fn parameters_that_a_reader_chooses_have_sliders() {
    for (demo, sliders) in [
        ("neural-networks-from-scratch", &[("slope", 13), ("intercept", 14)][..]),
        ("gradient-optimization", &[("walks", 21)]),
        ("logistic-regression", &[("over_w", 13), ("over_b", 17)]),
    ] {
        let (dir, output) = run_demo(demo, &format!("sliders-{demo}"), &["--html", "page.html", "--out", "pictures"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let page = std::fs::read_to_string(dir.join("page.html")).expect("the page");
        for (id, states) in sliders {
            let figure = page.split(&format!("<figure class=\"picture states\" id=\"{id}\"")).nth(1);
            let figure = figure.and_then(|rest| rest.split("</figure>").next()).expect("the picture");
            let values: Vec<_> =
                figure.split("data-value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            assert_eq!(values.len(), *states, "{id}: {values:?}");
            assert!(values.windows(2).all(|pair| pair[0] != pair[1]), "{id}: {values:?}");
            // The file for other programs moves.
            let png = std::fs::read(dir.join(format!("pictures/{id}.png"))).expect("the file");
            assert!(png.windows(4).any(|chunk| chunk == b"acTL"), "{id}.png has one frame");
        }
    }
}

#[test]
fn terminals_that_can_show_pictures_do() {
    for (how, sign) in [("kitty", "\x1b_Ga=T,f=100"), ("sixel", "\x1bPq\"1;1;")] {
        let (_, output) = run(how, &["--inline", how, "--out", "pictures"]);
        let page = text(&output.stdout);
        assert_eq!(page.matches(sign).count(), 5, "one for each picture");
        assert!(page.contains("pictures/surface.png"), "the file is named as well");
    }
    // A pipe is no terminal.
    let (_, output) = run("plain", &["--out", "pictures"]);
    assert!(!text(&output.stdout).contains('\x1b'));
}
