//! The options file: TOML, below the environment and above the code.

mod thresholds;

use super::http;
use super::options::{Options, Pairs, Said};
use super::values::{self, Parsed};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

pub(super) type Key<'a> = Spanned<DeString<'a>>;
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// The options of this file.
///
/// # Errors
/// All that is wrong with it, or that it cannot be read.
pub(super) fn load(path: &Path, place: &str) -> Result<Options, Vec<String>> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| {
        vec![format!("{place}: {name}: {error}; give a TOML file with options, or leave it out")]
    })?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => read(&name, text),
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
            let mut reader = Reader { name: &name, text: &before, problems: Vec::new() };
            let end = before.len();
            reader.problem(end..end, "this is not UTF-8 text; save the file as UTF-8");
            Err(reader.problems)
        }
    }
}

/// The options of this text, which is the content of the file of this name.
pub(super) fn read(name: &str, text: &str) -> Result<Options, Vec<String>> {
    let mut reader = Reader { name, text, problems: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        // What follows the first line shows the place, which is said in front already.
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        let rule = "write KEY = VALUE, each key once, and texts in double quotes";
        reader.problem(error.span().unwrap_or_default(), format_args!("{message}; {rule}"));
    }
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    let mut options = Options::default();
    for (key, value) in entries(table.get_ref()) {
        reader.option(&mut options, key, value);
    }
    let options = options.settled();
    if let Err(conflict) = options.check("`duration`") {
        reader.problems.push(conflict.to_string());
    }
    if reader.problems.is_empty() { Ok(options) } else { Err(reader.problems) }
}

/// The keys of an options file, beside those of HTTP.
const KEYS: [&str; 22] = [
    "base_url",
    "scenarios",
    "vus",
    "duration",
    "iterations",
    "stages",
    "rate",
    "env",
    "tags",
    "headers",
    "thresholds",
    "no_thresholds",
    "seed",
    "cores",
    "rps",
    "spin_arrivals",
    "setup_timeout",
    "teardown_timeout",
    "summary_export",
    "debug",
    "quiet",
    "no_color",
];

fn keys() -> Vec<&'static str> {
    [&KEYS[..], &http::file::KEYS].concat()
}

