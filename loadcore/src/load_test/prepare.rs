//! Everything that can go wrong, before the first VU starts.

use super::registered::{RegisteredData, RegisteredMetric};
use super::{LoadTest, NamedData, RunError, ThresholdText, check_env_name, check_tag, hooks, place};
use crate::metric::{
    Aggregate, DROPPED_ITERATIONS, INTERRUPTED_ITERATIONS, ITERATION_LATENESS, ITERATIONS, Registry, Select,
    SeriesMemory, Stats, builtin,
};
use crate::plan::{Executor, OpenSchedule, Schedule};
use crate::protocol;
use crate::protocol::http::{ErrorKind, HTTP_REQ_FAILED, HttpOptions};
use crate::report::ScenarioInfo;
use crate::run::{
    Env, Extensions, Feeds, Job, Scenario, ScenarioJob, SharedCounters, ValueShelf, VuHooks, arrivals_key,
    nanos,
};
use crate::verdict::{Generator, Observed, Starved, Threshold, check_scenario, judge, parse_threshold};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A test that will start.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) job: Arc<Job>,
    pub(crate) thresholds: Vec<Threshold>,
    pub(crate) scenarios: Vec<ScenarioInfo>,
    /// What a reader of the results has to know.
    pub(crate) warnings: Vec<String>,
    pub(crate) id: String,
    pub(crate) pin_to: Vec<core_affinity::CoreId>,
}

impl LoadTest {
    /// [`check`](LoadTest::check)s everything, and opens the files that the run writes.
    pub(crate) fn prepare(self) -> Result<Prepared, RunError> {
        let prepared = self.check()?;
        prepared.job.extensions.get_ref::<HttpOptions>().map_or(Ok(()), HttpOptions::open_files)?;
        Ok(prepared)
    }

    /// Checks everything, loads the data and works out the plans. It leaves no trace.
    pub(crate) fn check(self) -> Result<Prepared, RunError> {
        self.check_names()?;
        let cores = self.core_count()?;
        let http = self.http_options()?;
        let warnings = http.warnings();
        let registry = self.register_metrics()?;
        let thresholds = self.all_thresholds(&registry)?;
        self.load_data()?;

        let mut extensions = Extensions::default();
        extensions.insert(http);
        extensions.insert(Env::new(self.env));
        if let Some(narrator) = self.narrator {
            extensions.insert(narrator);
        }
        let seed = self.seed.unwrap_or_else(rand::random);
        let mut scenarios = plan_scenarios(&self.scenarios, cores, seed)?;
        super::sequence::put_in_order(&self.scenarios, &mut scenarios)?;
        for (scenario, job) in self.scenarios.iter().zip(&mut scenarios) {
            job.hooks = hooks::of_vus(scenario)?;
        }
        let vu_hooks = scenarios.iter().map(|job| &job.hooks);
        let hooks = self.hooks.of_test(self.scenarios.iter().zip(vu_hooks))?;
        let infos =
            self.scenarios.iter().zip(&scenarios).map(|(scenario, job)| info(scenario, job)).collect();
        let job = Job {
            scenarios,
            tags: self.tags,
            seed,
            cores,
            spin_arrivals: self.spin_arrivals,
            registry: Arc::new(registry),
            memory: Arc::new(SeriesMemory::new(SeriesMemory::DEFAULT_CAP)),
            extensions,
            feeds: Feeds::default(),
            hooks,
            values: ValueShelf::default(),
        };
        let pin_to = if self.pin { core_affinity::get_core_ids().unwrap_or_default() } else { Vec::new() };
        let id = format!("{:016x}", rand::random::<u64>());
        Ok(Prepared { job: Arc::new(job), thresholds, scenarios: infos, warnings, id, pin_to })
    }

    pub(crate) fn check_names(&self) -> Result<(), RunError> {
        let mut seen = BTreeMap::new();
        for scenario in &self.scenarios {
            let name = scenario.name();
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(fits) {
                return Err(RunError::ScenarioName(name.to_owned()));
            }
            if let Some(panic) = &scenario.broken {
                let (scenario, place) = (name.to_owned(), panic.place.clone());
                return Err(RunError::Options { scenario, place, message: panic.message.clone() });
            }
            if let Some(first) = seen.insert(name.to_owned(), scenario.site) {
                let (name, first, second) = (name.to_owned(), place(first), place(scenario.site));
                return Err(RunError::DuplicateScenario { name, first, second });
            }
        }
        if seen.is_empty() {
            return Err(RunError::NoScenario);
        }
        self.check_tags_and_env()
    }

