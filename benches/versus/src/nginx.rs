//! The server: an nginx of our own, with one worker on one core, and its own counts of what came in.

use crate::tools::Speaks;
use anyhow::{Context, Result, bail};
use std::cell::Cell;
use std::fs::{File, read_to_string};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const BODY: &str =
    r#"{"id":1,"name":"a product with a name","price":12.5,"tags":["a","b","c"],"stock":100,"category":"x"}"#;
const _: () = assert!(BODY.len() == 100);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The server, ended when dropped.
#[derive(Debug)]
pub(crate) struct Nginx {
    process: Child,
    folder: TempDir,
    program: std::path::PathBuf,
    addresses: Addresses,
    /// Every look at the counts is itself a connection and a request.
    looks: Cell<u64>,
}

/// Where it listens.
#[derive(Clone, Copy, Debug)]
struct Addresses {
    http1: SocketAddr,
    https: SocketAddr,
    /// Without TLS.
    http2: SocketAddr,
}

impl Addresses {
    /// Ports that are free again as soon as the listeners are gone.
    fn free() -> std::io::Result<Self> {
        let listeners = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let [http1, https, http2] = listeners.map(|listener| listener?.local_addr());
        Ok(Self { http1: http1?, https: https?, http2: http2? })
    }
}

/// What the server has counted since it started, without the looks at these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Connections that are open now.
    pub(crate) open: u64,
    /// Connections ever accepted.
    pub(crate) accepted: u64,
    /// Requests ever received.
    pub(crate) requests: u64,
}

impl Nginx {
    /// Starts it and waits for its first answer.
    pub(crate) fn start(program: &Path, cores: &[usize]) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for nginx")?;
        let addresses = Addresses::free().context("ports for nginx")?;
        certify(folder.path())?;
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config(folder.path(), addresses, cores.len()))
            .context("nginx's configuration")?;
        let mut command = Command::new("taskset");
        command.args(["-c", &list(cores)]).arg(program).arg("-c").arg(&file);
        command.stderr(File::create(folder.path().join("stderr"))?);
        let process = command.spawn().context("starting nginx; taskset is needed, too")?;
        let nginx = Self { process, folder, program: program.to_owned(), addresses, looks: Cell::new(0) };
        for _ in 0..100 {
            if nginx.request("/").is_ok_and(|answer| answer.ends_with(BODY)) {
                nginx.looks.set(0);
                return Ok(nginx);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("nginx ({}) does not answer: {}", program.display(), nginx.complaints())
    }

    /// Where the body of 100 bytes is.
    pub(crate) fn url(&self, speaks: Speaks) -> String {
        let Addresses { http1, https, http2 } = self.addresses;
        match speaks {
            Speaks::Http1 => format!("http://{http1}/"),
            Speaks::Https => format!("https://{https}/"),
            Speaks::Http2 => format!("http://{http2}/"),
        }
    }

    /// The counts, of which those of the looks are taken away.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let answer = self.request("/counts").context("nginx's counts")?;
        self.looks.set(self.looks.get() + 1);
        let counts = parse(&answer).with_context(|| format!("not what stub_status writes: {answer}"))?;
        let without = |count: u64, own: u64| count.saturating_sub(own);
        Ok(Counts {
            open: without(counts.open, 1),
            accepted: without(counts.accepted, self.looks.get()),
            requests: without(counts.requests, self.looks.get()),
        })
    }

    fn request(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.addresses.http1)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        // HTTP/1.0, so that the server closes the connection and the counts hold at most one of ours.
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn complaints(&self) -> String {
        let read = |name| read_to_string(self.folder.path().join(name)).unwrap_or_default();
        format!("{}{}", read("stderr"), read("error.log"))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // By its own command: the master ends its worker, which SIGKILL would leave behind.
        let mut stop = Command::new(&self.program);
        stop.arg("-c").arg(self.folder.path().join("nginx.conf")).args(["-s", "stop"]);
        let stopped = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if stopped.is_ok_and(|status| status.success()) {
            let _ = self.process.wait();
        } else {
            let _ = self.process.kill();
        }
    }
}

/// Cores as `taskset` takes them.
pub(crate) fn list(cores: &[usize]) -> String {
    cores.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Writes a certificate, which nobody checks, and its key.
fn certify(folder: &Path) -> Result<()> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).context("a certificate")?;
    std::fs::write(folder.join("cert.pem"), certified.cert.pem())?;
    std::fs::write(folder.join("key.pem"), certified.signing_key.serialize_pem())?;
    Ok(())
}

/// Keep-alive without limits, no access log, nothing outside its folder. All paths have the same answer; who logs in also gets a
/// cookie.
fn config(folder: &Path, addresses: Addresses, workers: usize) -> String {
    let path = folder.display();
    let Addresses { http1, https, http2 } = addresses;
    // So that each worker has its share of the connections.
    let of_each = if workers > 1 { " reuseport" } else { "" };
    let answer = format!("default_type application/json; return 200 '{BODY}';");
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {path}/{kind};\n"))
        .concat();
    format!(
        "worker_processes {workers};\ndaemon off;\npid {path}/pid;\nerror_log {path}/error.log;\n\
         events {{ worker_connections 19000; }}\n\
         http {{\n    access_log off;\n    keepalive_requests 1000000000;\n    keepalive_timeout 1d;\n{temporary}\
         \x20   ssl_certificate {path}/cert.pem;\n    ssl_certificate_key {path}/key.pem;\n    ssl_protocols TLSv1.3;\n\
         \x20   server {{\n        listen {http1} backlog=4096{of_each};\n\
         \x20       listen {https} ssl backlog=4096{of_each};\n\
         \x20       listen {http2} http2 backlog=4096{of_each};\n\
         \x20       location / {{ {answer} }}\n\
         \x20       location = /login {{ add_header Set-Cookie 'session=0123456789abcdef0123456789abcdef; Path=/'; {answer} }}\n\
         \x20       location = /counts {{ stub_status; }}\n    }}\n}}\n"
    )
}

/// ngx_http_stub_status_module's text: `Active connections: N`, and below a heading `accepted handled requests`.
fn parse(answer: &str) -> Option<Counts> {
    let mut lines = answer.lines().skip_while(|line| !line.starts_with("Active connections:"));
    let open = lines.next()?.split(':').nth(1)?.trim().parse().ok()?;
    let mut numbers = lines.nth(1)?.split_whitespace().map(|number| number.parse().ok());
    let (accepted, _handled, requests) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some(Counts { open, accepted, requests })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_stub_status() {
        let text = "HTTP/1.1 200 OK\r\n\r\nActive connections: 65 \nserver accepts handled requests\n \
                    70 70 9001 \nReading: 0 Writing: 1 Waiting: 64 \n";
        assert_eq!(parse(text), Some(Counts { open: 65, accepted: 70, requests: 9001 }));
        assert_eq!(parse("HTTP/1.1 404 Not Found\r\n\r\n"), None);
    }
}
