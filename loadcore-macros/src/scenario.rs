//! `#[scenario]`: the function as it is, a constant beside it, and its registration.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, LitStr, ReturnType};

use crate::expand::{Errors, hidden_at};
use crate::item::{Function, cfgs, place};
use crate::options::{Options, expect, separated};
use crate::parameters::{Callee, Rules};
use crate::runtime::Runtime;
use crate::{duration, executor, threshold};

const OPTIONS: [&str; 5] = ["executor", "thresholds", "tags", "name", "crate"];

/// A scenario takes what there is.
const RULES: Rules = Rules { shared: Ok(()), state: Ok(()) };

pub(crate) fn expand(args: TokenStream, item: &TokenStream, errors: &mut Errors) -> syn::Result<TokenStream> {
    let function = Function::parse("scenario", item)?;
    let runtime = Runtime::of(&args);
    let options = options(args, &function, &runtime, errors);
    if function.sig.receiver().is_some() {
        // An `impl` has no place for what is generated.
        Callee::read(&function, &RULES, errors);
        return Ok(item.clone());
    }
    let span = Span::mixed_site();
    let (needs, driver) = match Callee::read(&function, &RULES, errors) {
        Some(callee) => (callee.needs(&runtime, true), driver(&function, &callee, &runtime)),
        // The constant still exists, so that its users compile.
        None => {
            (quote_spanned!(span=> || ::std::vec::Vec::new()), quote_spanned!(span=> |_| ::core::panic!()))
        }
    };
    let (krate, private) = (runtime.root(), runtime.private());
    let (vis, cfgs) = (&function.vis, cfgs(&function.attrs));
    let constant = function.constant("SCENARIO");
    let site = runtime.site(&options.name);
    let calls = options.calls;
    let doc = format!("The scenario that runs `{}`.", function.name());
    Ok(quote_spanned! {span=>
        #item

        #cfgs
        #[doc = #doc]
        #vis const #constant: #krate::Scenario =
            #private::scenario(#site, #needs, #driver, |scenario| scenario #calls);

        #cfgs
        #private::move_this_function_out_of_the_impl! { #private::ScenarioEntry(|| #constant) }
    })
}

