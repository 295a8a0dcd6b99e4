//! What a run can be told, whoever says it: each source gives one [`Options`], and the higher one wins.

use super::http::HttpSaid;
use crate::plan::{
    ArrivalRate, Executor, PlanError, constant_arrival_rate, constant_vus, ramping_vus, shared_iterations,
};
use std::path::PathBuf;
use std::time::Duration;

/// A value, with the place that says it: a flag, a variable, or a key of the options file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said<T> {
    pub(super) value: T,
    pub(super) place: String,
}

impl<T> Said<T> {
    pub(super) fn new(value: T, place: impl Into<String>) -> Self {
        Self { value, place: place.into() }
    }
}

/// Pairs of which the later one of a key wins.
pub(super) type Pairs = Vec<(String, String)>;

/// Everything that a source can say. What it leaves out a lower one may say.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Options {
    pub(super) base_url: Option<String>,
    pub(super) scenarios: Option<Said<Vec<String>>>,
    pub(super) vus: Option<Said<u64>>,
    pub(super) duration: Option<Said<Duration>>,
    pub(super) iterations: Option<Said<u64>>,
    pub(super) stages: Option<Said<Vec<(Duration, u64)>>>,
    pub(super) rate: Option<Said<ArrivalRate>>,
    pub(super) env: Pairs,
    pub(super) tags: Pairs,
    pub(super) headers: Pairs,
    pub(super) http: HttpSaid,
    /// By source, the lowest first: only those of a lower source are replaced.
    pub(super) thresholds: Vec<Vec<Said<String>>>,
    pub(super) no_thresholds: Option<bool>,
    pub(super) seed: Option<u64>,
    pub(super) cores: Option<usize>,
    /// 0: no cap, whatever a lower source says.
    pub(super) rps: Option<f64>,
    pub(super) spin_arrivals: Option<bool>,
    pub(super) setup_timeout: Option<Duration>,
    pub(super) teardown_timeout: Option<Duration>,
    pub(super) summary_export: Option<Said<PathBuf>>,
    pub(super) debug: Option<bool>,
    pub(super) quiet: Option<bool>,
    pub(super) no_color: Option<bool>,
}

/// Options that contradict each other, named as their source spells them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Conflict {
    #[error("{first} and {second} do not go together: {why}; leave one of them out")]
    Both { first: String, second: String, why: &'static str },
    #[error(
        "{place} says how much load there is, but debugging does one iteration of each scenario; leave one of them out"
    )]
    Debug { place: String },
    #[error("{place} needs a duration beside it: add {missing}")]
    RateWithoutDuration { place: String, missing: String },
}

/// What an executor made of options cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{places}: {problem}", problem = source.problem())]
pub(super) struct ShortcutError {
    places: String,
    source: PlanError,
}

impl Options {
    /// These options, and where they say nothing those of a lower source.
    pub(super) fn over(self, lower: Self) -> Self {
        // How much load there is, is said by one source as a whole.
        let keep = !self.shapes_load();
        Self {
            base_url: self.base_url.or(lower.base_url),
            scenarios: self.scenarios.or(lower.scenarios),
            vus: self.vus.or(lower.vus),
            duration: self.duration.or(lower.duration.filter(|_| keep)),
            iterations: self.iterations.or(lower.iterations.filter(|_| keep)),
            stages: self.stages.or(lower.stages.filter(|_| keep)),
            rate: self.rate.or(lower.rate.filter(|_| keep)),
            env: pairs_over(self.env, lower.env, str::eq),
            tags: pairs_over(self.tags, lower.tags, str::eq),
            headers: pairs_over(self.headers, lower.headers, str::eq_ignore_ascii_case),
            http: self.http.over(lower.http),
            thresholds: [lower.thresholds, self.thresholds].concat(),
            no_thresholds: self.no_thresholds.or(lower.no_thresholds),
            seed: self.seed.or(lower.seed),
            cores: self.cores.or(lower.cores),
            rps: self.rps.or(lower.rps),
            spin_arrivals: self.spin_arrivals.or(lower.spin_arrivals),
            setup_timeout: self.setup_timeout.or(lower.setup_timeout),
            teardown_timeout: self.teardown_timeout.or(lower.teardown_timeout),
            summary_export: self.summary_export.or(lower.summary_export),
            debug: self.debug.or(lower.debug),
            quiet: self.quiet.or(lower.quiet),
            no_color: self.no_color.or(lower.no_color),
        }
    }

