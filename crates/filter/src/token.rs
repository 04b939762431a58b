//! A text as tokens.

use std::ops::Range;

use crate::error::Mistake;
use crate::limits;

/// What stands by itself; where one begins with another, the longer one is first.
const SYMBOLS: [&str; 19] =
    ["==", "!=", "<=", ">=", "=~", "!~", "&&", "||", "..", "(", ")", "[", "]", ",", "<", ">", "!", "=", "~"];

/// A piece of the text, and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind<'a>,
    pub place: Range<usize>,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A name, an operator in letters, a number, an address or a network.
    Word(&'a str),
    /// What stood in quotes.
    Quoted(String),
    /// One of [`SYMBOLS`].
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// The tokens of the text, the last of which is its end.
pub fn tokens(text: &str) -> Result<Vec<Token<'_>>, Mistake> {
    if text.len() > limits::TEXT {
        let start = text.floor_char_boundary(limits::TEXT);
        return Err(Mistake::new(&(start..start), format!("a filter has at most {} KiB", limits::TEXT >> 10)));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let token = token(text, at, first)?;
        at = token.place.end;
        tokens.push(token);
    }
    tokens.push(Token { kind: Kind::End, place: text.len()..text.len() });
    Ok(tokens)
}

/// The token that begins here.
fn token(text: &str, at: usize, first: char) -> Result<Token<'_>, Mistake> {
    if matches!(first, '"' | '\'') {
        return quoted(text, at, first);
    }
    let rest = &text[at..];
    if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
        return Ok(Token { kind: Kind::Symbol(symbol), place: at..at + symbol.len() });
    }
    let length = word(rest);
    if length == 0 {
        let place = at..at + first.len_utf8();
        return Err(Mistake::new(&place, "this character means nothing here").help("text stands in quotes"));
    }
    Ok(Token { kind: Kind::Word(&rest[..length]), place: at..at + length })
}

/// How long the word is with which the text begins. It ends before two dots, which make a range.
fn word(text: &str) -> usize {
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte);
    let bytes = text.as_bytes();
    let ends = |&index: &usize| !in_word(bytes[index]) || bytes[index..].starts_with(b"..");
    (0..bytes.len()).find(ends).unwrap_or(bytes.len())
}

/// Text in quotes. Single ones take everything as it is; in double ones a backslash stands for itself, except before a
/// double quote or a backslash.
fn quoted(text: &str, at: usize, quote: char) -> Result<Token<'_>, Mistake> {
    let mut content = String::new();
    let mut letters = text[at + 1..].char_indices().peekable();
    while let Some((index, letter)) = letters.next() {
        if letter == quote {
            return Ok(Token { kind: Kind::Quoted(content), place: at..at + index + 2 });
        }
        let escaped = letters.next_if(|&(_, next)| quote == '"' && letter == '\\' && matches!(next, '"' | '\\'));
        content.push(escaped.map_or(letter, |(_, next)| next));
    }
    Err(Mistake::new(&(at..at + 1), "the quote that ends this text is missing"))
}

#[cfg(test)]
mod tests {
    use super::Kind::{End, Quoted, Symbol, Word};
    use super::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        tokens(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn texts_are_cut_into_tokens() {
        for (text, expected) in [
            ("", vec![]),
            (" \t\r\n", vec![]),
            ("a.b==1", vec![Word("a.b"), Symbol("=="), Word("1")]),
            ("1..2", vec![Word("1"), Symbol(".."), Word("2")]),
            ("10.0.0.1..10.0.0.9", vec![Word("10.0.0.1"), Symbol(".."), Word("10.0.0.9")]),
            ("::1/128", vec![Word("::1/128")]),
            ("[fe80::/10,1]", vec![Symbol("["), Word("fe80::/10"), Symbol(","), Word("1"), Symbol("]")]),
            ("!(a&&b||c)", ["!", "(", "a", "&&", "b", "||", "c", ")"].map(word_or_symbol).into()),
            ("a!=b !~ c=~d<=e>=f<g>h", {
                ["a", "!=", "b", "!~", "c", "=~", "d", "<=", "e", ">=", "f", "<", "g", ">", "h"]
                    .map(word_or_symbol)
                    .into()
            }),
            (r#""a b" 'c"d'"#, vec![Quoted("a b".into()), Quoted("c\"d".into())]),
            (r#""\d\.\"\\" '\d\'"#, vec![Quoted(r#"\d\."\"#.into()), Quoted(r"\d\".into())]),
            (r#"'\\' '\"'"#, vec![Quoted(r"\\".into()), Quoted("\\\"".into())]),
            ("\"ä\"1", vec![Quoted("ä".into()), Word("1")]),
        ] {
            let expected: Vec<_> = expected.into_iter().chain([End]).collect();
            assert_eq!(kinds(text), expected, "{text}");
        }
    }

    fn word_or_symbol(text: &'static str) -> Kind<'static> {
        SYMBOLS.into_iter().find(|symbol| *symbol == text).map_or(Word(text), Symbol)
    }

    #[test]
    fn no_symbol_hides_a_longer_one() {
        for (index, symbol) in SYMBOLS.into_iter().enumerate() {
            assert!(SYMBOLS[index + 1..].iter().all(|later| !later.starts_with(symbol)), "{symbol}");
        }
    }
}
