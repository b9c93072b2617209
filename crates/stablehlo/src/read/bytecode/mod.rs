//! The reader of MLIR bytecode: its sections, and the portable artifacts of StableHLO in it.

mod builtin;
mod cursor;
mod ir;
mod ops;
mod table;
mod vhlo;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::ty::MAX_RANK;
use super::{Attr, Attrs, Dense, LocId, Locations, Program, ReadError, Type, Value, canon};
use cursor::Cursor;
use ops::OpName;
pub(super) use ops::{GROUPS, PLAIN, VHLO, field_name};
use table::Table;
pub(super) use vhlo::{ELEMENTS, ENUMS};

type Result<T> = std::result::Result<T, ReadError>;

/// The last version of the encoding that this reader knows.
const LAST_VERSION: u64 = 6;

pub(super) fn read(bytes: &[u8]) -> Result<Program> {
    Bytecode::new(bytes)?.program()
}

struct Bytecode<'a> {
    version: u64,
    /// The number of bytes in all, which limits what may be claimed.
    len: usize,
    strings: Vec<&'a [u8]>,
    dialects: Vec<&'a str>,
    ops: Vec<OpName>,
    /// The name of the operation that ends a function.
    function_return: Arc<str>,
    attrs: Table<'a, Attr>,
    types: Table<'a, Type>,
    /// The numbers of the locations that have been read, by attribute.
    location_ids: Vec<Option<LocId>>,
    locations: Locations,
    properties: Vec<Cursor<'a>>,
    resources: Vec<(&'a [u8], Option<Cursor<'a>>)>,
    ir: Cursor<'a>,
    depth: u32,
    /// The size of the attribute or type that is being read, with all that it holds.
    weight: u64,
    /// What has been charged for.
    charged: usize,
    /// The strings of attributes, by number of the string.
    shared: FxHashMap<u64, Arc<[u8]>>,
    /// Names, by number of the attribute.
    names: FxHashMap<u64, Arc<str>>,
    /// The attributes of operations, by operation, dictionary and properties.
    op_attributes: FxHashMap<(u32, u64, u64), Attrs>,
    /// The same of operations without a dictionary, by properties, for the first operation that has them.
    only_properties: Vec<Option<(u32, Attrs)>>,
    /// How many operations there is room for before they are read.
    room: usize,
    /// The values of the function, by their number in the bytecode.
    values: Vec<Option<Value>>,
    value_types: Vec<Type>,
    /// The number of the next value of the innermost region.
    next_value: usize,
}

