//! Drawing how an array is laid out over devices, in text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::named::{NamedSharding, Part};
use crate::error::{Error, Result};

/// The width of the widest drawing, in columns.
const WIDTH: usize = 80;

/// Draws the layout of an array of one or two dimensions: a rectangle for each part, with the devices that hold it.
pub(crate) fn draw(sharding: &NamedSharding, shape: &[usize]) -> Result<String> {
    if !(1..=2).contains(&shape.len()) {
        return Err(Error::shape(format!("only arrays of one or two dimensions are drawn, not of shape {shape:?}")));
    }
    let mut holders: BTreeMap<Vec<(usize, usize)>, Vec<String>> = BTreeMap::new();
    for (part, device) in sharding.part_of_each(shape)?.into_iter().zip(sharding.mesh().devices()) {
        let key = |part: Part| part.into_iter().map(|range| (range.start, range.end)).collect();
        holders.entry(key(part)).or_default().push(device.id().to_string());
    }
    let platform = sharding.mesh().devices()[0].to_string();
    let platform = platform.split(':').next().unwrap_or_default().to_uppercase();
    // A list of parts along the last dimension for each part of the first; a vector is one row.
    let mut rows: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    for (part, devices) in holders {
        let row = if part.len() == 2 { part[0] } else { (0, 1) };
        rows.entry(row).or_default().push(format!("{platform} {}", devices.join(",")));
    }
    let columns = rows.values().map(Vec::len).max().unwrap_or(1);
    let widest = rows.values().flatten().map(|label| label.chars().count()).max().unwrap_or(0) + 2;
    let even = (WIDTH - 1) / columns - 1;
    let cell = widest.max(if shape.len() == 2 { even.min(2 * widest) } else { widest });
    let line = |left: char, middle: char, right: char| {
        let dashes = "─".repeat(cell);
        let parts: Vec<&str> = (0..columns).map(|_| dashes.as_str()).collect();
        format!("{left}{}{right}\n", parts.join(&middle.to_string()))
    };
    let mut out = line('┌', '┬', '┐');
    for (i, labels) in rows.values().enumerate() {
        if i > 0 {
            out.push_str(&line('├', '┼', '┤'));
        }
        for label in labels {
            let space = cell - label.chars().count();
            let _ = write!(out, "│{}{label}{}", " ".repeat(space / 2), " ".repeat(space - space / 2));
        }
        out.push_str("│\n");
    }
    out.push_str(&line('└', '┴', '┘'));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::device::Device;
    use crate::{Mesh, P};

    fn sharding(spec: crate::PartitionSpec) -> NamedSharding {
        let devices: Vec<Device> = (0..4).map(Device::cpu).collect();
        NamedSharding::new(&Mesh::new(&devices, [("x", 2), ("y", 2)]), spec)
    }

    #[test]
    fn four_parts_and_copies() {
        let drawn = draw(&sharding(P!("x", "y")), &[4, 4]).unwrap();
        let expected = "\
┌──────────────┬──────────────┐
│    CPU 0     │    CPU 1     │
├──────────────┼──────────────┤
│    CPU 2     │    CPU 3     │
└──────────────┴──────────────┘
";
        assert_eq!(drawn, expected);
        let rows = draw(&sharding(P!("x")), &[4]).unwrap();
        assert!(rows.contains("CPU 0,1 │ CPU 2,3"), "{rows}");
        assert!(draw(&sharding(P!()), &[2, 2, 2]).is_err());
    }
}
