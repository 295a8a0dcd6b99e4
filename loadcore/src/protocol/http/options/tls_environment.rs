//! What a program's environment says about TLS.

use std::ffi::OsString;
use std::path::PathBuf;

/// Variables that programs which speak TLS have in common. A test that is embedded in another program has none of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsEnvironment {
    /// `SSLKEYLOGFILE`: where browsers and others leave the secrets of connections, too.
    pub(crate) key_log_file: Option<PathBuf>,
    /// `SSL_CERT_FILE`: the system's authorities.
    pub(crate) certificate_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: folders of such files.
    pub(crate) certificate_folders: Vec<PathBuf>,
}

impl TlsEnvironment {
    /// What is there. An empty variable is as good as none.
    pub(crate) fn read(variables: &[(String, OsString)]) -> Self {
        let said = |name: &str| {
            let is_it = |(known, value): &&(String, OsString)| known == name && !value.is_empty();
            variables.iter().find(is_it).map(|(_, value)| value)
        };
        let folders = said("SSL_CERT_DIR").map(std::env::split_paths).into_iter().flatten();
        Self {
            key_log_file: said("SSLKEYLOGFILE").map(PathBuf::from),
            certificate_file: said("SSL_CERT_FILE").map(PathBuf::from),
            certificate_folders: folders.filter(|folder| !folder.as_os_str().is_empty()).collect(),
        }
    }
}
