//! How fast test data of a million rows is loaded, in each format, beside a plain read of the file.
//!
//! `load-data` writes the files into the temporary directory, loads each as a test does before its start, checks the last
//! row, and removes them.

use loadcore::data::{Data, SharedArray};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ROWS: u64 = 1_000_000;

/// A row of the usual size.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct User {
    id: u64,
    email: String,
    password: String,
    country: String,
}

impl User {
    fn nth(id: u64) -> Self {
        let (email, password) = (format!("user-{id}@shop.example"), format!("{:016x}", id * 0x9e37_79b9));
        Self { id, email, password, country: "NZ".to_owned() }
    }
}

/// A file's name, how its rows are written, and how they are read.
type Format = (&'static str, WriteRow, fn(&'static str) -> SharedArray<User>);

/// Writes one row; told whether it is the first and whether it is the last.
type WriteRow = fn(&mut BufWriter<File>, &User, bool, bool) -> Result<(), Box<dyn Error>>;

fn json_row(out: &mut BufWriter<File>, user: &User, first: bool, last: bool) -> Result<(), Box<dyn Error>> {
    out.write_all(if first { b"[\n" } else { b",\n" })?;
    serde_json::to_writer(&mut *out, user)?;
    Ok(out.write_all(if last { b"\n]\n" } else { b"" })?)
}

fn jsonl_row(out: &mut BufWriter<File>, user: &User, _: bool, _: bool) -> Result<(), Box<dyn Error>> {
    serde_json::to_writer(&mut *out, user)?;
    Ok(out.write_all(b"\n")?)
}

fn csv_row(out: &mut BufWriter<File>, user: &User, first: bool, _: bool) -> Result<(), Box<dyn Error>> {
    if first {
        out.write_all(b"id,email,password,country\n")?;
    }
    Ok(writeln!(out, "{},{},{},{}", user.id, user.email, user.password, user.country)?)
}

fn write_rows(path: &Path, row: WriteRow) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(File::create(path)?);
    for id in 0..ROWS {
        row(&mut out, &User::nth(id), id == 0, id + 1 == ROWS)?;
    }
    Ok(out.flush()?)
}

/// The fastest of three: the others measure what else the machine does.
fn fastest(mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        work()?;
        best = best.min(began.elapsed());
    }
    Ok(best)
}

/// A file that is removed again.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may not have been written.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let formats: [Format; 3] = [
        ("users.json", json_row, SharedArray::json),
        ("users.jsonl", jsonl_row, SharedArray::jsonl),
        ("users.csv", csv_row, SharedArray::csv),
    ];
    let folder = std::env::temp_dir();
    println!("{:<6} {:>8} {:>10} {:>14} {:>12}", "format", "MB", "seconds", "rows a second", "x plain read");
    for (name, row, array) in formats {
        let file = Scratch(folder.join(format!("loadcore-{}-{name}", std::process::id())));
        write_rows(&file.0, row)?;
        let path: &'static str =
            file.0.to_str().ok_or("the temporary directory has no UTF-8 name")?.to_owned().leak();
        let read = fastest(|| {
            let bytes = std::fs::read(path)?;
            if bytes.is_empty() { Err("an empty file".into()) } else { Ok(()) }
        })?;
        let loaded = fastest(|| {
            let users = array(path);
            users.load(&folder)?;
            let last = ROWS as usize - 1;
            if users.len() == ROWS as usize && users[last] == User::nth(ROWS - 1) {
                Ok(())
            } else {
                Err("wrong rows".into())
            }
        })?;
        let megabytes = std::fs::metadata(path)?.len() as f64 / 1e6;
        let seconds = loaded.as_secs_f64();
        let ratio = seconds / read.as_secs_f64();
        let format = name.rsplit('.').next().unwrap_or(name);
        println!(
            "{format:<6} {megabytes:>8.1} {seconds:>10.2} {:>14.0} {ratio:>12.1}",
            ROWS as f64 / seconds
        );
    }
    Ok(())
}
