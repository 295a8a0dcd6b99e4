//! The options of HTTP, as what their target sees of them. Which source wins, and what each may say, is in `precedence` and
//! `wrong_input`.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{COOKIE, USER_AGENT};
use axum::response::{IntoResponse, Redirect, Response};
use testbed::TlsServer;

use super::*;

/// A target that notes down who asks it, and how.
struct Target {
    address: SocketAddr,
    notes: Arc<Notes>,
}

#[derive(Default)]
struct Notes {
    asked: Mutex<Vec<Asked>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

/// A request as it came.
#[derive(Debug, Clone)]
struct Asked {
    peer: SocketAddr,
    path: String,
    agent: String,
    cookie: String,
}

impl Asked {
    fn read(peer: SocketAddr, request: &Request) -> Self {
        let header =
            |name| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        Self {
            peer,
            path: request.uri().path().to_owned(),
            agent: header(USER_AGENT),
            cookie: header(COOKIE),
        }
    }
}

impl Target {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, notes) = (listener.local_addr().unwrap(), Arc::<Notes>::default());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&notes));
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, notes }
    }

    /// What it is asked in three iterations of one VU with these options.
    fn asked(&self, args: &[&str]) -> Vec<Asked> {
        let url = format!("http://{}", self.address);
        self.asked_at(&url, args)
    }

    fn asked_at(&self, url: &str, args: &[&str]) -> Vec<Asked> {
        self.notes.asked.lock().unwrap().clear();
        let ran = run(&[BROWSE, &["--base-url", url], args].concat());
        ran.assert_code(0);
        self.notes.asked.lock().unwrap().clone()
    }
}

/// With no threshold to fail: what is not sent is what a test here may look for.
const BROWSE: &[&str] = &["-q", "--scenario", "browse", "-u", "1", "-i", "3", "--no-thresholds"];

/// `/hopN/` leads to `/hopN-1/`, and `/slow` takes its time.
async fn answer(
    State(notes): State<Arc<Notes>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let asked = Asked::read(peer, &request);
    let path = asked.path.clone();
    notes.asked.lock().unwrap().push(asked);
    if path == "/slow" {
        let under_way = notes.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        notes.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        notes.under_way.fetch_sub(1, Ordering::SeqCst);
    }
    let hops = path.strip_prefix("/hop").and_then(|hops| hops.trim_end_matches('/').parse::<u32>().ok());
    match hops.and_then(|hops| hops.checked_sub(1)) {
        Some(left) => Redirect::to(&format!("/hop{left}/")).into_response(),
        None => ([("set-cookie", "visit=1; Path=/")], "hello").into_response(),
    }
}

