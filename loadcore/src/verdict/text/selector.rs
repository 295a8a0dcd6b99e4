//! The series of a threshold: `NAME` or `NAME{TAG:VALUE,..}`.

use super::{nearest, shown};
use crate::metric::{MetricDesc, Selector};

const QUOTES: [char; 2] = ['"', '\''];

pub(super) fn parse(text: &str, known: &[MetricDesc]) -> Result<Selector, String> {
    let (name, tags) = match text.split_once('{') {
        Some((name, tags)) => (name.trim(), Some(tags.strip_suffix('}').unwrap_or(tags))),
        None => (text, None),
    };
    let metric = known.iter().find(|desc| desc.name == name).ok_or_else(|| unknown_metric(name, known))?;
    let mut selector = Selector::all_of(metric.clone());
    let Some(mut rest) = tags else { return Ok(selector) };
    if rest.trim().is_empty() {
        return Err("there is no tag between the braces: write {TAG:VALUE}, or leave them out".to_owned());
    }
    loop {
        let (key, value) = pair(&mut rest)?;
        selector = selector.with_tag(&key, &value);
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Ok(selector),
        }
    }
}

fn unknown_metric(name: &str, known: &[MetricDesc]) -> String {
    let shown = shown(name);
    match nearest(name, known.iter().map(|desc| &*desc.name)) {
        Some(near) => format!("no metric is named `{shown}`; did you mean `{near}`?"),
        None => {
            let names: Vec<&str> = known.iter().map(|desc| &*desc.name).collect();
            format!("no metric is named `{shown}`; there are: {}", names.join(", "))
        }
    }
}

/// A key and its value. What is left begins with the comma behind them, or is nothing.
fn pair(rest: &mut &str) -> Result<(String, String), String> {
    let whole = *rest;
    let no_pair = |end: &str| {
        let pair = whole[..whole.len() - end.len()].trim();
        Err(format!("`{}` is no TAG:VALUE", shown(pair)))
    };
    let key = word(rest, &[':', ','])?;
    let Some(after) = rest.strip_prefix(':') else { return no_pair(rest) };
    *rest = after;
    let value = word(rest, &[','])?;
    // An empty value in quotes is meant: series that have no such tag.
    if key.text.is_empty() || value.text.is_empty() && !value.quoted {
        return no_pair(rest);
    }
    Ok((key.text, value.text))
}

struct Word {
    text: String,
    quoted: bool,
}

/// What stands before the first of `ends`, without the blanks around it; or between quotes, blanks and ends included.
fn word(rest: &mut &str, ends: &[char]) -> Result<Word, String> {
    let begun = rest.trim_start();
    let (word, tail) = match begun.strip_prefix(QUOTES) {
        Some(inner) => {
            let quote = &begun[..begun.len() - inner.len()];
            let (text, tail) = quoted(inner, quote)?;
            (Word { text, quoted: true }, tail.trim_start())
        }
        None => {
            let (text, tail) = begun.split_at(begun.find(ends).unwrap_or(begun.len()));
            (Word { text: text.trim_end().to_owned(), quoted: false }, tail)
        }
    };
    if !tail.is_empty() && !tail.starts_with(ends) {
        let shown = shown(tail);
        return Err(format!("`{shown}` stands behind a closing quote: write a quote within quotes twice"));
    }
    *rest = tail;
    Ok(word)
}

/// The text up to the closing quote, and what follows. A quote that is part of the text is written twice.
fn quoted<'a>(text: &'a str, quote: &str) -> Result<(String, &'a str), String> {
    let (mut found, mut rest) = (String::new(), text);
    while let Some((part, tail)) = rest.split_once(quote) {
        found.push_str(part);
        match tail.strip_prefix(quote) {
            Some(tail) => {
                found.push_str(quote);
                rest = tail;
            }
            None => return Ok((found, tail)),
        }
    }
    Err(format!("the quote before `{}` is never closed", shown(text)))
}
