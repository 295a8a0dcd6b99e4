//! A core's recorder: memory that only this core touches, handed over as a delta each second.
//!
//! Two ways in. A *row* is a fixed set of metrics that one event feeds at once under one key, such as all of a
//! request's series: one look-up, then a few histogram increments. A single *series* serves everything else.

use super::delta::{Delta, ErrorSample};
use super::memory::SeriesMemory;
use super::tags::{TagSetId, TagSets};
use super::trend::LiveTrend;
use super::{Kind, MetricDesc, MetricId, Registry, TagList, Value};
use hashbrown::HashMap;
use std::sync::Arc;

/// What a row of some protocol consists of; the trends are times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowSpec<const TRENDS: usize> {
    pub(crate) count: MetricId,
    pub(crate) failed: MetricId,
    pub(crate) trends: [MetricId; TRENDS],
}

/// Identifies a row: packed by the protocol, which knows what its samples differ in.
pub(crate) type RowKey = u128;

/// One event's values: whether it failed, and a duration in nanoseconds for each trend, `None` for no sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowSample<const TRENDS: usize> {
    pub(crate) failed: bool,
    pub(crate) trends: [Option<u64>; TRENDS],
}

#[derive(Debug)]
struct Row {
    /// Series ids are consecutive: count, failed, then the trends.
    first_series: u32,
    count: u64,
    failed: u64,
    trends: Box<[LiveTrend]>,
}

#[derive(Debug)]
enum Cell {
    /// `None` until the first amount, which may be 0: a counter that was touched has data.
    Counter(Option<f64>),
    Rate {
        trues: u64,
        total: u64,
    },
    Gauge {
        last: f64,
        min: f64,
        max: f64,
        at: u64,
        set: bool,
    },
    Trend {
        live: Box<LiveTrend>,
        fine_per_unit: f64,
        fine_per_bucket: u64,
    },
}

#[derive(Debug)]
struct Series {
    id: u32,
    cell: Cell,
}

/// Keys of rows beyond which refused ones are not remembered any more.
const MOST_REFUSED: usize = 200_000;
/// The most distinct failures a core tells apart in one interval.
const MOST_ERRORS: usize = 1_000;

/// Records samples of one core.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) tags: TagSets,
    registry: Arc<Registry>,
    memory: Arc<SeriesMemory>,
    next_series: u32,
    announced: Vec<(MetricId, TagList)>,
    rows: Vec<Row>,
    row_index: HashMap<RowKey, u32>,
    series: Vec<Series>,
    series_index: HashMap<(MetricId, TagSetId), u32>,
    metric_ids: HashMap<&'static str, (MetricId, MetricDesc)>,
    errors: HashMap<(Arc<str>, Arc<str>), ErrorSample>,
    rejected: u64,
}

impl Recorder {
    pub(crate) fn new(registry: Arc<Registry>, memory: Arc<SeriesMemory>) -> Self {
        Self {
            tags: TagSets::new(Arc::clone(&memory)),
            registry,
            memory,
            next_series: 0,
            announced: Vec::new(),
            rows: Vec::new(),
            row_index: HashMap::new(),
            series: Vec::new(),
            series_index: HashMap::new(),
            metric_ids: HashMap::new(),
            errors: HashMap::new(),
            rejected: 0,
        }
    }

    /// Records one event into all series of its row. `base` are the tags it has in any case; `tags` adds the others, and
    /// is asked only when the row is new.
    #[inline]
    pub(crate) fn row<const TRENDS: usize>(
        &mut self,
        spec: &RowSpec<TRENDS>,
        key: RowKey,
        base: TagSetId,
        sample: &RowSample<TRENDS>,
        tags: impl FnOnce(&mut TagSets) -> TagSetId,
    ) {
        let index = match self.row_index.get(&key) {
            Some(index) => *index,
            None => self.new_row(spec, key, base, tags),
        };
        let row = &mut self.rows[index as usize];
        row.count += 1;
        row.failed += u64::from(sample.failed);
        let mut grown = 0;
        for (trend, value) in row.trends.iter_mut().zip(&sample.trends) {
            if let Some(nanos) = value {
                grown += trend.record(*nanos, 1_000);
            }
        }
        self.memory.grew(grown);
    }

