//! The file of an environment.

use std::{collections::BTreeMap, fs, io, path::Path};

use toml::{Table, Value};

use super::fault::ConfigFault;

/// What the file says; `None` when it is not there.
pub(super) fn read_file(path: &Path) -> Result<Option<BTreeMap<String, String>>, ConfigFault> {
    let fault = |problem: String| ConfigFault { name: path.display().to_string(), problem };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error.to_string())),
    };
    let tree: Table = toml::from_str(&text).map_err(|error| fault(not_toml(&text, &error)))?;
    let mut flat = BTreeMap::new();
    for (name, value) in tree {
        flatten(name, value, &mut flat);
    }
    Ok(Some(flat))
}

/// Where the file is wrong. The parser's own words repeat the line, which may hold a secret.
fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let (line, column) =
        (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1);
    format!("is not TOML, wrong at line {line}, column {column}; look for a quote or a bracket that is missing")
}

/// Tables become dotted keys, lists comma-separated text: the form the environment has anyway.
fn flatten(name: String, value: Value, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                flatten(format!("{name}.{key}"), value, flat);
            }
        }
        value => {
            flat.insert(name, text_of(value));
        }
    }
}

/// A value without the quotes of TOML.
fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(at) => at.to_string(),
        Value::Array(values) => values.into_iter().map(text_of).collect::<Vec<_>>().join(","),
        // No setting is a list of tables: it is refused as a value, by its name.
        Value::Table(_) => "a table".to_owned(),
    }
}
