//! How long it takes to make a machine of a regular expression, told from how it is written.
//!
//! Only the tree of its syntax is made for that. All that costs more, tables of Unicode and copies of what is repeated,
//! is counted, so that [`super::effort`] can say no before it is made.

use regex_syntax::ast::{Ast, ClassPerlKind, ClassSet, ClassSetItem, RepetitionKind, RepetitionRange};

use super::budget::Steps;

/// A letter, with its other case.
const LETTER: Steps = 300;
/// Where one of the cases is not ASCII: `K` is also the sign of Kelvin, `s` also the long one.
const OTHERS: Steps = 900;
/// Any character: the bytes of UTF-8 in all their lengths.
const ANY: Steps = 1_800;
/// A class of a few characters, and each range of it.
const CLASS: Steps = 300;
const RANGE: Steps = 300;
/// What a repetition adds to each time.
const AGAIN: Steps = 150;
/// Every character of a range is looked up for its other case.
const CHARACTER: Steps = 20;
/// A class of Unicode: its ranges as bytes …
const TABLE: Steps = 100_000;
/// … and, once for each place where it is written, every character of it for its other case.
const LOOKED_UP: Steps = 150_000;

/// What a tree costs.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// For each place where it is written.
    read: Steps,
    /// For each repetition.
    made: Steps,
}

impl Cost {
    fn made(made: Steps) -> Cost {
        Cost { read: 0, made }
    }

    fn and(self, other: Cost) -> Cost {
        Cost { read: self.read.saturating_add(other.read), made: self.made.saturating_add(other.made) }
    }
}

/// Steps that the machine of an expression takes to be made, at most.
pub(super) fn of(ast: &Ast) -> Steps {
    let Cost { read, made } = cost(ast);
    read.saturating_add(made)
}

fn cost(ast: &Ast) -> Cost {
    match ast {
        Ast::Empty(_) | Ast::Flags(_) => Cost::made(AGAIN),
        Ast::Assertion(_) => Cost::made(LETTER),
        Ast::Literal(literal) => Cost::made(LETTER + others(literal.c, literal.c)),
        Ast::Dot(_) => Cost::made(ANY),
        Ast::ClassUnicode(_) => table(),
        Ast::ClassPerl(class) => perl(&class.kind),
        Ast::ClassBracketed(class) => set(&class.kind).and(Cost::made(if class.negated { CLASS + ANY } else { CLASS })),
        Ast::Repetition(repetition) => {
            let Cost { read, made } = cost(&repetition.ast);
            let each = made.saturating_add(AGAIN);
            Cost { read, made: each.saturating_mul(times(&repetition.op.kind)) }
        }
        // Flags may change what case means, but not what it costs.
        Ast::Group(group) => cost(&group.ast).and(Cost::made(AGAIN)),
        Ast::Alternation(all) => sum(&all.asts),
        Ast::Concat(all) => sum(&all.asts),
    }
}

fn sum(asts: &[Ast]) -> Cost {
    asts.iter().map(cost).fold(Cost::default(), Cost::and)
}

/// How often what is repeated stands in the machine.
fn times(kind: &RepetitionKind) -> u64 {
    let times = match kind {
        RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
        RepetitionKind::Range(RepetitionRange::Exactly(n) | RepetitionRange::Bounded(_, n)) => *n,
        RepetitionKind::Range(RepetitionRange::AtLeast(n)) => n.saturating_add(1),
    };
    u64::from(times.max(1))
}

fn table() -> Cost {
    Cost { read: LOOKED_UP, made: TABLE }
}

fn perl(kind: &ClassPerlKind) -> Cost {
    match kind {
        ClassPerlKind::Space => Cost { read: CLASS, made: 8 * ANY },
        ClassPerlKind::Digit | ClassPerlKind::Word => Cost { read: RANGE, made: TABLE },
    }
}

fn set(set: &ClassSet) -> Cost {
    match set {
        ClassSet::Item(item) => self::item(item),
        ClassSet::BinaryOp(both) => self::set(&both.lhs).and(self::set(&both.rhs)),
    }
}

fn item(item: &ClassSetItem) -> Cost {
    match item {
        ClassSetItem::Empty(_) => Cost::default(),
        ClassSetItem::Literal(literal) => Cost::made(RANGE + others(literal.c, literal.c)),
        ClassSetItem::Ascii(_) => Cost::made(RANGE + OTHERS + ANY),
        ClassSetItem::Range(range) => {
            let (start, end) = (range.start.c, range.end.c);
            let length = u64::from(u32::from(end).saturating_sub(u32::from(start)));
            Cost { read: length.saturating_mul(CHARACTER), made: RANGE + others(start, end) }
        }
        ClassSetItem::Unicode(_) => table(),
        ClassSetItem::Perl(class) => perl(&class.kind),
        ClassSetItem::Bracketed(class) => set(&class.kind).and(Cost::made(ANY)),
        ClassSetItem::Union(union) => union.items.iter().map(self::item).fold(Cost::default(), Cost::and),
    }
}

/// What a range takes more, if it or another case of it goes beyond ASCII.
fn others(start: char, end: char) -> Steps {
    let has = |c| (start..=end).contains(&c);
    if !end.is_ascii() {
        ANY + OTHERS
    } else if ['k', 'K', 's', 'S'].into_iter().any(has) {
        OTHERS
    } else {
        0
    }
}
