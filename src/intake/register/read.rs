//! Reads a register file: bytes → text → table → rows → facilities.
//!
//! *Invariant:* every problem of the whole file is reported at once, with its line; with a single problem nothing is taken.

use std::collections::{BTreeMap, BTreeSet};

use imaboard_domain::{DistrictId, Facility, FacilityId, Grid, Service, ServiceId, ServiceKind};
use imaboard_templates::City;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::columns::{self, Column};
use super::{LineProblem, cells, kinds};

/// Longest name, address or operator: far beyond any real one, a guard against a missing quote.
const MOST_CHARS: usize = 200;

/// Reads a register file as facilities, each with the line it starts on.
///
/// UTF-8 with or without BOM, or Shift_JIS; columns by any of their known names, in any order. Rows of one facility become one
/// facility with several services. A file of somebody else (without our `id` column) only adds to what `existing` holds:
/// columns it lacks and cells it leaves empty keep their values. Fails with every problem of the file.
pub fn read(bytes: &[u8], city: &City, existing: &[Facility]) -> Result<Vec<(usize, Facility)>, Vec<LineProblem>> {
    let text = decode(bytes)?;
    let table = Table::read(&text)?;
    let mut reader = Reader::new(city, existing, &table);
    for row in &table.rows {
        reader.take(row);
    }
    reader.finish()
}

/// The text of the file; fails with the lines that no encoding of ours explains.
fn decode(bytes: &[u8]) -> Result<String, Vec<LineProblem>> {
    let whole = |message: &str| vec![LineProblem::new(1, None, "", message)];
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(whole("文字コードが UTF-16 です。「CSV UTF-8」で保存し直してください"));
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        return Err(whole("表計算ソフトのファイルです。「CSV UTF-8」で保存し直してください"));
    }
    let marked = bytes.strip_prefix(b"\xEF\xBB\xBF");
    let body = marked.unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(body) {
        return Ok(text.to_owned());
    }
    let (shift_jis, broken) = encoding_rs::SHIFT_JIS.decode_without_bom_handling(body);
    if !broken && marked.is_none() {
        return Ok(shift_jis.into_owned());
    }
    // A line feed is never part of a longer character in either encoding, so lines can be judged one by one.
    let bad = |is_bad: &dyn Fn(&[u8]) -> bool| -> Vec<usize> {
        body.split(|b| *b == b'\n').enumerate().filter(|(_, line)| is_bad(line)).map(|(i, _)| i + 1).collect()
    };
    let not_utf8 = bad(&|line| std::str::from_utf8(line).is_err());
    let not_shift_jis = bad(&|line| encoding_rs::SHIFT_JIS.decode_without_bom_handling(line).1);
    let (encoding, lines) = if marked.is_some() || not_utf8.len() <= not_shift_jis.len() {
        ("UTF-8", not_utf8)
    } else {
        ("Shift_JIS", not_shift_jis)
    };
    let message = format!("{encoding} として読めない文字があります。「CSV UTF-8」で保存し直してください");
    Err(lines.into_iter().map(|line| LineProblem::new(line, None, "", message.clone())).collect())
}

/// One row of the file.
struct Row {
    line: usize,
    cells: Vec<String>,
}

/// The file as a table whose columns are understood.
struct Table {
    columns: Vec<Option<Column>>,
    rows: Vec<Row>,
}

impl Table {
    fn read(text: &str) -> Result<Self, Vec<LineProblem>> {
        if let Some(line) = unclosed_quote(text) {
            return Err(vec![LineProblem::new(line, None, "", "引用符「\"」が閉じていません")]);
        }
        let mut problems = Vec::new();
        let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 };
        let mut table: Option<Table> = None;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    problems.push(LineProblem::new(lines.line, None, "", format!("CSV として読めません: {error}")));
                    break;
                }
            };
            let line = lines.of(record.position().map_or(0, csv::Position::byte));
            if record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            match &mut table {
                None => table = Some(Table { columns: header(line, &record, &mut problems), rows: Vec::new() }),
                Some(table) => {
                    check_width(line, &record, &table.columns, &mut problems);
                    table.rows.push(Row { line, cells: record.iter().map(|c| cells::unquote(c).to_owned()).collect() });
                }
            }
        }
        let Some(table) = table else {
            problems.push(LineProblem::new(1, None, "", "ファイルが空です"));
            return Err(problems);
        };
        if table.rows.is_empty() {
            problems.push(LineProblem::new(1, None, "", "見出しの下に行がありません"));
        }
        if problems.is_empty() { Ok(table) } else { Err(problems) }
    }
}

