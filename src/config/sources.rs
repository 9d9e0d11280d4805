//! Where settings come from, and the reader that takes them one by one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
    fs, io,
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use domain::rate_limit::Rate;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Environment,
    fault::ConfigFault,
    file::read_file,
    names::{is_of_a_platform, is_ours, nearest},
    written::{Shown, Written, default_rate, parse_duration},
};

const PREFIX: &str = "BOXOFFICE__";
/// Chooses the file.
const ENVIRONMENT: &str = "BOXOFFICE_ENV";

/// What a configuration is read from; tests make their own.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Environment variables, those of `.env` included.
    pub variables: BTreeMap<String, String>,
    /// The folder with `development.toml`, `staging.toml` and `production.toml`. Files may be missing.
    pub folder: PathBuf,
}

impl Sources {
    /// The process's environment over `.env`, and `config/`, both in the current folder.
    pub fn of_process() -> Result<Self, Vec<ConfigFault>> {
        let mut variables = BTreeMap::new();
        match dotenvy::from_path_iter(".env") {
            Ok(lines) => {
                for line in lines {
                    let (name, value) = line.map_err(|error| vec![dotenv_fault(&error)])?;
                    variables.insert(name, value);
                }
            }
            Err(dotenvy::Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(vec![dotenv_fault(&error)]),
        }
        // Names and values that are not Unicode belong to somebody else.
        variables.extend(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        Ok(Self { variables, folder: PathBuf::from("config") })
    }

    /// Reads the file of the environment that `BOXOFFICE_ENV` names.
    pub(super) fn open(&self) -> (Environment, Layers<'_>) {
        let mut faults = Vec::new();
        let environment = match self.variables.get(ENVIRONMENT).map(|name| name.parse()) {
            None => Environment::Development,
            Some(Ok(environment)) => environment,
            Some(Err(problem)) => {
                faults.push(ConfigFault { name: ENVIRONMENT.to_owned(), problem });
                Environment::Development
            }
        };
        let path = self.folder.join(environment.as_str()).with_extension("toml");
        let file = read_file(&path).unwrap_or_else(|fault| {
            faults.push(fault);
            Some(BTreeMap::new())
        });
        let layers = Layers {
            variables: &self.variables,
            has_file: file.is_some(),
            file: file.unwrap_or_default(),
            path,
            settings: Vec::new(),
            known: BTreeSet::from([ENVIRONMENT.to_owned()]),
            faults,
        };
        (environment, layers)
    }
}

fn dotenv_fault(error: &dotenvy::Error) -> ConfigFault {
    // The error repeats the line, which may hold a secret.
    let problem = match error {
        dotenvy::Error::LineParse(_, column) => format!("has a line that is not NAME=value, wrong at column {column}"),
        dotenvy::Error::Io(error) => error.to_string(),
        _ => "cannot be read".to_owned(),
    };
    ConfigFault { name: ".env".to_owned(), problem }
}

/// One setting as it is in effect.
#[derive(Clone, Debug)]
pub struct Setting {
    /// `section.key`, as in a file.
    pub key: String,
    /// The variable that sets it.
    pub variable: String,
    /// The other name it goes by, one that everybody expects.
    pub alias: Option<&'static str>,
    /// Its value; `***` for a secret, empty when not set.
    pub value: String,
    /// The variable or file that set it, or `default`.
    pub origin: String,
    /// What is said about its section; the first line is its heading.
    pub title: &'static [&'static str],
    /// What is said about it, in lines.
    pub docs: &'static [&'static str],
}

impl Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}  ({})", self.key, self.value, self.origin)
    }
}

/// The layers while they are read. Keeps what was asked for, to tell what was not.
#[derive(Debug)]
pub(super) struct Layers<'a> {
    variables: &'a BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    has_file: bool,
    path: PathBuf,
    settings: Vec<Setting>,
    /// Variables that exist, the `_FILE` ones included.
    known: BTreeSet<String>,
    faults: Vec<ConfigFault>,
}

impl<'a> Layers<'a> {
    pub(super) fn section(&mut self, name: &'static str) -> Section<'_, 'a> {
        Section { layers: self, name, title: &[], docs: &[] }
    }

    /// The file of the environment that was named, if it is not there.
    pub(super) fn missing_file(&self) -> Option<PathBuf> {
        (!self.has_file && self.variables.contains_key(ENVIRONMENT)).then(|| self.path.clone())
    }

    /// The settings, or every fault, names that nobody asked for among them.
    pub(super) fn finish(mut self) -> Result<Vec<Setting>, Vec<ConfigFault>> {
        let unknown = |(name, value): &(&String, &String)| {
            is_ours(name) && !self.known.contains(*name) && !is_of_a_platform(name, value)
        };
        for (name, _) in self.variables.iter().filter(unknown) {
            let hint = nearest(&name.to_ascii_uppercase(), self.known.iter().map(String::as_str));
            self.faults.push(ConfigFault { name: name.clone(), problem: format!("is not a setting{hint}") });
        }
        for key in self.file.keys().filter(|key| !self.settings.iter().any(|setting| setting.key == **key)) {
            let hint = nearest(key, self.settings.iter().map(|setting| setting.key.as_str()));
            let name = format!("{key} in {}", self.path.display());
            self.faults.push(ConfigFault { name, problem: format!("is not a setting{hint}") });
        }
        if self.faults.is_empty() { Ok(self.settings) } else { Err(self.faults) }
    }
}

