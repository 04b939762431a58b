//! Any expression of any record is true when the attributes that the encoders would write say so.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "../../span/tests/records/mod.rs"]
mod records;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use flowtrace_filter::Filter;
use flowtrace_flow::Record;
use flowtrace_span::{Attribute, Options, Selection, Type, Value, attributes};
use proptest::prelude::*;

/// A value that outlives the visit.
#[derive(Clone, Debug)]
enum Owned {
    Text(String),
    Integer(i64),
    Texts(Vec<String>),
    Pairs(BTreeMap<String, String>),
}

type Values = HashMap<Attribute, Owned>;

fn options() -> Options {
    Options { selection: Selection::all(), ..Options::default() }
}

fn values(record: &Record) -> Values {
    let mut values = Values::new();
    attributes(record, &options(), &mut |attribute, value| {
        values.insert(
            attribute,
            match value {
                Value::Text(text) => Owned::Text(text.to_owned()),
                Value::Integer(number) => Owned::Integer(number),
                Value::Texts(texts) => Owned::Texts(texts.iter().map(|text| (*text).to_owned()).collect()),
                Value::Names(names) => Owned::Texts(names.iter().map(|name| name.to_string()).collect()),
                Value::Pairs(pairs) => {
                    Owned::Pairs(pairs.iter().map(|(key, text)| (key.to_string(), text.to_string())).collect())
                }
            },
        );
    });
    values
}

/// The same without names: filters compare the addresses of client and server, whatever is written for them.
fn nameless(mut record: Record) -> Record {
    if let Some(who) = &mut record.who {
        (who.source.name, who.destination.name) = (None, None);
    }
    record
}

fn any_record() -> impl Strategy<Value = Record> {
    let any = records::any_record().boxed();
    prop_oneof![any, prop::sample::select(records::table())].prop_map(nameless).boxed()
}

/// An expression yet without values: an atom's are taken from the record, or from another.
#[derive(Clone, Debug)]
enum Shape {
    Atom { attribute: Attribute, operator: usize, offset: i64 },
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

fn shape() -> impl Strategy<Value = Shape> {
    let written = Attribute::ALL.into_iter().filter(|attribute| attribute.definition().written);
    let known: Vec<_> = written.filter(|attribute| options().selection.contains(*attribute)).collect();
    let atom = (prop::sample::select(known), 0usize..9, -1..2_i64)
        .prop_map(|(attribute, operator, offset)| Shape::Atom { attribute, operator, offset });
    atom.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Shape::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Shape::All),
            prop::collection::vec(inner, 1..4).prop_map(Shape::Any),
        ]
    })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The expression's text, and whether it is true.
fn render(shape: &Shape, own: &Values, other: &Values) -> (String, bool) {
    let list = |shapes: &[Shape]| -> Vec<_> { shapes.iter().map(|shape| render(shape, own, other)).collect() };
    let join = |terms: Vec<(String, bool)>, word| {
        let texts: Vec<_> = terms.into_iter().map(|(text, _)| text).collect();
        format!("({})", texts.join(word))
    };
    match shape {
        Shape::Atom { attribute, operator, offset } => {
            let wanted = if offset % 2 == 0 { own.get(attribute) } else { other.get(attribute) };
            atom(*attribute, *operator, *offset, (own.get(attribute), wanted.or(own.get(attribute))))
        }
        Shape::Not(inner) => {
            let (text, truth) = render(inner, own, other);
            (format!("not {text}"), !truth)
        }
        Shape::All(inner) => {
            let truth = list(inner).iter().all(|(_, truth)| *truth);
            (join(list(inner), " and "), truth)
        }
        Shape::Any(inner) => {
            let truth = list(inner).iter().any(|(_, truth)| *truth);
            (join(list(inner), " || "), truth)
        }
    }
}

fn atom(
    attribute: Attribute,
    operator: usize,
    offset: i64,
    values: (Option<&Owned>, Option<&Owned>),
) -> (String, bool) {
    let name = attribute.name();
    match values {
        (_, None) if attribute.definition().value_type == Type::Template => (format!("has({name}.key)"), false),
        (_, None) => (format!("has({name})"), false),
        (own, Some(Owned::Integer(wanted))) => {
            let most = if name.ends_with(".port") { 65_535 } else { i64::MAX };
            number(name, operator, own, wanted.saturating_add(offset).clamp(0, most))
        }
        (own, Some(Owned::Text(wanted))) => text(name, operator, own, wanted),
        (own, Some(Owned::Texts(wanted))) => {
            let Some(wanted) = wanted.first() else { return (format!("has({name})"), own.is_some()) };
            let found = matches!(own, Some(Owned::Texts(texts)) if texts.contains(wanted));
            (format!("{} in {name}", quoted(wanted)), found)
        }
        (own, Some(Owned::Pairs(wanted))) => {
            let Some((key, wanted)) = wanted.first_key_value() else { panic!("{name} has no key") };
            let own =
                own.and_then(|own| if let Owned::Pairs(pairs) = own { pairs.get(key) } else { panic!("{own:?}") });
            let own = own.map(|text| Owned::Text(text.clone()));
            text(&with_key(name, key, offset), operator, own.as_ref(), wanted)
        }
    }
}