pub(super) struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// `load.toml:3:1`.
    fn place(&self, span: Range<usize>) -> String {
        let before = &self.text[..self.text.floor_char_boundary(span.start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.name)
    }

    fn problem(&mut self, span: Range<usize>, problem: impl std::fmt::Display) {
        let place = self.place(span);
        self.problems.push(format!("{place}: {problem}"));
    }

    fn option(&mut self, options: &mut Options, key: &Key<'_>, value: &Value<'_>) {
        match &**key.get_ref() {
            "base_url" => options.base_url = self.value(key, value, values::base_url),
            "scenarios" => options.scenarios = self.said_list(key, value, |text| Ok(text.to_owned())),
            "vus" => options.vus = self.said(key, value, values::whole),
            "duration" => options.duration = self.said(key, value, values::positive_duration),
            "iterations" => options.iterations = self.said(key, value, values::at_least_one),
            "stages" => options.stages = self.said_list(key, value, values::stage),
            "rate" => options.rate = self.said(key, value, values::rate),
            "env" => options.env = self.pairs(key, value, values::variable_pair),
            "tags" => options.tags = self.pairs(key, value, values::tag_pair),
            "headers" => options.headers = self.pairs(key, value, values::header_pair),
            "thresholds" => options.thresholds = vec![self.thresholds(key, value)],
            "no_thresholds" => options.no_thresholds = self.value(key, value, values::truth),
            "seed" => options.seed = self.value(key, value, values::whole),
            "cores" => options.cores = self.value(key, value, values::cores),
            "rps" => options.rps = self.value(key, value, values::rps),
            "spin_arrivals" => options.spin_arrivals = self.value(key, value, values::truth),
            "setup_timeout" => options.setup_timeout = self.value(key, value, values::time_limit),
            "teardown_timeout" => options.teardown_timeout = self.value(key, value, values::time_limit),
            "summary_export" => options.summary_export = self.said(key, value, |text| Ok(text.into())),
            "debug" => options.debug = self.value(key, value, values::truth),
            "quiet" => options.quiet = self.value(key, value, values::truth),
            "no_color" => options.no_color = self.value(key, value, values::truth),
            _ if http::file::read(self, &mut options.http, key, value) => {}
            _ => self.unknown(key, "option", &keys()),
        }
    }

    pub(super) fn unknown(&mut self, key: &Key<'_>, what: &str, known: &[&str]) {
        let problem = match values::nearest(key.get_ref(), known.iter().copied()) {
            Some(near) => format!("there is no {what} `{}`; did you mean `{near}`?", key.get_ref()),
            None => format!("there is no {what} `{}`; there are: {}", key.get_ref(), known.join(", ")),
        };
        self.problem(key.span(), problem);
    }

    /// A string, number or truth value as text: what it means is decided as on the command line.
    fn text<'v>(&mut self, key: &str, value: &'v Value<'_>) -> Option<std::borrow::Cow<'v, str>> {
        match value.get_ref() {
            DeValue::String(text) => Some((&**text).into()),
            DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Some(number.to_string().into()),
                Err(error) => {
                    self.problem(value.span(), format_args!("{key}: {error}"));
                    None
                }
            },
            DeValue::Float(number) => Some(number.as_str().into()),
            DeValue::Boolean(truth) => Some(truth.to_string().into()),
            other => {
                let problem = format!("{key}: a {} cannot be its value: write one value", other.type_str());
                self.problem(value.span(), problem);
                None
            }
        }
    }

    pub(super) fn parsed<T>(
        &mut self,
        key: &str,
        value: &Value<'_>,
        parse: impl Fn(&str) -> Parsed<T>,
    ) -> Option<T> {
        let text = self.text(key, value)?;
        match parse(&text) {
            Ok(parsed) => Some(parsed),
            Err(problem) => {
                self.problem(value.span(), format_args!("{key}: {problem}"));
                None
            }
        }
    }

    pub(super) fn value<T>(
        &mut self,
        key: &Key<'_>,
        value: &Value<'_>,
        parse: fn(&str) -> Parsed<T>,
    ) -> Option<T> {
        self.parsed(key.get_ref(), value, parse)
    }

    /// The place of a key, as conflicts name it.
    fn of_key<T>(&self, key: &Key<'_>, value: T) -> Said<T> {
        Said::new(value, format!("{}: `{}`", self.place(key.span()), key.get_ref()))
    }

    fn said<T>(&mut self, key: &Key<'_>, value: &Value<'_>, parse: fn(&str) -> Parsed<T>) -> Option<Said<T>> {
        let parsed = self.value(key, value, parse)?;
        Some(self.of_key(key, parsed))
    }

    /// One value, or an array of them.
    fn said_list<T>(
        &mut self,
        key: &Key<'_>,
        value: &Value<'_>,
        parse: fn(&str) -> Parsed<T>,
    ) -> Option<Said<Vec<T>>> {
        let list = self.list(key, value, parse);
        (!list.is_empty()).then(|| self.of_key(key, list))
    }

    /// The same without the place.
    pub(super) fn list<T>(
        &mut self,
        key: &Key<'_>,
        value: &Value<'_>,
        parse: fn(&str) -> Parsed<T>,
    ) -> Vec<T> {
        let items = items(value);
        if items.is_empty() {
            let name = key.get_ref();
            self.problem(
                value.span(),
                format_args!("{name}: the list is empty: fill it, or leave {name} out"),
            );
        }
        items.iter().filter_map(|item| self.value(key, item, parse)).collect()
    }

    fn table<'t, 'i>(
        &mut self,
        key: &Key<'_>,
        value: &'t Value<'i>,
        example: &str,
    ) -> Option<&'t DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let name = key.get_ref();
            self.problem(
                value.span(),
                format_args!("{name}: write a table: [{name}], and below it {example}"),
            );
        }
        table
    }

    pub(super) fn pairs(
        &mut self,
        key: &Key<'_>,
        value: &Value<'_>,
        check: fn(&str, &str) -> Parsed<(String, String)>,
    ) -> Pairs {
        let Some(table) = self.table(key, value, "NAME = \"VALUE\"") else { return Vec::new() };
        let mut pairs = Vec::new();
        for (name, value) in entries(table) {
            // Only a header may be sent more than once.
            let values = if key.get_ref() == "headers" { items(value) } else { vec![value] };
            for item in values {
                let place = format!("{}.{}", key.get_ref(), name.get_ref());
                pairs.extend(self.parsed(&place, item, |text| check(name.get_ref(), text)));
            }
        }
        pairs
    }
}

