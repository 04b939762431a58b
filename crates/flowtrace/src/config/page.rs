//! The reference page of the file.

use super::defaults::{EXAMPLE, Keys};
use super::keys::{ENDPOINT, KEYS, Key, Shape};

const HEAD: &str = "<!-- Written by `flowtrace config reference`; a test keeps it so. Do not edit. -->
# Configuration

Every option in three forms: key of the file (`--config FILE`, or `FLOWTRACE_CONFIG`), environment variable, option of the
command line. The command line goes above the environment, that above the file. A list of a higher layer replaces that of a
lower one; of names with values (`timeouts`, `udp_ports`, headers) only the same names are replaced. How to write a file:
[how-to](../how-to/configuration.md). As JSON Schema: [configuration.schema.json](configuration.schema.json). With all
defaults: [flowtrace.yaml](flowtrace.yaml).

In variables, several values of a list stand with spaces between them: `FLOWTRACE_INTERFACE='eth* !eth1'`; of `names` and
`flow.key` with commas. Variables that are empty count as not set.
";

const RECEIVERS: &str = "
## A receiver

`otlp` is a list of receivers. Each has these keys, and `attributes`, `semconv`, `include`, `exclude` and `filter` of its own,
which go above those of the file's root.
";

/// The page.
pub fn page() -> String {
    let keys = Keys::new();
    let mut page = HEAD.to_owned();
    page.push_str("\n## The file\n");
    table(&keys, false, &mut page);
    page.push_str(RECEIVERS);
    table(&keys, true, &mut page);
    page
}

fn table(keys: &Keys, receiver: bool, page: &mut String) {
    page.push_str("\n| Key | Default | Variable, option | |\n|---|---|---|---|\n");
    for key in KEYS.iter().filter(|key| (key.place == super::keys::Place::Receiver) == receiver) {
        let takes = match (keys.possible(key), key.shape) {
            (possible, _) if !possible.is_empty() => format!(" Of `{}`.", possible.join("`, `")),
            (_, Shape::Named(known) | Shape::Lists(known)) => {
                let names: Vec<_> =
                    known().into_iter().map(|known| format!("{} {}", known.name, known.default.join(" "))).collect();
                format!(" Names and defaults: `{}`.", names.join("`, `"))
            }
            _ => String::new(),
        };
        let default = match key.path {
            ENDPOINT => format!("none; as `{EXAMPLE}`"),
            _ => format!("`{}`", default(keys, key)),
        };
        let help = format!("{}{takes}", keys.help(key)).replace('|', "\\|");
        let Key { path, option, .. } = *key;
        page.push_str(&format!("| `{path}` | {default} | `{}`, `--{option}` | {help} |\n", key.variable()));
    }
}

fn default(keys: &Keys, key: &Key) -> String {
    match key.shape {
        Shape::Named(_) | Shape::Lists(_) => "see there".to_owned(),
        _ => keys.shown_default(key),
    }
}
