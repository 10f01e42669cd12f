use catalog::PriceOverride;
use proptest::prelude::*;
use protocol::exchange::Usage;

use super::*;

fn list(base: &[(Meter, i64)]) -> PriceList {
    let base = base.iter().map(|(meter, price)| (*meter, PicoUsd(*price))).collect();
    PriceList { base, overrides: Vec::new() }
}

fn claude() -> PriceList {
    let overrides = vec![PriceOverride {
        min_prompt_tokens: Some(200_000),
        prices: vec![(Meter::Prompt, PicoUsd(6_000_000))],
        ..PriceOverride::default()
    }];
    let base = list(&[
        (Meter::Prompt, 3_000_000),
        (Meter::Completion, 15_000_000),
        (Meter::InputCacheRead, 300_000),
        (Meter::InputCacheWrite, 3_750_000),
        (Meter::InputCacheWrite1h, 6_000_000),
    ]);
    PriceList { overrides, ..base }
}

/// A different price for every meter.
fn everything() -> PriceList {
    let base =
        Meter::ALL.into_iter().zip(1_i64..).map(|(meter, at)| (meter, PicoUsd(at * 1_000_037)));
    PriceList { base: base.collect(), overrides: Vec::new() }
}

fn total(usage: &MeteredUsage, prices: &PriceList) -> Option<i64> {
    cost(usage, prices, 0).map(|cost| cost.total.0)
}

/// Cached tokens are neither billed twice nor for nothing.
#[test]
fn cached_tokens_are_billed_once_at_their_own_price() {
    let tokens = Usage {
        input: 10_000,
        cached_input: 6_000,
        cache_write: 3_000,
        cache_write_1h: 1_000,
        output: 100,
        ..Usage::default()
    };
    let usage = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
    let cost = cost(&usage, &claude(), 0).unwrap();
    // 1000×3 + 6000×0.3 + 2000×3.75 + 1000×6 = 18,300 µ$ per … in nano: 18.3 m$
    assert_eq!(cost.prompt, NanoUsd(18_300_000));
    assert_eq!(cost.completion, NanoUsd(1_500_000));
    assert_eq!(cost.total, NanoUsd(19_800_000));
    assert_eq!(cost.cache_discount, NanoUsd(27_000_000 - 15_300_000));
}

/// MODELS-6: `input_audio_cache`.
#[test]
fn cached_audio_has_its_own_price_and_is_taken_out_of_cached_input_and_audio() {
    let tokens = Usage {
        input: 100,
        cached_input: 60,
        cached_audio: 40,
        audio_input: 50,
        ..Usage::default()
    };
    let usage = MeteredUsage { tokens, ..MeteredUsage::default() };
    let prices = list(&[
        (Meter::Prompt, 1_000_000),
        (Meter::Audio, 3_000_000),
        (Meter::InputAudioCache, 500_000),
        (Meter::InputCacheRead, 100_000),
    ]);
    // 30 plain, 20 cached, 40 cached audio, 10 audio.
    assert_eq!(total(&usage, &prices), Some(30_000 + 20 * 100 + 40 * 500 + 10 * 3_000));
    let discount = cost(&usage, &prices, 0).unwrap().cache_discount;
    assert_eq!(discount, NanoUsd(20 * 900 + 40 * 2_500), "against plain text, and plain audio");
}

#[test]
fn an_unknown_price_is_not_zero_and_free_is_not_unknown() {
    let usage = MeteredUsage { requests: 1, ..MeteredUsage::default() };
    assert_eq!(cost(&usage, &PriceList::default(), 0), None);
    let free = list(&[(Meter::Prompt, 0)]);
    assert_eq!(cost(&usage, &free, 0), Some(Cost::default()));
    let tokens = Usage { output: 1, ..Usage::default() };
    let output = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
    assert_eq!(cost(&output, &free, 0), None, "output without a price");
    let heard = MeteredUsage { milliseconds_in: 9, ..MeteredUsage::default() };
    let chat = list(&[(Meter::Prompt, 1), (Meter::Completion, 1)]);
    assert_eq!(cost(&heard, &chat, 0), None, "seconds that no token stands for");
    assert_eq!(total(&heard, &free), Some(0), "free is free by any measure");
}

