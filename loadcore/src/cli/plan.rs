//! `plan`: what a run would do. It checks all that `run` checks, and sends nothing.

use super::args::PlanArgs;
use super::course::Course;
use super::heading::Heading;
use super::limits::{Machine, Needs, binary};
use super::options::Options;
use super::refuse;
use crate::load_test::{LoadTest, Prepared};
use crate::plan::{Executor, Share, counted, format_duration};
use crate::report::ScenarioInfo;
use crate::run::nanos;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

pub(super) fn plan(test: LoadTest, options: &Options, args: &PlanArgs) -> u8 {
    let share = match args.share() {
        Ok(share) => share,
        Err(error) => return refuse(&error),
    };
    let executors: Vec<_> = test.scenarios.iter().map(|s| s.executor.clone().unwrap_or_default()).collect();
    let heading = Heading::of(&test);
    let prepared = match test.check() {
        Ok(prepared) => prepared,
        Err(error) => return refuse(&error),
    };
    if let Err(error) = super::export::check(options) {
        return refuse(&error);
    }
    let outlook = Outlook::new(&prepared, &executors, share, heading);
    let text = if args.json { format!("{:#}\n", outlook.json(args.first)) } else { outlook.text() };
    super::print::print(&text)
}

/// What is going to happen.
struct Outlook<'a> {
    prepared: &'a Prepared,
    scenarios: Vec<Course<'a>>,
    share: Share,
    heading: Heading,
    needs: Needs,
    warnings: Vec<String>,
}

impl<'a> Outlook<'a> {
    fn new(prepared: &'a Prepared, executors: &[Executor], share: Share, heading: Heading) -> Self {
        let parts = prepared.job.scenarios.iter().zip(executors).zip(&prepared.scenarios);
        let course = |((job, executor), info)| {
            let info: &'a ScenarioInfo = info;
            Course::new(job, executor, &info.description, &share)
        };
        let scenarios: Vec<_> = parts.map(course).collect();
        let needs = Needs::of(&prepared.job, scenarios.iter().map(Course::max_vus));
        let warnings = [prepared.warnings.clone(), Machine::read().warnings(&needs)].concat();
        Self { prepared, scenarios, share, heading, needs, warnings }
    }

    fn max_vus(&self) -> u64 {
        self.scenarios.iter().map(Course::max_vus).sum()
    }

    fn latest(&self, of: impl Fn(&Course<'_>) -> Duration) -> Duration {
        self.scenarios.iter().map(of).max().unwrap_or_default()
    }

    fn thresholds(&self) -> Vec<String> {
        self.prepared.thresholds.iter().map(ToString::to_string).collect()
    }

    fn text(&self) -> String {
        let job = &self.prepared.job;
        let seed = self.heading.seed;
        let seed = seed.map_or_else(|| "a new one each time".to_owned(), |seed| seed.to_string());
        let mut text = format!("\n{}", self.heading.text(self.prepared, &seed));
        text.push_str(&self.heading.http_text());
        if !self.share.is_whole() {
            let (segment, sequence) = (self.share.segment(), self.share.sequence());
            let _ = writeln!(text, "  segment  {segment} of {sequence}");
        }
        text.push('\n');
        let hooks = job.hooks.setups.iter().map(|setup| ("setup", &setup.name, setup.site));
        for (kind, name, site) in hooks {
            let _ = writeln!(text, "  * {kind} {name} ({site})");
        }
        self.scenarios.iter().for_each(|course| text.push_str(&course.text()));
        for teardown in &job.hooks.teardowns {
            let _ = writeln!(text, "  * teardown {} ({})", teardown.name, teardown.site);
        }
        text.push('\n');
        for threshold in self.thresholds() {
            let _ = writeln!(text, "  threshold  {threshold}");
        }
        if !self.prepared.thresholds.is_empty() {
            text.push('\n');
        }
        let over = format_duration(self.latest(|course| course.cut));
        let Needs { vus, memory, descriptors, .. } = self.needs;
        let memory = binary(memory);
        let _ = writeln!(text, "  at most {} at once; over after {over} at the latest", counted(vus, "VU"));
        let _ = writeln!(text, "  needs about {memory} of memory and {descriptors} file descriptors");
        for warning in &self.warnings {
            let _ = writeln!(text, "\n  warning: {warning}");
        }
        text
    }

    fn json(&self, first: Option<u64>) -> Value {
        let job = &self.prepared.job;
        // Instants that were drawn are worth nothing without the seed that they come from.
        let is_drawn = first.is_some() && self.scenarios.iter().any(Course::is_random);
        let seed = self.heading.seed.or(is_drawn.then_some(job.seed));
        let names = |names: Vec<&str>| json!(names);
        json!({
            "schema_version": 1,
            "base_url": self.heading.base_url,
            "cores": job.cores,
            "seed": seed,
            "rps": self.heading.rps,
            "http": self.heading.http_json(),
            "spin_arrivals": job.spin_arrivals,
            "segment": self.share.segment().to_string(),
            "sequence": self.share.sequence().to_string(),
            "tags": job.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
            "setups": names(job.hooks.setups.iter().map(|setup| &*setup.name).collect()),
            "teardowns": names(job.hooks.teardowns.iter().map(|teardown| &*teardown.name).collect()),
            "scenarios": self.scenarios.iter().map(|course| course.json(first)).collect::<Vec<_>>(),
            "thresholds": self.thresholds(),
            "max_vus": self.max_vus(),
            "end_ns": nanos(self.latest(|course| course.end)),
            "cut_ns": nanos(self.latest(|course| course.cut)),
            "memory_bytes": self.needs.memory,
            "descriptors": self.needs.descriptors,
            "warnings": self.warnings,
        })
    }
}
