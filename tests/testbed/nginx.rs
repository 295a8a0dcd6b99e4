//! Debian's nginx, with a site of the test's own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::real;

/// What nginx is to serve; [`start`](Site::start) starts it.
///
/// The text is what stands in nginx's `http { }`. `@name@` in it stands for an address of its own, and is one each time
/// it occurs; paths are those of the [`file`](Site::file)s given. TLS is 1.2 and 1.3 unless a server says otherwise.
///
/// ```
/// let site = "server { listen @plain@; location / { return 200 'hello'; } }";
/// let Some(nginx) = testbed::Nginx::site(site).start() else { return };
/// assert!(nginx.url("plain").starts_with("http://127.0.0.1:"));
/// ```
#[derive(Debug)]
#[must_use = "nothing is served before `.start()`"]
pub struct Site {
    text: String,
    files: Vec<(String, Vec<u8>)>,
}

/// A running nginx with a folder of its own; both end when this is dropped, and nginx also when the test is killed.
#[derive(Debug)]
pub struct Nginx {
    process: Child,
    folder: TempDir,
    ports: Vec<Port>,
}

/// An address that is named in a site.
#[derive(Debug)]
pub(crate) struct Port {
    name: String,
    pub(crate) addr: SocketAddr,
    /// Bound, but not listening: so the port is nobody else's, while nginx may still listen on it.
    _held: TcpSocket,
}

/// Runs a program until standard input closes.
pub(crate) const UNTIL_STDIN_CLOSES: &str = r#""$0" "$@" & read -r _; kill $!; wait $!"#;

/// One process, and no thread of a master's: it is this user's, whoever that is, and ends as a whole.
const AROUND: &str = "daemon off; master_process off; worker_processes 1; pid pid; error_log error.log warn;
events { worker_connections 4096; }
http {
client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
access_log off; default_type text/plain; ssl_protocols TLSv1.2 TLSv1.3;
";

impl Nginx {
    /// A site to serve: what stands in nginx's `http { }`.
    pub fn site(text: impl Into<String>) -> Site {
        Site { text: text.into(), files: Vec::new() }
    }

    /// Where nginx listens under this name.
    ///
    /// # Panics
    /// When the site does not mention it.
    pub fn addr(&self, name: &str) -> SocketAddr {
        let port = self.ports.iter().find(|port| port.name == name);
        port.unwrap_or_else(|| panic!("the site has no @{name}@")).addr
    }

    /// The URL of that address, without a trailing slash: `http://127.0.0.1:PORT`.
    ///
    /// # Panics
    /// As [`Nginx::addr`].
    pub fn url(&self, name: &str) -> String {
        format!("http://{}", self.addr(name))
    }

    /// The same for an address with TLS, under the name of the host that certificates are made for:
    /// `https://localhost:PORT`.
    ///
    /// # Panics
    /// As [`Nginx::addr`].
    pub fn tls_url(&self, name: &str) -> String {
        format!("https://localhost:{}", self.addr(name).port())
    }

    /// The folder that relative paths of the site mean.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The lines of a log that the site writes, such as `access_log requests.log;`; none if nothing was logged yet.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn log(&self, file: &str) -> Vec<String> {
        match std::fs::read_to_string(self.folder().join(file)) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => panic!("{file}: {error}"),
        }
    }
}

