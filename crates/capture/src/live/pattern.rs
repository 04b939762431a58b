//! Which interfaces to watch.

use globset::{Glob, GlobMatcher};
use regex::Regex;

/// Patterns over interface names: globs (`eth*`), regular expressions between slashes (`/^veth[0-9a-f]+$/`), and `!`
/// before either to exclude.
#[derive(Clone, Debug, Default)]
pub struct InterfacePatterns {
    include: Vec<Matcher>,
    exclude: Vec<Matcher>,
}

#[derive(Clone, Debug)]
enum Matcher {
    Glob(GlobMatcher),
    Regex(Regex),
}

/// A pattern that is not one.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` is not an interface pattern: {why}")]
pub struct PatternError {
    pattern: String,
    why: String,
}

impl InterfacePatterns {
    /// Reads the patterns.
    ///
    /// # Errors
    /// The first one that is neither a glob nor a regular expression between slashes.
    pub fn parse<S: AsRef<str>>(patterns: &[S]) -> Result<Self, PatternError> {
        let mut parsed = Self::default();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let failed = |why: String| PatternError { pattern: pattern.to_owned(), why };
            match pattern.strip_prefix('!') {
                Some(rest) => parsed.exclude.push(Matcher::parse(rest).map_err(failed)?),
                None => parsed.include.push(Matcher::parse(pattern).map_err(failed)?),
            }
        }
        Ok(parsed)
    }

    /// Whether an interface is to be watched. Without a pattern that includes, all but loopback are.
    pub fn matches(&self, name: &str, is_loopback: bool) -> bool {
        let included = if self.include.is_empty() {
            !is_loopback
        } else {
            self.include.iter().any(|matcher| matcher.matches(name))
        };
        included && !self.exclude.iter().any(|matcher| matcher.matches(name))
    }
}

impl Matcher {
    fn parse(pattern: &str) -> Result<Self, String> {
        if pattern.is_empty() {
            return Err("it is empty".to_owned());
        }
        if let Some(rest) = pattern.strip_prefix('/') {
            let expression = rest
                .strip_suffix('/')
                .filter(|expression| !expression.is_empty())
                .ok_or("a regular expression stands between two slashes, as in `/^eth[0-9]+$/`")?;
            return Regex::new(expression).map(Self::Regex).map_err(|error| error.to_string());
        }
        Glob::new(pattern).map(|glob| Self::Glob(glob.compile_matcher())).map_err(|error| error.kind().to_string())
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.is_match(name),
            Self::Regex(regex) => regex.is_match(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_choose_interfaces() {
        let table: [(&[&str], &[&str], &[&str]); 7] = [
            (&[], &["eth0", "veth1"], &["lo"]),
            (&["eth*"], &["eth0", "eth12"], &["veth0", "lo"]),
            (&["lo"], &["lo"], &["eth0"]),
            (&["*"], &["lo", "eth0"], &[]),
            (&["!veth*"], &["eth0"], &["veth3", "lo"]),
            (&["/^(eth|en).*[0-9]$/", "!eth1"], &["eth0", "enp3s0"], &["eth1", "docker0"]),
            (&["eth[01]", "wlan?"], &["eth0", "wlan2"], &["eth2", "wlan"]),
        ];
        for (patterns, yes, no) in table {
            let parsed = InterfacePatterns::parse(patterns).expect("good patterns");
            for (names, expected) in [(yes, true), (no, false)] {
                for name in names {
                    assert_eq!(parsed.matches(name, *name == "lo"), expected, "{patterns:?} {name}");
                }
            }
        }
    }

    #[test]
    fn bad_patterns_are_named() {
        for bad in ["", "!", "/eth", "//", "/[/", "eth[0"] {
            let error = InterfacePatterns::parse(&[bad]).expect_err(bad).to_string();
            assert!(error.contains("is not an interface pattern"), "{error}");
        }
    }
}
