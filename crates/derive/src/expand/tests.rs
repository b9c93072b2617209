//! What is derived for good input, and said of bad.

use syn::{ImplItem, ItemImpl, parse_quote};

use super::*;

fn derived(input: DeriveInput) -> ItemImpl {
    syn::parse2(expand(&input).unwrap()).unwrap()
}

fn errors(input: DeriveInput) -> Vec<String> {
    expand(&input).unwrap_err().into_iter().map(|error| error.to_string()).collect()
}

fn assert_same(ours: impl ToTokens, expected: impl ToTokens) {
    assert_eq!(ours.to_token_stream().to_string(), expected.to_token_stream().to_string());
}

fn method<'i>(item: &'i ItemImpl, name: &str) -> &'i syn::Block {
    let found = item.items.iter().find_map(|item| match item {
        ImplItem::Fn(f) if f.sig.ident == name => Some(&f.block),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn a_struct_with_a_static_field() {
    let item = derived(parse_quote! {
        struct Layer { r#type: Array, #[tree(static)] act: Act, rest: Vec<Layer> }
    });
    let expected: ItemImpl = parse_quote! {
        #[automatically_derived]
        impl ::cotangent::Tree for Layer {
            fn leaves<'__tree>(&'__tree self, _out: &mut ::cotangent::tree::Leaves<'__tree>) {
                match self {
                    Self { r#type: __a0, rest: __a2, .. } => {
                        ::cotangent::Tree::leaves(__a0, _out);
                        ::cotangent::Tree::leaves(__a2, _out);
                    }
                }
            }

            fn rebuild(
                &self,
                _leaves: &mut dyn ::core::iter::Iterator<Item = ::cotangent::Array>,
            ) -> Self {
                match self {
                    Self { r#type: __a0, act: __a1, rest: __a2 } => {
                        Self {
                            r#type: ::cotangent::Tree::rebuild(__a0, _leaves),
                            act: ::core::clone::Clone::clone(__a1),
                            rest: ::cotangent::Tree::rebuild(__a2, _leaves)
                        }
                    }
                }
            }

            fn same_structure(&self, _other: &Self) -> bool {
                match (self, _other) {
                    (
                        Self { r#type: __a0, act: __a1, rest: __a2 },
                        Self { r#type: __b0, act: __b1, rest: __b2 }
                    ) => true
                        && ::cotangent::Tree::same_structure(__a0, __b0)
                        && ::core::cmp::PartialEq::eq(__a1, __b1)
                        && ::cotangent::Tree::same_structure(__a2, __b2),
                }
            }

            fn paths(&self, _path: &mut ::cotangent::tree::Path<'_>) {
                match self {
                    Self { r#type: __a0, rest: __a2, .. } => {
                        _path.field("type", |__path| ::cotangent::Tree::paths(__a0, __path));
                        _path.field("rest", |__path| ::cotangent::Tree::paths(__a2, __path));
                    }
                }
            }
        }
    };
    assert_same(item, expected);
}

#[test]
fn other_shapes() {
    let item = derived(parse_quote! {
        #[tree(crate = "crate")]
        enum E { Unit, Tuple(#[tree(static)] u8, Array), Named { x: Array } }
    });
    assert_same(&item.trait_.as_ref().unwrap().0, quote!(crate::Tree));
    let expected: syn::Block = parse_quote!({
        match self {
            Self::Unit {} => {}
            Self::Tuple { 1: __a1, .. } => {
                _path.index(1usize, |__path| crate::Tree::paths(__a1, __path));
            }
            Self::Named { x: __a0 } => {
                _path.field("x", |__path| crate::Tree::paths(__a0, __path));
            }
        }
    });
    assert_same(method(&item, "paths"), expected);
    let text = method(&item, "same_structure").to_token_stream().to_string();
    assert!(text.ends_with("_ => false , } }"), "{text}");

    let never = derived(parse_quote!(
        enum Never {}
    ));
    assert_same(method(&never, "rebuild"), quote!({ match *self {} }));
}

#[test]
fn type_parameters_get_the_bounds_their_fields_need() {
    let item = derived(parse_quote! {
        #[tree(crate = "a::b")]
        struct S<T: Copy, F, B, U, const N: usize> where T: Sized {
            t: Vec<(T, [T; N])>,
            #[tree(static)] f: F,
            b: B,
            #[tree(static)] also: Option<B>,
        }
    });
    let expected: ItemImpl = parse_quote! {
        impl<
            T: Copy + a::b::Tree,
            F: ::core::marker::Send + ::core::marker::Sync + 'static
                + ::core::clone::Clone + ::core::cmp::PartialEq,
            B: a::b::Tree + ::core::clone::Clone + ::core::cmp::PartialEq,
            U: a::b::Tree,
            const N: usize
        > a::b::Tree for S<T, F, B, U, N> where T: Sized {}
    };
    assert_same(&item.generics, &expected.generics);
    assert_same(&item.self_ty, &expected.self_ty);
}

#[test]
fn errors_teach() {
    let first = |input| errors(input).remove(0);
    assert!(first(parse_quote!(union U { a: u8 })).ends_with("use an enum"));
    assert!(
        first(parse_quote!(
            struct S<'a>(&'a Array);
        ))
        .starts_with("a tree owns")
    );
    let unknown = first(parse_quote!(
        struct S {
            #[tree(statik)]
            a: u8,
        }
    ));
    assert_eq!(unknown, "unknown attribute `statik`: a field takes `#[tree(static)]` only");
    let unknown = first(parse_quote!(
        #[tree(rename = "x")]
        struct S;
    ));
    assert!(unknown.starts_with("unknown attribute `rename`: a type takes"), "{unknown}");
    let place = first(parse_quote!(
        #[tree(static)]
        struct S {
            a: u8,
        }
    ));
    assert!(place.starts_with("`static` belongs on a field"), "{place}");
    let place = first(parse_quote!(
        struct S {
            #[tree(crate = "x")]
            a: u8,
        }
    ));
    assert!(place.starts_with("`crate` belongs on the type"), "{place}");
    let place = first(parse_quote!(
        enum E {
            #[tree(static)]
            A(u8),
        }
    ));
    assert!(place.starts_with("`#[tree(…)]` is not allowed on a variant"), "{place}");
    let place = first(parse_quote!(
        struct S<#[tree(static)] T>(T);
    ));
    assert!(place.starts_with("`#[tree(…)]` is not allowed on a parameter"), "{place}");
    assert!(
        first(parse_quote!(
            struct S(#[tree] u8);
        ))
        .starts_with("write `#[tree(static)]`")
    );
    let value = first(parse_quote!(
        struct S(#[tree = "static"] u8);
    ));
    assert!(value.starts_with("write `#[tree(static)]`"), "{value}");
    assert!(
        first(parse_quote!(
            struct S(#[tree()] u8);
        ))
        .starts_with("an empty `#[tree()]`")
    );
    let value = first(parse_quote!(
        struct S(#[tree(static = true)] u8);
    ));
    assert_eq!(value, "`static` takes no value");
    let twice = first(parse_quote!(
        struct S(#[tree(static, static)] u8);
    ));
    assert_eq!(twice, "`static` is given twice");
}

#[test]
fn all_errors_are_shown() {
    let all = errors(parse_quote!(
        struct S<'a> {
            #[tree(a)]
            a: &'a u8,
            #[tree(b)]
            b: u8,
        }
    ));
    assert_eq!(all.len(), 3);
}
