//! YAML as a tree that knows where everything stands.
//!
//! What a configuration does not need is refused: anchors, aliases (which can make much of little), tags, several
//! documents, keys that are no text, keys that stand twice.

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::{Place, Problem, brief};

/// How deep collections are within one another, at most. The deepest that a configuration needs is 4.
const DEPTH: usize = 16;
/// How many scalars and collections there are, at most.
const NODES: usize = 20_000;

/// A value and where it stands.
#[derive(Debug)]
pub struct Node {
    /// Where it begins. Of a scalar also where it ends, if that is on the same line.
    pub at: Place,
    /// What it is.
    pub value: Value,
}

/// A value of YAML.
#[derive(Debug)]
pub enum Value {
    /// Text.
    Scalar {
        /// As it is meant: without quotes, escapes resolved.
        text: String,
        /// Without quotes, so that it may stand for a number, a truth value, or nothing.
        is_plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// Keys, each once, with their values, in their order.
    Map(Vec<(Name, Node)>),
}

/// A key of a map.
#[derive(Debug)]
pub struct Name {
    /// As it is meant.
    pub text: String,
    /// Where it stands.
    pub at: Place,
}

impl Node {
    /// Whether nothing stands there, or `null`.
    pub fn is_null(&self) -> bool {
        const NULLS: [&str; 5] = ["", "~", "null", "Null", "NULL"];
        matches!(&self.value, Value::Scalar { text, is_plain: true } if NULLS.contains(&text.as_str()))
    }

    /// What sort of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { .. } => "a value",
            Value::List(_) => "a list",
            Value::Map(_) => "keys",
        }
    }
}

/// Reads a text; of one without any content, nothing.
pub fn read(text: &str) -> Result<Option<Node>, Problem> {
    let mut options = granit_parser::options! {
        strict_indentation: true,
        disallow_directives: true,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    options.set_emit_comments(false);
    let mut reader = Reader { events: Parser::new_from_str_with_options(text, options), nodes: 0 };
    let mut root = None;
    while let Some((event, at)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd | Event::StreamEnd => {}
            _ if root.is_some() => {
                return Err(Problem::at(place(&at), "a second document begins here; there may be one"));
            }
            event => root = Some(reader.node(event, &at, 0)?),
        }
    }
    Ok(root)
}

struct Reader<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Problem> {
        self.events.next_event().transpose().map_err(|error| {
            let mark = error.marker();
            let place = Place { line: mark.line(), column: mark.col() + 1, width: 1 };
            Problem::at(place, format!("this is no YAML: {}", error.info())).of_text()
        })
    }

    /// The next event where the parser has promised one.
    fn must(&mut self, begun: &Span) -> Result<(Event<'a>, Span), Problem> {
        self.next()?.ok_or_else(|| Problem::at(place(begun), "what begins here does not end"))
    }

    /// The value that begins with this event.
    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, Problem> {
        let at = place(span);
        self.nodes += 1;
        if self.nodes > NODES || depth > DEPTH {
            let what = if depth > DEPTH { "is too deep in others" } else { "is one too many" };
            return Err(Problem::at(at, format!("this value {what}: a configuration needs much less")));
        }
        let value = match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return Err(Problem::at(at, "aliases (`*name`) are not taken; write the value"));
            }
            Event::Scalar(_, _, 1.., _) | Event::SequenceStart(_, 1.., _) | Event::MappingStart(_, 1.., _) => {
                return Err(Problem::at(at, "anchors (`&name`) are not taken; leave it out"));
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, _, Some(_))
            | Event::MappingStart(_, _, Some(_)) => {
                return Err(Problem::at(at, "tags (`!name`) are not taken; leave it out"));
            }
            Event::Scalar(text, style, ..) => {
                Value::Scalar { text: text.into_owned(), is_plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => Value::List(self.list(span, depth)?),
            Event::MappingStart(..) => Value::Map(self.map(span, depth)?),
            _ => return Err(Problem::at(at, "a value is missing here")),
        };
        Ok(Node { at, value })
    }

    fn list(&mut self, begun: &Span, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut nodes = Vec::new();
        loop {
            match self.must(begun)? {
                (Event::SequenceEnd, _) => return Ok(nodes),
                (event, at) => nodes.push(self.node(event, &at, depth + 1)?),
            }
        }
    }

    fn map(&mut self, begun: &Span, depth: usize) -> Result<Vec<(Name, Node)>, Problem> {
        let mut entries: Vec<(Name, Node)> = Vec::new();
        let mut known = std::collections::HashMap::new();
        loop {
            let (event, at) = self.must(begun)?;
            if matches!(event, Event::MappingEnd) {
                return Ok(entries);
            }
            let key = self.node(event, &at, depth + 1)?;
            let Value::Scalar { text, .. } = key.value else {
                return Err(Problem::at(key.at, "a key must be a word"));
            };
            if let Some(line) = known.insert(text.clone(), key.at.line) {
                let what = format!("`{}` stands here a second time; first on line {line}", brief(&text));
                return Err(Problem::at(key.at, what));
            }
            let (event, at) = self.must(begun)?;
            let node = self.node(event, &at, depth + 1)?;
            entries.push((Name { text, at: key.at }, node));
        }
    }
}

/// Where something stands: all of it, if it is within one line.
fn place(span: &Span) -> Place {
    let (start, end) = (&span.start, &span.end);
    let width = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
    Place { line: start.line(), column: start.col() + 1, width: width.max(1) }
}
