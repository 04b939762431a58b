//! What can be asked of text.

use regex::{Regex, RegexBuilder};

use crate::limits;

/// What can be asked of text. Upper and lower case differ.
#[derive(Clone, Debug)]
pub enum TextTest {
    /// It is one of these, which are in order.
    OneOf(Box<[Box<str>]>),
    /// All of it is as the pattern says.
    Glob(Glob),
    /// The regular expression is found somewhere in it.
    Regex(Regex),
}

/// A pattern of whole texts: `*` is any characters, none included, `?` is one, all others are themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Box<str>);

impl TextTest {
    pub(crate) fn one_of(texts: impl IntoIterator<Item = String>) -> Self {
        let mut texts: Vec<Box<str>> = texts.into_iter().map(Into::into).collect();
        texts.sort_unstable();
        texts.dedup();
        Self::OneOf(texts.into())
    }

    /// Of a pattern in the syntax of the crate `regex`.
    ///
    /// # Errors
    /// What is wrong with the pattern, in one line.
    pub(crate) fn regex(pattern: &str) -> Result<Self, String> {
        let mut builder = RegexBuilder::new(pattern);
        builder.size_limit(limits::PATTERN_SIZE).dfa_size_limit(limits::PATTERN_SIZE);
        builder.nest_limit(limits::PATTERN_DEPTH).build().map(Self::Regex).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the regular expression is too large".into(),
            // Several lines with the pattern, of which the last says what is wrong.
            error => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                format!("the regular expression is wrong: {}", last.strip_prefix("error: ").unwrap_or(last))
            }
        })
    }

    /// Whether it is so of this text.
    pub fn accepts(&self, text: &str) -> bool {
        match self {
            Self::OneOf(texts) => texts.binary_search_by(|known| (**known).cmp(text)).is_ok(),
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Glob {
    /// Of its pattern.
    pub fn new(pattern: &str) -> Self {
        Self(pattern.into())
    }

    /// The pattern.
    pub fn pattern(&self) -> &str {
        &self.0
    }

    /// Whether all of the text is as the pattern says. Takes at most as many steps as the text has characters times the
    /// pattern's: only the latest star ever gives way.
    pub fn matches(&self, text: &str) -> bool {
        let (mut pattern, mut text) = (self.0.chars(), text.chars());
        // What follows the latest star, and the text from where it is being tried.
        let mut retry = None;
        loop {
            let ahead = text.clone();
            match (pattern.next(), text.next()) {
                (None, None) => return true,
                (Some('*'), _) => {
                    text = ahead;
                    retry = Some((pattern.clone(), text.clone()));
                }
                (Some('?'), Some(_)) => {}
                (Some(wanted), Some(letter)) if wanted == letter => {}
                (_, None) => return false,
                (_, Some(_)) => {
                    let Some((after, from)) = &mut retry else { return false };
                    from.next();
                    pattern = after.clone();
                    text = from.clone();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn globs_match_all_of_a_text() {
        for (pattern, yes, no) in [
            ("", vec![""], vec!["a"]),
            ("web-*", vec!["web-", "web-1", "web-*"], vec!["web", "aweb-1"]),
            ("*", vec!["", "a"], vec![]),
            ("**a", vec!["a", "ba", "aa"], vec!["", "ab"]),
            ("?", vec!["a", "ä"], vec!["", "ab"]),
            ("*.example.*m", vec!["a.example.com", ".example.m"], vec!["example.com", "a.example.con"]),
            ("a*b*c", vec!["abc", "aXbXbXc"], vec!["acb", "ab"]),
            ("[a].b", vec!["[a].b"], vec!["a.b", "[a]xb"]),
        ] {
            let glob = Glob::new(pattern);
            assert!(yes.iter().all(|text| glob.matches(text)), "{pattern}");
            assert!(!no.iter().any(|text| glob.matches(text)), "{pattern}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A second opinion: the glob as a regular expression.
        #[test]
        fn globs_are_regular(pattern in "[ab*?]{0,8}", text in "[abä]{0,10}") {
            let regex = regex::escape(&pattern).replace(r"\*", ".*").replace(r"\?", ".");
            let regex = Regex::new(&format!("^(?s:{regex})$")).unwrap();
            prop_assert_eq!(Glob::new(&pattern).matches(&text), regex.is_match(&text));
        }
    }

    #[test]
    fn regular_expressions_have_limits() {
        for (pattern, expected) in [
            ("(", "the regular expression is wrong: unclosed group"),
            ("(?:a{1000}){1000}", "the regular expression is too large"),
            (&"(".repeat(100_000), "the regular expression is wrong"),
        ] {
            let error = TextTest::regex(pattern).unwrap_err();
            assert!(error.starts_with(expected) && !error.contains('\n'), "{error}");
        }
    }
}