/// USAGE-8: seconds, search units, pages, characters and images by the piece.
#[test]
fn everything_that_is_no_token_is_priced() {
    let one = |meter, price, usage: MeteredUsage| total(&usage, &list(&[(meter, price)]));
    let none = MeteredUsage::default();
    let transcript = MeteredUsage { milliseconds_in: 8_470, ..none };
    assert_eq!(one(Meter::SecondIn, 100_000_000, transcript), Some(847_000));
    let speech = MeteredUsage { characters: 1_000, milliseconds_out: 60_000, ..none };
    assert_eq!(one(Meter::Character, 15_000_000, speech), Some(15_000_000));
    assert_eq!(one(Meter::SecondOut, 250_000_000, speech), Some(15_000_000));
    let rerank = MeteredUsage { search_units: 2, ..none };
    assert_eq!(one(Meter::SearchUnit, 2_000_000_000, rerank), Some(4_000_000));
    let read = MeteredUsage { pages: 12, ..none };
    assert_eq!(one(Meter::Page, 1_000_000_000, read), Some(12_000_000));
    let painted = MeteredUsage { images_out: 3, ..none };
    assert_eq!(one(Meter::ImageOutput, 40_000_000_000, painted), Some(120_000_000));
    let filmed = MeteredUsage { video_milliseconds: 4_500, ..none };
    assert_eq!(one(Meter::VideoSecond, 100_000_000_000, filmed), Some(450_000_000));
    assert_eq!(one(Meter::SecondOut, 100_000_000_000, filmed), Some(450_000_000));
}

#[test]
fn a_piece_is_not_billed_beside_the_tokens_that_stand_for_it() {
    let prices = list(&[
        (Meter::Prompt, 2_500_000),
        (Meter::Completion, 10_000_000),
        (Meter::Audio, 6_000_000),
        (Meter::SecondIn, 100_000_000),
        (Meter::ImageOutput, 39_000_000_000),
        (Meter::ImageOutputToken, 30_000_000),
    ]);
    let tokens = Usage { input: 100, audio_input: 100, ..Usage::default() };
    let heard = MeteredUsage { tokens, milliseconds_in: 10_000, ..MeteredUsage::default() };
    assert_eq!(total(&heard, &prices), Some(600_000));
    let untold = MeteredUsage { milliseconds_in: 10_000, ..MeteredUsage::default() };
    assert_eq!(total(&untold, &prices), Some(1_000_000), "without tokens, the seconds");
    let tokens = Usage { output: 1290, image_output: 1290, ..Usage::default() };
    let painted = MeteredUsage { tokens, images_out: 1, ..MeteredUsage::default() };
    assert_eq!(total(&painted, &prices), Some(38_700_000));
    let untold = MeteredUsage { images_out: 1, ..MeteredUsage::default() };
    assert_eq!(total(&untold, &prices), Some(39_000_000), "without tokens, the piece");
}

#[test]
fn characters_that_became_priced_tokens_are_not_billed_again() {
    let prices = list(&[(Meter::Prompt, 1_000_000), (Meter::Character, 15_000_000)]);
    let spoken = MeteredUsage { characters: 40, ..MeteredUsage::default() };
    assert_eq!(total(&spoken, &prices), Some(600_000));
    let tokens = Usage { input: 10, ..Usage::default() };
    assert_eq!(total(&MeteredUsage { tokens, ..spoken }, &prices), Some(10_000));
}

/// What came out is not paid for by what went in.
#[test]
fn output_without_tokens_and_without_a_price_is_unknown_whatever_the_prompt_costs() {
    let chat = list(&[(Meter::Prompt, 1_000_000), (Meter::Completion, 2_000_000)]);
    let tokens = Usage { input: 10, ..Usage::default() };
    let asked = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
    assert_eq!(total(&MeteredUsage { images: 1, ..asked }, &chat), Some(10_000));
    for usage in [
        MeteredUsage { images_out: 1, ..asked },
        MeteredUsage { milliseconds_out: 1, ..asked },
        MeteredUsage { video_milliseconds: 1, ..asked },
    ] {
        assert_eq!(cost(&usage, &chat, 0), None, "{usage:?}");
    }
}

