//! Notices and jobs: what a passer-by reads while waiting.

use imaboard_domain::{Posting, PostingKind, city_date};
use imaboard_templates::words::JA;
use maud::{Markup, html};

use super::{Look, ems};
use crate::fragment::Fragment;
use crate::scene::{Layout, Page};

impl<'a> Look<'_, 'a> {
    pub(super) fn postings(&self, page: &Page<'_>, kind: PostingKind, list: &[&'a Posting]) -> Fragment {
        let (title, en) = match kind {
            PostingKind::Notice | PostingKind::Remark => ("wall.notices.title", "wall.notices.en"),
            PostingKind::Job => ("wall.jobs.title", "wall.jobs.en"),
        };
        let head = self.calm_head(page, (JA.t(title).to_owned(), String::new()), JA.t(en));
        let rows: Vec<Fragment> = list.iter().map(|p| self.posting(page, p)).collect();
        let main = html! { main.posts { @for _ in &rows { (super::slot()) } } };
        self.board(page, head, main, rows)
    }

    fn posting(&self, page: &Page<'_>, posting: &Posting) -> Fragment {
        let key = format!("{}-{}", page.key, posting.id);
        let title = posting.title();
        let body = posting.body().lines().next().unwrap_or_default();
        let fits = if self.layout == Layout::Portrait { 18.0 } else { 30.0 };
        let html = html! {
            article.post id={ "w-" (key) } {
                div.what {
                    @match (&posting.job, posting.category) {
                        (Some(job), _) => b { (JA.t(&format!("employment.{}", job.employment))) },
                        (None, Some(category)) => b { (JA.t(&format!("category.{category}"))) },
                        (None, None) => b { (JA.t("category.general")) },
                    }
                    (self.day(posting))
                }
                div.text {
                    h2 class=(if ems(title) > fits { "long" } else { "" }) { (title) }
                    p { (self.author(posting)) @if !body.is_empty() { "　" (body) } }
                }
                @if let Some(job) = &posting.job {
                    div.wage {
                        small { (JA.t(&format!("wage_per.{}", job.wage_per))) }
                        span.n { (thousands(job.wage_from_yen)) } (JA.t("wall.jobs.yen"))
                        @if job.wage_to_yen.is_some_and(|to| to > job.wage_from_yen) { (JA.t("wall.jobs.up")) }
                    }
                }
            }
        };
        Fragment::leaf(key, html)
    }

    /// The newest notices under the vacancies of a tall screen.
    pub(super) fn notices_beside(&self, page: &Page<'_>) -> Option<Fragment> {
        let most = self.layout.notices_beside();
        let list = self.m.public_postings(PostingKind::Notice);
        if most == 0 || list.is_empty() {
            return None;
        }
        let key = format!("{}-notices", page.key);
        let html = html! {
            section.notices id={ "w-" (key) } {
                h2 { (JA.t("wall.notices.title")) }
                @for posting in list.iter().take(most) {
                    article { h3 { (posting.title()) } p { (self.day(posting)) "　" (self.author(posting)) } }
                }
            }
        };
        Some(Fragment::leaf(key, html))
    }

    fn day(&self, posting: &Posting) -> Markup {
        let date = city_date(posting.publish_at.unwrap_or(posting.received_at));
        html! { span { (JA.fill("wall.script.date", &[("month", &date.month().to_string()), ("day", &date.day().to_string())])) } }
    }

    fn author(&self, posting: &Posting) -> &str {
        let facility = posting.facility.as_ref().and_then(|id| self.m.board.find_facility(id));
        facility.map_or(&self.city.name, |f| &f.facility.name)
    }
}

/// `1,080`
fn thousands(n: u32) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn yen_are_grouped_by_thousands() {
        assert_eq!(["0", "980", "1,080", "230,000"], [0, 980, 1080, 230_000].map(thousands).each_ref().map(String::as_str));
    }
}
