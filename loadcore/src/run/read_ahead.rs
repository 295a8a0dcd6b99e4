//! Reading a file while the test runs: a thread reads ahead, and whoever asks gets the next row.

use super::feed::{DataEnd, state_of};
use super::{Vu, panic};
use crate::data::{DataError, FeedError, OnEnd, RowReader, StreamedRows};
use serde::de::DeserializeOwned;
use std::sync::{Arc, OnceLock};

/// Rows that wait for somebody to ask.
const ROWS: usize = 1_000;

/// What a thread has read, in one test.
struct ReadAhead<T> {
    rows: async_channel::Receiver<Result<T, FeedError>>,
    /// Why it can read no further, if that is not the file's end: said to everybody who asks.
    fault: Arc<OnceLock<String>>,
}

impl<T: DeserializeOwned + Send + 'static> StreamedRows<T> {
    /// The next row of the file, which no other iteration of this test gets before the file begins anew. Waits for it if
    /// nobody has read it yet, and the VU's core serves other VUs meanwhile.
    ///
    /// # Errors
    /// If there is no row left: see [`OnEnd`]. Or if it cannot be read; then the error says where it stands. From where the
    /// file itself can be read no further, each call fails so.
    ///
    /// # Panics
    /// If the file was not looked for, for want of `#[data]` on the static.
    pub async fn next(&'static self, vu: &Vu) -> Result<T, FeedError> {
        self.assert_found();
        let core = &vu.state.core;
        let ahead: Arc<ReadAhead<T>> =
            state_of(core, std::ptr::from_ref(self).addr(), || ReadAhead::start(self));
        let row = if core.clock.is_real() {
            ahead.rows.recv().await
        } else {
            // Virtual time would pass meanwhile.
            ahead.rows.recv_blocking()
        };
        row.unwrap_or_else(|_| match ahead.fault.get() {
            Some(fault) => Err(FeedError::unreadable(fault)),
            None => Err(vu.no_row(self.path, self.on_end, DataEnd::OfScenario)),
        })
    }
}

impl<T: DeserializeOwned + Send + 'static> ReadAhead<T> {
    /// Starts the thread. It ends with the file, or with the test: when nobody can ask any more.
    fn start(from: &'static StreamedRows<T>) -> Self {
        let (sender, rows) = async_channel::bounded(ROWS);
        let fault = Arc::new(OnceLock::new());
        let told = Arc::clone(&fault);
        let work = move || {
            if let Err(error) = read(from, &sender) {
                // Said before the sender is gone, and by nobody else.
                let _ = told.set(error.to_string());
            }
        };
        let thread = std::thread::Builder::new().name("loadcore-rows".to_owned()).spawn(work);
        if let Err(error) = thread {
            let problem = format!("data file {}: cannot start the thread that reads it: {error}", from.path);
            // No thread, so nobody else.
            let _ = fault.set(problem);
        }
        Self { rows, fault }
    }
}

/// Reads until the end, or until nobody listens.
fn read<T: DeserializeOwned>(
    from: &StreamedRows<T>,
    rows: &async_channel::Sender<Result<T, FeedError>>,
) -> Result<(), DataError> {
    loop {
        let mut reader = from.open()?;
        let mut is_empty = true;
        while let Some(row) = next_row(&mut reader)? {
            is_empty = false;
            if rows.send_blocking(row).is_err() {
                return Ok(());
            }
        }
        if from.on_end != OnEnd::Recycle {
            return Ok(());
        }
        if is_empty {
            return Err(DataError::Empty { path: reader.path().to_owned() });
        }
    }
}

/// The next row, or what is wrong with it. An error if the file can be read no further.
fn next_row<T: DeserializeOwned>(
    reader: &mut RowReader<T>,
) -> Result<Option<Result<T, FeedError>>, DataError> {
    match panic::catch(|| reader.next()) {
        Ok(None) => Ok(None),
        Ok(Some(Err(error))) if reader.is_broken() => Err(error),
        Ok(Some(row)) => Ok(Some(row.map_err(FeedError::unreadable))),
        // How a row is read is user code too.
        Err(panic) => {
            let (path, panic::Panic { message, place }) = (reader.path().display(), panic);
            let problem =
                format!("data file {path}: a row panicked while it was read, at {place}: {message}");
            Ok(Some(Err(FeedError::unreadable(problem))))
        }
    }
}
