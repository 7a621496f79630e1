//! Circles of files: a file that leads back to itself by what it imports. They are found by reading the sources: `use`
//! with `super::`, `self::` and `crate::`, paths in the code, and names that a folder's own file passes on.
//!
//! One arrow is not counted: a file in a folder may take what the folder's own file defines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Arrows that close a circle and are allowed to.
const ALLOWED: &[(&str, &str)] = &[
    // A list of cases can ask about their emails, and a list of emails about their cases.
    ("store/search/cases", "store/search/emails"),
    // A message can be in a message, as its text, as what it is about, or as a whole report.
    ("mail/message/body/readable", "mail/message/enclosed"),
    ("mail/message/enclosed", "mail/message/body"),
    ("mail/message/enclosed", "mail/bounce"),
];

/// The names that lead to a module: none for the crate.
type Module = Vec<String>;

/// Every source file with what it imports.
struct House {
    /// Code without comments and tests.
    code: BTreeMap<Module, String>,
    /// What a file calls by a short name.
    imports: BTreeMap<Module, BTreeMap<String, Module>>,
}

/// The module of a source file; `main.rs` and tests are none.
fn module(path: &Path) -> Option<Module> {
    if super::is_test(path) {
        return None;
    }
    let mut names: Module = path.with_extension("").iter().map(|name| name.to_string_lossy().into_owned()).collect();
    match names.last().map(String::as_str) {
        Some("main") => return None,
        Some("lib") => drop(names.pop()),
        _ => {}
    }
    Some(names)
}

/// The names of a path.
fn names(path: &str) -> Module {
    path.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The paths of a `use`, each with the name it is called by.
fn flat(tree: &str, before: &[String], found: &mut Vec<(String, Module)>) {
    let (mut depth, mut begin) = (0, 0);
    let mut parts = Vec::new();
    for (at, sign) in tree.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&tree[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tree[begin..]);
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        if let Some((path, inner)) = part.split_once('{') {
            let path: Module = [before, &names(path)].concat();
            flat(inner.rsplit_once('}').unwrap().0, &path, found);
        } else {
            let (path, called) = part.split_once(" as ").unwrap_or((part, ""));
            let mut path: Module = [before, &names(path)].concat();
            if path.len() > 1 && path.last().is_some_and(|name| name == "self") {
                path.pop();
            }
            let called = if called.is_empty() { path.last().unwrap() } else { called.trim() };
            found.push((called.to_owned(), path));
        }
    }
}

/// The trees of the `use` declarations, and the code without them.
fn uses(code: &str) -> (Vec<String>, String) {
    let (mut trees, mut rest) = (Vec::new(), String::new());
    let mut open: Option<String> = None;
    for line in code.lines() {
        let bare = line.trim_start();
        let bare = bare.strip_prefix("pub").map_or(bare, |rest| match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(')').map_or("", |(_, rest)| rest).trim_start(),
            None => rest.trim_start(),
        });
        match (&mut open, bare.strip_prefix("use ")) {
            (Some(tree), _) => tree.push_str(line),
            (None, Some(tree)) => open = Some(tree.to_owned()),
            (None, None) => {
                rest.push_str(line);
                rest.push('\n');
            }
        }
        if let Some(tree) = open.take_if(|tree| tree.trim_end().ends_with(';')) {
            trees.push(tree.trim_end().trim_end_matches(';').to_owned());
        }
    }
    (trees, rest)
}

impl House {
    fn read() -> House {
        let mut house = House { code: BTreeMap::new(), imports: BTreeMap::new() };
        let mut trees = BTreeMap::new();
        for (path, text) in super::sources() {
            let Some(module) = module(&path) else { continue };
            let code: String = text.lines().map(|line| format!("{}\n", line.split("//").next().unwrap())).collect();
            let (used, rest) = uses(&code);
            house.code.insert(module.clone(), rest);
            trees.insert(module, used);
        }
        for (module, trees) in trees {
            let mut found = Vec::new();
            trees.iter().for_each(|tree| flat(tree, &[], &mut found));
            let found = found.into_iter().filter_map(|(name, path)| Some((name, house.absolute(&module, &path)?)));
            let found = found.collect();
            house.imports.insert(module, found);
        }
        house
    }

