//! Expands the definition of a type to its implementations of `Tree` and `Leafwise`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Ident, Member, Path, Result, Type};

use crate::attrs::{self, Errors};

/// A struct, or a variant of an enum. `Self { 0: a }` and `Self {}` are valid for tuples and units, so all shapes are
/// written the same way.
struct Shape {
    /// `Self` or `Self::Variant`.
    path: TokenStream,
    fields: Vec<Field>,
}

struct Field {
    member: Member,
    ty: Type,
    is_static: bool,
}

impl Field {
    fn bound_as(&self, prefix: &str, position: usize) -> Ident {
        // The span is that of the type, so that an error about the field points there.
        format_ident!("__{prefix}{position}", span = self.ty.span())
    }

    /// Returns the location of the type, with the name resolution of this macro. The type may come from a
    /// `macro_rules!`, where the names of this macro are not visible.
    fn span(&self) -> Span {
        Span::call_site().located_at(self.ty.span())
    }

    /// Returns the path of the trait `Tree`, with the span of the type.
    fn tree(&self, krate: &Path) -> TokenStream {
        let span = self.span();
        let respan = |mut token: TokenTree| {
            token.set_span(span);
            token
        };
        quote!(#krate::Tree).into_iter().map(respan).collect()
    }
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let mut errors = Errors::default();
    let krate = attrs::crate_path(&input.attrs, &mut errors);
    let shapes = shapes(input, &mut errors);
    let generics = bounded(input, &krate, &shapes, &mut errors);
    errors.finish()?;

    let leaves = leaves(&krate, &shapes);
    let rebuild = rebuild(&krate, &shapes);
    let same_structure = same_structure(&krate, &shapes);
    let paths = paths(&krate, &shapes);
    let from_named = from_named(&krate, input, &shapes);
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::Tree for #name #type_generics #where_clause {
            fn leaves<'__tree>(&'__tree self, _out: &mut #krate::tree::Leaves<'__tree>) {
                #leaves
            }

            fn rebuild(
                &self,
                _leaves: &mut dyn ::core::iter::Iterator<Item = #krate::Array>,
            ) -> Self {
                #rebuild
            }

            fn same_structure(&self, _other: &Self) -> bool {
                #same_structure
            }

            fn paths(&self, _path: &mut #krate::tree::Path<'_>) {
                #paths
            }

            #from_named
        }
    })
}

/// Returns the implementation of `Leafwise`. Its type is a map from the paths of the leaves, because the fields can
/// only hold arrays.
pub(crate) fn leafwise(input: &DeriveInput) -> Result<TokenStream> {
    let mut errors = Errors::default();
    let krate = attrs::crate_path(&input.attrs, &mut errors);
    let shapes = shapes(input, &mut errors);
    let generics = bounded(input, &krate, &shapes, &mut errors);
    errors.finish()?;
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::Leafwise for #name #type_generics #where_clause {
            type Of<__G: #krate::Tree> = ::std::collections::BTreeMap<::std::string::String, __G>;

            fn leafwise<__G: #krate::Tree>(
                &self,
                _parts: &mut dyn ::core::iter::Iterator<Item = __G>,
            ) -> Self::Of<__G> {
                ::core::iter::Iterator::collect(::core::iter::Iterator::zip(
                    ::core::iter::IntoIterator::into_iter(#krate::tree::leaf_paths(self)),
                    _parts,
                ))
            }
        }
    })
}

