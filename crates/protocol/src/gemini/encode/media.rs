//! Blocks of media → parts. MMIN-1, MMIN-2, MMIN-3, PDF-1

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::wire::{Part, PartBody, audio_media_type, is_own_media_url, media_type_of};
use crate::exchange::{BlockKind, Fault, Losses, MediaSource};

/// How media may be sent.
pub(super) struct Media {
    /// URLs are refused, but for those that the service itself resolves.
    pub(super) no_urls: bool,
    /// Bytes may carry a name. Only Vertex knows the member; elsewhere it fails the request.
    pub(super) names: bool,
}

impl Media {
    /// The part for a block; `None` if the block is no medium of a request.
    pub(super) fn part<'a>(
        &self,
        kind: &'a BlockKind,
        path: impl Fn() -> String,
        losses: &mut Losses,
    ) -> Result<Option<Part<'a>>, Fault> {
        let (source, default, name) = match kind {
            BlockKind::Image { source, detail } => {
                if detail.as_deref().is_some_and(|detail| detail != "auto") {
                    losses.record(format!("{}.image_url.detail", path()), "not in the protocol");
                }
                (source, Cow::Borrowed("image/jpeg"), None)
            }
            BlockKind::Audio { source, format, .. } => (source, audio_media_type(format), None),
            BlockKind::Video { source } => (source, Cow::Borrowed("video/mp4"), None),
            BlockKind::File { source, filename } => (
                source,
                Cow::Borrowed(
                    filename.as_deref().and_then(media_type_of).unwrap_or("application/pdf"),
                ),
                filename.as_deref(),
            ),
            _ => return Ok(None),
        };
        let name = name.filter(|_| {
            if !self.names {
                losses.record(format!("{}.file.filename", path()), "not in the protocol");
            }
            self.names
        });
        let body = match source {
            MediaSource::Base64 { media_type, data } => PartBody::InlineData {
                media_type: if media_type.contains('/') {
                    Cow::Borrowed(media_type)
                } else {
                    default
                },
                data: Cow::Borrowed(data),
                name,
            },
            MediaSource::Text { media_type, text } => PartBody::InlineData {
                media_type: Cow::Borrowed(if media_type.is_empty() {
                    "text/plain"
                } else {
                    media_type
                }),
                data: Cow::Owned(STANDARD.encode(text)),
                name,
            },
            MediaSource::Url(url) if url.starts_with("data:") => {
                return Err(Fault::invalid(format!(
                    "{}: the data URL is not base64; send it as data:<media type>;base64,<data>",
                    path()
                )));
            }
            MediaSource::Url(url) if self.no_urls && !is_own_media_url(url) => {
                return Err(Fault::invalid(format!(
                    "{}: this provider does not fetch URLs; send the bytes as a data URL",
                    path()
                )));
            }
            MediaSource::Url(url) => PartBody::FileData {
                media_type: Some(media_type_of(url).map_or(default, Cow::Borrowed)),
                uri: url,
            },
            MediaSource::FileId(id) if !id.starts_with("files/") => {
                return Err(Fault::invalid(format!(
                    "{}: the file is stored at another provider; send its bytes or a URL",
                    path()
                )));
            }
            MediaSource::FileId(id) => PartBody::FileData { media_type: None, uri: id },
        };
        Ok(Some(Part::new(body)))
    }
}
