//! Between the generation row and its columns, in one list, so that none can be forgotten.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Attempt, Generation, PriceState, SettledBy};
use crate::StoreError;
use crate::engine::Row;

/// A value on its way into a database or a journal, or back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
}

/// What a column holds beside nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Boolean,
    Text,
}

macro_rules! columns {
    ($($name:ident)*) => {
        /// The columns of the table, in the order in which they are written and read. The prices
        /// themselves are not among them: they are in `price_list`, once for each version.
        pub(crate) const COLUMNS: &[&str] = &[$(stringify!($name),)* "attempts"];

        /// What each of [`COLUMNS`] holds.
        pub(crate) const KINDS: &[Kind] = &[$(kind_of(|row| &row.$name),)* Kind::Text];

        /// Calls `give` with the value of each of [`COLUMNS`], in order.
        pub(crate) fn write_cells<'g, E>(
            generation: &'g Generation,
            mut give: impl FnMut(Cell<'g>) -> Result<(), E>,
        ) -> Result<(), E> {
            // Without `..`: a field that has no column does not compile.
            let Generation { $($name,)* attempts, prices: _ } = generation;
            $(give($name.cell())?;)*
            give(attempts_cell(generation, attempts))
        }

        /// Makes a row of the values of [`COLUMNS`]: `take` gives that of a name.
        pub(crate) fn read_cells<'c>(
            mut take: impl FnMut(&'static str, Kind) -> Result<Cell<'c>, StoreError>,
        ) -> Result<Generation, StoreError> {
            let mut generation = Generation {
                $($name: column(&mut take, stringify!($name))?,)*
                attempts: Vec::new(),
                prices: None,
            };
            if let Cell::Text(text) = take("attempts", Kind::Text)? {
                generation.attempts = read_attempts(&generation, &text)?;
            }
            Ok(generation)
        }
    };
}

columns! {
    id request_id upstream_id created_at account_id workspace_id key_hash api_type
    model_requested model model_permaslug endpoint_tag provider_name provider_slug upstream_model
    streamed cancelled status finish_reason native_finish_reason error_type
    latency_ms first_token_ms generation_time_ms moderation_latency_ms
    native_tokens_prompt native_tokens_completion native_tokens_reasoning native_tokens_cached
    native_tokens_cache_write native_tokens_cache_write_1h
    native_tokens_prompt_audio native_tokens_prompt_images
    native_tokens_completion_audio native_tokens_completion_images
    tokens_prompt tokens_completion num_media_prompt num_media_completion num_search_results
    web_searches total_cost upstream_inference_cost upstream_prompt_cost upstream_completion_cost
    cache_discount usage_cost price_version is_byok is_free price_state settled_by
    router service_tier session_id external_user app_referer app_title app_categories user_agent
    origin preset_id response_cache_source_id data_region request_bytes response_bytes
}

macro_rules! rare_columns {
    ($($name:ident)*) => {
        /// The columns in which most rows have nothing.
        pub(crate) const RARE: &[&str] = &[$(stringify!($name)),*];

        /// Whether a row has something in a column of [`RARE`].
        pub(crate) fn has_rare(generation: &Generation) -> bool {
            $(generation.$name.is_something())||*
        }
    };
}

rare_columns! {
    error_type moderation_latency_ms native_tokens_cache_write_1h
    native_tokens_prompt_audio native_tokens_prompt_images
    native_tokens_completion_audio native_tokens_completion_images
    num_media_prompt num_media_completion num_search_results web_searches
    response_cache_source_id request_bytes response_bytes
}

const fn kind_of<T: Column>(_field: fn(&Generation) -> &T) -> Kind {
    T::KIND
}

/// What a select of generations asks for, in the form [`from_row`] reads. It is to be selected
/// from `generation_entry`, which has whole rows, however they are kept.
pub(crate) fn selection() -> String {
    format!("{}, prices", COLUMNS.join(", "))
}

/// Reads a row selected with [`selection`].
pub(crate) fn from_row(row: &Row) -> Result<Generation, StoreError> {
    let mut generation = read_cells(|name, kind| {
        Ok(match kind {
            Kind::Integer => row.try_get::<Option<i64>>(name)?.map(Cell::Integer),
            Kind::Boolean => {
                row.try_get::<Option<bool>>(name)?.map(|flag| Cell::Integer(flag.into()))
            }
            Kind::Text => row.try_get::<Option<&str>>(name)?.map(|text| Cell::Text(text.into())),
        }
        .unwrap_or(Cell::Null))
    })?;
    generation.prices = row.try_get::<Option<&str>>("prices")?.map(Into::into);
    Ok(generation)
}

