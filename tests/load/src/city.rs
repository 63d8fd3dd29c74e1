//! A plausible register of any number of facilities, for a city or for a whole nation of districts.
//!
//! Kinds of service occur about as often as in the ministry's open data, names sound like those of the sample city, and
//! telephone numbers use exchange 00, which is never assigned. *Invariant:* a facility depends on the seed and its own
//! number alone, so a larger city begins with the smaller one.

use imaboard_domain::{
    BadId, BedRoom, BedSex, Cell, DistrictId, Facility, FacilityId, Grid, Service, ServiceId, ServiceKind, Session,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// A district of the generated register with its ferry islands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct District {
    /// Its id in the settings.
    pub id: DistrictId,
    /// Its name.
    pub name: String,
    /// Its ferry islands by name.
    pub islands: Vec<String>,
}

/// The five districts of the default settings.
///
/// # Errors
/// Never: the ids are well-formed.
pub fn saikai() -> Result<Vec<District>, BadId> {
    let table: [(&str, &str, &[&str]); 5] = [
        ("seihi", "西彼", &[]),
        ("saikai", "西海", &[]),
        ("oshima", "大島", &[]),
        ("sakito", "崎戸", &["平島", "江島"]),
        ("oseto", "大瀬戸", &["松島"]),
    ];
    let district = |(id, name, islands): (&str, &str, &[&str])| {
        Ok(District { id: id.parse()?, name: name.to_owned(), islands: islands.iter().map(|i| (*i).to_owned()).collect() })
    };
    table.into_iter().map(district).collect()
}

/// As many districts as asked for, as a prefecture or a nation has them (Japan: about 1,700 municipalities).
///
/// # Errors
/// Never: the ids are well-formed.
pub fn many_districts(count: usize) -> Result<Vec<District>, BadId> {
    let name = |at: usize| {
        let (first, second) = (PLACES[at % PLACES.len()].0, PLACES[(at / PLACES.len() + at * 7 + 3) % PLACES.len()].0);
        format!("{first}{second}{}", ["市", "町", "村"][at % 3])
    };
    (0..count).map(|at| Ok(District { id: format!("d{at:04}").parse()?, name: name(at), islands: Vec::new() })).collect()
}

/// The part of a settings file that lists these districts, in TOML; the default areas name districts of Saikai, so it
/// replaces them too.
#[must_use]
pub fn settings_toml(districts: &[District]) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("[city]\nareas = []\n");
    for d in districts {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n[[city.districts]]\nid = \"{}\"\nname = \"{}\"\n", d.id, d.name);
    }
    out
}

/// How often each kind leads a facility, in parts of a thousand: rounded from the numbers of offices in the ministry's
/// open data of 2025, with clinics, pharmacies and shelters beside them as in the sample city.
const KINDS: [(ServiceKind, u32); 30] = [
    (ServiceKind::HomeHelp, 130),
    (ServiceKind::CarePlan, 130),
    (ServiceKind::SmallDayCare, 75),
    (ServiceKind::DayCare, 90),
    (ServiceKind::HomeNursing, 55),
    (ServiceKind::GroupHome, 55),
    (ServiceKind::PaidHome, 55),
    (ServiceKind::ServicedHousing, 30),
    (ServiceKind::Tokuyo, 35),
    (ServiceKind::SmallTokuyo, 10),
    (ServiceKind::Roken, 18),
    (ServiceKind::CareHospital, 4),
    (ServiceKind::Equipment, 30),
    (ServiceKind::SmallMulti, 22),
    (ServiceKind::NursingMulti, 5),
    (ServiceKind::DementiaDayCare, 13),
    (ServiceKind::DayRehab, 20),
    (ServiceKind::HomeBath, 7),
    (ServiceKind::HomeRehab, 12),
    (ServiceKind::RegularVisit, 6),
    (ServiceKind::NightHelp, 2),
    (ServiceKind::CareHouse, 9),
    (ServiceKind::Yogo, 4),
    (ServiceKind::SupportHouse, 3),
    (ServiceKind::WardGeneral, 12),
    (ServiceKind::WardLongTerm, 8),
    (ServiceKind::WardRecovery, 4),
    (ServiceKind::Clinic, 80),
    (ServiceKind::Pharmacy, 46),
    (ServiceKind::Shelter, 30),
];

