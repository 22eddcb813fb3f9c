//! The style sheet, the script and the icon, included in the program.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use retrial_report::format::hex;
use sha2::{Digest, Sha256};

use crate::error::ApiError;
use crate::extract::PathParams;

/// The style sheet.
pub static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style.css", "text/css", retrial_report::STYLE));
/// The script.
pub static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("script.js", "text/javascript", include_str!("assets/script.js")));
/// The icon.
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")));

/// A static file.
pub struct Asset {
    name: &'static str,
    kind: &'static str,
    body: &'static str,
    digest: String,
}

impl Asset {
    fn new(name: &'static str, kind: &'static str, body: &'static str) -> Self {
        let digest = hex(&Sha256::digest(body)[..6]);
        Self { name, kind, body, digest }
    }

    /// Its URL. It changes with the content, so that browsers may cache it.
    pub fn address(&self) -> String {
        format!("/assets/{}?{}", self.name, self.digest)
    }
}

/// Sends an asset.
pub async fn get(PathParams(name): PathParams<String>) -> Result<Response, ApiError> {
    let assets = [&STYLE, &SCRIPT, &ICON];
    let found = assets.into_iter().find(|asset| asset.name == name);
    let asset = found.ok_or_else(|| ApiError::not_found(format!("asset `{name}`")))?;
    let kind = format!("{}; charset=utf-8", asset.kind);
    let keep = "public, max-age=31536000, immutable".to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], asset.body).into_response())
}
