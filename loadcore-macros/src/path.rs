//! `path!`: a URL template, its values percent-encoded, and the template kept as the request's name.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Expr, ExprReference, LitStr, Token};

use crate::expand::{Errors, hidden_at};
use crate::options::{expect, separated};
use crate::runtime::Runtime;

pub(crate) fn expand(input: TokenStream, errors: &mut Errors) -> TokenStream {
    let (runtime, input) = Runtime::leading(input, errors);
    let (mut template, mut values) = (None, Vec::new());
    let parser = |input: ParseStream<'_>| parse(input, &mut template, &mut values, errors);
    if let Err(error) = parser.parse2(input) {
        errors.push(error);
    }
    let span = Span::mixed_site();
    let private = runtime.private();
    let Some(template) = template else {
        return quote_spanned!(span=> #private::path("", ::std::string::String::new()));
    };
    let segments = segments(&template, errors);
    let steps = steps(&segments, &template, &mut values, &private, errors);
    let name = name(&template, &segments);
    let capacity: usize = segments.iter().map(Segment::capacity).sum();
    let bound = values.iter().map(|value| value.binding.clone());
    let borrowed = values.iter().map(Value::borrowed);
    // One `match` binds the values: each is evaluated once, in the order written, and its temporaries live
    // long enough.
    quote_spanned! {span=>
        match (#(#borrowed,)*) {
            (#(#bound,)*) => #private::path(#name, {
                let mut __path = ::std::string::String::with_capacity(#capacity);
                #(#steps)*
                __path
            }),
        }
    }
}

/// A part of the template.
enum Segment {
    Text(String),
    /// `{}`
    Next,
    /// `{id}`
    Named(String),
}

impl Segment {
    /// What to reserve for it: values are short.
    fn capacity(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Next | Self::Named(_) => 16,
        }
    }
}

/// A value to fill in: an argument, or a variable that the template names.
struct Value {
    name: Option<Ident>,
    expr: Expr,
    binding: Ident,
    used: bool,
}

impl Value {
    fn new(index: usize, name: Option<Ident>, expr: Expr) -> Self {
        // It has the value's place, so that a value which cannot be displayed is reported there.
        let binding = Ident::new(&format!("__value{index}"), hidden_at(expr.span()));
        Self { name, expr, binding, used: false }
    }

    /// `&expr`, in parentheses where it needs them.
    fn borrowed(&self) -> TokenStream {
        let reference = ExprReference {
            attrs: Vec::new(),
            and_token: Token![&](hidden_at(self.expr.span())),
            mutability: None,
            expr: Box::new(self.expr.clone()),
        };
        reference.into_token_stream()
    }
}

fn parse(
    input: ParseStream<'_>,
    template: &mut Option<LitStr>,
    values: &mut Vec<Value>,
    errors: &mut Errors,
) -> syn::Result<()> {
    let shape = "a path starts with its template, a string literal: write `path!(\"/users/{id}\")`";
    *template = Some(expect(input, shape)?);
    if input.is_empty() {
        return Ok(());
    }
    expect::<Token![,]>(input, "expected `,` and the values of the template")?;
    separated(input, errors, |input, errors| {
        let mut name = None;
        if input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
            let key = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            name = Some(key);
        }
        let value = Value::new(values.len(), name, input.parse()?);
        match &value.name {
            Some(name) if named(values, &name.unraw().to_string()).is_some() => {
                errors.at(name, format!("`{name}` is given twice: keep one of them"));
                return Ok(());
            }
            None if values.iter().any(|value| value.name.is_some()) => {
                errors.at(&value.expr, "values without a name come before those with one");
            }
            _ => {}
        }
        values.push(value);
        Ok(())
    });
    Ok(())
}

fn named(values: &[Value], name: &str) -> Option<usize> {
    values.iter().position(|value| value.name.as_ref().is_some_and(|own| own.unraw() == name))
}