/// First halves of names, with kana: places and weather of a coast.
const PLACES: [(&str, &str); 40] = [
    ("大串", "オオクシ"),
    ("七釜", "ナナツガマ"),
    ("横瀬", "ヨコセ"),
    ("太田和", "オオタワ"),
    ("中浦", "ナカウラ"),
    ("雪浦", "ユキノウラ"),
    ("多以良", "タイラ"),
    ("瀬戸", "セト"),
    ("蛎浦", "カキノウラ"),
    ("本郷", "ホンゴウ"),
    ("白似田", "シラニタ"),
    ("小迎", "コムカエ"),
    ("伊佐ノ浦", "イサノウラ"),
    ("面高", "オモダカ"),
    ("天久保", "アマクボ"),
    ("黒口", "クログチ"),
    ("丹納", "タンノウ"),
    ("水浦", "ミズノウラ"),
    ("木場", "コバ"),
    ("幸物", "コウブツ"),
    ("寺島", "テラシマ"),
    ("間瀬", "マゼ"),
    ("塔尾", "トウノオ"),
    ("真砂", "マサゴ"),
    ("田浦", "タウラ"),
    ("馬込", "マゴメ"),
    ("内浦", "ウチウラ"),
    ("柳", "ヤナギ"),
    ("福島", "フクシマ"),
    ("樫浦", "カシノウラ"),
    ("羽出川", "ハデガワ"),
    ("奥浦", "オクウラ"),
    ("遠見", "トオミ"),
    ("鳥加", "トリカ"),
    ("喰場", "ジキバ"),
    ("風早", "カザハヤ"),
    ("亀浦", "カメウラ"),
    ("宮浦", "ミヤノウラ"),
    ("八木原", "ヤキハラ"),
    ("平原", "ヒラバル"),
];

/// Second halves of names, with kana.
const CALLED: [(&str, &str); 40] = [
    ("はまゆう", "ハマユウ"),
    ("みかん", "ミカン"),
    ("ひだまり", "ヒダマリ"),
    ("なぎさ", "ナギサ"),
    ("いそかぜ", "イソカゼ"),
    ("せせらぎ", "セセラギ"),
    ("あおぞら", "アオゾラ"),
    ("つばき", "ツバキ"),
    ("えがお", "エガオ"),
    ("うずしお", "ウズシオ"),
    ("ゆうなぎ", "ユウナギ"),
    ("ほのぼの", "ホノボノ"),
    ("さんご", "サンゴ"),
    ("ひまわり", "ヒマワリ"),
    ("しおさい", "シオサイ"),
    ("かもめ", "カモメ"),
    ("やまびこ", "ヤマビコ"),
    ("すみれ", "スミレ"),
    ("こもれび", "コモレビ"),
    ("ほたる", "ホタル"),
    ("さざなみ", "サザナミ"),
    ("まつかぜ", "マツカゼ"),
    ("あさひ", "アサヒ"),
    ("ゆうひ", "ユウヒ"),
    ("たちばな", "タチバナ"),
    ("くすのき", "クスノキ"),
    ("しらさぎ", "シラサギ"),
    ("なのはな", "ナノハナ"),
    ("れんげ", "レンゲ"),
    ("ききょう", "キキョウ"),
    ("すずらん", "スズラン"),
    ("わかば", "ワカバ"),
    ("あかり", "アカリ"),
    ("きぼう", "キボウ"),
    ("みさき", "ミサキ"),
    ("いるか", "イルカ"),
    ("そよかぜ", "ソヨカゼ"),
    ("にじいろ", "ニジイロ"),
    ("おおぞら", "オオゾラ"),
    ("ふたば", "フタバ"),
];

const OPERATORS: [&str; 8] = [
    "社会福祉法人 しおさい会",
    "医療法人 みかんの木",
    "株式会社 つばきケア",
    "合同会社 なぎ",
    "社会福祉法人 みさき福祉会",
    "NPO法人 しまのくらし",
    "有限会社 はまべ薬品",
    "西海市（見本）",
];

/// Facilities of one city, in the order of their ids.
///
/// # Errors
/// If `districts` hold an id that is none; never for those of [`saikai`] and [`many_districts`].
pub fn facilities(count: usize, seed: u64, districts: &[District]) -> Result<Vec<Facility>, BadId> {
    (0..count).map(|at| facility(at, seed, districts)).collect()
}

