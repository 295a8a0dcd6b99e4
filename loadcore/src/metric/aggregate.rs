//! The one aggregate: all deltas of all cores, merged.

use super::delta::{Delta, ErrorSample};
use super::history::{History, HistoryPoint};
use super::stats::Stats;
use super::trend::TrendTotal;
use super::{Kind, MetricDesc, MetricId, Registry, Selector, SeriesMemory, TagList, Value};
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone)]
enum Total {
    Plain(Value),
    Trend(Box<TrendTotal>),
}

#[derive(Debug)]
struct Series {
    metric: MetricId,
    tags: TagList,
    total: Total,
}

/// Failures of one kind at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorGroup {
    /// What went wrong, as a short fixed text.
    pub kind: String,
    /// Where: `file:line` of the `?`, the panic or the scenario.
    pub place: String,
    /// How often.
    pub count: u64,
    /// The first message.
    pub first: String,
}

/// Everything a test has measured so far.
#[derive(Debug)]
pub struct Aggregate {
    registry: Arc<Registry>,
    memory: Arc<SeriesMemory>,
    /// When the first scenario started, in nanoseconds of the test's clock.
    start: u64,
    series: Vec<Series>,
    index: HashMap<(MetricId, TagList), usize>,
    /// For each core, its dense series ids translated.
    cores: Vec<CoreState>,
    history: History,
    errors: HashMap<(Arc<str>, Arc<str>), ErrorSample>,
    rejected: u64,
    elapsed: Duration,
}

#[derive(Debug, Default)]
struct CoreState {
    series: Vec<usize>,
    vus: Vec<u64>,
    health: Vec<Health>,
    lag: TrendTotal,
}

#[derive(Debug, Clone, Copy)]
struct Health {
    busy_ns: u64,
    wall_ns: u64,
}

/// One series as a report reads it.
#[derive(Debug)]
pub struct SeriesView<'a> {
    aggregate: &'a Aggregate,
    index: usize,
}

impl Aggregate {
    pub(crate) fn new(registry: Arc<Registry>, memory: Arc<SeriesMemory>, cores: usize, start: u64) -> Self {
        Self {
            registry,
            memory,
            start,
            series: Vec::new(),
            index: HashMap::new(),
            cores: (0..cores).map(|_| CoreState::default()).collect(),
            history: History::new(History::MOST_BYTES),
            errors: HashMap::new(),
            rejected: 0,
            elapsed: Duration::ZERO,
        }
    }

    /// Merges what a core handed over.
    pub(crate) fn ingest(&mut self, delta: Delta) {
        let since = Duration::from_nanos(delta.since.saturating_sub(self.start));
        // What VUs do after their last iteration is no load, and must not thin out its rates.
        self.elapsed = self.elapsed.max(Duration::from_nanos(delta.loaded_until.saturating_sub(self.start)));
        for (metric, tags) in delta.announced {
            let series = self.series_of(metric, tags);
            self.cores[delta.core].series.push(series);
        }
        for (id, value) in &delta.values {
            let series = self.cores[delta.core].series[*id as usize];
            self.add(series, since, value);
        }
        for error in delta.errors {
            let key = (Arc::clone(&error.kind), Arc::clone(&error.place));
            match self.errors.get_mut(&key) {
                Some(known) => known.count += error.count,
                None => {
                    self.errors.insert(key, error);
                }
            }
        }
        self.rejected += delta.rejected;
        let core = &mut self.cores[delta.core];
        if !delta.vus.is_empty() {
            core.vus = delta.vus;
        }
        core.lag.add(&delta.health.lag);
        if delta.health.wall_ns > 0 {
            core.health.push(Health { busy_ns: delta.health.busy_ns, wall_ns: delta.health.wall_ns });
            if core.health.len() as u64 > 2 * History::MOST_STEPS {
                // Keep it bounded: pairs become one, weighted by time.
                let merge = |pair: &[Health]| Health {
                    busy_ns: pair.iter().map(|h| h.busy_ns).sum(),
                    wall_ns: pair.iter().map(|h| h.wall_ns).sum(),
                };
                core.health = core.health.chunks(2).map(merge).collect();
            }
        }
    }

