//! kubeconfig files, as far as they lead to a server without running anything:
//! <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::access::{Access, AccessError, Text, wrong};

/// More bytes are no kubeconfig.
const LIMIT: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    current_context: Option<String>,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    clusters: Vec<NamedCluster>,
    #[serde(default)]
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: Option<String>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    tls_server_name: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
    proxy_url: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<String>,
    exec: Option<serde::de::IgnoredAny>,
    auth_provider: Option<serde::de::IgnoredAny>,
}

/// The access that a context of a file describes; that of the current one unless one is named.
///
/// # Errors
/// When the file cannot be read, lacks something, or wants what is not supported: plug-ins, proxies.
pub(super) fn read(path: &Path, context: Option<&str>) -> Result<Access, AccessError> {
    let size = fs::metadata(path).map_err(|error| wrong(path, &error.to_string()))?.len();
    if size > LIMIT {
        return Err(wrong(path, "it is too large for a kubeconfig"));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(path, &error.to_string()))?;
    // The error quotes the lines around it, which may be secrets: only their place is said.
    let file: File = serde_saphyr::from_str(&text).map_err(|error| {
        let place = error.location().map(|place| format!(" (line {}, column {})", place.line(), place.column()));
        wrong(path, &format!("it is no kubeconfig{}", place.unwrap_or_default()))
    })?;
    access(path, file, context).map_err(|error| match error {
        Wrong::Text(why) => wrong(path, &why),
        Wrong::Access(error) => error,
    })
}

enum Wrong {
    Text(String),
    Access(AccessError),
}

impl From<String> for Wrong {
    fn from(why: String) -> Self {
        Self::Text(why)
    }
}

fn access(path: &Path, file: File, context: Option<&str>) -> Result<Access, Wrong> {
    let name = context.or(file.current_context.as_deref()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| "it has no current-context".to_owned())?;
    let missing = |what: &str, name: &str| format!("it has no {what} `{name}`");
    let context = file.contexts.iter().find(|entry| entry.name == name).ok_or_else(|| missing("context", name))?;
    let context = &context.context;
    let cluster = file.clusters.into_iter().find(|entry| entry.name == context.cluster);
    let cluster = cluster.ok_or_else(|| missing("cluster", &context.cluster))?.cluster;
    let user = match context.user.as_deref().filter(|user| !user.is_empty()) {
        None => User::default(),
        Some(name) => {
            file.users.into_iter().find(|entry| entry.name == name).ok_or_else(|| missing("user", name))?.user
        }
    };
    if user.exec.is_some() || user.auth_provider.is_some() {
        return Err("its user gets credentials from a program (exec, auth-provider): nothing is run for that; \
                    use a token, a certificate, or a service account"
            .to_owned()
            .into());
    }
    if cluster.proxy_url.is_some() {
        return Err("proxy-url is not supported".to_owned().into());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let text = |what: &str, file: Option<String>, data: Option<String>| text(folder, what, file, data);
    let certificate = text("client-certificate-data", user.client_certificate, user.client_certificate_data)?;
    let key = text("client-key-data", user.client_key, user.client_key_data)?;
    let certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err("a client certificate needs its key, and a key its certificate".to_owned().into()),
    };
    // As in client-go, a file that may change goes before a token that does not.
    let token = user.token_file.map(|file| Text::File(folder.join(file)));
    let token = token.or(user.token.map(|token| Text::Given(token.into_bytes())));
    Ok(Access {
        authorities: text(
            "certificate-authority-data",
            cluster.certificate_authority,
            cluster.certificate_authority_data,
        )?,
        server_name: cluster.tls_server_name,
        skip_verify: cluster.insecure_skip_tls_verify,
        token,
        certificate,
        ..Access::of(&cluster.server).map_err(Wrong::Access)?
    })
}

/// Data in the file goes before a file that it names.
fn text(folder: &Path, what: &str, file: Option<String>, data: Option<String>) -> Result<Option<Text>, Wrong> {
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    if let Some(data) = filled(data) {
        let bytes = BASE64_STANDARD.decode(data.trim()).map_err(|error| format!("{what} is no base64: {error}"))?;
        return Ok(Some(Text::Given(bytes)));
    }
    Ok(filled(file).map(|file| Text::File(folder.join(file))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
apiVersion: v1
kind: Config
current-context: here
contexts:
- name: there
  context: {cluster: missing, user: me}
- name: here
  context: {cluster: one, user: me, namespace: x}
clusters:
- name: one
  cluster:
    server: https://127.0.0.1:6443
    certificate-authority-data: Y2E=
    certificate-authority: unused.crt
    tls-server-name: kubernetes
users:
- name: me
  user:
    client-certificate: me.crt
    client-key: /keys/me.key
    tokenFile: token
preferences: {}
";

    fn of(text: &str, context: Option<&str>) -> Result<Access, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, text).unwrap();
        let name = format!("{}/", folder.path().display());
        let short = |error: AccessError| error.to_string().replace(&name, "");
        read(&path, context).map_err(short).map(|access| {
            let shown = |text: Text| match text {
                Text::File(path) => Text::File(path.strip_prefix(folder.path()).unwrap_or(&path).to_owned()),
                given => given,
            };
            Access {
                authorities: access.authorities.map(shown),
                token: access.token.map(shown),
                certificate: access.certificate.map(|(certificate, key)| (shown(certificate), shown(key))),
                ..access
            }
        })
    }

    #[test]
    fn a_whole_file() {
        let access = of(WHOLE, None).unwrap();
        let expected = Access {
            authorities: Some(Text::Given(b"ca".to_vec())),
            server_name: Some("kubernetes".into()),
            token: Some(Text::File("token".into())),
            certificate: Some((Text::File("me.crt".into()), Text::File("/keys/me.key".into()))),
            ..Access::of("https://127.0.0.1:6443").unwrap()
        };
        assert_eq!(access, expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (from, to, expected) in [
            ("current-context: here", "", "config: it has no current-context"),
            ("current-context: here", "current-context: nowhere", "config: it has no context `nowhere`"),
            ("current-context: here", "current-context: there", "config: it has no cluster `missing`"),
            ("name: me", "name: you", "config: it has no user `me`"),
            ("Y2E=", "Y2E!", "config: certificate-authority-data is no base64"),
            ("Y2E=", "%secret", "config: it is no kubeconfig (line 13, column "),
            ("    client-key: /keys/me.key\n", "", "config: a client certificate needs its key"),
            ("tokenFile: token", "exec: {command: aws}", "config: its user gets credentials from a program"),
            ("tls-server-name: kubernetes", "proxy-url: http://a", "config: proxy-url is not supported"),
            ("https://127.0.0.1:6443", "nothing", "`nothing` is no address of an API server"),
        ] {
            assert!(WHOLE.contains(from), "{from}");
            let text = of(&WHOLE.replace(from, to), None).unwrap_err();
            assert!(text.starts_with(expected) && !text.contains("secret"), "{text}");
        }
        assert!(of("- what", None).unwrap_err().starts_with("config: it is no kubeconfig"));
        assert!(of(WHOLE, Some("elsewhere")).unwrap_err().contains("`elsewhere`"));
    }
}
