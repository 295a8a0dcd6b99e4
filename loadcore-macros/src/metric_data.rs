//! `#[metric]` and `#[data]`: the static as it is, and its registration.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, Token, Type, Visibility};

use crate::expand::{Errors, hidden_at};
use crate::item::cfgs;
use crate::options;
use crate::runtime::Runtime;

pub(crate) fn expand_metric(
    args: TokenStream,
    item: &TokenStream,
    errors: &mut Errors,
) -> syn::Result<TokenStream> {
    let found =
        Static::parse("metric", "static ORDERS: Counter = Counter::new(\"orders\");", args, item, errors)?;
    let (private, reference, site) = (found.runtime.private(), found.reference(), found.site());
    Ok(found.registered(item, &quote!(#private::MetricEntry { metric: #reference, site: #site })))
}

pub(crate) fn expand_data(
    args: TokenStream,
    item: &TokenStream,
    errors: &mut Errors,
) -> syn::Result<TokenStream> {
    let example = "static USERS: SharedArray<User> = SharedArray::json(\"data/users.json\");";
    let found = Static::parse("data", example, args, item, errors)?;
    let (private, reference, site) = (found.runtime.private(), found.reference(), found.site());
    let entry = quote! {
        #private::DataEntry { data: #reference, site: #site, manifest_dir: ::core::env!("CARGO_MANIFEST_DIR") }
    };
    Ok(found.registered(item, &entry))
}

/// What is read of a static: not its value, which may be half typed.
struct Static {
    attrs: Vec<Attribute>,
    ident: Ident,
    ty: Option<Type>,
    runtime: Runtime,
}

impl Static {
    fn parse(
        attribute: &str,
        example: &str,
        args: TokenStream,
        item: &TokenStream,
        errors: &mut Errors,
    ) -> syn::Result<Self> {
        let runtime = Runtime::of(&args);
        options::only_crate(args, errors);
        let parser = |input: ParseStream<'_>| {
            let attrs = Attribute::parse_outer(input)?;
            input.parse::<Visibility>()?;
            if !input.peek(Token![static]) {
                let message = format!("`#[{attribute}]` goes on a static: write `static`, as in `{example}`");
                return Err(input.error(message));
            }
            input.parse::<Token![static]>()?;
            if let Some(token) = input.parse::<Option<Token![mut]>>()? {
                errors.at(token, format!("`#[{attribute}]` goes on a plain `static`: leave `mut` out"));
            }
            let ident = input.parse()?;
            let ty = input.parse::<Token![:]>().and_then(|_| input.parse()).ok();
            input.parse::<TokenStream>()?;
            Ok(Self { attrs, ident, ty, runtime })
        };
        parser.parse2(item.clone())
    }

    /// `&NAME`, with the place of its type: a type that cannot be registered is reported there.
    fn reference(&self) -> TokenStream {
        let span = self.ty.as_ref().map_or(self.ident.span(), Spanned::span);
        let mut ident = self.ident.clone();
        ident.set_span(ident.span().located_at(span));
        quote_spanned!(hidden_at(span)=> &#ident)
    }

    fn site(&self) -> TokenStream {
        self.runtime.site(&self.ident.unraw().to_string())
    }

    fn registered(&self, item: &TokenStream, entry: &TokenStream) -> TokenStream {
        let private = self.runtime.private();
        let cfgs = cfgs(&self.attrs);
        quote! {
            #item

            #cfgs
            const _: () = {
                #private::inventory::submit! { #entry }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand::attribute;

    fn metric(args: &str, item: &str) -> String {
        let tokens = attribute(args.parse().unwrap(), item.parse().unwrap(), expand_metric);
        tokens.to_string().replace(' ', "").replace("::loadcore::__private::", "P::")
    }

    #[test]
    fn the_static_is_kept_and_registered() {
        let out = metric("", "#[cfg(unix)] pub static ORDERS: Counter = Counter::new(\"orders\");");
        assert!(out.starts_with("#[cfg(unix)]pubstaticORDERS:Counter=Counter::new(\"orders\");#[cfg(unix)]const_:()={P::inventory::submit!{"));
        assert!(out.contains("P::MetricEntry{metric:&ORDERS,site:P::Site{name:\"ORDERS\","), "{out}");
    }

    #[test]
    fn data_also_knows_where_its_crate_lies() {
        let item = "static USERS: SharedArray<User> = SharedArray::json(\"u.json\");".parse().unwrap();
        let out = attribute(TokenStream::new(), item, expand_data).to_string().replace(' ', "");
        assert!(out.contains("DataEntry{data:&USERS,"), "{out}");
        assert!(out.contains("manifest_dir:::core::env!(\"CARGO_MANIFEST_DIR\")"), "{out}");
    }

    #[test]
    fn a_half_typed_value_comes_back_as_it_is() {
        let out = metric("", "static A: Trend = Trend::;");
        assert!(out.starts_with("staticA:Trend=Trend::;") && !out.contains("compile_error"), "{out}");
    }

    #[test]
    fn anything_but_a_plain_static_is_told_so_and_kept() {
        for item in ["const A: Trend = Trend::new(\"a\");", "fn a() {}", "struct A;"] {
            let out = metric("", item);
            assert!(out.starts_with(&item.replace(' ', "")) && out.contains("write`static`"), "{out}");
        }
        assert!(metric("", "static mut A: Trend = x;").contains("leave`mut`out"));
        assert!(metric("name = \"a\"", "static A: Trend = x;").contains("theonlyoptionis`crate`"));
    }
}
