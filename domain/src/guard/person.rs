//! One person without a name: age, sex, illness, care level, relatives and household of somebody.
//!
//! No single word is personal data; together they are. The rule counts what a sentence (or two neighbours) says about *one* person and is
//! quiet where the sentence speaks of many, of a rule or of a service. Illness with age, sex, relative, care level or household blocks; age
//! with sex, or a relative alone, is asked. Source of the line: counts are fine, attributes of one person are not (guidance of the
//! Personal Information Protection Commission for medical and care providers: data that singles out by easy collation).
//!
//! Must match: `88歳男性、脳梗塞後遺症、ショート希望`, `82M、DM、HTあり`, `職員の夫が新型コロナに感染`. Must not: `要介護3以上の方が対象`,
//! `男性5名、女性24名`, `80代、90代の方が多く`, `透析患者の送迎対応はできません`, `入所者1名が発熱`.

use super::{
    explain::Kind,
    lexicon::{Tag, is_kanji},
    reading::{Certainty, Hit, Reading},
};

/// What one sentence says about one person.
#[derive(Clone, Debug, Default)]
struct Profile {
    age: Vec<(usize, usize)>,
    sex: Vec<(usize, usize)>,
    health: Vec<(usize, usize)>,
    grave: Vec<(usize, usize)>,
    sensitive: Vec<(usize, usize)>,
    care: Vec<(usize, usize)>,
    care_need: Vec<(usize, usize)>,
    kin: Vec<(usize, usize)>,
    household: Vec<(usize, usize)>,
    area: Vec<(usize, usize)>,
    incident: Vec<(usize, usize)>,
    person: Vec<(usize, usize)>,
    /// Age and sex stand side by side: 88歳女性.
    paired: bool,
    request: bool,
    general: bool,
    many: bool,
    start: usize,
    end: usize,
}

impl Profile {
    fn join(&self, other: &Self) -> Self {
        let both = |a: &[(usize, usize)], b: &[(usize, usize)]| a.iter().chain(b).copied().collect();
        Self {
            age: both(&self.age, &other.age),
            sex: both(&self.sex, &other.sex),
            health: both(&self.health, &other.health),
            grave: both(&self.grave, &other.grave),
            sensitive: both(&self.sensitive, &other.sensitive),
            care: both(&self.care, &other.care),
            care_need: both(&self.care_need, &other.care_need),
            kin: both(&self.kin, &other.kin),
            household: both(&self.household, &other.household),
            area: both(&self.area, &other.area),
            incident: both(&self.incident, &other.incident),
            person: both(&self.person, &other.person),
            paired: self.paired || other.paired,
            request: self.request || other.request,
            general: self.general || other.general,
            many: self.many || other.many,
            start: self.start,
            end: other.end,
        }
    }

    fn verdict(&self) -> Option<Certainty> {
        let ill = !self.health.is_empty();
        let age = !self.age.is_empty();
        let sex = !self.sex.is_empty();
        let kin = !self.kin.is_empty();
        let household = !self.household.is_empty();
        let need = !self.care_need.is_empty();
        let care = !self.care.is_empty();
        let person = !self.person.is_empty();
        let area = !self.area.is_empty();
        let incident = !self.incident.is_empty();
        let sensitive = !self.sensitive.is_empty();
        let general = (self.general && !self.request && !self.paired) || (self.many && !self.paired);
        let traits = [age, sex, kin, household, need].into_iter().filter(|t| *t).count();
        if self.paired && (ill || care || kin || household || need || incident) {
            return Some(Certainty::Certain);
        }
        if general {
            return None;
        }
        let certain = ill && traits >= 1
            || traits >= 2 && (care || incident || kin || household || need)
            || need && sex
            || kin && incident
            || sensitive && (person || kin || household || sex || age)
            || !self.grave.is_empty() && (person || sex || age || kin)
            || ill && incident && person
            || ill && person && area
            || household && (incident || care)
            || traits >= 1 && area && (care || incident);
        if certain {
            return Some(Certainty::Certain);
        }
        let likely = self.paired || kin || need && self.request || traits >= 1 && (incident || self.request);
        likely.then_some(Certainty::Likely)
    }

    fn hits(&self, certainty: Certainty, hits: &mut Vec<Hit>) {
        for (kind, spans) in [
            (Kind::Age, &self.age),
            (Kind::Sex, &self.sex),
            (Kind::Health, &self.health),
            (Kind::Health, &self.grave),
            (Kind::Welfare, &self.sensitive),
            (Kind::Care, &self.care),
            (Kind::CareNeed, &self.care_need),
            (Kind::Kinship, &self.kin),
            (Kind::Household, &self.household),
            (Kind::Area, &self.area),
            (Kind::Incident, &self.incident),
        ] {
            hits.extend(spans.iter().map(|(start, end)| Hit { kind, start: *start, end: *end, certainty }));
        }
    }
}

