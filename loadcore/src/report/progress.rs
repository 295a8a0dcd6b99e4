//! Banner and live progress: bars on a terminal, a line now and then elsewhere.

use super::format;
use crate::metric::{Aggregate, INTERRUPTED_ITERATIONS, ITERATIONS, Metric, Selector, Stats};
use crate::plan::Schedule;
use crate::protocol::http::{HTTP_REQ_DURATION, HTTP_REQ_FAILED, HTTP_REQS};
use crate::run::engine::Observer;
use crate::run::{Job, Phase, ScenarioJob};
use crate::verdict::Aborted;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows a run while it goes on, on standard error.
pub(crate) struct Progress {
    banner: String,
    colour: bool,
    screen: Screen,
}

enum Screen {
    Bars { bars: MultiProgress, status: ProgressBar, scenarios: Vec<ProgressBar> },
    Lines { last: Duration },
}

impl Progress {
    pub(crate) fn new(banner: String, colour: bool) -> Self {
        let screen = if std::io::stderr().is_terminal() {
            let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            Screen::Bars { bars, status: ProgressBar::hidden(), scenarios: Vec::new() }
        } else {
            Screen::Lines { last: Duration::ZERO }
        };
        Self { banner, colour, screen }
    }

    /// Leaves the bars as they stand: after a signal they show how far the test came.
    pub(crate) fn finish(self) {
        if let Screen::Bars { bars: _, status, scenarios } = self.screen {
            status.abandon();
            scenarios.iter().for_each(ProgressBar::abandon);
            let _ = writeln!(std::io::stderr().lock());
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=>-")
}

/// When the scenario's regular end is, counted from the test's start.
fn end_of(scenario: &ScenarioJob) -> Duration {
    Duration::from_nanos(scenario.start_after) + scenario.schedule.end()
}

/// A terminal that is gone is no reason to stop a test.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

impl Observer for Progress {
    fn phase(&mut self, job: &Job, phase: Phase) {
        let names: Vec<&str> = match phase {
            Phase::Setup => job.hooks.setups.iter().map(|setup| &*setup.name).collect(),
            Phase::Teardown => job.hooks.teardowns.iter().map(|teardown| &*teardown.name).collect(),
        };
        if names.is_empty() {
            return;
        }
        let line = format!("{phase}: {}", names.join(", "));
        match (&self.screen, phase) {
            (Screen::Bars { status, .. }, Phase::Teardown) => status.set_message(line),
            (_, Phase::Teardown) => say(&line),
            (_, Phase::Setup) => {
                say(&std::mem::take(&mut self.banner));
                say(&line);
            }
        }
    }

    fn started(&mut self, job: &Job) {
        if !self.banner.is_empty() {
            say(&std::mem::take(&mut self.banner));
        }
        let Screen::Bars { bars, status, scenarios } = &mut self.screen else { return };
        let width = job.scenarios.iter().map(|s| s.name.chars().count()).max().unwrap_or(0);
        let bar_style =
            if self.colour { "{prefix} [{bar:38.cyan}] {msg}" } else { "{prefix} [{bar:38}] {msg}" };
        *status = bars.add(ProgressBar::new_spinner().with_style(style("{msg}")));
        for scenario in &job.scenarios {
            let bar = bars.add(ProgressBar::new(1_000).with_style(style(bar_style)));
            bar.set_prefix(format!("{:<width$}", scenario.name));
            scenarios.push(bar);
        }
    }

    fn aborted(&mut self, aborted: &Aborted) {
        let line = super::text::abort_line(aborted);
        match &self.screen {
            Screen::Lines { .. } => {
                say(&line);
            }
            // Above the bars, which go on to show how far the test came.
            Screen::Bars { bars, .. } => {
                let _ = bars.println(line);
            }
        }
    }

    fn tick(&mut self, job: &Job, aggregate: &Aggregate, elapsed: Duration) {
        match &mut self.screen {
            Screen::Lines { last } => {
                if elapsed < *last + LINE_EVERY {
                    return;
                }
                *last = elapsed;
                say(&status_line(job, aggregate, elapsed));
            }
            Screen::Bars { status, scenarios, .. } => {
                status.set_message(status_line(job, aggregate, elapsed));
                for (index, (scenario, bar)) in job.scenarios.iter().zip(scenarios).enumerate() {
                    let end = end_of(scenario);
                    let share = progress(scenario, aggregate, elapsed);
                    bar.set_position((share * 1_000.0) as u64);
                    let vus = aggregate.vus_of(index);
                    let (now, end) = (format::clock(elapsed.min(end)), format::clock(end));
                    bar.set_message(format!("{vus}/{} VUs  {now}/{end}", scenario.max_vus));
                }
            }
        }
    }
}

/// How far a scenario has come, 0 to 1: by its iterations if their number is fixed, else by time.
fn progress(scenario: &ScenarioJob, aggregate: &Aggregate, elapsed: Duration) -> f64 {
    let begun = elapsed.saturating_sub(Duration::from_nanos(scenario.start_after)).as_secs_f64();
    let by_time = begun / scenario.schedule.end().as_secs_f64();
    let by_count = match &scenario.schedule {
        Schedule::Closed(plan) => plan.iterations().map(|total| {
            let done =
                count(aggregate, Selector::all_of(ITERATIONS.desc()).with_tag("scenario", &scenario.name));
            done / total as f64
        }),
        Schedule::Open(_) => None,
    };
    by_count.unwrap_or(by_time).clamp(0.0, 1.0)
}

fn count(aggregate: &Aggregate, selector: Selector) -> f64 {
    if let Stats::Counter { count, .. } = aggregate.stats(&selector, &[]) { count } else { 0.0 }
}

fn status_line(job: &Job, aggregate: &Aggregate, elapsed: Duration) -> String {
    let of = |metric: &dyn Metric| Selector::all_of(metric.desc());
    let max_vus: u64 = job.scenarios.iter().map(|scenario| scenario.max_vus).sum();
    let done = count(aggregate, of(&ITERATIONS));
    let interrupted = count(aggregate, of(&INTERRUPTED_ITERATIONS));
    let mut line = format!(
        "running {}, {}/{max_vus} VUs, {done} complete and {interrupted} interrupted iterations",
        format::clock(elapsed),
        aggregate.vus(),
    );
    if let Stats::Counter { count, rate, touched: true } = aggregate.stats(&of(&HTTP_REQS), &[]) {
        line.push_str(&format!(", {count} requests ({rate:.0}/s"));
        if let Stats::Rate { rate, .. } = aggregate.stats(&of(&HTTP_REQ_FAILED), &[]) {
            line.push_str(&format!(", {} failed", format::percent(rate)));
        }
        if let Stats::Trend { percentiles, .. } = aggregate.stats(&of(&HTTP_REQ_DURATION), &[95.0]) {
            line.push_str(&format!(", p(95) {}", format::time(percentiles[0])));
        }
        line.push(')');
    }
    line
}
