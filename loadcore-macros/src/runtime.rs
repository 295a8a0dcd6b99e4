//! Where the generated code finds the runtime: in `::loadcore`, or where `crate = path` says.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::Path;
use syn::parse::{ParseStream, Parser};

use crate::expand::Errors;

/// The path of the runtime crate.
#[derive(Debug, Default)]
pub(crate) struct Runtime(Option<Path>);

impl Runtime {
    /// What an attribute's `crate = path` says. It is read before anything else, because all that is generated
    /// names the runtime; a mistake in it is for [`value`] to report, when its turn comes.
    pub(crate) fn of(args: &TokenStream) -> Self {
        let trees: Vec<TokenTree> = args.clone().into_iter().collect();
        let at = (0..trees.len()).find(|&at| {
            (at == 0 || is_punct(&trees[at - 1], ',')) && is_option(trees.get(at), trees.get(at + 1))
        });
        let tokens = at.map(|at| trees[at + 2..].iter().take_while(|tree| !is_punct(tree, ',')).cloned());
        Self(tokens.and_then(|tokens| Path::parse_mod_style.parse2(tokens.collect()).ok()))
    }

    /// The runtime of a function-like macro, which `loadcore`'s own macros put in front as `crate = $crate,`: so
    /// it is found wherever they are re-exported. Gives the rest of the input too.
    pub(crate) fn leading(input: TokenStream, errors: &mut Errors) -> (Self, TokenStream) {
        let mut trees = input.clone().into_iter();
        if !is_option(trees.next().as_ref(), trees.next().as_ref()) {
            return (Self::default(), input);
        }
        let runtime = Self::of(&input);
        if runtime.0.is_none() {
            let value: TokenStream = trees.clone().take_while(|tree| !is_punct(tree, ',')).collect();
            errors.at(value, SHAPE);
        }
        (runtime, trees.skip_while(|tree| !is_punct(tree, ',')).skip(1).collect())
    }

    pub(crate) fn root(&self) -> TokenStream {
        match &self.0 {
            // As it was written: a path that leads nowhere is reported there.
            Some(path) => quote!(#path),
            None => quote_spanned!(Span::mixed_site()=> ::loadcore),
        }
    }

    /// The same where the user wrote something else: in that place, and found as the user's own names are.
    pub(crate) fn root_at(&self, span: Span) -> TokenStream {
        let Some(path) = &self.0 else { return quote_spanned!(span=> ::loadcore) };
        let moved = quote!(#path).into_iter().map(|mut tree| {
            // What a `$crate` is depends on where it comes from.
            tree.set_span(tree.span().located_at(span));
            tree
        });
        moved.collect()
    }

    /// The runtime's hidden module, which only generated code names.
    pub(crate) fn private(&self) -> TokenStream {
        let root = self.root();
        quote_spanned!(Span::mixed_site()=> #root::__private)
    }

    /// The `Site` of an item: its name, and where the attribute stands.
    pub(crate) fn site(&self, name: &str) -> TokenStream {
        let private = self.private();
        quote_spanned! {Span::mixed_site()=>
            #private::Site {
                name: #name,
                file: ::core::file!(),
                line: ::core::line!(),
                module: ::core::module_path!(),
            }
        }
    }
}

const SHAPE: &str =
    "`crate` is the path of the crate that re-exports loadcore: write `crate = engine::loadcore`";

/// Reads over the value of `crate = path`.
pub(crate) fn value(input: ParseStream<'_>) -> syn::Result<()> {
    let span = input.span();
    Path::parse_mod_style(input).map(|_| ()).map_err(|_| syn::Error::new(span, SHAPE))
}

/// Whether `key` and `equals` are the start of `crate = ..`.
fn is_option(key: Option<&TokenTree>, equals: Option<&TokenTree>) -> bool {
    matches!(key, Some(TokenTree::Ident(ident)) if ident == "crate")
        && equals.is_some_and(|tree| is_punct(tree, '='))
}

fn is_punct(tree: &TokenTree, c: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(args: &str) -> String {
        Runtime::of(&args.parse().unwrap()).root().to_string().replace(' ', "")
    }

    #[test]
    fn the_option_is_found_among_others_and_without_it_the_crate_has_its_own_name() {
        assert_eq!(root(""), "::loadcore");
        assert_eq!(root("crate = engine"), "engine");
        assert_eq!(
            root("\"User Login\", crate = crate::engine::loadcore, constant = false"),
            "crate::engine::loadcore"
        );
        assert_eq!(
            root("executor = f(crate = a), name = \"crate\", crate = ::engine::loadcore"),
            "::engine::loadcore"
        );
    }

    #[test]
    fn what_is_no_path_is_left_to_the_options() {
        for args in ["crate = \"engine\"", "crate =", "crate = 1 + 1", "crate", "crate = a::<B>"] {
            assert_eq!(root(args), "::loadcore", "{args}");
        }
    }

    #[test]
    fn a_macro_takes_it_in_front() {
        let leading = |input: &str| {
            let mut errors = Errors::default();
            let (runtime, rest) = Runtime::leading(input.parse().unwrap(), &mut errors);
            let parts = [runtime.root(), rest].map(|tokens| tokens.to_string().replace(' ', ""));
            (parts, errors.messages().len())
        };
        let parts = |root: &str, rest: &str| [root.to_owned(), rest.to_owned()];
        assert_eq!(leading("vu, { a }"), (parts("::loadcore", "vu,{a}"), 0));
        assert_eq!(leading("crate = a::b, \"/{}\", id"), (parts("a::b", "\"/{}\",id"), 0));
        assert_eq!(leading("crate = a,"), (parts("a", ""), 0));
        assert_eq!(leading("crate = 1, vu"), (parts("::loadcore", "vu"), 1));
        assert_eq!(leading("crate::id, x"), (parts("::loadcore", "crate::id,x"), 0));
    }
}
