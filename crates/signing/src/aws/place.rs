//! What an operator wrote beside keys of Amazon: where models are asked.

use super::credentials::check_region;
use crate::Invalid;
use crate::json::Object;

/// Where the models of a credential are asked. A credential that is no JSON names nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The region, such as `us-east-1`.
    pub region: Option<String>,
    /// Which inference profiles: a geography such as `eu`, or `none`. Whether there is such a
    /// geography is not looked at.
    pub inference_profile: Option<String>,
}

/// Reads the place in a credential's text.
pub fn place(secret: &str) -> Result<Place, Invalid> {
    let secret = secret.trim();
    if !secret.starts_with('{') {
        return Ok(Place::default());
    }
    let mut members = Object::parse(secret)?;
    let place = Place {
        region: members.optional("region")?,
        inference_profile: members.optional("inference_profile")?,
    };
    if let Some(region) = &place.region {
        check_region(region)?;
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_stands_beside_the_keys() {
        let read = |text: &str| place(text).map(|place| (place.region, place.inference_profile));
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read("ABSK-key"), Ok((None, None)));
        assert_eq!(read(r#" {"api_key": "k"}"#), Ok((None, None)));
        let both = r#"{"region": "eu-west-1", "inference_profile": "global"}"#;
        assert_eq!(read(both), Ok((text("eu-west-1"), text("global"))));
        assert_eq!(read(r#"{"region": "a.b"}"#).unwrap_err().field, "region");
        let wrong = read(r#"{"inference_profile": 1}"#).unwrap_err();
        assert_eq!(wrong.field, "inference_profile");
    }
}
