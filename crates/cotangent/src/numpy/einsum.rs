//! Einstein's summation convention.

use crate::array::{Array, Arrays};
use crate::error::{Error, OrRaise, Result};
use crate::ops::dot::DotGeneral;
use crate::ops::in_one_dtype;
use crate::trace::frames::bind1;

use super::logic::where_;

/// An operand or an intermediate result: the letters of its axes, and its value.
struct Term {
    labels: Vec<char>,
    value: Array,
}

/// Returns a sum of products, described by a letter for each axis: `"ij,jk->ik"` is the matrix product.
///
/// A letter that is not in the result is summed over. A letter that is named twice in an operand selects the diagonal.
/// `...` stands for any further axes, which are broadcast. Without `->`, the result has the letters that occur once, in
/// alphabetical order.
///
/// Operands are contracted in pairs, each by one `dot_general`, in the order with the fewest multiplications. Operands
/// of different dtypes are contracted from left to right.
///
/// # Panics
/// If the letters do not fit the operands, or a letter stands for two sizes.
///
/// ```
/// use cotangent::numpy as np;
/// let (a, b) = (np::ones([2, 3]), np::ones([3, 4]));
/// assert_eq!(np::einsum("ij,jk->ki", &[&a, &b]).shape(), [4, 2]);
/// assert_eq!(np::einsum("ii", &[&np::eye(3, 3)]).item::<f32>(), 3.0);
/// ```
#[track_caller]
pub fn einsum(subscripts: &str, operands: impl Arrays) -> Array {
    let (mut terms, output) = parse(subscripts, &operands.to_arrays()).map_err(|e| e.context("einsum")).or_raise();
    for term in &mut terms {
        take_diagonals(term);
    }
    for (at, other) in order(&terms, &output) {
        let (right, left) = (terms.remove(other), terms.remove(at));
        let later = |c: &char| output.contains(c) || terms.iter().any(|t| t.labels.contains(c));
        let both = contract(left, right, later, &output);
        terms.insert(at, both);
    }
    let Some(mut all) = terms.pop() else { unreachable!("`parse` returns a term for each operand") };
    sum_out(&mut all, |c| output.contains(c));
    let order: Vec<usize> = output.iter().filter_map(|c| all.labels.iter().position(|l| l == c)).collect();
    all.value.permute(&order)
}

/// The largest number of operands n for which all orders are compared. The comparison takes 3ⁿ steps.
const COMPARED: usize = 6;

/// Returns the pair that is contracted in each step. The result takes the position of the first operand of the pair.
///
/// The cost of a contraction is the product of the sizes of all its letters, and twice that if it sums. The cheapest
/// tree for each set of operands is built from the cheapest trees of its halves.
fn order(terms: &[Term], output: &[char]) -> Vec<(usize, usize)> {
    let n = terms.len();
    let alike = terms.windows(2).all(|t| t[0].value.dtype() == t[1].value.dtype());
    if !(3..=COMPARED).contains(&n) || !alike {
        return vec![(0, 1); n - 1];
    }
    let inside = |set: usize| (0..n).filter(move |i| set >> i & 1 == 1);
    let has = |set: usize, c: &char| inside(set).any(|i| terms[i].labels.contains(c));
    let (letters, sizes): (Vec<char>, Vec<f64>) = (terms.iter())
        .flat_map(|t| t.labels.iter().zip(t.value.shape()))
        .map(|(c, size)| (*c, *size as f64))
        .collect::<std::collections::BTreeMap<_, _>>()
        .into_iter()
        .unzip();
    let all = (1usize << n) - 1;
    let kept = |set: usize, c: &char| has(set, c) && (output.contains(c) || has(all ^ set, c));
    let cost = |a: usize, b: usize| -> f64 {
        let of_both = letters.iter().zip(&sizes).filter(|(c, _)| kept(a, c) || kept(b, c));
        let (sums, products) = of_both
            .fold((1.0, 1.0), |(sums, products), (c, size)| (if kept(a | b, c) { sums } else { 2.0 }, products * size));
        sums * products
    };
    let mut best = vec![(0.0, 0); all + 1];
    for set in (1..=all).filter(|set| set.count_ones() > 1) {
        let first = set & set.wrapping_neg();
        // Among equal costs, prefer contracting from left to right: the right half is then the last operand alone.
        let key = |right: usize| (right.count_ones(), usize::MAX - right);
        let halves = (1..=set).filter(|right| right & set == *right && right & first == 0);
        let costs = halves.map(|right| (best[set ^ right].0 + best[right].0 + cost(set ^ right, right), right));
        let cheapest = costs.min_by(|a, b| a.0.total_cmp(&b.0).then_with(|| key(a.1).cmp(&key(b.1))));
        best[set] = cheapest.unwrap_or_else(|| unreachable!("two operands have two halves"));
    }
    let (mut steps, mut now) = (Vec::new(), (0..n).map(|i| 1 << i).collect::<Vec<usize>>());
    contracted(all, &best, &mut now, &mut steps);
    steps
}

