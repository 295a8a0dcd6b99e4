//! Reads `key = value, ..` of an attribute and collects every mistake in it instead of stopping at the first.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Expr, LitStr, Token};

use crate::expand::Errors;
use crate::runtime;

/// The options of one attribute.
pub(crate) struct Options<'a> {
    /// The valid keys, in the order messages list them.
    pub(crate) valid: &'a [&'a str],
    /// The keys already given, for example by a bare first value.
    pub(crate) seen: Vec<String>,
}

impl Options<'_> {
    /// Calls `value` behind the `=` of every valid option. `crate`, which every attribute has, is only checked
    /// here: [`Runtime::of`](runtime::Runtime::of) has read it before.
    pub(crate) fn parse(
        mut self,
        input: ParseStream<'_>,
        errors: &mut Errors,
        mut value: impl FnMut(&Ident, ParseStream<'_>, &mut Errors) -> syn::Result<()>,
    ) {
        separated(input, errors, |input, errors| {
            let key = self.key(input)?;
            if input.is_empty() || !input.peek(Token![=]) {
                return Err(syn::Error::new(
                    key.span(),
                    format!("`{key}` needs a value: write `{key} = ..`"),
                ));
            }
            input.parse::<Token![=]>()?;
            if input.is_empty() || input.peek(Token![,]) {
                return Err(syn::Error::new(
                    key.span(),
                    format!("`{key}` needs a value: write it behind the `=`"),
                ));
            }
            if key == "crate" { runtime::value(input) } else { value(&key, input, errors) }
        });
    }

    fn key(&mut self, input: ParseStream<'_>) -> syn::Result<Ident> {
        if input.peek(LitStr) && self.valid.contains(&"name") {
            let literal: LitStr = input.parse()?;
            let message = format!("{}: write `name = {:?}`", self.expected(), literal.value());
            return Err(syn::Error::new(literal.span(), message));
        }
        let Ok(key) = input.call(Ident::parse_any) else {
            let unexpected = if self.valid.len() == 1 { "unexpected value: " } else { "" };
            return Err(input.error(format!("{unexpected}{}", self.expected())));
        };
        let name = key.to_string();
        let problem = if !self.valid.contains(&name.as_str()) {
            let hint = closest(&name, self.valid).filter(|_| self.valid.len() > 1);
            let hint = hint.map(|key| format!(" (did you mean `{key}`?)"));
            format!("unknown option `{key}`: {}{}", self.expected(), hint.unwrap_or_default())
        } else if self.seen.contains(&name) {
            format!("`{key}` is given twice: keep one of them")
        } else {
            self.seen.push(name);
            return Ok(key);
        };
        // The value of an option that does not count must not be taken for further options.
        if input.parse::<Token![=]>().is_ok() {
            input.parse::<Expr>().ok();
        }
        Err(syn::Error::new(key.span(), problem))
    }

    fn expected(&self) -> String {
        match self.valid {
            [only] => format!("the only option is `{only}`"),
            valid => {
                let keys: Vec<_> = valid.iter().map(|key| format!("`{key}`")).collect();
                format!("expected one of {}", keys.join(", "))
            }
        }
    }
}

/// The options of an attribute that has none of its own.
pub(crate) fn only_crate(args: TokenStream, errors: &mut Errors) {
    let parser = |input: ParseStream<'_>| {
        Options { valid: &["crate"], seen: Vec::new() }.parse(input, errors, |_, _, _| Ok(()));
        Ok(())
    };
    if let Err(error) = parser.parse2(args) {
        errors.push(error);
    }
}

/// Parses a comma-separated list to its end; an element that fails is reported and skipped.
pub(crate) fn separated(
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut element: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    while !input.is_empty() {
        let parsed = element(input, errors);
        let failed = parsed.is_err();
        if let Err(error) = parsed {
            errors.push(error);
        }
        if input.is_empty() {
            return;
        }
        if !failed && !input.peek(Token![,]) {
            errors.push(input.error("expected `,`"));
        }
        skip_past_comma(input);
    }
}

fn skip_past_comma(input: ParseStream<'_>) {
    while let Ok(tree) = input.parse::<TokenTree>() {
        if matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == ',') {
            return;
        }
    }
}

/// Like `input.parse()`, but what is wrong is said in `message` at the token that is there instead.
pub(crate) fn expect<T: Parse>(input: ParseStream<'_>, message: &str) -> syn::Result<T> {
    let span = input.span();
    input.parse().map_err(|_| syn::Error::new(span, message))
}

fn closest<'a>(name: &str, valid: &[&'a str]) -> Option<&'a str> {
    let (distance, key) = valid.iter().map(|key| (strsim::levenshtein(name, key), *key)).min()?;
    (distance <= 1 + key.len() / 4).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> (Vec<String>, Vec<String>) {
        let (mut keys, mut errors) = (Vec::new(), Errors::default());
        let parser = |input: ParseStream<'_>| {
            let options = Options { valid: &["executor", "tags", "name"], seen: Vec::new() };
            options.parse(input, &mut errors, |key, input, _| {
                keys.push(key.to_string());
                input.parse::<Expr>().map(|_| ())
            });
            Ok(())
        };
        parser.parse_str(source).unwrap();
        (keys, errors.messages())
    }

    #[test]
    fn all_mistakes_are_reported_and_the_rest_is_still_read() {
        let (keys, errors) = read("excutor = a::<B, C>(), tags = [1], tags = f::<A, B>(), executor = , name");
        assert_eq!(keys, ["tags"]);
        assert_eq!(
            errors,
            [
                "unknown option `excutor`: expected one of `executor`, `tags`, `name` (did you mean `executor`?)",
                "`tags` is given twice: keep one of them",
                "`executor` needs a value: write it behind the `=`",
                "`name` needs a value: write `name = ..`",
            ]
        );
    }

    #[test]
    fn a_far_off_key_gets_no_suggestion() {
        assert_eq!(
            read("weight = 3").1,
            ["unknown option `weight`: expected one of `executor`, `tags`, `name`"]
        );
    }

    #[test]
    fn a_bare_name_is_told_its_key() {
        assert_eq!(
            read("\"x\", tags = 1").1,
            ["expected one of `executor`, `tags`, `name`: write `name = \"x\"`"]
        );
    }

    #[test]
    fn a_missing_comma_is_reported_once() {
        assert_eq!(
            read("executor = a() b, tags = 1"),
            (vec!["executor".into(), "tags".into()], vec!["expected `,`".into()])
        );
    }
}
