//! Throughput: every connection makes one request after the other, and the client's CPU time for each is compared.

use crate::args::{Common, Throughput};
use crate::cases::{Case, Cost};
use crate::machine::Machine;
use crate::measure::{Cores, Run, run as measure};
use crate::nginx::Nginx;
use crate::statistics::{median, spread};
use crate::table::Table;
use crate::tools::{Found, Job, Name, Tool, find};
use anyhow::{Context, Result};
use serde::Serialize;

/// More work of others than this on the client's core, in the usual run, makes figures useless.
const QUIET_PERCENT: f64 = 5.0;

/// One client's runs, or why they do not count.
#[derive(Debug, Serialize)]
struct Row {
    name: Name,
    version: Option<String>,
    /// Not installed, or what was wrong in one of its runs.
    remark: Option<String>,
    runs: Vec<Run>,
    medians: Option<Medians>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Medians {
    rate: f64,
    cpu_us: f64,
    user_us: f64,
    /// Of the CPU time: largest less least, by the median.
    spread: f64,
    peak_mib: f64,
    server_busy: f64,
}

/// What `--json` writes.
#[derive(Debug, Serialize)]
struct Report<'a> {
    machine: &'a Machine,
    connections: u64,
    seconds: u64,
    rounds: u64,
    clients: &'a [Row],
}

/// The cores of the server, and those of a client that has one and of a client that has two.
struct Layout {
    server: Vec<usize>,
    one: Vec<usize>,
    two: Vec<usize>,
}

/// Measures and prints the table. False if a row is not valid, or a bound is broken.
pub(crate) fn run(args: &Throughput, case: &Case) -> Result<bool> {
    let Common { server_core, client_core, .. } = args.common;
    let layout = Layout { server: vec![server_core], one: vec![client_core], two: vec![client_core] };
    measure_all(args, case, &layout)
}

/// The same on two cores beside one. Only where the server can have as many does the rate tell; otherwise it has one of the
/// client's, and the CPU time must stay what it is.
pub(crate) fn run_cores(args: &Throughput, all: usize) -> Result<bool> {
    let Common { server_core, client_core, .. } = args.common;
    let room = all >= 4;
    let layout = if room {
        let mut server: Vec<usize> = (0..all).filter(|core| *core != client_core).collect();
        let second = server.pop().unwrap_or(client_core);
        Layout { server, one: vec![client_core], two: vec![client_core, second] }
    } else {
        Layout { server: vec![server_core], one: vec![client_core], two: vec![server_core, client_core] }
    };
    measure_all(args, &Case::cores(room), &layout)
}

