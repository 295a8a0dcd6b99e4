//! Recording into user metrics: `ORDER_VALUE.add(vu, 12.5)`.

use super::Vu;
use crate::metric::{Bytes, Counter, Gauge, Metric, MetricDesc, Plain, Rate, Time, Trend};
use crate::plan::Number;
use std::time::Duration;

fn sample(vu: &Vu, desc: &MetricDesc, amount: f64) {
    let core = &vu.state.core;
    let now = core.clock.now();
    let mut recorder = core.recorder.borrow_mut();
    // A name that another kind of metric has already: found before the start for registered metrics.
    match recorder.metric(desc) {
        Some(metric) => recorder.sample(metric, vu.tags, amount, now),
        None => recorder.reject(),
    }
}

/// A value of a time trend: a [`Duration`], or a number of milliseconds.
pub trait TimeAmount {
    /// In milliseconds.
    fn millis(self) -> f64;
}

impl TimeAmount for Duration {
    fn millis(self) -> f64 {
        self.as_nanos() as f64 / 1e6
    }
}

impl<N: Number> TimeAmount for N {
    fn millis(self) -> f64 {
        self.into_f64()
    }
}

impl Trend<Plain> {
    /// Records a number, kept to 1/1000. Negative numbers and NaN are refused, counted, and reported.
    pub fn add(self, vu: &Vu, value: impl Number) {
        sample(vu, &self.desc(), value.into_f64());
    }
}

impl Trend<Bytes> {
    /// Records a size in bytes. Negative numbers and NaN are refused, counted, and reported.
    pub fn add(self, vu: &Vu, bytes: impl Number) {
        sample(vu, &self.desc(), bytes.into_f64());
    }
}

impl Trend<Time> {
    /// Records a [`Duration`], or a number of milliseconds. Negative numbers and NaN are refused, counted, and reported.
    pub fn add(self, vu: &Vu, time: impl TimeAmount) {
        sample(vu, &self.desc(), time.millis());
    }
}

impl Counter {
    /// Adds to the sum. Negative numbers and NaN are refused, counted, and reported.
    pub fn add(self, vu: &Vu, amount: impl Number) {
        sample(vu, &self.desc(), amount.into_f64());
    }
}

impl Rate {
    /// Records one sample.
    pub fn add(self, vu: &Vu, value: bool) {
        sample(vu, &self.desc(), f64::from(u8::from(value)));
    }
}

impl Gauge {
    /// Sets the value. Any finite number; others are refused, counted, and reported.
    pub fn set(self, vu: &Vu, value: impl Number) {
        sample(vu, &self.desc(), value.into_f64());
    }
}