fn column<'c, T: Column>(
    take: &mut impl FnMut(&'static str, Kind) -> Result<Cell<'c>, StoreError>,
    name: &'static str,
) -> Result<T, StoreError> {
    let cell = take(name, T::KIND)?;
    T::of_cell(&cell)
        .ok_or_else(|| StoreError::Corrupt { what: name, reason: format!("{cell:?} does not fit") })
}

/// A field's type as a column. A null where a field must have a value is its default: the column
/// is younger than the row.
trait Column: Sized {
    const KIND: Kind;

    fn cell(&self) -> Cell<'_>;
    fn of_cell(cell: &Cell<'_>) -> Option<Self>;

    /// Whether it is other than in a row by default.
    fn is_something(&self) -> bool {
        !matches!(self.cell(), Cell::Null | Cell::Integer(0))
    }
}

impl Column for Arc<str> {
    const KIND: Kind = Kind::Text;

    fn cell(&self) -> Cell<'_> {
        Cell::Text(Cow::Borrowed(self))
    }

    fn of_cell(cell: &Cell<'_>) -> Option<Arc<str>> {
        match cell {
            Cell::Text(text) => Some(text.as_ref().into()),
            Cell::Null => Some("".into()),
            Cell::Integer(_) => None,
        }
    }
}

impl<T: Column> Column for Option<T> {
    const KIND: Kind = T::KIND;

    fn cell(&self) -> Cell<'_> {
        self.as_ref().map_or(Cell::Null, Column::cell)
    }

    // A zero that was told is not nothing.
    fn is_something(&self) -> bool {
        self.is_some()
    }

    fn of_cell(cell: &Cell<'_>) -> Option<Option<T>> {
        match cell {
            Cell::Null => Some(None),
            cell => T::of_cell(cell).map(Some),
        }
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Column for $type {
            const KIND: Kind = Kind::Integer;

            fn cell(&self) -> Cell<'_> {
                Cell::Integer(i64::from(*self))
            }

            fn of_cell(cell: &Cell<'_>) -> Option<$type> {
                match cell {
                    Cell::Integer(number) => (*number).try_into().ok(),
                    Cell::Null => Some(0),
                    Cell::Text(_) => None,
                }
            }
        }
    )*};
}
integers!(i64, u16);

impl Column for bool {
    const KIND: Kind = Kind::Boolean;

    fn cell(&self) -> Cell<'_> {
        Cell::Integer(i64::from(*self))
    }

    fn of_cell(cell: &Cell<'_>) -> Option<bool> {
        match cell {
            Cell::Integer(number) => Some(*number != 0),
            Cell::Null => Some(false),
            Cell::Text(_) => None,
        }
    }
}

macro_rules! words {
    ($($type:ty),*) => {$(
        impl Column for $type {
            const KIND: Kind = Kind::Text;

            fn cell(&self) -> Cell<'_> {
                Cell::Text(Cow::Borrowed(self.as_str()))
            }

            fn of_cell(cell: &Cell<'_>) -> Option<$type> {
                match cell {
                    Cell::Text(word) => {
                        <$type>::ALL.into_iter().find(|value| value.as_str() == word)
                    }
                    Cell::Null => Some(<$type>::default()),
                    Cell::Integer(_) => None,
                }
            }
        }
    )*};
}
words!(PriceState, SettledBy);

/// Says of the one attempt of a row that its answer has the identity that the row names.
const IDENTIFIED: char = '=';

/// The one attempt of an answer that came at the first try says nothing the row does not say, but
/// for how long it took: it is written as that number alone. Others are written as JSON.
fn attempts_cell<'g>(generation: &'g Generation, attempts: &'g [Attempt]) -> Cell<'g> {
    match attempts {
        [] => Cell::Null,
        [attempt] if is_only_attempt(generation, attempt) => {
            let mut text = attempt.latency_ms.to_string();
            if attempt.id.is_some() {
                text.insert(0, IDENTIFIED);
            }
            Cell::Text(text.into())
        }
        // Strings and numbers always make JSON.
        attempts => Cell::Text(serde_json::to_string(attempts).unwrap_or_default().into()),
    }
}