/// Understands the header row.
fn header(line: usize, record: &csv::StringRecord, problems: &mut Vec<LineProblem>) -> Vec<Option<Column>> {
    let mut seen: BTreeMap<Column, &str> = BTreeMap::new();
    let mut columns = Vec::new();
    for name in record {
        let column = columns::find(name);
        columns.push(column);
        let Some(column) = column.filter(|c| *c != Column::ShelterMark) else { continue };
        if let Some(first) = seen.insert(column, name) {
            let message = if first == name {
                "同じ見出しの列が2つあります".to_owned()
            } else {
                format!("「{first}」と同じ意味の列です。どちらかを消してください")
            };
            problems.push(LineProblem::new(line, Some(name), "", message));
        }
    }
    let has = |column: Column| columns.contains(&Some(column));
    let found = || record.iter().filter(|h| !h.trim().is_empty()).collect::<Vec<_>>().join("、");
    let mut require = |there: bool, name: &str| {
        if !there {
            problems.push(LineProblem::new(line, Some(name), found(), "この列が要りますが、ありません"));
        }
    };
    require(has(Column::Name), "名称");
    require(has(Column::Service) || has(Column::MedicalType) || has(Column::ShelterMark), "サービスの種類");
    require(has(Column::District) || has(Column::Address) || has(Column::AddressTown) || has(Column::Id), "住所");
    columns
}

fn check_width(line: usize, record: &csv::StringRecord, columns: &[Option<Column>], problems: &mut Vec<LineProblem>) {
    let wanted = columns.len();
    if record.len() < wanted {
        let message = format!("列が足りません（見出しは {wanted} 列、この行は {} 列）", record.len());
        problems.push(LineProblem::new(line, None, record.get(0).unwrap_or_default(), message));
    }
    if let Some(extra) = record.iter().skip(wanted).find(|c| !c.trim().is_empty()) {
        let message = format!(
            "列が多すぎます（見出しは {wanted} 列、この行は {} 列）。「,」を含む値は引用符で囲んでください",
            record.len()
        );
        problems.push(LineProblem::new(line, None, extra, message));
    }
}

/// The line of a quote that is opened and never closed: everything after it would be one cell.
fn unclosed_quote(text: &str) -> Option<usize> {
    let (mut line, mut open, mut at_start) = (1, None, true);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if open.is_some() => {
                if chars.peek() == Some(&'"') {
                    chars.next();
                } else {
                    open = None;
                }
                at_start = false;
            }
            '"' if at_start => {
                open = Some(line);
                at_start = false;
            }
            '\n' => {
                line += 1;
                at_start = true;
            }
            ',' | '\r' => at_start = true,
            _ => at_start = false,
        }
    }
    open
}

/// Counts lines up to a byte. The reader's own count stands before empty lines and half line ends.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, byte: u64) -> usize {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(self.text.len());
        let start = self.text[byte..].iter().position(|b| !matches!(b, b'\r' | b'\n')).map_or(byte, |n| byte + n);
        while self.at < start {
            let ends = match self.text[self.at] {
                b'\n' => true,
                b'\r' => self.text.get(self.at + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += usize::from(ends);
            self.at += 1;
        }
        self.line
    }
}

/// A service of one row.
struct Offered {
    kind: ServiceKind,
    capacity: Option<u32>,
}

/// Turns rows into facilities.
struct Reader<'a> {
    city: &'a City,
    existing: BTreeMap<&'a FacilityId, &'a Facility>,
    table: &'a Table,
    /// The file has our `id` column: it says everything, also that something is empty.
    own: bool,
    problems: Vec<LineProblem>,
    facilities: Vec<(usize, Facility)>,
    index: BTreeMap<FacilityId, usize>,
    /// The line of each service, for "the same as line …".
    services: BTreeMap<(FacilityId, ServiceId), (usize, String)>,
    by_office: BTreeMap<(String, String), FacilityId>,
    by_place: BTreeMap<(String, String), FacilityId>,
    taken: BTreeSet<FacilityId>,
    elsewhere: usize,
}

