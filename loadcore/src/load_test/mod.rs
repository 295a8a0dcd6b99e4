//! A whole test: scenarios, options and thresholds, put together and run.

mod error;
mod hooks;
mod names;
mod prepare;
mod registered;
mod sequence;
#[cfg(feature = "test-util")]
mod virtual_time;
mod watchdog;

use crate::data::Data;
use crate::metric::{Metric, MetricDesc};
use crate::plan::{Number, counted};
use crate::protocol::http::{Http, HttpOptions, OptionsError};
use crate::report::{Report, RunInfo, ScenarioInfo};
use crate::run::engine::{self, Ended, EndedBy, Observer, Stop, Unobserved};
use crate::run::{Narrator, Scenario, Setup, Site, Teardown};
use crate::verdict::Threshold;
pub use error::RunError;
use hooks::HookOptions;
pub use hooks::HooksError;
pub use names::NameError;
pub(crate) use names::{check_env_name, check_tag};
pub(crate) use prepare::Prepared;
pub use registered::{
    RegisteredData, RegisteredMetric, RegisteredScenario, SetupEntry, TeardownEntry, VuSetupEntry,
    VuTeardownEntry,
};
pub use sequence::SequenceError;
use std::panic::Location;
use std::time::Duration;
use watchdog::End;

/// A load test in the making.
///
/// In a test of your own:
///
/// ```no_run
/// use loadcore::prelude::*;
///
/// # async fn example() -> loadcore::Result {
/// let report = LoadTest::new()
///     .base_url("http://127.0.0.1:8080")
///     .scenario(Scenario::new("health", async |vu: &Vu| {
///         vu.get("/health").send().await?;
///         Ok(())
///     }).executor(constant_vus(10, secs(5))))
///     .threshold(HTTP_REQ_DURATION.p(99).below(millis(50)))
///     .run()
///     .await?;
/// report.assert_thresholds();
/// # Ok(())
/// # }
/// ```
///
/// [`run`](LoadTest::run) installs no signal handler, reads neither arguments nor environment, pins no threads and never
/// ends the process. [`main`](LoadTest::main) does all of that.
#[derive(Debug, Default)]
#[must_use = "a load test does nothing until `.run().await` or `.main()`"]
pub struct LoadTest {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) thresholds: Vec<Threshold>,
    /// From outside, in k6's grammar: read when all metrics are known. By source; a later one replaces what earlier ones say
    /// of the same number.
    pub(crate) threshold_texts: Vec<Vec<ThresholdText>>,
    /// Names of scenarios that are there and were not selected: a threshold may still speak of them.
    pub(crate) unselected: Vec<String>,
    /// Judge nothing.
    pub(crate) no_thresholds: bool,
    pub(crate) base_url: Option<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) cores: Option<usize>,
    /// Wait for arrivals without ever sleeping.
    pub(crate) spin_arrivals: bool,
    /// Pin cores' threads: for a process that is nothing but a load generator.
    pub(crate) pin: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) env: Vec<(String, String)>,
    data: Vec<NamedData>,
    /// Tells what happens while it happens.
    pub(crate) narrator: Option<Narrator>,
    metrics: Vec<MetricDesc>,
    pub(crate) discard_bodies: bool,
    pub(crate) max_requests_per_second: Option<f64>,
    roots_pem: Vec<Vec<u8>>,
    pub(crate) http: Http,
    hooks: HookOptions,
}

impl LoadTest {
    /// A test with only what is added to it.
    pub fn new() -> Self {
        Self::default()
    }

    /// A test of every `#[scenario]` in this binary and in the libraries that it names.
    ///
    /// It also runs every `#[setup]` that returns nothing and every `#[teardown]` that takes nothing; those with values
    /// run, as in any test, when a scenario needs them.
    pub fn discovered() -> Self {
        let mut test = Self::new().scenarios(registered::scenarios());
        test.hooks.discovered = true;
        test
    }

