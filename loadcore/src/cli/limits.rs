//! What a run needs of its machine, and what there is.

use crate::protocol::http::HttpOptions;
use crate::run::{Job, Nanos, ScenarioJob, nanos};

/// Memory of a VU with one keep-alive connection, as measured with 10,000 of them that all begin at once (see the README).
const BYTES_PER_VU: u64 = 23 << 10;
/// Memory of the program itself, with the series of an ordinary test, as measured.
const BYTES_OF_PROGRAM: u64 = 16 << 20;
/// Descriptors of one core: its event loop's, and what runs beside it.
const DESCRIPTORS_PER_CORE: u64 = 4;
/// Standard streams, signals, files that are read or written.
const DESCRIPTORS_OF_PROGRAM: u64 = 16;

/// What a run is estimated to need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    /// VUs at once.
    pub(super) vus: u64,
    pub(super) memory: u64,
    /// With one connection for each VU.
    pub(super) descriptors: u64,
    /// How many addresses of this machine the connections come from.
    addresses: u64,
}

impl Needs {
    pub(super) fn new(vus: u64, cores: usize) -> Self {
        let memory = BYTES_OF_PROGRAM.saturating_add(vus.saturating_mul(BYTES_PER_VU));
        let fixed = DESCRIPTORS_OF_PROGRAM + DESCRIPTORS_PER_CORE * cores as u64;
        Self { vus, memory, descriptors: vus.saturating_add(fixed), addresses: 1 }
    }

    /// Of a test whose scenarios have so many VUs each.
    pub(super) fn of(job: &Job, vus: impl Iterator<Item = u64>) -> Self {
        let spans: Vec<_> = job.scenarios.iter().map(span).zip(vus).collect();
        let http = job.extensions.get_ref::<HttpOptions>();
        let addresses = http.map_or(1, |http| http.http.addresses.local.count()).max(1);
        Self { addresses, ..Self::new(most_at_once(&spans), job.cores) }
    }
}

/// From when and until when a scenario may have VUs, at the latest.
fn span(scenario: &ScenarioJob) -> (Nanos, Nanos) {
    // The one before has let go of all connections when the next one starts.
    let start = scenario.latest_start.saturating_add(Nanos::from(scenario.after.is_some()));
    let end = scenario.latest_start.saturating_add(nanos(scenario.schedule.end()));
    (start, end.saturating_add(scenario.graceful_stop))
}

/// The most VUs that there are at once, where scenarios need not overlap.
fn most_at_once(spans: &[((Nanos, Nanos), u64)]) -> u64 {
    let at = |instant: Nanos| {
        let running = spans.iter().filter(|((start, cut), _)| *start <= instant && instant <= *cut);
        running.map(|(_, vus)| *vus).sum()
    };
    // It only ever grows when a scenario starts.
    spans.iter().map(|((start, _), _)| at(*start)).max().unwrap_or(0)
}

/// What this process may use. `None`: unknown, or no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Machine {
    descriptors: Option<u64>,
    memory: Option<u64>,
    ports: Option<u64>,
}

impl Machine {
    pub(super) fn read() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).ok();
        let ports = read("/proc/sys/net/ipv4/ip_local_port_range");
        Self {
            descriptors: rlimit::Resource::NOFILE.get_soft().ok().filter(|limit| *limit != rlimit::INFINITY),
            memory: [read("/proc/meminfo").as_deref().and_then(available), left_in_cgroup(read)]
                .into_iter()
                .flatten()
                .min(),
            ports: ports.as_deref().and_then(port_count),
        }
    }

    /// What is too little here, and what to do about it.
    pub(super) fn warnings(&self, needs: &Needs) -> Vec<String> {
        let too_little = |limit: Option<u64>, need: u64| limit.filter(|limit| *limit < need);
        let mut warnings = Vec::new();
        if let Some(limit) = too_little(self.descriptors, needs.descriptors) {
            warnings.push(format!(
                "{need} file descriptors are needed, one for each VU's connection, but this process may open {limit}: raise \
                 the hard limit before the start (`ulimit -n {need}` as root, `--ulimit nofile={need}` of a container), or \
                 take fewer VUs",
                need = needs.descriptors
            ));
        }
        if let Some(limit) = too_little(self.memory, needs.memory) {
            warnings.push(format!(
                "about {} of memory are needed, but {} are free: take fewer VUs, or another machine",
                binary(needs.memory),
                binary(limit)
            ));
        }
        let ports = self.ports.map(|ports| ports.saturating_mul(needs.addresses));
        if let Some(limit) = too_little(ports, needs.vus) {
            warnings.push(format!(
                "{} VUs hold a connection each, but this machine has {limit} ports for connections to one address of the \
                 target (IP and port): widen net.ipv4.ip_local_port_range, connect from several addresses (--local-ips) or to \
                 several, each of which has that many, or take fewer VUs",
                needs.vus
            ));
        }
        warnings
    }
}