fn measure_all(args: &Throughput, case: &Case, layout: &Layout) -> Result<bool> {
    let common = &args.common;
    let machine = Machine::read(&common.programs.nginx)?;
    let found = find(case.clients, common)?;
    let nginx = Nginx::start(&common.programs.nginx, &layout.server)?;
    let scratch = tempfile::tempdir()?;
    let job = Job {
        url: nginx.url(case.speaks),
        speaks: case.speaks,
        connections: args.connections,
        seconds: args.seconds,
        paced: false,
        scratch: scratch.path().to_owned(),
    };
    let mut rows: Vec<Row> = found.iter().map(Row::of).collect();
    for round in 0..args.rounds as usize {
        // Each client comes first once, second once ..
        for turn in 0..found.len() {
            let index = (round + turn) % found.len();
            let Ok(tool) = &found[index] else { continue };
            let client = if tool.cores == 1 { &layout.one } else { &layout.two };
            let cores = Cores { server: layout.server.clone(), client: client.clone() };
            rows[index].measure(tool, &job, &nginx, &cores, round);
        }
    }
    rows.iter_mut().for_each(Row::summarize);
    let kept = print(&rows, args, case, &machine);
    if let Some(file) = &common.json {
        let Throughput { connections, seconds, rounds, .. } = *args;
        let report = Report { machine: &machine, connections, seconds, rounds, clients: &rows };
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(kept && rows.iter().all(Row::is_valid))
}

impl Row {
    fn of(found: &Found) -> Self {
        let (name, version, remark) = match found {
            Ok(tool) => (tool.name, Some(tool.version.clone()), None),
            Err((name, why)) => (*name, None, Some(why.clone())),
        };
        Self { name, version, remark, runs: Vec::new(), medians: None }
    }

    /// A row with one bad run is not valid, and is not measured any more.
    fn measure(&mut self, tool: &Tool, job: &Job, nginx: &Nginx, cores: &Cores, round: usize) {
        if self.remark.is_some() {
            return;
        }
        match measure(tool, job, nginx, cores) {
            Ok(run) => {
                eprintln!(
                    "round {}: {:<18} {:8.2} us/request, {:8.0}/s",
                    round + 1,
                    self.name,
                    run.cpu_us,
                    run.rate
                );
                self.runs.push(run);
            }
            Err(error) => {
                eprintln!("round {}: {:<18} INVALID: {error:#}", round + 1, self.name);
                self.remark = Some(format!("INVALID: {error:#}"));
            }
        }
    }

    fn summarize(&mut self) {
        let of = |value: fn(&Run) -> f64| median(self.runs.iter().map(value));
        if self.remark.is_none() {
            let costs: Vec<f64> = self.runs.iter().map(|run| run.cpu_us).collect();
            self.medians = Some(Medians {
                rate: of(|run| run.rate),
                cpu_us: of(|run| run.cpu_us),
                user_us: of(|run| run.user_us),
                spread: spread(&costs),
                peak_mib: of(|run| run.peak_mib),
                server_busy: of(|run| run.server_busy),
            });
        }
    }

    /// One that is not installed is no failure.
    fn is_valid(&self) -> bool {
        self.version.is_none() || self.medians.is_some()
    }
}

/// Prints the table and the bounds. False if one is broken.
fn print(rows: &[Row], args: &Throughput, case: &Case, machine: &Machine) -> bool {
    let medians = |name| rows.iter().find(|row| row.name == name).and_then(|row| row.medians);
    let yardstick = medians(case.yardstick);
    let ratio = |value: f64, of: fn(&Medians) -> f64| {
        yardstick.as_ref().map_or("-".to_owned(), |other| format!("{:.2}", value / of(other)))
    };
    let by = format!("/ {}", case.yardstick);
    let mut table = Table::new([
        "client",
        "requests/s",
        &by,
        "CPU µs/request",
        &by,
        "of it user",
        "spread",
        "peak MiB",
        "server busy",
    ]);
    for row in rows {
        let Some(m) = row.medians else {
            table.remark(row.name.to_string(), row.remark.as_deref().unwrap_or("no run"));
            continue;
        };
        table.row(vec![
            row.name.to_string(),
            format!("{:.0}", m.rate),
            ratio(m.rate, |wrk| wrk.rate),
            format!("{:.2}", m.cpu_us),
            ratio(m.cpu_us, |wrk| wrk.cpu_us),
            format!("{:.2}", m.user_us),
            format!("{:.0}%", m.spread * 100.0),
            format!("{:.1}", m.peak_mib),
            format!("{:.0}%", m.server_busy * 100.0),
        ]);
    }
    println!("\n{table}");
    println!(
        "{}; {} keep-alive connections, one request at a time on each, 100 bytes of body; medians of {} rounds of {} s,\n\
         the order rotated; server and client on one core each unless it says otherwise. The server's limit is where it is\n\
         near 100% busy.",
        case.requests, args.connections, args.rounds, args.seconds
    );
    let cost = |name| medians(name).map(|Medians { cpu_us, rate, .. }| Cost { cpu_us, rate });
    let judged: Vec<_> = case.bounds.iter().map(|bound| bound.judge(cost)).collect();
    judged.iter().for_each(|(text, _)| println!("Bound: {text}."));
    println!("{}", quietness(rows));
    println!("{}", machine.describe());
    println!("{}", versions(rows.iter().map(|row| (row.name, row.version.as_deref()))));
    judged.iter().all(|(_, holds)| *holds != Some(false))
}

/// Whether the figures can be trusted, as far as other work on the client's core tells.
fn quietness(rows: &[Row]) -> String {
    let runs = || rows.iter().flat_map(|row| &row.runs).filter_map(|run| Some(run.disturbance? * 100.0));
    if runs().next().is_none() {
        return "What other work took is not known.".to_owned();
    }
    let (usual, most) = (median(runs()), runs().fold(0.0, f64::max));
    let advice = if usual > QUIET_PERCENT { ": NOT a quiet machine, measure again" } else { "" };
    format!(
        "Other work took {usual:.0}% of the client's core (median of the valid runs; at most {most:.0}%){advice}."
    )
}

/// The clients that are there, each version once.
pub(crate) fn versions<'a>(clients: impl Iterator<Item = (Name, Option<&'a str>)>) -> String {
    let mut versions: Vec<&str> = clients.filter_map(|(_, version)| version).collect();
    versions.dedup();
    versions.join(", ")
}
