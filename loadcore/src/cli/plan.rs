//! `plan`: what a run would do. It checks all that `run` checks, and sends nothing.

use super::limits::{Machine, Needs, binary};
use super::options::Options;
use super::refuse;
use crate::load_test::{LoadTest, Prepared};
use crate::plan::{Budget, Executor, Schedule, Stage, StageLoad, counted, format_duration};
use crate::run::ScenarioJob;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

pub(super) fn plan(test: LoadTest, options: &Options, as_json: bool) -> u8 {
    let executors: Vec<_> = test.scenarios.iter().map(|s| s.executor.clone().unwrap_or_default()).collect();
    let base_url = test.base_url.clone();
    let seed = test.seed;
    let prepared = match test.prepare() {
        Ok(prepared) => prepared,
        Err(error) => return refuse(&error),
    };
    if let Err(error) = super::export::check(options) {
        return refuse(&error);
    }
    let outlook = Outlook::new(&prepared, &executors, base_url, seed);
    let text = if as_json { format!("{:#}\n", outlook.json()) } else { outlook.text() };
    super::print::print(&text)
}

/// What is going to happen.
struct Outlook<'a> {
    prepared: &'a Prepared,
    scenarios: Vec<Course<'a>>,
    base_url: Option<String>,
    seed: Option<u64>,
    needs: Needs,
    warnings: Vec<String>,
}

/// One scenario's part of it.
struct Course<'a> {
    job: &'a ScenarioJob,
    executor: &'static str,
    description: &'a str,
    stages: Vec<Stage>,
    /// Since the test's start.
    start: Duration,
    /// No iteration starts after it.
    end: Duration,
    /// No iteration runs after it.
    cut: Duration,
}

impl<'a> Course<'a> {
    fn new(job: &'a ScenarioJob, executor: &Executor, description: &'a str) -> Self {
        let start = Duration::from_nanos(job.start_after);
        let end = start.saturating_add(job.schedule.end());
        let cut = end.saturating_add(Duration::from_nanos(job.graceful_stop));
        // The executor was checked when the job was made of it.
        let stages = executor.stages().unwrap_or_default();
        Self { job, executor: executor.name(), description, stages, start, end, cut }
    }

    /// How many iterations there are at most, if that is known.
    fn iterations(&self) -> Option<u64> {
        match &self.job.schedule {
            Schedule::Closed(closed) => closed.iterations(),
            Schedule::Open(_) => self.arrivals(),
        }
    }

    /// How many iterations are due, in an open model.
    fn arrivals(&self) -> Option<u64> {
        self.stages.iter().map(Stage::arrivals).sum()
    }

    fn is_bound_by_iterations(&self) -> bool {
        matches!(&self.job.schedule, Schedule::Closed(closed) if closed.budget != Budget::Unlimited)
    }

    fn text(&self) -> String {
        let mut text = format!("  * {}: {}\n", self.job.name, self.description);
        let [start, end, cut] = [self.start, self.end, self.cut].map(format_duration);
        let by = if self.is_bound_by_iterations() { "by " } else { "at " };
        let _ = write!(text, "      from {start}, ends {by}{end}");
        if self.cut > self.end {
            let _ = write!(text, ", cut at {cut}");
        }
        let _ = write!(text, "; at most {}{}", counted(self.job.max_vus, "VU"), self.why_so_many());
        match (self.arrivals(), self.iterations()) {
            (Some(arrivals), _) => text.push_str(&format!("; {arrivals} arrivals")),
            (None, Some(iterations)) => text.push_str(&format!("; {iterations} iterations")),
            (None, None) => {}
        }
        text.push('\n');
        if let [_, _, ..] = self.stages.as_slice() {
            self.stages.iter().for_each(|stage| text.push_str(&stage_line(stage, self.start)));
        }
        text
    }

    /// Where the number of VUs comes from that nobody has said.
    fn why_so_many(&self) -> &'static str {
        match &self.job.schedule {
            Schedule::Open(plan) if plan.max_vus.is_none() => {
                if self.job.max_vus < plan.vus_of_ten_seconds() {
                    " (all that the file descriptors allow: no max_vus is given)"
                } else {
                    " (for the arrivals of 10s: no max_vus is given)"
                }
            }
            _ => "",
        }
    }

    fn json(&self) -> Value {
        let mut value = json!({
            "name": self.job.name,
            "place": self.job.place,
            "executor": self.executor,
            "description": self.description,
            "max_vus": self.job.max_vus,
            "start_ns": nanos(self.start),
            "end_ns": nanos(self.end),
            "cut_ns": nanos(self.cut),
            "stages": self.stages.iter().map(|stage| stage_json(stage, self.start)).collect::<Vec<_>>(),
        });
        match (self.arrivals(), self.iterations()) {
            (Some(arrivals), _) => value["arrivals"] = arrivals.into(),
            (None, Some(iterations)) => value["iterations"] = iterations.into(),
            (None, None) => {}
        }
        value
    }
}

