//! Times as people say them: "yesterday", "last night", "on Monday", "3 hours ago", a date.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::{Timestamp, ToSpan as _, Zoned};

use super::tokens::Token;

/// A span of time that a question speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// The words for it.
    pub(crate) said: String,
}

/// The first time that `tokens` speak of, and which of them do. An error for a date that can be read in two ways.
pub(super) fn find(tokens: &[Token], now: &Zoned) -> Result<Option<(When, Vec<usize>)>, String> {
    for at in 0..tokens.len() {
        // "may" and "march" are verbs too.
        let is_verb = tokens.get(at).is_some_and(|token| matches!(token.text.as_str(), "may" | "march" | "mar"));
        if is_verb {
            continue;
        }
        let word = |ahead: usize| tokens.get(at + ahead).filter(|t| !t.quoted).map_or("", |t| t.lower.as_str());
        if word(0).is_empty() || is_of_success(tokens, at) {
            continue;
        }
        if let Some((from, to, length)) =
            relative([word(0), word(1), word(2)], now).or_else(|| span(word(0), word(1), word(2), word(3), now))
        {
            return Ok(told(tokens, at, length, from, to, now));
        }
        if let Some((date, length)) = date([word(0), word(1), word(2)], now)? {
            return Ok(told(tokens, at, length, start(date), start(next(date)), now));
        }
    }
    Ok(None)
}

/// Whether the time at `at` is one when all was well: "it worked yesterday".
fn is_of_success(tokens: &[Token], at: usize) -> bool {
    let before = tokens.get(at.saturating_sub(3)..at).unwrap_or_default().iter().rev();
    let mut clause = before.take_while(|token| !token.last);
    clause.any(|token| {
        matches!(
            token.lower.as_str(),
            "worked" | "working" | "fine" | "ok" | "succeeded" | "passed" | "green" | "since" | "until"
        )
    })
}

fn told(
    tokens: &[Token],
    at: usize,
    length: usize,
    from: DateTime,
    to: DateTime,
    now: &Zoned,
) -> Option<(When, Vec<usize>)> {
    let zone = now.time_zone();
    let instant = |time: DateTime| time.to_zoned(zone.clone()).ok().map(|time| time.timestamp());
    let used: Vec<usize> = (at..at + length).collect();
    let words: Vec<&str> =
        used.iter().filter_map(|index| tokens.get(*index)).map(|token| token.text.as_str()).collect();
    Some((When { from: instant(from)?, to: instant(to)?, said: words.join(" ") }, used))
}

/// Words that name a day or a part of one by where it lies from now.
fn relative([one, two, three]: [&str; 3], now: &Zoned) -> Option<(DateTime, DateTime, usize)> {
    let today = now.date();
    let day = |back: i64| today.checked_sub(back.days()).unwrap_or(today);
    let hours = |date: Date, from: i8, to: i8| {
        let end = if to >= 24 { next(date).at(to - 24, 0, 0, 0) } else { date.at(to, 0, 0, 0) };
        (date.at(from, 0, 0, 0), end)
    };
    let part = |date: Date, word: &str| match word {
        "morning" => Some(hours(date, 0, 12)),
        "afternoon" => Some(hours(date, 12, 18)),
        "evening" => Some(hours(date, 17, 24)),
        "night" => Some(hours(date, 18, 33)),
        _ => None,
    };
    let with = |(from, to): (DateTime, DateTime), length| Some((from, to, length));
    let whole = |date: Date| (start(date), start(next(date)));
    match (one, two) {
        ("today", _) => with(whole(today), 1),
        ("tonight", _) => with(hours(today, 17, 30), 1),
        ("overnight", _) => with(hours(day(1), 18, 33), 1),
        ("yesterday", _) => match part(day(1), two) {
            Some(span) => with(span, 2),
            None => with(whole(day(1)), 1),
        },
        ("this", "week") => with((start(monday(today)), start(next(today))), 2),
        ("last", "week") => {
            let monday = monday(today);
            with((start(monday.checked_sub(7.days()).ok()?), start(monday)), 2)
        }
        ("last", "night") => with(hours(day(1), 18, 33), 2),
        ("last" | "yesterday's", "evening") => with(hours(day(1), 17, 24), 2),
        ("this", part_of_day) => with(part(today, part_of_day)?, 2),
        _ => {
            let (is_last, name, after, length) =
                if one == "last" { (true, two, three, 2) } else { (false, one, two, 1) };
            let wanted = weekday(name)?;
            let back = i64::from(today.weekday().since(wanted));
            let date = day(if back == 0 && is_last { 7 } else { back });
            match part(date, after) {
                Some(span) => with(span, length + 1),
                None => with(whole(date), length),
            }
        }
    }
}

