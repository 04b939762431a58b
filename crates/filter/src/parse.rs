//! Tokens as terms: who belongs to whom.
//!
//! ```text
//! any        = all { ("or" | "||") all }
//! all        = negation { ("and" | "&&") negation }
//! negation   = ("not" | "!") negation | "(" any ")" | has | membership | comparison
//! has        = "has" "(" name ")"
//! membership = TEXT [ "not" ] "in" name
//! comparison = name ( "==" | "!=" | "<" | "<=" | ">" | ">=" | [ "not" ] "glob" | "=~" | "!~" ) VALUE
//!            | name [ "not" ] "in" ( member | "[" member { "," member } "]" )
//! name       = NAME [ "[" TEXT "]" ]
//! member     = VALUE [ ".." VALUE ]
//! ```

use flowtrace_span::Attribute;

use crate::check::{self, Comparison, Member, Operator};
use crate::error::Mistake;
use crate::nearest::nearest;
use crate::subject::{Subject, is_map};
use crate::token::{Kind, Token, tokens};
use crate::{Expression, TextTest, limits};

/// The comparison operators that are symbols, and whether they say the opposite.
const SYMBOLS: [(&str, Operator, bool); 8] = [
    ("==", Operator::Equal, false),
    ("!=", Operator::Equal, true),
    ("<=", Operator::AtMost, false),
    (">=", Operator::AtLeast, false),
    ("<", Operator::Below, false),
    (">", Operator::Above, false),
    ("=~", Operator::Regex, false),
    ("!~", Operator::Regex, true),
];

/// What other languages call our operators, and what to write here.
const ELSEWHERE: [(&str, &str); 11] = [
    ("=", "=="),
    ("is", "=="),
    ("eq", "=="),
    ("ne", "!="),
    ("!", "not in, or not glob"),
    ("~", "=~ (a regular expression) or glob"),
    ("matches", "=~ (a regular expression) or glob"),
    ("like", "glob, with * for any characters"),
    ("contains", "glob \"*…*\""),
    ("startswith", "glob \"…*\""),
    ("exists", "has(…)"),
];

/// Reads a whole text.
pub fn expression(text: &str) -> Result<Expression, Mistake> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0, values: 0, patterns: 0 };
    if parser.peek().kind == Kind::End {
        return Err(Mistake::new(&parser.peek().place, "the filter is empty"));
    }
    let expression = parser.any()?;
    let rest = parser.peek();
    match &rest.kind {
        Kind::End => Ok(expression),
        Kind::Word(word) => {
            Err(Mistake::new(&rest.place, "and or or is missing here").suggest(nearest(word, ["and", "or"])))
        }
        Kind::Symbol(")") => Err(Mistake::new(&rest.place, "this parenthesis was not opened")),
        Kind::Symbol(_) | Kind::Quoted(_) => Err(Mistake::new(&rest.place, "and or or is missing here")),
    }
}

