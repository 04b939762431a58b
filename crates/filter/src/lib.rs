//! Filters: expressions over the attributes of flow records, true or false of each record.
//!
//! ```
//! let filter = flowtrace_filter::Filter::parse("source.port in [80, 443] and not destination.address in 10.0.0.0/8");
//! assert!(filter.is_ok());
//! ```
//!
//! `docs/reference/filters.md` has the language. A text is cut into tokens (`token`), read into terms (`parse`), each of
//! which is checked against the registry's type of its attribute (`check`), and kept as a tree whose leaves know their
//! attribute and the values that make them true ([`Expression`]). Texts may be anybody's: their length, their nesting
//! and what their patterns may grow to are bounded ([`limits`]).

mod check;
mod error;
mod expression;
pub mod limits;
mod literal;
mod nearest;
mod parse;
mod ranges;
mod subject;
mod text_test;
mod token;
mod vocabulary;

use std::fmt;
use std::str::FromStr;

use flowtrace_flow::Record;
use flowtrace_span::{Attribute, Options};

pub use error::ParseError;
pub use expression::Expression;
pub use nearest::nearest;
pub use ranges::Ranges;
pub use text_test::{Glob, TextTest};

/// An expression that was read and checked.
#[derive(Clone, Debug)]
pub struct Filter {
    text: Box<str>,
    expression: Expression,
}

impl Filter {
    /// Reads and checks an expression.
    ///
    /// # Errors
    /// The first mistake in the text, with its place.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match parse::expression(text) {
            Ok(expression) => Ok(Self { text: text.into(), expression }),
            Err(mistake) => Err(ParseError::new(text, mistake)),
        }
    }

    /// Whether the expression is true of the record. Attributes count whether they are selected or not; of the options,
    /// what values depend on matters: the profile, the seed of the Community ID.
    pub fn accepts(&self, record: &Record, options: &Options) -> bool {
        self.expression.holds(record, options)
    }

    /// The tree, for whoever wants to decide some of it elsewhere.
    pub const fn expression(&self) -> &Expression {
        &self.expression
    }

    /// The attributes that it asks for, each once, in the order of [`Attribute::ALL`].
    pub fn attributes(&self) -> Vec<Attribute> {
        let mut found = Vec::new();
        self.expression.visit(&mut |leaf| found.extend(leaf.attribute()));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The keys that it asks for, each with the map whose key it is, each once, in order.
    pub fn keys(&self) -> Vec<(Attribute, &str)> {
        let mut found = Vec::new();
        self.expression.visit(&mut |leaf| found.extend(leaf.attribute().zip(leaf.key())));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The text that was read.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Filters of the same text are equal.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Filter {}

/// The text that was read.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Filter {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}
