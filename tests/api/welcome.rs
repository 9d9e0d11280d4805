//! What somebody who opens the server's address sees.

use crate::support::{ChildServer, Settings, TestServer};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test]
async fn a_browser_gets_a_page_and_a_program_links() {
    let server = Settings::default().set("BOXOFFICE_ENV", "staging").start().await;
    let page = server.api.with_header("accept", BROWSER).get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src"));
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    let shown = server.api.get("/").await.ok();
    assert_eq!((shown["name"].as_str(), shown.get("development")), (Some("boxoffice"), None));
    for (_, link) in shown["links"].as_object().unwrap() {
        let link = link.as_str().unwrap();
        assert!(text.contains(&format!("href=\"{link}\"")), "{link} is not in {text}");
        assert_eq!(server.api.get(link).await.status, 200, "{link}");
    }
    assert!(!text.contains("demo.boxoffice.example") && !text.contains("/mails"), "{text}");
}

#[tokio::test]
async fn a_developer_finds_the_mails_but_not_their_token() {
    let server = TestServer::start().await;
    let shown = server.api.get("/").await.ok();
    let mails = format!("http://{}/mails", server.running.operations_address);
    assert_eq!(shown["development"]["mails"], mails);
    assert_eq!(shown["development"]["accounts"].as_array().unwrap().len(), 0, "there is no demo in this database");
    let page = server.api.with_header("accept", BROWSER).get("/").await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    let token = server.running.mails_token.as_ref().unwrap();
    assert!(text.contains(&mails) && !text.contains(token.expose()), "{text}");
}

#[tokio::test]
async fn a_developer_finds_the_accounts_of_the_demo_but_not_their_password() {
    let server = ChildServer::start(Settings::default()).await;
    let shown = server.api.get("/").await.ok();
    let accounts = shown["development"]["accounts"].as_array().unwrap();
    let roles: Vec<_> = accounts.iter().map(|account| account["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["USER", "ORGANIZER", "ADMIN"]);
    let password = std::fs::read_to_string(server.folder().join("data/demo-password")).unwrap();
    let page = server.api.with_header("accept", BROWSER).get("/").await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("ada@demo.boxoffice.example") && !text.contains(password.trim()), "{text}");
}