impl<'a> Bytecode<'a> {
    fn new(bytes: &'a [u8]) -> Result<Bytecode<'a>> {
        let mut input = Cursor::new(bytes, 0);
        input.bytes(4)?;
        let version = input.varint()?;
        if version > LAST_VERSION {
            return input.error(format!("bytecode of version {version}; versions up to {LAST_VERSION} are read"));
        }
        input.zero_terminated()?;
        let mut sections = [None; 9];
        while !input.is_done() {
            let (id, section) = input.section()?;
            match sections.get_mut(id as usize) {
                Some(place @ None) => *place = Some(section),
                Some(Some(_)) => return input.error(format!("a second section {id}")),
                None => return input.error(format!("a section {id}, which is not known")),
            }
        }
        let need = |id: usize, name: &str| match sections[id] {
            Some(section) => Ok(section),
            None => input.error(format!("there is no section of {name}")),
        };
        let mut this = Bytecode {
            version,
            len: bytes.len(),
            strings: Vec::new(),
            dialects: Vec::new(),
            ops: Vec::new(),
            function_return: arc("func.return"),
            attrs: Table::default(),
            types: Table::default(),
            location_ids: Vec::new(),
            locations: Locations::default(),
            properties: Vec::new(),
            resources: Vec::new(),
            ir: need(4, "operations")?,
            depth: 0,
            weight: 0,
            charged: 0,
            shared: FxHashMap::default(),
            names: FxHashMap::default(),
            op_attributes: FxHashMap::default(),
            only_properties: Vec::new(),
            room: bytes.len() / 6,
            values: Vec::new(),
            value_types: Vec::new(),
            next_value: 0,
        };
        this.read_strings(need(0, "strings")?)?;
        this.read_dialects(need(1, "dialects")?)?;
        this.read_offsets(need(3, "offsets of attributes")?, need(2, "attributes")?)?;
        if let (Some(data), Some(offsets)) = (sections[5], sections[6]) {
            this.read_resources(offsets, data)?;
        }
        if let Some(section) = sections[8] {
            this.read_properties(section)?;
        }
        Ok(this)
    }

    fn read_strings(&mut self, mut section: Cursor<'a>) -> Result<()> {
        let count = section.count()?;
        let mut sizes = Vec::with_capacity(count);
        for _ in 0..count {
            sizes.push(section.varint()?);
        }
        for size in sizes.into_iter().rev() {
            let bytes = section.bytes(size)?;
            // Each string ends with a zero.
            self.strings.push(bytes.strip_suffix(b"\0").unwrap_or(bytes));
        }
        Ok(())
    }

    fn string(&self, c: &mut Cursor<'a>) -> Result<&'a [u8]> {
        let index = c.varint()?;
        self.string_at(c, index)
    }

    fn string_at(&self, c: &Cursor<'a>, index: u64) -> Result<&'a [u8]> {
        match usize::try_from(index).ok().and_then(|i| self.strings.get(i)) {
            Some(bytes) => Ok(bytes),
            None => c.error(format!("string {index} of {}", self.strings.len())),
        }
    }

    /// A string as an attribute holds it. Attributes with the same string share it.
    fn shared_string(&mut self, c: &mut Cursor<'a>) -> Result<Arc<[u8]>> {
        let index = c.varint()?;
        let bytes = self.string_at(c, index)?;
        Ok(self.shared.entry(index).or_insert_with(|| bytes.into()).clone())
    }

    /// A string attribute that is a name. Its uses share it.
    fn name(&mut self, c: &mut Cursor<'a>) -> Result<Arc<str>> {
        let index = c.varint()?;
        if let Some(known) = self.names.get(&index) {
            return Ok(known.clone());
        }
        match self.attr_at(c, index)?.as_str() {
            Some(name) => {
                let name = arc(name);
                self.names.insert(index, name.clone());
                Ok(name)
            }
            None => c.error("a name that is not a string"),
        }
    }

    /// Charges the input for text, or copies, that are made of shared parts, so that a few bytes cannot become many.
    fn charge(&mut self, c: &Cursor<'a>, size: usize) -> Result<()> {
        self.charged = self.charged.saturating_add(size);
        self.weight = self.weight.saturating_add(size as u64);
        if self.charged > 4 * self.len + 4096 || size == 0 && self.weight > self.len as u64 + 4096 {
            return c.error("parts that are repeated until they are much larger than the input");
        }
        Ok(())
    }

    fn name_at(&self, c: &Cursor<'a>, index: u64) -> Result<&'a str> {
        std::str::from_utf8(self.string_at(c, index)?).or_else(|_| c.error("a name that is not UTF-8"))
    }

    fn read_dialects(&mut self, mut section: Cursor<'a>) -> Result<()> {
        let count = section.count()?;
        for _ in 0..count {
            let (name, versioned) = if self.version >= 1 { section.flagged()? } else { (section.varint()?, false) };
            let name = self.name_at(&section, name)?;
            self.dialects.push(name);
            if versioned {
                section.section()?;
            }
        }
        if self.version >= 4 {
            section.varint()?;
        }
        while !section.is_done() {
            let dialect = self.dialect(&mut section)?;
            for _ in 0..section.count()? {
                let (name, registered) = if self.version >= 5 { section.flagged()? } else { (section.varint()?, true) };
                let name = self.name_at(&section, name)?;
                self.ops.push(OpName::new(dialect, name, registered));
            }
        }
        Ok(())
    }

    fn dialect(&self, c: &mut Cursor<'a>) -> Result<&'a str> {
        let index = c.varint()?;
        match usize::try_from(index).ok().and_then(|i| self.dialects.get(i)) {
            Some(name) => Ok(name),
            None => c.error(format!("dialect {index} of {}", self.dialects.len())),
        }
    }

    fn read_offsets(&mut self, mut offsets: Cursor<'a>, mut data: Cursor<'a>) -> Result<()> {
        let attrs = offsets.count()?;
        let types = offsets.count()?;
        let (mut attr_table, mut type_table) = (Table::default(), Table::default());
        attr_table.read(attrs, &mut offsets, &mut data, |c| self.dialect(c))?;
        type_table.read(types, &mut offsets, &mut data, |c| self.dialect(c))?;
        (self.attrs, self.types) = (attr_table, type_table);
        self.location_ids = vec![None; attrs];
        Ok(())
    }

    fn read_resources(&mut self, mut offsets: Cursor<'a>, mut data: Cursor<'a>) -> Result<()> {
        let external = offsets.count()?;
        let mut group = 0;
        while !offsets.is_done() {
            // The first groups are not of a dialect.
            if group < external {
                self.string(&mut offsets)?;
            } else {
                self.dialect(&mut offsets)?;
            }
            for _ in 0..offsets.count()? {
                let key = self.string(&mut offsets)?;
                let size = offsets.varint()?;
                let kind = offsets.byte()?;
                let mut part = data.part(size)?;
                if group >= external {
                    let blob = if kind == 0 && size > 0 { Some(Self::blob_resource(&mut part)?) } else { None };
                    self.resources.push((key, blob));
                }
            }
            group += 1;
        }
        Ok(())
    }

    fn blob_resource(part: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        let alignment = part.varint()?;
        let size = part.varint()?;
        if !alignment.is_power_of_two()
            || part.left() as u64 >= size.saturating_add(alignment)
            || (part.left() as u64) < size
        {
            return part.error("a resource whose alignment or size is wrong");
        }
        let padding = part.left() as u64 - size;
        part.bytes(padding)?;
        part.part(size)
    }

    fn read_properties(&mut self, mut section: Cursor<'a>) -> Result<()> {
        let count = section.count()?;
        for _ in 0..count {
            let size = section.varint()?;
            self.properties.push(section.part(size)?);
        }
        self.only_properties = vec![None; self.properties.len()];
        Ok(())
    }

    /// Runs `f` one level deeper.
    fn nested<T>(&mut self, c: &Cursor<'a>, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == super::text::MAX_DEPTH {
            return c.error(format!("nested more than {} levels deep", super::text::MAX_DEPTH));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    /// Elements as MLIR stores them.
    fn dense(&self, c: &Cursor<'a>, ty: &Type, data: &[u8]) -> Result<Attr> {
        match ty {
            Type::Tensor(ty) => canon::dense(ty, data.to_vec()).or_else(|e| c.error(e)),
            _ => c.error(format!("the elements of {ty}, which is not a tensor")),
        }
    }
}

/// The one-dimensional integers or booleans of a tensor, as the dense array that StableHLO has in their place.
fn as_array(attr: Attr) -> Attr {
    let Attr::Dense(dense) = &attr else { return attr };
    let Dense { ty, splat, .. } = &**dense;
    if *splat && ty.len().is_none_or(|n| n > MAX_RANK) {
        return attr;
    }
    match (&ty.dims[..], &ty.element) {
        ([_], super::Element::I64) => dense.ints().map_or(attr, |v| Attr::Ints(v.into())),
        ([_], super::Element::Bool) => match dense.ints() {
            Some(v) => Attr::Bools(v.into_iter().map(|b| b != 0).collect()),
            None => attr,
        },
        _ => attr,
    }
}

fn arc(text: impl AsRef<str>) -> Arc<str> {
    Arc::from(text.as_ref())
}
