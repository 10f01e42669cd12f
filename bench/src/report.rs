//! Figures of all rounds, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

/// Who was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The simulated provider without a proxy.
    Direct,
    /// nginx.
    Nginx,
    /// The libraries of Trunkline alone.
    Plain,
    /// Trunkline.
    Trunkline,
}

/// What a figure must not exceed.
#[derive(Clone, Copy, Debug)]
pub enum Aim {
    /// So many times nginx's.
    TimesNginx(f64),
    /// So much.
    AtMost(f64),
    /// Nothing: for information.
    None,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// In which unit.
    pub unit: &'static str,
    /// What is aimed at.
    pub aim: Aim,
}

/// The figures of all rounds.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
    figures: BTreeMap<(usize, Who), Vec<f64>>,
}

/// Least, middle and greatest of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    least: f64,
    median: f64,
    greatest: f64,
}

impl Spread {
    fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> =
            figures.iter().copied().filter(|figure| figure.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (least, greatest) = (*sorted.first()?, *sorted.last()?);
        let upper = sorted[sorted.len() / 2];
        let lower = sorted[(sorted.len() - 1) / 2];
        Some(Self { least, median: f64::midpoint(lower, upper), greatest })
    }

    fn text(self) -> String {
        format!("{} [{} – {}]", short(self.median), short(self.least), short(self.greatest))
    }
}

/// Three digits or so.
fn short(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

impl Report {
    /// Adds a figure.
    pub fn add(&mut self, row: Row, who: Who, figure: f64) {
        let known = self.rows.iter().position(|known| known.name == row.name);
        let place = known.unwrap_or_else(|| {
            self.rows.push(row);
            self.rows.len() - 1
        });
        self.figures.entry((place, who)).or_default().push(figure);
    }

    fn spread(&self, place: usize, who: Who) -> Option<Spread> {
        self.figures.get(&(place, who)).and_then(|figures| Spread::of(figures))
    }

    /// Trunkline's median as a multiple of nginx's.
    fn ratio(&self, place: usize) -> Option<f64> {
        let (ours, theirs) = (self.spread(place, Who::Trunkline)?, self.spread(place, Who::Nginx)?);
        (theirs.median > 0.0).then(|| ours.median / theirs.median)
    }

    /// Whether the aim is met; `None`: there is none, or nothing to judge by.
    fn met(&self, place: usize, aim: Aim) -> Option<bool> {
        match aim {
            Aim::None => None,
            Aim::TimesNginx(most) => self.ratio(place).map(|ratio| ratio <= most),
            Aim::AtMost(most) => {
                self.spread(place, Who::Trunkline).map(|figure| figure.median <= most)
            }
        }
    }

    /// The table in Markdown: median [least – greatest].
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| measure | direct | nginx | hyper alone | Trunkline | × nginx | aim | met |\n\
             |---|---:|---:|---:|---:|---:|---:|---|\n",
        );
        for (place, row) in self.rows.iter().enumerate() {
            let cell = |who| self.spread(place, who).map_or("–".to_owned(), Spread::text);
            let ratio = self.ratio(place).map_or("–".to_owned(), short);
            let aim = match row.aim {
                Aim::None => "–".to_owned(),
                Aim::TimesNginx(most) => format!("≤ {most} ×"),
                Aim::AtMost(most) => format!("≤ {most} {}", row.unit),
            };
            let met = match self.met(place, row.aim) {
                None => "–",
                Some(true) => "yes",
                Some(false) => "no",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {}, {} | {} | {} | {} | {} | {ratio} | {aim} | {met} |",
                row.name,
                row.unit,
                cell(Who::Direct),
                cell(Who::Nginx),
                cell(Who::Plain),
                cell(Who::Trunkline),
            );
        }
        text
    }

    /// Every figure of every round.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().enumerate().map(|(place, row)| {
            let figures = |who| self.figures.get(&(place, who));
            json!({
                "measure": row.name,
                "unit": row.unit,
                "direct": figures(Who::Direct),
                "nginx": figures(Who::Nginx),
                "hyper_alone": figures(Who::Plain),
                "trunkline": figures(Who::Trunkline),
                "ratio_to_nginx": self.ratio(place),
                "aim": match row.aim {
                    Aim::None => Value::Null,
                    Aim::TimesNginx(most) => json!({"times_nginx": most}),
                    Aim::AtMost(most) => json!({"at_most": most}),
                },
                "met": self.met(place, row.aim),
            })
        });
        Value::Array(rows.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Row = Row { name: "cost", unit: "µs", aim: Aim::TimesNginx(1.5) };

    #[test]
    fn medians_of_odd_even_and_no_figures() {
        let median = |figures: &[f64]| Spread::of(figures).map(|spread| spread.median);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[f64::NAN]), None);
    }

    #[test]
    fn an_aim_is_judged_by_the_ratio_of_medians() {
        let mut report = Report::default();
        for figure in [10.0, 30.0, 20.0] {
            report.add(COST, Who::Nginx, figure);
            report.add(COST, Who::Trunkline, figure + 15.0);
        }
        assert_eq!(report.ratio(0), Some(1.75));
        assert_eq!(report.met(0, COST.aim), Some(false));
        assert_eq!(report.met(0, Aim::AtMost(35.0)), Some(true));
        assert!(report.table().contains("20.0 [10.0 – 30.0] | – | 35.0 [25.0 – 45.0] | 1.75"));
    }

    #[test]
    fn nothing_is_judged_without_figures() {
        let mut report = Report::default();
        report.add(COST, Who::Nginx, 1.0);
        assert_eq!(report.met(0, COST.aim), None);
        assert_eq!(report.json()[0]["met"], Value::Null);
    }
}
