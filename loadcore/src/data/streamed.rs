//! `StreamedRows`: rows that are read while the test runs, for files that do not fit into memory.

use super::format::{BadRow, Format};
use super::rows::Rows;
use super::shared_array::find;
use super::{Data, DataError, OnEnd};
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::BufReader;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The rows of a file that is read while the test runs: memory holds a thousand of them, whatever the file's size.
///
/// Its static has `#[data]` on it, so that the file is looked for before the start. Each running test reads it from its
/// beginning, with one thread, and hands each row to one iteration, in the file's order: [`next`](StreamedRows::next). A row
/// that cannot be read fails the iteration that would have got it, with its place in the file; the first one is read before
/// the start, where a mistake ends the run. Who gets which row depends on who asks first: for data that repeats with the
/// seed take a [`SharedArray`](super::SharedArray).
///
/// It must be a regular file, for a pipe has no beginning to go back to. A row of more than 16 MiB is taken for a mistake,
/// such as a quote that is never closed, and nothing behind it is read.
///
/// ```
/// # use loadcore::prelude::*;
/// # #[derive(serde::Deserialize)]
/// # struct Order { id: u64 }
/// #[data]
/// static ORDERS: StreamedRows<Order> = StreamedRows::csv("data/orders.csv").on_end(OnEnd::Stop);
///
/// #[scenario(executor = constant_vus(20, 1h))]
/// async fn replay(vu: &Vu) -> Result {
///     let order = ORDERS.next(vu).await?;
///     vu.get(path!("/orders/{}", order.id)).send().await?;
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct StreamedRows<T> {
    pub(crate) path: &'static str,
    format: Format,
    pub(crate) on_end: OnEnd,
    found: OnceLock<PathBuf>,
    rows: PhantomData<fn() -> T>,
}

impl<T> StreamedRows<T> {
    /// The rows of this CSV file, as in [`SharedArray::csv`](super::SharedArray::csv).
    pub const fn csv(path: &'static str) -> Self {
        Self::of(path, Format::Csv)
    }

    /// The lines of this file, each one JSON value, as in [`SharedArray::jsonl`](super::SharedArray::jsonl).
    pub const fn jsonl(path: &'static str) -> Self {
        Self::of(path, Format::JsonLines)
    }

    const fn of(path: &'static str, format: Format) -> Self {
        Self { path, format, on_end: OnEnd::Fail, found: OnceLock::new(), rows: PhantomData }
    }
}

impl<T: DeserializeOwned> StreamedRows<T> {
    /// # Panics
    /// If the file was not looked for, for want of `#[data]` on the static.
    pub(crate) fn assert_found(&self) -> &Path {
        let path = self.found.get();
        path.unwrap_or_else(|| panic!("`{}` is not loaded: put #[data] on its static", self.path))
    }

    /// Opens the file, which was found, at its beginning.
    pub(crate) fn open(&self) -> Result<RowReader<T>, DataError> {
        RowReader::open(self.format, self.assert_found())
    }
}

impl<T: DeserializeOwned> Data for StreamedRows<T> {
    fn load(&self, manifest_dir: &Path) -> Result<(), DataError> {
        if self.found.get().is_some() {
            return Ok(());
        }
        let path = find(self.path, manifest_dir)?;
        match RowReader::<T>::open(self.format, &path)?.next() {
            Some(first) => drop(first?),
            None => return Err(DataError::Empty { path }),
        }
        // Another test of this process may have found it meanwhile, at the same place.
        let _ = self.found.set(path);
        Ok(())
    }
}

/// Reads one row after the other.
pub(crate) struct RowReader<T> {
    path: PathBuf,
    rows: Rows<T, BufReader<File>>,
}

impl<T: DeserializeOwned> RowReader<T> {
    fn open(format: Format, path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.to_owned(), source };
        // Asked first: to open a pipe is to wait for whoever writes into it.
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(io(std::io::Error::other(
                "it is not a regular file, and has to be read more than once",
            )));
        }
        let file = BufReader::with_capacity(1 << 16, File::open(path).map_err(io)?);
        Ok(Self { path: path.to_owned(), rows: Rows::new(format, file).map_err(io)? })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has come to a place behind which nothing can be read.
    pub(crate) fn is_broken(&self) -> bool {
        self.rows.is_broken()
    }
}

impl<T: DeserializeOwned> Iterator for RowReader<T> {
    type Item = Result<T, DataError>;
    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        Some(row.map_err(|BadRow { line, column, message }| DataError::Parse {
            path: self.path.clone(),
            line,
            column,
            message,
        }))
    }
}
