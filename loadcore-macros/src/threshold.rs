//! Thresholds: a comparison at the top of an expression becomes the method that makes a threshold.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{BinOp, Expr, ExprBinary, ExprMethodCall, Lit};

use crate::expand::Errors;

/// What `Threshold` has, and no number or duration.
const THRESHOLD_METHODS: [&str; 3] = ["abort_on_fail", "delay_abort_eval", "allow_empty"];

/// One element of `thresholds = [..]`, as the expression of a threshold.
pub(crate) fn parse(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Expr>> {
    let begin = input.fork();
    let parsed = input.parse::<Expr>();
    let expr = match parsed {
        Err(error) if input.is_empty() => return Err(half_typed(&begin).unwrap_or(error)),
        parsed => parsed?,
    };
    check_percentiles(expr.to_token_stream(), errors);
    Ok(comparisons_rewritten(expr, errors))
}

/// The error of an expression that the end of the list cuts off. The end itself has no place but the whole list's.
fn half_typed(begin: ParseStream<'_>) -> Option<syn::Error> {
    let last = begin.parse::<TokenStream>().ok()?.into_iter().last()?;
    let TokenTree::Punct(punct) = &last else { return None };
    let message = match punct.as_char() {
        ',' => return None,
        '.' => {
            "which number of the metric? Write it behind the point, such as `HTTP_REQ_DURATION.p(95) < 500ms`"
                .to_owned()
        }
        other => format!(
            "the bound is missing: write it behind the `{other}`, such as `HTTP_REQ_DURATION.p(95) < 500ms`"
        ),
    };
    Some(syn::Error::new_spanned(last, message))
}

/// Rewrites the comparison that an expression is, or that its methods are called on:
/// `(A < B).abort_on_fail()` is `A.below(B).abort_on_fail()`.
fn comparisons_rewritten(expr: Expr, errors: &mut Errors) -> Option<Expr> {
    match unwrapped(&expr) {
        Expr::Binary(comparison) => rewrite(comparison, errors),
        Expr::MethodCall(call) if begins_with_comparison(&call.receiver) => {
            let receiver = comparisons_rewritten((*call.receiver).clone(), errors)?;
            Some(Expr::MethodCall(ExprMethodCall { receiver: Box::new(receiver), ..call.clone() }))
        }
        _ => Some(expr),
    }
}

fn begins_with_comparison(expr: &Expr) -> bool {
    match unwrapped(expr) {
        Expr::Binary(_) => true,
        Expr::MethodCall(call) => begins_with_comparison(&call.receiver),
        _ => false,
    }
}

/// `A < B` is `A.below(B)`. The method has the operator's place, so that a metric which cannot be compared,
/// or not with this kind of value, is reported there.
fn rewrite(comparison: &ExprBinary, errors: &mut Errors) -> Option<Expr> {
    let method = match comparison.op {
        BinOp::Lt(_) => "below",
        BinOp::Le(_) => "at_most",
        BinOp::Gt(_) => "above",
        BinOp::Ge(_) => "at_least",
        BinOp::Eq(_) | BinOp::Ne(_) => {
            let message = "a measured value is never compared for equality: write `<`, `<=`, `>` or `>=`";
            errors.at(comparison.op, message);
            return None;
        }
        BinOp::And(_) | BinOp::Or(_) => {
            errors.at(comparison.op, "a threshold is one comparison: write two, separated by a comma");
            return None;
        }
        // Arithmetic of the user's own types: if it makes no threshold, the compiler says so.
        _ => return Some(Expr::Binary(comparison.clone())),
    };
    if is_constant(&comparison.left) {
        errors.at(&comparison.left, "write the metric first: `HTTP_REQ_DURATION.p(95) < 500ms`");
        return None;
    }
    if let Some(method) = method_of_the_bound(&comparison.right) {
        let message = format!(
            "`{method}` is said of the whole comparison: put it in parentheses, such as `(HTTP_REQ_FAILED.rate() < 0.1).{method}(..)`"
        );
        errors.at(method, message);
        return None;
    }
    let span = comparison.op.span();
    Some(Expr::MethodCall(ExprMethodCall {
        attrs: Vec::new(),
        receiver: comparison.left.clone(),
        dot_token: syn::parse_quote_spanned!(span=> .),
        method: Ident::new(method, span),
        turbofish: None,
        paren_token: syn::token::Paren(span),
        args: Punctuated::from_iter([(*comparison.right).clone()]),
    }))
}

/// A method of thresholds that is called on a bound: `A < 0.1.abort_on_fail()`.
fn method_of_the_bound(bound: &Expr) -> Option<&Ident> {
    match bound {
        Expr::MethodCall(call) if THRESHOLD_METHODS.iter().any(|name| call.method == name) => {
            method_of_the_bound(&call.receiver).or(Some(&call.method))
        }
        _ => None,
    }
}

/// Without parentheses and without the invisible groups of `macro_rules!`.
fn unwrapped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => unwrapped(&paren.expr),
        Expr::Group(group) => unwrapped(&group.expr),
        expr => expr,
    }
}

/// A number, or a duration literal that has been rewritten already.
fn is_constant(expr: &Expr) -> bool {
    match unwrapped(expr) {
        Expr::Lit(_) => true,
        Expr::Call(call) => call.func.to_token_stream().to_string().ends_with("__private :: duration"),
        _ => false,
    }
}