fn segments(template: &LitStr, errors: &mut Errors) -> Vec<Segment> {
    let (source, span) = (template.value(), template.span());
    if !["/", "http://", "https://"].iter().any(|start| source.starts_with(start)) {
        errors.at_span(span, "a path starts with `/`, a URL with `http://` or `https://`");
    }
    let (mut segments, mut text) = (Vec::new(), String::new());
    let mut rest = source.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix(brace) {
            text.push_str(brace);
            rest = tail;
            continue;
        }
        let end = if brace == "{" { rest.find('}') } else { None };
        let Some(end) = end else {
            errors.at_span(
                span,
                format!("a single `{brace}` in a path: write `{brace}{brace}` for a literal one"),
            );
            continue;
        };
        let inside = rest[..end].trim();
        rest = &rest[end + 1..];
        if !text.is_empty() {
            segments.push(Segment::Text(std::mem::take(&mut text)));
        }
        if inside.is_empty() {
            segments.push(Segment::Next);
        } else if is_name(inside) {
            segments.push(Segment::Named(inside.to_owned()));
        } else if let Some((name, _)) = inside.split_once(':') {
            errors.at_span(
                span,
                format!("a path takes no format specs: write `{{{name}}}` instead of `{{{inside}}}`"),
            );
            // Filled in as if it were plain, so that its value does not count as left over.
            segments.push(if is_name(name) { Segment::Named(name.to_owned()) } else { Segment::Next });
        } else {
            let message = format!(
                "`{{{inside}}}` is no name: write `{{}}` and the value behind the template, or `{{id}}` and `id = {inside}`"
            );
            errors.at_span(span, message);
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        segments.push(Segment::Text(text));
    }
    segments
}