fn shapes(input: &DeriveInput, errors: &mut Errors) -> Vec<Shape> {
    match &input.data {
        Data::Struct(data) => {
            vec![Shape { path: quote!(Self), fields: fields(&data.fields, errors) }]
        }
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|variant| {
                attrs::refuse(&variant.attrs, "a variant", errors);
                let name = &variant.ident;
                Shape { path: quote!(Self::#name), fields: fields(&variant.fields, errors) }
            })
            .collect(),
        Data::Union(data) => {
            errors.push(Error::new(
                data.union_token.span(),
                "a union cannot be a tree, because its active field is not known: use an enum",
            ));
            Vec::new()
        }
    }
}

fn fields(fields: &Fields, errors: &mut Errors) -> Vec<Field> {
    let mut field = |(member, field): (Member, &syn::Field)| Field {
        member,
        ty: field.ty.clone(),
        is_static: attrs::is_static(&field.attrs, errors),
    };
    fields.members().zip(fields).map(&mut field).collect()
}

/// Returns the generics of the type, with the bounds that its fields require of the type parameters.
fn bounded(input: &DeriveInput, krate: &Path, shapes: &[Shape], errors: &mut Errors) -> syn::Generics {
    let mut generics = input.generics.clone();
    for param in &mut generics.params {
        match param {
            GenericParam::Lifetime(param) => {
                attrs::refuse(&param.attrs, "a lifetime", errors);
                errors.push(Error::new_spanned(
                    &param.lifetime,
                    "a tree owns its data, so it cannot have lifetime parameters: arrays are cheap to clone, and \
                     `Arc` or `&'static` can hold other data",
                ));
            }
            GenericParam::Const(param) => attrs::refuse(&param.attrs, "a parameter", errors),
            GenericParam::Type(param) => {
                attrs::refuse(&param.attrs, "a parameter", errors);
                let used = |is_static| {
                    let mut fields = shapes.iter().flat_map(|shape| &shape.fields);
                    fields
                        .any(|field| field.is_static == is_static && mentions(field.ty.to_token_stream(), &param.ident))
                };
                let (in_tree, in_static) = (used(false), used(true));
                if in_tree || !in_static {
                    param.bounds.push(syn::parse_quote!(#krate::Tree));
                } else {
                    param.bounds.push(syn::parse_quote!(::core::marker::Send));
                    param.bounds.push(syn::parse_quote!(::core::marker::Sync));
                    param.bounds.push(syn::parse_quote!('static));
                }
                if in_static {
                    param.bounds.push(syn::parse_quote!(::core::clone::Clone));
                    param.bounds.push(syn::parse_quote!(::core::cmp::PartialEq));
                }
            }
        }
    }
    generics
}

fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

/// Returns the pattern `Self::Variant { name: __a0, .. }` with the fields that `wanted` selects.
fn pattern(shape: &Shape, prefix: &str, wanted: impl Fn(&Field) -> bool) -> TokenStream {
    let path = &shape.path;
    let mut picked: Vec<_> = (shape.fields.iter().enumerate())
        .filter(|(_, field)| wanted(field))
        .map(|(i, field)| {
            let (member, bound) = (&field.member, field.bound_as(prefix, i));
            quote!(#member: #bound)
        })
        .collect();
    if picked.len() < shape.fields.len() {
        picked.push(quote!(..));
    }
    quote!(#path { #(#picked),* })
}

/// Returns a `match` on `self` with an arm for each shape.
fn match_self(shapes: &[Shape], wanted: impl Fn(&Field) -> bool, body: impl Fn(&Shape) -> TokenStream) -> TokenStream {
    if shapes.is_empty() {
        return quote!(match *self {});
    }
    let arms = shapes.iter().map(|shape| {
        let (pattern, body) = (pattern(shape, "a", &wanted), body(shape));
        quote!(#pattern => { #body })
    });
    quote!(match self { #(#arms)* })
}

/// Returns the fields that hold leaves, with their bindings.
fn dynamic(shape: &Shape) -> impl Iterator<Item = (&Field, Ident)> {
    let bound = shape.fields.iter().enumerate().map(|(i, field)| (field, field.bound_as("a", i)));
    bound.filter(|(field, _)| !field.is_static)
}

fn leaves(krate: &Path, shapes: &[Shape]) -> TokenStream {
    match_self(
        shapes,
        |field| !field.is_static,
        |shape| {
            let calls = dynamic(shape).map(|(field, a)| {
                let tree = field.tree(krate);
                quote_spanned!(field.span()=> #tree::leaves(#a, _out);)
            });
            quote!(#(#calls)*)
        },
    )
}

fn rebuild(krate: &Path, shapes: &[Shape]) -> TokenStream {
    match_self(
        shapes,
        |_| true,
        |shape| {
            let path = &shape.path;
            let fields = shape.fields.iter().enumerate().map(|(i, field)| {
                let (member, a) = (&field.member, field.bound_as("a", i));
                let tree = field.tree(krate);
                if field.is_static {
                    quote_spanned!(field.span()=> #member: ::core::clone::Clone::clone(#a))
                } else {
                    quote_spanned!(field.span()=> #member: #tree::rebuild(#a, _leaves))
                }
            });
            quote!(#path { #(#fields),* })
        },
    )
}

fn same_structure(krate: &Path, shapes: &[Shape]) -> TokenStream {
    if shapes.is_empty() {
        return quote!(match *self {});
    }
    let arms = shapes.iter().map(|shape| {
        let (ours, theirs) = (pattern(shape, "a", |_| true), pattern(shape, "b", |_| true));
        let equal = shape.fields.iter().enumerate().map(|(i, field)| {
            let (a, b) = (field.bound_as("a", i), field.bound_as("b", i));
            let tree = field.tree(krate);
            if field.is_static {
                quote_spanned!(field.span()=> ::core::cmp::PartialEq::eq(#a, #b))
            } else {
                quote_spanned!(field.span()=> #tree::same_structure(#a, #b))
            }
        });
        quote!((#ours, #theirs) => true #(&& #equal)*,)
    });
    let otherwise = (shapes.len() > 1).then(|| quote!(_ => false,));
    quote!(match (self, _other) { #(#arms)* #otherwise })
}

fn paths(krate: &Path, shapes: &[Shape]) -> TokenStream {
    match_self(
        shapes,
        |field| !field.is_static,
        |shape| {
            let calls = dynamic(shape).map(|(field, a)| {
                let tree = field.tree(krate);
                let (step, key) = match &field.member {
                    Member::Named(name) => {
                        let name = name.unraw().to_string();
                        (quote!(field), quote!(#name))
                    }
                    Member::Unnamed(index) => {
                        let index = index.index as usize;
                        (quote!(index), quote!(#index))
                    }
                };
                quote_spanned!(field.span()=>
                    _path.#step(#key, |__path| #tree::paths(#a, __path));)
            });
            quote!(#(#calls)*)
        },
    )
}

/// Returns the function that builds a struct from a tree with names. There is none for an enum, whose variant is not
/// known, nor for a struct with static fields, whose values are not.
fn from_named(krate: &Path, input: &DeriveInput, shapes: &[Shape]) -> TokenStream {
    let [shape] = shapes else { return TokenStream::new() };
    if !matches!(input.data, Data::Struct(_)) || shape.fields.iter().any(|field| field.is_static) {
        return TokenStream::new();
    }
    let values = shape.fields.iter().enumerate().map(|(index, field)| {
        let (member, tree) = (&field.member, field.tree(krate));
        let ty = &field.ty;
        let name = match member {
            Member::Named(name) => name.unraw().to_string(),
            Member::Unnamed(_) => String::new(),
        };
        quote_spanned!(field.span()=>
            #member: <#ty as #tree>::from_named(#krate::tree::Named::child(_source, #name, #index)?)?)
    });
    quote! {
        fn from_named(_source: &#krate::tree::Named) -> #krate::Result<Self> {
            ::core::result::Result::Ok(Self { #(#values),* })
        }
    }
}

#[cfg(test)]
mod tests;
