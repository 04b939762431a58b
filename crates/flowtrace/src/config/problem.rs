//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// Characters of a line that are shown around a mistake.
const SHOWN: usize = 100;
/// Characters that are shown before a mistake in a line that is longer.
const BEFORE: usize = 60;
/// Problems that are told at once.
const TOLD: usize = 20;

/// A place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// In characters; 1 at least.
    pub width: usize,
}

/// Something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where; `None`: in the file as a whole.
    pub at: Option<Place>,
    /// What is wrong, and what to do.
    pub what: String,
    /// Whether the line may be shown: not where it has a secret.
    pub shown: Shown,
}

/// How much of a line may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All.
    Line,
    /// All, unless it lies where secrets are.
    Text,
    /// Nothing.
    Nothing,
}

impl Problem {
    /// At a place.
    pub fn at(at: Place, what: impl Into<String>) -> Self {
        Self { at: Some(at), what: what.into(), shown: Shown::Line }
    }

    /// Of the file as a whole.
    pub fn whole(what: impl Into<String>) -> Self {
        Self { at: None, what: what.into(), shown: Shown::Nothing }
    }

    /// The text could not be read: it is not known what is a secret.
    pub fn of_text(self) -> Self {
        Self { shown: Shown::Text, ..self }
    }

    /// At a value that may be secret, if it is.
    pub fn hidden_if(self, is_secret: bool) -> Self {
        if is_secret { Self { shown: Shown::Nothing, ..self } } else { self }
    }
}

/// What is wrong with a file: of each problem a line that says where and what, the line of the file, and carets.
#[derive(Debug)]
pub struct Problems {
    /// Which file.
    pub path: PathBuf,
    /// What is in it; empty where it could not be read.
    pub text: String,
    /// In the order of the file.
    pub list: Vec<Problem>,
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.list.iter().take(TOLD).enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", self.path.display())?;
            if let Some(at) = problem.at {
                write!(f, ":{}:{}", at.line, at.column)?;
            }
            write!(f, ": {}", problem.what)?;
            self.excerpt(f, problem)?;
        }
        match self.list.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl Problems {
    /// The line, of which a long one is shown in part, and carets below it.
    fn excerpt(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        let Some(at) = problem.at else { return Ok(()) };
        let Some(line) = self.text.lines().nth(at.line - 1).filter(|line| !line.trim().is_empty()) else {
            return Ok(());
        };
        let is_shown = match problem.shown {
            Shown::Line => true,
            Shown::Text => !lies_in_secrets(&self.text, at.line),
            Shown::Nothing => false,
        };
        if !is_shown {
            return Ok(());
        }
        let left_out = if line.chars().count() > SHOWN { (at.column - 1).saturating_sub(BEFORE) } else { 0 };
        // A control character would move what stands behind it, or the terminal's cursor.
        let visible = |letter: char| if letter.is_control() { ' ' } else { letter };
        let part: String = line.chars().map(visible).skip(left_out).take(SHOWN).collect();
        let indent = at.column - 1 - left_out;
        let width = at.width.clamp(1, SHOWN.saturating_sub(indent).max(1));
        let number = at.line.to_string();
        let margin = " ".repeat(number.len());
        let (pad, carets) = (" ".repeat(indent), "^".repeat(width));
        write!(f, "\n {margin} |\n {number} | {}\n {margin} | {pad}{carets}", part.trim_end())
    }
}

/// Whether a line of a text that cannot be read, or one that it lies below, names secrets.
fn lies_in_secrets(text: &str, number: usize) -> bool {
    const NAMES: [&str; 4] = ["headers", "bearer", "basic", "hide_addresses"];
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<_> = text.lines().take(number).collect();
    let mut below = usize::MAX;
    lines.iter().rev().filter(|line| !line.trim().is_empty()).any(|line| {
        let is_above = indent(line) < below || below == usize::MAX;
        below = below.min(indent(line));
        is_above && NAMES.iter().any(|name| line.contains(name))
    })
}

/// A text of the file within a message: of a long one the beginning, and nothing that would move the cursor.
pub fn brief(text: &str) -> String {
    let visible = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut shown: String = text.chars().map(visible).take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}
