//! What every macro here shares: collecting errors, and emitting them beside the user's item.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};

/// All errors of one expansion, so that one compile shows every mistake.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Reports `message` at all of `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn at_span(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.0.iter().flatten().map(|error| error.to_string()).collect()
    }
}

impl ToTokens for Errors {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        if let Some(error) = &self.0 {
            tokens.extend(error.to_compile_error());
        }
    }
}

/// Expands an attribute. `Err` is for an item the attribute cannot work with at all: it comes back untouched.
///
/// The item is always emitted, together with the errors: editors keep working on it, and its users do not
/// fail too.
pub(crate) fn attribute(
    args: TokenStream,
    item: TokenStream,
    expand: impl FnOnce(TokenStream, &TokenStream, &mut Errors) -> syn::Result<TokenStream>,
) -> TokenStream {
    let mut errors = Errors::default();
    let expanded = expand(args, &item, &mut errors).unwrap_or_else(|error| {
        errors.push(error);
        item
    });
    quote!(#expanded #errors)
}

/// Expands a function-like macro in expression position. It always yields a value of the right type, so that
/// a mistake inside does not turn into a type error outside.
pub(crate) fn macro_call(
    input: TokenStream,
    expand: impl FnOnce(TokenStream, &mut Errors) -> TokenStream,
) -> TokenStream {
    let mut errors = Errors::default();
    let expanded = expand(input, &mut errors);
    if errors.0.is_none() {
        return expanded;
    }
    quote!({ #errors #expanded })
}

/// Where `span` is, but with names of our own: the user's code cannot see them, nor they the user's.
pub(crate) fn hidden_at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}
