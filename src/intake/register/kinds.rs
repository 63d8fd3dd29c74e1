//! Kinds of service by every name a register file may use: our word, the ministry's code, the Japanese names.
//!
//! *Invariant:* a name that is not known exactly is refused; nothing is guessed from a part of it.

use std::collections::HashMap;
use std::sync::LazyLock;

use imaboard_domain::ServiceKind;
use unicode_normalization::UnicodeNormalization;

use ServiceKind as K;

/// Names beside [`ServiceKind::name_ja`], as the ministry, prefectures and municipalities write them; compared after [`plain`].
const NAMES: &[(K, &[&str])] = &[
    (K::Tokuyo, &["介護老人福祉施設", "介護老人福祉施設(特別養護老人ホーム)", "特養", "広域型特別養護老人ホーム"]),
    (
        K::SmallTokuyo,
        &[
            "地域密着型介護老人福祉施設",
            "地域密着型介護老人福祉施設入所者生活介護",
            "地域密着型特養",
            "小規模特養",
            "小規模特別養護老人ホーム",
        ],
    ),
    (K::Roken, &["老健", "介護老人保健施設サービス"]),
    (K::CareHospital, &["介護医療院サービス", "介護療養型医療施設"]),
    (K::GroupHome, &["認知症対応型共同生活介護", "認知症高齢者グループホーム", "認知症対応型共同生活介護(グループホーム)", "GH"]),
    (
        K::PaidHome,
        &[
            "特定施設入居者生活介護",
            "特定施設入居者生活介護(有料老人ホーム)",
            "地域密着型特定施設入居者生活介護",
            "地域密着型特定施設入居者生活介護(有料老人ホーム)",
            "介護付有料老人ホーム",
            "介護付き有料老人ホーム",
            "住宅型有料老人ホーム",
            "健康型有料老人ホーム",
        ],
    ),
    (
        K::ServicedHousing,
        &[
            "サ高住",
            "サービス付高齢者向け住宅",
            "サービス付き高齢者住宅",
            "特定施設入居者生活介護(サービス付き高齢者向け住宅)",
            "地域密着型特定施設入居者生活介護(サービス付き高齢者向け住宅)",
            "特定施設入居者生活介護(有料老人ホーム(サービス付き高齢者向け住宅))",
            "地域密着型特定施設入居者生活介護(有料老人ホーム(サービス付き高齢者向け住宅))",
        ],
    ),
    (K::Yogo, &["養護", "盲養護老人ホーム"]),
    (
        K::CareHouse,
        &[
            "軽費老人ホーム",
            "軽費老人ホーム(ケアハウス)",
            "軽費老人ホーム(A型)",
            "軽費",
            "特定施設入居者生活介護(軽費老人ホーム)",
            "地域密着型特定施設入居者生活介護(軽費老人ホーム)",
        ],
    ),
    (K::SupportHouse, &["高齢者生活福祉センター"]),
    (K::WardGeneral, &["病院", "病院(一般病棟)", "一般病床", "一般"]),
    (K::WardCommunity, &["地域包括ケア", "病院(地域包括ケア病棟)", "地域包括ケア病床", "地域包括医療病棟"]),
    (
        K::WardRecovery,
        &[
            "回復期",
            "回復期リハビリテーション病棟",
            "病院(回復期リハビリテーション病棟)",
            "回復期病棟",
            "回復期リハビリテーション病床",
        ],
    ),
    (K::WardLongTerm, &["療養", "病院(療養病棟)", "療養病床", "医療療養病棟"]),
    (K::WardDisability, &["障害者施設等一般病棟", "病院(障害者施設等一般病棟)", "障害者施設等病棟"]),
    (
        K::ShortStay,
        &["短期入所生活介護", "短期入所生活介護(ショートステイ)", "ショート", "共生型短期入所生活介護", "老人短期入所施設"],
    ),
    (
        K::ShortStayMedical,
        &[
            "短期入所療養介護",
            "短期入所療養介護(介護老人保健施設)",
            "短期入所療養介護(介護医療院)",
            "短期入所療養介護(療養病床を有する病院等)",
            "短期入所療養介護(診療所)",
            "医療型ショート",
            "230",
            "551",
        ],
    ),
    (K::DayCare, &["通所介護", "通所介護(デイサービス)", "デイ", "共生型通所介護", "デイサービスセンター"]),
    (K::DayRehab, &["通所リハビリテーション", "通所リハビリ", "通所リハ", "デイケア", "通所リハビリテーション(デイケア)"]),
    (
        K::SmallDayCare,
        &[
            "地域密着型通所介護",
            "地域密着型通所介護(小規模デイサービス)",
            "小規模デイサービス",
            "療養通所介護",
            "155",
            "共生型地域密着型通所介護",
        ],
    ),
    (K::DementiaDayCare, &["認知症対応型通所介護", "認知症デイサービス", "認知症対応型デイ"]),
    (K::SmallMulti, &["小規模多機能型居宅介護", "小多機", "小規模多機能ホーム"]),
    (K::NursingMulti, &["看護小規模多機能型居宅介護", "複合型サービス", "複合型サービス(看護小規模多機能型居宅介護)", "看多機"]),
    (K::HomeHelp, &["訪問介護(ホームヘルプ)", "ホームヘルプ", "ホームヘルパー", "共生型訪問介護", "訪問型サービス"]),
    (K::HomeBath, &["訪問入浴介護"]),
    (K::HomeNursing, &["訪問看護ステーション"]),
    (K::HomeRehab, &["訪問リハビリテーション", "訪問リハ"]),
    (K::NightHelp, &["夜間対応型訪問介護"]),
    (K::RegularVisit, &["定期巡回・随時対応型訪問介護看護", "定期巡回・随時対応サービス", "定期巡回"]),
    (
        K::CarePlan,
        &["居宅介護支援", "居宅介護支援事業所", "居宅介護支援(ケアマネジメント)", "ケアマネジャー", "介護予防支援", "460"],
    ),
    (K::Equipment, &["福祉用具貸与", "特定福祉用具販売", "福祉用具貸与・販売", "福祉用具販売", "410"]),
    (K::Clinic, &["クリニック", "医院", "無床診療所", "有床診療所", "歯科診療所", "歯科"]),
    (K::Pharmacy, &["調剤薬局", "保険薬局"]),
    (K::Shelter, &["指定避難所", "指定緊急避難場所", "福祉避難所", "緊急避難場所"]),
];