fn stage_line(stage: &Stage, start: Duration) -> String {
    let [begin, end] = [stage.start, stage.end].map(|at| format_duration(start.saturating_add(at)));
    let span = if stage.start == stage.end { format!("at {begin}") } else { format!("{begin} to {end}") };
    let load = match stage.load {
        StageLoad::Vus { from, to } => format!("{from} to {to} VUs"),
        StageLoad::Rate { from, to, arrivals } => {
            format!("{from:.2} to {to:.2} iterations/s, {arrivals} arrivals")
        }
    };
    format!("      {span}: {load}\n")
}

fn stage_json(stage: &Stage, start: Duration) -> Value {
    let [begin, end] = [stage.start, stage.end].map(|at| nanos(start.saturating_add(at)));
    match stage.load {
        StageLoad::Vus { from, to } => {
            json!({ "start_ns": begin, "end_ns": end, "from_vus": from, "to_vus": to })
        }
        StageLoad::Rate { from, to, arrivals } => {
            json!({ "start_ns": begin, "end_ns": end, "from_rate": from, "to_rate": to, "arrivals": arrivals })
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The most VUs that there are at once, where scenarios need not overlap.
fn most_at_once(spans: &[(Duration, Duration, u64)]) -> u64 {
    let at = |instant: Duration| {
        let running = spans.iter().filter(|(start, cut, _)| *start <= instant && instant <= *cut);
        running.map(|(_, _, vus)| *vus).sum()
    };
    // It only ever grows when a scenario starts.
    spans.iter().map(|(start, ..)| at(*start)).max().unwrap_or(0)
}

impl<'a> Outlook<'a> {
    fn new(
        prepared: &'a Prepared,
        executors: &[Executor],
        base_url: Option<String>,
        seed: Option<u64>,
    ) -> Self {
        let parts = prepared.job.scenarios.iter().zip(executors).zip(&prepared.scenarios);
        let scenarios: Vec<_> =
            parts.map(|((job, executor), info)| Course::new(job, executor, &info.description)).collect();
        let spans: Vec<_> = scenarios.iter().map(|c| (c.start, c.cut, c.job.max_vus)).collect();
        let needs = Needs::new(most_at_once(&spans), prepared.job.cores);
        let warnings = Machine::read().warnings(&needs);
        Self { prepared, scenarios, base_url, seed, needs, warnings }
    }

    fn max_vus(&self) -> u64 {
        self.scenarios.iter().map(|course| course.job.max_vus).sum()
    }

    fn latest(&self, of: impl Fn(&Course<'_>) -> Duration) -> Duration {
        self.scenarios.iter().map(of).max().unwrap_or_default()
    }

    fn thresholds(&self) -> Vec<String> {
        self.prepared.thresholds.iter().map(ToString::to_string).collect()
    }

    fn text(&self) -> String {
        let job = &self.prepared.job;
        let seed = self.seed.map_or_else(|| "a new one each time".to_owned(), |seed| seed.to_string());
        let target = self.base_url.as_deref().unwrap_or(super::NO_BASE_URL);
        let mut text = format!("\n  target   {target}\n  cores    {}\n  seed     {seed}\n\n", job.cores);
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
        let Needs { vus, memory, descriptors } = self.needs;
        let memory = binary(memory);
        let _ = writeln!(text, "  at most {} at once; over after {over} at the latest", counted(vus, "VU"));
        let _ = writeln!(text, "  needs about {memory} of memory and {descriptors} file descriptors");
        for warning in &self.warnings {
            let _ = writeln!(text, "\n  warning: {warning}");
        }
        text
    }

    fn json(&self) -> Value {
        let job = &self.prepared.job;
        let names = |names: Vec<&str>| json!(names);
        json!({
            "schema_version": 1,
            "base_url": self.base_url,
            "cores": job.cores,
            "seed": self.seed,
            "tags": job.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
            "setups": names(job.hooks.setups.iter().map(|setup| &*setup.name).collect()),
            "teardowns": names(job.hooks.teardowns.iter().map(|teardown| &*teardown.name).collect()),
            "scenarios": self.scenarios.iter().map(Course::json).collect::<Vec<_>>(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_that_follow_each_other_do_not_add_up() {
        let secs = Duration::from_secs;
        let spans = [(secs(0), secs(10), 5), (secs(11), secs(20), 7), (secs(15), secs(30), 1)];
        assert_eq!(most_at_once(&spans), 8);
        assert_eq!(most_at_once(&spans[..2]), 7);
        assert_eq!(most_at_once(&[(secs(0), secs(10), 5), (secs(10), secs(20), 7)]), 12, "a common instant");
        assert_eq!(most_at_once(&[]), 0);
    }
}
