//! Every message of the library has a code, every code has a page, and every page quotes a message of its code.
//!
//! The messages are read from the sources: the format strings of the places that make errors.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../src/error/codes.rs"]
mod codes;

/// Files whose errors bring a message from elsewhere, and from where.
const BROUGHT: &[(&str, &str)] = &[
    ("error/mod.rs", "the constructors"),
    ("checkify/mod.rs", "the user's message of a failed check"),
    ("interop/ndarray.rs", "ndarray's message"),
    ("runtime/client.rs", "the messages of `xla`, see `WRITTEN`"),
];
/// Files of other crates that write messages, which become errors of a kind.
const WRITTEN: &[(&str, &str)] = &[
    ("crates/xla/src/error.rs", "Runtime"),
    ("crates/xla/src/cuda/error.rs", "Runtime"),
    ("crates/xla/src/memory.rs", "Runtime"),
    ("crates/coordination/src/error.rs", "Process"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(&inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
                files.push((name, code(&fs::read_to_string(&path).unwrap())));
            }
        }
    }
    files.sort();
    files
}

/// Returns the text without comments and unit tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let lines = text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the string literals of a text.
fn strings(text: &str) -> Vec<String> {
    expression(text, '\0').1
}

/// Returns the text up to `end` outside brackets and strings, and the string literals in it.
fn expression(text: &str, end: char) -> (&str, Vec<String>) {
    let (mut depth, mut literals) = (0, Vec::new());
    let mut chars = text.char_indices().peekable();
    let mut previous = ' ';
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => {
                let mut literal = String::new();
                while let Some((_, c)) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => match chars.next() {
                            // A line that goes on after the indentation of the next.
                            Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                            Some((_, 'n')) => literal.push('\n'),
                            Some((_, c)) => literal.push(c),
                            None => {}
                        },
                        c => literal.push(c),
                    }
                }
                literals.push(literal);
            }
            // A character literal, not a lifetime.
            '\'' if previous != '&' && text[i + 1..].chars().nth(1) == Some('\'') => {
                chars.next();
                chars.next();
            }
            c if c == end && depth == 0 => return (&text[..i], literals),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        previous = c;
    }
    (text, literals)
}

/// A format string with `{}` for everything that is filled in.
fn holes(literal: &str) -> String {
    let mut parts = literal.split('{');
    let mut text = parts.next().unwrap().to_string();
    for part in parts {
        text += "{}";
        text += part.split_once('}').map_or(part, |(_, rest)| rest);
    }
    text
}

/// A message of the library.
#[derive(Debug)]
struct Message {
    /// The digits that stand for its kind.
    number: &'static str,
    /// Its text, with holes.
    text: String,
    /// Where it is made.
    place: String,
    /// Whether it is only the end of a message, or one of several beginnings.
    part: bool,
}

/// The digits of a kind in codes.
fn number(kind: &str) -> &'static str {
    match kind {
        "Shape" => "E01",
        "DType" => "E02",
        "Axis" => "E03",
        "Trace" => "E04",
        "Transform" => "E05",
        "Structure" => "E06",
        "Runtime" => "E07",
        "Device" => "E08",
        "Process" => "E09",
        "Panic" => "E10",
        "Value" => "E11",
        _ => panic!("errors of the kind {kind} have no number"),
    }
}

/// Whether a literal is a sentence, and not a name or a piece of one.
fn is_sentence(literal: &str) -> bool {
    literal.matches(' ').count() > 3
}