/// Whether an attempt is what [`only_attempt`] makes of its row.
fn is_only_attempt(row: &Generation, attempt: &Attempt) -> bool {
    // Without `..`: a field that is not compared does not compile.
    let Attempt {
        id,
        endpoint_id,
        provider_name,
        model_permaslug,
        status,
        latency_ms: _,
        is_byok,
        error_type,
    } = attempt;
    *status == Some(200)
        && error_type.is_none()
        && *is_byok == row.is_byok
        && (id.is_none() || *id == row.upstream_id)
        && *endpoint_id == row.endpoint_tag
        && *provider_name == row.provider_name
        && *model_permaslug == row.model_permaslug
}

fn only_attempt(generation: &Generation, id: Option<Arc<str>>, latency_ms: i64) -> Attempt {
    Attempt {
        id,
        endpoint_id: Arc::clone(&generation.endpoint_tag),
        provider_name: Arc::clone(&generation.provider_name),
        model_permaslug: Arc::clone(&generation.model_permaslug),
        status: Some(200),
        latency_ms,
        is_byok: generation.is_byok,
        error_type: None,
    }
}

fn read_attempts(generation: &Generation, text: &str) -> Result<Vec<Attempt>, StoreError> {
    let (id, latency) = match text.strip_prefix(IDENTIFIED) {
        Some(latency) => (generation.upstream_id.clone(), latency),
        None => (None, text),
    };
    if let Ok(latency_ms) = latency.parse() {
        return Ok(vec![only_attempt(generation, id, latency_ms)]);
    }
    serde_json::from_str(text)
        .map_err(|error| StoreError::Corrupt { what: "attempts", reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::full_generation;

    fn round_trip(generation: &Generation) -> Generation {
        let mut cells = Vec::new();
        let Ok::<_, std::convert::Infallible>(()) = write_cells(generation, |cell| {
            cells.push(cell);
            Ok(())
        });
        assert_eq!(cells.len(), COLUMNS.len());
        let mut cells = cells.into_iter();
        read_cells(|_, _| Ok(cells.next().unwrap())).unwrap()
    }

    #[test]
    fn every_field_survives_as_a_cell() {
        let generation = Generation { prices: None, ..full_generation("gen-1") };
        assert_eq!(round_trip(&generation), generation);
        assert_eq!(round_trip(&Generation::default()), Generation::default());
    }

    #[test]
    fn an_answer_at_the_first_try_keeps_its_attempt_in_a_number() {
        let mut generation = full_generation("gen-1");
        let identified = generation.upstream_id.clone();
        assert!(identified.is_some());
        for (id, text) in [(None, "412"), (identified, "=412")] {
            generation.attempts = vec![only_attempt(&generation, id, 412)];
            assert_eq!(attempts_cell(&generation, &generation.attempts), Cell::Text(text.into()));
            assert_eq!(round_trip(&generation).attempts, generation.attempts);
        }
        let only = only_attempt(&generation, None, 412);
        for other in [
            Attempt { id: Some("another".into()), ..only.clone() },
            Attempt { endpoint_id: "another".into(), ..only.clone() },
            Attempt { provider_name: "another".into(), ..only.clone() },
            Attempt { model_permaslug: "another".into(), ..only.clone() },
            Attempt { status: Some(201), ..only.clone() },
            Attempt { status: None, ..only.clone() },
            Attempt { is_byok: !only.is_byok, ..only.clone() },
            Attempt { error_type: Some("another".into()), ..only.clone() },
        ] {
            generation.attempts = vec![other];
            assert_eq!(round_trip(&generation).attempts, generation.attempts);
        }
    }

    #[test]
    fn rare_columns_are_told() {
        assert!(!has_rare(&Generation::default()));
        assert!(has_rare(&Generation { web_searches: 1, ..Generation::default() }));
        assert!(has_rare(&Generation { error_type: Some("".into()), ..Generation::default() }));
        assert!(has_rare(&Generation { request_bytes: Some(0), ..Generation::default() }));
        assert!(RARE.iter().all(|column| COLUMNS.contains(column)));
    }
}