    /// Whether it says how much load there is. As in k6, that erases all that lower sources say of it, while a number of
    /// VUs alone does not.
    fn shapes_load(&self) -> bool {
        self.duration.is_some() || self.iterations.is_some() || self.stages.is_some() || self.rate.is_some()
    }

    /// Whether one source contradicts itself. `duration` is its spelling of a duration.
    pub(super) fn check(&self, duration: &str) -> Result<(), Conflict> {
        let places = |said: [Option<&str>; 2]| Some((said[0]?.to_owned(), said[1]?.to_owned()));
        let stages = self.stages.as_ref().map(|said| &*said.place);
        let length = self.duration.as_ref().map(|said| &*said.place);
        let iterations = self.iterations.as_ref().map(|said| &*said.place);
        let rate = self.rate.as_ref().map(|said| &*said.place);
        for (pair, why) in [
            ([stages, length], "each stage has its own duration"),
            ([stages, iterations], "stages loop for a time, not for a number of iterations"),
            ([stages, rate], "stages are numbers of VUs, while a rate takes the VUs that it needs"),
            ([rate, iterations], "a rate starts iterations for a time, not a number of them"),
        ] {
            if let Some((first, second)) = places(pair) {
                return Err(Conflict::Both { first, second, why });
            }
        }
        let vus = self.vus.as_ref().map(|said| &*said.place);
        let load = [stages, rate, iterations, length, vus].into_iter().flatten().next();
        if let (Some(place), Some(true)) = (load, self.debug) {
            return Err(Conflict::Debug { place: place.to_owned() });
        }
        match (rate, length) {
            (Some(place), None) => {
                let (place, missing) = (place.to_owned(), duration.to_owned());
                Err(Conflict::RateWithoutDuration { place, missing })
            }
            _ => Ok(()),
        }
    }