/// Finds what is said about one person. Reads the findings of the other rules: beside a name every trait counts.
pub(super) fn find(text: &Reading<'_>, hits: &mut Vec<Hit>) {
    let mut named: Vec<(usize, bool)> = hits
        .iter()
        .filter(|h| h.certainty == Certainty::Certain)
        .map(|h| (h.start, matches!(h.kind, Kind::Name | Kind::NameInitial | Kind::Room | Kind::Birth)))
        .collect();
    named.sort_unstable();
    let mut last: Option<Profile> = None;
    for &(start, end) in &text.sentences {
        let profile = profile(text, start, end);
        let first = named.partition_point(|n| n.0 < start);
        let beside_name = named[first..].iter().take_while(|n| n.0 < end).any(|n| n.1);
        let near_private = named.get(first).is_some_and(|n| n.0 < end);
        let certainty = profile.verdict().or(beside_name.then_some(Certainty::Likely));
        if let Some(certainty) = certainty {
            profile.hits(certainty.max(if beside_name { Certainty::Certain } else { certainty }), hits);
        } else if near_private && !profile.kin.is_empty() {
            profile.hits(Certainty::Likely, hits);
        } else if let Some(previous) = &last {
            let both = previous.join(&profile);
            if previous.verdict().is_none()
                && let Some(certainty) = both.verdict()
            {
                both.hits(certainty, hits);
            }
        }
        last = Some(profile);
    }
}

/// The end of an age that begins at `at`: `88歳`, `88才`, `88)`.
pub(super) fn age_at(text: &Reading<'_>, at: usize) -> Option<usize> {
    let digits = (at..at + 4).take_while(|i| text.at(*i).is_ascii_digit() && *i < text.len()).count();
    let end = at + digits;
    if !(1..=3).contains(&digits) {
        return None;
    }
    text.any(end, &["歳", "才"]).or_else(|| (digits >= 2 && text.at(end) == ')' && text.before(at) == '(').then_some(end))
}

const LIMITS: [&str; 16] =
    ["以上", "以下", "未満", "まで", "から", "~", "以降", "不問", "以内", "前後", "を超", "の誕生", "定年", "程度", "-", "歓迎"];

fn profile(text: &Reading<'_>, start: usize, end: usize) -> Profile {
    let mut p = Profile { start, end, ..Profile::default() };
    ages(text, &mut p);
    sexes(text, &mut p);
    words(text, &mut p);
    areas(text, &mut p);
    p.paired = p
        .age
        .iter()
        .any(|a| p.sex.iter().any(|s| s.0 >= a.1 && s.0 - a.1 <= 2 || a.0 >= s.1 && a.0 - s.1 <= 2 || s.0 >= a.0 && s.1 <= a.1));
    p
}

fn groups_in<'t>(text: &'t Reading<'_>, p: &Profile) -> &'t [super::reading::Group] {
    let from = text.groups.partition_point(|g| g.start < p.start);
    let to = text.groups.partition_point(|g| g.start < p.end);
    &text.groups[from..to]
}

fn ages(text: &Reading<'_>, p: &mut Profile) {
    let mut decades = Vec::new();
    for group in groups_in(text, p).iter().copied() {
        let number: u32 = if group.len() <= 3 { text.digits(group.start, group.end).parse().unwrap_or(999) } else { 999 };
        if number > 120 {
            continue;
        }
        let counted = text.any(group.end, &["名", "人", "世帯", "件"]);
        if let Some(after) = counted {
            // 2名 or more, and the counts of a list, speak of many.
            if number >= 2 && text.any(after, &["暮らし", "部屋", "で残", "目"]).is_none() {
                p.many = true;
            }
            continue;
        }
        let unit = text
            .any(group.end, &["歳", "才"])
            .or_else(|| text.any(group.end, &["代"]).filter(|_| number >= 10 && number.is_multiple_of(10)));
        let shorthand = (number >= 10)
            .then(|| text.any(text.skip_spaces(group.end), &["♀", "♂", "M", "F", "男", "女", "男性", "女性"]))
            .flatten()
            .filter(|e| !text.at(*e).is_ascii_alphanumeric() && !"名人子床室枠".contains(text.at(*e)));
        if let Some(after) = unit {
            let limited =
                text.any(after, &LIMITS).is_some() || text.shortly_before(group.start, 4, &["平均", "定年", "満年齢", "~"]);
            let child = number < 1;
            if !limited && !child {
                if text.at(group.end) == '代' {
                    decades.push((group.start, after));
                }
                p.age.push((group.start, after));
            }
        } else if let Some(after) = shorthand
            && !text.before(group.start).is_ascii_alphanumeric()
            && !matches!(text.before(group.start), '-' | '.' | '/')
        {
            let letter = matches!(text.at(after - 1), 'M' | 'F');
            // 82M is an age only in clinical company; 50M of hose is not.
            if !letter || text.marks_in(p.start, p.end).any(|m| m.tag == Tag::Health) && number >= 18 {
                p.age.push((group.start, after));
                p.sex.push((after - 1, after));
            }
        } else if text.before(group.start) == '('
            && text.at(group.end) == ')'
            && number >= 60
            && is_kanji(text.before(group.start.saturating_sub(1)))
        {
            p.age.push((group.start, group.end));
        }
    }
    if decades.len() >= 2 {
        p.many = true;
    }
}