/// Returns the format strings that `name`, a variable at the end of `before`, may stand for: those of its definition,
/// or, if it is a parameter, of the calls of its function, in the file of a closure or the room of a function.
fn named(name: &str, before: &str, file: &str, room: &[&str]) -> Vec<String> {
    let start = |words: &[String]| words.iter().filter_map(|w| Some((before.rfind(w.as_str())?, w.len()))).max();
    let variable = start(&["let", "let mut"].map(|word| format!("{word} {name} =")));
    let parameter = start(&["String", "&str", "impl Into<String>"].map(|ty| format!("{name}: {ty}")));
    if variable > parameter {
        let (i, n) = variable.unwrap();
        return expression(&before[i + n..], ';').1.into_iter().filter(|l| is_sentence(l)).collect();
    }
    let Some((i, _)) = parameter else { return Vec::new() };
    let (closure, function) = (before[..i].rfind("let "), before[..i].rfind("fn "));
    let is_closure = closure > function;
    let (head, files) = match is_closure {
        true => (&before[closure.unwrap() + 4..], &[file][..]),
        false => (&before[function.unwrap() + 3..], room),
    };
    let function: String = head.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let (opening, other) = (format!("{function}("), format!("let {function} = "));
    let mut found = Vec::new();
    for file in files.iter().filter(|file| is_closure || !file.contains(&other)) {
        for (i, _) in file.match_indices(&opening).filter(|(i, _)| !file[..*i].ends_with("fn ")) {
            let (inside, literals) = expression(&file[i + opening.len()..], ')');
            match literals.into_iter().next() {
                Some(literal) => found.extend(Some(literal).filter(|l| l.contains(' '))),
                None => found.extend(named(inside, &file[..i], file, &[])),
            }
        }
    }
    found
}

fn messages() -> Vec<Message> {
    let sources = sources(&root().join("crates/cotangent/src"));
    let mut found = Vec::new();
    for (name, text) in &sources {
        let folder = name.split('/').next().unwrap();
        let room: Vec<&str> =
            sources.iter().filter(|s| s.0.split('/').next() == Some(folder)).map(|s| s.1.as_str()).collect();
        for (constructor, kind) in [("shape", "Shape"), ("dtype", "DType"), ("value", "Value"), ("new", "")] {
            let opening = format!("Error::{constructor}(");
            for (i, _) in text.match_indices(&opening).filter(|(i, _)| !text[..*i].ends_with("io::")) {
                let (inside, literals) = expression(&text[i + opening.len()..], ')');
                let place = format!("{name}:{}", text[..i].matches('\n').count() + 1);
                let kind = match inside.split_once("ErrorKind::") {
                    Some((_, rest)) => rest.split(|c: char| !c.is_alphanumeric()).next().unwrap(),
                    None => kind,
                };
                let before = &text[..i + opening.len() + inside.len()];
                let texts = match literals.into_iter().next() {
                    Some(_) if kind.is_empty() => Vec::new(),
                    // The end of the message is that of another place.
                    Some(literal) => match literal.strip_suffix("{message}") {
                        Some(start) => {
                            named("message", before, text, &room).iter().map(|m| format!("{start}{m}")).collect()
                        }
                        None => vec![literal],
                    },
                    None => {
                        let name = inside.rsplit(',').map(str::trim).find(|part| !part.is_empty()).unwrap_or_default();
                        named(name, before, text, &room)
                    }
                };
                let brought = BROUGHT.iter().any(|b| b.0 == name);
                assert!(brought || !texts.is_empty(), "{place}: what are the messages of this error? {inside}");
                for text in texts {
                    // The demand is a field or a parameter of its own.
                    let demands = match text.contains("{must}") {
                        true => room.iter().flat_map(|file| strings(file)).filter(|l| l.starts_with("must ")).collect(),
                        false => vec![String::new()],
                    };
                    for demand in demands {
                        let text = holes(&text.replace("{must}", &demand));
                        found.push(Message { number: number(kind), text, place: place.clone(), part: false });
                    }
                }
            }
        }
    }
    for (file, kind) in WRITTEN {
        let text = code(&fs::read_to_string(root().join(file)).unwrap());
        let text = &text[text.find("fmt::Display for").unwrap()..];
        // The arms of each variant; the first sentence of an arm begins a message.
        for arm in text.split("Error::").filter(|arm| !arm.starts_with("Display")) {
            let sentences = strings(&arm[arm.find("write").unwrap_or(arm.len())..]);
            let sentences = sentences.into_iter().filter(|l| l.matches(' ').count() > 2);
            for (i, text) in sentences.enumerate() {
                found.push(Message { number: number(kind), text: holes(&text), place: file.to_string(), part: i > 0 });
            }
        }
    }
    found
}