    fn series_of(&mut self, metric: MetricId, tags: TagList) -> usize {
        let key = (metric, tags);
        if let Some(series) = self.index.get(&key) {
            return *series;
        }
        let total = match self.registry.get(metric).kind {
            Kind::Counter => Total::Plain(Value::Counter(0.0)),
            Kind::Rate => Total::Plain(Value::Rate { trues: 0, total: 0 }),
            Kind::Gauge => Total::Plain(Value::Gauge {
                last: f64::NAN,
                min: f64::INFINITY,
                max: f64::NEG_INFINITY,
                at: 0,
            }),
            Kind::Trend => Total::Trend(Box::default()),
        };
        let series = self.series.len();
        self.series.push(Series { metric, tags: Arc::clone(&key.1), total });
        self.index.insert(key, series);
        series
    }

    fn add(&mut self, series: usize, since: Duration, value: &Value) {
        match (&mut self.series[series].total, value) {
            // The empty gauge's NaN would win by its bits: the first value replaces it.
            (Total::Plain(total), value) if matches!(&*total, Value::Gauge { last, .. } if last.is_nan()) => {
                total.clone_from(value);
            }
            (Total::Plain(total), value) => total.merge(value),
            (Total::Trend(total), Value::Trend(delta)) => self.memory.grew(total.add(delta)),
            (Total::Trend(_), other) => debug_assert!(false, "a trend received {other:?}"),
        }
        self.history.add(series, since, value);
    }

    /// Sets an untagged gauge from the aggregate's own point of view, such as the sum of all cores' VUs.
    pub(crate) fn set_gauge(&mut self, metric: &MetricDesc, value: f64, since: u64, at: u64) {
        let Ok(metric) = self.registry.register(metric) else { return };
        let series = self.series_of(metric, Arc::new([]));
        let since = Duration::from_nanos(since.saturating_sub(self.start));
        self.add(series, since, &Value::Gauge { last: value, min: value, max: value, at });
    }

    /// A core that has ended has no VUs any more.
    pub(crate) fn core_ended(&mut self, core: usize) {
        self.cores[core].vus.clear();
    }

    /// The tag with the most values, to be named when there are too many series.
    pub(crate) fn most_varied_tag(&self) -> Option<String> {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (key, value) in self.series.iter().flat_map(|series| series.tags.iter()) {
            values.entry(key).or_default().insert(value);
        }
        // `url` says what `name` says, as in k6; `name` is what a user can set.
        values.remove("url");
        values.into_iter().max_by_key(|(_, values)| values.len()).map(|(key, _)| key.to_owned())
    }

    /// VUs that are active now, over all cores and scenarios.
    pub(crate) fn vus(&self) -> u64 {
        self.cores.iter().flat_map(|core| &core.vus).sum()
    }

    /// VUs of one scenario that are active now.
    pub(crate) fn vus_of(&self, scenario: usize) -> u64 {
        self.cores.iter().filter_map(|core| core.vus.get(scenario)).sum()
    }

    /// Ends the clock that rates are computed with.
    pub(crate) fn finish(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
    }

    /// Time since the first scenario started, as far as deltas have come in.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Samples that were refused because they were negative or not a number, or because their metric's name is another's.
    pub fn rejected_samples(&self) -> u64 {
        self.rejected
    }

    /// The length of a history step now; steps double as a run grows.
    pub fn history_step(&self) -> Duration {
        self.history.step()
    }

    /// All metrics that are known, whether they have samples or not, in order of their names.
    pub fn metrics(&self) -> Vec<MetricDesc> {
        let mut metrics: Vec<_> = self.registry.all().into_iter().map(|(_, desc)| desc).collect();
        metrics.sort_by(|a, b| a.name.cmp(&b.name));
        metrics
    }

