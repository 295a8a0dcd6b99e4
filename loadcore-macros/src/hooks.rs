//! `#[setup]`, `#[teardown]`, `#[vu_setup]`, `#[vu_teardown]`: the function as it is, and its registration.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{GenericArgument, PathArguments, ReturnType, Type};

use crate::expand::{Errors, hidden_at};
use crate::item::{Function, cfgs, place};
use crate::options;
use crate::parameters::{Callee, Rules};
use crate::runtime::Runtime;

/// One of the four attributes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Hook {
    Setup,
    Teardown,
    VuSetup,
    VuTeardown,
}

impl Hook {
    fn attribute(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Teardown => "teardown",
            Self::VuSetup => "vu_setup",
            Self::VuTeardown => "vu_teardown",
        }
    }

    fn rules(self) -> Rules {
        match self {
            Self::Setup => Rules {
                shared: Err(
                    "a `#[setup]` takes only `vu: &Vu`: let one setup make both values, in one struct",
                ),
                state: Err("a `#[setup]` takes only `vu: &Vu`: it runs before there is any VU with a state"),
            },
            Self::Teardown => Rules {
                shared: Ok(()),
                state: Err(
                    "a `#[teardown]` runs after the VUs and their states: write `&T` for the value of a `#[setup]`, or `#[vu_teardown]` to end a state",
                ),
            },
            Self::VuSetup => Rules {
                shared: Ok(()),
                state: Err(
                    "a `#[vu_setup]` makes the state, it is handed none: return it, as in `-> Result<Session>`",
                ),
            },
            Self::VuTeardown => Rules { shared: Ok(()), state: Ok(()) },
        }
    }

    /// What to write where the return type is missing.
    fn result(self) -> &'static str {
        match self {
            Self::Setup => {
                "`-> Result<Catalog>` with the value it makes, or `-> Result` if it only prepares the target"
            }
            Self::VuSetup => "`-> Result<Session>` with the state it makes",
            Self::Teardown | Self::VuTeardown => "`-> Result`",
        }
    }

    pub(crate) fn expand(
        self,
        args: TokenStream,
        item: &TokenStream,
        errors: &mut Errors,
    ) -> syn::Result<TokenStream> {
        let function = Function::parse(self.attribute(), item)?;
        let runtime = Runtime::of(&args);
        options::only_crate(args, errors);
        let callee = Callee::read(&function, &self.rules(), errors);
        let returns = self.check_result(&function, errors);
        let callee = callee.filter(|callee| self.check_state(callee, &function, errors));
        let (Some(callee), true) = (callee, returns) else { return Ok(item.clone()) };
        let (entry, private, cfgs) =
            (self.entry(&function, &callee, &runtime), runtime.private(), cfgs(&function.attrs));
        Ok(quote! {
            #item

            #cfgs
            #private::move_this_function_out_of_the_impl! { #entry }
        })
    }

    fn check_result(self, function: &Function, errors: &mut Errors) -> bool {
        let returns = matches!(function.sig.output, ReturnType::Type(..));
        if !returns {
            let message = format!("a `#[{}]` returns a `Result`: write {}", self.attribute(), self.result());
            errors.at(&function.sig.ident, message);
        }
        returns
    }

    fn check_state(self, callee: &Callee<'_>, function: &Function, errors: &mut Errors) -> bool {
        let complete = self != Self::VuTeardown || callee.state().is_some();
        if !complete {
            let message = "a `#[vu_teardown]` takes the state that it ends: write it behind `vu`, as in `session: &mut Session`";
            errors.at_span(function.sig.paren_token.span.join(), message);
        }
        complete
    }

    /// What is registered. Where no parameter is concerned it has the place of the return type, so that the
    /// compiler reports a wrong one there.
    fn entry(self, function: &Function, callee: &Callee<'_>, runtime: &Runtime) -> TokenStream {
        let (span, at) = (Span::mixed_site(), returned(function));
        let (private, site) = (runtime.private(), runtime.site(&function.name()));
        let (needs, taken) = (callee.needs(runtime, false), callee.taken());
        let (parameters, call) = (callee.closure_parameters(runtime, at), callee.call(at));
        let imagined = callee.imagined(runtime);
        // Imported, so that the call has one place as a whole: then both glues' complaints about a type are one.
        let value_of = quote_spanned! {at=>
            {
                use #private::value_of;
                value_of(&async #parameters { #imagined #call })
            }
        };
        let run = |method: TokenStream| quote_spanned!(at=> ::std::boxed::Box::pin(slot.#method(async move #parameters #call)));
        match self {
            Self::Setup => {
                let run = run(quote_spanned!(at=> shared_value));
                quote_spanned! {span=>
                    #private::SetupEntry { site: #site, provides: || #value_of, run: |slot: #private::HookSlot| #run }
                }
            }
            Self::Teardown => {
                let run = run(quote_spanned!(at=> unit));
                quote_spanned! {span=>
                    #private::TeardownEntry {
                        site: #site,
                        needs: #needs,
                        run: |slot: #private::HookSlot| { #taken #run },
                    }
                }
            }
            Self::VuSetup => {
                let run = run(quote_spanned!(at=> state));
                quote_spanned! {span=>
                    #private::VuSetupEntry {
                        site: #site,
                        needs: #needs,
                        provides: || #value_of,
                        run: |slot: #private::HookSlot| { #taken #run },
                    }
                }
            }
            Self::VuTeardown => {
                let ty = callee.state().map(|state| &state.ty);
                let ended = quote_spanned! {at=>
                    ::std::boxed::Box::pin(slot.end_state(state, async move #parameters #call))
                };
                quote_spanned! {span=>
                    #private::VuTeardownEntry {
                        site: #site,
                        needs: #needs,
                        takes: || #private::ValueType::of::<#ty>(),
                        run: |slot: #private::HookSlot, state: #private::State| { #taken #ended },
                    }
                }
            }
        }
    }
}

/// The place of what a function returns: of the `T` in a `Result<T>`, else of the whole type.
fn returned(function: &Function) -> Span {
    let ReturnType::Type(_, ty) = &function.sig.output else { return hidden_at(function.sig.ident.span()) };
    place(value_in(ty).unwrap_or(ty))
}

fn value_in(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(value)) if arguments.args.len() == 1 => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand::attribute;

    fn expanded(hook: Hook, args: &str, item: &str) -> String {
        let (args, item) = (args.parse().unwrap(), item.parse().unwrap());
        let tokens = attribute(args, item, |args, item, errors| hook.expand(args, item, errors)).to_string();
        tokens
            .replace(' ', "")
            .replace("::loadcore::__private::", "P::")
            .replace("::std::boxed::Box::pin", "pin")
    }

    fn errors(hook: Hook, args: &str, item: &str) -> Vec<String> {
        let mut errors = Errors::default();
        if let Err(error) = hook.expand(args.parse().unwrap(), &item.parse().unwrap(), &mut errors) {
            errors.push(error);
        }
        errors.messages()
    }

    #[test]
    fn a_setup_is_kept_and_registered_with_the_type_it_provides() {
        let out = expanded(
            Hook::Setup,
            "",
            "#[cfg(unix)] pub async fn catalog(vu: &Vu) -> Result<Catalog> { half typed. }",
        );
        assert!(out.starts_with("#[cfg(unix)]pubasyncfncatalog(vu:&Vu)->Result<Catalog>{halftyped.}#[cfg(unix)]P::move_this_function_out_of_the_impl!{P::SetupEntry{site:P::Site{name:\"catalog\","), "{out}");
        assert!(
            out.contains(
                "provides:||{useP::value_of;value_of(&async|vu:&::loadcore::Vu|{catalog(vu).await})},\
                 run:|slot:P::HookSlot|pin(slot.shared_value(asyncmove|vu:&::loadcore::Vu|catalog(vu).await))}"
            ),
            "{out}"
        );
    }

    #[test]
    fn a_teardown_is_handed_values() {
        let out = expanded(Hook::Teardown, "", "async fn forget(vu: &Vu, c: &Catalog, _: &u8) -> Result {}");
        assert!(out.contains("needs:||::std::vec![P::Need::shared::<Catalog>("), "{out}");
        assert!(
            out.contains(
                "run:|slot:P::HookSlot|{leta0=slot.shared::<Catalog>();leta1=slot.shared::<u8>();\
                 pin(slot.unit(asyncmove|vu:&::loadcore::Vu|forget(vu,&*a0,&*a1).await))}"
            ),
            "{out}"
        );
    }

    #[test]
    fn a_vu_setup_makes_a_state_of_values() {
        let out = expanded(
            Hook::VuSetup,
            "crate = engine",
            "async fn open(vu: &Vu, c: &Catalog) -> Result<Session> {}",
        );
        assert!(out.contains("needs:||::std::vec![engine::__private::Need::shared::<Catalog>("), "{out}");
        assert!(
            out.contains(
                "provides:||{useengine::__private::value_of;value_of(&async|vu:&engine::Vu|{leta0:::std::sync::Arc<Catalog>=engine::__private::never();open(vu,&*a0).await})}"
            ),
            "{out}"
        );
        assert!(
            out.contains("{leta0=slot.shared::<Catalog>();pin(slot.state(asyncmove|vu:&engine::Vu|open(vu,&*a0).await))}"),
            "{out}"
        );
    }

    #[test]
    fn a_vu_teardown_ends_a_state_whatever_the_order_of_its_parameters() {
        let out = expanded(
            Hook::VuTeardown,
            "",
            "async fn close(vu: &Vu, c: &Catalog, s: &mut Session) -> Result {}",
        );
        assert!(out.contains("takes:||P::ValueType::of::<Session>()"), "{out}");
        assert!(!out.contains("Need::state"), "{out}");
        assert!(
            out.contains(
                "run:|slot:P::HookSlot,state:P::State|{leta0=slot.shared::<Catalog>();pin(slot.end_state(state,\
                 asyncmove|vu:&::loadcore::Vu,a1:&mutSession|close(vu,&*a0,a1).await))}"
            ),
            "{out}"
        );
    }

    #[test]
    fn one_compile_shows_every_mistake_and_keeps_the_function() {
        let item = "fn catalog(vu: Vu, a: &A, b: B) { half typed. }";
        let found = errors(Hook::Setup, "crat = engine, timeout = 5s", item);
        assert_eq!(found.len(), 7, "{found:#?}");
        let out = expanded(Hook::Setup, "crat = engine", item);
        assert!(out.starts_with("fncatalog(vu:Vu,a:&A,b:B){halftyped.}::core::compile_error!"), "{out}");
        assert!(!out.contains("SetupEntry"), "{out}");
    }

    #[test]
    fn every_attribute_says_what_its_function_looks_like() {
        use Hook::{Setup, Teardown, VuSetup, VuTeardown};
        for (hook, item, expected) in [
            (Setup, "async fn f(vu: &Vu, a: &A) -> Result<T> {}", "takes only `vu: &Vu`"),
            (Setup, "async fn f(vu: &Vu) {}", "write `-> Result<Catalog>`"),
            (Setup, "async fn f<T>(vu: &Vu) -> Result<T> {}", "cannot be generic"),
            (Setup, "struct S;", "`#[setup]` goes on a function"),
            (Teardown, "async fn f(vu: &Vu, s: &mut S) -> Result {}", "`#[vu_teardown]` to end a state"),
            (Teardown, "async fn f(vu: &Vu) {}", "write `-> Result`"),
            (
                VuSetup,
                "async fn f(vu: &Vu, s: &mut S) -> Result<S> {}",
                "return it, as in `-> Result<Session>`",
            ),
            (VuSetup, "async fn f(&self, vu: &Vu) -> Result<S> {}", "free function"),
            (VuTeardown, "async fn f(vu: &Vu, s: &S) -> Result {}", "as in `session: &mut Session`"),
            (VuTeardown, "async fn f(vu: &Vu, a: &mut A, b: &mut B) -> Result {}", "one struct"),
        ] {
            let found = errors(hook, "", item);
            assert!(found.len() == 1 && found[0].contains(expected), "{item}: {found:?}");
        }
    }
}
