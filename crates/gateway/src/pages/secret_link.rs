//! Links that let in whoever has them.

use store::InvitationKind;

/// The address of the page where a link is followed; `public_url` is where the gateway is reached.
/// What follows the `#` stays in the browser: no server and no proxy on the way logs it.
pub fn secret_link(public_url: &str, kind: InvitationKind, secret: &str) -> String {
    let base = public_url.trim_end_matches('/');
    match kind {
        InvitationKind::Setup => format!("{base}/setup#code={secret}"),
        InvitationKind::Invite => format!("{base}/invite#{secret}"),
        InvitationKind::Reset => format!("{base}/reset#{secret}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_stands_behind_the_number_sign() {
        for (kind, expected) in [
            (InvitationKind::Setup, "https://a.example/gw/setup#code=s"),
            (InvitationKind::Invite, "https://a.example/gw/invite#s"),
            (InvitationKind::Reset, "https://a.example/gw/reset#s"),
        ] {
            assert_eq!(secret_link("https://a.example/gw/", kind, "s"), expected);
        }
    }
}