/// The glue between the runtime and the function. What concerns a parameter has the parameter's place and
/// everything else the return type's, so that the compiler reports a wrong type where it is written.
fn driver(function: &Function, callee: &Callee<'_>, runtime: &Runtime) -> TokenStream {
    let at = match &function.sig.output {
        ReturnType::Type(_, ty) => place(ty),
        ReturnType::Default => hidden_at(function.sig.ident.span()),
    };
    let private = runtime.private();
    let (parameters, call, taken) = (callee.closure_parameters(runtime, at), callee.call(at), callee.taken());
    let journey = quote_spanned!(at=> async move #parameters #call);
    let drive = match callee.state() {
        Some(state) => {
            let maker = state.maker(runtime);
            quote_spanned!(at=> slot.drive_with(#maker, #journey))
        }
        None => quote_spanned!(at=> slot.drive(#journey)),
    };
    quote_spanned!(at=> |slot: #private::VuSlot| { #taken ::std::boxed::Box::pin(#drive) })
}

/// What the attribute's options amount to.
struct Read {
    name: String,
    /// The builder calls, in the order written.
    calls: TokenStream,
}

fn options(args: TokenStream, function: &Function, runtime: &Runtime, errors: &mut Errors) -> Read {
    let args = duration::rewrite(args, runtime, errors);
    let (mut calls, mut name) = (TokenStream::new(), None);
    let parser = |input: ParseStream<'_>| {
        let options = Options { valid: &OPTIONS, seen: Vec::new() };
        options.parse(input, errors, |key, input, errors| {
            match key.to_string().as_str() {
                "executor" => {
                    let executor: Expr = input.parse()?;
                    if executor::check(&executor, errors) {
                        calls.extend(quote_spanned!(hidden_at(key.span())=> .#key(#executor)));
                    }
                }
                "thresholds" => list(
                    input,
                    errors,
                    "`thresholds` is a list: write `thresholds = [HTTP_REQ_DURATION.p(95) < 500ms]`",
                    |input, errors| {
                        let parsed = threshold::parse(input, errors)?;
                        calls.extend(parsed.map(|expr| threshold::call(key, &expr)));
                        Ok(())
                    },
                )?,
                "tags" => list(
                    input,
                    errors,
                    "`tags` is a list of pairs: write `tags = [(\"team\", \"shop\")]`",
                    |input, _| {
                        calls.extend(tag(key, input)?);
                        Ok(())
                    },
                )?,
                _ => {
                    let message = "a scenario's name is a string literal: write `name = \"checkout\"`";
                    name = Some(expect::<LitStr>(input, message)?);
                }
            }
            Ok(())
        });
        Ok(())
    };
    if let Err(error) = parser.parse2(args) {
        errors.push(error);
    }
    let (name, span) = match name {
        Some(literal) => (literal.value(), literal.span()),
        None => (function.name(), function.sig.ident.span()),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(allowed) {
        let message = format!(
            "{name:?} cannot name a scenario: write `name = \"..\"` with letters (a-z, A-Z), digits, `_` and `-` only"
        );
        errors.at_span(span, message);
    }
    Read { name, calls }
}

/// The elements of `[..]`.
fn list(
    input: ParseStream<'_>,
    errors: &mut Errors,
    message: &str,
    element: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) -> syn::Result<()> {
    if !input.peek(syn::token::Bracket) {
        let error = syn::Error::new(input.span(), message);
        // What was written instead is read over, so that it is not taken for further options.
        input.parse::<Expr>().ok();
        return Err(error);
    }
    let content;
    syn::bracketed!(content in input);
    separated(&content, errors, element);
    Ok(())
}

fn tag(key: &Ident, input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let expr: Expr = input.parse()?;
    let Expr::Tuple(tuple) = &expr else {
        return Err(syn::Error::new_spanned(expr, "a tag is a pair: write `(\"team\", \"shop\")`"));
    };
    let (2, Some(name), Some(value)) = (tuple.elems.len(), tuple.elems.first(), tuple.elems.last()) else {
        return Err(syn::Error::new_spanned(expr, "a tag is a pair: write `(\"team\", \"shop\")`"));
    };
    let method = Ident::new("tag", key.span());
    Ok(quote_spanned!(hidden_at(key.span())=> .#method(#name, #value)))
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

    const CHECKOUT: &str = "asyncfncheckout(vu:&Vu)->Result{Ok(())}";

    fn checkout(args: &str) -> String {
        expanded(args, "async fn checkout(vu: &Vu) -> Result { Ok(()) }")
    }

    #[test]
    fn the_function_comes_first_and_unchanged() {
        assert!(checkout("").starts_with(CHECKOUT));
    }

    #[test]
    fn options_become_builder_calls_in_their_order() {
        let out = checkout(
            "tags = [(\"team\", \"shop\"), (\"a\", B)], thresholds = [D.p(95) < 500ms, ready()], executor = constant_vus(1, 2h30m)",
        );
        let calls = ".tag(\"team\",\"shop\").tag(\"a\",B).threshold(D.p(95).below(P::duration(0,500000000))).threshold(ready())\
                     .executor(constant_vus(1,P::duration(9000,0))))";
        assert!(out.contains(&format!("|scenario|scenario{calls};")), "{out}");
    }

    #[test]
    fn values_are_taken_out_of_the_slot_and_the_state_is_lent() {
        let out = expanded("", "async fn profile(vu: &Vu, s: &mut Session, c: &Catalog) -> Result {}");
        let maker = |out: &str| {
            out.replace("{#[allow(unused_imports)]useP::{HasDefaultas_,NoDefaultas_};(&P::Maker::<Session>::NEW).maker()}", "MAKER")
        };
        let place = "::core::concat!(::core::file!(),\":\",::core::line!(),\":\",::core::column!())";
        let expected = "||::std::vec![P::Need::state::<Session>(PLACE,MAKER.is_some()),P::Need::shared::<Catalog>(PLACE)],\
            |slot:P::VuSlot|{leta1=slot.shared::<Catalog>();::std::boxed::Box::pin(slot.drive_with(MAKER,\
            asyncmove|vu:&::loadcore::Vu,a0:&mutSession|profile(vu,a0,&*a1).await))},";
        assert!(maker(&out).replace(place, "PLACE").contains(expected), "{out}");
        assert!(checkout("").contains(",||::std::vec::Vec::new(),|slot:P::VuSlot|{::std::boxed::Box::pin(slot.drive(asyncmove|vu:&::loadcore::Vu|checkout(vu).await))},"));
    }

    #[test]
    fn another_crate_that_has_the_runtime_can_be_named() {
        let out =
            checkout("crate = engine::loadcore, executor = constant_vus(1, 5s), thresholds = [A.p(9) < 1s]");
        let others = out.replace("engineP::", "").replace("engine::loadcore", "");
        assert!(!others.contains("P::") && !others.contains("loadcore"), "{out}");
        assert!(
            out.contains("engineP::scenario(engineP::Site{") && out.contains("below(engineP::duration(1,0))"),
            "{out}"
        );
    }

    #[test]
    fn the_constant_has_the_functions_visibility_and_cfg_and_is_registered() {
        let out = expanded("", "#[cfg(unix)] pub(crate) async fn r#loop(vu: &Vu) {}");
        assert!(out.contains("#[cfg(unix)]#[doc=\"Thescenariothatruns`loop`.\"]pub(crate)constLOOP_SCENARIO:::loadcore::Scenario="));
        assert!(
            out.contains(
                "#[cfg(unix)]P::move_this_function_out_of_the_impl!{P::ScenarioEntry(||LOOP_SCENARIO)}"
            ),
            "{out}"
        );
        assert!(out.contains("name:\"loop\"") && out.contains("r#loop(vu).await"), "{out}");
    }

    #[test]
    fn a_name_follows_the_rule_of_k6() {
        assert!(checkout("name = \"nightly-Check_1\"").contains("name:\"nightly-Check_1\""));
        for name in ["a b", "", "a/b", "ä"] {
            let found = errors(&format!("name = {name:?}"), "async fn f(vu: &Vu) {}");
            assert!(found.len() == 1 && found[0].contains("cannot name a scenario"), "{name}: {found:?}");
        }
        assert_eq!(errors("", "async fn prüfe(vu: &Vu) {}").len(), 1);
    }

    #[test]
    fn one_compile_shows_every_mistake_and_keeps_item_and_constant() {
        let item = "fn checkout(vu: &Vu, catalog: Catalog) { half typed. }";
        let args = "excutor = 1, thresholds = [A == 1, B.p(199) < 5sec, C.rate() <], name = \"a b\"";
        let found = errors(args, item);
        assert_eq!(found.len(), 8, "{found:#?}");
        let out = expanded(args, item);
        assert!(out.starts_with("fncheckout(vu:&Vu,catalog:Catalog){halftyped.}"), "{out}");
        assert!(out.contains("constCHECKOUT_SCENARIO:"), "{out}");
        assert_eq!(out.matches("compile_error!").count(), 8);
    }

    #[test]
    fn what_a_scenario_cannot_be_is_said() {
        for (item, expected) in [
            ("async fn f(&self, vu: &Vu) {}", "free function"),
            ("async fn f<T>(vu: &Vu) {}", "cannot be generic"),
            ("async fn f(vu: &Vu, s: S) {}", "write `&S` for the value of a `#[setup]`, or `&mut S`"),
            ("async fn f(vu: Vu) {}", "take `vu: &Vu` first"),
            ("mod f {}", "goes on a function"),
        ] {
            let found = errors("", item);
            assert!(found.len() == 1 && found[0].contains(expected), "{item}: {found:?}");
        }
        assert_eq!(errors("", "async fn f<'a>(_: &'a Vu) {}"), [""; 0]);
    }

    #[test]
    fn lists_and_pairs_are_told_how_to_look() {
        for (args, expected) in [
            ("thresholds = A.p(9) < 1, name = \"f\"", "`thresholds` is a list"),
            ("tags = (\"a\", \"b\")", "`tags` is a list of pairs"),
            ("tags = [\"a\"]", "a tag is a pair"),
            ("tags = [(\"a\", \"b\", \"c\")]", "a tag is a pair"),
            ("name = NAME", "string literal"),
        ] {
            let found = errors(args, "async fn f(vu: &Vu) {}");
            assert!(found.len() == 1 && found[0].contains(expected), "{args}: {found:?}");
        }
    }
}
