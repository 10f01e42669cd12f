//! A whole answer for a caller: what a stream of the same answer ends with.

use crate::exchange::{Additions, Identity, Response, unfold};
use crate::openai_responses::Echo;
use crate::openai_responses::stream::StreamEncoder;

/// Writes a whole answer to a request that named no parameters.
pub fn encode_response(
    response: &Response,
    identity: &Identity,
    additions: Additions<'_>,
) -> Vec<u8> {
    encode_response_with(response, identity, &Echo::default(), additions)
}

/// Writes a whole answer, with what it repeats of its request. There is one answer in this
/// protocol: of several, the first. RESP-2, USAGE-6
pub fn encode_response_with(
    response: &Response,
    identity: &Identity,
    echo: &Echo,
    additions: Additions<'_>,
) -> Vec<u8> {
    let choice = response.choices.first().map_or(0, |choice| choice.index);
    let mut encoder = StreamEncoder::silent(identity.clone(), echo.clone(), choice);
    let mut nothing = Vec::new();
    for event in unfold(response) {
        encoder.push(&event, &mut nothing);
    }
    encoder.into_whole(additions)
}