impl<'a> Reader<'a> {
    fn new(city: &'a City, existing: &'a [Facility], table: &'a Table) -> Self {
        let mut by_office = BTreeMap::new();
        let mut by_place = BTreeMap::new();
        for f in existing {
            let name = cells::alike(&f.name);
            if !f.office_number.is_empty() {
                by_office.entry((f.office_number.clone(), name.clone())).or_insert_with(|| f.id.clone());
            }
            by_place.entry((name, cells::alike(&f.address))).or_insert_with(|| f.id.clone());
        }
        Self {
            city,
            existing: existing.iter().map(|f| (&f.id, f)).collect(),
            table,
            own: table.columns.contains(&Some(Column::Id)),
            problems: Vec::new(),
            facilities: Vec::new(),
            index: BTreeMap::new(),
            services: BTreeMap::new(),
            by_office,
            by_place,
            taken: existing.iter().map(|f| f.id.clone()).collect(),
            elsewhere: 0,
        }
    }

    fn has(&self, column: Column) -> bool {
        self.table.columns.contains(&Some(column))
    }

    /// A cell on one line; empty if the file has no such column.
    fn cell(&self, row: &Row, column: Column) -> String {
        let at = self.table.columns.iter().position(|c| *c == Some(column));
        at.and_then(|at| row.cells.get(at)).map(|c| cells::tidy(c)).unwrap_or_default()
    }

    fn problem(&mut self, row: &Row, column: Column, found: &str, message: impl Into<String>) {
        self.problems.push(LineProblem::new(row.line, Some(column.name()), found, message));
    }

    /// A cell that is understood by `understand`, or a problem and the default.
    fn understood<T: Default>(&mut self, row: &Row, column: Column, understand: impl Fn(&str) -> Result<T, String>) -> T {
        let cell = self.cell(row, column);
        understand(&cell).unwrap_or_else(|message| {
            self.problem(row, column, &cell, message);
            T::default()
        })
    }

    /// A text that must not be absurdly long.
    fn text(&mut self, row: &Row, column: Column) -> String {
        self.understood(row, column, |cell| {
            if cell.chars().count() > MOST_CHARS {
                return Err(format!("長すぎます（{MOST_CHARS} 文字まで）。引用符や「,」の抜けがないか確かめてください"));
            }
            Ok(cell.to_owned())
        })
    }

    fn address(&mut self, row: &Row) -> String {
        let mut address = self.text(row, Column::Address);
        if address.is_empty() {
            let parts = [Column::AddressPrefecture, Column::AddressCity, Column::AddressTown, Column::AddressLot];
            address = parts.iter().map(|column| self.cell(row, *column)).collect();
        }
        let building = self.text(row, Column::Building);
        if !building.is_empty() && !cells::is_nothing(&building) && !address.ends_with(&building) {
            address = format!("{address} {building}");
        }
        address
    }

    fn office_number(&mut self, row: &Row) -> String {
        self.understood(row, Column::OfficeNumber, |cell| {
            if cells::is_nothing(cell) {
                return Ok(String::new());
            }
            let number: String = cell.nfkc().filter(|c| !c.is_whitespace()).collect();
            // 4.27E+09
            if number.contains('.') || number.contains("E+") {
                return Err("番号が表計算ソフトで壊れています。列を「文字列」にして保存し直してください".to_owned());
            }
            Ok(number)
        })
    }

