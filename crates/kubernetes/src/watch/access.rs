//! How the API server is reached, whom we trust to be it, and who we say we are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use http::Uri;

use super::kubeconfig;

/// Where Kubernetes puts a pod's service account:
/// <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What is wrong with the access.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Neither in a pod nor with a kubeconfig.
    #[error(
        "no way to the API server: KUBERNETES_SERVICE_HOST is not set (this is no pod), and there is no kubeconfig \
         (KUBECONFIG, or .kube/config in the home directory)"
    )]
    None,
    /// The service account's token.
    #[error("{}: {why}: the pod needs a service account whose token is mounted", path.display())]
    Account {
        /// The missing file.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// The address.
    #[error("`{0}` is no address of an API server: it has the form https://HOST:PORT")]
    Server(String),
    /// A file.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// TLS does not like what was configured.
    #[error("the TLS library refuses: {0}")]
    Tls(#[from] rustls::Error),
}

/// Text that is in a file, which may change, or was given.
#[derive(Clone, PartialEq, Eq)]
pub enum Text {
    /// Read anew when it may have changed.
    File(PathBuf),
    /// As it is.
    Given(Vec<u8>),
}

/// Shows the file's name, never what was given: it may be a secret.
impl std::fmt::Debug for Text {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Given(_) => formatter.write_str("(given)"),
        }
    }
}

impl Text {
    /// What it is now.
    pub(super) fn read(&self) -> Result<Vec<u8>, AccessError> {
        match self {
            Self::File(path) => fs::read(path).map_err(|error| wrong(path, &error.to_string())),
            Self::Given(bytes) => Ok(bytes.clone()),
        }
    }
}

/// How the API server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// `https://HOST:PORT`, with a path where the server has one.
    pub server: Uri,
    /// Certificates of authorities, PEM. Without them the system's are trusted.
    pub authorities: Option<Text>,
    /// The name that the server's certificate must have; that of the address otherwise.
    pub server_name: Option<String>,
    /// Trust whatever answers.
    pub skip_verify: bool,
    /// The bearer token.
    pub token: Option<Text>,
    /// A client certificate and its key, PEM.
    pub certificate: Option<(Text, Text)>,
}

impl Access {
    /// Of a server, and nothing else.
    ///
    /// # Errors
    /// When it has another form than `https://HOST:PORT` or `http://HOST:PORT`.
    pub fn of(server: &str) -> Result<Self, AccessError> {
        let invalid = || AccessError::Server(server.to_owned());
        let uri: Uri = server.trim_end_matches('/').parse().map_err(|_error| invalid())?;
        let is_http = matches!(uri.scheme_str(), Some("https" | "http"));
        if !is_http || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
            return Err(invalid());
        }
        Ok(Self {
            server: uri,
            authorities: None,
            server_name: None,
            skip_verify: false,
            token: None,
            certificate: None,
        })
    }

    /// As configured: the kubeconfig that is named; else the pod's service account; else the kubeconfig of the
    /// environment or of the home directory.
    ///
    /// # Errors
    /// When there is none of these, or what is there is wrong.
    pub fn find(kubeconfig: Option<&Path>) -> Result<Self, AccessError> {
        if let Some(path) = kubeconfig {
            return kubeconfig::read(path, None);
        }
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(host) = variable("KUBERNETES_SERVICE_HOST") {
            let port = variable("KUBERNETES_SERVICE_PORT").unwrap_or_else(|| "443".to_owned());
            return Self::in_pod(&host, &port, Path::new(ACCOUNT));
        }
        if let Some(path) = variable("KUBECONFIG") {
            return kubeconfig::read(Path::new(&path), None);
        }
        let path = variable("HOME").map(|home| Path::new(&home).join(".kube/config"));
        match path.filter(|path| path.exists()) {
            Some(path) => kubeconfig::read(&path, None),
            None => Err(AccessError::None),
        }
    }

    /// With a service account: `token` and `ca.crt` in a folder. Both are read again while the program runs.
    ///
    /// # Errors
    /// When the token is not there, or the address is none.
    pub fn in_pod(host: &str, port: &str, account: &Path) -> Result<Self, AccessError> {
        let is_bare_ipv6 = host.contains(':') && !host.starts_with('[');
        let host = if is_bare_ipv6 { format!("[{host}]") } else { host.to_owned() };
        let (token, authorities) = (account.join("token"), account.join("ca.crt"));
        for path in [&token, &authorities] {
            fs::metadata(path).map_err(|why| AccessError::Account { path: path.clone(), why })?;
        }
        Ok(Self {
            authorities: Some(Text::File(authorities)),
            token: Some(Text::File(token)),
            ..Self::of(&format!("https://{host}:{port}"))?
        })
    }
}

/// Something is wrong with a file.
pub(super) fn wrong(path: &Path, why: &str) -> AccessError {
    AccessError::File { path: path.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_pod() {
        let folder = tempfile::tempdir().unwrap();
        let text = Access::in_pod("10.96.0.1", "443", folder.path()).unwrap_err().to_string();
        assert!(text.contains("token: ") && text.contains("service account"), "{text}");
        fs::write(folder.path().join("token"), "secret").unwrap();
        fs::write(folder.path().join("ca.crt"), "").unwrap();
        for (host, expected) in [
            ("10.96.0.1", "https://10.96.0.1:443/"),
            ("fd96::1", "https://[fd96::1]:443/"),
            ("[fd96::1]", "https://[fd96::1]:443/"),
            ("api.example", "https://api.example:443/"),
        ] {
            let access = Access::in_pod(host, "443", folder.path()).unwrap();
            assert_eq!(access.server.to_string(), expected);
            assert_eq!(access.token.unwrap().read().unwrap(), b"secret");
        }
    }

    #[test]
    fn servers() {
        for server in ["https://a", "http://127.0.0.1:8080", "https://a:6443/clusters/b", "https://a/"] {
            assert!(Access::of(server).is_ok(), "{server}");
        }
        for server in ["", "a", "a:6443", "unix:///run/a", "https://", "https://a?b=c", "ftp://a"] {
            assert!(Access::of(server).is_err(), "{server}");
        }
    }

    #[test]
    fn what_was_given_is_not_shown() {
        let shown = format!("{:?}", Text::Given(b"secret".to_vec()));
        assert_eq!(shown, "(given)");
    }
}
