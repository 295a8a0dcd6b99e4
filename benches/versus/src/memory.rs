//! Memory: N connections that are idle most of the time. What one costs is the slope between the counts, so that
//! neither the program itself nor its start is in it.

use crate::args::Memory;
use crate::machine::Machine;
use crate::measure::{Cores, Run, run as measure};
use crate::nginx::Nginx;
use crate::statistics::median;
use crate::table::Table;
use crate::throughput::versions;
use crate::tools::{Found, Job, Name, Speaks, Tool, find};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::path::Path;

/// Fat LTO is left out: it changes the code, not the data.
const CLIENTS: [Name; 6] = [Name::Loadcore, Name::Goose, Name::K6, Name::Wrk, Name::Oha, Name::H2load];

/// One client's runs with all counts, or why they do not count.
#[derive(Debug, Serialize)]
struct Row {
    name: Name,
    version: Option<String>,
    /// Not installed, or what was wrong in one of its runs.
    remark: Option<String>,
    counts: Vec<Count>,
    /// KiB for each VU between the smallest and the largest count.
    kib_each: Option<f64>,
}

/// The runs with one count.
#[derive(Debug, Serialize)]
struct Count {
    vus: u64,
    runs: Vec<Run>,
}

impl Count {
    fn peak_mib(&self) -> f64 {
        median(self.runs.iter().map(|run| run.peak_mib))
    }
}

/// What `--json` writes.
#[derive(Debug, Serialize)]
struct Report<'a> {
    machine: &'a Machine,
    seconds: u64,
    rounds: u64,
    clients: &'a [Row],
}

/// Measures and prints the table. False if a row is not valid.
pub(crate) fn run(args: &Memory) -> Result<bool> {
    let mut vus = args.vus.clone();
    vus.sort_unstable();
    vus.dedup();
    ensure!(vus.len() >= 2 && vus[0] > 0, "--vus needs two counts or more, such as 1000,5000");
    let common = &args.common;
    let machine = Machine::read(&common.programs.nginx)?;
    let found = find(&CLIENTS, common)?;
    let nginx = Nginx::start(&common.programs.nginx, &[common.server_core])?;
    let scratch = tempfile::tempdir()?;
    let cores = Cores { server: vec![common.server_core], client: vec![common.client_core] };
    let mut rows: Vec<Row> = found.iter().map(|found| Row::of(found, &vus)).collect();
    for round in 0..args.rounds as usize {
        for turn in 0..found.len() {
            let index = (round + turn) % found.len();
            let Ok(tool) = &found[index] else { continue };
            rows[index].measure(tool, &nginx, &cores, args.seconds, scratch.path());
        }
    }
    rows.iter_mut().for_each(Row::summarize);
    print(&rows, &vus, args, &machine);
    if let Some(file) = &common.json {
        let report = Report { machine: &machine, seconds: args.seconds, rounds: args.rounds, clients: &rows };
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(rows.iter().all(Row::is_valid))
}

impl Row {
    fn of(found: &Found, vus: &[u64]) -> Self {
        let (name, version, remark) = match found {
            Ok(tool) => (tool.name, Some(tool.version.clone()), None),
            Err((name, why)) => (*name, None, Some(why.clone())),
        };
        let counts = vus.iter().map(|&vus| Count { vus, runs: Vec::new() }).collect();
        Self { name, version, remark, counts, kib_each: None }
    }

    /// A row with one bad run is not valid, and is not measured any more.
    fn measure(&mut self, tool: &Tool, nginx: &Nginx, cores: &Cores, seconds: u64, scratch: &Path) {
        for count in &mut self.counts {
            if self.remark.is_some() {
                return;
            }
            let (speaks, connections) = (Speaks::Http1, count.vus);
            let url = nginx.url(speaks);
            let job = Job { url, speaks, connections, seconds, paced: true, scratch: scratch.to_owned() };
            match measure(tool, &job, nginx, cores) {
                Ok(run) => {
                    eprintln!("{:<12} {:6} VUs {:8.1} MiB", self.name, count.vus, run.peak_mib);
                    count.runs.push(run);
                }
                Err(error) => {
                    let remark = format!("INVALID with {connections} VUs: {error:#}");
                    eprintln!("{:<12} {remark}", self.name);
                    self.remark = Some(remark);
                }
            }
        }
    }

    fn summarize(&mut self) {
        if self.remark.is_none()
            && let [least, .., most] = &self.counts[..]
        {
            let kib = (most.peak_mib() - least.peak_mib()) * 1024.0;
            self.kib_each = Some(kib / (most.vus - least.vus) as f64);
        }
    }

    /// One that is not installed is no failure.
    fn is_valid(&self) -> bool {
        self.version.is_none() || self.kib_each.is_some()
    }
}

/// What it is that the client has N of.
fn has(name: Name) -> &'static str {
    match name {
        Name::Loadcore | Name::LoadcoreLto | Name::LoadcoreOrders | Name::LoadcoreTwoCores => {
            "a VU: code of its own, metrics, traces"
        }
        Name::Goose => "a user: code of its own, metrics",
        Name::K6 => "a VU: a JavaScript runtime, metrics",
        Name::Wrk | Name::Oha | Name::H2load | Name::H2loadH2 | Name::HyperH2 => "a connection, no VU",
    }
}

fn print(rows: &[Row], vus: &[u64], args: &Memory, machine: &Machine) {
    let ours = rows.iter().find(|row| row.name == Name::Loadcore).and_then(|row| row.kib_each);
    let counts = vus.iter().map(|vus| format!("MiB at {vus}"));
    let heading = ["client".to_owned()].into_iter().chain(counts);
    let mut table = Table::new(heading.chain(["KiB each", "/ loadcore", "each is"].map(String::from)));
    for row in rows {
        let Some(each) = row.kib_each else {
            table.remark(row.name.to_string(), row.remark.as_deref().unwrap_or("no run"));
            continue;
        };
        let mut cells = vec![row.name.to_string()];
        cells.extend(row.counts.iter().map(|count| format!("{:.0}", count.peak_mib())));
        cells.push(format!("{each:.1}"));
        cells.push(ours.map_or("-".to_owned(), |ours| format!("{:.1}", each / ours)));
        cells.push(has(row.name).to_owned());
        table.row(cells);
    }
    println!("\n{table}");
    println!(
        "Peak resident memory with N keep-alive connections open at the same time, one request a second on each;\n\
         medians of {} rounds of {} s. Sockets' memory in the kernel is not in it.",
        args.rounds, args.seconds
    );
    println!("{}", machine.describe());
    println!("{}", versions(rows.iter().map(|row| (row.name, row.version.as_deref()))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_vu_costs_the_slope_between_the_counts() {
        let run = |peak_mib| Run {
            requests: 1,
            rate: 1.0,
            cpu_us: 1.0,
            user_us: 1.0,
            peak_mib,
            server_busy: 0.0,
            disturbance: None,
            connections: 1,
        };
        let count = |vus, peaks: &[f64]| Count { vus, runs: peaks.iter().map(|&peak| run(peak)).collect() };
        let mut row = Row {
            name: Name::Wrk,
            version: Some("1".into()),
            remark: None,
            counts: vec![count(1024, &[5.0, 4.0, 9.0]), count(2048, &[99.0]), count(5120, &[45.0])],
            kib_each: None,
        };
        assert!(!row.is_valid());
        row.summarize();
        assert_eq!(row.kib_each, Some(10.0));
        assert!(row.is_valid());
    }
}
