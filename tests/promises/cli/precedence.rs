//! Command line > variables > options file > code > attribute > default: each source against the one below it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::*;

/// One source, highest first.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// These arguments.
    Flags(&'a [&'a str]),
    /// This variable.
    Variable(&'a str, &'a str),
    /// This options file.
    File(&'a str),
    /// The program under this `JOURNEYS_CODE`.
    Code(&'a str),
    /// The program as it stands: what attributes say.
    AsItIs,
}

/// The program with these sources.
fn with(sources: &[Source<'_>], command: &[&str]) -> Ran {
    let (mut args, mut variables) = (command.to_vec(), Vec::new());
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let config = scratch(&format!("precedence-{}.toml", RUNS.fetch_add(1, Ordering::Relaxed)));
    let config = config.to_str().unwrap();
    for source in sources {
        match *source {
            Source::Flags(flags) => args.extend(flags),
            Source::Variable(name, value) => variables.push((name, value)),
            Source::File(content) => {
                std::fs::write(config, content).unwrap();
                variables.push(("LOADCORE_CONFIG", config));
            }
            Source::Code(mode) => variables.push(("JOURNEYS_CODE", mode)),
            Source::AsItIs => {}
        }
    }
    let begun = Instant::now();
    Ran::of(&program(&args).envs(variables).output().unwrap(), begun)
}

fn planned(sources: &[Source<'_>]) -> Value {
    let ran = with(sources, &["plan", "--json"]);
    ran.assert_code(0);
    serde_json::from_str(&ran.out).unwrap()
}

/// Of each pair of neighbours the upper one must win, and of a single one its own value must hold.
fn assert_order(sources: &[(Source<'_>, Value)], look: impl Fn(&[Source<'_>]) -> Value) {
    for (source, value) in sources {
        assert_eq!(look(&[*source]), *value, "alone");
    }
    for pair in sources.windows(2) {
        let [(upper, value), (lower, other)] = pair else { unreachable!("windows of two") };
        assert_ne!(value, other, "the pair tells nothing");
        assert_eq!(look(&[*upper, *lower]), *value, "over {other}");
    }
}

#[test]
fn a_single_value_of_a_higher_source_wins() {
    let of = |pointer: &'static str| move |sources: &[Source<'_>]| planned(sources)[pointer].clone();
    use Source::*;
    assert_order(
        &[
            (Flags(&["--seed", "1"]), 1.into()),
            (Variable("LOADCORE_SEED", "2"), 2.into()),
            (File("seed = 3"), 3.into()),
            (Code("options"), 4.into()),
            (AsItIs, Value::Null),
        ],
        of("seed"),
    );
    assert_order(
        &[
            (Flags(&["--base-url", "http://flag"]), "http://flag".into()),
            (Variable("LOADCORE_BASE_URL", "http://variable"), "http://variable".into()),
            (File("base_url = \"http://file\""), "http://file".into()),
            (Code("options"), "http://code".into()),
            (AsItIs, Value::Null),
        ],
        of("base_url"),
    );
    assert_order(
        &[
            (Flags(&["--cores", "1"]), 1.into()),
            (Variable("LOADCORE_CORES", "2"), 2.into()),
            (File("cores = 3"), 3.into()),
            (Code("options"), 4.into()),
        ],
        of("cores"),
    );
    assert_order(
        &[
            (Flags(&["--rps", "1"]), 1.0.into()),
            (Variable("LOADCORE_RPS", "2"), 2.0.into()),
            (File("rps = 3.5"), 3.5.into()),
            (Code("options"), 4.0.into()),
            (AsItIs, Value::Null),
        ],
        of("rps"),
    );
}

#[test]
fn an_option_of_http_of_a_higher_source_wins() {
    let of = |name: &'static str| move |sources: &[Source<'_>]| planned(sources)["http"][name].clone();
    use Source::*;
    assert_order(
        &[
            (Flags(&["--max-redirects", "1"]), 1.into()),
            (Variable("LOADCORE_MAX_REDIRECTS", "2"), 2.into()),
            (File("max_redirects = 3"), 3.into()),
            (Code("options"), 4.into()),
            (AsItIs, Value::Null),
        ],
        of("max_redirects"),
    );
    assert_order(
        &[
            (Flags(&["--user-agent", "flag"]), "flag".into()),
            (Variable("LOADCORE_HEADER", "User-Agent: variable"), "variable".into()),
            (File("user_agent = \"file\""), "file".into()),
            (Code("options"), "code".into()),
            (AsItIs, Value::Null),
        ],
        of("user_agent"),
    );
    assert_order(
        &[
            (Flags(&["--discard-response-bodies=false"]), Value::Null),
            (Variable("LOADCORE_DISCARD_RESPONSE_BODIES", "true"), true.into()),
            (File("discard_response_bodies = false"), Value::Null),
            (Code("options"), true.into()),
            (AsItIs, Value::Null),
        ],
        of("discard_response_bodies"),
    );
}

#[test]
fn what_names_a_part_replaces_that_part_and_guards_add_up() {
    use Source::*;
    let plan = planned(&[
        Flags(&["--dns", "select=first", "--block-hostnames", "a.test", "--hosts", "flag.test=127.0.0.1"]),
        Variable("LOADCORE_DNS", "policy=any,select=random"),
        File("block_hostnames = \"b.test\"\n[hosts]\n\"code.test\" = \"::1\""),
        Code("options"),
    ]);
    let http = &plan["http"];
    assert_eq!(http["dns"], "ttl=4s,select=first,policy=any");
    assert_eq!(http["block_hostnames"], serde_json::json!(["b.test", "a.test"]));
    assert_eq!(http["hosts"], serde_json::json!({ "code.test": "::1", "flag.test": "127.0.0.1" }));
    assert_eq!(http["batch"], 4, "nobody says it again");
}

#[test]
fn a_cap_on_requests_of_0_lifts_that_of_each_lower_source() {
    use Source::*;
    let lower = [Variable("LOADCORE_RPS", "2"), File("rps = 3.5"), Code("options")];
    let lifted = [Flags(&["--rps", "0"]), Variable("LOADCORE_RPS", "0"), File("rps = 0")];
    for (higher, lower) in lifted.iter().zip(&lower) {
        assert_ne!(planned(&[*lower])["rps"], Value::Null);
        assert_eq!(planned(&[*higher, *lower])["rps"], Value::Null);
    }
}

#[test]
fn a_switch_of_a_higher_source_wins_also_when_it_is_off() {
    use Source::*;
    let (judged, unjudged) = (Value::from(1), Value::from(0));
    let thresholds = |sources: &[Source<'_>]| planned(sources)["thresholds"].as_array().unwrap().len().into();
    assert_order(
        &[
            (Flags(&["--no-thresholds=false"]), judged.clone()),
            (Variable("LOADCORE_NO_THRESHOLDS", "true"), unjudged.clone()),
            (File("no_thresholds = false"), judged),
        ],
        thresholds,
    );
    assert_order(
        &[
            (Flags(&["--spin-arrivals=false"]), false.into()),
            (Variable("LOADCORE_SPIN_ARRIVALS", "true"), true.into()),
            (File("spin_arrivals = false"), false.into()),
            (Code("options"), true.into()),
            (AsItIs, false.into()),
        ],
        |sources: &[Source<'_>]| planned(sources)["spin_arrivals"].clone(),
    );
    assert_eq!(planned(&[Flags(&["--spin-arrivals"])])["spin_arrivals"], true);
    let off = thresholds(&[Flags(&["--no-thresholds"]), Variable("LOADCORE_NO_THRESHOLDS", "false")]);
    assert_eq!(off, unjudged);
}

#[test]
fn a_shortcut_of_a_higher_source_replaces_the_executor_whatever_kind_it_is() {
    use Source::*;
    let text = |sources: &[Source<'_>]| {
        let plan = planned(&[sources, &[Flags(&["--scenario", "browse"])]].concat());
        let description = plan["scenarios"][0]["description"].as_str().unwrap();
        description.trim_end_matches(" (graceful stop 30s)").into()
    };
    assert_order(
        &[
            (Flags(&["--stage", "1s:5"]), "up to 5 looping VUs for 1s over 1 stage".into()),
            (Variable("LOADCORE_ITERATIONS", "6"), "6 iterations shared among 1 VU, at most 10m".into()),
            (File("rate = \"9/s\"\nduration = \"3s\""), "9.00 iterations/s for 3s".into()),
            (Code("executor"), "1 looping VU for 4s".into()),
            (AsItIs, "30 iterations shared among 3 VUs, at most 10m".into()),
        ],
        text,
    );
    assert_eq!(text(&[Code("default")]), "1 iteration for each of 1 VU, at most 10m", "no attribute");
    // VUs alone replace only VUs.
    let vus = text(&[Flags(&["--vus", "7"]), File("duration = \"3s\"")]);
    assert_eq!(vus, "7 looping VUs for 3s");
}

#[test]
fn a_selection_of_a_higher_source_replaces_the_lower_one_as_a_whole() {
    use Source::*;
    let names = |sources: &[Source<'_>]| {
        let plan = planned(sources);
        plan["scenarios"].as_array().unwrap().iter().map(|scenario| scenario["name"].clone()).collect()
    };
    assert_order(
        &[
            (Flags(&["--scenario", "wait"]), vec!["wait"].into()),
            (Variable("LOADCORE_SCENARIO", "browse"), vec!["browse"].into()),
            (File("scenarios = [\"wait\"]"), vec!["wait"].into()),
            (AsItIs, vec!["browse", "wait"].into()),
        ],
        names,
    );
}

#[test]
fn tags_add_up_by_key_and_of_one_key_the_higher_source_wins() {
    use Source::*;
    let source = |sources: &[Source<'_>]| planned(sources)["tags"]["source"].clone();
    assert_order(
        &[
            (Flags(&["--tag", "source=flag"]), "flag".into()),
            (Variable("LOADCORE_TAG", "source=variable"), "variable".into()),
            (File("tags.source = \"file\""), "file".into()),
            (Code("options"), "code".into()),
            (AsItIs, Value::Null),
        ],
        source,
    );
    let all = planned(&[
        Flags(&["--tag", "a=1"]),
        Variable("LOADCORE_TAG", "b=2;c=3"),
        File("[tags]\nd = 4"),
        Code("options"),
    ]);
    assert_eq!(all["tags"], serde_json::json!({ "a": "1", "b": "2", "c": "3", "d": "4", "source": "code" }));
}

#[test]
fn thresholds_add_up_and_of_one_number_the_higher_source_wins() {
    use Source::*;
    // Beside them stands the attribute's, which is about its own scenario.
    let bound = |sources: &[Source<'_>]| {
        let plan = planned(sources);
        let texts: Vec<_> =
            plan["thresholds"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
        let found = texts.iter().filter_map(|text| text.strip_prefix("http_req_failed: "));
        Value::from(found.collect::<Vec<_>>().join(" and "))
    };
    assert_order(
        &[
            (Flags(&["--threshold", "http_req_failed: rate<0.1"]), "rate<0.1".into()),
            (Variable("LOADCORE_THRESHOLD", "http_req_failed: rate<0.2"), "rate<0.2".into()),
            (File("[thresholds]\nhttp_req_failed = \"rate<0.3\""), "rate<0.3".into()),
            (Code("options"), "rate<0.4".into()),
            (AsItIs, "".into()),
        ],
        bound,
    );
    let both = "[thresholds]\nhttp_req_failed = [\"rate<0.3\", \"rate>=0.1\"]";
    assert_eq!(bound(&[File(both)]), "rate<0.3 and rate>=0.1", "one source may give two bounds");
    assert_eq!(bound(&[Flags(&["--threshold", "http_req_failed: rate<0.1"]), File(both)]), "rate<0.1");
    let table =
        "http_req_failed = { threshold = \"rate<0.3\", abort_on_fail = true, delay_abort_eval = \"10s\" }";
    let aborting = bound(&[File(&format!("[thresholds]\n{table}"))]);
    assert_eq!(aborting, "rate<0.3 abort_on_fail delay_abort_eval=10s");
    // An attribute's, by its scenario.
    let plan = planned(&[File("[thresholds]\n\"http_req_failed{scenario:browse}\" = \"rate<0.5\"")]);
    assert_eq!(plan["thresholds"], serde_json::json!(["http_req_failed{scenario:browse}: rate<0.5"]));
}

#[test]
fn what_journeys_are_given_comes_from_the_highest_source_that_has_it() {
    let server = truth_server();
    use Source::*;
    let url = server.url();
    let told = |what: &'static str| {
        let url = url.clone();
        move |sources: &[Source<'_>]| {
            let has_code = sources.iter().any(|source| matches!(source, Code(_)));
            let code: &[Source<'_>] = if has_code { &[] } else { &[Code("tell")] };
            let ran = with(&[sources, code].concat(), &["-q", "--base-url", &url]);
            ran.assert_code(0);
            let line = ran.out.lines().find_map(|line| line.trim().strip_prefix(&format!("✓ {what} is")));
            line.unwrap_or_else(|| panic!("{what}: {}", ran.out)).trim().to_owned().into()
        }
    };
    assert_order(
        &[
            (Flags(&["--env", "KEY=flag"]), "flag".into()),
            (Variable("LOADCORE_ENV", "KEY=variable"), "variable".into()),
            (File("[env]\nKEY = \"file\""), "file".into()),
            (Code("tell-code"), "code".into()),
            (Variable("KEY", "process"), "process".into()),
            (AsItIs, "nothing".into()),
        ],
        told("KEY"),
    );
    assert_order(
        &[
            (Flags(&["--header", "x-source: flag"]), "flag".into()),
            (Variable("LOADCORE_HEADER", "X-Source: variable"), "variable".into()),
            (File("[headers]\nx-source = [\"file\", \"twice\"]"), "file and twice".into()),
            (Code("tell-code"), "code".into()),
            (AsItIs, "".into()),
        ],
        told("x-source"),
    );
}

#[test]
fn the_file_of_the_command_line_is_read_and_not_the_variables() {
    let ran = with(&[Source::Variable("LOADCORE_CONFIG", "/nonexistent")], &["plan"]);
    ran.assert_code(104);
    let config = scratch("named.toml");
    std::fs::write(&config, "seed = 12").unwrap();
    let flags = ["--config", config.to_str().unwrap()];
    let plan = planned(&[Source::Flags(&flags), Source::Variable("LOADCORE_CONFIG", "/nonexistent")]);
    assert_eq!(plan["seed"], 12);
}
