//! The chart in `deploy/helm`, as real helm renders it, and the plain manifests beside it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use flowtrace_tests::deploy::{self, Programs, differences, objects, only, parse, said, template};
use flowtrace_tests::files::program;
use serde_json::Value;

/// Values that are not the defaults; what differs then is in the snapshot.
const VARIANTS: &[&[&str]] = &[
    &["config.processes=\"off\""],
    &["config.processes=false"],
    &["config.namespaces=\"own\""],
    &["config.namespaces=\"own\"", "config.processes=\"off\""],
    &["config.container_runtimes=\"on\""],
    &["config.container_runtimes=\"on\"", "config.processes=\"off\""],
    &["config.kubernetes.scope=\"node\""],
    &["config.kubernetes.network_policies=\"allowing\""],
    &["config.attributes=[\"k8s.labels\"]"],
    &["config.attributes=[\"k8s.labels\"]", "config.kubernetes.labels=[]"],
    &["config.attributes=[\"k8s.uid\",\"network.policy\"]"],
    &["config.otlp=[{\"endpoint\":\"http://collector:4317\",\"attributes\":[\"all\"]}]"],
    &["config.http=\"off\""],
    &["config.http=\"127.0.0.1:9000\""],
    &["config.http=\"[::]:9465\""],
    &["rbac.create=false", "serviceAccount.create=false", "serviceAccount.name=\"other\""],
    &["fullnameOverride=\"agent\"", "serviceAccount.annotations={\"a\":\"b\"}"],
    &["image.repository=\"mirror.example/flowtrace\"", "image.tag=\"1.2\"", "imagePullSecrets=[{\"name\":\"pull\"}]"],
    &["image.digest=\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""],
    &["spool.hostPath=\"/var/spool/flowtrace\"", "hostIdentity.enabled=true"],
    &[
        "extraEnv=[{\"name\":\"TOKEN\",\"value\":\"x\"}]",
        "extraArgs=[\"-v\"]",
        "extraEnvFrom=[{\"secretRef\":{\"name\":\"s\"}}]",
    ],
    &[
        "extraVolumes=[{\"name\":\"tls\",\"secret\":{\"secretName\":\"tls\"}}]",
        "extraVolumeMounts=[{\"name\":\"tls\",\"mountPath\":\"/tls\"}]",
    ],
    &["podMonitor.enabled=true", "podMonitor.labels={\"release\":\"prometheus\"}"],
    &["serviceMonitor.enabled=true"],
    &["networkPolicy.enabled=true", "networkPolicy.from=[{\"namespaceSelector\":{}}]"],
    &[
        "security={\"extraCapabilities\":[\"SYSLOG\"],\"seLinuxOptions\":{\"type\":\"spc_t\"},\"appArmorProfile\":{\"type\":\"Localhost\",\"localhostProfile\":\"flowtrace\"}}",
    ],
    &[
        "tolerations=[]",
        "nodeSelector={\"pool\":\"a\"}",
        "priorityClassName=\"\"",
        "updateStrategy={\"type\":\"OnDelete\",\"rollingUpdate\":null}",
    ],
    &[
        "runtimeClassName=\"runc\"",
        "podLabels={\"team\":\"net\"}",
        "podAnnotations={\"a\":\"b\"}",
        "annotations={\"c\":\"d\"}",
    ],
];
/// Values that must be refused, and what is said.
const REFUSED: &[(&str, &str)] = &[
    ("proceses=\"off\"", "additional properties 'proceses' not allowed"),
    ("image.tags=\"1\"", "additional properties 'tags' not allowed"),
    ("image.digest=\"sha256:12\"", "does not match pattern"),
    ("security.capabilities=[]", "additional properties 'capabilities' not allowed"),
    ("probes.live={}", "additional properties 'live' not allowed"),
    ("probes.liveness.failures=1", "additional properties 'failures' not allowed"),
    ("podMonitor.interval=30", "got number, want string"),
    ("tolerations=[{\"efect\":\"NoExecute\"}]", "additional properties 'efect' not allowed"),
    ("config=[]", "want object"),
    ("config.processes=\"no\"", "/config/processes"),
    ("config.namespaces=\"host\"", "/config/namespaces"),
    ("config.kubernetes.scope=\"pod\"", "/config/kubernetes/scope"),
    ("config.http=9464", "/config/http"),
    ("config.attributes=\"k8s.uid\"", "/config/attributes"),
    ("config.otlp=[{\"url\":\"http://a\"}]", "missing property 'endpoint'"),
    ("terminationGracePeriodSeconds=0", "minimum"),
    ("runtimeDirectories=[\"run\"]", "does not match pattern"),
];
/// Versions of Kubernetes: the oldest that the chart takes, and the newest that is known.
const VERSIONS: [&str; 2] = ["1.30.0", "1.37.0"];

fn render(programs: &Programs, values: &[&str]) -> Vec<Value> {
    objects(programs, values).unwrap_or_else(|why| panic!("{values:?}: {why}"))
}

/// The configuration file in the ConfigMap, and its hash on the pods.
fn configuration(objects: &[Value]) -> (&str, &str) {
    let text = &only(objects, "ConfigMap")["data"]["flowtrace.yaml"];
    let annotations = &only(objects, "DaemonSet")["spec"]["template"]["metadata"]["annotations"];
    let texts = text.as_str().zip(annotations["flowtrace.io/configuration"].as_str());
    texts.expect("a file and its hash")
}

#[test]
fn helm_finds_nothing_wrong() {
    let Some(programs) = Programs::get() else { return };
    said(Command::new(&programs.helm).args(["lint", "--strict"]).arg(deploy::chart())).expect("a chart without faults");
}

#[test]
fn values_change_what_they_say_and_nothing_else() {
    let Some(programs) = Programs::get() else { return };
    let defaults = render(programs, &[]);
    let mut text = String::new();
    for values in VARIANTS {
        let changed = render(programs, values);
        let differences = differences::between(&defaults, &changed);
        let (file, hash) = configuration(&changed);
        let is_same = configuration(&defaults).0 == file;
        assert_eq!(is_same, configuration(&defaults).1 == hash, "{values:?}: the hash is that of the file");
        let shown = differences.iter().filter(|line| !line.contains("flowtrace.io/configuration = "));
        let shown: Vec<_> = shown.filter(|line| !line.contains("ConfigMap.data.")).map(String::as_str).collect();
        text.push_str(&format!("# {}\n{}\n\n", values.join(" "), shown.join("\n")));
    }
    insta::assert_snapshot!(text.trim_end());
}

#[test]
fn the_configuration_is_what_was_given() {
    let Some(programs) = Programs::get() else { return };
    let given = "config.filter=\"source.port == 80 and not has(error.type)\"";
    let rendered = render(programs, &[given, "config.processes=true", "config.odd={\"key\":[1,null]}"]);
    let file = parse(configuration(&rendered).0).remove(0);
    assert_eq!(file["filter"], "source.port == 80 and not has(error.type)");
    assert_eq!(file["processes"], true);
    assert_eq!(file["odd"].to_string(), "{\"key\":[1,null]}");
    let defaults = render(programs, &[]);
    let values = parse(&fs::read_to_string(deploy::chart().join("values.yaml")).expect("values")).remove(0);
    assert_eq!(parse(configuration(&defaults).0).remove(0), values["config"]);
}

/// Keys and values of the configuration are those of the program.
#[test]
fn the_program_takes_the_configuration() {
    let Some(programs) = Programs::get() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flowtrace.yaml");
    let check = |values: &[&str]| {
        let rendered = render(programs, values);
        fs::write(&path, configuration(&rendered).0).expect("a file");
        said(Command::new(program::flowtrace()).args(["config", "check"]).arg(&path))
    };
    check(&[]).expect("the defaults");
    for values in VARIANTS {
        check(values).unwrap_or_else(|why| panic!("{values:?}: {why}"));
    }
    assert!(check(&["config.odd=1"]).is_err(), "a wrong key is found");
}

#[test]
fn typing_errors_are_refused() {
    let Some(programs) = Programs::get() else { return };
    for (value, expected) in REFUSED {
        let why = objects(programs, &[value]).expect_err(value);
        assert!(why.contains(expected), "{value}: {why}");
    }
    for monitor in ["podMonitor", "serviceMonitor"] {
        let value = format!("{monitor}.enabled=true");
        let why = objects(programs, &[&value, "config.http=\"off\""]).expect_err("there is nothing to ask");
        assert!(why.contains("config.http"), "{why}");
    }
}

/// What the API server would say of the objects' fields. The operator's own kinds are not Kubernetes'.
fn validate(programs: &Programs, objects: &[Value]) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let known = objects.iter().filter(|object| object["apiVersion"] != "monitoring.coreos.com/v1");
    let files: Vec<_> = known
        .enumerate()
        .map(|(number, object)| {
            let path = folder.path().join(format!("{number}-{}.json", object["kind"].as_str().unwrap_or("none")));
            fs::write(&path, object.to_string()).map(|()| path)
        })
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    assert!(!files.is_empty(), "there is nothing to check");
    for version in VERSIONS {
        said(Command::new(&programs.validate).args(["--strict", "-k", version]).args(&files))?;
    }
    Ok(())
}