    /// Where the options come from that replace an executor; empty without any.
    pub(super) fn shortcut_places(&self) -> String {
        let places = [
            self.stages.as_ref().map(|said| &*said.place),
            self.rate.as_ref().map(|said| &*said.place),
            self.iterations.as_ref().map(|said| &*said.place),
            self.duration.as_ref().map(|said| &*said.place),
            self.vus.as_ref().map(|said| &*said.place),
        ];
        places.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The executor that the options stand for, by k6's rules: iterations are shared among the VUs, a duration makes them
    /// loop, VUs alone share as many iterations as they are.
    pub(super) fn executor(&self) -> Result<Option<Executor>, ShortcutError> {
        let Some(executor) = self.shortcut() else { return Ok(None) };
        let checked = match &self.stages {
            Some(stages) if stages.value.iter().all(|(duration, _)| duration.is_zero()) => {
                Err(PlanError::new(executor.name(), "all stages together last 0s: write for example 30s:10"))
            }
            _ => executor.schedule(),
        };
        checked.map_err(|source| ShortcutError { places: self.shortcut_places(), source })?;
        Ok(Some(executor))
    }

    fn shortcut(&self) -> Option<Executor> {
        let vus = self.vus.as_ref().map(|said| said.value);
        let duration = self.duration.as_ref().map(|said| said.value);
        let iterations = self.iterations.as_ref().map(|said| said.value);
        if let Some(stages) = &self.stages {
            return Some(ramping_vus(stages.value.iter().copied()).start_vus(vus.unwrap_or(1)).into());
        }
        if let (Some(rate), Some(duration)) = (&self.rate, duration) {
            let arrivals = constant_arrival_rate(rate.value, duration);
            return Some(vus.map_or(arrivals.clone(), |vus| arrivals.max_vus(vus)).into());
        }
        match (vus, duration, iterations) {
            (None, None, None) => None,
            (vus, limit, Some(iterations)) => {
                let shared = shared_iterations(iterations).vus(vus.unwrap_or(1));
                Some(limit.map_or(shared.clone(), |limit| shared.max_duration(limit)).into())
            }
            (vus, Some(duration), None) => Some(constant_vus(vus.unwrap_or(1), duration).into()),
            (Some(vus), None, None) => Some(shared_iterations(vus).vus(vus).into()),
        }
    }
}

/// `higher`, and what `lower` has of other keys.
pub(super) fn pairs_over(higher: Pairs, mut lower: Pairs, same: fn(&str, &str) -> bool) -> Pairs {
    lower.retain(|(key, _)| !higher.iter().any(|(given, _)| same(given, key)));
    lower.extend(higher);
    lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{args, environment, file};

    /// The same options from each source: `vus=2 duration=10s`, with the keys' names on the command line.
    fn sources(text: &str) -> [Result<Options, Vec<String>>; 3] {
        let pairs: Vec<_> = text.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect();
        let flags: Vec<_> =
            pairs.iter().map(|(key, value)| format!("--{}={value}", key.replace('_', "-"))).collect();
        let vars =
            pairs.iter().map(|(key, value)| (format!("LOADCORE_{}", key.to_uppercase()), value.into()));
        let toml: Vec<_> = pairs
            .iter()
            .map(|(key, value)| match *key {
                "stage" => format!("stages = {:?}", value.split(',').collect::<Vec<_>>()),
                key => format!("{key} = {value:?}"),
            })
            .collect();
        let flags = flags.iter().flat_map(|flag| match flag.strip_prefix("--stage=") {
            Some(stages) => stages.split(',').map(|stage| format!("--stage={stage}")).collect(),
            None => vec![flag.clone()],
        });
        [args::parse(flags), environment::read(vars), file::read("load.toml", &toml.join("\n"))]
    }

    #[test]
    fn shortcuts_mean_what_k6s_mean_whoever_says_them() {
        let stop = " (graceful stop 30s)";
        for (options, want) in [
            ("vus=2 iterations=6", "6 iterations shared among 2 VUs, at most 10m"),
            ("vus=2 iterations=6 duration=30s", "6 iterations shared among 2 VUs, at most 30s"),
            ("vus=10", "10 iterations shared among 10 VUs, at most 10m"),
            ("duration=1m", "1 looping VU for 1m"),
            ("vus=3 duration=1m30s", "3 looping VUs for 1m30s"),
            ("stage=10s:5,1m:0 vus=2", "up to 5 looping VUs for 1m10s over 2 stages"),
            ("stage=10s:5 vus=0", "up to 5 looping VUs for 10s over 1 stage"),
            ("rate=30/m duration=10m", "0.50 iterations/s for 10m"),
            ("rate=5/10s duration=10m vus=7", "0.50 iterations/s for 10m, up to 7 VUs"),
        ] {
            for source in sources(options) {
                let executor = source.unwrap().executor().unwrap().unwrap();
                assert_eq!(executor.describe(), format!("{want}{stop}"), "{options}");
            }
        }
        for source in sources("seed=1") {
            assert!(source.unwrap().executor().unwrap().is_none());
        }
    }

    #[test]
    fn a_source_that_contradicts_itself_is_told_so_in_its_own_spelling() {
        for (options, keys) in [
            ("stage=10s:20 duration=10s", ["stage", "duration"]),
            ("stage=10s:20 iterations=3", ["stage", "iterations"]),
            ("stage=10s:20 rate=3/s", ["stage", "rate"]),
            ("rate=3/s iterations=3 duration=1s", ["rate", "iterations"]),
            ("rate=3/s", ["rate", "duration"]),
        ] {
            let [flags, vars, toml] = sources(options).map(|source| source.unwrap_err().concat());
            for key in keys {
                assert!(flags.contains(&format!("--{key}")), "{key}: {flags}");
                assert!(vars.contains(&format!("LOADCORE_{}", key.to_uppercase())), "{key}: {vars}");
                assert!(toml.contains(&key.replace("stage", "stages")), "{key}: {toml}");
            }
            assert!(toml.contains("load.toml:1:1: "), "{toml}");
        }
    }

    fn one(text: &str) -> Options {
        let [flags, ..] = sources(text);
        flags.unwrap()
    }

    #[test]
    fn a_value_means_the_same_whoever_says_it_and_the_higher_source_wins() {
        for (key, higher, lower) in [
            ("base_url", "http://a", "http://b"),
            ("seed", "1", "2"),
            ("cores", "1", "2"),
            ("rps", "0", "2.5"),
            ("spin_arrivals", "false", "true"),
            ("setup_timeout", "1s", "2s"),
            ("teardown_timeout", "1s", "2s"),
            ("no_thresholds", "false", "true"),
            ("debug", "false", "true"),
            ("quiet", "false", "true"),
            ("no_color", "false", "true"),
        ] {
            let said = |value: &str| {
                let of_source = |source: Result<Options, _>| {
                    // An empty list is as good as none.
                    Options { thresholds: Vec::new(), ..source.unwrap() }
                };
                sources(&format!("{key}={value}")).map(of_source)
            };
            let ([flags, variables, file], [_, _, lower]) = (said(higher), said(lower));
            assert!(flags == variables && variables == file, "{key}: {flags:?} {variables:?} {file:?}");
            assert_ne!(flags, lower, "{key}");
            assert_eq!(flags.clone().over(lower.clone()), flags, "{key}");
            assert_eq!(Options::default().over(lower.clone()), lower, "{key}");
        }
    }

    #[test]
    fn a_shape_erases_lower_shapes_as_in_k6_and_vus_alone_do_not() {
        for (higher, lower, want) in [
            ("iterations=6", "duration=30s", "6 iterations shared among 1 VU, at most 10m"),
            ("duration=30s", "iterations=6", "1 looping VU for 30s"),
            ("duration=30s", "stage=1m:9", "1 looping VU for 30s"),
            ("stage=1m:9", "rate=5/s duration=1s", "up to 9 looping VUs for 1m over 1 stage"),
            ("rate=5/s duration=1s", "iterations=6", "5.00 iterations/s for 1s"),
            ("vus=4", "duration=30s", "4 looping VUs for 30s"),
            ("vus=4", "stage=1m:2", "up to 4 looping VUs for 1m over 1 stage"),
            ("vus=4", "rate=5/s duration=1s", "5.00 iterations/s for 1s, up to 4 VUs"),
            ("duration=30s", "vus=4 iterations=6", "4 looping VUs for 30s"),
        ] {
            let merged = one(higher).over(one(lower));
            let executor = merged.executor().unwrap().unwrap().describe();
            assert_eq!(executor, format!("{want} (graceful stop 30s)"), "{higher} over {lower}");
        }
    }

    #[test]
    fn an_executor_that_cannot_run_names_the_options_it_is_made_of() {
        let merged = one("vus=5").over(one("iterations=2"));
        let error = merged.executor().unwrap_err().to_string();
        assert!(error.starts_with("--iterations, --vus: 2 iterations cannot"), "{error}");
        let error = one("vus=0").executor().unwrap_err().to_string();
        assert_eq!(error, "--vus: 0 VUs do nothing: give at least 1");
    }

    #[test]
    fn pairs_add_up_by_key_and_thresholds_by_source() {
        let pairs = |text: &str| -> Pairs { vec![(text.into(), "1".into()), ("own".into(), text.into())] };
        let options = |text: &str| Options {
            tags: pairs(text),
            headers: pairs(&text.to_uppercase()),
            env: pairs(text),
            thresholds: vec![vec![Said::new(text.to_owned(), "")]],
            ..Options::default()
        };
        let keys =
            |pairs: &Pairs| pairs.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ");
        let merged = options("a").over(options("b"));
        assert_eq!(keys(&merged.tags), "b=1 a=1 own=a");
        assert_eq!(keys(&merged.env), "b=1 a=1 own=a");
        assert_eq!(keys(&merged.headers), "B=1 A=1 own=A");
        assert_eq!(merged.thresholds.len(), 2);
        assert_eq!(merged.thresholds[1][0].value, "a", "the highest last");
    }
}