    /// Adds a scenario.
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenarios.push(scenario.resolved());
        self
    }

    /// Adds several scenarios.
    pub fn scenarios(mut self, scenarios: impl IntoIterator<Item = Scenario>) -> Self {
        self.scenarios.extend(scenarios.into_iter().map(Scenario::resolved));
        self
    }

    /// Adds a setup. It runs in any case, and instead of a `#[setup]` that returns the same type.
    pub fn setup(mut self, setup: Setup) -> Self {
        self.hooks.setups.push(setup);
        self
    }

    /// Adds a teardown.
    pub fn teardown(mut self, teardown: Teardown) -> Self {
        self.hooks.teardowns.push(teardown);
        self
    }

    /// How long each setup may take. Default: 60 s.
    pub fn setup_timeout(mut self, timeout: Duration) -> Self {
        self.hooks.setup_timeout = Some(timeout);
        self
    }

    /// How long each teardown may take; that of a VU gets at most 10 s of it. Default: 60 s.
    pub fn teardown_timeout(mut self, timeout: Duration) -> Self {
        self.hooks.teardown_timeout = Some(timeout);
        self
    }

    /// Adds a threshold over the whole test.
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.thresholds.push(threshold);
        self
    }

    /// What relative URLs are resolved against: `http://127.0.0.1:8080`. A path in it goes in front of theirs.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Adds a header to every request that does not set it itself.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a tag to all samples. A tag of loadcore's own, such as `scenario`, cannot be given: it is an error of
    /// [`run`](LoadTest::run).
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Gives the journeys a variable, which they read with [`vu.env("KEY")`](crate::Vu::env). Under
    /// [`main`](LoadTest::main) `--env` and its like replace it.
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    /// Loads this data before the start, as `#[data]` on its static does: for data that is declared without the attribute.
    /// A relative path is taken from the working directory.
    #[track_caller]
    pub fn data<T: Data + Sync>(mut self, data: &'static T) -> Self {
        self.data.push(NamedData { data, place: Location::caller() });
        self
    }

    /// What all randomness comes from: two runs with one seed draw the same arrivals, think times and choices, and rows
    /// where it is not whoever asks first who gets them, on however many cores. Default: a new one each time, which
    /// banner, summary and JSON tell.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How many threads generate load. Default: as many as this process may use (affinity and CPU quota).
    pub fn cores(mut self, cores: usize) -> Self {
        self.cores = Some(cores);
        self
    }

    /// Waits for the arrivals of open models by asking for the time again and again: they start within a microsecond of
    /// when they are due, at the price of a whole core each. Default: false.
    ///
    /// Otherwise the kernel's timer wakes a core up some 50 µs late, and at more than 4,000 arrivals a second up to 250 µs
    /// later, since one wake-up then serves all that are due. On other systems than Linux arrivals start 1 to 2 ms late
    /// without spinning. A core spins only when an arrival is due within 2 ms.
    pub fn spin_arrivals(mut self, spin: bool) -> Self {
        self.spin_arrivals = spin;
        self
    }

    /// Sets the options of the HTTP client: redirects, cookies, connections, names, TLS.
    pub fn http(mut self, http: Http) -> Self {
        self.http = http;
        self
    }

    /// Throws response bodies away as they come in, to save memory. Default: off.
    pub fn discard_response_bodies(mut self, discard: bool) -> Self {
        self.discard_bodies = discard;
        self
    }

    /// Caps the requests of the whole test, on all its cores, at this rate: a request that comes too early waits its turn.
    /// The wait is before the request's own clock starts, so it is in none of its timings, `http_req_blocked` included, nor
    /// in its timeout; but it is in the duration of its group and iteration. Time in which nobody asks is not saved up.
    ///
    /// Default: no cap. A number that is not above 0 is an error of [`run`](LoadTest::run). Under [`main`](LoadTest::main)
    /// `--rps` and its like replace it, and there 0 is no cap.
    pub fn max_requests_per_second(mut self, most: impl Number) -> Self {
        self.max_requests_per_second = Some(most.into_f64());
        self
    }

    /// Trusts these certificates (PEM) beside the system's and the built-in ones.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots_pem.push(pem.into());
        self
    }

    /// Registers a metric before the start, as `#[metric]` does.
    pub fn metric(mut self, metric: impl Metric) -> Self {
        self.metrics.push(metric.desc());
        self
    }

    /// Runs the test on threads of its own, while the caller's runtime goes on: the target may live in it.
    ///
    /// Each connection takes a file descriptor of this process, whose limit stays as it is: many shells start at 1,024. A
    /// request that finds none, or no local port, fails as such (`error="no free file descriptor"`, `"no free local port"`),
    /// and [`Report::generator`] says so.
    ///
    /// Dropping the future stops the test at once.
    ///
    /// # Errors
    /// If the test could not be run. A report whose thresholds fail is not an error: ask it.
    pub async fn run(self) -> Result<Report, RunError> {
        let stop = Stop::new();
        let guard = StopOnDrop(stop.clone());
        let (sender, receiver) = tokio::sync::oneshot::channel();
        // Preparing reads files, so it happens there too.
        let control = move || {
            let report = self.prepare().and_then(|prepared| prepared.run(stop, &mut Unobserved));
            // Nobody listens if the caller has dropped the future.
            let _ = sender.send(report);
        };
        let thread = std::thread::Builder::new().name("loadcore-control".into()).spawn(control);
        thread.map_err(|error| RunError::Start(error.to_string()))?;
        let report = receiver.await.unwrap_or(Err(RunError::CoreDied(1)));
        drop(guard);
        report
    }

    fn http_options(&self) -> Result<HttpOptions, OptionsError> {
        let mut options = HttpOptions::default();
        options.set_http(&self.http)?;
        options.discard_bodies = self.discard_bodies;
        if let Some(url) = &self.base_url {
            options.set_base_url(url)?;
        }
        for (name, value) in &self.headers {
            options.add_header(name, value)?;
        }
        if let Some(most) = self.max_requests_per_second {
            options.cap_rate(most)?;
        }
        options.roots_pem.clone_from(&self.roots_pem);
        #[cfg(feature = "reqwest")]
        options.check_reqwest()?;
        options.prepare_tls()?;
        Ok(options)
    }
}

