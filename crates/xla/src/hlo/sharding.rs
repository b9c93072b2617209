//! How the partitioner laid the parameters and results of a program out over its devices.

use super::proto;

/// An array cut into tiles, of which each device of a program holds one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tiling {
    /// The number of tiles along each dimension. Empty if every device holds the whole array.
    pub tiles: Vec<usize>,
    /// For each device, in the order of the program's partitions, the index of its tile along each dimension. Empty if
    /// every device holds the whole array.
    pub places: Vec<Vec<usize>>,
}

/// The kinds of a sharding, in XLA's numbers.
const REPLICATED: i32 = 0;
const TUPLE: i32 = 2;
const OTHER: i32 = 3;

/// The tilings of a list of values, of which there are `count`. `None` for a value whose sharding is not a tiling.
pub(super) fn tilings(sharding: &proto::Sharding, count: usize) -> Vec<Option<Tiling>> {
    match sharding.kind {
        TUPLE => sharding.tuple.iter().map(tiling).collect(),
        _ => vec![tiling(sharding); count],
    }
}

pub(super) fn tiling(sharding: &proto::Sharding) -> Option<Tiling> {
    match sharding.kind {
        REPLICATED => Some(Tiling::default()),
        OTHER => tiled(sharding),
        _ => None,
    }
}

fn tiled(sharding: &proto::Sharding) -> Option<Tiling> {
    // Each of the last dimensions lists devices that hold the same tile.
    let copies = if sharding.replicate_on_last_tile_dim { 1 } else { sharding.last_tile_dims.len() };
    if sharding.last_tile_dims.iter().any(|kind| *kind != REPLICATED) {
        return None;
    }
    let sizes: Vec<usize> = sharding.tile_dims.iter().map(|n| usize::try_from(*n).ok()).collect::<Option<_>>()?;
    let rank = sizes.len().checked_sub(copies)?;
    let devices = match sharding.tile_devices.as_slice() {
        [] => iota(&sharding.iota_dims, &sharding.iota_perm)?,
        listed => listed.iter().map(|n| usize::try_from(*n).ok()).collect::<Option<_>>()?,
    };
    let total: usize = sizes.iter().product();
    if devices.len() != total {
        return None;
    }
    let mut places = vec![Vec::new(); total];
    for (position, device) in devices.into_iter().enumerate() {
        let mut rest = position;
        let mut place: Vec<usize> = (sizes.iter().rev())
            .map(|n| {
                let index = rest % n;
                rest /= n;
                index
            })
            .collect();
        place.reverse();
        place.truncate(rank);
        *places.get_mut(device)? = place;
    }
    Some(Tiling { tiles: sizes[..rank].to_vec(), places })
}

/// The numbers from 0, arranged in `dims`, transposed by `perm`, and listed in order.
fn iota(dims: &[i64], perm: &[i32]) -> Option<Vec<usize>> {
    let dims: Vec<usize> = dims.iter().map(|n| usize::try_from(*n).ok()).collect::<Option<_>>()?;
    let perm: Vec<usize> = match perm {
        [] => (0..dims.len()).collect(),
        _ => perm.iter().map(|n| usize::try_from(*n).ok()).collect::<Option<_>>()?,
    };
    let mut strides = vec![1; dims.len()];
    for i in (1..dims.len()).rev() {
        strides[i - 1] = strides[i] * dims[i];
    }
    let mut numbers = vec![0];
    for axis in perm {
        let (size, stride) = (*dims.get(axis)?, *strides.get(axis)?);
        numbers = numbers.into_iter().flat_map(|n| (0..size).map(move |i| n + i * stride)).collect();
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sharding(tile_dims: &[i64], iota_dims: &[i64], iota_perm: &[i32], copies: bool) -> proto::Sharding {
        proto::Sharding {
            kind: OTHER,
            tile_dims: tile_dims.to_vec(),
            iota_dims: iota_dims.to_vec(),
            iota_perm: iota_perm.to_vec(),
            replicate_on_last_tile_dim: copies,
            ..Default::default()
        }
    }

    #[test]
    fn tiles_in_order() {
        let tiling = tiling(&sharding(&[2, 2], &[4], &[0], false)).unwrap();
        assert_eq!(tiling.tiles, [2, 2]);
        assert_eq!(tiling.places, [[0, 0], [0, 1], [1, 0], [1, 1]]);
    }

    #[test]
    fn transposed_tiles_and_copies() {
        // devices=[4,2]<=[2,4]T(1,0): device 4 x + y holds the tile (y, x).
        let transposed = tiling(&sharding(&[4, 2], &[2, 4], &[1, 0], false)).unwrap();
        assert_eq!(transposed.places[5], [1, 1]);
        assert_eq!(transposed.places[2], [2, 0]);
        // devices=[2,1,4]<=[8] last_tile_dim_replicate: the first four devices hold the first tile.
        let copied = tiling(&sharding(&[2, 1, 4], &[8], &[0], true)).unwrap();
        assert_eq!(copied.tiles, [2, 1]);
        assert_eq!((&copied.places[3], &copied.places[4]), (&vec![0, 0], &vec![1, 0]));
    }

    #[test]
    fn others_are_no_tilings() {
        assert_eq!(tiling(&proto::Sharding { kind: 1, ..Default::default() }), None);
        assert_eq!(tiling(&proto::Sharding { kind: REPLICATED, ..Default::default() }), Some(Tiling::default()));
    }
}
