use super::*;

#[test]
fn parts_are_found_whatever_the_case() {
    for (text, part, expected) in [
        ("Invoice 2231", "invoice", true),
        ("overdue INVOICE", "invoice", true),
        ("invoic", "invoice", false),
        ("", "a", false),
        ("anything", "", true),
        ("GRÖSSE Ärger", "ärger", true),
        ("ΟΔΟΣ ΟΔΟΣ", "οδοσ", true),
        ("plain", "ä", false),
        ("100%", "0%", true),
        ("a_b", "a%b", false),
    ] {
        assert_eq!(mentions(text, &folded(part)), expected, "{part} in {text}");
    }
}

#[test]
fn words_never_become_syntax() {
    for (text, begins, expected) in [
        ("invoice", false, "\"invoice\""),
        ("invoic", true, "\"invoic\" *"),
        ("a\" OR subject:\"b", false, "\"a\"\" OR subject:\"\"b\""),
        ("NEAR(a b) AND -c ^d", false, "\"NEAR(a b) AND -c ^d\""),
    ] {
        assert_eq!(matching(&Words { text: text.to_owned(), begins }), expected);
    }
}