    #[cold]
    fn new_row<const TRENDS: usize>(
        &mut self,
        spec: &RowSpec<TRENDS>,
        key: RowKey,
        base: TagSetId,
        tags: impl FnOnce(&mut TagSets) -> TagSetId,
    ) -> u32 {
        // The row, its series here and in the aggregate, and the list of tags with its strings.
        let cost = 1_024 + (TRENDS + 2) * 256;
        if self.memory.take(cost) {
            let tags = tags(&mut self.tags);
            return self.add_row(spec, key, tags);
        }
        let overflow = self.tags.overflow_of(base);
        // A key nobody makes: all surplus rows of a scenario are one for each kind of row.
        let overflow_key = RowKey::MAX - (RowKey::from(spec.count.0) << 32 | RowKey::from(overflow.0));
        let index = match self.row_index.get(&overflow_key) {
            Some(index) => *index,
            None => self.add_row(spec, overflow_key, overflow),
        };
        // Remembered, so that the next such event is as fast as any other; but not without end.
        if self.row_index.len() < MOST_REFUSED {
            self.row_index.insert(key, index);
        }
        index
    }

    fn add_row<const TRENDS: usize>(&mut self, spec: &RowSpec<TRENDS>, key: RowKey, tags: TagSetId) -> u32 {
        let list = Arc::clone(self.tags.get(tags));
        let first_series = self.announce(spec.count, Arc::clone(&list));
        self.announce(spec.failed, Arc::clone(&list));
        for metric in spec.trends {
            self.announce(metric, Arc::clone(&list));
        }
        let index = self.rows.len() as u32;
        let trends = (0..TRENDS).map(|_| LiveTrend::default()).collect();
        self.rows.push(Row { first_series, count: 0, failed: 0, trends });
        self.row_index.insert(key, index);
        index
    }

    fn announce(&mut self, metric: MetricId, tags: TagList) -> u32 {
        self.announced.push((metric, tags));
        self.next_series += 1;
        self.next_series - 1
    }

    /// The id of a metric whose handle is known, through a cache that takes no lock.
    pub(crate) fn metric(&mut self, desc: &MetricDesc) -> Option<MetricId> {
        let std::borrow::Cow::Borrowed(name) = desc.name else {
            return self.registry.register(desc).ok();
        };
        if let Some((id, known)) = self.metric_ids.get(name) {
            // The names are equal already.
            let is_same = |a: &MetricDesc, b: &MetricDesc| {
                (a.kind, a.contains, a.builtin) == (b.kind, b.contains, b.builtin)
            };
            return is_same(known, desc).then_some(*id);
        }
        let id = self.registry.register(desc).ok()?;
        self.metric_ids.insert(name, (id, desc.clone()));
        Some(id)
    }

    fn series(&mut self, metric: MetricId, tags: TagSetId) -> &mut Series {
        let index = match self.series_index.get(&(metric, tags)) {
            Some(index) => *index,
            None => self.new_series(metric, tags),
        };
        &mut self.series[index as usize]
    }

    #[cold]
    fn new_series(&mut self, metric: MetricId, tags: TagSetId) -> u32 {
        let tags = if self.memory.take(512) {
            tags
        } else {
            let overflow = self.tags.overflow_of(tags);
            if let Some(index) = self.series_index.get(&(metric, overflow)) {
                return *index;
            }
            overflow
        };
        let desc = self.registry.get(metric);
        let cell = match desc.kind {
            Kind::Counter => Cell::Counter(None),
            Kind::Rate => Cell::Rate { trues: 0, total: 0 },
            Kind::Gauge => Cell::Gauge { last: 0.0, min: 0.0, max: 0.0, at: 0, set: false },
            Kind::Trend => Cell::Trend {
                live: Box::default(),
                fine_per_unit: desc.contains.fine_per_unit(),
                fine_per_bucket: desc.contains.fine_per_bucket(),
            },
        };
        let id = self.announce(metric, Arc::clone(self.tags.get(tags)));
        let index = self.series.len() as u32;
        self.series.push(Series { id, cell });
        self.series_index.insert((metric, tags), index);
        index
    }