fn is_name(text: &str) -> bool {
    // Keywords are names too: `{type}` is the variable `r#type`. These four cannot be written so.
    !["_", "crate", "super", "Self"].contains(&text)
        && (|input: ParseStream<'_>| input.call(Ident::parse_any)).parse_str(text).is_ok()
}

/// The statements that build the path; variables named in the template join the values.
fn steps(
    segments: &[Segment],
    template: &LitStr,
    values: &mut Vec<Value>,
    private: &TokenStream,
    errors: &mut Errors,
) -> Vec<TokenStream> {
    let span = Span::mixed_site();
    let mut steps = Vec::new();
    let (mut next, mut missing) = (0, 0);
    for segment in segments {
        let index = match segment {
            Segment::Text(text) => {
                steps.push(quote_spanned!(span=> __path.push_str(#text);));
                continue;
            }
            Segment::Next => {
                next += 1;
                if values.get(next - 1).is_none_or(|value| value.name.is_some()) {
                    missing += 1;
                    continue;
                }
                next - 1
            }
            Segment::Named(name) => named(values, name).unwrap_or_else(|| {
                let variable = variable(name, template.span());
                let expr = Expr::Verbatim(variable.to_token_stream());
                values.push(Value::new(values.len(), Some(variable), expr));
                values.len() - 1
            }),
        };
        values[index].used = true;
        let binding = &values[index].binding;
        let value = quote_spanned!(binding.span()=> &#binding);
        steps.push(quote_spanned!(span=> #private::push_encoded(&mut __path, #value);));
    }
    if missing > 0 {
        let message = format!(
            "{missing} of the `{{}}` have no value: write it behind the template, `path!(\"/users/{{}}\", id)`"
        );
        errors.at(template, message);
    }
    for value in values.iter().filter(|value| !value.used) {
        let message = match &value.name {
            Some(name) => format!("the template has no `{{{name}}}`: add it, or leave this value out"),
            None => "the template has no `{}` for this value: add one, or leave this value out".to_owned(),
        };
        match &value.name {
            Some(name) => errors.at(name, message),
            None => errors.at(&value.expr, message),
        }
    }
    steps
}

fn variable(name: &str, span: Span) -> Ident {
    let plain = syn::parse_str::<Ident>(name).is_ok() || name == "self";
    match name.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, span),
        None if plain => Ident::new(name, span),
        None => Ident::new_raw(name, span),
    }
}

/// The template as a request's name: with `{id}`, but without doubled braces.
fn name(template: &LitStr, segments: &[Segment]) -> LitStr {
    let mut name = String::new();
    for segment in segments {
        match segment {
            Segment::Text(text) => name.push_str(text),
            Segment::Next => name.push_str("{}"),
            Segment::Named(variable) => name.extend(["{", variable, "}"]),
        }
    }
    LitStr::new(&name, template.span())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand::macro_call;

    fn expanded(input: &str) -> String {
        let tokens = macro_call(input.parse().unwrap(), expand).to_string();
        tokens.replace(' ', "").replace("::loadcore::__private::", "P::")
    }

    fn errors(input: &str) -> Vec<String> {
        let mut errors = Errors::default();
        expand(input.parse().unwrap(), &mut errors);
        errors.messages()
    }

    /// What is matched on, the template, and the steps.
    fn parts(input: &str) -> (String, String, String) {
        assert_eq!(errors(input), [""; 0], "{input}");
        let out = expanded(input);
        let between = |from: &str, to: &str| {
            let rest = &out[out.find(from).unwrap() + from.len()..];
            rest[..rest.find(to).unwrap()].to_owned()
        };
        let steps = between(");", "__path}")
            .replace("__path.push_str", "text")
            .replace("P::push_encoded(&mut__path,&__", "value(");
        (between("match(", "){"), between("P::path(", ",{"), steps)
    }

    #[test]
    fn variables_values_and_names_fill_the_template() {
        let check = |input, values: &str, template: &str, steps: &str| {
            assert_eq!(parts(input), (values.into(), template.into(), steps.into()), "{input}");
        };
        check(
            "\"/users/{id}/profile\"",
            "&id,",
            "\"/users/{id}/profile\"",
            "text(\"/users/\");value(value0);text(\"/profile\");",
        );
        check("\"/p/{}\", catalog.id", "&catalog.id,", "\"/p/{}\"", "text(\"/p/\");value(value0);");
        check("\"/p/{id}\", id = a + b", "&(a+b),", "\"/p/{id}\"", "text(\"/p/\");value(value0);");
        check(
            "\"/{r#type}/{self}\"",
            "&r#type,&self,",
            "\"/{r#type}/{self}\"",
            "text(\"/\");value(value0);text(\"/\");value(value1);",
        );
        check("\"/{type}\"", "&r#type,", "\"/{type}\"", "text(\"/\");value(value0);");
        check(
            "\"/{}/{x}\", a, x = b,",
            "&a,&b,",
            "\"/{}/{x}\"",
            "text(\"/\");value(value0);text(\"/\");value(value1);",
        );
        check("\"https://h/{{a}}\"", "", "\"https://h/{a}\"", "text(\"https://h/{a}\");");
    }

    #[test]
    fn a_value_used_twice_is_evaluated_once() {
        let (values, _, steps) = parts("\"/{id}/{id}\", id = next()");
        assert_eq!(values, "&next(),");
        assert_eq!(steps, "text(\"/\");value(value0);text(\"/\");value(value0);");
    }

    #[test]
    fn mistakes_are_told_what_to_write() {
        for (input, expected) in [
            ("", "starts with its template"),
            ("TEMPLATE", "starts with its template"),
            ("\"users/{id}\"", "starts with `/`"),
            ("\"{base}/users\"", "starts with `/`"),
            ("\"/{}/{}\", a", "1 of the `{}` have no value"),
            ("\"/{}\", id = a", "1 of the `{}` have no value"),
            ("\"/{}\", a, b", "no `{}` for this value"),
            ("\"/{id}\", x = a", "has no `{x}`"),
            ("\"/{id}\", id = a, id = b", "given twice"),
            ("\"/{id:?}\"", "no format specs: write `{id}` instead of `{id:?}`"),
            ("\"/{:>5}\", a", "no format specs: write `{}` instead of `{:>5}`"),
            ("\"/{a.b}\"", "`{a.b}` is no name"),
            ("\"/{0}\"", "`{0}` is no name"),
            ("\"/{crate}\"", "`{crate}` is no name"),
            ("\"/{id\"", "write `{{` for a literal one"),
            ("\"/id}\"", "write `}}` for a literal one"),
        ] {
            let found = errors(input);
            assert!(found.iter().any(|error| error.contains(expected)), "{input}: {found:?}");
            // A value under the wrong name is missing here and left over there.
            let both = usize::from(input == "\"/{}\", id = a");
            assert_eq!(found.len(), 1 + both, "{input}: {found:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_still_a_path() {
        assert!(expanded("1").ends_with("P::path(\"\",::std::string::String::new())}"));
    }
}