/// A literal `.p(199)` is refused here: anything later could only say so when the test starts.
fn check_percentiles(tokens: TokenStream, errors: &mut Errors) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for window in trees.windows(3) {
        if let [TokenTree::Punct(dot), TokenTree::Ident(method), TokenTree::Group(args)] = window
            && dot.as_char() == '.'
            && method == "p"
            && let Some(percentile) = number(args.stream())
            && !(0.0..=100.0).contains(&percentile)
        {
            let given = args.stream().to_string().replace(' ', "");
            let message = format!("p({given}) is out of range: a percentile lies between 0 and 100");
            errors.at(args.stream(), message);
        }
    }
    for tree in trees {
        if let TokenTree::Group(group) = tree {
            check_percentiles(group.stream(), errors);
        }
    }
}

/// The value of `199`, `99.9` or `-1`, if this is all there is.
fn number(tokens: TokenStream) -> Option<f64> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let (sign, literal) = match trees.as_slice() {
        [TokenTree::Literal(literal)] => (1.0, literal),
        [TokenTree::Punct(minus), TokenTree::Literal(literal)] if minus.as_char() == '-' => (-1.0, literal),
        _ => return None,
    };
    let value: f64 = match Lit::new(literal.clone()) {
        Lit::Int(int) => int.base10_parse().ok()?,
        Lit::Float(float) => float.base10_parse().ok()?,
        _ => return None,
    };
    Some(sign * value)
}

/// `.threshold(expr)` at the user's key.
pub(crate) fn call(key: &Ident, expr: &Expr) -> TokenStream {
    let method = Ident::new("threshold", key.span());
    quote_spanned!(crate::expand::hidden_at(key.span())=> .#method(#expr))
}

#[cfg(test)]
mod tests {
    use syn::parse::Parser;

    use super::*;
    use crate::runtime::Runtime;

    fn read(source: &str) -> Result<String, Vec<String>> {
        let mut errors = Errors::default();
        let tokens = crate::duration::rewrite(source.parse().unwrap(), &Runtime::default(), &mut errors);
        let parsed = (|input: ParseStream<'_>| parse(input, &mut errors)).parse2(tokens);
        match parsed {
            Ok(Some(expr)) if errors.messages().is_empty() => {
                Ok(expr.to_token_stream().to_string().replace(' ', "").replace("::loadcore::__private::", ""))
            }
            Ok(_) => Err(errors.messages()),
            Err(error) => Err(vec![error.to_string()]),
        }
    }

    #[test]
    fn comparisons_become_methods() {
        for (source, expected) in [
            ("D.p(95) < 500ms", "D.p(95).below(duration(0,500000000))"),
            ("F.rate() <= 0.01", "F.rate().at_most(0.01)"),
            ("C.group(\"a\").rate() > 0.999", "C.group(\"a\").rate().above(0.999)"),
            ("C.rate() >= limit()", "C.rate().at_least(limit())"),
            ("(D.p(95) < LIMIT)", "D.p(95).below(LIMIT)"),
            ("D.p(95) < BASE * 2 + 1", "D.p(95).below(BASE*2+1)"),
            ("A + B < C", "(A+B).below(C)"),
            ("D.p(99).below(x)", "D.p(99).below(x)"),
            ("make(1 < 2)", "make(1<2)"),
            ("D.p(0) < a", "D.p(0).below(a)"),
            ("D.p(99.9) < a", "D.p(99.9).below(a)"),
            ("D.p(100) < a", "D.p(100).below(a)"),
            ("D.p(n) < a", "D.p(n).below(a)"),
            ("(D.p(95) < 1s).allow_empty()", "D.p(95).below(duration(1,0)).allow_empty()"),
            (
                "(F.rate() >= a * 2).abort_on_fail().delay_abort_eval(x)",
                "F.rate().at_least(a*2).abort_on_fail().delay_abort_eval(x)",
            ),
            ("((F.rate() < a).abort_on_fail())", "F.rate().below(a).abort_on_fail()"),
            ("D.p(95) < limit().max(x)", "D.p(95).below(limit().max(x))"),
        ] {
            assert_eq!(read(source).as_deref(), Ok(expected), "{source}");
        }
    }

    #[test]
    fn what_is_no_threshold_is_told_what_to_write() {
        for (source, expected) in [
            ("D.p(95) == 1", "write `<`, `<=`, `>` or `>=`"),
            ("D.p(95) != 1", "write `<`, `<=`, `>` or `>=`"),
            ("A < 1 && B < 2", "write two, separated by a comma"),
            ("500ms > D.p(95)", "write the metric first"),
            ("0.01 > F.rate()", "write the metric first"),
            ("(A == 1).allow_empty()", "write `<`, `<=`, `>` or `>=`"),
            ("A < 0.1.abort_on_fail()", "`(HTTP_REQ_FAILED.rate() < 0.1).abort_on_fail(..)`"),
            (
                "A < 1s.abort_on_fail().delay_abort_eval(1s)",
                "`abort_on_fail` is said of the whole comparison",
            ),
            ("A.", "which number of the metric?"),
            ("A.rate() <", "the bound is missing: write it behind the `<`"),
            ("A.rate() <=", "the bound is missing"),
        ] {
            let errors = read(source).unwrap_err();
            assert!(errors.len() == 1 && errors[0].contains(expected), "{source}: {errors:?}");
        }
    }

    #[test]
    fn a_literal_percentile_out_of_range_is_refused_wherever_it_stands() {
        for (source, given) in [
            ("D.p(199) < 1", "199"),
            ("D.p(-1) < 1", "-1"),
            ("D.p(100.1).below(1)", "100.1"),
            ("make(D.p(101))", "101"),
        ] {
            let expected = format!("p({given}) is out of range: a percentile lies between 0 and 100");
            assert_eq!(read(source), Err(vec![expected]), "{source}");
        }
    }
}
