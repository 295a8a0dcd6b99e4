//! The server of the measurements: nginx, in a process and on a core of its own.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where it listens.
pub const ADDRESS: &str = "127.0.0.1:18999";

const BODY: &str =
    r#"{"id":1,"name":"a product with a name","price":12.5,"tags":["a","b","c"],"stock":100,"category":"x"}"#;

/// An nginx of our own on the first core, ended when dropped. It answers every path with 100 bytes of JSON.
#[derive(Debug)]
pub struct Nginx {
    process: Child,
    folder: PathBuf,
}

impl Nginx {
    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    /// When Debian's `nginx` or `taskset` are missing, or the port is taken.
    pub fn start() -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("loadcore-nginx-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let path = folder.display();
        let config = format!(
            "worker_processes 1; daemon off; pid {path}/pid; error_log {path}/error.log;\n\
             events {{ worker_connections 18000; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; server {{ listen {ADDRESS} backlog=4096;\n\
             location / {{ default_type application/json; return 200 '{BODY}'; }} }} }}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config)?;
        let mut command = on_core(0, "nginx");
        command.arg("-c").arg(&file).stderr(Stdio::null());
        let process = command.spawn()?;
        for _ in 0..100 {
            if std::net::TcpStream::connect(ADDRESS).is_ok() {
                return Ok(Self { process, folder });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(io::Error::other(format!("nginx does not answer at {ADDRESS}; see {path}/error.log")))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its worker on SIGTERM; SIGKILL would leave it behind.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A command that runs a program on one core, by `taskset`.
pub fn on_core(core: usize, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}
