//! `.env.example`: made from what the settings say of themselves, and compared with the file that is committed.

use std::fmt::Write as _;

use super::{Config, Sources};

/// Set to write the file again.
const UPDATE: &str = "UPDATE_ENV_EXAMPLE";

const HEAD: &str = "\
# Every setting with its default. Copy to .env and take away the `# ` of the lines to change. Made from the declarations in src/config by
# `make env-example`.
#
# Order of precedence, last wins: defaults, config/{environment}.toml, .env, the environment.
# Times are written 500ms, 30s, 15m, 1h30m. A secret may also be in a file named by the variable with _FILE at its end,
# for example DATABASE_URL_FILE. DATABASE_URL, DATABASE_MIGRATE_URL, REDIS_URL and RUST_LOG are also known by their long names,
# BOXOFFICE__DATABASE__URL, BOXOFFICE__DATABASE__MIGRATE_URL, BOXOFFICE__REDIS__URL and BOXOFFICE__LOG__FILTER, which win.

# development, staging or production: chooses the file; production makes no secret up and refuses to start without its protections.
# BOXOFFICE_ENV=development
";

fn example() -> String {
    let config = Config::load(&Sources { folder: "no-such-folder".into(), ..Sources::default() }).unwrap();
    let (mut text, mut title) = (HEAD.to_owned(), None);
    for setting in config.settings() {
        if title != Some(setting.title) {
            let (heading, rest) = setting.title.split_first().unwrap();
            write!(text, "\n##{heading}\n\n").unwrap();
            rest.iter().for_each(|line| writeln!(text, "#{line}").unwrap());
            title = Some(setting.title);
        }
        setting.docs.iter().for_each(|line| writeln!(text, "#{line}").unwrap());
        let name = setting.alias.unwrap_or(&setting.variable);
        // The machine's own name.
        let value = if setting.key == "node.name" { "" } else { &setting.value };
        writeln!(text, "# {name}={value}").unwrap();
    }
    text
}

#[test]
fn the_example_is_what_the_settings_say_of_themselves() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(path, example()).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == example(), "run `make env-example` and look at what changes");
}
