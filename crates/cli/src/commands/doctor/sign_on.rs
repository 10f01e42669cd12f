//! The sign-on service: whether a server would start with it, and whether it answers by its name.

use anyhow::{Context as _, Result};
use rustls::pki_types::CertificateDer;
use serde::Deserialize;

use super::finding::Finding;
use crate::commands::serve::SignOn;
use crate::outbound::{self, TIME_LIMIT};

const CHECK: &str = "sign-on service";

/// The largest document of a service that is read, in bytes.
const LARGEST: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
}

/// Looks at the settings, then asks the service what it calls itself.
pub async fn check(given: SignOn, authorities: &[CertificateDer<'static>]) -> Finding {
    let settings = match given.read() {
        Ok(settings) => settings,
        Err(error) => {
            return Finding::failure(CHECK, format!("{error:#}"))
                .mend("correct the setting; docs/sign-in.md says what each is for");
        }
    };
    match discover(&settings.issuer, authorities).await {
        Ok(found) if found.issuer == settings.issuer => {
            Finding::fine(CHECK, format!("{} answers, and calls itself so", settings.issuer))
        }
        Ok(found) => {
            let said: String = found.issuer.chars().take(200).collect();
            Finding::failure(CHECK, format!("{} calls itself {said}", settings.issuer))
                .mend("set oidc_issuer to exactly what it calls itself")
        }
        Err(error) => Finding::failure(
            CHECK,
            format!("{} cannot be used: {error:#}", settings.issuer),
        )
        .mend(
            "correct oidc_issuer, or the way to the service; name an authority of your own with \
                 ca_file",
        ),
    }
}

/// OpenID Connect Discovery 1.0, section 4
async fn discover(issuer: &str, authorities: &[CertificateDer<'static>]) -> Result<Discovered> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = outbound::download(&url, authorities, LARGEST, TIME_LIMIT).await?;
    serde_json::from_slice(&document).context("what it says of itself cannot be read")
}