const SEXES: [&str; 10] = ["女性", "男性", "女児", "男児", "女の子", "男の子", "♀", "♂", "おばあさん", "おじいさん"];
/// Behind these, a sex belongs to a place, a rule or a count.
const OF_MANY: [&str; 22] = [
    "専用",
    "用",
    "トイレ",
    "部屋",
    "フロア",
    "棟",
    "室",
    "浴",
    "職員",
    "スタッフ",
    "とも",
    "枠",
    "ともに",
    "の方も",
    "も",
    "各",
    "向け",
    "限定",
    "介助",
    "床",
    "、男",
    "・",
];

fn sexes(text: &Reading<'_>, p: &mut Profile) {
    let mut at = p.start;
    while at < p.end {
        let long = text.any(at, &SEXES);
        let bare = || {
            let c = text.at(at);
            let alone = !is_kanji(text.before(at)) && !is_kanji(text.at(at + 1)) && !super::lexicon::is_kana(text.at(at + 1));
            (matches!(c, '男' | '女') && alone).then_some(at + 1)
        };
        let Some(end) = long.or_else(bare) else {
            at += 1;
            continue;
        };
        let counted = text.at(end).is_ascii_digit() && text.any(end, &["1名が", "1名の", "1人が", "1名、", "1名("]).is_none();
        let of_many = text.any(end, &OF_MANY).is_some_and(|_| !(text.at(end) == '・' && p.request_follows(text, end)));
        let listed = text.before(at) == '・' && p.age.is_empty() && !p.request_follows(text, end);
        if !(counted || listed || of_many && p.age.is_empty()) {
            p.sex.push((at, end));
        }
        at = end;
    }
}

impl Profile {
    /// The sentence goes on with a request for one person.
    fn request_follows(&self, text: &Reading<'_>, at: usize) -> bool {
        text.marks_in(at, self.end).any(|m| m.tag == Tag::Request)
    }
}

fn words(text: &Reading<'_>, p: &mut Profile) {
    let (start, end) = (p.start, p.end);
    for mark in text.marks_in(start, end) {
        let span = (mark.start, mark.end);
        match mark.tag {
            Tag::Health => p.health.push(span),
            Tag::Grave => p.grave.push(span),
            Tag::Sensitive => p.sensitive.push(span),
            Tag::Care => p.care.push(span),
            Tag::Request => p.request = true,
            Tag::General => p.general = true,
            Tag::Household => p.household.push(span),
            Tag::Incident => p.incident.push(span),
            Tag::Kin if is_kin(text, mark.start, mark.end) => p.kin.push(span),
            Tag::Person if !text.has(mark.end, "用") && !text.has(mark.end, "向け") => p.person.push(span),
            Tag::Kin
            | Tag::Person
            | Tag::Surname
            | Tag::SurnameReading
            | Tag::GivenReading
            | Tag::Place
            | Tag::Role
            | Tag::BusinessNumber
            | Tag::Office
            | Tag::MyNumberName
            | Tag::BirthName
            | Tag::NumberName(_)
            | Tag::CardName => {}
        }
    }
    // 要介護3 of somebody, not 要介護3以上 of a rule.
    for group in groups_in(text, p).iter().filter(|g| g.len() == 1) {
        let named =
            text.last_before(group.start, 5, &["要介護", "要支援", "介護度", "介護度は"]).is_some_and(|e| group.start - e <= 1);
        let rule = text
            .any(group.end, &["以上", "以下", "~", "-", "から", "まで", "・", "または", "、要", "の方が対象", "の方も"])
            .is_some()
            && !text.slice(group.end, end.min(group.end + 6)).iter().any(|c| matches!(c, '胃' | '女' | '男' | '独'));
        let earlier = matches!(text.before(group.start), '~' | '・') || text.shortly_before(group.start, 6, &["平均"]);
        if named && !rule && !earlier {
            p.care_need.push((group.start.saturating_sub(3), group.end));
        }
    }
}

/// 夫 is a husband in 「職員の夫が」 and not in 工夫 or 大丈夫.
fn is_kin(text: &Reading<'_>, start: usize, end: usize) -> bool {
    let next = text.at(end);
    if end - start > 1 {
        return text.any(end, &["の日", "会"]).is_none();
    }
    let before = text.before(start);
    let apart = !is_kanji(before) && !is_kanji(next) || "義実".contains(before);
    let word = text.any(end, &["の日", "の会"]).is_some() || "々体".contains(next);
    apart && !word && (start == 0 || " の、。(「)はがをとや:ご\n".contains(before))
}

const AREAS: [&str; 6] = ["地区", "集落", "町", "郷", "島", "団地"];

fn areas(text: &Reading<'_>, p: &mut Profile) {
    for at in p.start..p.end {
        let Some(end) = text.any(at, &AREAS) else {
            continue;
        };
        if is_kanji(text.before(at)) && !"同当各全村下市".contains(text.before(at)) && !text.public[at] {
            let start = (at.saturating_sub(4)..at).rev().take_while(|i| is_kanji(text.at(*i))).last().unwrap_or(at);
            p.area.push((start, end));
        }
    }
}
