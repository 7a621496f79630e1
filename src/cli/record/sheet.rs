//! The CSV file of `record import` (RFC 4180): a line of headings, then one record a line. No cell is believed.

use csv::{ReaderBuilder, StringRecord, Terminator, WriterBuilder};

use super::fields::Fields;
use crate::store::label::labels;

labels! {
    /// Columns in any order; all but the name may be missing.
    pub enum SheetColumn {
        /// Name.
        Name = "name",
        /// Addresses, separated by semicolons or blanks.
        Email = "email",
        /// Name of the company.
        Company = "company",
        /// Teams, separated by semicolons.
        Team = "team",
        /// Username of the assignee.
        AssignedUser = "assigned_user",
        /// Why a line was refused before: not read.
        Reason = "reason",
    }
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it begins, from 1.
    pub number: u64,
    cells: Vec<String>,
}

/// A file that could be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Sheet {
    columns: Vec<SheetColumn>,
    /// Lines below the headings.
    pub lines: Vec<Line>,
}

impl Sheet {
    /// Reads UTF-8 text, with or without a byte order mark.
    ///
    /// # Errors
    /// One sentence: another encoding, no headings, headings that are not known or there twice.
    pub fn read(bytes: &[u8]) -> Result<Sheet, String> {
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
            format!("line {} is not UTF-8", 1 + before.iter().filter(|b| **b == b'\n').count())
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut records = reader.records();
        let heading =
            records.next().ok_or("is empty; its first line must name the columns")?.map_err(|e| e.to_string())?;
        let columns = columns(&heading)?;
        let mut numbers = Numbers { text: text.as_bytes(), at: 0, number: 1 };
        let mut lines = Vec::new();
        for record in records {
            let record = record.map_err(|e| e.to_string())?;
            let at = record.position().map_or(0, |position| position.byte());
            let cells = record.iter().map(str::to_owned).collect();
            lines.push(Line { number: numbers.at(usize::try_from(at).unwrap_or_default()), cells });
        }
        Ok(Sheet { columns, lines })
    }

    /// The name and the other fields of a line, as flags would say them.
    ///
    /// # Errors
    /// Cells without a heading, or headings without a cell.
    pub fn fields(&self, line: &Line) -> Result<(String, Fields), String> {
        if line.cells.len() != self.columns.len() {
            return Err(format!("has {} cells, the headings are {}", line.cells.len(), self.columns.len()));
        }
        let list = |column, separators: &[char]| -> Vec<String> {
            let parts = self.cell(line, column).split(|c: char| separators.contains(&c));
            parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let one = |column| Some(self.cell(line, column).to_owned()).filter(|text| !text.is_empty());
        let fields = Fields {
            emails: list(SheetColumn::Email, &[';', ' ', '\t', '\n', '\r']),
            company: one(SheetColumn::Company),
            teams: list(SheetColumn::Team, &[';']),
            assign_to: one(SheetColumn::AssignedUser),
            ..Fields::default()
        };
        Ok((self.cell(line, SheetColumn::Name).to_owned(), fields))
    }

    fn cell<'l>(&self, line: &'l Line, column: SheetColumn) -> &'l str {
        let at = self.columns.iter().position(|known| *known == column);
        at.and_then(|at| line.cells.get(at)).map_or("", |cell| cell.trim())
    }

    /// Lines with the reasons why they were refused, as a file that can be imported again once it is corrected; so cells
    /// are written as they came.
    pub fn rejects(&self, refused: &[(&Line, String)]) -> Result<Vec<u8>, csv::Error> {
        let mut writer = WriterBuilder::new().flexible(true).terminator(Terminator::CRLF).from_writer(Vec::new());
        let kept: Vec<usize> = (0..self.columns.len()).filter(|at| !self.is_reason(*at)).collect();
        let headings = kept.iter().filter_map(|at| self.columns.get(*at)).map(|column| column.as_str());
        writer.write_record(headings.chain([SheetColumn::Reason.as_str()]))?;
        for (line, reason) in refused {
            let cells = kept.iter().map(|at| line.cells.get(*at).map_or("", String::as_str));
            let beyond = line.cells.iter().skip(self.columns.len()).map(String::as_str);
            writer.write_record(cells.chain([reason.as_str()]).chain(beyond))?;
        }
        writer.into_inner().map_err(|e| e.into_error().into())
    }

    fn is_reason(&self, at: usize) -> bool {
        self.columns.get(at) == Some(&SheetColumn::Reason)
    }
}

