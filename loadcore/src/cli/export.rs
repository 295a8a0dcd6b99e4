//! `--summary-export`: an earlier summary stays whole until the new one is.

use super::options::{Options, Said};
use crate::report::Report;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

#[derive(Debug, thiserror::Error)]
#[error("{place} {path}: {source}; give a path that can be written", path = path.display())]
pub(super) struct ExportError {
    place: String,
    path: PathBuf,
    source: io::Error,
}

/// Where the summary goes, tried before the start so that a bad path costs no load.
pub(super) struct Export {
    said: Said<PathBuf>,
    way: Way,
}

enum Way {
    /// A pipe, a device, or a file in a folder that takes no other: written as it stands.
    Into(File),
    /// A file: a new one is written beside this path, and takes its place.
    Beside(PathBuf),
}

/// Whether the summary's file could be written, for a plan: nothing is created.
pub(super) fn check(options: &Options) -> Result<(), ExportError> {
    let Some(said) = &options.summary_export else { return Ok(()) };
    let error = |source| ExportError { place: said.place.clone(), path: said.value.clone(), source };
    match File::options().write(true).open(&said.value) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            folder_of(&said.value).metadata().map(drop).map_err(error)
        }
        opened => opened.map(drop).map_err(error),
    }
}

impl Export {
    pub(super) fn open(said: &Said<PathBuf>) -> Result<Self, ExportError> {
        match Way::to(&said.value) {
            Ok(way) => Ok(Self { said: said.clone(), way }),
            Err(source) => Err(ExportError { place: said.place.clone(), path: said.value.clone(), source }),
        }
    }

    pub(super) fn write(self, report: &Report) -> Result<(), ExportError> {
        let text = format!("{:#}\n", report.to_json());
        let Said { place, value: path } = self.said;
        self.way.write(&text).map_err(|source| ExportError { place, path, source })
    }
}

impl Way {
    fn to(path: &Path) -> io::Result<Self> {
        let there = match File::options().write(true).open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let Some(file) = there else {
            beside(path).map(drop)?;
            return Ok(Self::Beside(path.to_owned()));
        };
        if !file.metadata()?.is_file() {
            return Ok(Self::Into(file));
        }
        // Not the link, but what it leads to is replaced.
        let path = path.canonicalize()?;
        match beside(&path) {
            Ok(_) => Ok(Self::Beside(path)),
            Err(_) => Ok(Self::Into(file)),
        }
    }

    fn write(self, text: &str) -> io::Result<()> {
        match self {
            Self::Into(mut file) => {
                if file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                file.write_all(text.as_bytes())
            }
            Self::Beside(path) => {
                // If anything fails the file beside is removed, and an earlier summary is still there.
                let file = beside(&path)?;
                // Not over the wrapper, whose errors name the file beside.
                file.as_file().write_all(text.as_bytes())?;
                if let Ok(earlier) = path.metadata() {
                    file.as_file().set_permissions(earlier.permissions())?;
                }
                // A full disk may say so only here.
                file.as_file().sync_all()?;
                file.persist(path).map(drop).map_err(|error| error.error)
            }
        }
    }
}

/// A new file in the same folder, with the rights that any new file gets.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".loadcore-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let folder = folder_of(path);
    folder.metadata()?;
    // The user knows nothing of the file beside, which its error names: only what is wrong is told.
    builder.tempfile_in(folder).map_err(|error| error.kind().into())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
