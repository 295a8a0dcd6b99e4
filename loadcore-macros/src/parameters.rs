//! The parameters behind `vu`: the values of setups, and a VU's own state.
//!
//! What is generated for a parameter carries the place of the parameter's type, so that a type which cannot be
//! handed over is reported there.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, GenericParam, PatType, Signature, Type};

use crate::expand::{Errors, hidden_at};
use crate::item::{Function, further, is_vu, place, reference};
use crate::runtime::Runtime;

/// What an attribute's functions may take behind `vu`, or what to say instead.
#[derive(Debug)]
pub(crate) struct Rules {
    /// `&T`
    pub(crate) shared: Result<(), &'static str>,
    /// `&mut T`
    pub(crate) state: Result<(), &'static str>,
}

impl Rules {
    /// What to write instead of a parameter that is no reference.
    fn instead_of(&self, ty: &Type, attribute: &str) -> String {
        let text = ty.to_token_stream();
        match (self.shared, self.state) {
            (Err(message), _) => message.to_owned(),
            _ if matches!(ty, Type::ImplTrait(_)) => format!(
                "a `#[{attribute}]` function cannot be generic: name the type, and write `&` in front of it"
            ),
            (_, Ok(())) => format!(
                "a parameter by value cannot be handed over: write `&{text}` for the value of a `#[setup]`, or `&mut {text}` for this VU's own state"
            ),
            _ => format!(
                "a parameter by value cannot be handed over: write `&{text}` for the value of a `#[setup]`"
            ),
        }
    }
}

/// A function that the runtime can call.
pub(crate) struct Callee<'a> {
    name: &'a Ident,
    /// The place of `&Vu`.
    handle: Span,
    pub(crate) values: Vec<Value>,
}

/// One parameter.
pub(crate) struct Value {
    pub(crate) is_state: bool,
    /// What is referred to.
    pub(crate) ty: TokenStream,
    binding: Ident,
    /// Where the parameter begins.
    start: Span,
}

impl<'a> Callee<'a> {
    /// Reports every parameter that the function cannot have; `None` if there is one.
    pub(crate) fn read(function: &'a Function, rules: &Rules, errors: &mut Errors) -> Option<Self> {
        let (attribute, sig) = (function.attribute, &function.sig);
        if let Some(receiver) = sig.receiver() {
            let message = format!(
                "`#[{attribute}]` goes on a free function: move it out of the `impl`, without `self`"
            );
            errors.at(receiver, message);
            return None;
        }
        let mut callable = sig.asyncness.is_some();
        let handle = function.check(errors);
        let mut values: Vec<Value> = Vec::new();
        for parameter in further(sig) {
            let FnArg::Typed(typed) = parameter else { continue };
            if handle.is_none() && is_vu(&typed.ty) {
                // Told to move to the front.
                continue;
            }
            match Value::read(typed, sig, attribute, rules, values.len()) {
                Ok(value) => {
                    if let Err(message) = value.refused(&values, rules) {
                        errors.at(typed, message);
                        callable = false;
                    }
                    values.push(value);
                }
                Err(message) => {
                    errors.at(typed, message);
                    callable = false;
                }
            }
        }
        for parameter in
            sig.generics.params.iter().filter(|param| !matches!(param, GenericParam::Lifetime(_)))
        {
            let message = format!(
                "a `#[{attribute}]` function cannot be generic: move the generic part into a function that it calls"
            );
            errors.at(parameter, message);
            callable = false;
        }
        let (_, ty) = handle.filter(|_| callable)?;
        Some(Self { name: &sig.ident, handle: hidden_at(ty.and_token.span()), values })
    }

    pub(crate) fn state(&self) -> Option<&Value> {
        self.values.iter().find(|value| value.is_state)
    }

    fn shared(&self) -> impl Iterator<Item = &Value> {
        self.values.iter().filter(|value| !value.is_state)
    }

