//! The derive macro of `cotangent::Tree`.

mod attrs;
mod expand;

use proc_macro::TokenStream;

/// Makes a struct or an enum a tree of arrays, to differentiate, batch and compile over.
///
/// Every field must be a `Tree` itself, except those marked `#[tree(static)]`. Static fields have no leaves and are
/// part of the structure: a compiled function is compiled again when they differ. They need `Clone + PartialEq`. Type
/// parameters get the bounds that their fields need. Two variants of an enum are two structures.
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
/// If the library has another name, put `#[tree(crate = "path::to::cotangent")]` on the type.
#[proc_macro_derive(Tree, attributes(tree))]
pub fn derive_tree(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    let both = expand::expand(&input).and_then(|tree| Ok([tree, expand::leafwise(&input)?]));
    both.map(|impls| impls.into_iter().collect()).unwrap_or_else(syn::Error::into_compile_error).into()
}