/// MODELS-7
#[test]
fn conditions_hold_for_pieces_as_for_tokens() {
    let night = PriceOverride {
        utc_start: Some(2200),
        utc_end: Some(600),
        prices: vec![(Meter::SecondIn, PicoUsd(50_000_000))],
        ..PriceOverride::default()
    };
    let day = list(&[(Meter::SecondIn, 100_000_000)]);
    let prices = PriceList { overrides: vec![night], ..day };
    let heard = MeteredUsage { milliseconds_in: 1_000, ..MeteredUsage::default() };
    let at = |minute| cost(&heard, &prices, minute).unwrap().total;
    assert_eq!((at(12 * 60), at(23 * 60)), (NanoUsd(100_000), NanoUsd(50_000)));
}

#[test]
fn tokens_need_no_price_beside_a_piece_that_pays_for_the_answer() {
    let tokens = Usage { input: 100, output: 20, ..Usage::default() };
    let usage = MeteredUsage { tokens, milliseconds_in: 2_000, ..MeteredUsage::default() };
    let whisper = list(&[(Meter::SecondIn, 100_000_000)]);
    assert_eq!(total(&usage, &whisper), Some(200_000));
    let searched = Usage { web_searches: 1, ..tokens };
    let usage = MeteredUsage { tokens: searched, ..MeteredUsage::default() };
    assert_eq!(total(&usage, &list(&[(Meter::WebSearch, 5)])), None, "a search does not");
}

/// USAGE-4: Perplexity's fees.
#[test]
fn a_request_costs_what_its_search_context_does() {
    use protocol::exchange::SearchContext::{High, Low, Medium};
    let fees = [
        (Meter::Prompt, 1),
        (Meter::Completion, 1),
        (Meter::Request, 5_000_000_000),
        (Meter::RequestMediumContext, 8_000_000_000),
        (Meter::RequestHighContext, 12_000_000_000),
    ];
    let used = |search_context| {
        let tokens = Usage { web_searches: 3, search_context, ..Usage::default() };
        MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() }
    };
    for (told, cost) in [
        (None, 5_000_000),
        (Some(Low), 5_000_000),
        (Some(Medium), 8_000_000),
        (Some(High), 12_000_000),
    ] {
        assert_eq!(total(&used(told), &list(&fees)), Some(cost), "{told:?}");
        assert_eq!(total(&used(told), &list(&fees[..3])), Some(5_000_000), "one fee for all");
    }
}

/// Peers choose counts: the largest must neither panic nor wrap.
#[test]
fn the_largest_counts_stay_at_the_end_of_the_range() {
    let tokens = Usage {
        input: u64::MAX,
        cached_input: u64::MAX,
        output: u64::MAX,
        reasoning: u64::MAX,
        web_searches: u64::MAX,
        ..Usage::default()
    };
    let usage = MeteredUsage {
        tokens,
        requests: u64::MAX,
        images_out: u64::MAX,
        milliseconds_out: u64::MAX,
        video_milliseconds: u64::MAX,
        ..MeteredUsage::default()
    };
    let dear = PriceList {
        base: Meter::ALL.into_iter().map(|meter| (meter, PicoUsd(i64::MAX))).collect(),
        overrides: Vec::new(),
    };
    let details = cost_details(&usage, &dear, 0).unwrap();
    assert_eq!(details.cost.total, NanoUsd(i64::MAX));
    assert_eq!(details.lines.iter().map(|line| line.share).sum::<NanoUsd>(), NanoUsd(i64::MAX));
}

