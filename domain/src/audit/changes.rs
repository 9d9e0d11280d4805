//! What a deed has changed, thing by thing, with the values before and after.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Action, Deed};

/// Longest text that is kept of a value, in characters. The log says what was changed; it is no second copy of the catalogue.
const TEXT_CHARS_MAX: usize = 200;
/// Most things that are told of one deed. The others are counted.
const THINGS_MAX: usize = 50;
/// The name under which a deed's details keep all this.
pub const MEMBER: &str = "changes";
/// The name of the number of things that are not told.
pub const LEFT_OUT: &str = "changesLeftOut";

/// The values of a thing, by their names.
pub type Values = Map<String, Value>;

/// What became of one thing. Of one that is changed, only what is different; of one that is made or deleted, all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedChange {
    /// What kind of thing, such as `ticket-type`.
    pub kind: String,
    pub id: String,
    /// Nothing for what was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Values>,
    /// Nothing for what was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Values>,
}

impl AuditedChange {
    /// What was done to the thing.
    pub fn action(&self) -> Action {
        match (&self.before, &self.after) {
            (None, _) => Action::Created,
            (_, None) => Action::Deleted,
            _ => Action::Changed,
        }
    }

    /// Whether it was made and deleted again, or has the values that it had.
    fn is_nothing(&self) -> bool {
        match (&self.before, &self.after) {
            (None, None) => true,
            (Some(before), Some(after)) => before.is_empty() && after.is_empty(),
            _ => false,
        }
    }

    /// Goes on with what was done to the same thing afterwards.
    fn then(&mut self, later: AuditedChange) {
        if let (Some(first), Some(mut second)) = (&mut self.before, later.before) {
            // What was changed before has its first value already.
            second.retain(|name, _| !self.after.as_ref().is_some_and(|after| after.contains_key(name)));
            first.append(&mut second);
        }
        self.after = match (self.after.take(), later.after) {
            (Some(mut first), Some(mut second)) => {
                first.append(&mut second);
                Some(first)
            }
            (_, last) => last,
        };
    }

    /// Leaves what is the same out, and shortens what is long.
    fn finish(&mut self) {
        if let (Some(before), Some(after)) = (&mut self.before, &mut self.after) {
            before.retain(|name, value| {
                let is_same = after.get(name).is_some_and(|now| now == value);
                if is_same {
                    after.remove(name);
                }
                !is_same
            });
        }
        for values in [&mut self.before, &mut self.after].into_iter().flatten() {
            *values =
                std::mem::take(values).into_iter().map(|(name, value)| (camel(&name), shortened(value))).collect();
        }
    }
}

/// All that a deed has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditedChanges {
    things: Vec<AuditedChange>,
    left_out: u64,
}

impl AuditedChanges {
    /// Of `steps` in their order, several of which may be about one thing, and so many more that are not known.
    pub fn of(steps: impl IntoIterator<Item = AuditedChange>, unknown: u64) -> Self {
        let mut things: Vec<AuditedChange> = Vec::new();
        for step in steps {
            match things.iter_mut().find(|known| (&known.kind, &known.id) == (&step.kind, &step.id)) {
                Some(known) => known.then(step),
                None => things.push(step),
            }
        }
        things.iter_mut().for_each(AuditedChange::finish);
        things.retain(|thing| !thing.is_nothing());
        let more = things.len().saturating_sub(THINGS_MAX);
        things.truncate(THINGS_MAX);
        Self { things, left_out: unknown.saturating_add(more as u64) }
    }

    /// Whether nothing is another than before.
    pub fn is_empty(&self) -> bool {
        self.things.is_empty() && self.left_out == 0
    }

    /// What of it is about one value of things of a kind, and all the rest: for two deeds at once.
    pub fn split(mut self, kind: &str, value: &str) -> (Self, Self) {
        let mut of_value = Vec::new();
        for thing in self.things.iter_mut().filter(|thing| thing.kind == kind) {
            let take = |values: &mut Option<Values>| {
                let (name, value) = values.as_mut()?.remove_entry(value)?;
                Some(Values::from_iter([(name, value)]))
            };
            let (before, after) = (take(&mut thing.before), take(&mut thing.after));
            of_value.push(AuditedChange { kind: thing.kind.clone(), id: thing.id.clone(), before, after });
        }
        of_value.retain(|thing| !thing.is_nothing());
        self.things.retain(|thing| !thing.is_nothing());
        (Self { things: of_value, left_out: 0 }, self)
    }

    /// The first of them, which the others usually follow from.
    pub fn first(&self) -> Option<&AuditedChange> {
        self.things.first()
    }
}

