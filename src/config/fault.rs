//! What is wrong with a configuration.

use std::fmt;

/// One fault, which names the variable and says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFault {
    /// The variable, or the key and the file it is in.
    pub name: String,
    /// What is wrong with it, without the value of a secret.
    pub problem: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever the value or the parser's message contains.
        write!(f, "{}: {}", self.name, self.problem.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}
