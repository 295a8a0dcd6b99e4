//! The grammar of thresholds in text: what k6 reads, what it refuses, the options, and any text at all.

use super::*;
use crate::metric::{CHECKS, Kind, Selector, builtin};
use crate::verdict::aggregation::{Aggregation, Comparison};
use proptest::prelude::*;
use std::time::Duration;

fn parse(text: &str) -> Result<String, String> {
    parse_threshold(text, &builtin::all()).map(|t| t.to_string()).map_err(|error| error.to_string())
}

#[track_caller]
fn assert_refused(text: &str, want: &str) {
    let error = parse(text).expect_err(text);
    assert!(error.contains(want), "{text}: {error}");
}

/// What k6 2.2 accepts, read back in its normal form.
#[test]
fn the_golden_expressions_are_read() {
    for (text, want) in [
        ("iterations:count>20", "iterations: count>20"),
        ("checks: rate >= 0.01", "checks: rate>=0.01"),
        ("checks:rate>0.01", "checks: rate>0.01"),
        ("vus: value<10", "vus: value<10"),
        ("iterations: rate<=10", "iterations: rate<=10"),
        ("iteration_duration: avg<1", "iteration_duration: avg<1"),
        ("iteration_duration: min<1", "iteration_duration: min<1"),
        ("iteration_duration: med<1", "iteration_duration: med<1"),
        ("iteration_duration: max<1", "iteration_duration: max<1"),
        ("iteration_duration: p(99)<1", "iteration_duration: p(99)<1"),
        ("iteration_duration: p(99.9) < 500", "iteration_duration: p(99.9)<500"),
        ("iteration_duration: p(95.5) < 500", "iteration_duration: p(95.5)<500"),
        ("iteration_duration: p(0)<=1e3", "iteration_duration: p(0)<=1000"),
        ("iteration_duration: p(100)<=1", "iteration_duration: p(100)<=1"),
        ("iterations: count == 3", "iterations: count==3"),
        ("iterations: count === 3", "iterations: count==3"),
        ("iterations: count!=3", "iterations: count!=3"),
        ("iterations: count>-1", "iterations: count>-1"),
        ("iterations: count<+Inf", "iterations: count<inf"),
        ("  iterations  :\tcount\n>\u{a0}3 ", "iterations: count>3"),
    ] {
        assert_eq!(parse(text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn the_golden_selectors_are_read() {
    for (tags, want) in [
        ("{a:1}", "{a:1}"),
        ("{ a : 1 }", "{a:1}"),
        ("{a:1,b:2}", "{a:1,b:2}"),
        ("{ a : 1, b : 2 }", "{a:1,b:2}"),
        (" {abc:123, easyas:doremi} ", "{abc:123,easyas:doremi}"),
        ("{\"a\":\"1\"}", "{a:1}"),
        ("{'a':'1'}", "{a:1}"),
        ("{\" a\" : ' 1'}", "{\" a\":\" 1\"}"),
        ("{a:\"\",b: ''}", "{a:\"\",b:\"\"}"),
        ("{group:::User Login}", "{group:::User Login}"),
        ("{group:*::User Login}", "{group:*::User Login}"),
        ("{name:http://${}.com}", "{name:http://${}.com}"),
        ("{url:ssh://github.com:grafana/k6}", "{url:ssh://github.com:grafana/k6}"),
        ("{ scenario : 'a b' , check:\"x: y\" }", "{scenario:a b,check:x: y}"),
        // Beyond k6: commas, quotes and braces in values.
        ("{check:\"a, b\",scenario:c}", "{check:\"a, b\",scenario:c}"),
        ("{check:it's {ok}}", "{check:it's {ok}}"),
        ("{check:'say \"a, b\"'}", "{check:\"say \"\"a, b\"\"\"}"),
        ("{name:/café/{id}/ü}", "{name:/café/{id}/ü}"),
    ] {
        let text = format!("checks{tags}: rate>0.9");
        assert_eq!(parse(&text), Ok(format!("checks{want}: rate>0.9")), "{text}");
    }
}

#[test]
fn what_k6_refuses_is_refused_with_a_way_out() {
    for (text, want) in [
        ("", "write METRIC: CONDITION"),
        ("checks", "write METRIC: CONDITION"),
        ("checks: ", "write METRIC: CONDITION"),
        ("checks{a:1}", "write METRIC: CONDITION"),
        ("checks{a:1}b: rate>1", "write METRIC: CONDITION"),
        ("checks{group:a: rate>1", "the brace is never closed"),
        ("checks}a:1{: rate>1", "no metric is named `checks}a`"),
        ("checks{}: rate>1", "no tag between the braces"),
        ("checks{ }: rate>1", "no tag between the braces"),
        ("checks{easyas}: rate>1", "`easyas` is no TAG:VALUE"),
        ("checks{easyas:}: rate>1", "`easyas:` is no TAG:VALUE"),
        ("checks{abc:123,easyas:}: rate>1", "`easyas:` is no TAG:VALUE"),
        ("checks{abc:123,easyas}: rate>1", "`easyas` is no TAG:VALUE"),
        ("checks{abc:123,}: rate>1", "`` is no TAG:VALUE"),
        ("checks{:1}: rate>1", "`:1` is no TAG:VALUE"),
        ("checks{check:\"a, b}: rate>1", "the quote before `a, b` is never closed"),
        ("checks{check:\"a\" b}: rate>1", "`b` stands behind a closing quote"),
        ("chekcs: rate>1", "did you mean `checks`?"),
        ("http_nothing_like_it: rate>1", "there are: vus"),
        ("checks: count>1", "checks is a rate and has no `count`: write one of rate"),
        ("checks: p(95)<1", "checks is a rate and has no `p(95)`: write one of rate"),
        ("vus: rate<1", "vus is a gauge and has no `rate`: write one of value"),
        ("iteration_duration: rate<1", "write one of avg, min, med, max, p(N)"),
        ("iteration_duration: count<1", "write one of avg, min, med, max, p(N)"),
        ("iteration_duration: p(95<1", "has no `p(95`"),
        ("iteration_duration: p()<1", "has no `p()`"),
        ("iteration_duration: p<1", "has no `p`"),
        ("iteration_duration: p(foo)<1", "has no `p(foo)`"),
        ("iteration_duration: p( 95 )<1", "has no `p( 95 )`"),
        ("iteration_duration: p(-1)<1", "between 0 and 100"),
        ("iteration_duration: p(101)<1", "between 0 and 100"),
        ("iteration_duration: p(NaN)<1", "between 0 and 100"),
        ("iteration_duration: p(+Inf)<1", "between 0 and 100"),
        ("iteration_duration: p(95)<abc", "write a number of milliseconds"),
        ("iteration_duration: p(95)<5sec", "write a number of milliseconds"),
        ("iteration_duration: p(95)<-5ms", "write a number of milliseconds"),
        ("iterations: count>abc", "`abc` is not a number"),
        ("iterations: count>500ms", "`500ms` is not a number"),
        ("iterations: count>NaN", "the bound is not a number"),
        ("checks: rate>99%", "write 0.01 for one percent"),
        ("iterations: count>", "there is no number behind `>`"),
        ("iterations: count 20", "has no comparison"),
        ("iterations: count!20", "has no comparison"),
        ("iterations: foo>20", "has no `foo`: write one of count, rate"),
        ("iterations: >20", "has no ``"),
        ("iterations: count>20 and count<30", "`and` is no option of a threshold"),
    ] {
        assert_refused(text, want);
    }
}

#[test]
fn each_operator_is_found_wherever_blanks_stand() {
    for operator in [">", ">=", "<", "<=", "==", "===", "!="] {
        let normal = if operator == "===" { "==" } else { operator };
        for text in [format!("count{operator}5"), format!(" count {operator} 5 ")] {
            assert_eq!(parse(&format!("iterations:{text}")), Ok(format!("iterations: count{normal}5")));
        }
    }
}

#[test]
fn times_may_have_their_unit() {
    for (bound, millis) in [
        ("500", "500"),
        ("500ms", "500"),
        ("1.5s", "1500"),
        ("1m30s", "90000"),
        ("100us", "0.1"),
        ("2h", "7200000"),
    ] {
        let read = parse(&format!("iteration_duration: med<{bound}"));
        assert_eq!(read, Ok(format!("iteration_duration: med<{millis}")));
    }
}

#[test]
fn options_stand_behind_the_number_in_any_order() {
    for (options, want) in [
        ("abort_on_fail", " abort_on_fail"),
        ("abort_on_fail delay_abort_eval=10s", " abort_on_fail delay_abort_eval=10s"),
        ("  delay_abort_eval=1m30s\tabort_on_fail ", " abort_on_fail delay_abort_eval=1m30s"),
        ("abort_on_fail delay_abort_eval=0s", " abort_on_fail delay_abort_eval=0s"),
        ("allow_empty", " allow_empty"),
        ("allow_empty abort_on_fail", " abort_on_fail allow_empty"),
    ] {
        let text = format!("checks: rate<0.1 {options}");
        assert_eq!(parse(&text), Ok(format!("checks: rate<0.1{want}")), "{text}");
    }
    let typed = CHECKS.rate().below(0.1).abort_on_fail().delay_abort_eval(Duration::from_secs(10));
    let text = "checks: rate<0.1 abort_on_fail delay_abort_eval=10s";
    assert_eq!(parse_threshold(text, &builtin::all()), Ok(typed));
}

#[test]
fn wrong_options_are_told_what_to_write() {
    for (options, want) in [
        ("abortOnFail", "did you mean `abort_on_fail`?"),
        ("abort-on-fail", "did you mean `abort_on_fail`?"),
        ("abort_on_fial", "did you mean `abort_on_fail`?"),
        ("abort_on_fail delayAbortEval=10s", "did you mean `delay_abort_eval`?"),
        ("alow_empty", "did you mean `allow_empty`?"),
        ("quickly", "abort_on_fail, delay_abort_eval=TIME and allow_empty"),
        ("delay_abort_eval=10s", "delays abort_on_fail, which is missing"),
        ("abort_on_fail delay_abort_eval=10", "write a time with its unit"),
        ("abort_on_fail delay_abort_eval=soon", "write a time with its unit"),
        ("abort_on_fail delay_abort_eval", "has no time: write delay_abort_eval=TIME"),
        ("abort_on_fail delay_abort_eval=", "has no time: write delay_abort_eval=TIME"),
        ("abort_on_fail delay_abort_eval = 10s", "without blanks"),
        ("abort_on_fail=true", "`abort_on_fail` takes no value"),
        ("abort_on_fail abort_on_fail", "`abort_on_fail` is written twice"),
        ("abort_on_fail delay_abort_eval=1s delay_abort_eval=2s", "`delay_abort_eval` is written twice"),
    ] {
        assert_refused(&format!("checks: rate<0.1 {options}"), want);
    }
}

#[test]
fn a_message_stays_short_and_on_one_line_whatever_was_written() {
    let page = "x".repeat(200_000);
    for text in [
        page.clone(),
        format!("{page}: rate>1"),
        format!("checks{{{page}}}: rate>1"),
        format!("checks{{a:\"{page}}}: rate>1"),
        format!("checks{{a:\"b\"{page}}}: rate>1"),
        format!("checks: {page}>1"),
        format!("checks: rate>{page}"),
        format!("iteration_duration: p(95)<{page}"),
        format!("checks: rate>1 {page}"),
        format!("checks: rate>1 abort_on_fail delay_abort_eval={page}"),
        "{".repeat(200_000),
        "\"'".repeat(100_000),
        "checks{a:b}: rate>1 \u{1b}[31m\n\r\0".to_owned(),
    ] {
        let error = parse(&text).unwrap_err();
        let start: String = text.chars().take(40).collect();
        assert!(error.len() < 2_000, "{start}: a message of {} bytes", error.len());
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}

fn word() -> impl Strategy<Value = String> {
    // What has a meaning in the grammar, among what has none.
    let part = prop_oneof!["[a-z é日]{1,4}", "[,:{}\"'*=<> \t]{1,3}", Just("*::".to_owned())];
    prop::collection::vec(part, 1..5).prop_map(|parts| parts.concat())
}

fn bound() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("a number", |bound| !bound.is_nan()),
        (0_u32..100_000).prop_map(f64::from)
    ]
}

fn aggregations(metric: &MetricDesc, p: f64) -> Vec<Aggregation> {
    match metric.kind {
        Kind::Counter => vec![Aggregation::Count, Aggregation::Rate],
        Kind::Rate => vec![Aggregation::Rate],
        Kind::Gauge => vec![Aggregation::Value],
        Kind::Trend => {
            vec![Aggregation::Avg, Aggregation::Min, Aggregation::Med, Aggregation::Max, Aggregation::P(p)]
        }
    }
}

fn series() -> impl Strategy<Value = (Selector, Aggregation)> {
    let tag_value = prop_oneof![word(), Just(String::new())];
    let tags = prop::collection::vec((prop_oneof![word(), Just("group".to_owned())], tag_value), 0..4);
    let measured = prop::sample::select(builtin::all()).prop_flat_map(|metric| {
        let of_metric = {
            let metric = metric.clone();
            move |p| prop::sample::select(aggregations(&metric, p))
        };
        (Just(metric), (0.0..=100.0_f64).prop_flat_map(of_metric))
    });
    (measured, tags).prop_map(|((metric, aggregation), tags)| {
        let with_tag = |selector: Selector, (key, value): &(String, String)| selector.with_tag(key, value);
        (tags.iter().fold(Selector::all_of(metric), with_tag), aggregation)
    })
}

/// Any threshold that code or text can make.
fn threshold() -> impl Strategy<Value = Threshold> {
    let comparison = prop::sample::select(vec![
        Comparison::Below,
        Comparison::AtMost,
        Comparison::Above,
        Comparison::AtLeast,
        Comparison::Equal,
        Comparison::NotEqual,
    ]);
    let abort = prop::option::of(prop::option::of((0_u64..100_000_000).prop_map(Duration::from_millis)));
    (series(), comparison, bound(), abort, any::<bool>()).prop_map(
        |((selector, aggregation), comparison, bound, abort, allow_empty)| {
            let mut threshold = Threshold::new(selector, aggregation, comparison, bound);
            if allow_empty {
                threshold = threshold.allow_empty();
            }
            match abort {
                None => threshold,
                Some(None) => threshold.abort_on_fail(),
                Some(Some(delay)) => threshold.abort_on_fail().delay_abort_eval(delay),
            }
        },
    )
}

proptest! {
    #[test]
    fn what_a_threshold_prints_reads_back_as_the_same(threshold in threshold()) {
        let text = threshold.to_string();
        let read = parse_threshold(&text, &builtin::all());
        prop_assert_eq!(read, Ok(threshold), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn no_near_miss_makes_the_parser_panic(words in prop::collection::vec(word(), 0..6), at in 0_usize..5) {
        let mut parts = ["checks", "{scenario:a}", ": ", "rate<0.1", " abort_on_fail"].map(str::to_owned);
        parts[at] = words.concat();
        if let Ok(read) = parse(&parts.concat()) {
            // Whatever is accepted means one thing.
            prop_assert_eq!(parse(&read), Ok(read));
        }
    }
}
