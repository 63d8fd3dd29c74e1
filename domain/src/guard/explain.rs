//! What is told to the person who typed the text: why it cannot stay, and how to say the same without it.
//!
//! A refusal that does not show the way out only teaches people to avoid the board. Invariant: every kind has both sentences,
//! and neither repeats what was found.

use serde::Serialize;

/// What sort of personal data was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A person's name.
    Name,
    /// Initials or a single letter that stands for a person.
    NameInitial,
    /// The name of a member of staff.
    StaffName,
    /// A mobile number.
    PhoneMobile,
    /// A fixed line or IP number that is not registered for a facility.
    Phone,
    /// A mail address that is not registered for a facility.
    Email,
    /// An account of a messenger or social network.
    Account,
    /// My Number (個人番号).
    #[serde(rename = "mynumber")]
    MyNumber,
    /// The number or symbol of an insured person.
    InsuredNo,
    /// A patient, chart or user number.
    PatientId,
    /// Driving licence, passport, residence card, pension or handbook number.
    LicenseNo,
    /// A bank account or card number.
    Bank,
    /// The number plate of a car.
    Plate,
    /// A birth date.
    Birth,
    /// A home address.
    Address,
    /// The person in a numbered room.
    Room,
    /// The age of one person.
    Age,
    /// The sex of one person.
    Sex,
    /// The health of one person.
    Health,
    /// What happens to one person in care.
    Care,
    /// The care level of one person.
    CareNeed,
    /// A relative of one person.
    Kinship,
    /// How one household lives.
    Household,
    /// The district one person lives in, beside other facts about that person.
    Area,
    /// Welfare, crime, violence, belief: information requiring special care.
    Welfare,
    /// What happened to one person.
    Incident,
}

impl Kind {
    /// Why this must not be on the board, in plain Japanese.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Name => "個人の名前と思われます。",
            Self::NameInitial => "イニシャルでも、まわりの情報と合わせると誰のことか分かります。",
            Self::StaffName => "職員など、個人の名前と思われます。",
            Self::PhoneMobile => "個人の携帯電話の番号と思われます。",
            Self::Phone => "施設の番号として登録されていない電話番号です。",
            Self::Email => "施設のものとして登録されていないメールアドレスです。",
            Self::Account => "個人のアカウントと思われます。",
            Self::MyNumber => "マイナンバー（個人番号）と思われる12桁の数字です。",
            Self::InsuredNo => "被保険者の番号・記号と思われます。",
            Self::PatientId => "患者番号・カルテ番号など、一人を指す番号と思われます。",
            Self::LicenseNo => "免許証・旅券・在留カードなど、個人の証明書の番号と思われます。",
            Self::Bank => "口座番号・カード番号と思われます。",
            Self::Plate => "車のナンバーは、持ち主が分かる情報です。",
            Self::Birth => "生年月日（生まれた年）は、個人が分かる情報です。",
            Self::Address => "施設のものとして登録されていない住所です。",
            Self::Room => "部屋番号から、誰のことか分かります。",
            Self::Age => "一人の方の年齢は、ほかの情報と合わせると誰のことか分かります。",
            Self::Sex => "一人の方の性別は、ほかの情報と合わせると誰のことか分かります。",
            Self::Health => "一人の方の病気や体の状態は、特に慎重に扱う情報です。",
            Self::Care => "一人の方の入退院や利用の予定は、個人の情報です。",
            Self::CareNeed => "一人の方の要介護度は、個人の情報です。",
            Self::Kinship => "家族の続柄から、誰のことか分かります。",
            Self::Household => "一つの世帯の暮らしぶりは、個人の情報です。",
            Self::Area => "地区名は、ほかの情報と合わせると誰のことか分かります。",
            Self::Welfare => "生活保護・虐待・差別につながる病名などは、特に慎重に扱う情報です。",
            Self::Incident => "一人の方の安否や出来事は、個人の情報です。",
        }
    }

    /// How to say the same without personal data, in plain Japanese.
    pub(super) fn suggestion(self) -> &'static str {
        match self {
            Self::Name => "名前は書かず、「利用者1名」のように人数だけを書いてください。",
            Self::NameInitial => "イニシャルや「A様」は書かず、「利用者1名」のように人数だけを書いてください。",
            Self::StaffName => "名前は書かず、「担当」「施設長」のように役職だけを書いてください。",
            Self::PhoneMobile | Self::Phone => "個人の番号は消し、施設の代表電話を案内してください。",
            Self::Email => "個人のアドレスは消し、施設の登録アドレスを案内してください。",
            Self::Account => "アカウント名は消し、施設の代表電話を案内してください。",
            Self::MyNumber => "番号はすべて消してください。必要なときは、電話で直接お伝えください。",
            Self::InsuredNo => "番号は消してください。必要なときは、保険者へ電話で直接お伝えください。",
            Self::PatientId => "番号は消し、「患者1名」のように人数だけを書いてください。",
            Self::LicenseNo | Self::Bank => "番号は消してください。必要なときは、相手に直接お伝えください。",
            Self::Plate => "ナンバーは消し、「送迎車1台」のように台数だけを書いてください。",
            Self::Birth => "生年月日は消してください。条件を示すときは「65歳以上の方」のように書いてください。",
            Self::Address => "番地は消し、「大島地区」のように地区名までにしてください。",
            Self::Room => "部屋番号と「の方」は書かず、「1名」のように人数だけを書いてください。",
            Self::Age | Self::Sex => "年齢や性別は書かず、「1名」のように人数だけを書いてください。",
            Self::Health => "病名や症状は書かず、「体調不良者1名」「救急要請1件」のように件数だけを書いてください。",
            Self::Care => "一人の方の事情は書かず、「搬送1名」「受入希望1名」のように件数だけを書いてください。",
            Self::CareNeed => "要介護度は書かず人数だけにするか、「要介護3以上が対象」のような条件として書いてください。",
            Self::Kinship => "続柄は書かず、「ご家族と連絡調整中1件」のように件数だけを書いてください。",
            Self::Household => "暮らしの様子は書かず、「見守りが必要な世帯1件」のように件数だけを書いてください。",
            Self::Area => "一人の方の話では地区名を消し、人数だけを書いてください。",
            Self::Welfare => "掲示板には書かず、担当課へ電話で直接お伝えください。",
            Self::Incident => "一人の方の安否は書かず、「安否確認中1名」のように人数だけを書いてください。",
        }
    }
}