/// A name as it is compared: width, spaces and the kind of brackets do not matter.
fn plain(name: &str) -> String {
    name.nfkc().filter(|c| !c.is_whitespace()).map(|c| if c == '･' { '・' } else { c }).collect()
}

/// Every name of every kind, folded once: a register has hundreds of thousands of rows.
static KNOWN: LazyLock<HashMap<String, ServiceKind>> = LazyLock::new(|| {
    let own =
        K::ALL.iter().flat_map(|k| [Some(k.word()), k.mhlw_code(), Some(k.name_ja())].into_iter().flatten().map(|n| (n, *k)));
    let others = NAMES.iter().flat_map(|(kind, names)| names.iter().map(|n| (*n, *kind)));
    others.chain(own).map(|(name, kind)| (plain(name), kind)).collect()
});

/// The kind with this name; `None` if nobody calls a kind so.
pub(super) fn find(name: &str) -> Option<ServiceKind> {
    let name = plain(name);
    let known = |name: &str| KNOWN.get(name).or_else(|| KNOWN.get(&name.to_ascii_lowercase())).copied();
    // The preventive twin of a service (介護予防…) is offered by the same people in the same places.
    known(&name).or_else(|| known(name.strip_prefix("介護予防")?))
}

/// The wards in the bed column of a list of hospitals: a number alone, or words such as `一般60;療養40床`.
///
/// Wards that are none of ours (精神, 結核, 感染症) are left out. `None` when a number cannot be read.
pub(super) fn wards(text: &str) -> Option<Vec<(ServiceKind, Option<u32>)>> {
    let text = plain(text);
    let mut wards = Vec::new();
    for part in text.split([';', '、', ',', '/', '・', '\n']).filter(|p| !p.is_empty()) {
        let name: String = part.chars().take_while(|c| !c.is_ascii_digit()).collect();
        let name = name.trim_end_matches([':', '(']);
        let digits: String = part.chars().filter(char::is_ascii_digit).collect();
        let beds = if digits.is_empty() { None } else { Some(digits.parse::<u32>().ok()?) };
        let kind = if name.is_empty() {
            Some(K::WardGeneral)
        } else {
            find(name).filter(|k| k.group() == imaboard_domain::ServiceGroup::Hospital)
        };
        if let Some(kind) = kind {
            wards.push((kind, beds.filter(|n| *n > 0)));
        }
    }
    Some(wards)
}