    /// Takes one row.
    fn take(&mut self, row: &Row) {
        let municipality = cells::alike(&self.cell(row, Column::Municipality));
        if !municipality.is_empty() && !municipality.ends_with(&cells::alike(&self.city.name)) {
            self.elsewhere += 1;
            return;
        }
        let problems_before = self.problems.len();
        let name = self.text(row, Column::Name);
        if name.is_empty() {
            self.problem(row, Column::Name, "", "名称がありません");
        }
        let address = self.address(row);
        if address.is_empty() && !self.own {
            self.problem(row, Column::Address, "", "住所がありません");
        }
        let office_number = self.office_number(row);
        let given = self.understood(row, Column::Id, |cell| {
            if cell.is_empty() {
                return Ok(None);
            }
            FacilityId::new(cell).map(Some).map_err(|_| "id は英小文字・数字・「-」で、64文字までです".to_owned())
        });
        let phone_of = |cell: &str| cells::phone(cell).ok_or_else(|| "電話番号として読めません（例 0959-00-0101）".to_owned());
        let phone = self.understood(row, Column::Phone, phone_of);
        let fax = self.understood(row, Column::Fax, phone_of);
        let own = self.own;
        let url = self.understood(row, Column::Url, |cell| match cells::url(cell) {
            Some(url) => Ok(url),
            // The ministry's lists hold mail addresses and numbers here; they are no page and not worth stopping an import.
            None if !own => Ok(String::new()),
            None => Err("http:// か https:// で始まるページの住所を書いてください".to_owned()),
        });
        let latitude = self.understood(row, Column::Latitude, cells::degrees);
        let longitude = self.understood(row, Column::Longitude, cells::degrees);
        if let Err(message) = cells::place(latitude, longitude) {
            let found = format!("{}, {}", self.cell(row, Column::Latitude), self.cell(row, Column::Longitude));
            self.problem(row, Column::Latitude, &found, message);
        }
        let kana = self.text(row, Column::Kana).nfkc().collect();
        let operator = self.text(row, Column::Operator);
        let closures = self.understood(row, Column::Closures, cells::closures);
        let offered = self.offered(row);
        let Some(id) = given.or_else(|| self.identify(&name, &address, &office_number)) else { return };
        let known = self.existing.get(&id).copied();
        let place = self.place(row, &address, known);
        let Some((district, island)) = place.filter(|_| self.problems.len() == problems_before) else { return };
        let mut facility = Facility {
            id,
            name,
            kana,
            district,
            island,
            address,
            phone,
            fax,
            url,
            operator,
            office_number,
            latitude,
            longitude,
            services: Vec::new(),
            closures,
        };
        if let Some(known) = known {
            self.inherit(&mut facility, known);
        }
        self.join(row, facility, known, offered);
    }

    /// The services a row names.
    fn offered(&mut self, row: &Row) -> Vec<Offered> {
        let capacity = self.understood(row, Column::Capacity, cells::capacity);
        let medical = self.cell(row, Column::MedicalType);
        if !medical.is_empty() {
            return self.medical(row, &medical);
        }
        let service = self.cell(row, Column::Service);
        if service.is_empty() {
            if self.has(Column::ShelterMark) {
                return vec![Offered { kind: ServiceKind::Shelter, capacity }];
            }
            self.problem(row, Column::Service, "", "サービスの種類がありません");
            return Vec::new();
        }
        if let Some(kind) = kinds::find(&service) {
            return vec![Offered { kind, capacity }];
        }
        let mut offered: Vec<Offered> = Vec::new();
        for part in service.split([';', '；', '、', ',', '，', '/', '／']).map(str::trim).filter(|p| !p.is_empty()) {
            match kinds::find(part) {
                // One capacity for several services says nothing about any of them.
                Some(kind) if offered.iter().all(|o| o.kind != kind) => offered.push(Offered { kind, capacity: None }),
                Some(_) => {}
                None => {
                    let known: Vec<&str> = ServiceKind::ALL.iter().map(|k| k.name_ja()).collect();
                    let message = format!("知らないサービスです。使えるもの: {}", known.join("、"));
                    self.problem(row, Column::Service, part, message);
                }
            }
        }
        offered
    }

