//! The containers of a tree, as the walk over its paths finds them.

use super::Paths;

/// What a walk over a tree does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Enters a part: `.name` or `[index]`.
    Into(String),
    /// Leaves the part.
    Out,
    Leaf,
    Is(Container),
}

/// A kind of value that its parts do not determine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Tuple,
    List,
    Map,
    /// Keys of the implementation of this name. Their words are the one leaf.
    Key(&'static str),
}

/// A tree, with the numbers of its leaves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TreeDef {
    Leaf(usize),
    /// Keys of the implementation of this name.
    Key(usize, &'static str),
    /// Nothing: an option without a value, or a value without arrays.
    None,
    Tuple(Vec<TreeDef>),
    List(Vec<TreeDef>),
    /// The fields of a struct or the entries of a map, in Rust's order.
    Map(Vec<(String, TreeDef)>),
}

impl Paths {
    pub(crate) fn treedef(&self) -> TreeDef {
        treedef(&mut self.steps.iter(), &mut 0)
    }
}

/// Reads the steps up to the end of the current node. `next` is the number of the next leaf.
fn treedef<'a>(steps: &mut impl Iterator<Item = &'a Step>, next: &mut usize) -> TreeDef {
    let (mut parts, mut fields, mut container) = (Vec::new(), false, None);
    while let Some(step) = steps.next() {
        match step {
            Step::Into(segment) => {
                let field = segment.strip_prefix('.');
                fields |= field.is_some();
                let name = field.unwrap_or_else(|| segment.trim_start_matches('[').trim_end_matches(']'));
                parts.push((Some(name.to_string()), treedef(steps, next)));
            }
            Step::Out => break,
            Step::Leaf => {
                parts.push((None, TreeDef::Leaf(*next)));
                *next += 1;
            }
            Step::Is(kind) => container = Some(*kind),
        }
    }
    let all = |parts: Vec<(Option<String>, TreeDef)>| parts.into_iter().map(|(_, part)| part).collect();
    match (container, &parts[..]) {
        (Some(Container::Key(implementation)), [(_, TreeDef::Leaf(i))]) => TreeDef::Key(*i, implementation),
        (None, [(None, leaf)]) => leaf.clone(),
        (None, []) => TreeDef::None,
        (Some(Container::List), _) => TreeDef::List(all(parts)),
        (Some(Container::Map), _) => TreeDef::Map(named(parts)),
        (None, _) if fields => TreeDef::Map(named(parts)),
        _ => TreeDef::Tuple(all(parts)),
    }
}

fn named(parts: Vec<(Option<String>, TreeDef)>) -> Vec<(String, TreeDef)> {
    parts.into_iter().map(|(name, part)| (name.unwrap_or_default(), part)).collect()
}

#[cfg(test)]
mod tests {
    use super::TreeDef::{Key, Leaf, List, Map, Tuple};
    use super::*;
    use crate::array::Array;
    use crate::tree::{Tree, walked};
    use std::collections::BTreeMap;

    fn of(tree: &impl Tree) -> TreeDef {
        walked(|path| tree.paths(path)).treedef()
    }

    #[test]
    fn containers_are_told_apart() {
        let x = || Array::from(1.0);
        assert_eq!(of(&x()), Leaf(0));
        assert_eq!(of(&(x(), vec![x()], Some(Box::new(x())))), Tuple(vec![Leaf(0), List(vec![Leaf(1)]), Leaf(2)]));
        assert_eq!(of(&((), 2.0f32, None::<Array>)), Tuple(vec![Tuple(vec![]), TreeDef::None, TreeDef::None]));
        assert_eq!(of(&Vec::<Array>::new()), List(vec![]));
        assert_eq!(of(&[x(), x()]), Tuple(vec![Leaf(0), Leaf(1)]));
        let map = BTreeMap::from([(7, x()), (10, x())]);
        assert_eq!(of(&map), Map(vec![("7".to_string(), Leaf(0)), ("10".to_string(), Leaf(1))]));
        assert_eq!(of(&BTreeMap::<String, Array>::new()), Map(vec![]));
        assert_eq!(of(&(crate::random::key(0), x())), Tuple(vec![Key(0, "threefry2x32"), Leaf(1)]));
    }
}