/// In the order of the file.
pub(super) fn entries<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Key<'i>, &'t Value<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// The elements of an array; anything else is the only one.
fn items<'v, 'i>(value: &'v Value<'i>) -> Vec<&'v Value<'i>> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_all_that_flags_can_say() {
        let text = r#"
            base_url = "http://h"
            scenarios = ["browse"]
            vus = 0x10
            stages = ["1s:2", "3s:4"]
            seed = 18_446_744
            rps = 1_000.5
            no_thresholds = true

            [env]
            KEY = "a b"
            [tags]
            run = 7
            [headers]
            accept = ["a", "b"]
            [thresholds]
            http_req_failed = "rate<0.01"
            "http_req_duration{scenario:checkout}" = [
                "p(95)<500",
                { threshold = "max<2s", abort_on_fail = true, delay_abort_eval = "10s" },
            ]
        "#;
        let options = read("load.toml", text).unwrap();
        assert_eq!(options.vus.unwrap(), Said::new(16, "load.toml:4:13: `vus`"));
        assert_eq!((options.seed, options.rps), (Some(18_446_744), Some(1_000.5)));
        assert_eq!(options.no_thresholds, Some(true));
        assert_eq!(options.tags, [("run".to_owned(), "7".to_owned())]);
        assert_eq!(options.headers.len(), 2);
        let texts: Vec<_> = options.thresholds[0].iter().map(|said| &*said.value).collect();
        assert_eq!(
            texts,
            [
                "http_req_failed: rate<0.01",
                "http_req_duration{scenario:checkout}: p(95)<500",
                "http_req_duration{scenario:checkout}: max<2s abort_on_fail delay_abort_eval=10s",
            ]
        );
        assert_eq!(options.thresholds[0][2].place, "load.toml:20:17");
    }

    /// Each name that the file knows is known everywhere, so that adding an option in one place only is found.
    #[test]
    fn each_key_is_read() {
        for key in keys() {
            let problems = read("f", &format!("{key} = [[]]")).map(drop).unwrap_err().concat();
            assert!(!problems.contains("there is no option"), "{key}: {problems}");
        }
    }

    #[test]
    fn every_mistake_of_a_file_is_told_with_its_place() {
        let problems =
            read("a/load.toml", "dog = 1\nvu = 3\nduration = 30\n[thresholds]\nchecks = 1979-05-27\n");
        assert_eq!(
            problems.unwrap_err(),
            [
                &format!("a/load.toml:1:1: there is no option `dog`; there are: {}", keys().join(", ")),
                "a/load.toml:2:1: there is no option `vu`; did you mean `vus`?",
                "a/load.toml:3:12: duration: `30` is not a duration: a unit is missing; write for example `30s`, `1m30s`, \
                 `500ms` or `2h`",
                "a/load.toml:5:10: checks: a datetime cannot be its value: write one value",
            ]
        );
    }
}
