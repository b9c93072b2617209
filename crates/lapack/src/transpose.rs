//! Matrices in the other order of their elements.

use xla::Threads;

use crate::scalar::Scalar;

/// The side of the square tiles that are read and written at a time.
const TILE: usize = 8;
/// The number of columns that are read in one pass over the rows: those in one line of the cache, for numbers of 4 bytes.
const STRIP: usize = 16;

/// Writes the transpose of a row-major matrix with rows of the given length.
pub(crate) fn transpose<T: Scalar>(threads: Threads<'_>, from: &[T], len: usize, to: &mut [T]) {
    const PARALLEL: usize = 1 << 16;
    let rows = from.len() / len;
    let strips = to.chunks_mut(STRIP * rows).enumerate();
    let strip = |(i, to): (usize, &mut [T])| transpose_strip(from, len, i * STRIP, to, rows);
    if from.len() < PARALLEL { strips.for_each(strip) } else { threads.for_each(strips, strip) }
}

vectorized! {
/// Writes the columns from the given one on as rows of a length.
fn transpose_strip<'a, T: Scalar>(from: &'a [T], len: usize, first: usize, to: &'a mut [T], rows: usize) {
    let width = to.len() / rows;
    let (whole, tall) = (width - width % TILE, rows - rows % TILE);
    for row in (0..tall).step_by(TILE) {
        for column in (0..whole).step_by(TILE) {
            let tile: [&[T]; TILE] = std::array::from_fn(|r| &from[(row + r) * len + first + column..][..TILE]);
            for c in 0..TILE {
                let turned = &mut to[(column + c) * rows + row..][..TILE];
                turned.iter_mut().zip(&tile).for_each(|(to, row)| *to = row[c]);
            }
        }
    }
    let mut rest = |rows_left: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
        for column in columns {
            for row in rows_left.clone() {
                to[column * rows + row] = from[row * len + first + column];
            }
        }
    };
    rest(0..tall, whole..width);
    rest(tall..rows, 0..width);
}
}
