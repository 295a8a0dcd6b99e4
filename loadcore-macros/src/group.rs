//! `#[group]`: two statements in front of the user's own block, and a constant beside the function.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{LitBool, LitStr, Pat, PatIdent, PatType, Token};

use crate::expand::{Errors, hidden_at};
use crate::item::{Function, cfgs};
use crate::options::{Options, expect};
use crate::runtime::Runtime;

pub(crate) fn expand(args: TokenStream, item: &TokenStream, errors: &mut Errors) -> syn::Result<TokenStream> {
    let function = Function::parse("group", item)?;
    let runtime = Runtime::of(&args);
    let options = options(args, &function, errors);
    let span = Span::mixed_site();
    let private = runtime.private();
    let group = {
        let (name, site) = (&options.name, runtime.site(&function.name()));
        quote_spanned!(span=> #private::group(#name, #site))
    };
    let handle = function.check(errors).and_then(|(handle, _)| variable(handle, errors));
    let function_tokens = match handle {
        Some(vu) if function.sig.asyncness.is_some() => entered(&function, vu, &group, &runtime),
        _ => item.clone(),
    };
    let constant = options.constant.then(|| {
        let (vis, cfgs) = (&function.vis, cfgs(&function.attrs));
        let constant = function.constant("GROUP");
        let doc = format!("The group that `{}` runs in.", function.name());
        // Most groups are never selected by, so the constant is often unused.
        quote_spanned! {span=>
            #cfgs
            #private::in_an_impl_of_a_trait_write_constant_false! {
                #[doc = #doc]
                #[allow(dead_code)]
                #vis #constant = #group
            }
        }
    });
    Ok(quote!(#function_tokens #constant))
}

/// The function with the group around its body. All braces are ours, so that temporaries of the user's tail
/// expression end before the guard does, whatever the user's edition, and no lint calls the user's own braces
/// superfluous.
fn entered(function: &Function, vu: &PatIdent, group: &TokenStream, runtime: &Runtime) -> TokenStream {
    let span = Span::mixed_site();
    let (krate, private) = (runtime.root(), runtime.private());
    let (inner, body) = without_inner_attributes(&function.body);
    let head = &function.head;
    let vu = &vu.ident;
    // A parameter that is no `&Vu` is reported where it is written.
    let at = hidden_at(vu.span());
    let enter = quote_spanned!(at=> #private::enter(#vu, const { #group }));
    let body = quote_spanned! {span=>
        {
            #inner
            #[allow(clippy::used_underscore_binding)]
            let __loadcore_group = #enter;
            #[allow(unused_variables)]
            let #vu: &#krate::Vu = __loadcore_group.vu();
            #body
        }
    };
    quote!(#head #body)
}

/// The attributes `#![..]`, only allowed at the start of the function's own block, and the block without
/// them.
fn without_inner_attributes(body: &Group) -> (TokenStream, Group) {
    let trees: Vec<TokenTree> = body.stream().into_iter().collect();
    let is = |tree: &TokenTree, c| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == c);
    let mut end = 0;
    while let [hash, bang, TokenTree::Group(_), ..] = &trees[end..]
        && is(hash, '#')
        && is(bang, '!')
    {
        end += 3;
    }
    let mut rest = Group::new(body.delimiter(), trees[end..].iter().cloned().collect());
    rest.set_span(hidden_at(body.span()));
    (trees.into_iter().take(end).collect(), rest)
}

/// The name of the `vu` parameter, which the body gets anew.
fn variable<'a>(handle: &'a PatType, errors: &mut Errors) -> Option<&'a PatIdent> {
    match &*handle.pat {
        Pat::Ident(ident)
            if ident.by_ref.is_none() && ident.mutability.is_none() && ident.subpat.is_none() =>
        {
            Some(ident)
        }
        _ => {
            errors.at(
                &handle.pat,
                "`#[group]` needs a plain name here: write `vu: &Vu`, or `_vu: &Vu` if unused",
            );
            None
        }
    }
}

struct Read {
    name: String,
    constant: bool,
}

fn options(args: TokenStream, function: &Function, errors: &mut Errors) -> Read {
    let (mut name, mut constant) = (None::<LitStr>, true);
    let parser = |input: ParseStream<'_>| {
        let mut options = Options { valid: &["name", "constant", "crate"], seen: Vec::new() };
        if input.peek(LitStr) {
            name = Some(input.parse()?);
            options.seen.push("name".to_owned());
            if !input.is_empty() {
                expect::<Token![,]>(input, "expected `,`")?;
            }
        }
        options.parse(input, errors, |key, input, _| {
            if key == "name" {
                name = Some(expect(
                    input,
                    "a group's name is a string literal: write `#[group(\"User Login\")]`",
                )?);
            } else {
                constant = expect::<LitBool>(input, "`constant` is `true` or `false`")?.value;
            }
            Ok(())
        });
        Ok(())
    };
    if let Err(error) = parser.parse2(args) {
        errors.push(error);
    }
    let Some(literal) = name else {
        return Read { name: function.name(), constant };
    };
    let name = literal.value();
    if name.trim().is_empty() {
        errors.at(&literal, "a group's name cannot be empty: leave it out to use the function's");
    } else if name.contains("::") {
        errors.at(
            &literal,
            "a group's name cannot contain `::`, which separates nested groups: write another separator",
        );
    }
    Read { name, constant }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand::attribute;

    fn expanded(args: &str, item: &str) -> String {
        let tokens = attribute(args.parse().unwrap(), item.parse().unwrap(), expand).to_string();
        tokens.replace(' ', "").replace("::loadcore::__private::", "P::")
    }

    fn errors(args: &str, item: &str) -> Vec<String> {
        let mut errors = Errors::default();
        if let Err(error) = expand(args.parse().unwrap(), &item.parse().unwrap(), &mut errors) {
            errors.push(error);
        }
        errors.messages()
    }

    #[test]
    fn the_body_runs_inside_the_group_with_the_users_own_name_for_vu() {
        let out = expanded(
            "\"User Login\"",
            "async fn log_in(_vu: &Vu, user: &User) -> Result<String> { half typed. }",
        );
        assert!(out.starts_with("asyncfnlog_in(_vu:&Vu,user:&User)->Result<String>{#[allow(clippy::used_underscore_binding)]let__loadcore_group=P::enter(_vu,const{P::group(\"UserLogin\","));
        assert!(out.contains("let_vu:&::loadcore::Vu=__loadcore_group.vu();{halftyped.}}"), "{out}");
        assert!(out.contains("LOG_IN_GROUP=P::group(\"UserLogin\","), "{out}");
    }

    #[test]
    fn the_body_does_not_name_the_constant_so_methods_work() {
        let out = expanded("", "pub async fn step(&self, vu: &Vu) {}");
        assert_eq!(out.matches("STEP_GROUP").count(), 1);
        assert!(out.contains("pubSTEP_GROUP=") && out.contains("P::group(\"step\","), "{out}");
    }

    #[test]
    fn the_constant_can_be_left_out() {
        for args in ["\"a\", constant = false", "constant = false", "constant = false, name = \"a\","] {
            assert!(!expanded(args, "async fn f(vu: &Vu) {}").contains("F_GROUP"), "{args}");
        }
    }

    #[test]
    fn inner_attributes_stay_at_the_start_of_the_function() {
        let out = expanded("", "async fn f(vu: &Vu) { #![allow(a)] #![allow(b)] go() }");
        assert!(
            out.starts_with("asyncfnf(vu:&Vu){#![allow(a)]#![allow(b)]#[allow") && out.contains("{go()}}"),
            "{out}"
        );
    }

    #[test]
    fn mistakes_are_told_and_the_function_stays_as_it_was() {
        for (args, item, expected) in [
            ("\"A::B\"", "async fn f(vu: &Vu) {}", "cannot contain `::`"),
            ("\" \"", "async fn f(vu: &Vu) {}", "cannot be empty"),
            ("\"a\", name = \"b\"", "async fn f(vu: &Vu) {}", "given twice"),
            ("NAME", "async fn f(vu: &Vu) {}", "expected one of `name`, `constant`, `crate`"),
            ("\"a\" constant = false", "async fn f(vu: &Vu) {}", "expected `,`"),
            ("constant = 1", "async fn f(vu: &Vu) {}", "`true` or `false`"),
            ("", "fn f(vu: &Vu) {}", "must be async"),
            ("", "async fn f(_: &Vu) {}", "write `vu: &Vu`, or `_vu: &Vu`"),
            ("", "async fn f(mut vu: &Vu) {}", "needs a plain name"),
        ] {
            let found = errors(args, item);
            assert!(found.len() == 1 && found[0].contains(expected), "{args} {item}: {found:?}");
            let out = expanded(args, item);
            assert!(out.contains("F_GROUP="), "the constant is kept: {out}");
        }
        assert!(expanded("", "fn f(vu: &Vu) { body }").starts_with("fnf(vu:&Vu){body}"));
    }
}
