//! One comparison: whether it makes sense for its attribute, and what it means.

use std::net::IpAddr;
use std::ops::{Range, RangeInclusive};

use flowtrace_span::{Attribute, Type};

use crate::error::Mistake;
use crate::subject::Subject;
use crate::token::Token;
use crate::{Expression, Glob, Ranges, TextTest, literal, vocabulary};

/// What stands between an attribute and its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    Below,
    AtMost,
    Above,
    AtLeast,
    In,
    Glob,
    Regex,
}

/// A value, or a range of them.
pub struct Member<'a> {
    pub low: Token<'a>,
    pub high: Option<Token<'a>>,
}

/// What is compared, an operator with its place, and its values: with any but [`Operator::In`] there is one.
pub struct Comparison<'a> {
    pub subject: Subject,
    pub operator: Operator,
    pub place: Range<usize>,
    pub members: Vec<Member<'a>>,
}

impl Member<'_> {
    fn place(&self) -> Range<usize> {
        self.low.place.start..self.high.as_ref().unwrap_or(&self.low).place.end
    }

    /// Its only value.
    fn single(&self) -> Result<&Token<'_>, Mistake> {
        match self.high {
            None => Ok(&self.low),
            Some(_) => Err(Mistake::new(&self.place(), "a range cannot stand here").help("write in before it")),
        }
    }
}

/// The attributes whose text is an address.
const fn is_address(attribute: Attribute) -> bool {
    use Attribute as A;
    matches!(
        attribute,
        A::SourceAddress
            | A::DestinationAddress
            | A::ClientAddress
            | A::ServerAddress
            | A::FlowNatSourceAddress
            | A::FlowNatDestinationAddress
            | A::TunnelSourceAddress
            | A::TunnelDestinationAddress
            | A::IpipSourceAddress
            | A::IpipDestinationAddress
    )
}

