//! `LOADCORE_*`: what the environment says. Below the command line, above the options file.

use super::http::{self, HttpSaid};
use super::options::{Options, Said};
use super::values::{self, Parsed};
use std::collections::BTreeMap;
use std::ffi::OsString;

const PREFIX: &str = "LOADCORE_";

/// Names the options file, as `--config` does.
pub(super) const CONFIG: &str = "LOADCORE_CONFIG";

/// Not options: the project's own tests read them.
const OTHERS: [&str; 2] = ["LOADCORE_REQUIRE_REAL", "LOADCORE_TEST_ALONE"];

/// How a variable holds several values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Separator {
    /// `a,b`: for values that have no comma.
    Comma,
    /// `a;b`, or one a line where there is more than one line.
    Semicolon,
    /// One a line: the values may hold anything else.
    Line,
}

impl Separator {
    fn split(self, text: &str) -> Vec<&str> {
        let by = match self {
            Self::Comma => ',',
            Self::Semicolon if !text.contains('\n') => ';',
            Self::Semicolon | Self::Line => '\n',
        };
        text.split(by).map(str::trim).filter(|part| !part.is_empty()).collect()
    }
}

/// The variables of one process, read by name: those that nobody asks for are mistakes.
pub(super) struct Reader {
    variables: BTreeMap<String, String>,
    known: Vec<&'static str>,
    problems: Vec<String>,
}

impl Reader {
    fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        self.variables.remove(name)
    }

    fn noted<T>(&mut self, name: &str, parsed: Parsed<T>) -> Option<T> {
        parsed.map_err(|problem| self.problems.push(format!("{name}: {problem}"))).ok()
    }

    pub(super) fn value<T>(&mut self, name: &'static str, parse: fn(&str) -> Parsed<T>) -> Option<T> {
        let text = self.text(name)?;
        self.noted(name, parse(&text))
    }

    fn said<T>(&mut self, name: &'static str, parse: fn(&str) -> Parsed<T>) -> Option<Said<T>> {
        self.value(name, parse).map(|value| Said::new(value, name))
    }

    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        by: Separator,
        parse: fn(&str) -> Parsed<T>,
    ) -> Vec<T> {
        let text = self.text(name).unwrap_or_default();
        by.split(&text).into_iter().filter_map(|part| self.noted(name, parse(part))).collect()
    }

    fn said_list<T>(
        &mut self,
        name: &'static str,
        by: Separator,
        parse: fn(&str) -> Parsed<T>,
    ) -> Option<Said<Vec<T>>> {
        let is_set = self.variables.contains_key(name);
        let problems = self.problems.len();
        let list = self.list(name, by, parse);
        if is_set && list.is_empty() && self.problems.len() == problems {
            self.problems.push(format!("{name}: the list is empty: fill it, or leave {name} out"));
        }
        (!list.is_empty()).then(|| Said::new(list, name))
    }

    /// What nobody has asked for.
    fn refuse_the_rest(&mut self) {
        self.known.sort_unstable();
        for name in std::mem::take(&mut self.variables).into_keys() {
            let known = self.known.iter().map(|known| &known[PREFIX.len()..]);
            let problem = match values::nearest(&name[PREFIX.len()..], known) {
                Some(known) => format!("{name}: there is no such option; did you mean {PREFIX}{known}?"),
                None => format!("{name}: there is no such option; there are: {}", self.known.join(", ")),
            };
            self.problems.push(problem);
        }
    }
}

/// What the variables say. An empty one says nothing.
///
/// # Errors
/// All that is wrong with them.
pub(super) fn read(variables: impl IntoIterator<Item = (String, OsString)>) -> Result<Options, Vec<String>> {
    let mut problems = Vec::new();
    let mut ours = BTreeMap::new();
    for (name, value) in variables {
        if !name.starts_with(PREFIX) || OTHERS.contains(&&*name) || value.is_empty() {
            continue;
        }
        match value.into_string() {
            Ok(value) => drop(ours.insert(name, value)),
            Err(value) => problems.push(format!("{name}: {value:?} is not UTF-8 text")),
        }
    }
    let mut reader = Reader { variables: ours, known: vec![CONFIG], problems };
    reader.variables.remove(CONFIG);
    let http = http::environment::read(&mut reader);
    let options = options(&mut reader, http).settled();
    reader.refuse_the_rest();
    if let Err(conflict) = options.check("LOADCORE_DURATION") {
        reader.problems.push(conflict.to_string());
    }
    if reader.problems.is_empty() { Ok(options) } else { Err(reader.problems) }
}

