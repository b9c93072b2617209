//! The attribute `#[tree(…)]`: what it may contain, and where.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Path, Result, parse_quote};

/// The errors found so far. They are reported together.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn finish(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Calls `logic` on each entry of each `#[tree(…)]`.
fn each(attrs: &[Attribute], errors: &mut Errors, mut logic: impl FnMut(&ParseNestedMeta<'_>) -> Result<()>) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("tree")) {
        let mut empty = true;
        let parsed = attr.meta.require_list().and_then(|_| {
            attr.parse_nested_meta(|meta| {
                empty = false;
                logic(&meta)
            })
        });
        match parsed {
            Err(_) if attr.meta.require_list().is_err() => errors.push(Error::new_spanned(
                attr,
                "write `#[tree(static)]` on a field, or `#[tree(crate = \"…\")]` on the type",
            )),
            Err(error) => errors.push(error),
            Ok(()) if empty => errors.push(Error::new_spanned(
                attr,
                "an empty `#[tree()]` has no effect: write `#[tree(static)]` on a field without arrays",
            )),
            Ok(()) => {}
        }
    }
}

fn name(meta: &ParseNestedMeta<'_>) -> String {
    let segments: Vec<_> = meta.path.segments.iter().map(|s| s.ident.to_string()).collect();
    segments.join("::")
}

/// Returns the path of the library: `::cotangent`, or the path in `#[tree(crate = "…")]` on the type.
pub(crate) fn crate_path(attrs: &[Attribute], errors: &mut Errors) -> Path {
    let mut path = None;
    each(attrs, errors, |meta| {
        if meta.path.is_ident("crate") {
            if path.is_some() {
                return Err(meta.error("`crate` is given twice"));
            }
            let text: syn::LitStr = meta.value()?.parse()?;
            path = Some(text.parse_with(Path::parse_mod_style)?);
            Ok(())
        } else if meta.path.is_ident("static") {
            Err(meta.error(
                "`static` belongs on a field: a type without arrays is not a tree, \
                 but a static field of one",
            ))
        } else {
            Err(meta.error(format!("unknown attribute `{}`: a type takes `#[tree(crate = \"…\")]` only", name(meta))))
        }
    });
    path.unwrap_or_else(|| parse_quote!(::cotangent))
}

/// Returns whether a field is marked `#[tree(static)]`.
pub(crate) fn is_static(attrs: &[Attribute], errors: &mut Errors) -> bool {
    let mut found = false;
    each(attrs, errors, |meta| {
        if meta.path.is_ident("static") {
            if std::mem::replace(&mut found, true) {
                return Err(meta.error("`static` is given twice"));
            }
            if meta.input.is_empty() || meta.input.peek(syn::Token![,]) {
                Ok(())
            } else {
                Err(meta.error("`static` takes no value"))
            }
        } else if meta.path.is_ident("crate") {
            Err(meta.error("`crate` belongs on the type, not on a field"))
        } else {
            Err(meta.error(format!("unknown attribute `{}`: a field takes `#[tree(static)]` only", name(meta))))
        }
    });
    found
}

/// Rejects `#[tree(…)]` where it has no meaning.
pub(crate) fn refuse(attrs: &[Attribute], place: &str, errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("tree")) {
        errors.push(Error::new_spanned(
            attr,
            format!("`#[tree(…)]` is not allowed on {place}: put `#[tree(static)]` on a field"),
        ));
    }
}
