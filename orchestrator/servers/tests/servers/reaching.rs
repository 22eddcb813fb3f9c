//! Servers behind keys, certificates, gateways and routers.

use std::collections::BTreeMap;

use retrial_protocol::Access;
use retrial_servers::{CallError, Caller, FleetError, Trouble, connect, probe};

use crate::standin::{Kind, Reply, Standin};
use crate::{LIMITS, REQUEST, VERSION, plan, report, tls};

#[tokio::test]
async fn a_key_and_headers_are_shown_to_a_server_and_to_no_log() {
    let path = std::env::var("PATH").unwrap();
    let server = Standin::locked(Kind::Vllm, &format!("Bearer {path}")).await;
    let headers = [("X-Team", "reasoning"), ("X-From", "env:PATH")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let access = Access {
        api_key_env: Some("PATH".into()),
        headers: BTreeMap::from(headers),
        ..Access::default()
    };
    let urls = [server.url.clone()];
    let fleet = connect(plan(&urls, &[], &access)).await.unwrap();
    assert!(!format!("{fleet:?}").contains(&path), "the key is shown");
    let pool = fleet.pool(LIMITS);
    pool.pushed(&report(&[&server.url], &[]));
    pool.ask(VERSION, REQUEST).await.unwrap();
    let world = server.world();
    let last = &world.calls.last().unwrap().headers;
    assert_eq!(
        (last["x-team"].to_str().unwrap(), last["x-from"].to_str().unwrap()),
        ("reasoning", path.as_str())
    );
}

#[tokio::test]
async fn a_server_that_wants_a_key_says_where_to_put_it() {
    let server = Standin::locked(Kind::Vllm, "Bearer secret").await;
    let error = probe(&server.url, "policy").await.unwrap_err().to_string();
    assert!(error.contains("answered 401: Unauthorized"), "{error}");
    assert!(error.contains("[server] api_key_env"), "{error}");
}

#[tokio::test]
async fn pages_redirects_and_broken_answers_are_explained() {
    let login = Reply::text("<!DOCTYPE html><html><head><title>Sign in to Example</title>");
    let away = Reply::status(302).with("location", "https://login.example/?next=secret");
    for (reply, expected) in [
        (login, "it is an HTML page, `Sign in to Example`, not JSON\nhint: is it a login page"),
        (away, "it redirects to https://login.example/\nhint: is it a login page, or https"),
        (Reply::text("SSH-2.0-OpenSSH_9.2\r\n"), "it begins with `SSH-2.0-OpenSSH_9.2`"),
        (Reply::text(""), "it is empty"),
        (Reply::text(r#"{"data": [{"id": "pol"#), r#"it begins with `{"data": [{"id": "pol`"#),
    ] {
        let server = Standin::start(Kind::Router).await;
        server.always("/v1/models", reply);
        let caller =
            Caller::to_server(&server.url, &Access::default(), std::time::Duration::from_secs(20));
        let error = caller.unwrap().get::<serde_json::Value>("/v1/models").await.unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_is_trusted_by_its_file_alone() {
    let server = tls::serve(&Standin::new(Kind::Vllm, |_, _| {}, None)).await;
    let trusting = Access { ca_file: Some(tls::file("authority.pem")), ..Access::default() };
    let urls = [server.clone()];
    let fleet = connect(plan(&urls, &[], &trusting)).await.unwrap();
    assert_eq!(fleet.found[0].url, server);
    let pool = fleet.pool(LIMITS);
    pool.pushed(&report(&[&server], &[]));
    assert_eq!(pool.ask(VERSION, REQUEST).await.unwrap().len(), 2);

    let error = probe(&server, "policy").await.unwrap_err();
    assert_eq!(error.trouble(), Trouble::Final, "waiting does not help");
    let error = error.to_string();
    assert!(error.contains("invalid peer certificate") && error.contains("ca_file"), "{error}");

    let plain = Standin::start(Kind::Vllm).await;
    let encrypted = plain.url.replace("http://", "https://");
    let error = probe(&encrypted, "policy").await.unwrap_err().to_string();
    assert!(error.contains("write http:// if it does not"), "{error}");

    let none = Access { ca_file: Some(tls::file("server.key")), ..Access::default() };
    let error = connect(plan(&urls, &[], &none)).await.unwrap_err().to_string();
    assert!(error.contains("server.key: it has no certificate"), "{error}");
}

#[tokio::test]
async fn a_server_says_when_it_wants_to_be_asked_again() {
    let server = Standin::start(Kind::Vllm).await;
    server.always("/v1/models", Reply::status(429).with("retry-after", "7"));
    let caller =
        Caller::to_server(&server.url, &Access::default(), std::time::Duration::from_secs(20));
    let error = caller.unwrap().get::<serde_json::Value>("/v1/models").await.unwrap_err();
    assert_eq!(error.retry_after().map(|pause| pause.as_secs()), Some(7));
}

#[tokio::test]
async fn addresses_are_understood_as_people_write_them() {
    let server = Standin::start(Kind::Vllm).await;
    let host = server.url.strip_prefix("http://").unwrap();
    for written in [host.to_owned(), format!("{host}/v1"), format!("{}/v1/", server.url)] {
        assert_eq!(probe(&written, "policy").await.unwrap().url, server.url);
    }
    let (access, twice) = (Access::default(), [server.url.clone(), format!("{host}/v1")]);
    let error = connect(plan(&twice, &[], &access)).await.unwrap_err().to_string();
    assert!(error.contains("are the same server"), "{error}");
}

#[tokio::test]
async fn rollouts_go_through_a_router_and_weights_to_its_workers() {
    let router = Standin::start(Kind::Router).await;
    let workers = [Standin::start(Kind::Vllm).await, Standin::start(Kind::Sglang).await];
    let (urls, behind) = ([router.url.clone()], workers.clone().map(|worker| worker.url));
    let access = Access::default();
    let fleet = connect(plan(&urls, &behind, &access)).await.unwrap();
    let addresses = fleet.addresses().unwrap();
    assert_eq!(
        addresses.iter().map(|server| &server.url).collect::<Vec<_>>(),
        [&behind[0], &behind[1]]
    );
    let pool = fleet.pool(LIMITS);
    assert_eq!(pool.concurrency(), 2 * LIMITS.concurrency);
    // It serves a version when all of them do.
    assert_eq!(pool.pushed(&report(&[&behind[0]], &[&behind[1]])), 0);
    assert!(pool.last_failure().contains("it did not take it"));
    assert_eq!(pool.pushed(&report(&[&behind[0], &behind[1]], &[])), 1);
    assert_eq!(pool.ask(VERSION, REQUEST).await.unwrap().len(), 2);
    assert_eq!(router.asked("/v1/completions").len(), 1);
    assert!(workers.iter().all(|worker| worker.asked("/v1/completions").is_empty()));
}

#[tokio::test]
async fn a_router_without_workers_cannot_be_given_weights() {
    let router = Standin::start(Kind::Router).await;
    let (urls, access) = ([router.url.clone()], Access::default());
    let fleet = connect(plan(&urls, &[], &access)).await.unwrap();
    let error = fleet.addresses().unwrap_err();
    assert!(matches!(error, FleetError::NoControl { .. }), "{error}");
    assert!(error.to_string().contains("[server] workers"), "{error}");
    let two = [router.url.clone(), "other:8000".to_owned()];
    let error = connect(plan(&two, &urls, &access)).await.unwrap_err();
    assert!(matches!(error, FleetError::NoRouter { urls: 2 }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = listener.local_addr().unwrap().to_string();
    drop(listener);
    let caller = Caller::to_server(&url, &Access::default(), std::time::Duration::from_secs(20));
    let error = caller.unwrap().get::<serde_json::Value>("/v1/models").await.unwrap_err();
    assert!(matches!(error, CallError::Transport { .. }), "{error}");
    assert!(
        error.to_string().contains("check that it is running and that the address is right"),
        "{error}"
    );
}