    /// Records an amount in shown units (milliseconds for times): adds to a counter, sets a gauge, samples a trend, and
    /// is true for a rate unless it is 0. What the metric cannot take is counted as rejected.
    pub(crate) fn sample(&mut self, metric: MetricId, tags: TagSetId, amount: f64, now: u64) {
        if !amount.is_finite() {
            self.rejected += 1;
            return;
        }
        let mut grown = 0;
        let mut rejected = false;
        match &mut self.series(metric, tags).cell {
            Cell::Counter(sum) if amount >= 0.0 => *sum = Some(sum.unwrap_or(0.0) + amount),
            Cell::Rate { trues, total } => {
                *trues += u64::from(amount != 0.0);
                *total += 1;
            }
            Cell::Gauge { last, min, max, at, set } => {
                (*min, *max) = if *set { (min.min(amount), max.max(amount)) } else { (amount, amount) };
                (*last, *at, *set) = (amount, now, true);
            }
            Cell::Trend { live, fine_per_unit, fine_per_bucket } if amount >= 0.0 => {
                grown = live.record((amount * *fine_per_unit).round() as u64, *fine_per_bucket);
            }
            Cell::Counter(_) | Cell::Trend { .. } => rejected = true,
        }
        self.rejected += u64::from(rejected);
        self.memory.grew(grown);
    }

    /// Records a duration in nanoseconds into a time trend.
    pub(crate) fn time(&mut self, metric: MetricId, tags: TagSetId, nanos: u64) {
        let mut grown = 0;
        if let Cell::Trend { live, fine_per_bucket, .. } = &mut self.series(metric, tags).cell {
            grown = live.record(nanos, *fine_per_bucket);
        }
        self.memory.grew(grown);
    }

    /// Counts a sample that could not be recorded, such as one of a metric whose name is taken by another kind.
    pub(crate) fn reject(&mut self) {
        self.rejected += 1;
    }

    /// Counts a failure by kind and place; `first` is asked only for a new pair.
    pub(crate) fn error(&mut self, kind: &str, place: &str, first: impl FnOnce() -> String) {
        let full = self.errors.len() >= MOST_ERRORS;
        let mut key = (Arc::from(kind), Arc::from(place));
        if full && !self.errors.contains_key(&key) {
            key = (Arc::from("(overflow)"), Arc::from("(overflow)"));
        }
        let (kind, place) = key.clone();
        let sample =
            self.errors.entry(key).or_insert_with(|| ErrorSample { kind, place, count: 0, first: first() });
        sample.count += 1;
    }

    /// Hands over everything since the last drain. The caller adds what only the core knows.
    pub(crate) fn drain(&mut self) -> Delta {
        let mut values = Vec::new();
        for row in self.rows.iter_mut().filter(|row| row.count > 0) {
            let (count, failed) = (std::mem::take(&mut row.count), std::mem::take(&mut row.failed));
            values.push((row.first_series, Value::Counter(count as f64)));
            values.push((row.first_series + 1, Value::Rate { trues: failed, total: count }));
            for (id, trend) in (row.first_series + 2..).zip(&mut row.trends) {
                values.extend(trend.drain().map(|delta| (id, Value::Trend(delta))));
            }
        }
        for series in &mut self.series {
            values.extend(series.cell.drain().map(|value| (series.id, value)));
        }
        Delta {
            announced: std::mem::take(&mut self.announced),
            values,
            errors: self.errors.drain().map(|(_, sample)| sample).collect(),
            rejected: std::mem::take(&mut self.rejected),
            ..Delta::default()
        }
    }
}

impl Cell {
    fn drain(&mut self) -> Option<Value> {
        match self {
            Self::Counter(sum) => sum.take().map(Value::Counter),
            Self::Rate { trues, total } if *total > 0 => {
                Some(Value::Rate { trues: std::mem::take(trues), total: std::mem::take(total) })
            }
            Self::Gauge { last, min, max, at, set } if *set => {
                *set = false;
                Some(Value::Gauge { last: *last, min: *min, max: *max, at: *at })
            }
            Self::Trend { live, .. } => live.drain().map(Value::Trend),
            Self::Rate { .. } | Self::Gauge { .. } => None,
        }
    }
}