    /// The `Need`s: what must be there before the test starts.
    pub(crate) fn needs(&self, runtime: &Runtime, with_state: bool) -> TokenStream {
        let span = Span::mixed_site();
        let needs =
            self.values.iter().filter(|value| with_state || !value.is_state).map(|value| value.need(runtime));
        let mut needs = needs.peekable();
        match needs.peek() {
            Some(_) => quote_spanned!(span=> || ::std::vec![#(#needs),*]),
            None => quote_spanned!(span=> || ::std::vec::Vec::new()),
        }
    }

    /// `let` statements that take the shared values out of the slot.
    pub(crate) fn taken(&self) -> TokenStream {
        self.shared()
            .map(|Value { ty, binding, .. }| quote_spanned!(binding.span()=> let #binding = slot.shared::<#ty>();))
            .collect()
    }

    /// As [`taken`](Self::taken), where only their types count: it is never run.
    pub(crate) fn imagined(&self, runtime: &Runtime) -> TokenStream {
        let private = runtime.private();
        self.shared()
            .map(|Value { ty, binding, .. }| {
                quote_spanned!(binding.span()=> let #binding: ::std::sync::Arc<#ty> = #private::never();)
            })
            .collect()
    }

    /// The parameters of the closure that calls the function.
    pub(crate) fn closure_parameters(&self, runtime: &Runtime, span: Span) -> TokenStream {
        let (root, vu) = (runtime.root(), self.vu());
        match self.state() {
            Some(Value { ty, binding, .. }) => {
                let state = quote_spanned!(binding.span()=> #binding: &mut #ty);
                quote_spanned!(span=> |#vu: &#root::Vu, #state|)
            }
            None => quote_spanned!(span=> |#vu: &#root::Vu|),
        }
    }

    /// `profile(vu, &*a0, a1).await`, with `span` wherever no parameter is concerned.
    pub(crate) fn call(&self, span: Span) -> TokenStream {
        let (name, vu) = (self.name, self.vu());
        let values = self.values.iter().map(|Value { is_state, binding, .. }| {
            if *is_state { quote!(#binding) } else { quote_spanned!(binding.span()=> &*#binding) }
        });
        let arguments = std::iter::once(quote!(#vu)).chain(values);
        quote_spanned!(span=> #name(#(#arguments),*).await)
    }

    fn vu(&self) -> Ident {
        Ident::new("vu", self.handle)
    }
}

impl Value {
    fn read(
        typed: &PatType,
        sig: &Signature,
        attribute: &str,
        rules: &Rules,
        index: usize,
    ) -> Result<Self, String> {
        let Some(reference) = reference(&typed.ty) else {
            return Err(rules.instead_of(&typed.ty, attribute));
        };
        if let Some(attr) = typed.attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
            let attr = attr.to_token_stream();
            return Err(format!("a parameter cannot come and go: write `{attr}` on the whole function"));
        }
        if let Some(message) = unusable(&reference.elem, attribute) {
            return Err(message);
        }
        Ok(Self {
            is_state: reference.mutability.is_some(),
            ty: without_own_lifetimes(reference.elem.to_token_stream(), sig),
            binding: Ident::new(&format!("a{index}"), place(&reference.elem)),
            start: typed.span(),
        })
    }

    fn refused(&self, before: &[Self], rules: &Rules) -> Result<(), String> {
        if !self.is_state {
            return rules.shared.map_err(str::to_owned);
        }
        rules.state?;
        match before.iter().find(|value| value.is_state) {
            Some(first) => Err(format!(
                "a second `&mut`, but a VU has one state: write one struct that holds `{}` and `{}`",
                first.ty, self.ty
            )),
            None => Ok(()),
        }
    }

    fn need(&self, runtime: &Runtime) -> TokenStream {
        let (private, ty, span) = (runtime.private(), &self.ty, self.binding.span());
        // Not hidden: in tokens of our own `line!` is the line of the attribute.
        let place = quote_spanned! {self.start=>
            ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!())
        };
        if self.is_state {
            let maker = self.maker(runtime);
            quote_spanned!(span=> #private::Need::state::<#ty>(#place, #maker.is_some()))
        } else {
            quote_spanned!(span=> #private::Need::shared::<#ty>(#place))
        }
    }

    /// `Some(T::default)` if there is one: what this resolves to is the method of the one trait or of the other.
    pub(crate) fn maker(&self, runtime: &Runtime) -> TokenStream {
        let (private, ty) = (runtime.private(), &self.ty);
        quote_spanned! {self.binding.span()=>
            {
                #[allow(unused_imports)]
                use #private::{HasDefault as _, NoDefault as _};
                (&#private::Maker::<#ty>::NEW).maker()
            }
        }
    }
}

/// What to write instead of a type that no setup and no VU can own.
fn unusable(ty: &Type, attribute: &str) -> Option<String> {
    let text = ty.to_token_stream().to_string();
    let unsized_in = |owner: &str| format!("`{text}` has no size of its own: write `{owner}` behind the `&`");
    match ty {
        Type::Paren(paren) => unusable(&paren.elem, attribute),
        Type::Group(group) => unusable(&group.elem, attribute),
        Type::ImplTrait(_) => Some(format!("a `#[{attribute}]` function cannot be generic: name the type")),
        Type::TraitObject(_) => Some(unsized_in(&format!("Box<{text}>"))),
        Type::Slice(slice) => Some(unsized_in(&format!("Vec<{}>", slice.elem.to_token_stream()))),
        Type::Path(path) if path.path.is_ident("str") => Some(unsized_in("String")),
        Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Vu") => {
            Some("`vu: &Vu` is handed over once, in front: leave this parameter out".to_owned())
        }
        _ => None,
    }
}

/// A lifetime of the function's own means nothing outside of it. The runtime owns what it hands over.
fn without_own_lifetimes(tokens: TokenStream, sig: &Signature) -> TokenStream {
    let own = |name: &Ident| sig.generics.lifetimes().any(|param| param.lifetime.ident == *name);
    let mut quoted = false;
    tokens
        .into_iter()
        .map(|tree| {
            let behind_quote =
                std::mem::replace(&mut quoted, matches!(&tree, TokenTree::Punct(p) if p.as_char() == '\''));
            match tree {
                TokenTree::Group(group) => {
                    let inner = without_own_lifetimes(group.stream(), sig);
                    let mut replaced = proc_macro2::Group::new(group.delimiter(), inner);
                    replaced.set_span(group.span());
                    replaced.into()
                }
                TokenTree::Ident(name) if behind_quote && own(&name) => {
                    Ident::new("static", name.span()).into()
                }
                tree => tree,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Rules = Rules { shared: Ok(()), state: Ok(()) };

    fn read(source: &str, rules: &Rules) -> Result<Vec<String>, Vec<String>> {
        let function = Function::parse("scenario", &source.parse().unwrap()).unwrap();
        let mut errors = Errors::default();
        let callee = Callee::read(&function, rules, &mut errors);
        let show = |value: &Value| {
            format!("{}{}", if value.is_state { "mut " } else { "" }, value.ty).replace(' ', "")
        };
        callee.map(|callee| callee.values.iter().map(show).collect()).ok_or_else(|| errors.messages())
    }

    #[test]
    fn values_and_state_come_in_any_order_and_under_any_pattern() {
        for (parameters, expected) in [
            ("", &[][..]),
            ("catalog: &Catalog, session: &mut Session", &["Catalog", "mutSession"]),
            (
                "Session { items, .. }: &mut Session, _: &a::B<C>, &(x, y): &(u8, u8),",
                &["mutSession", "a::B<C>", "(u8,u8)"],
            ),
            ("#[allow(unused)] a: (&Vec<String>), b: &'static [u8; 2]", &["Vec<String>", "[u8;2]"]),
            ("a: &Box<dyn Send>, b: &fn(&str)", &["Box<dynSend>", "fn(&str)"]),
        ] {
            let found = read(&format!("async fn f(vu: &Vu, {parameters}) {{}}"), &ANY);
            assert_eq!(found, Ok(expected.iter().map(ToString::to_string).collect()), "{parameters}");
        }
    }

    #[test]
    fn lifetimes_of_the_function_are_not_named_outside_of_it() {
        let found = read(
            "async fn f<'a, 'b: 'a>(vu: &'a Vu, a: &'b A<'a, (&'b str, &'static u8)>, b: &for<'c> fn(&'c B<'_>)) {}",
            &ANY,
        );
        assert_eq!(found.unwrap(), ["A<'static,(&'staticstr,&'staticu8)>", "for<'c>fn(&'cB<'_>)"]);
    }

    #[test]
    fn every_wrong_parameter_is_told_what_to_write() {
        for (parameter, expected) in [
            (
                "c: Catalog",
                "write `&Catalog` for the value of a `#[setup]`, or `&mut Catalog` for this VU's own state",
            ),
            ("c: impl Send", "cannot be generic: name the type, and write `&`"),
            ("c: &impl Send", "cannot be generic: name the type"),
            ("c: &str", "write `String` behind the `&`"),
            ("c: &mut [u8]", "write `Vec<u8>` behind the `&`"),
            ("c: &(dyn A + Sync)", "write `Box<dyn A + Sync>` behind the `&`"),
            ("c: &mut Vu", "handed over once"),
            ("c: &loadcore::Vu", "handed over once"),
            ("#[cfg(unix)] c: &u8", "on the whole function"),
            ("a: &mut A, b: &u8, c: &mut B", "one struct that holds `A` and `B`"),
        ] {
            let found = read(&format!("async fn f(vu: &Vu, {parameter}) {{}}"), &ANY).unwrap_err();
            assert!(found.len() == 1 && found[0].contains(expected), "{parameter}: {found:?}");
        }
        let found = read("async fn f(a: &A, vu: &Vu, b: B) {}", &ANY).unwrap_err();
        assert!(found.len() == 2 && found[0].contains("move it to the front"), "{found:?}");
        let found = read("async fn f<T>(vu: &Vu, a: A, b: &B, c: &str) {}", &ANY).unwrap_err();
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn an_attribute_says_why_it_has_no_such_parameter() {
        let none = Rules { shared: Err("no value"), state: Err("no state") };
        let found = read("async fn f(vu: &Vu, a: &A, b: &mut B, c: &mut C) {}", &none);
        assert_eq!(found, Err(["no value", "no state", "no state"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_method_is_refused_at_its_self() {
        let found = read("async fn f(&self, vu: &Vu) {}", &ANY).unwrap_err();
        assert!(found.len() == 1 && found[0].contains("free function"), "{found:?}");
    }
}
