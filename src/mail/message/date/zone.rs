//! Zones of time as mailers write them, in seconds east of Greenwich.

const HOUR: i32 = 3600;
const HALF: i32 = 1800;

/// By a short name (`CET`), a number (`+0100`, `+01:00`, `-5`) or both (`GMT+1`, as JavaScript reads it).
pub(super) fn offset(word: &str) -> Option<i32> {
    let at = word.find(['+', '-']).unwrap_or(word.len());
    let (name, number) = word.split_at_checked(at)?;
    match (name, number) {
        ("" | "gmt" | "utc" | "ut", number) if !number.is_empty() => numeric(number),
        (name, "") => by_name(name),
        _ => None,
    }
}

fn numeric(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.chars().skip(1).filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    let (hours, minutes) = match digits.len() {
        1 | 2 => (number, 0),
        3 | 4 => (number / 100, number % 100),
        _ => return None,
    };
    (hours <= 15 && minutes < 60).then_some(sign * (hours * HOUR + minutes * 60))
}

/// Names that several countries use mean what RFC 5322 4.3 says, else the most people.
fn by_name(name: &str) -> Option<i32> {
    let hours = match name {
        "gmt" | "utc" | "ut" | "z" | "wet" => 0,
        "cet" | "mez" | "met" | "bst" | "west" => 1,
        "cest" | "mesz" | "mest" | "eet" | "sast" => 2,
        "eest" | "msk" => 3,
        "sgt" | "hkt" | "awst" => 8,
        "jst" | "kst" => 9,
        "aest" => 10,
        "aedt" => 11,
        "nzst" => 12,
        "nzdt" => 13,
        "brt" | "adt" => -3,
        "edt" | "ast" => -4,
        "est" | "cdt" => -5,
        "cst" | "mdt" => -6,
        "mst" | "pdt" => -7,
        "pst" | "akdt" => -8,
        "akst" => -9,
        "hst" => -10,
        "ist" => return Some(5 * HOUR + HALF),
        "acst" => return Some(9 * HOUR + HALF),
        _ => return None,
    };
    Some(hours * HOUR)
}

/// By words such as `Eastern Standard Time` or `W. Europe Daylight Time`, the names of Windows and of Java.
pub(super) fn by_words(words: &[String]) -> Option<i32> {
    let named = words.join(" ").replace('.', "");
    let region = named.split(" standard").next()?.split(" daylight").next()?.split(" summer").next()?;
    // One short name alone is read by itself.
    if words.len() < 2 {
        return None;
    }
    if let [name, summer] = words
        && summer == "dst"
    {
        return by_name(name).map(|standard| standard + HOUR);
    }
    let region = region.trim_end_matches(" time").trim_end_matches(" zeit").trim_end_matches(" sommerzeit").trim();
    let is_summer = ["daylight", "summer", "sommer"].iter().any(|word| named.contains(word));
    let standard = ZONES.iter().find(|(names, _)| names.contains(&region))?.1;
    Some(standard + if is_summer { HOUR } else { 0 })
}

#[rustfmt::skip]
const ZONES: [(&[&str], i32); 32] = [
    (&["gmt", "utc", "greenwich", "greenwich mean", "coordinated universal", "western european", "british"], 0),
    (&["w europe", "central europe", "central european", "romance", "w central africa", "middle european", "mitteleurop\u{e4}ische", "irish"], HOUR),
    (&["e europe", "eastern europe", "eastern european", "gtb", "fle", "south africa", "israel", "egypt", "middle east", "jordan", "osteurop\u{e4}ische"], 2 * HOUR),
    (&["turkey", "russian", "moscow", "arab", "arabic", "belarus", "e africa", "east africa", "east african"], 3 * HOUR),
    (&["iran"], 3 * HOUR + HALF),
    (&["arabian", "gulf", "azerbaijan", "georgian", "caucasus", "mauritius"], 4 * HOUR),
    (&["afghanistan"], 4 * HOUR + HALF),
    (&["pakistan", "west asia", "ekaterinburg"], 5 * HOUR),
    (&["india", "indian", "sri lanka"], 5 * HOUR + HALF),
    (&["nepal"], 5 * HOUR + 45 * 60),
    (&["bangladesh", "central asia", "omsk"], 6 * HOUR),
    (&["myanmar"], 6 * HOUR + HALF),
    (&["se asia", "indochina", "n central asia", "western indonesia"], 7 * HOUR),
    (&["china", "singapore", "w australia", "taipei", "malay peninsula", "hong kong", "australian western", "philippine"], 8 * HOUR),
    (&["tokyo", "japan", "korea", "korean", "yakutsk"], 9 * HOUR),
    (&["cen australia", "aus central", "australian central"], 9 * HOUR + HALF),
    (&["aus eastern", "e australia", "australian eastern", "tasmania", "west pacific", "vladivostok"], 10 * HOUR),
    (&["central pacific"], 11 * HOUR),
    (&["new zealand", "fiji"], 12 * HOUR),
    (&["tonga"], 13 * HOUR),
    (&["azores", "cape verde"], -HOUR),
    (&["mid-atlantic"], -2 * HOUR),
    (&["e south america", "argentina", "sa eastern", "greenland", "brasilia", "montevideo", "bahia"], -3 * HOUR),
    (&["newfoundland"], -3 * HOUR - HALF),
    (&["atlantic", "sa western", "pacific sa", "paraguay", "venezuela", "central brazilian"], -4 * HOUR),
    (&["eastern", "us eastern", "sa pacific", "cuba", "haiti", "colombia", "peru"], -5 * HOUR),
    (&["central", "canada central", "central america", "mexico"], -6 * HOUR),
    (&["mountain", "us mountain"], -7 * HOUR),
    (&["pacific"], -8 * HOUR),
    (&["alaska", "alaskan"], -9 * HOUR),
    (&["hawaii", "hawaiian", "hawaii-aleutian"], -10 * HOUR),
    (&["samoa", "dateline"], -11 * HOUR),
];