    fn medical(&mut self, row: &Row, what: &str) -> Vec<Offered> {
        let beds = self.cell(row, Column::MedicalBeds);
        let Some(wards) = kinds::wards(&beds) else {
            self.problem(row, Column::MedicalBeds, &beds, "病床数は「60」や「一般60;療養40」のように書いてください");
            return Vec::new();
        };
        let mut offered: Vec<Offered> = Vec::new();
        match kinds::find(what) {
            Some(ServiceKind::WardGeneral) if wards.is_empty() => {
                offered.push(Offered { kind: ServiceKind::WardGeneral, capacity: None });
            }
            Some(ServiceKind::WardGeneral) => {}
            Some(kind @ (ServiceKind::Clinic | ServiceKind::Pharmacy)) => offered.push(Offered { kind, capacity: None }),
            _ => {
                self.problem(row, Column::MedicalType, what, "病院、有床診療所、無床診療所、薬局のどれかを書いてください");
                return Vec::new();
            }
        }
        for (kind, capacity) in wards {
            // 無床診療所 with "0" has no ward.
            let is_ward = capacity.is_some() || kinds::find(what) == Some(ServiceKind::WardGeneral);
            if is_ward && offered.iter().all(|o| o.kind != kind) {
                offered.push(Offered { kind, capacity });
            }
        }
        offered
    }

    /// The id of a facility whose row names none: a known one, or a new one made from what does not change.
    fn identify(&mut self, name: &str, address: &str, office_number: &str) -> Option<FacilityId> {
        let name_key = cells::alike(name);
        let office = (office_number.to_owned(), name_key.clone());
        let place = (name_key, cells::alike(address));
        let known =
            self.by_office.get(&office).filter(|_| !office_number.is_empty()).or_else(|| self.by_place.get(&place)).cloned();
        let id = known.or_else(|| {
            let number: String =
                office_number.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
            let hash = Sha256::digest(format!("{}\n{}", place.0, place.1));
            let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
            let from_number = (number.len() >= 7).then(|| format!("f{number}"));
            // A name and address that met a longer and longer part of another's hash do not exist.
            let candidates = from_number.into_iter().chain([8, 16, 32].map(|n| format!("f-{}", &hex[..n])));
            candidates.filter_map(|c| FacilityId::new(c).ok()).find(|id| !self.taken.contains(id))
        })?;
        self.taken.insert(id.clone());
        if !office_number.is_empty() {
            self.by_office.entry(office).or_insert_with(|| id.clone());
        }
        self.by_place.entry(place).or_insert_with(|| id.clone());
        Some(id)
    }

    /// District and island of a row; a problem if the district cannot be told.
    fn place(&mut self, row: &Row, address: &str, known: Option<&Facility>) -> Option<(DistrictId, Option<String>)> {
        let named = self.cell(row, Column::District);
        let located = if named.is_empty() { locate(address, self.city) } else { None };
        let district = if !named.is_empty() {
            let wanted = cells::alike(&named);
            self.city.districts.iter().find(|d| {
                let name = cells::alike(&d.name);
                wanted == d.id.as_str()
                    || wanted.strip_prefix(&name).is_some_and(|rest| matches!(rest, "" | "町" | "村" | "地区"))
            })
        } else if let Some(known) = known.filter(|_| !self.own || located.is_none()) {
            // The city knows better than an address: it may have put the facility into a district by hand.
            return Some((known.district.clone(), self.island(row, known.island.clone(), &known.district)?));
        } else {
            located.as_ref().and_then(|(id, _)| self.city.districts.iter().find(|d| d.id == *id))
        };
        let Some(district) = district else {
            let known: Vec<String> = self.city.districts.iter().map(|d| format!("{}（{}）", d.id, d.name)).collect();
            let found = if named.is_empty() { address } else { &named };
            let message = format!("地区がわかりません。地区の列に次のどれかを書いてください: {}", known.join("、"));
            self.problem(row, Column::District, found, message);
            return None;
        };
        let id = district.id.clone();
        let from_address = match located {
            Some((_, island)) => island,
            None => locate(address, self.city).filter(|(d, _)| *d == id).and_then(|(_, island)| island),
        };
        let island = self.island(row, from_address, &id)?;
        Some((id, island))
    }

