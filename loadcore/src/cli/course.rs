//! One scenario's part of a plan, or this segment's share of it.

use crate::plan::{Budget, Executor, Schedule, Share, Stage, StageLoad, counted, format_duration};
use crate::run::{ScenarioJob, nanos};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// What is going to happen in one scenario.
pub(super) struct Course<'a> {
    job: &'a ScenarioJob,
    executor: &'static str,
    description: &'a str,
    /// The share's; none if it has nothing to do.
    schedule: Option<Schedule>,
    /// Which iterations are the share's.
    owned: Option<Share>,
    stages: Vec<Stage>,
    /// Since the test's start.
    pub(super) start: Duration,
    /// No iteration starts after it.
    pub(super) end: Duration,
    /// No iteration runs after it.
    pub(super) cut: Duration,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        job: &'a ScenarioJob,
        executor: &Executor,
        description: &'a str,
        share: &Share,
    ) -> Self {
        let start = Duration::from_nanos(job.latest_start);
        let end = start.saturating_add(job.schedule.end());
        let cut = end.saturating_add(Duration::from_nanos(job.graceful_stop));
        let (schedule, owned) = (job.schedule.for_share(share), job.schedule.iteration_share(share));
        // The executor was checked when the job was made of it.
        let stages = executor.stages().unwrap_or_default();
        let stages = owned.as_ref().map_or_else(Vec::new, |owned| of_share(&stages, owned));
        Self { job, executor: executor.name(), description, schedule, owned, stages, start, end, cut }
    }

    /// The most VUs at once.
    pub(super) fn max_vus(&self) -> u64 {
        match (&self.schedule, &self.owned) {
            (Some(Schedule::Closed(closed)), _) => closed.max_vus(),
            (Some(Schedule::Open(_)), Some(owned)) => owned.scale(self.job.max_vus).max(1),
            _ => 0,
        }
    }

    /// How many iterations there are at most, if that is known.
    fn iterations(&self) -> Option<u64> {
        match &self.schedule {
            Some(Schedule::Closed(closed)) => closed.iterations(),
            Some(Schedule::Open(_)) => self.arrivals(),
            None => Some(0),
        }
    }

    /// How many iterations are due, in an open model.
    fn arrivals(&self) -> Option<u64> {
        let is_open = matches!(self.job.schedule, Schedule::Open(_));
        is_open.then(|| self.stages.iter().filter_map(Stage::arrivals).sum())
    }

    /// Whether another seed gives other arrivals.
    pub(super) fn is_random(&self) -> bool {
        matches!(&self.job.schedule, Schedule::Open(open) if open.arrivals.is_random())
    }

    fn is_bound_by_iterations(&self) -> bool {
        matches!(&self.job.schedule, Schedule::Closed(closed) if closed.budget != Budget::Unlimited)
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("  * {}: {}\n", self.job.name, self.description);
        if self.schedule.is_none() {
            text.push_str("      nothing for this segment\n");
            return text;
        }
        let [start, end, cut] = [self.start, self.end, self.cut].map(format_duration);
        let by = if self.is_bound_by_iterations() { "by " } else { "at " };
        let _ = write!(text, "      from {start}, ends {by}{end}");
        if self.cut > self.end {
            let _ = write!(text, ", cut at {cut}");
        }
        let _ = write!(text, "; at most {}{}", counted(self.max_vus(), "VU"), self.why_so_many());
        match (self.arrivals(), self.iterations()) {
            (Some(arrivals), _) if self.is_random() => text.push_str(&format!("; about {arrivals} arrivals")),
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

    /// With the instants and numbers of the `first` iterations, if that is given.
    pub(super) fn json(&self, first: Option<u64>) -> Value {
        let mut value = json!({
            "name": self.job.name,
            "place": self.job.place,
            "executor": self.executor,
            "description": self.description,
            "max_vus": self.max_vus(),
            "start_ns": nanos(self.start),
            "end_ns": nanos(self.end),
            "cut_ns": nanos(self.cut),
            "stages": self.stages.iter().map(|stage| stage_json(stage, self.start)).collect::<Vec<_>>(),
        });
        match (self.arrivals(), self.iterations()) {
            (Some(arrivals), _) => value["arrivals"] = arrivals.into(),
            (None, Some(iterations)) => value["iteration_count"] = iterations.into(),
            (None, None) => {}
        }
        if let Some(first) = first {
            let arrivals = self.first_arrivals(first);
            value["iterations"] = self.first_iterations(first, arrivals.len()).into();
            value["arrivals_ns"] = arrivals.into();
            value["vu_steps"] = self.vu_steps().into();
        }
        value
    }

    /// When they are due, since the test's start.
    fn first_arrivals(&self, first: u64) -> Vec<u64> {
        let Some(Schedule::Open(open)) = &self.schedule else { return Vec::new() };
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        open.arrivals.iter().take(first).map(|due| nanos(self.start.saturating_add(due))).collect()
    }

    /// Their test-wide numbers.
    fn first_iterations(&self, first: u64, arrivals: usize) -> Vec<u64> {
        let Some(owned) = &self.owned else { return Vec::new() };
        let most = match &self.schedule {
            Some(Schedule::Closed(closed)) => closed.iterations().unwrap_or(first).min(first),
            Some(Schedule::Open(_)) => arrivals as u64,
            None => 0,
        };
        owned.indices().zip(0..most).map(|(number, _)| number).collect()
    }

    /// VU counts of a closed model, each from its instant since the test's start on.
    fn vu_steps(&self) -> Vec<[u64; 2]> {
        let Some(Schedule::Closed(closed)) = &self.schedule else { return Vec::new() };
        closed.steps.iter().map(|step| [nanos(self.start.saturating_add(step.at)), step.vus]).collect()
    }
}

/// What of these stages belongs to the owner of these indices.
fn of_share(stages: &[Stage], owned: &Share) -> Vec<Stage> {
    let mut counted = 0;
    let of_share = |stage: &Stage| {
        let load = match stage.load {
            StageLoad::Vus { from, to } => StageLoad::Vus { from: owned.scale(from), to: owned.scale(to) },
            StageLoad::Rate { from, to, arrivals } => {
                let (before, part) = (counted, owned.fraction());
                counted += arrivals;
                let arrivals = owned.scale(counted) - owned.scale(before);
                StageLoad::Rate { from: from * part, to: to * part, arrivals }
            }
        };
        Stage { load, ..*stage }
    };
    stages.iter().map(of_share).collect()
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
