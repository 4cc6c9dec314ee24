//! The order in which Go's YAML printer has the keys of a mapping: numbers in names count as
//! numbers (`A2` before `A10`), and signs come before letters (`_` before `A`).

use std::cmp::Ordering;

/// Compares two keys.
pub fn natural(one: &str, other: &str) -> Ordering {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let same = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (Some(a), Some(b)) = (one.get(same), other.get(same)) else {
        return one.len().cmp(&other.len());
    };
    let digit_before = same > 0 && one[same - 1].is_numeric_digit();
    match (a.is_alphabetic(), b.is_alphabetic()) {
        (true, true) => a.cmp(b),
        // Behind a digit, a letter comes first: `1a` before `1_`, and before `10`.
        (true, false) if digit_before => Ordering::Less,
        (false, true) if digit_before => Ordering::Greater,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => numbers(&one, &other, same),
    }
}

trait Digit {
    fn is_numeric_digit(&self) -> bool;
}

impl Digit for char {
    fn is_numeric_digit(&self) -> bool {
        self.is_ascii_digit()
    }
}

/// Compares what stands from a place on as numbers, as far as there are digits.
fn numbers(one: &[char], other: &[char], at: usize) -> Ordering {
    // Zeros that follow another digit are part of a longer number on both sides.
    let zero = one[at] == '0' || other[at] == '0';
    let before = one[..at].iter().rev().take_while(|c| c.is_ascii_digit());
    let start = u64::from(zero && before.into_iter().any(|c| *c != '0'));
    let number = |text: &[char]| {
        let digits: Vec<u64> = text[at..]
            .iter()
            .map_while(|c| c.to_digit(10).map(u64::from))
            .collect();
        let value = digits.iter().fold(start, |value, digit| {
            value.wrapping_mul(10).wrapping_add(*digit)
        });
        (value, digits.len())
    };
    number(one)
        .cmp(&number(other))
        .then(one[at].cmp(&other[at]))
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn keys_are_in_the_order_of_gos_yaml_printer() {
        let ordered = [
            "$", "_A", "1", "2", "9a", "9_", "10", "A", "A_B", "A1", "A2", "A10", "A10b", "AB",
            "a_1", "a1", "aa", "b",
        ];
        for pair in ordered.windows(2) {
            assert!(natural(pair[0], pair[1]).is_lt(), "{pair:?}");
        }
    }
}