/// Returns the codes that a message may have: those of its sentences with the most letters.
fn candidates(message: &Message) -> BTreeMap<&'static str, usize> {
    let mut found = BTreeMap::new();
    for (code, sentences) in codes::CODES.iter().filter(|(code, _)| code.starts_with(message.number)) {
        let like = sentences.iter().filter(|s| codes::is_like(&message.text, s)).map(|s| codes::letters(s)).max();
        found.extend(like.map(|n| (*code, n)));
    }
    let most = found.values().copied().max();
    found.retain(|_, n| Some(*n) == most);
    found
}

#[test]
fn every_message_has_one_code() {
    let mut wrong = Vec::new();
    for message in messages() {
        match candidates(&message).len() {
            1 => {}
            0 if message.part => {}
            _ => wrong.push(format!("{}: {:?}: {:?}", message.place, message.text, candidates(&message).keys())),
        }
    }
    assert!(wrong.is_empty(), "messages without a code or with several (src/error/codes.rs):\n{}", wrong.join("\n"));
}

#[test]
fn every_sentence_is_that_of_a_message() {
    let messages = messages();
    let mut idle = Vec::new();
    for (code, sentences) in codes::CODES {
        for sentence in *sentences {
            let of_code = messages.iter().filter(|m| code.starts_with(m.number) && codes::is_like(&m.text, sentence));
            if !of_code.into_iter().any(|m| candidates(m).contains_key(code)) {
                idle.push(format!("{code}: {sentence:?}"));
            }
        }
    }
    assert!(idle.is_empty(), "sentences that no message has (src/error/codes.rs):\n{}", idle.join("\n"));
}

