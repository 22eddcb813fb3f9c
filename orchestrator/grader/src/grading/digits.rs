//! Digits that other countries write otherwise, where only the gold answer tells what is meant.

/// A number with a decimal comma, with a point instead.
///
/// One digit after a comma is more often a second element of a list.
pub(crate) fn decimal_comma(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once(',')?;
    let fits =
        is_digits(whole.trim_start_matches('-')) && is_digits(fraction) && fraction.len() == 2;
    fits.then(|| format!("{whole}.{fraction}"))
}

/// A number in the Indian grouping, `12,34,567`, without its commas.
pub(crate) fn indian(text: &str) -> Option<String> {
    let text = text.trim_matches('$');
    let mut groups = text.trim_start_matches('-').split(',').collect::<Vec<_>>();
    let last = groups.pop()?;
    let first = *groups.first()?;
    let fits = last.len() == 3
        && (1..=2).contains(&first.len())
        && groups.len() >= 2
        && groups[1..].iter().all(|group| group.len() == 2)
        && groups.iter().chain([&last]).all(|group| is_digits(group));
    fits.then(|| text.replace(',', ""))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
