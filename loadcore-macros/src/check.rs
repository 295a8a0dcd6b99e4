//! `check!`: named conditions, each an ordinary expression of the user's own function.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Expr, Token};

use crate::expand::{Errors, hidden_at};
use crate::options::{expect, separated};
use crate::runtime::Runtime;

const SHAPE: &str = "write `check!(vu, { \"status is 200\" => res.status() == 200 })`";

pub(crate) fn expand(input: TokenStream, errors: &mut Errors) -> TokenStream {
    let (runtime, input) = Runtime::leading(input, errors);
    let (mut vu, mut checks) = (None, Vec::new());
    let parser = |input: ParseStream<'_>| parse(input, &mut vu, &mut checks, errors);
    if let Err(error) = parser.parse2(input) {
        errors.push(error);
    }
    let span = Span::mixed_site();
    let Some(vu) = vu else { return quote_spanned!(span=> false) };
    let krate = runtime.root();
    // Something that is no `Vu` is reported where it is written.
    let borrowed = quote_spanned!(hidden_at(vu.span())=> &);
    let checks = checks
        .iter()
        .map(|(name, condition)| quote_spanned!(span=> __all &= #krate::Vu::check(__vu, #name, #condition);));
    // No closure: `?`, `.await` and `return` in a condition belong to the user's function.
    quote_spanned! {span=>
        {
            let __vu: &#krate::Vu = #borrowed #vu;
            let mut __all = true;
            #(#checks)*
            __all
        }
    }
}

fn parse(
    input: ParseStream<'_>,
    vu: &mut Option<Expr>,
    checks: &mut Vec<(Expr, Expr)>,
    errors: &mut Errors,
) -> syn::Result<()> {
    *vu = Some(expect(input, &format!("expected the `&Vu` that records the checks: {SHAPE}"))?);
    expect::<Token![,]>(input, &format!("expected `,` and the checks: {SHAPE}"))?;
    if !input.peek(syn::token::Brace) {
        let error = input.error(format!("the checks stand in braces: {SHAPE}"));
        input.parse::<TokenStream>()?;
        return Err(error);
    }
    let content;
    let braces = syn::braced!(content in input);
    if content.is_empty() {
        errors.at_span(braces.span.join(), format!("nothing is checked: {SHAPE}"));
    }
    separated(&content, errors, |input, _| {
        let name: Expr = input.parse()?;
        expect::<Token![=>]>(input, "expected `=>`: a check is `\"name\" => condition`")?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(syn::Error::new_spanned(
                name,
                "this check has no condition: write `\"name\" => condition`",
            ));
        }
        checks.push((name, input.parse()?));
        Ok(())
    });
    input.parse::<Option<Token![,]>>()?;
    if input.is_empty() {
        return Ok(());
    }
    let error = input.error("`check!` takes nothing behind the checks");
    input.parse::<TokenStream>()?;
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand::macro_call;

    fn expanded(input: &str) -> String {
        macro_call(input.parse().unwrap(), expand).to_string().replace(' ', "")
    }

    fn errors(input: &str) -> Vec<String> {
        let mut errors = Errors::default();
        expand(input.parse().unwrap(), &mut errors);
        errors.messages()
    }

    #[test]
    fn every_condition_is_evaluated_in_order_in_the_users_own_function() {
        let out = expanded("vu, { \"a\" => res.text().await?.is_empty(), name() => b, }");
        assert_eq!(
            out,
            "{let__vu:&::loadcore::Vu=&vu;letmut__all=true;\
             __all&=::loadcore::Vu::check(__vu,\"a\",res.text().await?.is_empty());\
             __all&=::loadcore::Vu::check(__vu,name(),b);__all}"
        );
    }

    #[test]
    fn the_good_checks_stay_when_one_is_wrong() {
        let out = expanded("vu, { \"a\" a, \"b\" => b, \"c\" =>, \"d\" => d }");
        assert_eq!(out.matches("compile_error!").count(), 2, "{out}");
        assert!(out.contains("(__vu,\"b\",b)") && out.contains("(__vu,\"d\",d)"), "{out}");
    }

    #[test]
    fn mistakes_show_the_whole_shape() {
        for (input, expected) in [
            ("", "expected the `&Vu`"),
            ("vu", "expected `,` and the checks"),
            ("vu, \"a\" => b", "the checks stand in braces"),
            ("vu, {}", "nothing is checked"),
            ("vu, { \"a\" == b }", "expected `=>`"),
            ("vu, { \"a\" => b } c", "nothing behind the checks"),
        ] {
            let found = errors(input);
            assert!(found.len() == 1 && found[0].contains(expected), "{input}: {found:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_still_a_bool() {
        assert!(expanded("").ends_with("false}"));
    }
}
