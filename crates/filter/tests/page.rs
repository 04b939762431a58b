//! What the page about filters shows is so.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use flowtrace_filter::{Filter, limits};
use flowtrace_span::Attribute;

const PAGE: &str = include_str!("../../../docs/reference/filters.md");

/// The contents of the blocks of code in this language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let blocks = PAGE.split("\n```").skip(1).step_by(2);
    blocks.filter_map(move |block| block.strip_prefix(language)?.strip_prefix('\n'))
}

#[test]
fn all_filters_on_the_page_are_filters() {
    let lines = blocks("filter").flat_map(str::lines);
    let (_, operators) = PAGE.split_once("## Operators").unwrap();
    let rows = operators.split("\n## ").next().unwrap().lines().filter_map(|row| row.strip_prefix("| `"));
    let cells = rows.map(|row| row.split("` |").next().unwrap());
    let mut count = 0;
    for filter in lines.chain(cells) {
        Filter::parse(filter).unwrap_or_else(|error| panic!("{error}"));
        count += 1;
    }
    assert!(count >= 19, "{count}");
}

#[test]
fn the_mistake_on_the_page_is_shown_like_that() {
    let block = blocks("text").next().unwrap();
    let error = Filter::parse(block.lines().nth(1).unwrap().trim()).unwrap_err();
    assert_eq!(error.to_string(), block);
}

#[test]
fn the_grammar_on_the_page_is_that_of_the_parser() {
    let source = include_str!("../src/parse.rs");
    let comment: Vec<_> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let grammar = comment.iter().skip_while(|line| **line != " ```text").skip(1).take_while(|line| **line != " ```");
    let grammar: Vec<_> = grammar.map(|line| &line[1..]).collect();
    assert!(grammar.len() >= 8);
    assert!(blocks("text").any(|block| block == grammar.join("\n")));
}

#[test]
fn the_limits_on_the_page_are_those_of_the_code() {
    for (what, limit) in [
        ("Text of a filter", format!("{} KiB", limits::TEXT >> 10)),
        ("Parentheses and `not`s inside one another", limits::DEPTH.to_string()),
        ("Values in all lists of a filter", limits::VALUES.to_string()),
        (
            "Regular expressions in a filter",
            format!("{}, each of {} MiB when compiled", limits::PATTERNS, limits::PATTERN_SIZE >> 20),
        ),
    ] {
        assert!(PAGE.contains(&format!("| {what} | {limit} |")), "{what}: {limit}");
    }
}

#[test]
fn attributes_on_the_page_exist() {
    let inside_quotes = PAGE.split('`').skip(1).step_by(2);
    let names =
        inside_quotes.filter(|code| code.contains('.') && code.starts_with(|first: char| first.is_ascii_lowercase()));
    let names =
        names.filter(|code| code.chars().all(|letter| letter.is_ascii_lowercase() || matches!(letter, '.' | '_')));
    let mut count = 0;
    for name in names {
        assert!(Attribute::from_name(name).is_some(), "{name}");
        count += 1;
    }
    assert!(count >= 10, "{count}");
}
