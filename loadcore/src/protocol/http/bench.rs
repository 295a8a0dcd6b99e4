//! What `benches/` needs to time the recording of requests alone, without sending any.

use super::metrics::{self, RequestTags};
use super::response::Timings;
use crate::metric::{EMPTY, Recorder, Registry, SeriesMemory};
use http::{StatusCode, Version};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Records requests as [`send`](super::RequestBuilder::send) does, into a recorder of its own.
pub struct Recording {
    recorder: Recorder,
    row: crate::metric::RowSpec<{ metrics::TREND_COUNT }>,
    names: Vec<Rc<str>>,
}

impl Recording {
    /// A recorder for requests of this many names.
    pub fn new(names: u32) -> Self {
        // The metrics of HTTP have valid names, each once.
        let registry = Arc::new(Registry::new(metrics::all()).unwrap_or_default());
        let row = metrics::row_spec(&registry);
        let memory = Arc::new(SeriesMemory::new(SeriesMemory::DEFAULT_CAP));
        let names = (0..names).map(|name| format!("/name/{name}").into()).collect();
        Self { recorder: Recorder::new(registry, memory), row, names }
    }

    /// Records one request on a reused connection, with these phases.
    #[inline]
    pub fn record(&mut self, name: u32, sending: Duration, waiting: Duration, receiving: Duration) {
        let timings =
            Timings { blocked: Duration::from_nanos(700), sending, waiting, receiving, ..Timings::default() };
        let tags = RequestTags {
            base: EMPTY,
            name,
            method: 0,
            status: Some(StatusCode::OK),
            version: Some(Version::HTTP_11),
            tls: None,
            error: None,
            expected: true,
        };
        let names = &self.names;
        tags.record(&mut self.recorder, &self.row, timings.samples(), || Rc::clone(&names[name as usize]));
    }

    /// Hands over the interval, as a core does each second; the number of series that had samples.
    pub fn drain(&mut self) -> usize {
        self.recorder.drain().values.len()
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("names", &self.names.len()).finish_non_exhaustive()
    }
}
