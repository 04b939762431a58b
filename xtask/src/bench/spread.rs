//! What many rounds say.

use serde_json::{Value, json};

/// Least, middle and greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Spread {
    /// Of these values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        Self { min: at(0), median: (at(last / 2) + at(last.div_ceil(2))) / 2.0, max: at(last) }
    }

    /// With three decimals.
    pub fn json(self) -> Value {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        json!({ "min": round(self.min), "median": round(self.median), "max": round(self.max) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_least_middle_and_greatest() {
        let cases =
            [(vec![3.0, 1.0, 2.0], (1.0, 2.0, 3.0)), (vec![4.0, 1.0], (1.0, 2.5, 4.0)), (vec![7.0], (7.0, 7.0, 7.0))];
        for (values, (min, median, max)) in cases {
            assert_eq!(Spread::of(values), Spread { min, median, max });
        }
    }
}
