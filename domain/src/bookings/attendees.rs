//! Who comes with a booking.

use std::sync::Arc;

use crate::{
    accounts::{EmailAddress, PersonName},
    selection::Selection,
    validation::{FieldError, FieldErrors},
};

/// Somebody who comes with a booking, as its buyer names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendee {
    pub name: PersonName,
    pub email: Option<EmailAddress>,
}

/// An attendee as a buyer wrote them.
#[derive(Clone, Debug, Default)]
pub struct RawAttendee {
    pub name: Option<String>,
    pub email: Option<String>,
}

/// Those who come with a booking, in the order of its items: as many or fewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attendees(Option<Arc<[Attendee]>>);

impl Attendees {
    /// Checks each and reports every fault. Whether they are more than the places, those know who choose these.
    pub fn parse(raw: Vec<RawAttendee>) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        if raw.len() > Selection::MAX_PLACES as usize {
            let message = format!("must have at most {} entries", Selection::MAX_PLACES);
            errors.push(FieldError::new("attendees", "OUT_OF_RANGE", message));
            return errors.finish(None);
        }
        let parsed = raw.into_iter().enumerate().filter_map(|(at, raw)| {
            let of_attendee =
                |fault: FieldError| FieldError { field: format!("attendees[{at}].{}", fault.field).into(), ..fault };
            let name = raw.name.ok_or_else(|| FieldError::new("name", "REQUIRED", "is required"));
            let name = name.and_then(|name| PersonName::parse("name", &name));
            let email = raw.email.map(|email| EmailAddress::parse("email", &email)).transpose();
            let (name, email) = (errors.keep(name.map_err(of_attendee)), errors.keep(email.map_err(of_attendee)));
            Some(Attendee { name: name?, email: email? })
        });
        let parsed: Self = parsed.collect();
        errors.finish(Some(parsed))
    }

    /// Who has the item at this position.
    pub fn get(&self, position: u8) -> Option<&Attendee> {
        self.0.as_ref()?.get(usize::from(position))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Attendee> {
        self.0.iter().flat_map(|attendees| attendees.iter())
    }

    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |attendees| attendees.len())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl FromIterator<Attendee> for Attendees {
    fn from_iter<I: IntoIterator<Item = Attendee>>(attendees: I) -> Self {
        let attendees: Vec<Attendee> = attendees.into_iter().collect();
        Self((!attendees.is_empty()).then(|| attendees.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(name: Option<&str>, email: Option<&str>) -> RawAttendee {
        RawAttendee { name: name.map(str::to_owned), email: email.map(str::to_owned) }
    }

    #[test]
    fn an_attendee_has_a_name_and_perhaps_an_address() {
        let named =
            Attendees::parse(vec![raw(Some(" Ada  Lovelace"), Some("Ada@Example.org")), raw(Some("Bob"), None)]);
        let named = named.unwrap();
        let first = named.get(0).unwrap();
        assert_eq!(first.email.as_ref().map(EmailAddress::as_str), Some("ada@example.org"));
        assert_eq!((named.len(), named.get(1).unwrap().email.is_none(), named.get(2)), (2, true, None));
        assert_eq!(Attendees::parse(Vec::new()), Ok(Attendees::default()));
    }

    #[test]
    fn every_fault_is_told_by_its_field() {
        let faults = |raw| {
            let faults = Attendees::parse(raw).unwrap_err().into_iter();
            faults.map(|of| (of.field.into_owned(), of.code)).collect::<Vec<_>>()
        };
        let expected = [("attendees[0].name", "REQUIRED"), ("attendees[2].name", "INVALID_NAME")]
            .into_iter()
            .chain([("attendees[2].email", "INVALID_EMAIL")])
            .map(|(field, code)| (field.to_owned(), code));
        let (none, right) = (raw(None, None), raw(Some("Ada Lovelace"), None));
        assert_eq!(faults(vec![none, right.clone(), raw(Some("A"), Some("ada"))]), expected.collect::<Vec<_>>());
        assert_eq!(faults(vec![right; 101]), [("attendees".to_owned(), "OUT_OF_RANGE")]);
    }
}