/// "3 hours ago", "an hour ago", "in the last 2 days".
fn span(one: &str, two: &str, three: &str, four: &str, now: &Zoned) -> Option<(DateTime, DateTime, usize)> {
    let number = |word: &str| match word {
        "a" | "an" | "one" => Some(1),
        "two" => Some(2),
        "three" => Some(3),
        "few" => Some(4),
        _ => word.parse::<i64>().ok().filter(|number| (1..=10_000).contains(number)),
    };
    let unit = |word: &str| match word.trim_end_matches('s') {
        "minute" | "min" => Some(1),
        "hour" => Some(60),
        "day" => Some(24 * 60),
        "week" => Some(7 * 24 * 60),
        _ => None,
    };
    let back = |minutes: i64| now.datetime().checked_sub(minutes.minutes()).ok();
    if matches!(one, "last" | "past") {
        let (count, minutes, length) = match (number(two), unit(three)) {
            (Some(count), Some(minutes)) => (count, minutes, 3),
            _ => (1, unit(two)?, 2),
        };
        return Some((back(count * minutes)?, now.datetime(), length));
    }
    let (count, minutes, length) = match (number(one)?, two) {
        (_, "couple" | "few") => return None,
        (count, word) => (count, unit(word)?, 3),
    };
    if three != "ago" {
        return None;
    }
    let _ = four;
    let ago = count * minutes;
    if minutes >= 24 * 60 {
        let date = back(ago)?.date();
        let end = if minutes > 24 * 60 { date.checked_add(7.days()).ok()? } else { next(date) };
        return Some((start(date), start(end), length));
    }
    // Nobody who says "two hours ago" has looked at a clock.
    Some((back(ago * 2)?, back(ago / 2)?, length))
}

/// A date, as `2026-02-10`, `10 February`, `Feb 10th, 2026`.
fn date([one, two, three]: [&str; 3], now: &Zoned) -> Result<Option<(Date, usize)>, String> {
    if let Some(date) = one
        .get(..10)
        .and_then(|text| text.parse::<Date>().ok())
        .filter(|_| one.len() == 10 || one.get(10..11) == Some("t"))
    {
        return Ok(Some((date, 1)));
    }
    if let Some(date) = slashed(one)? {
        return Ok(Some((date, 1)));
    }
    let day = |word: &str| -> Option<i8> {
        word.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().ok().filter(|day| (1..=31).contains(day))
    };
    let named = match (day(one), month(two)) {
        (Some(day), Some(month)) => Some((day, month)),
        _ => month(one).zip(day(two)).map(|(month, day)| (day, month)),
    };
    let Some((day, month)) = named else { return Ok(None) };
    let year = three.parse::<i16>().ok().filter(|year| (2000..=2200).contains(year));
    let of = |year: i16| Date::new(year, month, day).ok();
    let today = now.date();
    // Without a year it is the last such day.
    let found = match year {
        Some(year) => of(year),
        None => of(today.year()).filter(|date| *date <= today).or_else(|| of(today.year() - 1)),
    };
    Ok(found.map(|date| (date, if year.is_some() { 3 } else { 2 })))
}

