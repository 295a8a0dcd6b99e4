//! Reads the function under an attribute without looking into its body.
//!
//! The body is never parsed, so a half-typed one comes back as it is: the compiler reports the user's own
//! mistake, and rust-analyzer completes inside it.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Pair;
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, PatType, Signature, Type, TypeReference, Visibility};

use crate::expand::{Errors, hidden_at};

/// A function as it was written.
pub(crate) struct Function {
    /// The attribute's name, for messages.
    pub(crate) attribute: &'static str,
    /// Everything in front of the body, token for token.
    pub(crate) head: TokenStream,
    pub(crate) body: Group,
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
}

struct Head(Vec<Attribute>, Visibility, Signature);

impl Parse for Head {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self(Attribute::parse_outer(input)?, input.parse()?, input.parse()?))
    }
}

impl Function {
    /// Fails only where there is no function to work with; what is wrong with a function is for
    /// [`Function::check`].
    pub(crate) fn parse(attribute: &'static str, item: &TokenStream) -> syn::Result<Self> {
        let mut head: Vec<TokenTree> = item.clone().into_iter().collect();
        let is_fn = |tree: &TokenTree| matches!(tree, TokenTree::Ident(ident) if ident == "fn");
        let last = head.pop();
        if !head.iter().any(is_fn) {
            let message = format!(
                "`#[{attribute}]` goes on a function: write it above `async fn name(vu: &Vu) -> Result {{ .. }}`"
            );
            return Err(syn::Error::new_spanned(item, message));
        }
        let Some(body) = last.as_ref().and_then(block) else {
            let message = format!("`#[{attribute}]` needs a function with a body: write `{{ .. }}` here");
            return Err(syn::Error::new_spanned(last, message));
        };
        let head: TokenStream = head.into_iter().collect();
        let Head(attrs, vis, sig) = syn::parse2(head.clone())?;
        Ok(Self { attribute, head, body, attrs, vis, sig })
    }

    /// Reports what every annotated function needs: `async`, and `vu: &Vu` in front. Gives the parameter
    /// back.
    pub(crate) fn check(&self, errors: &mut Errors) -> Option<(&PatType, &TypeReference)> {
        let (attribute, name) = (self.attribute, &self.sig.ident);
        if self.sig.asyncness.is_none() {
            let message = format!("`#[{attribute}]` functions must be async: write `async fn {name}`");
            errors.at(self.sig.fn_token, message);
        }
        let message = format!(
            "`#[{attribute}]` functions take `vu: &Vu` first: `async fn {name}({}vu: &Vu) -> Result`",
            if self.sig.receiver().is_some() { "&self, " } else { "" }
        );
        let handle = self.sig.inputs.iter().find_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        let Some(handle) = handle else {
            errors.at_span(self.sig.paren_token.span.join(), message);
            return None;
        };
        if let Some(vu) = self.misplaced_vu(handle) {
            errors.at(vu, format!("`#[{attribute}]` functions take `vu: &Vu` first: move it to the front"));
            return None;
        }
        match reference(&handle.ty) {
            Some(ty) if ty.mutability.is_none() => Some((handle, ty)),
            _ => {
                errors.at(handle, message);
                None
            }
        }
    }

    /// `vu: &Vu` behind a first parameter that is something else.
    fn misplaced_vu(&self, first: &PatType) -> Option<&PatType> {
        let mut typed = self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        typed.find(|parameter| is_vu(&parameter.ty)).filter(|_| !is_vu(&first.ty))
    }

    /// The function's name without `r#`.
    pub(crate) fn name(&self) -> String {
        self.sig.ident.unraw().to_string()
    }

    /// The name of the constant beside the function: `log_in` and `GROUP` give `LOG_IN_GROUP`.
    pub(crate) fn constant(&self, suffix: &str) -> Ident {
        Ident::new(&format!("{}_{suffix}", self.name().to_uppercase()), self.sig.ident.span())
    }
}

/// The `{ .. }` of a body, which a `macro_rules!` may have handed over inside an invisible group.
fn block(tree: &TokenTree) -> Option<Group> {
    let TokenTree::Group(group) = tree else { return None };
    match group.delimiter() {
        Delimiter::Brace => Some(group.clone()),
        Delimiter::None => {
            let mut inner = group.stream().into_iter();
            let only = inner.next()?;
            if inner.next().is_some() { None } else { block(&only) }
        }
        _ => None,
    }
}

pub(crate) fn reference(ty: &Type) -> Option<&TypeReference> {
    match ty {
        Type::Reference(reference) => Some(reference),
        Type::Group(group) => reference(&group.elem),
        Type::Paren(paren) => reference(&paren.elem),
        _ => None,
    }
}

/// Whether a type is `&Vu` as far as its name tells.
pub(crate) fn is_vu(ty: &Type) -> bool {
    let path = reference(ty).map(|reference| &*reference.elem);
    matches!(path, Some(Type::Path(path)) if path.path.segments.last().is_some_and(|last| last.ident == "Vu"))
}

