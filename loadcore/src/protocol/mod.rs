//! Protocols: each records into its core's recorder and hangs its methods on [`Vu`](crate::Vu).

pub mod http;
pub(crate) mod measure;

use crate::metric::MetricDesc;

/// The metrics of all protocols, known before the first sample.
pub(crate) fn metrics() -> Vec<MetricDesc> {
    http::all().into_iter().chain(measure::all()).collect()
}
