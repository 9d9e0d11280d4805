//! What the files of a crate take from each other, and the types that they define, read from their syntax. A name that a module
//! hands on (`pub use`) is taken from the file that defines it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, UseTree, Visibility};

/// A module's path from the root of its crate.
type ModulePath = Vec<String>;

struct Import {
    path: Vec<String>,
    /// The name that it binds, or `*`.
    name: String,
}

pub(crate) struct Module {
    file: String,
    imports: Vec<Import>,
    /// Names that are defined here.
    defined: BTreeSet<String>,
    /// The types among them that other files can see.
    pub(crate) visible_types: Vec<String>,
    /// Every path in code that is no import.
    paths: BTreeSet<Vec<String>>,
}

/// The files of one crate by module path.
pub(crate) struct Crate(BTreeMap<ModulePath, Module>);

impl Crate {
    /// Of `sources`, those below `folder`: the folder of a `lib.rs` or a `main.rs`.
    pub(crate) fn read(folder: &str, sources: &BTreeMap<String, String>) -> Self {
        let below =
            sources.iter().filter_map(|(file, text)| Some((file.strip_prefix(folder)?.strip_prefix('/')?, file, text)));
        let modules = below.map(|(name, file, text)| {
            let path = name.trim_end_matches(".rs").split('/').map(str::to_owned);
            (path.filter(|segment| !matches!(segment.as_str(), "lib" | "main")).collect(), Module::read(file, text))
        });
        Self(modules.collect())
    }

    pub(crate) fn modules(&self) -> impl Iterator<Item = &Module> {
        self.0.values()
    }

    /// Groups of files that lead to each other, with what each takes from another one of its group.
    pub(crate) fn circles(&self) -> Vec<BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>>> {
        let taken: BTreeMap<&str, _> =
            self.0.iter().map(|(path, module)| (module.file.as_str(), self.taken(path, module))).collect();
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            taken.keys().map(|file| (*file, reached_from(file, &taken))).collect();
        let mut circles = Vec::new();
        let mut seen = BTreeSet::new();
        for (file, others) in &reached {
            if !others.contains(file) || !seen.insert(*file) {
                continue;
            }
            let members: BTreeSet<&str> =
                others.iter().copied().filter(|other| reached[other].contains(file)).collect();
            seen.extend(&members);
            let within = members.iter().map(|member| {
                let of_circle = taken[member].iter().filter(|(other, _)| members.contains(*other));
                (*member, of_circle.map(|(other, names)| (*other, names.clone())).collect())
            });
            circles.push(within.collect());
        }
        circles
    }

    /// The names that a module takes from other files.
    fn taken(&self, at: &[String], module: &Module) -> BTreeMap<&str, BTreeSet<String>> {
        let mut taken: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let bound = module.imports.iter().filter(|import| module.paths.iter().any(|path| path[0] == import.name));
        // A module hands work on to its own children by their paths (`child::run()`): it is their door, and that ties nothing.
        let is_import = |path: &&Vec<String>| {
            matches!(path[0].as_str(), "crate" | "self" | "super")
                || module.imports.iter().any(|import| import.name == path[0])
        };
        for path in bound.map(|import| &import.path).chain(module.paths.iter().filter(is_import)) {
            if let Some((found, rest)) = self.resolve(at, path, 0)
                && rest > 0
                && found != at
            {
                taken.entry(&self.0[&found].file).or_default().insert(path.last().cloned().unwrap_or_default());
            }
        }
        taken
    }

    /// The module that defines what `path` names, seen from `at`, and how many segments name something in it.
    fn resolve(&self, at: &[String], path: &[String], depth: usize) -> Option<(ModulePath, usize)> {
        let mut current = at.to_vec();
        for (position, segment) in path.iter().enumerate() {
            match (segment.as_str(), position) {
                ("crate", 0) => current.clear(),
                ("self", 0) => {}
                ("super", _) => drop(current.pop()),
                _ => {
                    let child: ModulePath = current.iter().chain([segment]).cloned().collect();
                    if self.0.contains_key(&child) {
                        current = child;
                        continue;
                    }
                    let rest = path.len() - position;
                    let module = self.0.get(&current)?;
                    if module.defined.contains(segment) {
                        return Some((current, rest));
                    }
                    let handed_on = (depth < 8).then(|| self.imported(&current, module, segment, depth)).flatten();
                    return match handed_on {
                        Some((found, 0)) => self.resolve(&found, &path[position + 1..], depth + 1),
                        Some(found) => Some(found),
                        // The first segment of a path that is neither defined nor imported is another crate's.
                        None => (position > 0).then_some((current, rest)),
                    };
                }
            }
        }
        Some((current, 0))
    }