/// The name as it is written, where that is a word; or with the key in brackets.
fn with_key(name: &str, key: &str, choice: i64) -> String {
    let is_word = key.chars().all(|letter| letter.is_ascii_alphanumeric() || "_./-".contains(letter));
    let is_word = is_word && !key.contains("..") && !key.starts_with('.');
    if is_word && choice == 0 { format!("{name}.{key}") } else { format!("{name}[{}]", quoted(key)) }
}

fn number(name: &str, operator: usize, own: Option<&Owned>, wanted: i64) -> (String, bool) {
    let own = own.map(|own| if let Owned::Integer(number) = own { *number } else { panic!("{name} is {own:?}") });
    let is = |test: fn(i64, i64) -> bool| own.is_some_and(|own| test(own, wanted));
    match operator {
        0 => (format!("{name} == {wanted}"), is(|own, wanted| own == wanted)),
        1 => (format!("{name} != {wanted}"), !is(|own, wanted| own == wanted)),
        2 => (format!("{name} < {wanted}"), is(|own, wanted| own < wanted)),
        3 => (format!("{name} <= {wanted}"), is(|own, wanted| own <= wanted)),
        4 => (format!("{name} > {wanted}"), is(|own, wanted| own > wanted)),
        5 => (format!("{name}>={wanted:#x}"), is(|own, wanted| own >= wanted)),
        6 => (format!("{name} in [5,{wanted}, 7 .. 9]"), is(|own, wanted| own == wanted || matches!(own, 5 | 7..=9))),
        7 => (format!("{name} not in 0..{wanted}"), !is(|own, wanted| own <= wanted)),
        _ => (format!("has({name})"), own.is_some()),
    }
}

fn text(name: &str, operator: usize, own: Option<&Owned>, wanted: &str) -> (String, bool) {
    let own = own.map(|own| if let Owned::Text(text) = own { text.as_str() } else { panic!("{name} is {own:?}") });
    let canonical =
        |text: &str| text.parse::<IpAddr>().map_or(text.to_owned(), |address| address.to_canonical().to_string());
    let is_address = name.ends_with(".address");
    let same = own.is_some_and(|own| own == wanted || is_address && canonical(own) == canonical(wanted));
    let wanted = if is_address { wanted.to_owned() } else { quoted(wanted) };
    match operator {
        0 | 1 => (format!("{name} == {wanted}"), same),
        2 | 3 => (format!("{name} != {wanted}"), !same),
        4 | 5 => (format!("{name} in [{wanted},{wanted}]"), same),
        6 => (format!("{name} not in {wanted}"), !same),
        _ => (format!("has({name})"), own.is_some()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn expressions_say_what_the_attributes_say(
        shape in shape(),
        own in any_record(),
        other in any_record(),
    ) {
        let (text, expected) = render(&shape, &values(&own), &values(&other));
        let filter = Filter::parse(&text).unwrap_or_else(|error| panic!("{error}"));
        // Nothing needs to be selected for a filter.
        prop_assert_eq!(filter.accepts(&own, &Options::default()), expected, "{}", text);
    }
}

/// The types of values are those that the registry declares: what a filter was checked against is what it meets.
#[test]
fn values_have_their_declared_types() {
    for record in records::table().into_iter().map(nameless) {
        for (attribute, value) in values(&record) {
            let declared = attribute.definition().value_type;
            let is = match value {
                Owned::Text(_) => Type::Text,
                Owned::Integer(_) => Type::Integer,
                Owned::Texts(_) => Type::Texts,
                Owned::Pairs(_) => Type::Template,
            };
            assert_eq!(is, declared, "{}", attribute.name());
            let is_address = matches!(&value, Owned::Text(text) if text.parse::<IpAddr>().is_ok());
            assert_eq!(is_address, attribute.name().ends_with(".address"), "{}", attribute.name());
        }
    }
}
