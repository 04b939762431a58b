//! Environment variables in values.

/// A value with `${NAME}` and `${NAME:-what if it is not set or empty}` replaced; `$${` is a plain `${`.
///
/// Only the values that YAML has made of the text are looked at: what a variable holds can be no key and no list.
pub fn expand(text: &str, get: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = &from[2..];
            continue;
        }
        expanded.push_str(before);
        let end = from.find('}').ok_or("`${` has no `}`; write `$${` where no variable is meant")?;
        let (name, otherwise) = match from[2..end].split_once(":-") {
            Some((name, otherwise)) => (name, Some(otherwise)),
            None => (&from[2..end], None),
        };
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err("what stands in `${...}` is no name of a variable; write `$${` where none is meant".to_owned());
        }
        let value = get(name).filter(|value| !value.is_empty() || otherwise.is_none());
        let value = value.or_else(|| otherwise.map(str::to_owned));
        expanded.push_str(&value.ok_or_else(|| {
            format!("the environment variable {name} is not set; `${{{name}:-...}}` says what is taken then")
        })?);
        rest = &from[end + 1..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced() {
        let get = |name: &str| match name {
            "HOST" => Some("a.example".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOST}".to_owned()),
            _ => None,
        };
        for (text, expanded) in [
            ("http://${HOST}:4317", Ok("http://a.example:4317")),
            ("${HOST}${HOST}", Ok("a.examplea.example")),
            ("${EMPTY}", Ok("")),
            ("${EMPTY:-b}${UNSET:-c}${UNSET:-}", Ok("bc")),
            ("${NESTED}", Ok("${HOST}")),
            ("$${HOST} $ $x /^en$/ {}", Ok("${HOST} $ $x /^en$/ {}")),
            ("${UNSET}", Err("UNSET is not set")),
            ("${HOST", Err("no `}`")),
            ("${}", Err("no name")),
            ("${a b}", Err("no name")),
        ] {
            match (expand(text, &get), expanded) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
