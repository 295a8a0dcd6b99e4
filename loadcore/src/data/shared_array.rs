//! `SharedArray`: typed rows of a file.

use super::format::Format;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Why data could not be loaded: always with the file, and with the place in it where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file is at neither place.
    #[error("data file `{path}` not found: looked for {}", places(tried))]
    NotFound {
        /// As the program wrote it.
        path: String,
        /// Beside the working directory, and beside the crate's manifest.
        tried: [PathBuf; 2],
    },
    /// The file cannot be read.
    #[error("data file {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A row is not what its type says.
    #[error("data file {path}:{line}:{column}: {message}", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1: a character of the line.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// There is no row, so that no VU could have one.
    #[error("data file {path}: there are no rows; each VU would need one", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Both places, or the one that both are.
fn places([here, beside_manifest]: &[PathBuf; 2]) -> String {
    match here == beside_manifest {
        true => here.display().to_string(),
        false => format!("{} and {}", here.display(), beside_manifest.display()),
    }
}

/// Something that `#[data]` loads before the test starts.
pub trait Data {
    /// Loads it, if that has not happened yet. Relative paths are tried from the working directory, then from
    /// `manifest_dir`.
    ///
    /// # Errors
    /// If the file is missing, unreadable, empty, or a row does not fit its type.
    fn load(&self, manifest_dir: &Path) -> Result<(), DataError>;
}

/// The rows of a file, as values of `T`: one copy in memory, whatever the number of VUs and cores.
///
/// ```
/// # use loadcore::prelude::*;
/// #[derive(serde::Deserialize)]
/// struct User { email: String }
///
/// #[data]
/// static USERS: SharedArray<User> = SharedArray::json("data/users.json");
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct SharedArray<T> {
    path: &'static str,
    format: Format,
    rows: OnceLock<Vec<T>>,
}

impl<T> SharedArray<T> {
    /// The elements of the JSON array in this file. The path is taken from the working directory or, if there is no
    /// such file, from the directory of the crate's `Cargo.toml`.
    pub const fn json(path: &'static str) -> Self {
        Self::of(path, Format::Json)
    }

    /// The lines of this file, each one JSON value (empty lines are passed over). The path is taken as in
    /// [`json`](SharedArray::json).
    pub const fn jsonl(path: &'static str) -> Self {
        Self::of(path, Format::JsonLines)
    }

    /// The rows of this CSV file: commas, double quotes, and a first line with the fields' names, which are matched with
    /// those of `T`. Blanks beside a comma are a part of the value, as RFC 4180 has it; those around a name of the first
    /// line are not. The path is taken as in [`json`](SharedArray::json).
    pub const fn csv(path: &'static str) -> Self {
        Self::of(path, Format::Csv)
    }

    const fn of(path: &'static str, format: Format) -> Self {
        Self { path, format, rows: OnceLock::new() }
    }

    /// The rows in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.rows().iter()
    }

    /// The rows. Empty until the data is loaded, which happens before the test starts.
    pub fn rows(&self) -> &[T] {
        self.rows.get().map_or(&[], Vec::as_slice)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows().len()
    }

    /// Whether there is no row: only before the data is loaded, since an empty file is an error.
    pub fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }

    /// Row `n` of an endless repetition of the rows.
    ///
    /// # Panics
    /// If the data is not loaded, for want of `#[data]` on the static.
    pub(crate) fn wrapping(&self, n: u64) -> &T {
        let rows = self.rows();
        assert!(!rows.is_empty(), "`{}` is not loaded: put #[data] on its static", self.path);
        &rows[(n % rows.len() as u64) as usize]
    }

    /// The file, for messages.
    pub(crate) fn path(&self) -> &'static str {
        self.path
    }
}

/// The file of this path: from the working directory or, if there is none, from `manifest_dir`.
pub(super) fn find(path: &str, manifest_dir: &Path) -> Result<PathBuf, DataError> {
    let here = PathBuf::from(path);
    let beside_manifest = manifest_dir.join(path);
    if here.exists() {
        return Ok(here);
    }
    if beside_manifest.exists() {
        return Ok(beside_manifest);
    }
    let [here, beside_manifest] =
        [here, beside_manifest].map(|path| std::path::absolute(&path).unwrap_or(path));
    Err(DataError::NotFound { path: path.to_owned(), tried: [here, beside_manifest] })
}

impl<'a, T> IntoIterator for &'a SharedArray<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> std::ops::Index<usize> for SharedArray<T> {
    type Output = T;
    fn index(&self, row: usize) -> &T {
        assert!(!self.rows().is_empty(), "`{}` is not loaded: put #[data] on its static", self.path);
        &self.rows()[row]
    }
}

impl<T: DeserializeOwned + Send + Sync> Data for SharedArray<T> {
    fn load(&self, manifest_dir: &Path) -> Result<(), DataError> {
        if self.rows.get().is_some() {
            return Ok(());
        }
        let path = find(self.path, manifest_dir)?;
        let text = std::fs::read(&path).map_err(|source| DataError::Io { path: path.clone(), source })?;
        let rows: Vec<T> = self.format.read(&text).map_err(|bad| DataError::Parse {
            path: path.clone(),
            line: bad.line,
            column: bad.column,
            message: bad.message,
        })?;
        if rows.is_empty() {
            return Err(DataError::Empty { path });
        }
        // Another test of this process may have loaded the same file meanwhile: the rows are the same.
        let _ = self.rows.set(rows);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &'static str, content: &str) -> Result<SharedArray<u32>, String> {
        let dir = std::env::temp_dir().join(format!("loadcore-data-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(name), content).unwrap();
        let array = SharedArray::json(name);
        let loaded = array.load(&dir);
        std::fs::remove_file(dir.join(name)).unwrap();
        loaded.map(|()| array).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_are_typed_and_repeat() {
        let array = load("good.json", "[1, 2, 3]").unwrap();
        assert_eq!((array.len(), array[2], *array.wrapping(4)), (3, 3, 2));
    }

    #[test]
    fn a_bad_file_is_named_with_its_line() {
        let error = load("bad.json", "[1,\n \"two\"]").unwrap_err();
        assert!(error.ends_with("bad.json:2:6: invalid type: string \"two\", expected u32"), "{error}");
        assert!(load("empty.json", "[]").unwrap_err().contains("there are no rows"));
        let error = SharedArray::<u32>::json("none.json").load(Path::new("/there")).unwrap_err().to_string();
        assert!(error.contains("looked for") && error.ends_with("/there/none.json"), "{error}");
    }
}
