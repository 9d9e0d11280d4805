use std::collections::BTreeSet;

use super::{
    super::samples::{all, mail},
    *,
};

const ORIGIN: &str = "https://tickets.example.org";

fn rendered(locale: Locale, template: Template) -> Rendered {
    rendered_of(&Site::default(), locale, template)
}

fn rendered_of(site: &Site, locale: Locale, template: Template) -> Rendered {
    Templates::new(ORIGIN).unwrap().render(&mail(locale, template).message, site).unwrap()
}

/// Guards: the settings `siteName`, `siteTagline`, `supportEmail`, `imprintUrl`, `termsUrl` and `privacyUrl`, each in both forms of
/// every mail in every language, and left out when it is not set.
#[test]
fn every_mail_is_signed_by_the_site() {
    let site = Site {
        name: "The House & Friends".to_owned(),
        tagline: "Opera in the park".to_owned(),
        support_email: domain::accounts::EmailAddress::parse("email", "help@example.org").ok(),
        imprint_url: "https://a.example/imprint?x=1".to_owned(),
        terms_url: "https://a.example/terms".to_owned(),
        privacy_url: "https://a.example/privacy".to_owned(),
    };
    for locale in Locale::ALL {
        for (template, plain) in all("Ada", "x").into_iter().zip(all("Ada", "x")) {
            let (kind, mail) = (template.kind(), rendered_of(&site, locale, template));
            let html = mail.html.replace("&#x2f;", "/").replace("&amp;", "&");
            for part in [&mail.text, &html] {
                for text in [&site.name, &site.tagline, &site.imprint_url, &site.terms_url, &site.privacy_url] {
                    assert!(part.contains(text), "{locale:?} {kind}: {text} is not in {part}");
                }
                assert!(part.contains("help@example.org"), "{locale:?} {kind}: {part}");
            }
            let mail = rendered(locale, plain);
            assert!(mail.text.trim_end().ends_with("-- \nboxoffice"), "{locale:?} {kind}: {}", mail.text);
            assert!(mail.html.contains("<p>boxoffice</p>") && !mail.html.contains("mailto:"), "{}", mail.html);
        }
    }
}

/// Everything that looks like an address in a text.
fn addresses(text: &str) -> BTreeSet<&str> {
    let ends = |c: char| c.is_whitespace() || "\"<>".contains(c);
    text.match_indices("http").filter_map(|(at, _)| text[at..].split(ends).next()).collect()
}

#[test]
fn every_mail_is_written_in_every_language_with_links_to_our_origin_only() {
    let mut subjects = BTreeSet::new();
    for locale in Locale::ALL {
        for template in all("Ada Lovelace", "Rigoletto & Friends") {
            let (kind, mail) = (template.kind(), rendered(locale, template));
            assert!(!mail.subject.is_empty() && !mail.subject.contains('\n'), "{kind}: {mail:?}");
            subjects.insert(mail.subject.clone());
            for (part, text) in [("text", &mail.text), ("html", &mail.html)] {
                let greets = !["VERIFY_EMAIL", "RESET_PASSWORD", "ALREADY_REGISTERED"].contains(&kind);
                assert_eq!(text.contains("Ada Lovelace"), greets, "{locale:?} {kind} {part}: {text}");
                assert!(!text.contains("{{") && !text.contains("{%"), "{locale:?} {kind} {part}: {text}");
                let expected: BTreeSet<_> = mail.links.iter().map(String::as_str).collect();
                let found = text.replace("&#x2f;", "/");
                assert_eq!(addresses(&found), expected, "{locale:?} {kind} {part}");
            }
            assert!(mail.html.contains(&format!("lang=\"{}\"", locale.as_str())), "{}", mail.html);
            assert!(mail.text.lines().all(|line| line.len() <= 998), "{kind}: {}", mail.text);
            assert!(mail.links.iter().all(|link| link.starts_with(&format!("{ORIGIN}/"))), "{:?}", mail.links);
        }
    }
    assert_eq!(subjects.len(), all("Ada", "x").len() * Locale::ALL.len(), "{subjects:?}");
}