    /// The island of a row: as it says, else as the address says; a problem if the settings do not list it.
    fn island(&mut self, row: &Row, otherwise: Option<String>, district: &DistrictId) -> Option<Option<String>> {
        if !self.has(Column::Island) {
            return Some(otherwise);
        }
        let named = self.cell(row, Column::Island);
        if named.is_empty() {
            return Some(if self.own { None } else { otherwise });
        }
        let islands = self.city.districts.iter().find(|d| d.id == *district).map(|d| d.islands.clone()).unwrap_or_default();
        let found = islands.iter().find(|i| cells::alike(i) == cells::alike(&named)).cloned();
        if found.is_none() {
            let message = if islands.is_empty() {
                "この地区には、設定に島がありません".to_owned()
            } else {
                format!("この地区の島ではありません。設定にある島: {}", islands.join("、"))
            };
            self.problem(row, Column::Island, &named, message);
            return None;
        }
        Some(found)
    }

    /// Keeps what is known where the file says nothing.
    fn inherit(&self, facility: &mut Facility, known: &Facility) {
        let silent = |column: Column, empty: bool| !self.has(column) || (empty && !self.own);
        let texts = [
            (Column::Kana, &mut facility.kana, &known.kana),
            (Column::Phone, &mut facility.phone, &known.phone),
            (Column::Fax, &mut facility.fax, &known.fax),
            (Column::Url, &mut facility.url, &known.url),
            (Column::Operator, &mut facility.operator, &known.operator),
            (Column::OfficeNumber, &mut facility.office_number, &known.office_number),
        ];
        for (column, text, known) in texts {
            if silent(column, text.is_empty()) {
                text.clone_from(known);
            }
        }
        let has_address = self.has(Column::Address) || self.has(Column::AddressTown);
        if !has_address || (facility.address.is_empty() && !self.own) {
            facility.address.clone_from(&known.address);
        }
        if silent(Column::Latitude, facility.latitude.is_none()) || silent(Column::Longitude, facility.longitude.is_none()) {
            (facility.latitude, facility.longitude) = (known.latitude, known.longitude);
        }
        if silent(Column::Closures, facility.closures.is_empty()) {
            facility.closures.clone_from(&known.closures);
        }
    }

    /// Adds a row to its facility.
    fn join(&mut self, row: &Row, facility: Facility, known: Option<&Facility>, offered: Vec<Offered>) {
        let at = match self.index.get(&facility.id) {
            None => {
                let at = self.facilities.len();
                self.index.insert(facility.id.clone(), at);
                self.facilities.push((row.line, facility.clone()));
                at
            }
            Some(&at) => {
                self.agree(row, at, &facility);
                at
            }
        };
        for service in offered {
            if let Some(service) = self.service(row, &facility, known, &service) {
                self.facilities[at].1.services.push(service);
            }
        }
    }

    /// Rows with the same id must say the same of the facility; other files only fill what is still empty.
    fn agree(&mut self, row: &Row, at: usize, facility: &Facility) {
        let (first_line, first) = &mut self.facilities[at];
        if !self.own {
            let texts = [
                (&mut first.kana, &facility.kana),
                (&mut first.phone, &facility.phone),
                (&mut first.fax, &facility.fax),
                (&mut first.url, &facility.url),
                (&mut first.operator, &facility.operator),
                (&mut first.office_number, &facility.office_number),
            ];
            for (text, other) in texts {
                if text.is_empty() {
                    text.clone_from(other);
                }
            }
            if first.latitude.is_none() {
                (first.latitude, first.longitude) = (facility.latitude, facility.longitude);
            }
            return;
        }
        let line = *first_line;
        let differs = super::differences(first, facility);
        for (column, _, found) in differs {
            self.problem(row, column, &found, format!("同じ id「{}」の {line}行目と違います", facility.id));
        }
    }