    fn check_tags_and_env(&self) -> Result<(), RunError> {
        let wrong = |place: String| move |source| RunError::Name { place, source };
        for (key, _) in &self.tags {
            check_tag(key).map_err(wrong("LoadTest::tag".to_owned()))?;
        }
        for scenario in &self.scenarios {
            let of_scenario = || format!("scenario `{}` ({})", scenario.name(), place(scenario.site));
            scenario.tags.iter().try_for_each(|(key, _)| check_tag(key).map_err(wrong(of_scenario())))?;
        }
        for (key, _) in &self.env {
            check_env_name(key).map_err(wrong("LoadTest::env".to_owned()))?;
        }
        Ok(())
    }

    fn load_data(&self) -> Result<(), RunError> {
        for entry in inventory::iter::<RegisteredData>() {
            let loaded = entry.data.load(Path::new(entry.manifest_dir));
            loaded.map_err(|source| RunError::Data { place: entry.site.to_string(), source })?;
        }
        for NamedData { data, place } in &self.data {
            let place = || format!("{}:{}", place.file(), place.line());
            data.load(Path::new("")).map_err(|source| RunError::Data { place: place(), source })?;
        }
        Ok(())
    }

    fn core_count(&self) -> Result<usize, RunError> {
        // Reads the affinity mask and the cgroup's CPU quota.
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        match self.cores.unwrap_or_else(available) {
            cores @ 1..=1024 => Ok(cores),
            cores => Err(RunError::Cores(cores)),
        }
    }

    fn register_metrics(&self) -> Result<Registry, RunError> {
        let known = builtin::all().into_iter().chain(protocol::metrics());
        let no_place = |source| RunError::Metric { place: None, source };
        let registry = Registry::new(known).map_err(no_place)?;
        for entry in inventory::iter::<RegisteredMetric>() {
            let registered = registry.register(&entry.metric.desc());
            registered.map_err(|source| RunError::Metric { place: Some(entry.site.to_string()), source })?;
        }
        for metric in &self.metrics {
            registry.register(metric).map_err(no_place)?;
        }
        Ok(registry)
    }

    fn all_thresholds(&self, registry: &Registry) -> Result<Vec<Threshold>, RunError> {
        let of_scenario = |scenario: &Scenario| {
            let name = scenario.name().to_owned();
            scenario.thresholds.clone().into_iter().map(move |threshold| threshold.in_scenario(&name))
        };
        let mut all: Vec<Threshold> = self.scenarios.iter().flat_map(of_scenario).collect();
        all.extend(self.thresholds.iter().cloned());
        all.iter().try_for_each(Threshold::validate)?;
        let known: Vec<_> = registry.all().into_iter().map(|(_, desc)| desc).collect();
        let selected = self.scenarios.iter().map(Scenario::name);
        let scenarios: Vec<&str> = selected.chain(self.unselected.iter().map(String::as_str)).collect();
        for source in &self.threshold_texts {
            let read = |said: &ThresholdText| {
                let wrong = |source| RunError::ThresholdText { place: said.place.clone(), source };
                let threshold = parse_threshold(&said.text, &known).map_err(wrong)?;
                check_scenario(&said.text, &threshold, &scenarios).map_err(wrong)?;
                Ok(threshold)
            };
            let said = source.iter().map(read).collect::<Result<Vec<_>, RunError>>()?;
            // Only what others said: one source may give a number two bounds.
            all.retain(|earlier| !said.iter().any(|said| earlier.is_about_the_same_as(said)));
            all.extend(said);
        }
        Ok(if self.no_thresholds { Vec::new() } else { all })
    }
}

fn plan_scenarios(scenarios: &[Scenario], cores: usize, seed: u64) -> Result<Vec<ScenarioJob>, RunError> {
    let mut vu_offset = 0;
    let plan = |scenario: &Scenario| {
        let executor = scenario.executor.clone().unwrap_or_default();
        let place = place(scenario.site);
        let schedule = executor.schedule().map_err(|source| RunError::Plan {
            scenario: scenario.name().to_owned(),
            place: place.clone(),
            source,
        })?;
        let schedule = schedule.seeded(arrivals_key(seed, scenario.name()));
        let max_vus = match &schedule {
            Schedule::Closed(plan) => plan.max_vus(),
            Schedule::Open(plan) => plan.max_vus.unwrap_or_else(|| default_max_vus(plan)),
        };
        let job = ScenarioJob {
            name: scenario.name().to_owned(),
            place,
            executor: executor.name(),
            schedule,
            drive: scenario.drive.clone(),
            tags: scenario.tags.clone(),
            start_after: nanos(executor.start_after),
            after: None,
            latest_start: nanos(executor.start_after),
            graceful_stop: nanos(executor.graceful_stop),
            min_iteration: nanos(executor.min_iteration_duration),
            iteration_timeout: executor.iteration_timeout.map(nanos),
            vu_offset,
            max_vus,
            shared: SharedCounters::new(cores),
            hooks: VuHooks::default(),
        };
        vu_offset += max_vus;
        Ok(job)
    };
    scenarios.iter().map(plan).collect()
}