fn facility(at: usize, seed: u64, districts: &[District]) -> Result<Facility, BadId> {
    let mut random = StdRng::seed_from_u64(seed ^ (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let lead = lead_kind(&mut random);
    let services = services(lead, &mut random)?;
    let district = &districts[random.random_range(0..districts.len())];
    // One in eight stands on a ferry island, where the district has any.
    let island = if random.random_ratio(1, 8) { district.islands.choose(&mut random).cloned() } else { None };
    let (place, place_kana) = PLACES[random.random_range(0..PLACES.len())];
    let (called, called_kana) = CALLED[random.random_range(0..CALLED.len())];
    let (name, kana) = named(lead, (place, place_kana), (called, called_kana));
    let operator = OPERATORS[random.random_range(0..OPERATORS.len())];
    let medical = matches!(lead, ServiceKind::Clinic | ServiceKind::Pharmacy | ServiceKind::Shelter);
    Ok(Facility {
        id: FacilityId::new(format!("g{:06}", at + 1))?,
        name,
        kana,
        island,
        address: format!("長崎県西海市{}町{place}郷{}", district.name, 9_001 + at % 90_000),
        phone: phone(at),
        fax: if lead == ServiceKind::Shelter { String::new() } else { phone(at + FAX_FROM) },
        url: if random.random_ratio(1, 5) { format!("https://g{:06}.example.jp/", at + 1) } else { String::new() },
        operator: operator.to_owned(),
        office_number: if medical { String::new() } else { format!("42990{:05}", at % 100_000) },
        // Six decimals are ten centimetres: what a register writes.
        latitude: Some(f64::from(random.random_range(32_800_000..33_200_000_u32)) / 1e6),
        longitude: Some(f64::from(random.random_range(129_400_000..129_900_000_u32)) / 1e6),
        district: district.id.clone(),
        services,
        closures: Vec::new(),
    })
}

/// Telephones and FAXes are numbered apart.
const FAX_FROM: usize = 390_000;

/// Exchange 00 of the area codes from 0920 on: room for 390,000 facilities, and never assigned.
fn phone(at: usize) -> String {
    // The sample city keeps 0959 for itself.
    let area = (at / 10_000) % 79;
    let area = if area >= 39 { area + 1 } else { area };
    format!("0{}-00-{:04}", 920 + area, at % 10_000)
}

fn lead_kind(random: &mut StdRng) -> ServiceKind {
    let all: u32 = KINDS.iter().map(|(_, parts)| parts).sum();
    let mut at = random.random_range(0..all);
    for (kind, parts) in KINDS {
        if at < parts {
            return kind;
        }
        at -= parts;
    }
    ServiceKind::HomeHelp
}

/// The leading service and what usually stands beside it.
fn services(lead: ServiceKind, random: &mut StdRng) -> Result<Vec<Service>, BadId> {
    use ServiceKind as K;
    let mut kinds = vec![lead];
    match lead {
        K::Tokuyo | K::SmallTokuyo => {
            kinds.push(K::ShortStay);
            if random.random_bool(0.5) {
                kinds.push(K::DayCare);
            }
        }
        K::Roken => kinds.extend([K::ShortStayMedical, K::DayRehab]),
        K::WardGeneral if random.random_bool(0.5) => kinds.push(K::WardCommunity),
        K::HomeNursing if random.random_bool(0.3) => kinds.push(K::HomeRehab),
        _ => {}
    }
    kinds.into_iter().map(|kind| service(kind, random)).collect()
}

fn service(kind: ServiceKind, random: &mut StdRng) -> Result<Service, BadId> {
    let sex = |sex| Cell::Beds { sex: Some(sex), room: None };
    let room = |room| Cell::Beds { sex: None, room: Some(room) };
    let classes = [
        Vec::new(),
        Vec::new(),
        vec![sex(BedSex::Male), sex(BedSex::Female)],
        vec![room(BedRoom::Private), room(BedRoom::Shared)],
    ];
    let sessions = [Vec::new(), vec![Session::Day], vec![Session::Am, Session::Pm]];
    let grid = kind.grid();
    let capacity = match grid {
        Some(Grid::Beds) => Some(random.random_range(1..=12) * 9),
        Some(Grid::Dates) => Some(random.random_range(3..=12)),
        Some(Grid::Weekdays) => Some(random.random_range(2..=8) * 5),
        Some(Grid::Slots) => Some(29),
        Some(Grid::Intake) | None => None,
    };
    Ok(Service {
        id: ServiceId::new(kind.word())?,
        kind,
        capacity,
        bed_cells: if grid == Some(Grid::Beds) { classes.choose(random).cloned().unwrap_or_default() } else { Vec::new() },
        sessions: if grid == Some(Grid::Weekdays) { sessions.choose(random).cloned().unwrap_or_default() } else { Vec::new() },
    })
}

/// A name as such places have them, with its kana.
fn named(kind: ServiceKind, place: (&str, &str), called: (&str, &str)) -> (String, String) {
    use ServiceKind as K;
    let (before, before_kana, after, after_kana) = match kind {
        K::Tokuyo | K::SmallTokuyo | K::Yogo => ("", "", "荘", "ソウ"),
        K::Roken | K::CareHospital => ("", "", "の丘", "ノオカ"),
        K::GroupHome => ("グループホーム ", "グループホーム ", "の家", "ノイエ"),
        K::PaidHome | K::CareHouse | K::SupportHouse => ("ケアホーム ", "ケアホーム ", "", ""),
        K::ServicedHousing => ("シニアハイツ ", "シニアハイツ ", "の里", "ノサト"),
        K::DayCare | K::SmallDayCare | K::DementiaDayCare | K::DayRehab => ("デイサービス ", "デイサービス ", "", ""),
        K::SmallMulti | K::NursingMulti => ("小規模多機能ホーム ", "ショウキボタキノウホーム ", "", ""),
        K::HomeHelp | K::NightHelp | K::RegularVisit => ("訪問介護ステーション ", "ホウモンカイゴステーション ", "", ""),
        K::HomeNursing | K::HomeRehab => ("訪問看護ステーション ", "ホウモンカンゴステーション ", "", ""),
        K::HomeBath => ("訪問入浴サービス ", "ホウモンニュウヨクサービス ", "", ""),
        K::CarePlan => ("居宅介護支援事業所 ", "キョタクカイゴシエンジギョウショ ", "", ""),
        K::Equipment => ("福祉用具センター ", "フクシヨウグセンター ", "", ""),
        K::Clinic => ("", "", "診療所", "シンリョウジョ"),
        K::Pharmacy => ("", "", "薬局", "ヤッキョク"),
        K::Shelter => ("", "", "体育館", "タイイクカン"),
        K::WardGeneral | K::WardCommunity | K::WardRecovery | K::WardLongTerm | K::WardDisability => {
            ("", "", "病院", "ビョウイン")
        }
        K::ShortStay | K::ShortStayMedical => ("ショートステイ ", "ショートステイ ", "", ""),
    };
    let name = format!("{before}{}{}{after}", place.0, called.0);
    let kana = format!("{before_kana}{}{}{after_kana}", place.1, called.1);
    (name, kana)
}

/// The register as `imaboard register import` takes it: one row a service, UTF-8.
///
/// # Errors
/// Only if the table cannot be held in memory.
pub fn csv(facilities: &[Facility]) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "id",
        "name",
        "kana",
        "district",
        "island",
        "address",
        "phone",
        "fax",
        "url",
        "operator",
        "office_number",
        "latitude",
        "longitude",
        "service",
        "capacity",
        "bed_cells",
        "sessions",
    ])?;
    let list = |items: Vec<String>| items.join(";");
    let degrees = |n: Option<f64>| n.map(|n| n.to_string()).unwrap_or_default();
    for f in facilities {
        for s in &f.services {
            out.write_record([
                f.id.as_str(),
                f.name.as_str(),
                f.kana.as_str(),
                f.district.as_str(),
                f.island.as_deref().unwrap_or_default(),
                f.address.as_str(),
                f.phone.as_str(),
                f.fax.as_str(),
                f.url.as_str(),
                f.operator.as_str(),
                f.office_number.as_str(),
                &degrees(f.latitude),
                &degrees(f.longitude),
                s.kind.word(),
                &s.capacity.map(|n| n.to_string()).unwrap_or_default(),
                &list(s.bed_cells.iter().map(ToString::to_string).collect()),
                &list(s.sessions.iter().map(ToString::to_string).collect()),
            ])?;
        }
    }
    out.into_inner().map_err(|e| csv::Error::from(e.into_error()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_city_and_a_larger_one_begins_with_it() {
        let districts = saikai().unwrap();
        let small = facilities(60, 7, &districts).unwrap();
        assert_eq!(facilities(600, 7, &districts).unwrap()[..60], small[..]);
        assert_ne!(facilities(60, 8, &districts).unwrap(), small);
    }

    #[test]
    fn ids_and_telephone_numbers_are_unique_and_no_number_can_belong_to_anybody() {
        let city = facilities(30_000, 1, &saikai().unwrap()).unwrap();
        let mut numbers = BTreeSet::new();
        for f in &city {
            for number in [&f.phone, &f.fax].into_iter().filter(|n| !n.is_empty()) {
                assert!(number.contains("-00-") && number.len() == 12, "{number}");
                assert!(numbers.insert(number.clone()), "{number} twice");
            }
        }
        assert_eq!(city.iter().map(|f| &f.id).collect::<BTreeSet<_>>().len(), 30_000);
    }

    #[test]
    fn a_city_of_thousands_holds_every_grid_every_district_and_every_island() {
        let districts = saikai().unwrap();
        let city = facilities(3_000, 1, &districts).unwrap();
        let grids: BTreeSet<_> = city.iter().flat_map(|f| &f.services).map(|s| s.kind.grid()).collect();
        assert_eq!(grids.len(), 6, "five grids, and kinds without one");
        let places: BTreeSet<_> = city.iter().map(|f| (f.district.as_str(), f.island.as_deref())).collect();
        assert_eq!(places.len(), 8, "five districts and three islands");
    }
}
