//! Which column of a register file holds what, by the many names such columns have.
//!
//! The names are those of the ministry's open data on care services (24 columns), of the digital agency's recommended data
//! sets (介護サービス事業所一覧, 医療機関一覧, 指定緊急避難場所一覧, both generations) and of our own export.
//! *Invariant:* one header names at most one column, whatever its order, width or spacing.

use unicode_normalization::UnicodeNormalization;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Column {
    Id,
    Name,
    Kana,
    District,
    Island,
    Address,
    /// 方書: the building; follows the address.
    Building,
    /// The parts of an address that stands in several columns.
    AddressPrefecture,
    AddressCity,
    AddressTown,
    AddressLot,
    Phone,
    Fax,
    Url,
    Operator,
    OfficeNumber,
    Latitude,
    Longitude,
    Service,
    ServiceId,
    Capacity,
    BedCells,
    Sessions,
    Closures,
    /// The municipality a row belongs to: files of the whole country hold others too.
    Municipality,
    /// 病院, 有床診療所, 無床診療所, 薬局
    MedicalType,
    /// 病床数: a number, or words such as 一般60;療養40.
    MedicalBeds,
    /// A column that only lists of shelters have.
    ShelterMark,
}

/// The header of each column in our own export, in its order.
pub(super) const OWN: [(Column, &str); 19] = [
    (Column::Id, "id"),
    (Column::Name, "name"),
    (Column::Kana, "kana"),
    (Column::District, "district"),
    (Column::Island, "island"),
    (Column::Address, "address"),
    (Column::Phone, "phone"),
    (Column::Fax, "fax"),
    (Column::Url, "url"),
    (Column::Operator, "operator"),
    (Column::OfficeNumber, "office_number"),
    (Column::Latitude, "latitude"),
    (Column::Longitude, "longitude"),
    (Column::Service, "service"),
    (Column::ServiceId, "service_id"),
    (Column::Capacity, "capacity"),
    (Column::BedCells, "bed_cells"),
    (Column::Sessions, "sessions"),
    (Column::Closures, "closures"),
];

/// The Japanese headers, after [`plain`].
const JAPANESE: &[(Column, &[&str])] = &[
    (Column::Id, &["施設ID", "施設番号"]),
    (
        Column::Name,
        &[
            "名称",
            "施設名",
            "施設名称",
            "事業所名",
            "事業所名称",
            "介護サービス事業所名称",
            "医療機関名",
            "医療機関名称",
            "施設・場所名",
        ],
    ),
    (
        Column::Kana,
        &[
            "名称カナ",
            "名称かな",
            "フリガナ",
            "ふりがな",
            "施設名カナ",
            "事業所名カナ",
            "事業所名称カナ",
            "介護サービス事業所名称カナ",
            "医療機関名カナ",
        ],
    ),
    (Column::District, &["地区", "地区名"]),
    (Column::Island, &["島", "離島"]),
    (Column::Address, &["住所", "所在地", "所在地連結表記"]),
    (Column::Building, &["方書", "方書(ビル名等)", "建物名等(方書)", "建物名等"]),
    (Column::AddressPrefecture, &["所在地都道府県"]),
    (Column::AddressCity, &["所在地市区町村"]),
    (Column::AddressTown, &["所在地町字"]),
    (Column::AddressLot, &["所在地番地以下"]),
    (Column::Phone, &["電話番号", "電話", "TEL", "代表電話番号"]),
    (Column::Fax, &["FAX番号", "FAX", "ファックス番号"]),
    (Column::Url, &["URL", "ホームページ", "ウェブサイト"]),
    (Column::Operator, &["法人の名称", "法人名", "法人名称", "団体名", "運営法人"]),
    (Column::OfficeNumber, &["事業所番号", "介護事業所番号", "医療機関コード", "医療機関番号"]),
    (Column::Latitude, &["緯度"]),
    (Column::Longitude, &["経度"]),
    (Column::Service, &["サービスの種類", "実施サービス", "サービス種別", "サービス種類", "サービス", "サービスコード"]),
    (Column::ServiceId, &["サービスID"]),
    (Column::Capacity, &["定員", "想定収容人数", "利用定員", "入所定員"]),
    (Column::BedCells, &["床の内訳"]),
    (Column::Sessions, &["時間帯"]),
    (Column::Closures, &["休業日", "計画休業"]),
    (Column::Municipality, &["市区町村名", "地方公共団体名", "市町村名"]),
    (Column::MedicalType, &["医療機関の種類", "医療機関種別"]),
    (Column::MedicalBeds, &["病床数"]),
];

/// A header as it is compared: width, case, spaces and `_` do not matter.
pub(super) fn plain(header: &str) -> String {
    header.nfkc().filter(|c| !c.is_whitespace() && *c != '_').collect::<String>().to_uppercase()
}

/// The column a header names, if it names one.
pub(super) fn find(header: &str) -> Option<Column> {
    let trimmed = header.trim();
    if let Some((column, _)) = OWN.iter().find(|(_, own)| *own == trimmed) {
        return Some(*column);
    }
    let name = plain(trimmed);
    if name.starts_with("災害種別") || name == "指定避難所との重複" {
        return Some(Column::ShelterMark);
    }
    // Our own words come back in other letters when a spreadsheet "corrects" them; `ID` alone is another list's row number.
    let own = OWN.iter().filter(|(column, _)| *column != Column::Id).find(|(_, own)| plain(own) == name);
    let japanese = || JAPANESE.iter().find(|(_, names)| names.iter().any(|n| plain(n) == name));
    own.map(|(column, _)| *column).or_else(|| japanese().map(|(column, _)| *column))
}

impl Column {
    /// What the column is called when a person is told about it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Column::Id => "id",
            Column::Name => "名称",
            Column::Kana => "名称カナ",
            Column::District => "地区",
            Column::Island => "島",
            Column::Address | Column::AddressPrefecture | Column::AddressCity | Column::AddressTown | Column::AddressLot => {
                "住所"
            }
            Column::Building => "方書",
            Column::Phone => "電話番号",
            Column::Fax => "FAX番号",
            Column::Url => "URL",
            Column::Operator => "法人の名称",
            Column::OfficeNumber => "事業所番号",
            Column::Latitude => "緯度",
            Column::Longitude => "経度",
            Column::Service => "サービスの種類",
            Column::ServiceId => "service_id",
            Column::Capacity => "定員",
            Column::BedCells => "bed_cells",
            Column::Sessions => "sessions",
            Column::Closures => "closures",
            Column::Municipality => "市区町村名",
            Column::MedicalType => "医療機関の種類",
            Column::MedicalBeds => "病床数",
            Column::ShelterMark => "災害種別",
        }
    }
}