fn some_usage() -> impl Strategy<Value = MeteredUsage> {
    prop::collection::vec(prop_oneof![Just(0_u64), 1..5_u64, 0..10_000_000_u64], 20).prop_map(
        |counts| MeteredUsage {
            tokens: Usage {
                input: counts[0],
                cached_input: counts[1],
                cache_write: counts[2],
                cache_write_1h: counts[3],
                audio_input: counts[4],
                image_input: counts[5],
                output: counts[6],
                reasoning: counts[7],
                audio_output: counts[8],
                image_output: counts[9],
                web_searches: counts[10],
                cached_audio: counts[11],
                ..Usage::default()
            },
            requests: counts[12],
            images: counts[13],
            images_out: counts[14],
            milliseconds_in: counts[15],
            milliseconds_out: counts[16],
            video_milliseconds: counts[17],
            characters: counts[18],
            search_units: counts[19],
            pages: counts[0] % 7,
        },
    )
}

proptest! {
    #[test]
    fn parts_sum_to_the_total_and_nothing_is_negative(
        input in 0_u64..10_000_000, cached in 0_u64..10_000_000, write in 0_u64..10_000_000,
        output in 0_u64..10_000_000, reasoning in 0_u64..10_000_000,
    ) {
        let tokens = Usage {
            input, cached_input: cached, cache_write: write, output, reasoning,
            ..Usage::default()
        };
        let usage = MeteredUsage { tokens, requests: 1, ..MeteredUsage::default() };
        let cost = cost(&usage, &claude(), 0).unwrap();
        prop_assert_eq!(cost.prompt + cost.completion + cost.other, cost.total);
        prop_assert!(cost.prompt.0 >= 0 && cost.completion.0 >= 0 && cost.other.0 >= 0);
        // Never more than everything at the dearest price.
        let most = i128::from(input) * 6_000_000 + i128::from(output) * 15_000_000;
        prop_assert!(cost.total <= NanoUsd::from_pico(most));
    }

    #[test]
    fn lines_sum_to_the_total_which_is_rounded_once(usage in some_usage()) {
        let details = cost_details(&usage, &everything(), 0).unwrap();
        prop_assert_eq!(Some(details.cost), cost(&usage, &everything(), 0));
        let shares: NanoUsd = details.lines.iter().map(|line| line.share).sum();
        prop_assert_eq!(shares, details.cost.total);
        let parts = details.cost.prompt + details.cost.completion + details.cost.other;
        prop_assert_eq!(parts, details.cost.total);
        let femto = |line: &CostLine| {
            i128::try_from(line.quantity.as_thousandths()).unwrap() * i128::from(line.price.0)
        };
        let exact: i128 = details.lines.iter().map(femto).sum();
        // Rounded half to even: twice the distance to the exact sum is at most one nano-dollar.
        let distance = (exact - i128::from(details.cost.total.0) * 1_000_000).abs();
        prop_assert!(distance * 2 <= 1_000_000);
        for (at, line) in details.lines.iter().enumerate() {
            prop_assert!(line.share.0 >= 0);
            let share = i128::from(line.share.0) * 1_000_000;
            prop_assert!((share - femto(line)).abs() <= 1_000_000, "within one nano-dollar");
            prop_assert!(details.lines[..at].iter().all(|other| other.meter != line.meter));
        }
    }

    /// USAGE-4: tokens of all kinds on the lines are the tokens used.
    #[test]
    fn no_token_is_billed_twice_or_not_at_all(usage in some_usage()) {
        let details = cost_details(&usage, &everything(), 0).unwrap();
        let sum = |meters: &[Meter]| -> u128 {
            let lines = details.lines.iter().filter(|line| meters.contains(&line.meter));
            lines.map(|line| line.quantity.as_thousandths()).sum()
        };
        let input = sum(&[
            Meter::Prompt, Meter::InputCacheRead, Meter::InputAudioCache, Meter::InputCacheWrite,
            Meter::InputCacheWrite1h, Meter::Audio, Meter::ImageToken,
        ]);
        prop_assert_eq!(input, u128::from(usage.tokens.input) * 1000);
        let output = sum(&[
            Meter::Completion, Meter::InternalReasoning, Meter::AudioOutput,
            Meter::ImageOutputToken,
        ]);
        prop_assert_eq!(output, u128::from(usage.tokens.output) * 1000);
    }
}
