//! The derive macro of `cotangent::Tree`.

mod attrs;
mod expand;

use proc_macro::TokenStream;

/// Derives `Tree` for a struct or an enum. Functions that take or return it can then be differentiated, batched and
/// compiled.
///
/// Every field must be a `Tree` itself, except those marked `#[tree(static)]`. Static fields have no leaves and are
/// part of the structure: a compiled function is compiled again when they differ. Their types must be
/// `Clone + PartialEq`. Type parameters get the bounds that the fields need. Each variant of an enum is a structure of
/// its own.
///
/// ```ignore
/// #[derive(Tree)]
/// struct Dense {
///     weight: Array,
///     bias: Option<Array>,
///     #[tree(static)]
///     activation: Activation,
/// }
/// ```
///
/// If the library has another name or path, put `#[tree(crate = "path::to::cotangent")]` on the type.
#[proc_macro_derive(Tree, attributes(tree))]
pub fn derive_tree(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    let both = expand::expand(&input).and_then(|tree| Ok([tree, expand::leafwise(&input)?]));
    both.map(|impls| impls.into_iter().collect()).unwrap_or_else(syn::Error::into_compile_error).into()
}
