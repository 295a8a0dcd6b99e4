//! Debian's proxies: tinyproxy for HTTP, microsocks for SOCKS5.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::nginx::{Port, UNTIL_STDIN_CLOSES};
use crate::real;

/// A running proxy on loopback; it ends when this is dropped, and when the test is killed.
#[derive(Debug)]
pub struct Proxy {
    process: Child,
    log: PathBuf,
    _folder: TempDir,
    port: Port,
}

/// Who may use a proxy: a user and a password.
pub type Credentials = (&'static str, &'static str);

impl Proxy {
    /// Starts tinyproxy, which serves plain requests and tunnels (`CONNECT`). It adds a `via` header with `tinyproxy` to the
    /// former. `None`, said loudly, on a machine without it.
    ///
    /// # Panics
    /// When it does not start, with what it says; and as [`real`](real()).
    pub fn http(credentials: Option<Credentials>) -> Option<Proxy> {
        let program = real("tinyproxy")?;
        let (folder, port) = (TempDir::new().expect("a temporary folder"), Port::new("proxy"));
        let auth =
            credentials.map_or_else(String::new, |(user, password)| format!("BasicAuth {user} {password}\n"));
        let config =
            format!("Port {}\nListen {}\nLogLevel Connect\n{auth}", port.addr.port(), port.addr.ip());
        std::fs::write(folder.path().join("proxy.conf"), config).expect("a file in a temporary folder");
        let arguments = ["-d", "-c", "proxy.conf"].map(str::to_owned);
        Some(Proxy::start(&program, &arguments, folder, port))
    }

    /// Starts microsocks, which speaks SOCKS5. `None`, said loudly, on a machine without it.
    ///
    /// # Panics
    /// As [`Proxy::http`].
    pub fn socks(credentials: Option<Credentials>) -> Option<Proxy> {
        let program = real("microsocks")?;
        let (folder, port) = (TempDir::new().expect("a temporary folder"), Port::new("proxy"));
        let (ip, number) = (port.addr.ip().to_string(), port.addr.port().to_string());
        let mut arguments = vec!["-i".to_owned(), ip, "-p".to_owned(), number];
        if let Some((user, password)) = credentials {
            arguments.extend(["-u", user, "-P", password].map(str::to_owned));
        }
        Some(Proxy::start(&program, &arguments, folder, port))
    }

    fn start(program: &PathBuf, arguments: &[String], folder: TempDir, port: Port) -> Proxy {
        let log = folder.path().join("log");
        let output = || Stdio::from(File::options().create(true).append(true).open(&log).expect("a log"));
        let mut command = Command::new("sh");
        command.args(["-c", UNTIL_STDIN_CLOSES]).arg(program).args(arguments).current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(output()).stderr(output());
        let process = command.spawn().expect("a shell");
        let proxy = Proxy { process, log, _folder: folder, port };
        let began = Instant::now();
        while TcpStream::connect(proxy.addr()).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "{} does not start: {}",
                program.display(),
                proxy.log()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        proxy
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.port.addr
    }

    /// What it has said so far: its log has a line for each connection to a target.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the proxy's log")
    }

    /// How often its log mentions this.
    ///
    /// # Panics
    /// As [`Proxy::log`].
    pub fn mentions(&self, what: &str) -> usize {
        self.log().matches(what).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It ends when its standard input closes.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