/// Where to report a wrong type: at `Catalog` in `shop::Catalog`.
pub(crate) fn place(ty: &Type) -> Span {
    hidden_at(match ty {
        Type::Path(path) => path.path.segments.last().map_or(ty.span(), |last| last.ident.span()),
        Type::Group(group) => return place(&group.elem),
        Type::Paren(paren) => return place(&paren.elem),
        _ => ty.span(),
    })
}

/// The `#[cfg]`s of an item, for what is generated beside it: both exist, or neither does.
///
/// A `#[cfg_attr]` can hold a `cfg` too; of those only that part is taken.
pub(crate) fn cfgs(attrs: &[Attribute]) -> TokenStream {
    let mut out = TokenStream::new();
    for attr in attrs {
        if attr.path().is_ident("cfg") {
            attr.to_tokens(&mut out);
        } else if attr.path().is_ident("cfg_attr")
            && let Ok(list) = attr.meta.require_list()
        {
            let mut parts = split_at_commas(list.tokens.clone()).into_iter();
            let predicate = parts.next().unwrap_or_default();
            for part in parts.filter(starts_with_cfg) {
                out.extend(quote!(#[cfg_attr(#predicate, #part)]));
            }
        }
    }
    out
}

fn starts_with_cfg(tokens: &TokenStream) -> bool {
    matches!(tokens.clone().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "cfg")
}

fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for tree in tokens {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == ',' => parts.push(TokenStream::new()),
            tree => parts.last_mut().expect("starts with one part").extend([tree]),
        }
    }
    parts
}

/// The parameters after the first one.
pub(crate) fn further(sig: &Signature) -> impl Iterator<Item = &FnArg> {
    sig.inputs.pairs().map(Pair::into_value).skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(source: &str) -> syn::Result<Function> {
        Function::parse("group", &source.parse().unwrap())
    }

    fn problems(source: &str) -> Vec<String> {
        let mut errors = Errors::default();
        function(source).unwrap().check(&mut errors);
        errors.messages()
    }

    #[test]
    fn a_body_that_does_not_parse_is_kept_token_for_token() {
        let f = function("async fn f(vu: &Vu) { let x = vu. ; if }").ok().unwrap();
        assert_eq!(f.body.to_string(), "{ let x = vu . ; if }");
    }

    #[test]
    fn generics_references_and_where_clauses_are_fine() {
        for source in [
            "pub(crate) async fn f<'a, T: Clone>(vu: &'a Vu, t: T) -> impl Iterator<Item = T> + use<'a, T> where T: Send {}",
            "async fn f(&self, vu: &Vu) {}",
            "async fn f(self: Box<Self>, vu: &loadcore::Vu) {}",
            "async fn r#type(_: &Vu) {}",
        ] {
            assert_eq!(problems(source), [""; 0], "{source}");
        }
    }

    #[test]
    fn a_function_that_is_wrong_twice_is_told_both() {
        assert_eq!(
            problems("fn f() {}"),
            [
                "`#[group]` functions must be async: write `async fn f`",
                "`#[group]` functions take `vu: &Vu` first: `async fn f(vu: &Vu) -> Result`",
            ]
        );
        assert_eq!(problems("async fn f(vu: Vu) {}").len(), 1);
        assert_eq!(problems("async fn f(vu: &mut Vu) {}").len(), 1);
        for late in
            ["async fn f(x: &u32, vu: &Vu) {}", "async fn f(&self, x: u32, y: &B, vu: &loadcore::Vu) {}"]
        {
            assert_eq!(problems(late), ["`#[group]` functions take `vu: &Vu` first: move it to the front"]);
        }
        assert!(problems("async fn f(&self) {}")[0].ends_with("`async fn f(&self, vu: &Vu) -> Result`"));
    }

    #[test]
    fn anything_but_a_function_with_a_body_is_refused() {
        let error = |source| function(source).err().unwrap().to_string();
        assert!(error("struct S;").starts_with("`#[group]` goes on a function"));
        assert!(error("struct S { f: u8 }").starts_with("`#[group]` goes on a function"));
        assert!(error("async fn f(vu: &Vu);").contains("with a body"));
    }

    #[test]
    fn raw_names_lose_their_prefix_in_constants() {
        assert_eq!(function("async fn r#type() {}").unwrap().constant("GROUP"), "TYPE_GROUP");
    }

    #[test]
    fn every_cfg_is_copied_and_nothing_else() {
        let attrs =
            "#[doc = \"x\"] #[cfg(unix)] #[cfg_attr(a, inline, cfg(any(b, c)))] #[cfg_attr(x, inline)]";
        let f = function(&format!("{attrs} async fn f() {{}}")).unwrap();
        assert_eq!(
            cfgs(&f.attrs).to_string(),
            quote!(#[cfg(unix)] #[cfg_attr(a, cfg(any(b, c)))]).to_string()
        );
    }
}