#[test]
fn codes_ascend() {
    assert!(codes::CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

/// The pages, in the order of the kinds, without their extension.
const PAGES: &[&str] = &[
    "shapes",
    "dtypes",
    "axes",
    "traces",
    "transforms",
    "trees",
    "runtime",
    "devices",
    "processes",
    "panics",
    "values",
];
/// Kinds whose mistakes are those of the machine or of another process: their pages need no examples.
const OUTSIDE: &[&str] = &["E07", "E09"];
/// Codes of mistakes that only an extension or a GPU can make.
const RARE: &[&str] = &["E0407", "E0506", "E0515", "E0611", "E1123", "E1124"];

fn page(name: &str) -> String {
    let path = root().join("docs/book/src/errors").join(name).with_extension("md");
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The sections of a page: code, title, text.
fn sections(page: &str) -> Vec<(&str, &str, &str)> {
    let parts = page.split("\n## ").skip(1);
    let parts = parts.map(|part| part.split_once('\n').unwrap_or_else(|| panic!("a section of one line: {part}")));
    parts
        .map(|(head, text)| {
            let (code, title) = head.split_once(": ").unwrap();
            (code, title, text)
        })
        .collect()
}

/// The insides of the fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    blocks.filter(|(name, _)| name.split(',').next() == Some(language)).map(|(_, block)| block.trim_end()).collect()
}

#[test]
fn every_code_has_a_section_and_every_section_a_code() {
    let pages: Vec<String> = PAGES.iter().map(|name| page(name)).collect();
    let explained: Vec<&str> = pages.iter().flat_map(|page| sections(page)).map(|section| section.0).collect();
    let codes: Vec<&str> = codes::CODES.iter().map(|code| code.0).collect();
    assert_eq!(explained, codes);
    for page in &pages {
        let kinds: BTreeSet<&str> = sections(page).iter().map(|section| &section.0[..3]).collect();
        assert_eq!(kinds.len(), 1, "a page is about one kind");
    }
}

#[test]
fn sections_quote_a_message_of_their_code() {
    for name in PAGES {
        for (code, _, text) in sections(&page(name)) {
            let messages = blocks(text, "text");
            let [message] = messages[..] else { panic!("{code}: a section quotes one message") };
            assert_eq!(codes::code(&code[..3], message), Some(code), "{message}");
            assert!(message.ends_with(&format!("\n  more: cotangent explain {code}")), "{message}");
            let examples = blocks(text, "rust");
            // The faulty example contains the message that it must produce.
            let first = message.lines().next().unwrap();
            let proven = examples.iter().any(|example| example.contains(first));
            match examples.iter().any(|example| example.contains("catch_unwind")) {
                true => assert!(proven, "{code}: the example does not assert the message\n{first}"),
                false => {
                    assert!(OUTSIDE.contains(&&code[..3]) || RARE.contains(&code) || !examples.is_empty(), "{code}")
                }
            }
            for line in examples.iter().flat_map(|example| example.lines()).filter(|line| !line.starts_with("# ")) {
                assert!(line.chars().count() <= 96, "{code}: too wide for a terminal: {line}");
            }
        }
    }
}

/// The part of a link that leads to a heading, as mdBook derives it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// The page of the book that lists all codes.
fn index() -> String {
    let mut text = String::from(
        "# Error messages\n\nThe messages of the library end with a code. It stands for a kind of mistake, whichever \
         function reports it.\n`cotangent explain E0101` prints the section about it; these are the same sections. \
         Mistakes that the compiler\nfinds have [a page of their own](compile-time.md).\n",
    );
    for name in PAGES {
        let page = page(name);
        let (title, rest) = page.strip_prefix("# ").unwrap().split_once('\n').unwrap();
        let intro = rest.split("\n## ").next().unwrap().trim();
        text += &format!("\n## [{title}]({name}.md)\n\n{intro}\n\n| code | mistake |\n|---|---|\n");
        for (code, title, _) in sections(&page) {
            let link = anchor(&format!("{code}: {title}"));
            text += &format!("| [{code}]({name}.md#{link}) | {title} |\n");
        }
    }
    text
}

/// `COTANGENT_BLESS=1` rewrites the list.
#[test]
fn the_list_is_that_of_the_pages() {
    let path = root().join("docs/book/src/errors/index.md");
    if std::env::var_os("COTANGENT_BLESS").is_some() {
        fs::write(&path, index()).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == index(), "{} is not up to date: run with COTANGENT_BLESS=1", path.display());
}

/// The page on mistakes that the compiler finds takes its code and its messages from the cases of `tests/ui`.
#[test]
fn the_compiler_says_what_the_page_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/errors");
    let (mut cases, mut said) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let case = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        match path.extension().unwrap().to_str().unwrap() {
            "rs" => cases.extend(text.lines().map(|line| line.trim().to_string())),
            _ => said.extend(text.replace(&format!("{case}::"), "").lines().map(|line| line.trim().to_string())),
        }
    }
    let page = fs::read_to_string(root().join("docs/book/src/errors/compile-time.md")).unwrap();
    let sections: Vec<&str> = page.split("\n## ").skip(1).collect();
    assert!(sections.len() >= 12);
    for section in sections {
        let title = section.lines().next().unwrap();
        assert_eq!(blocks(section, "rust").len(), 2, "{title}: the mistake, and what to write instead");
        let faulty = blocks(section, "rust")[0];
        for line in faulty.lines().map(|line| line.trim_start_matches("# ").trim()) {
            assert!(cases.contains(line), "{title}: no case has the line {line}");
        }
        for line in blocks(section, "text").iter().flat_map(|block| block.lines()) {
            let line = line.trim();
            // The compiler names a closure by its place.
            let words = line.replace("{closure}", "{}");
            assert!(said.iter().any(|text| codes::is_like(text, &words)), "{title}: the compiler does not say {line}");
        }
    }
}
