//! From options to the test that they describe.

use super::args::RunArgs;
use super::options::{Options, Said, pairs_over};
use super::{environment, file};
use crate::load_test::{LoadTest, ThresholdText};
use crate::protocol::http::TlsEnvironment;
use crate::run::Scenario;
use std::ffi::OsString;
use std::path::PathBuf;

/// What is wrong before the start, a line each.
pub(super) type Problems = Vec<String>;

/// The options of the command line, over those of the environment, over those of the options file.
pub(super) fn gather(args: &RunArgs, variables: Vec<(String, OsString)>) -> Result<Options, Problems> {
    let config = config(args.config.as_ref(), &variables);
    let variables = environment::read(variables);
    let file = config.map_or_else(|| Ok(Options::default()), |said| file::load(&said.value, &said.place));
    let mut problems = Vec::new();
    let mut said = |source: Result<Options, Problems>| {
        source.unwrap_or_else(|found| {
            problems.extend(found);
            Options::default()
        })
    };
    let options = said(args.options()).over(said(variables)).over(said(file));
    if problems.is_empty() { Ok(options) } else { Err(problems) }
}

/// The options file.
fn config(flag: Option<&PathBuf>, variables: &[(String, OsString)]) -> Option<Said<PathBuf>> {
    let flag = flag.map(|path| Said::new(path.clone(), "--config"));
    flag.or_else(|| {
        let (_, path) =
            variables.iter().find(|(name, path)| name == environment::CONFIG && !path.is_empty())?;
        Some(Said::new(path.into(), environment::CONFIG))
    })
}

impl Options {
    /// The test with what these options say, in a process with this environment.
    ///
    /// # Errors
    /// If they do not fit the test.
    pub(super) fn apply(
        &self,
        mut test: LoadTest,
        process: &[(String, OsString)],
    ) -> Result<LoadTest, String> {
        test.pin = true;
        self.select(&mut test)?;
        self.replace_executor(&mut test)?;
        test.base_url = self.base_url.clone().or(test.base_url);
        test.headers = pairs_over(self.headers.clone(), test.headers, str::eq_ignore_ascii_case);
        test = self.http.apply(test)?;
        test.tags = pairs_over(self.tags.clone(), test.tags, str::eq);
        let of_code = pairs_over(self.env.clone(), test.env, str::eq);
        test.env = pairs_over(of_code, process_env(process), str::eq);
        test.threshold_texts.extend(self.thresholds.iter().map(|source| texts(source)));
        test.no_thresholds = self.no_thresholds.unwrap_or(test.no_thresholds);
        test.http.tls.environment = TlsEnvironment::read(process);
        test.seed = self.seed.or(test.seed);
        test.cores = self.cores.or(test.cores);
        if let Some(rps) = self.rps {
            // As in k6, 0 stands for no cap.
            test.max_requests_per_second = (rps > 0.0).then_some(rps);
        }
        test.spin_arrivals = self.spin_arrivals.unwrap_or(test.spin_arrivals);
        if let Some(limit) = self.setup_timeout {
            test = test.setup_timeout(limit);
        }
        if let Some(limit) = self.teardown_timeout {
            test = test.teardown_timeout(limit);
        }
        Ok(test)
    }

    fn select(&self, test: &mut LoadTest) -> Result<(), String> {
        // A test without any scenario says so itself.
        let Some(selected) = self.scenarios.as_ref().filter(|_| !test.scenarios.is_empty()) else {
            return Ok(());
        };
        let known: Vec<&str> = test.scenarios.iter().map(Scenario::name).collect();
        if let Some(name) = selected.value.iter().find(|name| !known.contains(&name.as_str())) {
            let (place, known) = (&selected.place, known.join(", "));
            return Err(format!("{place}: no scenario is named `{name}`; there are: {known}"));
        }
        let is_selected = |name: &str| selected.value.iter().any(|selected| selected == name);
        let names = test.scenarios.iter().map(Scenario::name);
        test.unselected.extend(names.filter(|name| !is_selected(name)).map(str::to_owned));
        test.scenarios.retain(|scenario| is_selected(scenario.name()));
        for executor in test.scenarios.iter_mut().filter_map(|scenario| scenario.executor.as_mut()) {
            // Nobody needs to wait for what does not run.
            executor.after.take_if(|before| test.unselected.contains(before));
        }
        Ok(())
    }

    fn replace_executor(&self, test: &mut LoadTest) -> Result<(), String> {
        let executor = self.executor().map_err(|error| error.to_string())?;
        let Some(executor) = executor else { return Ok(()) };
        let names: Vec<_> = test.scenarios.iter().map(|s| s.name().to_owned()).collect();
        match test.scenarios.as_mut_slice() {
            [scenario] => scenario.executor = Some(executor),
            // Nothing to replace: the test says so itself.
            [] => {}
            several => {
                let (places, count, known) = (self.shortcut_places(), several.len(), names.join(", "));
                let select = self.how_to_select();
                return Err(format!(
                    "{places}: this replaces the executor of one scenario, but {count} are selected: add {select} (there \
                     are: {known})"
                ));
            }
        }
        Ok(())
    }
}

impl Options {
    /// How to select a scenario, as the source writes it that replaces the executor.
    fn how_to_select(&self) -> &'static str {
        let places = self.shortcut_places();
        if places.starts_with("--") {
            "--scenario NAME"
        } else if places.starts_with("LOADCORE_") {
            "LOADCORE_SCENARIO=NAME"
        } else {
            "scenarios = [\"NAME\"]"
        }
    }
}

fn texts(source: &[Said<String>]) -> Vec<ThresholdText> {
    let text = |said: &Said<String>| ThresholdText { place: said.place.clone(), text: said.value.clone() };
    source.iter().map(text).collect()
}

/// What a journey may ask for of the environment: names that it can write, and text.
fn process_env(process: &[(String, OsString)]) -> Vec<(String, String)> {
    let text = |(name, value): &(String, OsString)| Some((name.clone(), value.to_str()?.to_owned()));
    process
        .iter()
        .filter_map(text)
        .filter(|(name, _)| crate::load_test::check_env_name(name).is_ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::constant_vus;
    use crate::run::Vu;
    use std::time::Duration;

    #[test]
    fn nobody_waits_for_a_scenario_that_is_left_out() {
        let test = || {
            let scenario = |name: &'static str, after| {
                let executor = constant_vus(1, Duration::from_secs(1)).after(after);
                Scenario::new(name, async |_: &Vu| Ok(())).executor(executor)
            };
            LoadTest::new().scenario(scenario("warmup", "misspelt")).scenario(scenario("main", "warmup"))
        };
        let after = |selected: &[&str]| {
            let selected = Said::new(selected.iter().map(|name| (*name).to_owned()).collect(), "--scenario");
            let options = Options { scenarios: Some(selected), ..Options::default() };
            let test = options.apply(test(), &[]).unwrap();
            test.scenarios.into_iter().map(|scenario| scenario.executor.unwrap().after).collect::<Vec<_>>()
        };
        assert_eq!(after(&["main"]), [None]);
        let all = after(&["main", "warmup"]);
        assert_eq!(all, [Some("misspelt".to_owned()), Some("warmup".to_owned())]);
    }
}
