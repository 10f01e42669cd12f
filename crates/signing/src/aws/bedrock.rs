//! Addresses of Bedrock. wire-formats 5

use crate::Invalid;

/// The name under which requests to Bedrock are signed, which is not that of its host.
/// wire-formats 5.1
pub const BEDROCK_SERVICE: &str = "bedrock";

/// The host of a region: `bedrock-runtime.us-east-1.amazonaws.com`. Regions in China and of the
/// European Sovereign Cloud are under other domains; secret ones are not served.
pub fn bedrock_host(region: &str) -> Result<String, Invalid> {
    super::credentials::check_region(region)?;
    let domain = match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    Ok(format!("bedrock-runtime.{region}.{domain}"))
}
