//! What a run needs of its machine, and what there is.

/// Memory of a VU with one keep-alive connection, as measured with 10,000 of them (see the README).
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
}

impl Needs {
    pub(super) fn new(vus: u64, cores: usize) -> Self {
        let memory = BYTES_OF_PROGRAM.saturating_add(vus.saturating_mul(BYTES_PER_VU));
        let fixed = DESCRIPTORS_OF_PROGRAM + DESCRIPTORS_PER_CORE * cores as u64;
        Self { vus, memory, descriptors: vus.saturating_add(fixed) }
    }
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
                "{} file descriptors are needed, but this process may open {limit}: raise the limit (`ulimit -n {}`), or \
                 take fewer VUs",
                needs.descriptors, needs.descriptors
            ));
        }
        if let Some(limit) = too_little(self.memory, needs.memory) {
            warnings.push(format!(
                "about {} of memory are needed, but {} are free: take fewer VUs, or another machine",
                binary(needs.memory),
                binary(limit)
            ));
        }
        if let Some(limit) = too_little(self.ports, needs.vus) {
            warnings.push(format!(
                "{} VUs hold a connection each, but this machine has {limit} ports for connections to one address: widen \
                 net.ipv4.ip_local_port_range, or take fewer VUs",
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
    fn each_limit_that_is_too_low_is_told_with_a_remedy() {
        let needs = Needs::new(1_000, 2);
        assert_eq!(needs.descriptors, 1_024);
        let machine = Machine { descriptors: Some(1_023), memory: Some(1 << 20), ports: Some(999) };
        let warnings = machine.warnings(&needs);
        for (warning, want) in warnings.iter().zip(["ulimit -n 1024", "fewer VUs", "ip_local_port_range"]) {
            assert!(warning.contains(want), "{warning}");
        }
        assert_eq!(warnings.len(), 3);
        let ample = Machine { descriptors: Some(1_024), memory: Some(1 << 40), ports: Some(1_000) };
        assert_eq!(ample.warnings(&needs), [""; 0]);
        assert_eq!(Machine::default().warnings(&needs), [""; 0]);
    }
}