impl Comparison<'_> {
    /// What it means.
    pub fn check(&self) -> Result<Expression, Mistake> {
        let Subject { attribute, key } = &self.subject;
        let attribute = *attribute;
        if let Some(key) = key {
            return Ok(Expression::KeyText(attribute, key.clone(), self.texts()?));
        }
        match attribute.definition().value_type {
            Type::Integer => Ok(Expression::Integer(attribute, self.integers()?)),
            Type::Text if is_address(attribute) => Ok(Expression::Address(attribute, self.addresses()?)),
            Type::Text => Ok(Expression::Text(attribute, self.texts()?)),
            Type::Texts => Err(self.no_operator("a list", &format!("write \"…\" in {}", attribute.name()))),
            Type::Template => Err(keyless(attribute, &self.place)),
        }
    }

    fn integers(&self) -> Result<Ranges<i64>, Mistake> {
        let number = |token: &Token<'_>| literal::integer(token, self.subject.attribute);
        if self.operator == Operator::In {
            return self.ranges(|token| number(token).map(|value| value..=value));
        }
        if matches!(self.operator, Operator::Glob | Operator::Regex) {
            return Err(self.no_operator("a number", "numbers are compared with ==, !=, <, <=, >, >= and in"));
        }
        let limit = number(self.value()?)?;
        Ok(Ranges::new(match self.operator {
            Operator::Below => limit.checked_sub(1).map(|last| i64::MIN..=last),
            Operator::AtMost => Some(i64::MIN..=limit),
            Operator::Above => limit.checked_add(1).map(|first| first..=i64::MAX),
            Operator::AtLeast => Some(limit..=i64::MAX),
            Operator::Equal | Operator::In | Operator::Glob | Operator::Regex => Some(limit..=limit),
        }))
    }

    fn addresses(&self) -> Result<Ranges<IpAddr>, Mistake> {
        let network = |token: &Token<'_>| literal::network(token, self.subject.attribute);
        match self.operator {
            Operator::In => {
                let set = self.ranges(network)?;
                if set.iter().any(|range| range.start().is_ipv4() != range.end().is_ipv4()) {
                    return Err(Mistake::new(&self.place, "a range goes from IPv4 to IPv6"));
                }
                Ok(set)
            }
            Operator::Equal => {
                let token = self.value()?;
                let addresses = network(token)?;
                if addresses.start() != addresses.end() {
                    return Err(Mistake::new(&token.place, "this is a network").help("write in before it"));
                }
                Ok(Ranges::new([addresses]))
            }
            _ => Err(self.no_operator("an address", "addresses are compared with ==, != and in")),
        }
    }

    fn texts(&self) -> Result<TextTest, Mistake> {
        let help = "text is compared with ==, !=, in, glob, =~ and !~";
        match self.operator {
            Operator::Equal | Operator::In => {
                let texts = self.members.iter().map(|member| known_text(member.single()?, self.subject.attribute));
                Ok(TextTest::one_of(texts.collect::<Result<Vec<_>, _>>()?))
            }
            Operator::Glob => Ok(TextTest::Glob(Glob::new(literal::text(self.value()?, self.subject.attribute)?))),
            Operator::Regex => {
                let token = self.value()?;
                TextTest::regex(literal::text(token, self.subject.attribute)?)
                    .map_err(|message| Mistake::new(&token.place, message))
            }
            _ => Err(self.no_operator("text", help)),
        }
    }

    /// The members as ranges, each end of which is a range of its own.
    fn ranges<T: Copy + Ord>(
        &self,
        value: impl Fn(&Token<'_>) -> Result<RangeInclusive<T>, Mistake>,
    ) -> Result<Ranges<T>, Mistake> {
        let range = |member: &Member<'_>| {
            let low = value(&member.low)?;
            let Some(high) = &member.high else { return Ok(low) };
            let high = value(high)?;
            if low.start() != low.end() || high.start() != high.end() {
                return Err(Mistake::new(&member.place(), "a range of networks is no range"));
            }
            if low.start() > high.start() {
                return Err(Mistake::new(&member.place(), "this range is empty").help("the lower end comes first"));
            }
            Ok(*low.start()..=*high.start())
        };
        Ok(Ranges::new(self.members.iter().map(range).collect::<Result<Vec<_>, _>>()?))
    }

    /// The value of an operator that has one.
    fn value(&self) -> Result<&Token<'_>, Mistake> {
        self.members.first().ok_or_else(|| Mistake::new(&self.place, "a value is missing"))?.single()
    }

    fn no_operator(&self, what: &str, help: &str) -> Mistake {
        let message = format!("{} is {what}, which cannot be compared like this", self.subject);
        Mistake::new(&self.place, message).help(help)
    }
}

/// What `"…" in NAME` means.
pub fn membership(text: &Token<'_>, subject: &Subject, place: &Range<usize>) -> Result<Expression, Mistake> {
    let attribute = subject.attribute;
    if attribute.definition().value_type != Type::Texts {
        return Err(Mistake::new(place, format!("{subject} is no list")).help(format!("write {subject} == …")));
    }
    Ok(Expression::Text(attribute, TextTest::one_of([known_text(text, attribute)?])))
}

/// What `has(NAME)` means.
pub fn known(subject: Subject) -> Expression {
    match subject.key {
        Some(key) => Expression::KnownKey(subject.attribute, key),
        None => Expression::Known(subject.attribute),
    }
}

fn known_text(token: &Token<'_>, attribute: Attribute) -> Result<String, Mistake> {
    let text = literal::text(token, attribute)?;
    vocabulary::check(attribute, text, &token.place)?;
    Ok(text.to_owned())
}

/// A map where one of its keys has to be.
pub fn keyless(map: Attribute, place: &Range<usize>) -> Mistake {
    let name = map.name();
    Mistake::new(place, format!("{name} is one attribute for each key")).help(format!("write {name}[\"KEY\"]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_is_called_so() {
        for attribute in Attribute::ALL {
            let definition = attribute.definition();
            let expected = definition.name.ends_with(".address") && definition.value_type == Type::Text;
            assert_eq!(is_address(attribute), expected, "{}", definition.name);
        }
    }
}