fn options(reader: &mut Reader, http: HttpSaid) -> Options {
    let text = |text: &str| Ok(text.to_owned());
    let thresholds = reader.list("LOADCORE_THRESHOLD", Separator::Semicolon, text);
    let thresholds = thresholds.into_iter().map(|text| Said::new(text, "LOADCORE_THRESHOLD")).collect();
    Options {
        base_url: reader.value("LOADCORE_BASE_URL", values::base_url),
        scenarios: reader.said_list("LOADCORE_SCENARIO", Separator::Comma, text),
        vus: reader.said("LOADCORE_VUS", values::whole),
        duration: reader.said("LOADCORE_DURATION", values::positive_duration),
        iterations: reader.said("LOADCORE_ITERATIONS", values::at_least_one),
        stages: reader.said_list("LOADCORE_STAGE", Separator::Comma, values::stage),
        rate: reader.said("LOADCORE_RATE", values::rate),
        env: reader.list("LOADCORE_ENV", Separator::Line, values::variable),
        tags: reader.list("LOADCORE_TAG", Separator::Semicolon, values::tag),
        headers: reader.list("LOADCORE_HEADER", Separator::Line, values::header),
        http,
        thresholds: vec![thresholds],
        no_thresholds: reader.value("LOADCORE_NO_THRESHOLDS", values::truth),
        seed: reader.value("LOADCORE_SEED", values::whole),
        cores: reader.value("LOADCORE_CORES", values::cores),
        rps: reader.value("LOADCORE_RPS", values::rps),
        spin_arrivals: reader.value("LOADCORE_SPIN_ARRIVALS", values::truth),
        setup_timeout: reader.value("LOADCORE_SETUP_TIMEOUT", values::time_limit),
        teardown_timeout: reader.value("LOADCORE_TEARDOWN_TIMEOUT", values::time_limit),
        summary_export: reader.said("LOADCORE_SUMMARY_EXPORT", |text| Ok(text.into())),
        debug: reader.value("LOADCORE_DEBUG", values::truth),
        quiet: reader.value("LOADCORE_QUIET", values::truth),
        no_color: reader.value("LOADCORE_NO_COLOR", values::truth),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Options, Vec<String>> {
        read(variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))))
    }

    #[test]
    fn lists_are_split_where_their_values_cannot_be() {
        let options = of(&[
            ("LOADCORE_SCENARIO", "browse, wait"),
            ("LOADCORE_STAGE", "1s:2,3s:4"),
            ("LOADCORE_TAG", "team=a,b;run=7"),
            ("LOADCORE_THRESHOLD", "checks{a:1;2}: rate>0.9\nvus: value<3\n"),
            ("LOADCORE_HEADER", "accept: text/html;q=0.9, */*\nx-run: 1"),
            ("LOADCORE_ENV", "URL=http://h/?a=1;b=2\nEMPTY="),
        ])
        .unwrap();
        assert_eq!(options.scenarios.unwrap().value, ["browse", "wait"]);
        assert_eq!(options.stages.unwrap().value.len(), 2);
        let show =
            |pairs: &[(String, String)]| pairs.iter().map(|(k, v)| format!("{k}|{v} ")).collect::<String>();
        assert_eq!(show(&options.tags), "team|a,b run|7 ");
        assert_eq!(show(&options.headers), "accept|text/html;q=0.9, */* x-run|1 ");
        assert_eq!(show(&options.env), "URL|http://h/?a=1;b=2 EMPTY| ");
        let texts: Vec<_> = options.thresholds[0].iter().map(|said| &*said.value).collect();
        assert_eq!(texts, ["checks{a:1;2}: rate>0.9", "vus: value<3"]);
    }

    #[test]
    fn only_ours_are_read_and_each_mistake_is_told() {
        let unread = [("PATH", "/bin"), ("LOADCORE_REQUIRE_REAL", "1"), ("LOADCORE_TEST_ALONE", "x")];
        assert_eq!(of(&unread), of(&[]));
        assert_eq!(of(&[("LOADCORE_VUS", ""), ("LOADCORE_CONFIG", "/nonexistent")]), of(&[]));
        let problems =
            of(&[("LOADCORE_VU", "3"), ("LOADCORE_DURATION", "3"), ("LOADCORE_X_Y_Z", "")]).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("LOADCORE_DURATION: `3` is not a duration"), "{problems:?}");
        assert_eq!(problems[1], "LOADCORE_VU: there is no such option; did you mean LOADCORE_VUS?");
    }
}