impl Deed {
    /// The deed with what it has changed.
    #[must_use]
    pub fn with(mut self, changes: &AuditedChanges) -> Self {
        if changes.is_empty() {
            return self;
        }
        if !self.details.is_object() {
            self.details = json!({ "of": self.details });
        }
        self.details[MEMBER] = json!(changes.things);
        if changes.left_out > 0 {
            self.details[LEFT_OUT] = json!(changes.left_out);
        }
        self
    }
}

/// `starts_at` as `startsAt`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut all, word| {
        let mut letters = word.chars();
        all.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        all.push_str(letters.as_str());
        all
    })
}

/// Long texts cut, wherever they are. Numbers that are not whole become texts: a database may write them in another way than they came,
/// and the hash of an entry covers how they are written.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) => {
            let length = text.chars().count();
            if length <= TEXT_CHARS_MAX {
                return Value::String(text);
            }
            let kept: String = text.chars().take(TEXT_CHARS_MAX).collect();
            Value::String(format!("{kept}… ({length} characters)"))
        }
        Value::Number(number) if number.is_f64() => Value::String(number.to_string()),
        Value::Array(items) => items.into_iter().take(THINGS_MAX).map(shortened).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, shortened(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: &str, id: &str, before: Value, after: Value) -> AuditedChange {
        let values = |value: Value| value.as_object().cloned();
        AuditedChange { kind: kind.to_owned(), id: id.to_owned(), before: values(before), after: values(after) }
    }

    fn of(steps: Vec<AuditedChange>) -> Vec<AuditedChange> {
        AuditedChanges::of(steps, 0).things
    }

    #[test]
    fn what_is_done_to_one_thing_step_by_step_is_one_change() {
        let steps = vec![
            change("type", "a", json!({ "position": 0 }), json!({ "position": 1_000_000 })),
            change("type", "b", json!({ "position": 1 }), json!({ "position": 1_000_001 })),
            change("type", "a", json!({ "position": 1_000_000, "name": "A" }), json!({ "position": 1, "name": "Z" })),
            change("type", "b", json!({ "position": 1_000_001 }), json!({ "position": 1 })),
        ];
        let expected =
            change("type", "a", json!({ "position": 0, "name": "A" }), json!({ "position": 1, "name": "Z" }));
        assert_eq!(of(steps), [expected], "and what is as it was is none");
    }

    #[test]
    fn two_deeds_have_a_part_of_the_changes_each() {
        let both = change("account", "a", json!({ "role": 1, "status": 2 }), json!({ "role": 3, "status": 4 }));
        let session = change("session", "s", json!({ "x": 1 }), Value::Null);
        let (of_role, others) = AuditedChanges::of([both, session.clone()], 7).split("account", "role");
        assert_eq!(of_role.things, [change("account", "a", json!({ "role": 1 }), json!({ "role": 3 }))]);
        assert_eq!(others.things, [change("account", "a", json!({ "status": 2 }), json!({ "status": 4 })), session]);
        assert_eq!((of_role.left_out, others.left_out), (0, 7));
    }

    #[test]
    fn what_is_made_and_deleted_again_is_nothing() {
        let (made, deleted) =
            (change("tag", "a", Value::Null, json!({ "x": 1 })), change("tag", "a", json!({ "x": 1 }), Value::Null));
        assert!(of(vec![made.clone(), deleted.clone()]).is_empty());
        assert!(of(vec![deleted.clone(), made.clone()]).is_empty(), "nor is what is made anew as it was");
        assert_eq!((made.action(), deleted.action()), (Action::Created, Action::Deleted));
        let changed = change("tag", "a", json!({ "x": 1 }), json!({ "x": 2 }));
        let gone = change("tag", "a", json!({ "x": 2, "y": 3 }), Value::Null);
        assert_eq!(of(vec![changed, gone]), [change("tag", "a", json!({ "x": 1, "y": 3 }), Value::Null)]);
    }

    #[test]
    fn long_texts_are_cut_and_numbers_are_written_in_one_way() {
        let long = "ä".repeat(TEXT_CHARS_MAX + 1);
        let made =
            change("event", "a", Value::Null, json!({ "long_text": long, "of": [1e16], "sale_starts_at": null }));
        let after = of(vec![made])[0].after.clone().unwrap();
        let text = after["longText"].as_str().unwrap();
        assert!(text.ends_with(&format!("ä… ({} characters)", TEXT_CHARS_MAX + 1)), "{text}");
        assert_eq!((&after["of"], &after["saleStartsAt"]), (&json!(["1e+16"]), &Value::Null));
    }

    #[test]
    fn of_many_things_the_first_are_told_and_the_others_counted() {
        let made = (0..THINGS_MAX + 3).map(|id| change("event", &id.to_string(), Value::Null, json!({ "x": 1 })));
        let changes = AuditedChanges::of(made, 4);
        assert_eq!((changes.things.len(), changes.left_out), (THINGS_MAX, 7));
    }
}
