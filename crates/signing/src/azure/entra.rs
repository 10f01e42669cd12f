//! Entra's tokens for applications and for machines.

use super::Cloud;
use crate::json::Object;
use crate::{Invalid, Secret, TokenRequest, percent, text};

/// The metadata service of machines in Azure.
const METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// An application registered with Entra, with a secret of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraClient {
    tenant_id: String,
    client_id: String,
    client_secret: Secret,
    cloud: Cloud,
}

impl EntraClient {
    pub(super) fn from_members(members: &mut Object) -> Result<Self, Invalid> {
        let client = Self {
            tenant_id: members.required("tenant_id")?,
            client_id: members.required("client_id")?,
            client_secret: members.secret("client_secret")?,
            cloud: cloud(members)?,
        };
        check_tenant(&client.tenant_id)?;
        check_client_id(&client.client_id)?;
        text::visible("client_secret", client.client_secret.expose(), 512)?;
        Ok(client)
    }

    /// The grant of an application on its own behalf. RFC 6749 4.4
    pub(crate) fn request(&self) -> TokenRequest {
        let url =
            format!("https://{}/{}/oauth2/v2.0/token", self.cloud.authority(), self.tenant_id);
        let scope = format!("{}/.default", self.cloud.resource());
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose()),
            ("scope", &scope),
        ];
        TokenRequest::form(url, &fields)
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.client_secret
    }
}

/// The identity of the machine the gateway runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedIdentity {
    client_id: Option<String>,
    cloud: Cloud,
}

impl ManagedIdentity {
    /// The machine's own identity, or the one with a client's identity of those assigned to it.
    pub fn new(client_id: Option<&str>, cloud: Cloud) -> Result<Self, Invalid> {
        if let Some(id) = client_id {
            check_client_id(id)?;
        }
        Ok(Self { client_id: client_id.map(str::to_owned), cloud })
    }

    pub(crate) fn request(&self) -> TokenRequest {
        let resource = percent::encode(self.cloud.resource());
        let mut url = format!("{METADATA}?api-version=2018-02-01&resource={resource}");
        if let Some(id) = &self.client_id {
            url.push_str("&client_id=");
            url.push_str(id);
        }
        TokenRequest::metadata(url, ("metadata", "true"))
    }
}

fn cloud(members: &mut Object) -> Result<Cloud, Invalid> {
    members.optional("cloud")?.map_or(Ok(Cloud::Public), |name| Cloud::parse(&name))
}

/// Checks a tenant: its identity, or one of its domains. It becomes part of a path.
fn check_tenant(tenant: &str) -> Result<(), Invalid> {
    const FIELD: &str = "tenant_id";
    if matches!(tenant, "common" | "organizations" | "consumers") {
        return Err(Invalid::new(
            FIELD,
            "must be that of one directory: an application cannot sign in to all of them",
        ));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    let fits = (1..=253).contains(&tenant.len())
        && tenant.bytes().all(allowed)
        && tenant.starts_with(|first: char| first.is_ascii_alphanumeric());
    if fits {
        Ok(())
    } else {
        Err(Invalid::new(FIELD, "is neither the identity of a directory nor one of its domains"))
    }
}

/// Checks an application's identity: a GUID.
fn check_client_id(id: &str) -> Result<(), Invalid> {
    let lengths = id.split('-').map(str::len);
    let digits = id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if digits && lengths.eq([8, 4, 4, 4, 12]) {
        Ok(())
    } else {
        Err(Invalid::new("client_id", "is not of the form 00000000-0000-0000-0000-000000000000"))
    }
}