fn columns(heading: &StringRecord) -> Result<Vec<SheetColumn>, String> {
    let mut columns = Vec::new();
    for name in heading {
        let column: SheetColumn = name.trim().parse().map_err(|e| format!("a column {e}"))?;
        if columns.contains(&column) {
            return Err(format!("has the column {column} twice"));
        }
        columns.push(column);
    }
    if columns.contains(&SheetColumn::Name) { Ok(columns) } else { Err("has no column name".to_owned()) }
}

/// Counts lines. The parser's own numbers stop before the line end and the empty lines that it skips.
struct Numbers<'t> {
    text: &'t [u8],
    at: usize,
    number: u64,
}

impl Numbers<'_> {
    /// The number of the line of the first byte from here on that does not end a line; asked in ascending order.
    fn at(&mut self, begin: usize) -> u64 {
        let ends = |b: &&u8| matches!(b, b'\r' | b'\n');
        let begin = begin + self.text.get(begin..).unwrap_or_default().iter().take_while(ends).count();
        let between = self.text.get(self.at..begin).unwrap_or_default();
        self.number += between.iter().filter(|b| **b == b'\n').count() as u64;
        self.at = begin;
        self.number
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn files_that_cannot_be_read_say_why() {
        for (bytes, words) in [
            (&b""[..], "is empty"),
            (b"\xef\xbb\xbf", "is empty"),
            (b"email,team\r\na@b.c,X\r\n", "no column name"),
            (b"name,phone\r\n", "must be one of name, email, company, team, assigned_user, reason, not \"phone\""),
            (b"name;email\r\n", "not \"name;email\""),
            (b"name,Name\r\n", "twice"),
            (b"name\r\nB\xfcdi\r\n", "line 2 is not UTF-8"),
        ] {
            let refused = Sheet::read(bytes).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn cells_are_read_as_written_and_given_back_with_the_reason() {
        let text = "\u{feff}Email,name,reason,team\r\n\"a@b.c; d@e.f g@h.i\",\" Budi \"\"B\"\", Jr \",old,One; Two\r\n\r\n,\"two\nlines\",,\r\nx,y\n";
        let sheet = Sheet::read(text.as_bytes()).unwrap();
        assert_eq!(sheet.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [2, 4, 6]);
        let (name, fields) = sheet.fields(&sheet.lines[0]).unwrap();
        assert_eq!((name.as_str(), fields.emails.join("|").as_str()), ("Budi \"B\", Jr", "a@b.c|d@e.f|g@h.i"));
        assert_eq!((fields.teams.join("|").as_str(), fields.company), ("One|Two", None));
        assert_eq!(sheet.fields(&sheet.lines[1]).unwrap().0, "two\nlines");
        assert_eq!(sheet.fields(&sheet.lines[2]).unwrap_err(), "has 2 cells, the headings are 4");
        let refused = [(&sheet.lines[0], "no, thanks".to_owned()), (&sheet.lines[2], "short".to_owned())];
        let written = String::from_utf8(sheet.rejects(&refused).unwrap()).unwrap();
        let expected = "email,name,team,reason\r\na@b.c; d@e.f g@h.i,\" Budi \"\"B\"\", Jr \",One; Two,\"no, thanks\"\r\nx,y,,short\r\n";
        assert_eq!(written, expected);
        assert!(Sheet::read(written.as_bytes()).is_ok(), "what was refused can be imported again");
    }
}