/// `31/12/2026` and `12/31/2026`; `10.2.2026` would be a version.
fn slashed(word: &str) -> Result<Option<Date>, String> {
    let parts: Vec<i16> = word.split('/').map_while(|part| part.parse().ok()).collect();
    let [one, two, year] = parts.as_slice() else { return Ok(None) };
    if word.split('/').count() != 3 || !(2000..=2200).contains(year) {
        return Ok(None);
    }
    let of = |day: i16, month: i16| Date::new(*year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
    match (of(*one, *two), of(*two, *one)) {
        (Some(a), Some(b)) if a != b => Err(format!("the date {word} can be read in two ways: write {a} or {b}")),
        (found, other) => Ok(found.or(other)),
    }
}

fn start(date: Date) -> DateTime {
    date.at(0, 0, 0, 0)
}

fn next(date: Date) -> Date {
    date.tomorrow().unwrap_or(date)
}

fn monday(date: Date) -> Date {
    date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days()).unwrap_or(date)
}

fn weekday(word: &str) -> Option<Weekday> {
    let word = word.trim_end_matches("'s");
    Some(match word {
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let fits = |name: &&str| {
        *name == word || (word.len() >= 3 && name.get(..3) == Some(word)) || (word == "sept" && **name == *"september")
    };
    let at = MONTHS.iter().position(fits)?;
    i8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    /// On Wednesday, 11 February 2026, at half past nine in the morning in a zone an hour before UTC.
    fn check(text: &str, expected: Option<(&str, &str, &str)>) {
        let now: Zoned = "2026-02-11T09:30:00+01:00[+01:00]".parse().unwrap();
        let found = find(&tokens(text), &now).unwrap();
        let shown = found.map(|(when, _)| {
            let local = |time: Timestamp| time.to_zoned(now.time_zone().clone()).strftime("%m-%d %H:%M").to_string();
            (local(when.from), local(when.to), when.said)
        });
        let expected = expected.map(|(from, to, said)| (from.to_owned(), to.to_owned(), said.to_owned()));
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn days_and_their_parts_are_those_of_the_asker() {
        check("what failed today", Some(("02-11 00:00", "02-12 00:00", "today")));
        check("what failed yesterday?", Some(("02-10 00:00", "02-11 00:00", "yesterday")));
        check("failed yesterday evening", Some(("02-10 17:00", "02-11 00:00", "yesterday evening")));
        check("failed last night", Some(("02-10 18:00", "02-11 09:00", "last night")));
        check("failed this morning", Some(("02-11 00:00", "02-11 12:00", "this morning")));
        check("failed on Monday", Some(("02-09 00:00", "02-10 00:00", "Monday")));
        check("failed last Wednesday", Some(("02-04 00:00", "02-05 00:00", "last Wednesday")));
        check("failed on Monday night", Some(("02-09 18:00", "02-10 09:00", "Monday night")));
        check("failed last week", Some(("02-02 00:00", "02-09 00:00", "last week")));
        check("the last failed run", None);
        check("why did \"yesterday\" fail", None);
        check("it worked yesterday, why does it fail", None);
        check("why does it fail today, it worked yesterday", Some(("02-11 00:00", "02-12 00:00", "today")));
        check("it may 3 times in a row", None);
    }

    #[test]
    fn spans_are_counted_back_from_now() {
        check("failed 2 hours ago", Some(("02-11 05:30", "02-11 08:30", "2 hours ago")));
        check("failed 3 days ago", Some(("02-08 00:00", "02-09 00:00", "3 days ago")));
        check("failed in the last 24 hours", Some(("02-10 09:30", "02-11 09:30", "last 24 hours")));
    }

    #[test]
    fn dates_are_read_in_every_clear_form() {
        let tenth = |said: &'static str| Some(("02-10 00:00", "02-11 00:00", said));
        check("failed on 2026-02-10", tenth("2026-02-10"));
        check("failed on 10 February", tenth("10 February"));
        check("failed on Feb 10th, 2026", tenth("Feb 10th 2026"));
        check("failed on 13/01/2026", Some(("01-13 00:00", "01-14 00:00", "13/01/2026")));
        check("failed on 24 December", Some(("12-24 00:00", "12-25 00:00", "24 December")));
        let now: Zoned = "2026-02-11T09:30:00+00:00[UTC]".parse().unwrap();
        assert!(find(&tokens("on 02/03/2026"), &now).unwrap_err().contains("two ways: write 2026-03-02 or 2026-02-03"));
    }
}
