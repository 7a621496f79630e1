//! The columns of a statement by name. A name is looked for where the same read of the row before found its own: rows are
//! read by the same code, one after the other.

use std::cell::Cell;

/// The names of the columns of an answer, in their order.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// One after the other.
    names: String,
    /// Where in `names` each one ends.
    ends: Vec<usize>,
    /// The column that each read of the row before asked for.
    asked: Vec<Cell<usize>>,
}

impl Columns {
    pub(super) fn add(&mut self, name: &str) {
        let first = (0..self.ends.len()).find(|column| self.name(*column) == Some(name));
        self.asked.push(Cell::new(first.unwrap_or(self.ends.len())));
        self.names.push_str(name);
        self.ends.push(self.names.len());
    }

    pub(super) fn name(&self, column: usize) -> Option<&str> {
        let end = *self.ends.get(column)?;
        let start = column.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.names.get(start..end)
    }

    /// Where the column of a name is, asked for by the read of this number in a row.
    pub(super) fn place(&self, name: &str, read: usize) -> Option<usize> {
        let asked = self.asked.get(read);
        let guess = asked.map(Cell::get);
        if let Some(column) = guess.filter(|column| self.name(*column) == Some(name)) {
            return Some(column);
        }
        let column = (0..self.ends.len()).find(|column| self.name(*column) == Some(name))?;
        if let Some(asked) = asked {
            asked.set(column);
        }
        Some(column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_in_any_order_of_reads() {
        let mut columns = Columns::default();
        for name in ["id", "name", "", "id", "número"] {
            columns.add(name);
        }
        let rows: [&[(&str, Option<usize>)]; 6] = [
            &[("id", Some(0)), ("name", Some(1)), ("", Some(2)), ("número", Some(4))],
            &[("name", Some(1)), ("id", Some(0)), ("idname", None), ("n", None), ("número", Some(4))],
            // More reads than columns, and one that is not there between others.
            &[("id", Some(0)), ("x", None), ("name", Some(1)), ("id", Some(0)), ("id", Some(0)), ("name", Some(1))],
            &[("name", Some(1)), ("x", None), ("name", Some(1)), ("id", Some(0)), ("id", Some(0)), ("name", Some(1))],
            &[("", Some(2)), ("", Some(2)), ("", Some(2)), ("id", Some(0)), ("id", Some(0))],
            &[],
        ];
        for row in rows {
            for (read, (name, place)) in row.iter().enumerate() {
                assert_eq!(columns.place(name, read), *place, "{name} in {row:?}");
            }
        }
        assert_eq!(Columns::default().place("id", 0), None);
    }

    #[test]
    fn a_read_looks_first_where_the_row_before_found_its_own() {
        let mut columns = Columns::default();
        ["a", "b", "b"].iter().for_each(|name| columns.add(name));
        assert_eq!(columns.place("b", 0), Some(1), "the first of a name");
        let asked: Vec<usize> = columns.asked.iter().map(Cell::get).collect();
        assert_eq!(asked, [1, 1, 1]);
    }
}