#[test]
fn kubernetes_takes_what_is_rendered() {
    let Some(programs) = Programs::get() else { return };
    let mut seen = BTreeSet::new();
    let mut all: Vec<&[&str]> = vec![&[]];
    all.extend(VARIANTS);
    let rendered = all.into_iter().flat_map(|values| render(programs, values));
    let each_once: Vec<_> = rendered.filter(|object| seen.insert(object.to_string())).collect();
    assert!(each_once.len() > VARIANTS.len(), "only {} objects", each_once.len());
    validate(programs, &each_once).unwrap_or_else(|why| panic!("{why}"));

    let mut wrong = render(programs, &[]);
    let daemons = wrong.iter_mut().find(|object| object["kind"] == "DaemonSet").expect("a DaemonSet");
    daemons["spec"]["template"]["spec"]["hostPid"] = true.into();
    assert!(validate(programs, &wrong).is_err(), "a wrong field is found");
}

/// The plain manifests are what the chart makes of its defaults; this writes them anew, then fails.
#[test]
fn plain_manifests_are_the_charts() {
    let Some(programs) = Programs::get() else { return };
    let rendered = template(programs, &[], &["--skip-tests"]).expect("the chart's defaults");
    let head = "# What `helm template flowtrace deploy/helm/flowtrace --namespace flowtrace --skip-tests` makes of the chart's\n\
                # defaults. Do not edit: a test in tests/tests/deploy.rs writes it.\n";
    let expected = format!("{head}{rendered}");
    let path = deploy::root().join("deploy/kubernetes/flowtrace.yaml");
    if fs::read_to_string(&path).ok().as_ref() != Some(&expected) {
        fs::write(&path, expected).expect("the repository can be written to");
        panic!("{} was not what the chart makes; it is now", path.display());
    }
}