    /// One service of a row, with its id within the facility.
    fn service(&mut self, row: &Row, facility: &Facility, known: Option<&Facility>, offered: &Offered) -> Option<Service> {
        let kind = offered.kind;
        let given = self.understood(row, Column::ServiceId, |cell| {
            if cell.is_empty() {
                return Ok(None);
            }
            ServiceId::new(cell).map(Some).map_err(|_| "service_id は英小文字・数字・「-」で、64文字までです".to_owned())
        });
        let known_id = known.and_then(|f| f.services.iter().find(|s| s.kind == kind)).map(|s| s.id.clone());
        // The word of a kind is always a well-formed id.
        let mut id = given.or(known_id.filter(|_| !self.own)).or_else(|| ServiceId::new(kind.word()).ok())?;
        let office = facility.office_number.clone();
        if let Some((line, other_office)) = self.services.get(&(facility.id.clone(), id.clone())).cloned() {
            let second = (2..100)
                .filter_map(|n| ServiceId::new(format!("{}-{n}", kind.word())).ok())
                .find(|id| !self.services.contains_key(&(facility.id.clone(), id.clone())));
            match second {
                // Two offices under one roof offer the same kind: two services.
                Some(second) if !self.own && office != other_office => id = second,
                _ => {
                    let hint = if self.own { "。2つめのサービスなら service_id を書いてください" } else { "" };
                    self.problem(row, Column::Service, kind.name_ja(), format!("{line}行目と同じ施設・同じサービスです{hint}"));
                    return None;
                }
            }
        }
        self.services.insert((facility.id.clone(), id.clone()), (row.line, office));
        let before = known.and_then(|f| f.find_service(&id));
        let mut bed_cells = self.understood(row, Column::BedCells, cells::bed_cells);
        if !bed_cells.is_empty() && kind.grid() != Some(Grid::Beds) {
            let found = self.cell(row, Column::BedCells);
            self.problem(row, Column::BedCells, &found, format!("{} には床の区分がありません", kind.name_ja()));
        }
        let mut sessions = self.understood(row, Column::Sessions, cells::sessions);
        if !sessions.is_empty() && kind.grid() != Some(Grid::Weekdays) {
            let found = self.cell(row, Column::Sessions);
            self.problem(row, Column::Sessions, &found, format!("{} には時間帯がありません", kind.name_ja()));
        }
        let mut capacity = offered.capacity;
        if let Some(before) = before {
            let has_capacity = self.has(Column::Capacity) || self.has(Column::MedicalBeds);
            if !has_capacity || (capacity.is_none() && !self.own) {
                capacity = before.capacity;
            }
            if !self.has(Column::BedCells) {
                bed_cells.clone_from(&before.bed_cells);
            }
            if !self.has(Column::Sessions) {
                sessions.clone_from(&before.sessions);
            }
        }
        Some(Service { id, kind, capacity, bed_cells, sessions })
    }

    fn finish(mut self) -> Result<Vec<(usize, Facility)>, Vec<LineProblem>> {
        if self.facilities.is_empty() && self.problems.is_empty() {
            let message = format!("{} の行がありません（ほかの市町村の行が {} 行）", self.city.name, self.elsewhere);
            self.problems.push(LineProblem::new(1, Some(Column::Municipality.name()), "", message));
        }
        if self.problems.is_empty() {
            Ok(self.facilities)
        } else {
            self.problems.sort_by_key(|p| p.line);
            Err(self.problems)
        }
    }
}

/// District and island of an address: what follows the city's name starts with the district's.
///
/// A district may be called like the city (西海市西海町), so a name anywhere in the address proves nothing.
fn locate(address: &str, city: &City) -> Option<(DistrictId, Option<String>)> {
    let plain = cells::alike(address);
    let city_name = cells::alike(&city.name);
    let rest = match plain.split_once(&city_name) {
        Some((_, rest)) => rest,
        None => plain.split_once('県').map_or(plain.as_str(), |(_, rest)| rest),
    };
    let starts = |name: &str, ends: &[&str]| ends.iter().any(|end| rest.starts_with(&format!("{name}{end}")));
    let by_name = |ends: &[&str]| {
        city.districts.iter().filter(|d| starts(&cells::alike(&d.name), ends)).max_by_key(|d| d.name.chars().count())
    };
    if let Some(district) = by_name(&["町", "村", "地区", "区"]).or_else(|| by_name(&[""])) {
        let island = district.islands.iter().find(|i| rest.contains(&cells::alike(i))).cloned();
        return Some((district.id.clone(), island));
    }
    city.districts.iter().find_map(|d| {
        let island = d.islands.iter().find(|i| rest.starts_with(&cells::alike(i)))?;
        Some((d.id.clone(), Some(island.clone())))
    })
}
