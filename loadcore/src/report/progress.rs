//! Banner and live progress: bars on a terminal, a line now and then elsewhere.

use super::format;
use super::voice::{Doing, Voice};
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
/// The widest bar, and the narrowest.
const BAR: (usize, usize) = (38, 6);
/// More of a scenario's name is cut off in front of its bar.
const MOST_OF_NAME: usize = 24;
/// What stands behind a bar: `1000/1000 VUs  10m05s/10m30s`.
const BEHIND_BAR: usize = 28;

/// Shows a run while it goes on, on standard error.
pub(crate) struct Progress {
    banner: String,
    colour: bool,
    screen: Screen,
    voice: Voice,
}

enum Screen {
    Bars {
        bars: MultiProgress,
        status: ProgressBar,
        scenarios: Vec<ProgressBar>,
    },
    Lines {
        next: Duration,
    },
    /// Shows nothing by itself.
    Quiet,
}

impl Progress {
    pub(crate) fn new(banner: String, colour: bool) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self {
                banner,
                colour,
                screen: Screen::Lines { next: LINE_EVERY },
                voice: Voice::new(None),
            };
        }
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let voice = Voice::new(Some(bars.clone()));
        let screen = Screen::Bars { bars, status: ProgressBar::hidden(), scenarios: Vec::new() };
        Self { banner, colour, screen, voice }
    }

    /// Neither banner nor progress: only a signal is answered.
    pub(crate) fn quiet() -> Self {
        Self { banner: String::new(), colour: false, screen: Screen::Quiet, voice: Voice::new(None) }
    }

    /// For whoever has something to say meanwhile.
    pub(crate) fn voice(&self) -> Voice {
        self.voice.clone()
    }

    /// Leaves the bars as they stand: after a signal they show how far the test came.
    pub(crate) fn finish(self) {
        if let Screen::Bars { bars, status, scenarios } = self.screen {
            scenarios.iter().for_each(ProgressBar::abandon);
            status.abandon();
            drop(bars);
            let _ = writeln!(std::io::stderr().lock());
        }
    }

    fn show_banner(&mut self) {
        if !self.banner.is_empty() {
            self.voice.say(&std::mem::take(&mut self.banner));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=>-")
}

/// When the scenario's regular end is, counted from the test's start.
fn end_of(scenario: &ScenarioJob) -> Duration {
    Duration::from_nanos(scenario.latest_start) + scenario.schedule.end()
}

/// A scenario's line. What does not fit into the terminal is cut off: a line that wraps could not be drawn again.
fn bar_style(name_width: usize, colour: bool) -> ProgressStyle {
    let columns = usize::from(console::Term::stderr().size().1);
    let (widest, narrowest) = BAR;
    let bar = columns.saturating_sub(name_width + BEHIND_BAR + 4).clamp(narrowest, widest);
    let colour = if colour { ".cyan" } else { "" };
    style(&format!("{{prefix:{name_width}!}} [{{bar:{bar}{colour}}}] {{wide_msg}}"))
}

impl Observer for Progress {
    fn phase(&mut self, phase: Phase, names: &[String]) {
        self.voice.does(match phase {
            Phase::Setup => Doing::Setup,
            Phase::Teardown => Doing::Teardown,
        });
        if !matches!(self.screen, Screen::Quiet) {
            self.show_banner();
            self.voice.say(&format!("{phase}: {}", names.join(", ")));
        }
    }

    fn started(&mut self, job: &Job, teardowns: &[String]) {
        self.voice.does(Doing::Load { tears_down: !teardowns.is_empty() });
        self.show_banner();
        let Screen::Bars { bars, status, scenarios } = &mut self.screen else { return };
        let width = job.scenarios.iter().map(|s| s.name.chars().count()).max().unwrap_or(0);
        let style_of_bar = bar_style(width.min(MOST_OF_NAME), self.colour);
        *status = bars.add(ProgressBar::new_spinner().with_style(style("{wide_msg}")));
        for scenario in &job.scenarios {
            let bar = bars.add(ProgressBar::new(1_000).with_style(style_of_bar.clone()));
            bar.set_prefix(scenario.name.clone());
            scenarios.push(bar);
        }
    }

    fn aborted(&mut self, aborted: &Aborted) {
        if !matches!(self.screen, Screen::Quiet) {
            self.voice.say(&super::text::abort_line(aborted));
        }
    }

    fn tick(&mut self, job: &Job, aggregate: &Aggregate, elapsed: Duration) {
        match &mut self.screen {
            Screen::Lines { next } => {
                if elapsed < *next {
                    return;
                }
                while *next <= elapsed {
                    *next += LINE_EVERY;
                }
                self.voice.say(&status_line(job, aggregate, elapsed));
            }
            Screen::Quiet => {}
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
    let begun = elapsed.saturating_sub(Duration::from_nanos(scenario.latest_start)).as_secs_f64();
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
