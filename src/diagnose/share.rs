//! How the room of a question is shared among its parts: by what each is worth, and none gets more than it can use.

/// Of `room` tokens what each part gets, which can use `want` tokens and is worth `weight`.
///
/// What a part does not need goes to the others; the sum is never more than `room`.
pub(super) fn shares(parts: &[(usize, f64)], room: usize) -> Vec<usize> {
    let mut given: Vec<Option<usize>> = vec![None; parts.len()];
    let mut left = room;
    loop {
        let open =
            || parts.iter().zip(&given).filter(|(_, given)| given.is_none()).map(|((want, weight), _)| (want, weight));
        let worth: f64 = open().map(|(_, weight)| weight).sum();
        let share = |weight: f64| part_of(left, weight, worth);
        let content: Vec<usize> = parts
            .iter()
            .enumerate()
            .filter(|(at, (want, weight))| given.get(*at) == Some(&None) && *want <= share(*weight))
            .map(|(at, _)| at)
            .collect();
        if content.is_empty() {
            let rest = given.iter().zip(parts).map(|(given, (_, weight))| given.unwrap_or_else(|| share(*weight)));
            return rest.collect();
        }
        for at in content {
            let want = parts.get(at).map_or(0, |(want, _)| *want);
            if let Some(given) = given.get_mut(at) {
                *given = Some(want);
            }
            left = left.saturating_sub(want);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a small number"
)]
fn part_of(whole: usize, weight: f64, worth: f64) -> usize {
    if worth > 0.0 { (whole as f64 * (weight / worth)).floor() as usize } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(parts: &[(usize, f64)], room: usize, expected: &[usize]) {
        assert_eq!(shares(parts, room), expected);
    }

    #[test]
    fn what_a_part_does_not_need_goes_to_the_others() {
        check(&[(100, 1.0), (100, 1.0)], 300, &[100, 100]);
        check(&[(100, 1.0), (100, 1.0)], 100, &[50, 50]);
        check(&[(1000, 3.0), (1000, 1.0)], 400, &[300, 100]);
        check(&[(10, 3.0), (1000, 1.0)], 400, &[10, 390]);
        check(&[(0, 3.0), (7, 0.0)], 400, &[0, 0]);
        check(&[], 400, &[]);
    }

    proptest! {
        #[test]
        fn no_part_gets_more_than_it_can_use_and_all_of_them_no_more_than_there_is(
            parts in prop::collection::vec((0_usize..5_000, 0.1_f64..9.0), 0..8), room in 0_usize..9_000
        ) {
            let given = shares(&parts, room);
            prop_assert!(given.iter().sum::<usize>() <= room);
            prop_assert!(given.iter().zip(&parts).all(|(given, (want, _))| given <= want));
            let wanted: usize = parts.iter().map(|(want, _)| want).sum();
            if wanted <= room {
                prop_assert_eq!(given.iter().sum::<usize>(), wanted);
            }
        }
    }
}