fn peers(asked: &[Asked]) -> HashSet<SocketAddr> {
    asked.iter().map(|asked| asked.peer).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_live_as_long_as_the_options_say() {
    let target = Target::start().await;
    let connections = |args: &[&str]| peers(&target.asked(args)).len();
    assert_eq!(connections(&[]), 1);
    assert_eq!(connections(&["--no-connection-reuse"]), 3);
    assert_eq!(connections(&["--no-connection-reuse=false"]), 1);
    // A redirect is followed on the connection that it came on, and the next iteration begins anew.
    let hop = format!("http://{}/hop1", target.address);
    let asked = target.asked_at(&hop, &["--no-vu-connection-reuse"]);
    assert_eq!((asked.len(), peers(&asked).len()), (6, 3), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_are_followed_as_far_as_the_options_say() {
    let target = Target::start().await;
    let hop = format!("http://{}/hop12", target.address);
    let last = |args: &[&str]| target.asked_at(&hop, args).pop().unwrap().path;
    assert_eq!(last(&[]), "/hop2/");
    assert_eq!(last(&["--max-redirects", "3"]), "/hop9/");
    assert_eq!(last(&["--max-redirects", "0"]), "/hop12/");
    assert_eq!(last(&["--max-redirects", "20"]), "/hop0/");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_and_the_user_agent_are_as_the_options_say() {
    let target = Target::start().await;
    let cookies =
        |args: &[&str]| target.asked(args).into_iter().map(|asked| asked.cookie).collect::<Vec<_>>();
    assert_eq!(cookies(&[]), ["", "", ""]);
    assert_eq!(cookies(&["--no-cookies-reset"]), ["", "visit=1", "visit=1"]);
    let agent = |args: &[&str]| target.asked(args).pop().unwrap().agent;
    assert_eq!(agent(&[]), format!("loadcore/{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(agent(&["--user-agent", "shop test"]), "shop test");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_lead_where_the_options_say_or_nowhere() {
    let target = Target::start().await;
    let host = format!("shop.test={}", target.address);
    let sent = |url: &str, args: &[&str]| target.asked_at(url, args).len();
    assert_eq!(sent("http://shop.test", &["--hosts", &host]), 3);
    assert_eq!(sent("http://shop.test", &["--hosts", &host, "--block-hostnames", "*.test"]), 0);
    assert_eq!(sent("http://shop.test", &["--hosts", &host, "--block-hostnames", "other.test"]), 3);
    assert_eq!(sent("http://shop.test", &["--hosts", &host, "--blacklist-ip", "127.0.0.0/8"]), 0);
    let localhost = format!("http://localhost:{}", target.address.port());
    assert_eq!(sent(&localhost, &["--dns", "ttl=0,policy=onlyIPv4"]), 3);
    assert_eq!(sent(&localhost, &["--dns", "policy=onlyIPv6"]), 0, "it listens at 127.0.0.1 alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vus_connect_from_the_addresses_that_the_options_say() {
    let target = Target::start().await;
    let args = ["--local-ips", "127.0.0.7-127.0.0.8,127.1.0.0/30", "-u", "4", "-i", "4"];
    let url = format!("http://{}", target.address);
    let base = ["-q", "--scenario", "browse", "--no-thresholds", "--base-url", &url];
    run(&[&base[..], &args].concat()).assert_code(0);
    let mut from: Vec<_> = target.notes.asked.lock().unwrap().iter().map(|asked| asked.peer.ip()).collect();
    from.sort();
    from.dedup();
    let from: Vec<_> = from.iter().map(ToString::to_string).collect();
    // Who gets an iteration is not said.
    let pool = ["127.0.0.7", "127.0.0.8", "127.1.0.1", "127.1.0.2"];
    assert!(!from.is_empty() && from.iter().all(|address| pool.contains(&&**address)), "{from:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_as_wide_as_the_options_say() {
    let target = Target::start().await;
    let url = format!("http://{}", target.address);
    let width = |args: &[&str]| {
        target.notes.most_under_way.store(0, Ordering::SeqCst);
        let args = [&["-q", "--base-url", &url], args].concat();
        let begun = Instant::now();
        let ran = Ran::of(&program(&args).env("JOURNEYS_CODE", "batch").output().unwrap(), begun);
        ran.assert_code(0);
        target.notes.most_under_way.load(Ordering::SeqCst)
    };
    assert_eq!(width(&[]), 6);
    assert_eq!(width(&["--batch", "2"]), 2);
    assert_eq!(width(&["--batch-per-host", "9"]), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_thrown_away_if_the_options_say_so() {
    let target = Target::start().await;
    let url = format!("http://{}", target.address);
    let base = ["-q", "--scenario", "browse", "-i", "3", "--base-url", &url, "--threshold"];
    run(&[&base[..], &["items: min>=5"]].concat()).assert_code(0);
    run(&[&base[..], &["items: max<=0", "--discard-response-bodies"]].concat()).assert_code(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_as_strict_and_as_new_as_the_options_say() {
    let server = TlsServer::start().await.unwrap();
    let url = server.url();
    let count = |args: &[&str], selector: &str| {
        let threshold = format!("http_reqs{{{selector}}}: count==3");
        let base = ["-q", "--scenario", "browse", "-i", "3", "--base-url", &url, "--no-thresholds=false"];
        run(&[&base[..], &["--threshold", &threshold], &FAILS, args].concat())
    };
    // Its authority is not known.
    count(&[], "error_code:1310").assert_code(0);
    let ran = count(&["--insecure-skip-tls-verify"], "tls_version:tls1.3,status:200");
    ran.assert_code(0);
    for stream in [&ran.out, &ran.err] {
        assert!(stream.contains("INSECURE"), "{stream}");
    }
    let old = ["--insecure-skip-tls-verify", "--tls-version", "tls1.2"];
    count(&old, "tls_version:tls1.2,status:200").assert_code(0);
}

#[test]
fn what_cannot_be_is_told_with_the_flag_or_the_variable_that_says_it() {
    let help = run(&["--help"]).out;
    let (_, http) = help.split_once("\nHTTP:\n").unwrap();
    let (http, _) = http.split_once("\nResults:\n").unwrap();
    let lines = http.lines().filter_map(|line| line.strip_prefix("      --"));
    let flags: Vec<_> = lines.map(|line| line.split([' ', '[']).next().unwrap()).collect();
    assert!(flags.len() > 10, "{flags:?}");
    for flag in flags {
        // No name, number, switch or header has it.
        let ran = run(&[&*format!("--{flag}=\u{7f}")]);
        ran.assert_code(104);
        assert!(ran.err.contains(&format!("'--{flag}")), "{}", ran.err);
        let variable = format!("LOADCORE_{}", flag.replace('-', "_").to_uppercase());
        let begun = Instant::now();
        let ran = Ran::of(&program(&[]).env(&variable, "\u{7f}").output().unwrap(), begun);
        ran.assert_code(104);
        assert!(ran.err.contains(&format!("error: {variable}: ")), "{}", ran.err);
    }
}

/// In place of the attribute's threshold.
const FAILS: [&str; 2] = ["--threshold", "http_req_failed{scenario:browse}: rate>=0"];