struct Parser<'a> {
    /// The last one is the end.
    tokens: Vec<Token<'a>>,
    next: usize,
    /// Parentheses and `not`s that are open.
    depth: usize,
    /// Values so far.
    values: usize,
    /// Regular expressions so far.
    patterns: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Expression, Mistake> {
        let mut terms = vec![self.all()?];
        while self.takes(&["or", "||"]) {
            terms.push(self.all()?);
        }
        Ok(Expression::any(terms))
    }

    fn all(&mut self) -> Result<Expression, Mistake> {
        let mut terms = vec![self.negation()?];
        while self.takes(&["and", "&&"]) {
            terms.push(self.negation()?);
        }
        Ok(Expression::all(terms))
    }

    fn negation(&mut self) -> Result<Expression, Mistake> {
        if self.takes(&["not", "!"]) {
            return self.deeper(|parser| Ok(parser.negation()?.not()));
        }
        if self.takes(&["("]) {
            return self.deeper(|parser| {
                let inner = parser.any()?;
                parser.expect(")")?;
                Ok(inner)
            });
        }
        if matches!(self.peek().kind, Kind::Quoted(_)) {
            return self.membership();
        }
        if self.takes(&["has"]) {
            return self.has();
        }
        self.comparison()
    }

    /// One parenthesis or `not` further in.
    fn deeper(&mut self, inner: impl FnOnce(&mut Self) -> Result<Expression, Mistake>) -> Result<Expression, Mistake> {
        if self.depth == limits::DEPTH {
            let message = format!("there are more than {} parentheses and nots inside one another", limits::DEPTH);
            return Err(Mistake::new(&self.tokens[self.next - 1].place, message));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn has(&mut self) -> Result<Expression, Mistake> {
        self.expect("(")?;
        let subject = self.subject()?;
        self.expect(")")?;
        Ok(check::known(subject))
    }

    fn membership(&mut self) -> Result<Expression, Mistake> {
        let text = self.take();
        let negated = self.takes(&["not"]);
        self.expect("in").map_err(|mistake| {
            mistake.help("text stands on the right of an attribute, or on the left of in and a list")
        })?;
        let place = self.peek().place.clone();
        let subject = self.subject()?;
        let found = check::membership(&text, &subject, &place)?;
        Ok(if negated { found.not() } else { found })
    }

    fn comparison(&mut self) -> Result<Expression, Mistake> {
        let subject = self.subject()?;
        let start = self.peek().place.start;
        let (operator, negated) = self.operator(&subject)?;
        let place = start..self.tokens[self.next - 1].place.end;
        let members = if operator == Operator::In { self.members()? } else { vec![self.member()?] };
        let comparison = Comparison { subject, operator, place, members };
        let found = comparison.check()?;
        if let Expression::Text(_, TextTest::Regex(_)) | Expression::KeyText(.., TextTest::Regex(_)) = found {
            self.patterns += 1;
        }
        if self.patterns > limits::PATTERNS {
            let message = format!("there are more than {} regular expressions", limits::PATTERNS);
            return Err(Mistake::new(&comparison.place, message));
        }
        Ok(if negated { found.not() } else { found })
    }

    /// The operator, and whether it says the opposite.
    fn operator(&mut self, subject: &Subject) -> Result<(Operator, bool), Mistake> {
        let negated = self.takes(&["not"]);
        for (word, operator) in [("in", Operator::In), ("glob", Operator::Glob)] {
            if self.takes(&[word]) {
                return Ok((operator, negated));
            }
        }
        if negated {
            let mistake = Mistake::new(&self.peek().place, "in or glob is missing here");
            return Err(mistake.help("otherwise not stands before the attribute"));
        }
        let found = SYMBOLS.into_iter().find(|(symbol, ..)| self.peek().kind == Kind::Symbol(symbol));
        match found {
            Some((_, operator, opposite)) => {
                self.take();
                Ok((operator, opposite))
            }
            None => Err(no_operator(self.peek(), subject)),
        }
    }

    fn members(&mut self) -> Result<Vec<Member<'a>>, Mistake> {
        if !self.takes(&["["]) {
            return Ok(vec![self.member()?]);
        }
        let mut members = vec![self.member()?];
        while !self.takes(&["]"]) {
            self.expect(",").map_err(|mistake| mistake.help("values in a list stand between commas"))?;
            members.push(self.member()?);
        }
        Ok(members)
    }

    fn member(&mut self) -> Result<Member<'a>, Mistake> {
        self.values += 1;
        if self.values > limits::VALUES {
            let message = format!("there are more than {} values", limits::VALUES);
            return Err(Mistake::new(&self.peek().place, message));
        }
        let low = self.value()?;
        let high = if self.takes(&[".."]) { Some(self.value()?) } else { None };
        Ok(Member { low, high })
    }

    fn value(&mut self) -> Result<Token<'a>, Mistake> {
        let token = self.take();
        match token.kind {
            Kind::Word(_) | Kind::Quoted(_) => Ok(token),
            Kind::Symbol("[") => Err(Mistake::new(&token.place, "a list cannot stand here").help("write in before it")),
            Kind::Symbol(_) | Kind::End => Err(Mistake::new(&token.place, "a value is missing here")),
        }
    }

    /// An attribute's name; of a map, with a key.
    fn subject(&mut self) -> Result<Subject, Mistake> {
        let token = self.take();
        let Kind::Word(word) = token.kind else {
            return Err(Mistake::new(&token.place, "the name of an attribute is missing here"));
        };
        let mut subject = Subject::named(word).ok_or_else(|| {
            let names = Attribute::ALL.into_iter().map(Attribute::name).chain(["not", "has"]);
            Mistake::new(&token.place, "there is no such attribute").suggest(nearest(word, names))
        })?;
        if is_map(subject.attribute) && subject.key.is_none() {
            subject.key = Some(self.key(&token, subject.attribute)?);
        }
        match subject.key.as_deref() {
            Some("") => Err(Mistake::new(&token.place, "the key is missing")),
            _ => Ok(subject),
        }
    }

    /// A key in brackets, behind the name of its map.
    fn key(&mut self, name: &Token<'_>, map: Attribute) -> Result<Box<str>, Mistake> {
        if !self.takes(&["["]) {
            return Err(check::keyless(map, &name.place));
        }
        let token = self.take();
        let Kind::Quoted(key) = token.kind else {
            return Err(Mistake::new(&token.place, "a key in quotes is missing here"));
        };
        self.expect("]")?;
        Ok(key.into())
    }

    /// The next token, if it is one of these.
    fn takes(&mut self, wanted: &[&str]) -> bool {
        let found = match self.peek().kind {
            Kind::Word(word) | Kind::Symbol(word) => wanted.contains(&word),
            Kind::Quoted(_) | Kind::End => false,
        };
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &str) -> Result<(), Mistake> {
        if self.takes(&[wanted]) {
            return Ok(());
        }
        Err(Mistake::new(&self.peek().place, format!("{wanted} is missing here")))
    }

    fn peek(&self) -> &Token<'a> {
        &self.tokens[self.next]
    }

    /// The next token. The end stays.
    fn take(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        self.next += usize::from(token.kind != Kind::End);
        token
    }
}

/// What stands where an operator was expected.
fn no_operator(token: &Token<'_>, subject: &Subject) -> Mistake {
    let (Kind::Word(word) | Kind::Symbol(word)) = token.kind else {
        return operator_missing(token, subject);
    };
    if let Some((_, here)) = ELSEWHERE.into_iter().find(|(elsewhere, _)| elsewhere.eq_ignore_ascii_case(word)) {
        return Mistake::new(&token.place, "this is no operator here").help(format!("write {here}"));
    }
    match nearest(word, ["in", "not", "glob"]) {
        Some(near) => Mistake::new(&token.place, "this is no operator").suggest(Some(near)),
        None => operator_missing(token, subject),
    }
}

fn operator_missing(token: &Token<'_>, subject: &Subject) -> Mistake {
    Mistake::new(&token.place, format!("{subject} is not compared with anything"))
        .help(format!("has({subject}) asks whether it is known"))
}
