//! Memory of a VU that waits: with a keep-alive connection, plain and over TLS, and without one. The program is `many-vus`
//! of `benches/`, which has a server of its own on several loopback addresses, for one has not enough ports.

use crate::args::Idle;
use crate::machine::Machine;
use crate::statistics::median;
use crate::table::Table;
use crate::tools::many_vus;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;

/// A test with so few VUs is what a test itself takes.
const FEW: u64 = 10;

/// A case of `many-vus`.
#[derive(Debug)]
struct Case {
    name: &'static str,
    shown: &'static str,
    /// What a VU takes at most, in KiB.
    bound: f64,
}

const CASES: [Case; 3] = [
    Case { name: "connected", shown: "a keep-alive connection", bound: 4.0 },
    Case { name: "tls", shown: "a keep-alive connection, TLS 1.3", bound: 16.0 },
    Case { name: "closed", shown: "none any more, after a request", bound: 4.0 },
];

/// What `many-vus --json` says.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    vus: u64,
    peak_kib: u64,
    broken: Vec<String>,
}

/// The runs of a case with one number of VUs.
#[derive(Debug, Serialize)]
struct Count {
    vus: u64,
    peaks_kib: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct Row {
    case: &'static str,
    /// What was wrong in one of its runs.
    remark: Option<String>,
    counts: Vec<Count>,
}

/// What `--json` writes.
#[derive(Debug, Serialize)]
struct Report<'a> {
    machine: &'a Machine,
    hold: u64,
    rounds: u64,
    cases: &'a [Row],
}

/// Measures and prints the table. False if a run was not valid or a bound is broken.
pub(crate) fn run(args: &Idle) -> Result<bool> {
    let mut vus = args.vus.clone();
    vus.sort_unstable();
    vus.dedup();
    ensure!(vus.first().is_some_and(|vus| *vus > FEW), "--vus needs counts above {FEW}, such as 5000,15000");
    let machine = Machine::read(&args.nginx)?;
    let program = many_vus()?;
    let all = || [FEW].into_iter().chain(vus.iter().copied());
    let count = |vus| Count { vus, peaks_kib: Vec::new() };
    let mut rows: Vec<Row> = CASES
        .iter()
        .map(|case| Row { case: case.name, remark: None, counts: all().map(count).collect() })
        .collect();
    for round in 0..args.rounds as usize {
        for turn in 0..rows.len() {
            let index = (round + turn) % rows.len();
            rows[index].measure(&program, args.hold);
        }
    }
    let kept = print(&rows, &vus, args, &machine);
    if let Some(file) = &args.json {
        let report = Report { machine: &machine, hold: args.hold, rounds: args.rounds, cases: &rows };
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(kept)
}

impl Row {
    /// A row with one bad run is not valid, and is not measured any more.
    fn measure(&mut self, program: &Path, hold: u64) {
        for count in &mut self.counts {
            if self.remark.is_some() {
                return;
            }
            match measure(program, self.case, count.vus, hold) {
                Ok(peak) => {
                    eprintln!("{:<10} {:6} VUs {:8.1} MiB", self.case, count.vus, peak / 1024.0);
                    count.peaks_kib.push(peak);
                }
                Err(error) => {
                    let remark = format!("INVALID with {} VUs: {error:#}", count.vus);
                    eprintln!("{:<10} {remark}", self.case);
                    self.remark = Some(remark);
                }
            }
        }
    }

    /// KiB of each VU, for all counts but the first, which is what the test itself takes.
    fn kib_each(&self) -> Vec<f64> {
        let [few, counts @ ..] = &self.counts[..] else { return Vec::new() };
        let each = |count: &Count| (count.peak() - few.peak()) / (count.vus - few.vus) as f64;
        counts.iter().map(each).collect()
    }
}

impl Count {
    fn peak(&self) -> f64 {
        median(self.peaks_kib.iter().copied())
    }
}

/// The most that was resident, in KiB.
fn measure(program: &Path, case: &str, vus: u64, hold: u64) -> Result<f64> {
    let mut command = Command::new(program);
    command.args(["--json", "--only", case, "--vus", &vus.to_string(), "--hold", &hold.to_string()]);
    let output = command.output().context("starting many-vus")?;
    let line = String::from_utf8_lossy(&output.stdout);
    let said: Said = serde_json::from_str(line.trim())
        .with_context(|| format!("it said: {line}{}", String::from_utf8_lossy(&output.stderr)))?;
    ensure!(said.broken.is_empty(), "{}", said.broken.join("; "));
    Ok(said.peak_kib as f64)
}

fn print(rows: &[Row], vus: &[u64], args: &Idle, machine: &Machine) -> bool {
    let mib = [FEW].iter().chain(vus).map(|vus| format!("MiB at {vus}"));
    let each = vus.iter().map(|vus| format!("KiB each at {vus}"));
    let heading = ["a VU has".to_owned()].into_iter().chain(mib).chain(each);
    let mut table = Table::new(heading.chain(["at most".to_owned(), "bound".to_owned()]));
    let mut all_kept = true;
    for (row, case) in rows.iter().zip(&CASES) {
        if let Some(remark) = &row.remark {
            table.remark(case.shown, remark.as_str());
            all_kept = false;
            continue;
        }
        let each = row.kib_each();
        let kept = each.iter().all(|each| *each <= case.bound);
        let mut cells = vec![case.shown.to_owned()];
        cells.extend(row.counts.iter().map(|count| format!("{:.1}", count.peak() / 1024.0)));
        cells.extend(each.iter().map(|each| format!("{each:.2}")));
        cells.push(format!("{:.0}", case.bound));
        cells.push(if kept { "kept" } else { "BROKEN" }.to_owned());
        table.row(cells);
        all_kept &= kept;
    }
    println!("\n{table}");
    println!(
        "Peak resident memory of one loadcore process on two cores, VUs starting 1,000 a second and then waiting for {} s, each\n\
         with a GET every 10 s or after its only one; medians of {} rounds. What {FEW} VUs take is taken away before it is\n\
         divided. Sockets' memory in the kernel is not in it.",
        args.hold, args.rounds
    );
    println!("{}", machine.describe());
    all_kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vu_takes_what_a_test_with_few_has_not() {
        let count = |vus, peaks: &[f64]| Count { vus, peaks_kib: peaks.to_vec() };
        let counts =
            vec![count(FEW, &[100.0]), count(FEW + 100, &[450.0, 500.0, 900.0]), count(FEW + 200, &[900.0])];
        let row = Row { case: "connected", remark: None, counts };
        assert_eq!(row.kib_each(), [4.0, 4.0]);
    }
}