/// Appends the steps that contract a set of operands to one term.
fn contracted(set: usize, best: &[(f64, usize)], now: &mut Vec<usize>, steps: &mut Vec<(usize, usize)>) {
    if set.count_ones() == 1 {
        return;
    }
    let right = best[set].1;
    for half in [set ^ right, right] {
        contracted(half, best, now, steps);
    }
    let at = |half| now.iter().position(|s| *s == half).unwrap_or_else(|| unreachable!("both halves are terms"));
    let (a, b) = (at(set ^ right), at(right));
    steps.push((a.min(b), a.max(b)));
    now.remove(a.max(b));
    now[a.min(b)] = set;
}

/// Parses the letters of every operand and of the result. The axes of an ellipsis become capital letters of their own.
fn parse(subscripts: &str, operands: &[Array]) -> Result<(Vec<Term>, Vec<char>)> {
    let text: String = subscripts.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match text.split_once("->") {
        Some((inputs, output)) => (inputs.to_string(), Some(output.to_string())),
        None => (text, None),
    };
    let inputs: Vec<&str> = inputs.split(',').collect();
    if inputs.len() != operands.len() {
        return Err(Error::value(format!("`{subscripts}` names {} operands, got {}", inputs.len(), operands.len())));
    }
    let mut terms = Vec::new();
    let mut widest = 0;
    for (input, x) in inputs.iter().zip(operands) {
        let named = input.replace("...", "").chars().count();
        let extra = match input.contains("...") {
            true => x.ndim().checked_sub(named),
            false => (x.ndim() == named).then_some(0),
        };
        let Some(extra) = extra else {
            return Err(Error::shape(format!("`{input}` does not match the rank of {}", x.aval())));
        };
        widest = widest.max(extra);
        terms.push(Term { labels: expand(input, extra)?, value: x.clone() });
    }
    let all: Vec<char> = terms.iter().flat_map(|t| t.labels.iter().copied()).collect();
    let output = match output {
        Some(output) => expand(&output, widest)?,
        None => {
            let once = |c: &char| is_ellipsis(*c) || all.iter().filter(|d| *d == c).count() == 1;
            let mut letters: Vec<char> = all.iter().copied().filter(once).collect();
            letters.sort_by_key(|c| (!is_ellipsis(*c), if is_ellipsis(*c) { u32::MAX - *c as u32 } else { *c as u32 }));
            letters.dedup();
            letters
        }
    };
    for (i, c) in output.iter().enumerate() {
        if !all.contains(c) || output[..i].contains(c) {
            return Err(Error::value(format!(
                "`{c}` must appear in the operands and only once in the result of `{subscripts}`"
            )));
        }
    }
    broadcast_sizes(&mut terms)?;
    Ok((terms, output))
}

/// Returns the label of an axis of an ellipsis. These axes are numbered from the last one, so they align as in
/// broadcasting.
fn ellipsis_label(from_last: usize) -> char {
    char::from_u32(0xE000 + from_last as u32).unwrap_or('\u{E000}')
}

fn is_ellipsis(c: char) -> bool {
    ('\u{E000}'..'\u{F8FF}').contains(&c)
}

fn expand(text: &str, extra: usize) -> Result<Vec<char>> {
    let mut labels = Vec::new();
    let mut parts = text.split("...");
    let first = parts.next().unwrap_or_default();
    labels.extend(first.chars());
    if let Some(rest) = parts.next() {
        labels.extend((0..extra).rev().map(ellipsis_label));
        labels.extend(rest.chars());
    }
    match labels.iter().find(|c| !c.is_ascii_alphabetic() && !is_ellipsis(**c)) {
        Some(c) => Err(Error::value(format!("`{c}` in `{text}` is not a letter"))),
        None => Ok(labels),
    }
}

