//! What a command writes to standard output.

use crate::report::exit_code;
use std::io::{self, Write};

/// Writes this to standard output. Gives the exit code: a reader that has seen enough is no error, a full disk is.
pub(super) fn print(text: &str) -> u8 {
    let mut out = io::stdout().lock();
    told(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// The exit code of a command whose text was written so.
pub(super) fn told(written: io::Result<()>) -> u8 {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: cannot write to standard output: {error}; make room, or write it elsewhere");
            exit_code::INTERNAL
        }
        _ => exit_code::OK,
    }
}
