//! What banner and plan tell of the test as a whole, above its scenarios.

use crate::load_test::{LoadTest, Prepared};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// What banner and plan say in the place of a base URL.
const NO_BASE_URL: &str = "(no base URL: only whole URLs can be requested)";

/// What a test was told, which is used up when it is prepared.
pub(super) struct Heading {
    pub(super) base_url: Option<String>,
    /// None: a new one each time.
    pub(super) seed: Option<u64>,
    /// None: no cap.
    pub(super) rps: Option<f64>,
    /// What of HTTP is not as it is by default.
    pub(super) http: Vec<(&'static str, Value)>,
}

impl Heading {
    pub(super) fn of(test: &LoadTest) -> Self {
        let mut http = test.http.told();
        if test.discard_bodies {
            http.push(("discard_response_bodies", true.into()));
        }
        let agent = test.headers.iter().rfind(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        http.extend(agent.map(|(_, agent)| ("user_agent", agent.clone().into())));
        let (base_url, seed, rps) = (test.base_url.clone(), test.seed, test.max_requests_per_second);
        Self { base_url, seed, rps, http }
    }

    /// A line for each fact.
    pub(super) fn text(&self, prepared: &Prepared, seed: &str) -> String {
        let target = self.base_url.as_deref().unwrap_or(NO_BASE_URL);
        let cores = prepared.job.cores;
        let mut text = format!("  target   {target}\n  cores    {cores}\n  seed     {seed}\n");
        if let Some(rps) = self.rps {
            let _ = writeln!(text, "  requests at most {rps}/s");
        }
        // Without an arrival there is nothing to spin for.
        if prepared.job.spin_arrivals && prepared.scenarios.iter().any(|scenario| scenario.is_open) {
            text.push_str("  arrivals by spinning, at the price of whole cores\n");
        }
        text
    }

    /// Above the scenarios of a plan: a line for each option of HTTP, as an options file has it.
    pub(super) fn http_text(&self) -> String {
        let line = |(index, (name, value)): (usize, &(&str, Value))| {
            let topic = if index == 0 { "http" } else { "" };
            format!("  {topic:<8} {name} = {}\n", inline(value))
        };
        self.http.iter().enumerate().map(line).collect()
    }

    pub(super) fn http_json(&self) -> Value {
        self.http
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// A value as TOML has it.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let entries = table.iter().map(|(key, value)| format!("{} = {}", bare(key), inline(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A key, in quotes where it needs them.
fn bare(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if key.chars().all(is_bare) { key.to_owned() } else { Value::from(key).to_string() }
}
