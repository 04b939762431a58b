//! What is wrong with an expression, and where.

use std::fmt;
use std::ops::Range;

/// Characters of a line that are shown around a mistake.
const SHOWN: usize = 100;

/// Characters that are shown before a mistake in a line that is longer.
const BEFORE: usize = 60;

/// A mistake at a place of the text, in bytes.
#[derive(Debug)]
pub struct Mistake {
    place: Range<usize>,
    message: String,
    help: Option<String>,
}

impl Mistake {
    /// `message` says what is wrong.
    pub fn new(place: &Range<usize>, message: impl Into<String>) -> Self {
        Self { place: place.clone(), message: message.into(), help: None }
    }

    /// `help` says what to do.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Asks for what may have been meant, where there is such a thing.
    pub fn suggest(self, nearest: Option<impl fmt::Display>) -> Self {
        match nearest {
            Some(nearest) => self.help(format!("did you mean {nearest}?")),
            None => self,
        }
    }
}

/// Why a text is no filter. Its `Display` has several lines: what is wrong, the line of the text, a caret under each
/// character of the mistake, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    text: Box<str>,
    place: Range<usize>,
    message: String,
    help: Option<String>,
}

impl ParseError {
    pub(crate) fn new(text: &str, mistake: Mistake) -> Self {
        let Mistake { place, message, help } = mistake;
        Self { text: text.into(), place, message, help }
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The bytes of the text that are wrong; empty at its end where something is missing.
    pub fn place(&self) -> Range<usize> {
        self.place.clone()
    }

    /// What to do, in one line.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The number of the line of the mistake, and the bytes of this line.
    fn line(&self) -> (usize, Range<usize>) {
        let before = &self.text[..self.place.start];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = self.text[start..].find('\n').map_or(self.text.len(), |length| start + length);
        (before.matches('\n').count() + 1, start..end)
    }

    /// The line with the mistake, of which a long one is shown in part, and carets below. Nothing of an empty line.
    fn excerpt(&self, line: Range<usize>) -> String {
        let count = |bytes: Range<usize>| self.text.get(bytes).map_or(0, |text| text.chars().count());
        let column = count(line.start..self.place.start);
        let width = count(self.place.start..self.place.end.min(line.end));
        let left_out = if count(line.clone()) > SHOWN { column.saturating_sub(BEFORE) } else { 0 };
        // A control character would move what stands behind it, or the terminal's cursor.
        let visible = |letter: char| if letter.is_control() { ' ' } else { letter };
        let shown: String = self.text[line].chars().map(visible).skip(left_out).take(SHOWN).collect();
        let shown = shown.trim_end();
        if shown.is_empty() {
            return String::new();
        }
        let indent = column - left_out;
        let carets = width.clamp(1, SHOWN.saturating_sub(indent).max(1));
        format!("\n  {shown}\n  {}{}", " ".repeat(indent), "^".repeat(carets))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, line) = self.line();
        f.write_str(&self.message)?;
        if self.text.contains('\n') {
            write!(f, " (line {number})")?;
        }
        f.write_str(&self.excerpt(line))?;
        if let Some(help) = &self.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseError {}
