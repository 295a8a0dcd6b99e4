//! Duration literals: `500ms`, `1.5s`, `2h30m`.
//!
//! They are rewritten on tokens, before anything is parsed, so that they also work inside other macros'
//! input.

use proc_macro2::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};
use quote::quote;
use syn::Lit;

use crate::expand::Errors;
use crate::runtime::Runtime;

/// Units from large to small, with their length in nanoseconds.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// What may follow a number in Rust itself.
const RUST_SUFFIXES: [&str; 16] = [
    "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f16", "f32",
    "f64", "f128",
];

/// Replaces every duration literal in `tokens`, however deep, by a call that makes the `Duration`.
pub(crate) fn rewrite(tokens: TokenStream, runtime: &Runtime, errors: &mut Errors) -> TokenStream {
    tokens
        .into_iter()
        .map(|tree| match tree {
            TokenTree::Group(group) => {
                let mut rewritten = Group::new(group.delimiter(), rewrite(group.stream(), runtime, errors));
                rewritten.set_span(group.span());
                TokenTree::Group(rewritten)
            }
            TokenTree::Literal(literal) => rewrite_literal(literal, runtime, errors),
            tree => tree,
        })
        .collect()
}

fn rewrite_literal(literal: Literal, runtime: &Runtime, errors: &mut Errors) -> TokenTree {
    let (digits, suffix) = match Lit::new(literal.clone()) {
        Lit::Int(int) => (int.base10_digits().to_owned(), int.suffix().to_owned()),
        Lit::Float(float) => (float.base10_digits().to_owned(), float.suffix().to_owned()),
        _ => return literal.into(),
    };
    if suffix.is_empty() || RUST_SUFFIXES.contains(&suffix.as_str()) {
        return literal.into();
    }
    let span = literal.span();
    let nanos = nanos(&literal.to_string(), &digits, &suffix).unwrap_or_else(|message| {
        errors.at_span(span, message);
        0 // any duration will do: it keeps the type right, so that nothing else is reported
    });
    let (secs, subsec) = ((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32);
    let (secs, subsec) = (Literal::u64_unsuffixed(secs), Literal::u32_unsuffixed(subsec));
    // Written as if by the user, in the literal's place: where the tokens of one expression come from several expansions,
    // the compiler marks the whole attribute.
    let root = runtime.root_at(span);
    let call = placed(quote!(::__private::duration(#secs, #subsec)), span);
    // One group, so that no neighbouring token is read as a part of the path.
    let mut call = Group::new(Delimiter::None, quote!(#root #call));
    call.set_span(span);
    call.into()
}

fn placed(tokens: TokenStream, at: Span) -> TokenStream {
    let placed = tokens.into_iter().map(|mut tree| {
        if let TokenTree::Group(group) = &tree {
            tree = Group::new(group.delimiter(), placed(group.stream(), at)).into();
        }
        tree.set_span(at);
        tree
    });
    placed.collect()
}

/// Exact: no float ever holds the value.
fn nanos(literal: &str, digits: &str, suffix: &str) -> Result<u128, String> {
    if ["0x", "0o", "0b"].iter().any(|radix| literal.starts_with(radix)) {
        return Err(format!("`{literal}` is not a duration: write the number in decimal, such as `500ms`"));
    }
    if digits.contains(['e', 'E']) {
        return Err(format!(
            "`{literal}` is not a duration: write the number without an exponent, such as `1000s`"
        ));
    }
    let (mut total, mut number, mut rest) = (0u128, digits, suffix.trim_start_matches('_'));
    let mut smaller = &UNITS[..];
    loop {
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, tail) = rest.split_at(end);
        let Some(&(_, length)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!(
                "`{literal}` has no unit that is known{}: a duration takes ns, us, ms, s, m, h or d, such as `500ms`, `1.5s` or `2h30m`",
                if unit.is_empty() { String::new() } else { format!(" (`{unit}`)") }
            ));
        };
        let Some(index) = smaller.iter().position(|(name, _)| *name == unit) else {
            return Err(format!(
                "`{literal}` mixes up its units: write each once and the largest first, such as `2h30m`"
            ));
        };
        smaller = &smaller[index + 1..];
        let part = scaled(number, length)
            .ok_or_else(|| format!("`{literal}` is finer than a nanosecond or too long"))?;
        total += part;
        if tail.is_empty() {
            break;
        }
        let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        (number, rest) = tail.split_at(end);
    }
    if total / 1_000_000_000 > u128::from(u64::MAX) {
        return Err(format!("`{literal}` is too long to be a duration"));
    }
    Ok(total)
}

/// `number` (perhaps with a fraction) times `length`; none if it is no whole count of nanoseconds, or huge.
fn scaled(number: &str, length: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let scale = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let value = format!("{whole}{fraction}").parse::<u128>().ok()?.checked_mul(length)?;
    // Far below the end of u128, so that seven parts add up without overflow.
    (value % scale == 0 && value < u128::MAX / 8).then_some(value / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(source: &str) -> String {
        let mut errors = Errors::default();
        let tokens = rewrite(source.parse().unwrap(), &Runtime::default(), &mut errors);
        assert_eq!(errors.messages(), [""; 0], "{source}");
        tokens.to_string().replace(' ', "").replace("::loadcore::__private::duration", "D")
    }

    fn error(source: &str) -> String {
        let mut errors = Errors::default();
        rewrite(source.parse().unwrap(), &Runtime::default(), &mut errors);
        errors.messages().pop().unwrap_or_else(|| panic!("{source} is accepted"))
    }

    #[test]
    fn durations_are_exact() {
        for (source, expected) in [
            ("1m", "D(60,0)"),
            ("500ms", "D(0,500000000)"),
            ("1.5s", "D(1,500000000)"),
            ("2h30m", "D(9000,0)"),
            ("1d2h1m15s", "D(93675,0)"),
            ("1m30s", "D(90,0)"),
            ("0s", "D(0,0)"),
            ("0.1s", "D(0,100000000)"),
            ("1.000000001s", "D(1,1)"),
            ("7ns", "D(0,7)"),
            ("1_500us", "D(0,1500000)"),
            ("500_ms", "D(0,500000000)"),
            ("1s500ms", "D(1,500000000)"),
            ("18446744073709551615s", "D(18446744073709551615,0)"),
        ] {
            assert_eq!(rewritten(source), expected, "{source}");
        }
    }

    #[test]
    fn they_are_found_inside_groups_and_other_macros() {
        assert_eq!(rewritten("f([(1m, 100)], vec![{ 2s }])"), "f([(D(60,0),100)],vec![{D(2,0)}])");
    }

    #[test]
    fn rusts_own_literals_are_left_alone() {
        let own = "(1,1u8,2usize,1f64,1.5,1.5f32,1e3,0xffu32,0x1d,\"5s\",'s',b's',t.0)";
        assert_eq!(rewritten(own), own);
    }

    #[test]
    fn mistakes_name_what_is_valid() {
        for unit in ["5sec", "5min", "1w", "1h5", "1h5q", "3µs"] {
            assert!(error(unit).contains("takes ns, us, ms, s, m, h or d"), "{unit}: {}", error(unit));
        }
        assert!(error("1e3s").contains("without an exponent"));
        assert!(error("0x1m").contains("in decimal"));
        assert!(error("30m2h").contains("largest first"));
        assert!(error("1m1m").contains("each once"));
        assert!(error("0.5ns").contains("finer than a nanosecond"));
        assert!(error("99999999999999999999d").contains("too long"));
    }
}