    /// Where the module `at` has `name` from.
    fn imported(&self, at: &[String], module: &Module, name: &str, depth: usize) -> Option<(ModulePath, usize)> {
        if let Some(import) = module.imports.iter().find(|import| import.name == name) {
            return self.resolve(at, &import.path, depth + 1);
        }
        let everything = module.imports.iter().filter(|import| import.name == "*");
        let mut from = everything.filter_map(|import| self.resolve(at, &import.path, depth + 1));
        from.find(|(from, rest)| *rest == 0 && self.0[from].defined.contains(name)).map(|(from, _)| (from, 1))
    }
}

fn reached_from<'a>(file: &str, taken: &BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<String>>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = taken[file].keys().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(taken[file].keys());
        }
    }
    reached
}

impl Module {
    fn read(file: &str, text: &str) -> Self {
        let mut module = Self {
            file: file.to_owned(),
            imports: Vec::new(),
            defined: BTreeSet::new(),
            visible_types: Vec::new(),
            paths: BTreeSet::new(),
        };
        let syntax = syn::parse_file(text).unwrap_or_else(|e| panic!("{file}: {e}"));
        for item in syntax.items.iter().filter(|item| !is_test(item)) {
            module.add(item);
        }
        module
    }

    fn add(&mut self, item: &Item) {
        let (name, visibility) = match item {
            Item::Use(import) => return self.imports(&mut Vec::new(), &import.tree),
            Item::Mod(of_file) if of_file.content.is_none() => return,
            Item::Struct(of) => (Some(&of.ident), Some(&of.vis)),
            Item::Enum(of) => (Some(&of.ident), Some(&of.vis)),
            Item::Trait(of) => (Some(&of.ident), Some(&of.vis)),
            Item::Type(of) => (Some(&of.ident), Some(&of.vis)),
            Item::Fn(of) => (Some(&of.sig.ident), None),
            Item::Const(of) => (Some(&of.ident), None),
            Item::Static(of) => (Some(&of.ident), None),
            Item::Macro(of) => (of.ident.as_ref(), None),
            _ => (None, None),
        };
        self.defined.extend(name.map(ToString::to_string));
        if visibility.is_some_and(|of| !matches!(of, Visibility::Inherited)) {
            self.visible_types.extend(name.map(ToString::to_string));
        }
        self.paths(item.to_token_stream());
    }

    fn imports(&mut self, before: &mut Vec<String>, tree: &UseTree) {
        let (last, name) = match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.imports(before, &path.tree);
                before.pop();
                return;
            }
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.imports(before, tree)),
            UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(rename) => (rename.ident.to_string(), rename.rename.to_string()),
            UseTree::Glob(_) => return self.imports.push(Import { path: before.clone(), name: "*".to_owned() }),
        };
        let itself = last == "self" && !before.is_empty();
        let path: Vec<_> = before.iter().cloned().chain((!itself).then_some(last)).collect();
        let name = if itself { path.last().cloned().unwrap_or_default() } else { name };
        self.imports.push(Import { path, name });
    }

    /// Notes every `a::b::c` in code, inside macros as well.
    fn paths(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.paths.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.paths.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.paths(group.stream());
                    }
                }
            }
        }
        self.paths.extend((!path.is_empty()).then_some(path));
    }
}

/// Behind `cfg(test)`: not part of the product.
fn is_test(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Mod(of) => &of.attrs,
        Item::Use(of) => &of.attrs,
        Item::Fn(of) => &of.attrs,
        _ => &[],
    };
    attributes.iter().any(|of| of.path().is_ident("cfg") && of.meta.to_token_stream().to_string().contains("test"))
}
