//! Locations: `loc(…)`.

use super::super::{LocId, Location};
use super::{Result, Text};

impl Text<'_> {
    fn new_location(&mut self, location: Location) -> LocId {
        self.locations.0.push(location);
        LocId(self.locations.0.len() as u32 - 1)
    }

    /// `loc(…)`, if it follows.
    pub(super) fn optional_location(&mut self) -> Result<Option<LocId>> {
        if self.peek() != Some(b'l') || !self.eat("loc") {
            return Ok(None);
        }
        self.expect("(")?;
        let id = self.location()?;
        self.expect(")")?;
        Ok(Some(id))
    }

    /// What is between the parentheses.
    pub(super) fn location(&mut self) -> Result<LocId> {
        self.nested(|s| s.location_inner())
    }

    fn location_inner(&mut self) -> Result<LocId> {
        match self.peek() {
            Some(b'#') => {
                self.pos += 1;
                let name = self.suffix()?;
                if let Some(&id) = self.loc_aliases.get(name) {
                    return Ok(id);
                }
                // It is defined later, or never: then it is unknown.
                let id = self.new_location(Location::Unknown);
                self.loc_aliases.insert(name, id);
                Ok(id)
            }
            Some(b'"') => {
                let at = self.pos;
                let name = self.string()?;
                let name = match std::str::from_utf8(&name) {
                    Ok(name) => name.into(),
                    Err(_) => return self.error_at(at, "a location's name that is not UTF-8"),
                };
                if self.eat("(") {
                    let child = self.location()?;
                    self.expect(")")?;
                    return Ok(self.new_location(Location::Name { name, child }));
                }
                if !self.eat(":") {
                    return Ok(self.new_location(Location::Name { name, child: LocId::UNKNOWN }));
                }
                let line = self.integer()? as u32;
                self.expect(":")?;
                let column = self.integer()? as u32;
                if self.eat("to") {
                    if self.peek() != Some(b':') {
                        self.integer()?;
                    }
                    self.expect(":")?;
                    self.integer()?;
                }
                Ok(self.new_location(Location::File { file: name, line, column }))
            }
            _ => match self.expect_word("a location")? {
                "unknown" => Ok(LocId::UNKNOWN),
                "callsite" => {
                    self.expect("(")?;
                    let callee = self.location()?;
                    self.expect("at")?;
                    let caller = self.location()?;
                    self.expect(")")?;
                    Ok(self.new_location(Location::CallSite { callee, caller }))
                }
                "fused" => {
                    if self.eat("<") {
                        self.balanced()?;
                    }
                    self.expect("[")?;
                    let mut parts = Vec::new();
                    self.list("]", |s| {
                        parts.push(s.location()?);
                        Ok(())
                    })?;
                    Ok(self.new_location(Location::Fused(parts)))
                }
                "loc" => {
                    self.expect("(")?;
                    let id = self.location()?;
                    self.expect(")")?;
                    Ok(id)
                }
                other => self.error(format!("`{other}` is not a location")),
            },
        }
    }

    /// `#name = loc(…)`, after the `=`.
    pub(super) fn define_location(&mut self, name: &[u8], at: usize) -> Result<()> {
        let first = self.locations.0.len();
        let Some(id) = self.optional_location()? else { return self.expected("`loc`") };
        let Some(&known) = self.loc_aliases.get(name) else {
            let key = &self.src[at..at + name.len()];
            self.loc_aliases.insert(key, id);
            return Ok(());
        };
        // It was used before: its number gets the meaning.
        if id == known || known.0 as usize >= first {
            return self.error_at(at, "a location that contains itself");
        }
        let value = if id.0 as usize >= first { self.locations.0[id.0 as usize].clone() } else { self.same_as(id) };
        self.locations.0[known.0 as usize] = value;
        Ok(())
    }

    /// A location that means the same as another one.
    fn same_as(&self, id: LocId) -> Location {
        if id == LocId::UNKNOWN { Location::Unknown } else { Location::Fused(vec![id]) }
    }

    /// Checks that no location contains itself.
    pub(super) fn check_locations(&self) -> Result<()> {
        let table = &self.locations.0;
        // 0: not visited, 1: on the path, 2: done.
        let mut state = vec![0u8; table.len()];
        let mut path: Vec<(usize, usize)> = Vec::new();
        for root in 0..table.len() {
            if state[root] != 0 {
                continue;
            }
            path.push((root, 0));
            while let Some((at, next)) = path.pop() {
                state[at] = 1;
                let child = match &table[at] {
                    Location::Unknown | Location::File { .. } => None,
                    Location::Name { child, .. } => (next == 0).then_some(*child),
                    Location::CallSite { callee, caller } => [*callee, *caller].get(next).copied(),
                    Location::Fused(parts) => parts.get(next).copied(),
                };
                let Some(child) = child else {
                    state[at] = 2;
                    continue;
                };
                path.push((at, next + 1));
                match state[child.0 as usize] {
                    0 => path.push((child.0 as usize, 0)),
                    1 => return self.error("a location that contains itself"),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
