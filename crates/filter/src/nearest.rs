//! "Did you mean".

/// Bytes of a word that is compared; what is longer is like no name.
const LONGEST: usize = 64;

/// The name that is most like the word, upper and lower case taken as one, if at most a third of its letters differ.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let distance = |name: &str| strsim::osa_distance(&word, &name.to_ascii_lowercase());
    let (distance, nearest) = names.into_iter().map(|name| (distance(name), name)).min()?;
    (distance * 3 <= nearest.len()).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_like_words() {
        let names = ["source.port", "source.address", "tcp"];
        for (word, expected) in [
            ("source.prot", Some("source.port")),
            ("Source.Port", Some("source.port")),
            ("TCP", Some("tcp")),
            ("tc", Some("tcp")),
            ("x", None),
            ("srcport", None),
            ("", None),
            (&"x".repeat(1 << 20), None),
        ] {
            assert_eq!(nearest(word, names), expected);
        }
        assert_eq!(nearest("tcp", []), None);
    }
}