/// Checks that each letter has one size. An axis of size one is removed if another operand has a larger one.
fn broadcast_sizes(terms: &mut [Term]) -> Result<()> {
    let mut sizes: Vec<(char, usize)> = Vec::new();
    for term in terms.iter() {
        for (c, n) in term.labels.iter().zip(term.value.shape()) {
            match sizes.iter_mut().find(|(d, _)| d == c) {
                Some((_, m)) if *m == *n || *n == 1 => {}
                Some((_, m)) if *m == 1 => *m = *n,
                Some((_, m)) => return Err(Error::shape(format!("axis `{c}` has the sizes {m} and {n}"))),
                None => sizes.push((*c, *n)),
            }
        }
    }
    for term in terms {
        let size = |c: &char| sizes.iter().find(|(d, _)| d == c).map_or(1, |(_, n)| *n);
        let narrow: Vec<usize> =
            (0..term.labels.len()).filter(|i| term.value.shape()[*i] == 1 && size(&term.labels[*i]) != 1).collect();
        if !narrow.is_empty() {
            term.value = term.value.reshape(term.value.aval().shape.remove(&narrow));
            let labels = term.labels.iter().enumerate().filter(|(i, _)| !narrow.contains(i)).map(|(_, c)| *c);
            term.labels = labels.collect();
        }
    }
    Ok(())
}

/// Takes the diagonal of axes that have the same letter.
#[track_caller]
fn take_diagonals(term: &mut Term) {
    while let Some((i, j)) = twice(&term.labels) {
        let n = term.value.shape()[i];
        let shape = term.value.aval().shape;
        let row = super::creation::iota(crate::array::dtype::DType::I32, &shape, i);
        let column = super::creation::iota(crate::array::dtype::DType::I32, &shape, j);
        let zero = crate::ops::zeros((), term.value.dtype());
        let kept = where_(row.equal(column), &term.value, zero);
        term.value = kept.sum_axis(j).astype(term.value.dtype());
        debug_assert_eq!(term.value.shape()[i], n);
        term.labels.remove(j);
    }
}

fn twice(labels: &[char]) -> Option<(usize, usize)> {
    (0..labels.len()).find_map(|i| (i + 1..labels.len()).find(|j| labels[*j] == labels[i]).map(|j| (i, j)))
}

/// Sums over the axes whose letters are not kept.
#[track_caller]
fn sum_out(term: &mut Term, keep: impl Fn(&char) -> bool) {
    let gone: Vec<usize> = (0..term.labels.len()).filter(|i| !keep(&term.labels[*i])).collect();
    if !gone.is_empty() {
        term.value = term.value.sum_axis(&gone[..]).astype(term.value.dtype());
        term.labels.retain(|c| keep(c));
    }
}

/// Contracts two operands. A shared letter becomes a batch axis if it is needed later, and is contracted otherwise.
///
/// A product has the batch axes first, and the second operand's own axes last. The second operand is therefore the one
/// that has the last letter of the result. If the axes of the result must be transposed in the end, the last one then
/// keeps its position, and adjacent elements stay adjacent.
#[track_caller]
fn contract(mut left: Term, mut right: Term, later: impl Fn(&char) -> bool, output: &[char]) -> Term {
    let (own, other) = (left.labels.clone(), right.labels.clone());
    sum_out(&mut left, |c| later(c) || other.contains(c));
    sum_out(&mut right, |c| later(c) || own.contains(c));
    let shared: Vec<char> = left.labels.iter().copied().filter(|c| right.labels.contains(c)).collect();
    let free = |t: &Term| t.labels.iter().copied().filter(|c| !shared.contains(c)).collect::<Vec<_>>();
    let (of_left, of_right) = (free(&left), free(&right));
    let last = output.iter().rfind(|c| of_left.contains(c) || of_right.contains(c));
    let swapped = !of_right.is_empty() && last.is_some_and(|c| of_left.contains(c));
    let (left, right) = if swapped { (right, left) } else { (left, right) };
    let (mut kept, summed): (Vec<char>, Vec<char>) = shared.iter().copied().partition(&later);
    kept.sort_by_key(|c| output.iter().position(|o| o == c).unwrap_or(output.len()));
    let places = |t: &Term, cs: &[char]| -> Vec<usize> {
        cs.iter().filter_map(|c| t.labels.iter().position(|l| l == c)).collect()
    };
    let dot = DotGeneral::new(
        [places(&left, &summed), places(&right, &summed)],
        [places(&left, &kept), places(&right, &kept)],
    );
    let labels = kept.iter().copied().chain(free(&left)).chain(free(&right)).collect();
    let [x, y] = in_one_dtype([left.value, right.value]);
    Term { labels, value: bind1(dot, &[&x, &y]) }
}