/// A threshold as text, and who says it.
#[derive(Debug, Clone)]
pub(crate) struct ThresholdText {
    pub(crate) place: String,
    pub(crate) text: String,
}

/// Data that the test was told of, and where.
struct NamedData {
    data: &'static (dyn Data + Sync),
    place: &'static Location<'static>,
}

impl std::fmt::Debug for NamedData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedData").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Ends the test's threads when its future is dropped.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.request(EndedBy::Outside);
    }
}

impl Prepared {
    pub(crate) fn run(self, stop: Stop, observer: &mut dyn Observer) -> Result<Report, RunError> {
        self.run_watched(stop, observer, |prepared, stop, observer| {
            let ended = engine::run(&prepared.job, stop.clone(), &prepared.pin_to, observer);
            ended.map_err(|error| error.to_string())
        })
    }

    fn report(self, ended: Ended, end: End) -> Result<Report, RunError> {
        if ended.lost_cores > 0 {
            return Err(RunError::CoreDied(ended.lost_cores));
        }
        if let Some(error) = ended.setup_error {
            return Err(RunError::Setup { error, teardown: ended.teardown_errors });
        }
        let aggregate = ended.aggregate;
        let thresholds = end.results(&self.thresholds, &aggregate);
        let generator = prepare::judge_generator(&self.job, &aggregate).without_cores(&ended.left_cores);
        let http = self.job.extensions.get_ref::<HttpOptions>();
        let warnings =
            self.warnings.into_iter().chain(http.and_then(|http| http.unfollowed.warning())).collect();
        let run = RunInfo {
            id: self.id,
            started: ended.started,
            duration: ended.elapsed,
            seed: self.job.seed,
            interrupted: end.rulings.ended_by == Some(EndedBy::Outside),
            aborted_by: end.aborted,
            aborted: end.rulings.aborted,
            failed: end.rulings.failed,
            teardown_errors: ended.teardown_errors,
            warnings,
        };
        Ok(Report { run, scenarios: self.scenarios, aggregate, thresholds, generator })
    }
}

/// Where a scenario is declared, for messages.
fn place(site: Option<Site>) -> String {
    site.map_or_else(|| "added in code".to_owned(), |site| site.to_string())
}

impl ScenarioInfo {
    pub(crate) fn banner_line(&self) -> String {
        format!("{}: {}, at most {}", self.name, self.description, counted(self.max_vus, "VU"))
    }
}