impl Site {
    /// Adds a file to nginx's folder, where `root .;` and relative paths of the site find it. Folders on the way are made.
    pub fn file(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.into(), content.into()));
        self
    }

    /// Starts nginx and waits until it listens. `None`, said loudly, on a machine without it.
    ///
    /// # Panics
    /// When nginx does not take the site, with what it says; and as [`real`](real()).
    pub fn start(self) -> Option<Nginx> {
        let nginx = real("nginx")?;
        let (config, ports) = self.config();
        let folder = TempDir::new().expect("a temporary folder");
        for (path, content) in self.files.iter().map(|(path, content)| (&**path, &**content)) {
            write(&folder.path().join(path), content);
        }
        write(&folder.path().join("nginx.conf"), config.as_bytes());
        let mut command = Command::new("sh");
        command.args(["-c", UNTIL_STDIN_CLOSES]).arg(nginx).arg("-p").arg(folder.path());
        command.args(["-c", "nginx.conf", "-e", "error.log"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("a shell");
        let nginx = Nginx { process, folder, ports };
        nginx.wait(&config);
        Some(nginx)
    }

    /// The whole configuration, with an address for each name.
    fn config(&self) -> (String, Vec<Port>) {
        let (mut config, mut ports) = (AROUND.to_owned(), Vec::<Port>::new());
        for (index, part) in self.text.split('@').enumerate() {
            if index % 2 == 0 {
                config.push_str(part);
                continue;
            }
            let known = ports.iter().position(|port| port.name == part);
            let port = known.unwrap_or_else(|| {
                ports.push(Port::new(part));
                ports.len() - 1
            });
            config.push_str(&ports[port].addr.to_string());
        }
        assert!(!ports.is_empty(), "the site listens nowhere: give it an address, such as `listen @plain@;`");
        config.push_str("\n}\n");
        (config, ports)
    }
}

impl Port {
    pub(crate) fn new(name: &str) -> Self {
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        assert!(is_name, "@{name}@ is no name of an address: an @ of the site has no partner");
        let held = TcpSocket::new_v4().expect("a socket");
        held.set_reuseaddr(true).expect("a socket whose port nginx may share");
        held.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let addr = held.local_addr().expect("a bound socket has an address");
        Self { name: name.to_owned(), addr, _held: held }
    }
}

impl Nginx {
    fn wait(&self, config: &str) {
        let began = Instant::now();
        while !self.ports.iter().all(|port| TcpStream::connect(port.addr).is_ok()) {
            let complaints = self.log("error.log").join("\n");
            let failed = complaints.contains("[emerg]") || began.elapsed() > Duration::from_secs(20);
            assert!(!failed, "nginx does not start: {complaints}\nwith\n{config}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It ends when its standard input closes.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn write(path: &Path, content: &[u8]) {
    let folder: PathBuf = path.parent().map(Path::to_owned).unwrap_or_default();
    std::fs::create_dir_all(folder).expect("a folder in a temporary one");
    std::fs::write(path, content).expect("a file in a temporary folder");
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn get(addr: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(addr).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_site_is_served_with_its_files_and_ends_with_its_handle() {
        let site = "log_format line '$request_method $uri';
            server { listen @one@; root www; access_log requests.log line; location /told { return 200 'at @two@'; } }
            server { listen @two@; return 204; }";
        let Some(nginx) = Nginx::site(site).file("www/deep/a.txt", "some text").start() else { return };
        let (one, two) = (nginx.addr("one"), nginx.addr("two"));
        assert!(get(one, "/deep/a.txt").ends_with("\r\n\r\nsome text"));
        assert!(get(one, "/told").ends_with(&format!("at {two}")));
        assert!(get(two, "/").starts_with("HTTP/1.1 204 "));
        assert_eq!(nginx.log("requests.log"), ["GET /deep/a.txt", "GET /told"]);
        let pid = std::fs::read_to_string(nginx.folder().join("pid")).unwrap();
        let process = PathBuf::from(format!("/proc/{}", pid.trim()));
        assert!(process.exists());
        let folder = nginx.folder().to_owned();
        drop(nginx);
        assert!(!process.exists() && !folder.exists());
        assert!(TcpStream::connect(one).is_err());
    }

    #[test]
    fn a_mistake_in_the_site_is_told_in_nginx_s_words() {
        if real("nginx").is_none() {
            return;
        }
        let start = || Nginx::site("server { listen @a@; retrun 200; }").start();
        let panic = std::panic::catch_unwind(start).unwrap_err();
        let told = panic.downcast::<String>().unwrap();
        assert!(told.contains("unknown directive \"retrun\""), "{told}");
    }
}