/// The reader of one section. Each method takes one key, notes it as known, and falls back to the default after a fault,
/// so that reading goes on and finds the others.
pub(super) struct Section<'l, 'a> {
    layers: &'l mut Layers<'a>,
    name: &'static str,
    pub(super) title: &'static [&'static str],
    docs: &'static [&'static str],
}

struct Found {
    text: String,
    /// Named in faults.
    origin: String,
}

impl Section<'_, '_> {
    /// What is said about the setting that is read next.
    pub(super) fn about(&mut self, docs: &'static [&'static str]) -> &mut Self {
        self.docs = docs;
        self
    }

    /// A value of a type with a textual form. `right` says what would be right.
    pub(super) fn value<T: FromStr + Display>(&mut self, key: &str, default: T, right: impl Display) -> T {
        self.alias(key, None, default, |text| text.parse().ok(), right)
    }

    /// A value that also goes by a name everybody expects, read by `parse`.
    pub(super) fn alias<T: Display>(
        &mut self,
        key: &str,
        alias: Option<&'static str>,
        default: T,
        parse: impl FnOnce(&str) -> Option<T>,
        right: impl Display,
    ) -> T {
        let found = self.find(key, alias);
        let (value, origin) = match found {
            None => (default, "default".to_owned()),
            Some(found) => match parse(found.text.trim()) {
                Some(value) => (value, found.origin),
                None => {
                    self.fault(&found.origin, format!("{:?} is not right; give {right}", found.text));
                    (default, found.origin)
                }
            },
        };
        self.note(key, alias, value.to_string(), origin);
        value
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        self.value(key, default, "true or false")
    }

    /// One of a few words; the first is the default.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: [(&'static str, T); 3]) -> T {
        let [first, second, third] = choices;
        let right = format!("{}, {} or {}", first.0, second.0, third.0);
        let parse = |text: &str| choices.into_iter().find(|(word, _)| *word == text).map(Written::from);
        self.alias(key, None, first.into(), parse, right).value
    }

    /// Several values, separated by commas; none by default.
    pub(super) fn list<T: Display>(&mut self, key: &str, parse: fn(&str) -> Option<T>, right: &str) -> Vec<T> {
        let parse = |text: &str| {
            let value = text.split(',').map(|part| parse(part.trim())).collect::<Option<Vec<_>>>()?;
            let text = value.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            Some(Written { text, value })
        };
        self.alias(key, None, ("", Vec::new()).into(), parse, right).value
    }

    /// So many in so much time, such as `100/15m`.
    pub(super) fn rate(&mut self, key: &str, count: u32, window: Duration) -> Rate {
        let written = |value: Rate| Written { text: format!("{}/{}", value.count(), Shown(value.window())), value };
        let parse = |text: &str| {
            let (count, window) = text.split_once('/')?;
            Rate::new(count.trim().parse().ok()?, parse_duration(window.trim())?).map(written)
        };
        let default = written(default_rate(count, window));
        self.alias(key, None, default, parse, "a number and a time, such as 100/15m").value
    }

    /// A number within bounds.
    pub(super) fn number<T>(&mut self, key: &str, default: T, bounds: RangeInclusive<T>) -> T
    where
        T: FromStr + Display + PartialOrd,
    {
        let right = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        self.alias(key, None, default, |text| text.parse().ok().filter(|value| bounds.contains(value)), right)
    }

    /// A length of time within bounds, such as `500ms`, `30s`, `15m` or `1h30m`.
    pub(super) fn duration(&mut self, key: &str, default: Duration, bounds: RangeInclusive<Duration>) -> Duration {
        let shown = |value: &Duration| Shown(*value).to_string();
        let right =
            format!("a time from {} to {}, such as 500ms, 30s or 15m", shown(bounds.start()), shown(bounds.end()));
        let parse = |text: &str| parse_duration(text).filter(|value| bounds.contains(value)).map(Shown);
        self.alias(key, None, Shown(default), parse, right).0
    }

    /// A length of time that is of no use beyond that of another setting: the default is no longer than that one, and what was set
    /// longer is a fault.
    pub(super) fn duration_within(
        &mut self,
        key: &str,
        default: Duration,
        bounds: RangeInclusive<Duration>,
        (limit, other): (Duration, &str),
    ) -> Duration {
        let value = self.duration(key, default.min(limit), bounds);
        if value > limit {
            self.fault_of(key, format!("is longer than {other}, {}", Shown(limit)));
        }
        value
    }

    /// As [`Section::duration_within`], for a number.
    pub(super) fn number_within<T>(
        &mut self,
        key: &str,
        default: T,
        bounds: RangeInclusive<T>,
        (limit, other): (T, &str),
    ) -> T
    where
        T: FromStr + Display + PartialOrd + Ord + Copy,
    {
        let value = self.number(key, default.min(limit), bounds);
        if value > limit {
            self.fault_of(key, format!("is above {other}, {limit}"));
        }
        value
    }

    /// A path, relative to the current folder.
    pub(super) fn path(&mut self, key: &str, default: &str) -> PathBuf {
        self.alias(key, None, default.to_owned(), |text| (!text.is_empty()).then(|| text.to_owned()), "a path").into()
    }

    /// A path that may be missing.
    pub(super) fn optional_path(&mut self, key: &str) -> Option<PathBuf> {
        self.optional(key).map(PathBuf::from)
    }

    /// Text that may be missing.
    pub(super) fn optional(&mut self, key: &str) -> Option<String> {
        let text = self.alias(key, None, String::new(), |text| Some(text.to_owned()), "text");
        (!text.is_empty()).then_some(text)
    }

    /// A secret, from the variable, the file or the file that the `_FILE` variable names. `check` says what is wrong.
    pub(super) fn secret(
        &mut self,
        key: &str,
        alias: Option<&'static str>,
        check: impl FnOnce(&str) -> Result<(), String>,
    ) -> Option<SecretString> {
        let direct = self.find(key, alias).filter(|found| !found.text.is_empty());
        let from_file = self.find_secret_file(key, alias);
        if let (Some(direct), Some(file)) = (&direct, &from_file) {
            self.fault(&file.origin, format!("is set, and so is {}; keep one of them", direct.origin));
        }
        let found = from_file.or(direct);
        let (shown, origin) = found.as_ref().map_or(("", "default"), |found| ("***", &found.origin));
        let (shown, origin) = (shown.to_owned(), origin.to_owned());
        self.note(key, alias, shown, origin);
        let found = found?;
        if let Err(problem) = check(&found.text) {
            self.fault(&found.origin, problem);
        }
        Some(SecretString::from(found.text))
    }

    /// As [`Section::secret`], for what may be shown in the program, such as a public key.
    pub(super) fn plain_secret(&mut self, key: &str, check: impl FnOnce(&str) -> Result<(), String>) -> Option<String> {
        self.secret(key, None, check).map(|secret| secret.expose_secret().to_owned())
    }

    /// Notes a fault of a variable that goes by a name everybody expects.
    pub(super) fn fault_of_alias(&mut self, alias: &str, problem: impl Into<String>) {
        self.fault(alias, problem.into());
    }

    /// Notes a fault of a key that the caller found.
    pub(super) fn fault_of(&mut self, key: &str, problem: impl Into<String>) {
        let name = self.variable(key);
        self.fault(&name, problem.into());
    }

    fn find_secret_file(&mut self, key: &str, alias: Option<&str>) -> Option<Found> {
        let own = format!("{}_FILE", self.variable(key));
        self.layers.known.insert(own.clone());
        let names = [Some(own), alias.map(|alias| format!("{alias}_FILE"))];
        let (name, path) = names.into_iter().flatten().find_map(|name| {
            let path = self.layers.variables.get(&name).filter(|path| !path.is_empty())?;
            Some((name, path))
        })?;
        match fs::read_to_string(path) {
            // Editors and `echo` end a file with a line break; secrets do not.
            Ok(text) => Some(Found { text: text.trim_end().to_owned(), origin: name }),
            Err(error) => {
                // Not the path: it is easily the secret itself.
                self.fault(&name, format!("cannot read the file that it names: {error}"));
                None
            }
        }
    }

    /// The most specific layer that has the key. An empty variable counts as not set, as it does for shells.
    fn find(&mut self, key: &str, alias: Option<&'static str>) -> Option<Found> {
        let variable = self.variable(key);
        self.layers.known.insert(variable.clone());
        let set = |name: &str| self.layers.variables.get(name).filter(|text| !text.is_empty()).cloned();
        if let Some(text) = set(&variable) {
            return Some(Found { text, origin: variable });
        }
        if let Some((alias, text)) = alias.and_then(|alias| Some((alias, set(alias)?))) {
            return Some(Found { text, origin: alias.to_owned() });
        }
        let dotted = format!("{}.{key}", self.name);
        let text = self.layers.file.get(&dotted)?.clone();
        Some(Found { text, origin: format!("{dotted} in {}", self.layers.path.display()) })
    }

    fn note(&mut self, key: &str, alias: Option<&'static str>, value: String, origin: String) {
        let (variable, key) = (self.variable(key), format!("{}.{key}", self.name));
        let (title, docs) = (self.title, self.docs);
        self.layers.settings.push(Setting { key, variable, alias, value, origin, title, docs });
    }

    fn fault(&mut self, name: &str, problem: String) {
        self.layers.faults.push(ConfigFault { name: name.to_owned(), problem });
    }

    fn variable(&self, key: &str) -> String {
        format!("{PREFIX}{}__{}", self.name.replace('.', "__"), key).to_ascii_uppercase()
    }
}