#[test]
fn kubectl_puts_the_plain_manifests_together() {
    let Some(programs) = Programs::get() else { return };
    let folder = deploy::root().join("deploy/kubernetes");
    let built = said(Command::new(&programs.kubectl).arg("kustomize").arg(folder)).expect("manifests");
    let built = parse(&built);
    let space = only(&built, "Namespace");
    assert_eq!(space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "privileged");
    let mut known = render(programs, &[]);
    known.retain(|object| object["metadata"]["name"] != "flowtrace-test");
    known.push(space.clone());
    assert_eq!(differences::between(&known, &built), [""; 0]);
    validate(programs, &built).expect("Kubernetes takes them");
}

/// The places of the values that are no maps, as `image.tag`; `config` is the program's.
fn leaves(place: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !["resources", "nodeSelector"].contains(&place) => {
            for (key, value) in fields {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                leaves(&place, value, found);
            }
        }
        _ => {
            found.insert(place.to_owned());
        }
    }
}

#[test]
fn the_readme_has_all_values() {
    let values = parse(&fs::read_to_string(deploy::chart().join("values.yaml")).expect("values")).remove(0);
    let mut known = BTreeSet::new();
    leaves("", &values, &mut known);
    let page = fs::read_to_string(deploy::chart().join("README.md")).expect("a document");
    let (_, table) = page.split_once("\n| Value | Default | |\n").expect("the table of values");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let named = rows.filter_map(|row| row.split_once('`')).map(|(name, _)| name.to_owned());
    assert_eq!(named.collect::<BTreeSet<_>>(), known);
}

/// What an image is made of: no fault that hadolint knows.
#[test]
fn the_image_is_described_well() {
    let Some(programs) = Programs::get() else { return };
    let text = fs::read_to_string(deploy::root().join("Containerfile")).expect("a Containerfile");
    let check = |text: &str| -> Result<String, String> {
        let mut command = Command::new(&programs.hadolint);
        command.args(["--no-color", "--failure-threshold", "style", "-"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        child.stdin.take().expect("piped").write_all(text.as_bytes()).map_err(|error| error.to_string())?;
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(said) } else { Err(said) }
    };
    check(&text).unwrap_or_else(|why| panic!("{why}"));
    assert!(check(&format!("{text}COPPY a b\n")).is_err(), "a fault is found");
}