    /// All series of a metric that have samples, in order of their tags.
    pub fn series(&self, metric: &str) -> Vec<SeriesView<'_>> {
        let Some(id) = self.registry.find(metric) else { return Vec::new() };
        // A request that got no connection announces the trends of its row, and has no samples for them.
        let is_empty = |series: &Series| matches!(&series.total, Total::Trend(total) if total.count == 0);
        let belongs = |i: &usize| self.series[*i].metric == id && !is_empty(&self.series[*i]);
        let mut found: Vec<_> = (0..self.series.len()).filter(belongs).collect();
        found.sort_by(|a, b| self.series[*a].tags.cmp(&self.series[*b].tags));
        found.into_iter().map(|index| SeriesView { aggregate: self, index }).collect()
    }

    /// The numbers of all series that a selector means, together.
    pub fn stats(&self, selector: &Selector, percentiles: &[f64]) -> Stats {
        let id = self.registry.find(&selector.metric.name);
        let matching = self.series.iter().filter(|s| Some(s.metric) == id && selector.matches(&s.tags));
        self.merged(&selector.metric, matching, percentiles)
    }

    fn merged<'a>(
        &self,
        metric: &MetricDesc,
        series: impl Iterator<Item = &'a Series>,
        percentiles: &[f64],
    ) -> Stats {
        let mut trend = TrendTotal::default();
        let mut plain: Option<Value> = None;
        for series in series {
            match &series.total {
                Total::Trend(total) if percentiles.is_empty() => trend.merge_ends(total),
                Total::Trend(total) => trend.merge(total),
                Total::Plain(value) => match &mut plain {
                    Some(sum) => sum.merge(value),
                    None => plain = Some(value.clone()),
                },
            }
        }
        let seconds = self.elapsed.as_secs_f64();
        match (metric.kind, plain) {
            (Kind::Trend, _) => {
                let unit = metric.contains.fine_per_unit();
                let quantiles: Vec<f64> = percentiles.iter().map(|p| p / 100.0).collect();
                let values = trend.quantiles(&quantiles, metric.contains.fine_per_bucket());
                Stats::Trend {
                    count: trend.count,
                    sum: trend.sum as f64 / unit,
                    min: if trend.count == 0 { f64::NAN } else { trend.min as f64 / unit },
                    max: if trend.count == 0 { f64::NAN } else { trend.max as f64 / unit },
                    percentiles: values.into_iter().map(|value| value / unit).collect(),
                }
            }
            (_, Some(Value::Gauge { last, min, max, .. })) => Stats::Gauge { value: last, min, max },
            (Kind::Gauge, _) => Stats::Gauge { value: f64::NAN, min: f64::NAN, max: f64::NAN },
            (_, Some(Value::Rate { trues, total })) => {
                Stats::Rate { rate: trues as f64 / total as f64, trues, total }
            }
            (Kind::Rate, _) => Stats::Rate { rate: f64::NAN, trues: 0, total: 0 },
            (Kind::Counter, value) => {
                let (count, touched) =
                    if let Some(Value::Counter(sum)) = value { (sum, true) } else { (0.0, false) };
                Stats::Counter { count, rate: if seconds > 0.0 { count / seconds } else { 0.0 }, touched }
            }
        }
    }

    /// Failures by kind and place, the most frequent first.
    pub fn errors(&self) -> Vec<ErrorGroup> {
        let mut errors: Vec<_> = self
            .errors
            .values()
            .map(|e| ErrorGroup {
                kind: e.kind.to_string(),
                place: e.place.to_string(),
                count: e.count,
                first: e.first.clone(),
            })
            .collect();
        errors.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (&a.place, &a.kind).cmp(&(&b.place, &b.kind)))
        });
        errors
    }

    /// The share of time each core was busy, in its busiest stretch of about five seconds; and how late its event loop
    /// ran at this percentile (in milliseconds), over all cores.
    pub(crate) fn health(&self, lag_percentile: f64) -> (Vec<f64>, f64) {
        let ratio = |window: &[Health]| {
            let wall: u64 = window.iter().map(|h| h.wall_ns).sum();
            window.iter().map(|h| h.busy_ns).sum::<u64>() as f64 / wall.max(1) as f64
        };
        let busiest = |core: &CoreState| {
            let windows = core.health.windows(5.min(core.health.len().max(1)));
            windows.map(ratio).fold(0.0, f64::max)
        };
        let mut lag = TrendTotal::default();
        for core in &self.cores {
            lag.merge(&core.lag);
        }
        (self.cores.iter().map(busiest).collect(), lag.quantiles(&[lag_percentile / 100.0], 1_000)[0] / 1e6)
    }
}

impl SeriesView<'_> {
    /// The series' tags, in order of their keys.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.aggregate.series[self.index].tags.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The value of one tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        super::tags::find(&self.aggregate.series[self.index].tags, key)
    }

    /// The series' numbers.
    pub fn stats(&self, percentiles: &[f64]) -> Stats {
        let series = &self.aggregate.series[self.index];
        let desc = self.aggregate.registry.get(series.metric);
        self.aggregate.merged(&desc, std::iter::once(series), percentiles)
    }

    /// What the series gained in each step of the test.
    pub fn history(&self) -> Vec<HistoryPoint> {
        self.aggregate.history.points(self.index)
    }
}