/// The arrivals of ten seconds, as far as descriptors allow: a VU without a connection is of little use.
fn default_max_vus(plan: &OpenSchedule) -> u64 {
    let wanted = plan.vus_of_ten_seconds();
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count) as u64;
    let free = rlimit::Resource::NOFILE.get_soft().map_or(u64::MAX, |limit| limit.saturating_sub(open));
    wanted.min((free / 5).saturating_mul(4)).max(1)
}

fn info(scenario: &Scenario, job: &ScenarioJob) -> ScenarioInfo {
    let executor: Executor = scenario.executor.clone().unwrap_or_default();
    ScenarioInfo {
        name: job.name.clone(),
        executor: executor.name().to_owned(),
        description: executor.describe(),
        max_vus: job.max_vus,
        is_open: matches!(job.schedule, Schedule::Open(_)),
    }
}

fn too_many_series(aggregate: &Aggregate) -> String {
    let tag = aggregate.most_varied_tag().unwrap_or_default();
    format!(
        "there are too many series, for the tag `{tag}` has too many values; further ones are counted together as \
         name=\"(overflow)\": give requests a template with path! or a fixed .name(..), and tags few values"
    )
}

fn open_scenarios(job: &Job) -> impl Iterator<Item = (&ScenarioJob, &OpenSchedule)> {
    job.scenarios.iter().filter_map(|scenario| match &scenario.schedule {
        Schedule::Open(plan) => Some((scenario, plan)),
        Schedule::Closed(_) => None,
    })
}

/// Requests that this machine's limits have prevented.
fn starved(aggregate: &Aggregate) -> Starved {
    let failed =
        |kind: ErrorKind| match aggregate.stats(&HTTP_REQ_FAILED.tag("error", kind.text()).selector, &[]) {
            Stats::Rate { trues, .. } => trues,
            _ => 0,
        };
    let requests = match aggregate.stats(&HTTP_REQ_FAILED.select().selector, &[]) {
        Stats::Rate { total, .. } => total,
        _ => 0,
    };
    Starved {
        requests,
        without_descriptor: failed(ErrorKind::NoDescriptor),
        without_port: failed(ErrorKind::NoPort),
    }
}

/// What the engine saw of itself.
pub(super) fn judge_generator(job: &Job, aggregate: &Aggregate) -> Generator {
    let (mut busy, lag_p99_ms) = aggregate.health(99.0);
    // What setups did is nobody's load.
    busy.truncate(job.cores);
    let count = |stats: Stats| if let Stats::Counter { count, .. } = stats { count } else { 0.0 };
    // What a closed model drops, time did not suffice for; what an open model drops, VUs did not.
    let dropped = |scenario: &ScenarioJob| {
        count(aggregate.stats(&DROPPED_ITERATIONS.scenario(&scenario.name).selector, &[]))
    };
    // The latest scenario's: many punctual arrivals of one do not make up for late ones of another.
    let lateness = |queues: bool| {
        let selectors = open_scenarios(job)
            .filter(|(_, plan)| plan.queue == queues)
            .map(|(scenario, _)| ITERATION_LATENESS.scenario(&scenario.name).selector);
        let p99 = |selector| match aggregate.stats(&selector, &[99.0]) {
            Stats::Trend { percentiles, .. } => percentiles[0],
            _ => f64::NAN,
        };
        selectors.map(p99).fold(f64::NAN, f64::max)
    };
    judge(&Observed {
        busy,
        lag_p99_ms,
        lateness_p99_ms: lateness(false),
        queueing_p99_ms: lateness(true),
        dropped: open_scenarios(job).map(|(scenario, _)| dropped(scenario)).sum(),
        iterations: count(aggregate.stats(&ITERATIONS.select().selector, &[]))
            + count(aggregate.stats(&INTERRUPTED_ITERATIONS.select().selector, &[])),
        rejected: aggregate.rejected_samples(),
        starved: starved(aggregate),
        series: job.memory.is_full().then(|| too_many_series(aggregate)),
    })
}
