//! The secrets of connections, written down for whoever looks at captured traffic.

use crate::protocol::http::options::TlsError;
use rustls::KeyLog;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A file in the format of NSS: a label, the client's random and a secret in each line.
#[derive(Debug)]
pub(super) struct KeyLogFile {
    path: PathBuf,
    /// `None` before it is opened, and once it could not be written.
    file: Mutex<Option<File>>,
}

impl KeyLogFile {
    /// A file that could be written, as far as one can tell without creating it.
    pub(super) fn check(path: &Path) -> Result<Self, TlsError> {
        let log = Self { path: path.to_owned(), file: Mutex::new(None) };
        match OpenOptions::new().append(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                folder.map_or(Ok(()), |folder| folder.metadata().map(drop))
            }
            opened => opened.map(drop),
        }
        .map_err(|error| log.unwritable(&error))?;
        Ok(log)
    }

    /// Opens the file to append to it. A new one is this user's alone.
    pub(super) fn open(&self) -> Result<(), TlsError> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path).map_err(|error| self.unwritable(&error))?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(())
    }

    fn unwritable(&self, error: &io::Error) -> TlsError {
        let problem = format!("cannot be written: {error}");
        TlsError::File { what: "key log", path: self.path.clone(), problem }
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = String::with_capacity(label.len() + 2 * (client_random.len() + secret.len()) + 3);
        line.push_str(label);
        for part in [client_random, secret] {
            line.push(' ');
            for byte in part {
                // Writing to a string cannot fail.
                let _ = write!(line, "{byte:02x}");
            }
        }
        line.push('\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece, since others may append to the same file.
        if let Some(Err(error)) = file.as_mut().map(|file| file.write_all(line.as_bytes())) {
            eprintln!("loadcore: key log `{}`: {error}; it gets no further keys", self.path.display());
            *file = None;
        }
    }
}