#[test]
fn a_token_is_part_of_its_link_whatever_it_is_made_of() {
    for (template, path) in [(0, "verify-email"), (2, "reset-password")] {
        let mail = rendered(Locale::En, all("Ada", "x").remove(template));
        assert_eq!(mail.links, [format!("{ORIGIN}/{path}?token=tok%2Ben%2F%3D")]);
    }
}

/// Guards: the engine's automatic escaping.
#[test]
fn what_comes_from_outside_is_escaped_in_html() {
    let evil = "<script>alert(1)</script>\"'&";
    for template in all("O'Neill <b>", evil) {
        let mail = rendered(Locale::En, template);
        assert!(!mail.html.contains("<script") && !mail.html.contains("<b>"), "{}", mail.html);
    }
}

/// Guards: `one_line`.
#[test]
fn a_subject_is_one_line_whatever_a_title_holds() {
    let title = "Rigoletto\r\nBcc: all@example.org\r\n\r\n<p>";
    for locale in Locale::ALL {
        for template in all("Ada\r\nBcc: x", title) {
            let mail = rendered(locale, template);
            assert!(!mail.subject.contains(char::is_control), "{:?}", mail.subject);
        }
    }
}

/// Guards: `greeting`.
#[test]
fn a_name_that_would_become_a_link_is_left_out() {
    for name in [
        "Win at http://evil.example",
        "evil.example",
        "www.evil.example",
        "me@evil.example",
        "a/b",
        "evil。com",
        "evil．com",
        "evil｡com",
        "evil․com",
        "Call 0800 123456 evil",
    ] {
        for template in all(name, "Rigoletto") {
            let mail = rendered(Locale::De, template);
            assert!(!mail.text.contains(name) && !mail.html.contains("evil"), "{}", mail.text);
        }
    }
    for name in
        ["Dr. Ada Lovelace", "J. R. Smith", "J.-P. Sartre", "Anne-Marie O’Neill", "李小龍", "Zoe\u{308}", "प्रिया"]
    {
        assert_eq!(greeting(name).as_deref(), Some(name));
    }
}

/// Guards: the lines of a bill, and that what there is not leaves no line.
#[test]
fn a_bill_adds_up_in_the_mail_as_it_did_in_the_booking() {
    let bill = |locale, change: fn(&mut BookingSummary)| {
        let mut booking = super::super::samples::booking("Ada", "Rigoletto");
        change(&mut booking);
        rendered(locale, Template::BookingConfirmed { booking }).text
    };
    let text = bill(Locale::En, |_| {});
    assert!(text.contains("Berlin\n\n- Adult, Floor A, row 3, seat 12: 60.00 EUR\n"), "{text}");
    let lines = "Discount: -6.00 EUR\nFees: 6.00 EUR\nTotal: 120.00 EUR\nof which tax: 7.85 EUR\n\nShow";
    assert!(text.contains(lines), "{text}");
    let text = bill(Locale::Fr, |booking| booking.tax_included = false);
    assert!(text.contains("Frais : 6,00 EUR\nTaxe : 7,85 EUR\nTotal : 120,00 EUR\n\nVoir"), "{text}");
    let text = bill(Locale::De, |booking| (booking.discount, booking.fees, booking.tax) = (None, None, None));
    assert!(text.contains("seat 13: 60,00 EUR\nSumme: 120,00 EUR\n\nBuchung"), "{text}");
}

/// Guards: that the buyer of some cancelled tickets is told which are left.
#[test]
fn a_mail_about_some_cancelled_tickets_tells_of_those_that_stay() {
    for (template, some) in all("Ada", "Rigoletto").into_iter().skip(6).take(3).zip([false, false, true]) {
        let mail = rendered(Locale::En, template);
        assert_eq!(mail.text.contains("These tickets stay valid:\n- Adult"), some, "{}", mail.text);
        assert_eq!(mail.html.contains("These tickets stay valid:"), some, "{}", mail.html);
        assert_eq!(mail.subject.starts_with("Cancelled tickets"), some, "{}", mail.subject);
    }
}