    /// A path from the crate on; `None` = it leads out of it.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let ups = path.iter().take_while(|name| *name == "super").count();
        let rest = &path[ups..];
        match path.first().map(String::as_str) {
            Some("crate") => Some(path[1..].to_vec()),
            Some("self") => Some([module, &path[1..]].concat()),
            Some("super") => Some([&module[..module.len().checked_sub(ups)?], rest].concat()),
            Some(first) => {
                let child = [module.as_slice(), &[first.to_owned()]].concat();
                self.code.contains_key(&child).then(|| [module.as_slice(), path].concat())
            }
            None => None,
        }
    }

    /// The file that defines what a path from the crate on leads to, also through the files that pass it on.
    fn definer(&self, path: &[String], hops: usize) -> Module {
        let end = (0..=path.len()).rev().find(|end| self.code.contains_key(&path[..*end])).unwrap();
        let (module, rest) = path.split_at(end);
        let passed_on = rest.first().and_then(|name| self.imports.get(module)?.get(name));
        match passed_on {
            Some(origin) if hops > 0 => self.definer(&[origin, &rest[1..]].concat(), hops - 1),
            _ => module.to_vec(),
        }
    }

    /// The files that a file takes something from, without those whose folder it is in.
    fn arrows(&self, module: &Module) -> BTreeSet<Module> {
        let (code, imports) = (&self.code[module], &self.imports[module]);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let words: BTreeSet<&str> = code.split(|c| !is_word(c)).collect();
        // What is only passed on is used by those who take it.
        let is_used = |name: &str, path: &Module| {
            !(path.len() > module.len() && path.starts_with(module)) || words.contains(name)
        };
        let mut paths: Vec<Module> =
            imports.iter().filter(|(name, path)| is_used(name, path)).map(|(_, path)| path.clone()).collect();
        for word in code.split(|c| !is_word(c) && c != ':').filter(|word| word.contains("::")) {
            let path = names(word);
            let known = path.first().and_then(|first| imports.get(first));
            paths.extend(match known {
                Some(origin) => Some([origin, &path[1..]].concat()),
                None => self.absolute(module, &path),
            });
        }
        let files = paths.into_iter().map(|path| self.definer(&path, 8));
        files.filter(|file| !module.starts_with(file)).collect()
    }
}

/// Files that can be reached from one.
fn reached<'a>(arrows: &'a BTreeMap<Module, BTreeSet<Module>>, from: &'a Module) -> BTreeSet<&'a Module> {
    let (mut open, mut found) = (vec![from], BTreeSet::new());
    while let Some(next) = open.pop() {
        open.extend(arrows.get(next).into_iter().flatten().filter(|file| found.insert(*file)));
    }
    found
}

/// The arrows that are left once every file is taken away that leads nowhere or that nothing leads to.
fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let mut left: BTreeSet<&Module> = arrows.keys().collect();
    let between = |left: &BTreeSet<&Module>| -> Vec<(Module, Module)> {
        let of = |file: &&Module| arrows[*file].iter().map(|to| ((*file).clone(), to.clone())).collect::<Vec<_>>();
        left.iter().flat_map(of).filter(|(_, to)| left.contains(to)).collect()
    };
    loop {
        let pairs = between(&left);
        let (from, to): (BTreeSet<&Module>, BTreeSet<&Module>) = pairs.iter().map(|(from, to)| (from, to)).unzip();
        let kept: BTreeSet<&Module> = left.iter().copied().filter(|f| from.contains(f) && to.contains(f)).collect();
        if kept.len() == left.len() {
            return pairs.iter().map(|(from, to)| format!("circle: {} -> {}", from.join("/"), to.join("/"))).collect();
        }
        left = kept;
    }
}

#[test]
fn files_do_not_import_each_other_in_circles() {
    let house = House::read();
    let mut arrows: BTreeMap<Module, BTreeSet<Module>> =
        house.code.keys().map(|module| (module.clone(), house.arrows(module))).collect();
    assert!(arrows.values().map(BTreeSet::len).sum::<usize>() > 1000, "{arrows:?}");
    let path = |name: &str| -> Module { name.split('/').map(str::to_owned).collect() };
    let mut faults = Vec::new();
    for (from, to) in ALLOWED {
        if !arrows.get_mut(&path(from)).is_some_and(|known| known.remove(&path(to))) {
            faults.push(format!("{from} does not take anything from {to} any more"));
        }
    }
    for (from, to) in ALLOWED {
        if !reached(&arrows, &path(to)).contains(&path(from)) {
            faults.push(format!("{from} -> {to} closes no circle any more"));
        }
    }
    faults.extend(circles(&arrows));
    assert!(faults.is_empty(), "{faults:#?}");
}

/// A reader of `use crate::x` sees the room; one of `use crate::{a, b}` or of `super::super::x` has to count.
#[test]
fn another_room_is_named_from_the_crate_on_and_alone() {
    let mut faults = Vec::new();
    for (path, text) in super::sources() {
        let (Some(module), (trees, code)) = (module(&path), uses(&text)) else { continue };
        let paths = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).map(str::to_owned);
        for path_of in trees.into_iter().chain(paths) {
            let ups = names(&path_of).iter().take_while(|name| *name == "super").count();
            if path_of.starts_with("crate::{") || (ups > 0 && ups >= module.len()) {
                faults.push(format!("{}: {path_of}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