/// `12.5 MiB`, `1.2 GiB`.
pub(super) fn binary(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 { format!("{mib:.1} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

/// From `/proc/meminfo`.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// What a container's limit leaves, if there is one.
fn left_in_cgroup(read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let most = number("/sys/fs/cgroup/memory.max")?;
    Some(most.saturating_sub(number("/sys/fs/cgroup/memory.current")?))
}

/// From `ip_local_port_range`: the first and the last, such as 32768 and 60999.
fn port_count(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some(last.saturating_sub(first) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_test::LoadTest;
    use crate::plan::{Executor, constant_vus, secs};
    use crate::run::{Scenario, Vu};

    #[test]
    fn limits_are_read_as_linux_writes_them() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 9 kB"), None);
        assert_eq!(port_count("32768\t60999\n"), Some(28_232));
        let limited = |path: &str| Some(if path.ends_with("max") { "100\n" } else { "30\n" }.to_owned());
        assert_eq!(left_in_cgroup(limited), Some(70));
        assert_eq!(left_in_cgroup(|_| Some("max\n".to_owned())), None);
    }

    #[test]
    fn scenarios_that_follow_each_other_do_not_add_up() {
        let spans = [((0, 10), 5), ((11, 20), 7), ((15, 30), 1)];
        assert_eq!(most_at_once(&spans), 8);
        assert_eq!(most_at_once(&spans[..2]), 7);
        assert_eq!(most_at_once(&[((0, 10), 5), ((10, 20), 7)]), 12, "a common instant");
        assert_eq!(most_at_once(&[]), 0);
    }

    #[test]
    fn a_scenario_has_its_vus_until_it_is_cut_and_the_next_one_its_own() {
        let scenario = |name: &'static str, executor: Executor| {
            Scenario::new(name, async |_: &Vu| Ok(())).executor(executor)
        };
        let vus = |second: Executor| {
            let first = constant_vus(500, secs(10)).graceful_stop(secs(5));
            let test =
                LoadTest::new().scenario(scenario("first", first)).scenario(scenario("second", second));
            let job = test.prepare().unwrap().job;
            Needs::of(&job, job.scenarios.iter().map(|scenario| scenario.max_vus)).vus
        };
        assert_eq!(vus(constant_vus(700, secs(10)).start_after(secs(14))), 1_200);
        assert_eq!(vus(constant_vus(700, secs(10)).start_after(secs(16))), 700);
        assert_eq!(vus(constant_vus(700, secs(10)).after("first")), 700);
    }

    #[test]
    fn each_limit_that_is_too_low_is_told_with_a_remedy() {
        let needs = Needs::new(1_000, 2);
        assert_eq!(needs.descriptors, 1_024);
        let machine = Machine { descriptors: Some(1_023), memory: Some(1 << 20), ports: Some(999) };
        let warnings = machine.warnings(&needs);
        for (warning, want) in warnings.iter().zip(["ulimit -n 1024", "fewer VUs", "ip_local_port_range"]) {
            assert!(warning.contains(want), "{warning}");
        }
        assert_eq!(warnings.len(), 3);
        let spread = Needs { addresses: 2, ..needs };
        assert_eq!(Machine { ports: Some(500), ..Machine::default() }.warnings(&spread), [""; 0]);
        assert_eq!(Machine { ports: Some(499), ..Machine::default() }.warnings(&spread).len(), 1);
        let ample = Machine { descriptors: Some(1_024), memory: Some(1 << 40), ports: Some(1_000) };
        assert_eq!(ample.warnings(&needs), [""; 0]);
        assert_eq!(Machine::default().warnings(&needs), [""; 0]);
    }
}
