//! The endpoints of categories and tags.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Scope, Section},
    openapi::{operation::Operation, parameter::Parameter},
};
use domain::{lists::declared, management::catalogue::Vocabulary};
use serde_json::json;

use super::{NameBody, TermBody, TermJson};
use crate::{
    manage::change,
    scopes::{ANY, OWN},
};

/// What stands for all of them, and for one, in the names of operations.
fn words(of: Vocabulary) -> (&'static str, &'static str) {
    match of {
        Vocabulary::Categories => ("Categories", "Category"),
        Vocabulary::Tags => ("Tags", "Tag"),
    }
}

fn list(scope: &Scope, id: &str, of: Vocabulary) -> Endpoint<App> {
    let summary = match of {
        Vocabulary::Categories => "List categories",
        Vocabulary::Tags => "List tags",
    };
    Operation::get(scope.path(&format!("/{}", of.as_str())), scope.id(id), summary)
        .page_of::<TermJson<'_>>(&declared::TERMS, "By slug.")
        .served(scope.access, move |app, request| super::list(app, request, of))
}

/// What organizers choose of.
pub(crate) fn to_choose(section: Section<App>) -> Section<App> {
    [Vocabulary::Categories, Vocabulary::Tags]
        .into_iter()
        .fold(section, |section, of| section.with(list(&OWN, &format!("list{}ToChoose", words(of).0), of)))
}

/// What administrators do with them.
pub(crate) fn administered(section: Section<App>, of: Vocabulary) -> Section<App> {
    let (all, one) = words(of);
    let (path, its_path) = (ANY.path(&format!("/{}", of.as_str())), ANY.path(&format!("/{}/{{slug}}", of.as_str())));
    let slug = || Parameter::path("slug", "Its slug.").text(2..=100);
    section
        .with(list(&ANY, &format!("listManaged{all}"), of))
        .with(
            change(
                Operation::post(path, ANY.id(&format!("create{one}")), "Add one")
                    .repeatable()
                    .tagged()
                    .body::<TermBody>(json!({ "slug": "jazz", "name": "Jazz" }))
                    .created::<TermJson<'_>>("It."),
            )
            .served(ANY.access, move |app, request| super::create(app, request, of)),
        )
        .with(
            Operation::get(its_path, ANY.id(&format!("getManaged{one}")), "Show one")
                .parameter(slug())
                .versioned()
                .ok::<TermJson<'_>>("It.")
                .served(ANY.access, move |app, request| super::show(app, request, of)),
        )
        .with(
            change(
                Operation::patch(its_path, ANY.id(&format!("rename{one}")), "Rename one")
                    .parameter(slug())
                    .versioned()
                    .body::<NameBody>(json!({ "name": "Jazz and more" }))
                    .ok::<TermJson<'_>>("It, as it is now."),
            )
            .served(ANY.access, move |app, request| super::update(app, request, of))
            .conditional(),
        )
        .with(
            change(
                Operation::delete(its_path, ANY.id(&format!("delete{one}")), "Delete one")
                    .parameter(slug())
                    .no_content("It is gone."),
            )
            .served(ANY.access, move |app, request| super::delete(app, request, of))
            .conditional(),
        )
}
