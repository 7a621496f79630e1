//! A message as conditions see it: every field is taken out and folded once, however many filters ask for it.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::fold::fold;
use crate::mail::reading::Reading;

/// Maximum number of values of a field that are looked at …
const MAX_VALUES: usize = 1_000;
/// … maximum bytes of them in all …
const MAX_BYTES: usize = 64 << 10;
/// … and maximum bytes of the text (less by [`super::pattern`], where it is searched sign by sign). Mail that goes on after that cannot make filters slow.
const MAX_BODY: usize = 256 << 10;

/// A text to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// As it is in the message.
    pub shown: String,
    /// As it is compared.
    pub folded: String,
}

impl Text {
    fn of(text: &str, max: usize) -> Text {
        let shown = text.get(..text.floor_char_boundary(max)).unwrap_or(text);
        Text { shown: shown.to_owned(), folded: fold(shown) }
    }
}

/// The texts of one field.
pub(super) type Texts = Rc<[Text]>;

/// One message on its way through filters.
pub struct Look<'m> {
    pub(super) message: &'m Reading,
    /// Bytes of the whole message.
    pub(super) size: u64,
    fields: RefCell<HashMap<String, Texts>>,
    body: OnceCell<Texts>,
    flags: RefCell<HashMap<&'static str, Option<String>>>,
    /// Where in the message each header is.
    headers: OnceCell<HashMap<String, Vec<usize>>>,
}

impl<'m> Look<'m> {
    /// Nothing is taken out before it is asked for.
    pub fn new(message: &'m Reading, size: u64) -> Look<'m> {
        Look {
            message,
            size,
            fields: RefCell::default(),
            body: OnceCell::new(),
            flags: RefCell::default(),
            headers: OnceCell::new(),
        }
    }

    /// The texts of a field, taken out of the message the first time.
    pub(super) fn texts(&self, field: &str, take: impl FnOnce() -> Vec<String>) -> Texts {
        if let Some(texts) = self.fields.borrow().get(field) {
            return Rc::clone(texts);
        }
        let mut left = MAX_BYTES;
        let mut texts = Vec::new();
        for value in take().iter().take(MAX_VALUES) {
            if left == 0 {
                break;
            }
            texts.push(Text::of(value, left));
            left = left.saturating_sub(value.len().max(1));
        }
        let texts = Texts::from(texts);
        self.fields.borrow_mut().insert(field.to_owned(), Rc::clone(&texts));
        texts
    }

    /// Why the message is what a field says, found out the first time.
    pub(super) fn flag(&self, field: &'static str, test: fn(&Reading) -> Option<String>) -> Option<String> {
        self.flags.borrow_mut().entry(field).or_insert_with(|| test(self.message)).clone()
    }

    /// The values of a header, topmost first; its name in lower case.
    pub(super) fn header(&self, name: &str) -> Vec<String> {
        let headers = self.headers.get_or_init(|| {
            let mut headers: HashMap<String, Vec<usize>> = HashMap::new();
            for (at, (name, _)) in self.message.headers.iter().enumerate() {
                headers.entry(name.to_ascii_lowercase()).or_default().push(at);
            }
            headers
        });
        let places = headers.get(name).map_or(&[][..], Vec::as_slice).iter().take(MAX_VALUES);
        places.filter_map(|at| self.message.headers.get(*at)).map(|(_, value)| value.clone()).collect()
    }

    /// The readable text, and the text of the HTML where it is another.
    pub(super) fn body(&self) -> Texts {
        let take = || {
            let html = self.message.html_text().map(|html| Text::of(html, MAX_BODY));
            let plain = Text::of(&self.message.text, MAX_BODY);
            let html = html.filter(|html| html.folded != plain.folded);
            std::iter::once(plain).chain(html).collect()
        };
        Rc::clone(self.body.get_or_init(take))
    }
}
