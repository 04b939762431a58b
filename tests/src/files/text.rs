//! Output made fit for snapshots: what depends on the host and the version is masked, long lines are broken.

use std::fmt::Write;

/// Resource attributes that say what host and what run it was.
const MASKED: [&str; 8] =
    ["service.instance.id", "host.name", "host.id", "host.arch", "os.type", "os.name", "os.version", "os.description"];

/// Masks resource attributes, in the text of JSON and of OTLP/JSON, and leaves out those that are not on every host.
pub fn mask(text: &str) -> String {
    let mut text = text.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"[version]\"");
    text = text.replace(&format!("/schemas/{}\"", env!("CARGO_PKG_VERSION")), "/schemas/[version]\"");
    for name in MASKED {
        text = without(&text, &format!("\"{name}\":\""), "\"");
        text = without(&text, &format!("{{\"key\":\"{name}\",\"value\":{{\"stringValue\":\""), "\"}}");
    }
    text
}

/// The text without all that begins and ends so, and without the comma behind it. Values have no escapes.
fn without(text: &str, begin: &str, end: &str) -> String {
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some(at) = rest.find(begin) {
        kept.push_str(&rest[..at]);
        let value = &rest[at + begin.len()..];
        let after = value.find(end).map_or("", |at| &value[at + end.len()..]);
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    kept + rest
}

/// Breaks lines of JSON behind every comma that is at most so deep, so that differences can be read.
pub fn broken(json: &str, depth: usize) -> String {
    let (mut level, mut in_string, mut escaped) = (0, false, false);
    let mut out = String::with_capacity(json.len() * 2);
    for character in json.chars() {
        out.push(character);
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            '{' | '[' => level += 1,
            '}' | ']' => level -= 1,
            ',' if level <= depth => {
                let _ = write!(out, "\n{:width$}", "", width = level);
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_depends_on_the_host_is_masked() {
        for (text, masked) in [
            (r#"{"service.name":"x","host.name":"h","os.type":"linux","a":1}"#, r#"{"service.name":"x","a":1}"#),
            (r#"[{"key":"host.id","value":{"stringValue":"7"}},{"key":"a"}]"#, r#"[{"key":"a"}]"#),
            (r#"{"source.address":"0.1.0.0"}"#, r#"{"source.address":"0.1.0.0"}"#),
        ] {
            assert_eq!(mask(text), masked);
        }
    }

    #[test]
    fn lines_are_broken_outside_of_strings() {
        assert_eq!(broken(r#"{"a":"x,\",","b":[1,2],"c":3}"#, 1), "{\"a\":\"x,\\\",\",\n \"b\":[1,2],\n \"c\":3}");
    }
}
