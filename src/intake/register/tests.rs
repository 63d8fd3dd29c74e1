#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use imaboard_domain::{Cell, Closure, ClosureReason, DistrictId, ServiceId, ServiceKind, Session};
use imaboard_templates::{City, Desk, District};
use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn city() -> City {
    let desk = Desk { label: String::new(), phone: String::new(), hours: String::new() };
    let district = |id: &str, name: &str, islands: &[&str]| District {
        id: DistrictId::new(id).unwrap(),
        name: name.to_owned(),
        islands: islands.iter().map(|i| (*i).to_owned()).collect(),
    };
    City {
        name: "西海市".to_owned(),
        disaster_desk: desk.clone(),
        desk,
        districts: vec![
            district("seihi", "西彼", &[]),
            district("saikai", "西海", &[]),
            district("oshima", "大島", &[]),
            district("sakito", "崎戸", &["平島", "江島"]),
            district("oseto", "大瀬戸", &["松島"]),
        ],
    }
}

const MHLW: &str = "都道府県コード又は市町村コード,No,都道府県名,市区町村名,事業所名,事業所名カナ,サービスの種類,住所,方書（ビル名等）,緯度,経度,\
電話番号,FAX番号,法人番号,法人の名称,事業所番号,利用可能曜日,利用可能曜日特記事項,定員,URL,\
高齢者の方と障害者の方が同時一体的に利用できるサービス,介護保険の通常の指定基準を満たしている,障害福祉の通常の指定基準を満たしている,備考";

/// One row of the ministry's file.
fn mhlw(name: &str, service: &str, address: &str, phone: &str, number: &str, capacity: &str) -> String {
    format!(
        "422126,1,長崎県,西海市,{name},カナ,{service},{address},,33.02,129.73,{phone},,1234567890123,社会福祉法人 しおさい会,{number},\
         平日,,{capacity},info@example.jp,0,0,0,"
    )
}

fn mhlw_file(rows: &[String]) -> String {
    format!("{MHLW}\n{}\n", rows.join("\n"))
}

fn facilities(text: &str) -> Vec<Facility> {
    taken(text.as_bytes(), &[])
}

fn taken(bytes: &[u8], existing: &[Facility]) -> Vec<Facility> {
    match read(bytes, &city(), existing) {
        Ok(rows) => rows.into_iter().map(|(_, f)| f).collect(),
        Err(problems) => panic!("{problems:#?}"),
    }
}

fn problems(text: &str) -> Vec<String> {
    read(text.as_bytes(), &city(), &[]).unwrap_err().iter().map(ToString::to_string).collect()
}

/// Whether exactly these lines are complained about, each with that word.
fn complains(text: &str, wanted: &[(&str, &str)]) {
    let found = problems(text);
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (problem, (line, word)) in found.iter().zip(wanted) {
        assert!(problem.starts_with(&format!("{line}行目")) && problem.contains(word), "{problem} / {line} {word}");
    }
}

fn kinds(f: &Facility) -> Vec<&'static str> {
    f.services.iter().map(|s| s.kind.word()).collect()
}

#[test]
fn a_file_of_the_ministry_is_read_with_its_24_columns() {
    let text = mhlw_file(&[
        mhlw("はまゆう荘", "介護老人福祉施設", "長崎県西海市西彼町八木原郷1", "0959-00-1001", "4270000001", "80"),
        mhlw("はまゆう荘", "短期入所生活介護", "長崎県西海市西彼町八木原郷１", "0959001001", "4270000001", "0"),
        mhlw(
            "しまかぜデイ",
            "地域密着型通所介護",
            "長崎県西海市大瀬戸町松島内郷2",
            "０９５９−００−１００２",
            "4270000002",
            "１２人",
        ),
    ]);
    let all = facilities(&text);
    assert_eq!(all.len(), 2);
    let f = &all[0];
    assert_eq!((f.id.as_str(), f.district.as_str(), f.island.as_deref()), ("f4270000001", "seihi", None));
    assert_eq!(kinds(f), ["tokuyo", "short-stay"]);
    assert_eq!(f.services.iter().map(|s| s.capacity).collect::<Vec<_>>(), [Some(80), None], "0 means not filled in");
    assert_eq!((f.phone.as_str(), f.url.as_str(), f.operator.as_str()), ("0959-00-1001", "", "社会福祉法人 しおさい会"));
    assert_eq!((f.latitude, f.longitude), (Some(33.02), Some(129.73)));
    let day = &all[1];
    assert_eq!((day.district.as_str(), day.island.as_deref(), day.phone.as_str()), ("oseto", Some("松島"), "0959-00-1002"));
    assert_eq!(day.services[0].capacity, Some(12));
}

#[test]
fn rows_of_other_municipalities_are_passed_over() {
    let here = mhlw("はまゆう荘", "110", "長崎県西海市西彼町1", "0959-00-1001", "4270000001", "");
    let there = here.replace(",西海市,はまゆう荘", ",佐世保市,よその荘").replace("4270000001", "broken E+09");
    assert_eq!(facilities(&mhlw_file(&[there.clone(), here])).len(), 1);
    complains(&mhlw_file(&[there]), &[("1", "西海市 の行がありません")]);
}

#[test]
fn municipal_lists_are_read_by_their_own_headers() {
    let medical = "NO,名称,名称_カナ,医療機関の種類,住所,緯度,経度,電話番号,医療機関コード,診療科目,病床数,URL\n\
        1,潮見台病院,ｼｵﾐﾀﾞｲ,病院,西海市西彼町鳥加郷1,33.0,129.75,0959-00-1,1234567,内科;外科,一般48;療養40;精神10,https://s.example.jp/\n\
        2,はとば診療所,ハトバ,無床診療所,西海市大島町1,,,(0959)00-1002,,内科,0,\n\
        3,面高医院,オモダカ,有床診療所,西海市西海町面高郷3,,,,,内科,19床,\n";
    complains(medical, &[("2", "電話番号")]);
    let all = facilities(&medical.replace("0959-00-1,", "0959-00-1001,"));
    assert_eq!(kinds(&all[0]), ["ward-general", "ward-long-term"]);
    assert_eq!((all[0].services[1].capacity, all[0].kana.as_str()), (Some(40), "シオミダイ"));
    assert_eq!((kinds(&all[1]), all[1].phone.as_str(), all[1].district.as_str()), (vec!["clinic"], "0959-00-1002", "oshima"));
    assert_eq!(kinds(&all[2]), ["clinic", "ward-general"]);
    assert_eq!(all[2].district.as_str(), "saikai", "the district is called like the city");

    let shelters = "NO,名称,名称_カナ,住所,電話番号,災害種別_洪水,災害種別_地震,指定避難所との重複,想定収容人数\n\
        1,江島さざえ会館,エノシマ,長崎県西海市崎戸町江島1,－,1,1,1,90\n";
    let all = facilities(shelters);
    assert_eq!((kinds(&all[0]), all[0].services[0].capacity), (vec!["shelter"], Some(90)));
    assert_eq!((all[0].island.as_deref(), all[0].phone.as_str()), (Some("江島"), ""));
    assert!(all[0].id.as_str().starts_with("f-"), "{}", all[0].id);

    let newer = "ID,地方公共団体名,介護サービス事業所名称,実施サービス,所在地_都道府県,所在地_市区町村,所在地_町字,所在地_番地以下,電話番号\n\
        0001,長崎県西海市,しらさぎ,居宅介護支援；訪問介護・介護予防訪問介護,長崎県,西海市,西海町水浦郷,5,0959-00-1025\n";
    complains(newer, &[("2", "訪問介護・介護予防訪問介護")]);
    let all = facilities(&newer.replace("・介護予防", "/介護予防"));
    assert_eq!((kinds(&all[0]), all[0].address.as_str()), (vec!["care-plan", "home-help"], "長崎県西海市西海町水浦郷5"));
}

#[test]
fn every_kind_is_known_by_its_word_its_code_and_its_name() {
    for kind in ServiceKind::ALL {
        for name in [Some(kind.word()), kind.mhlw_code(), Some(kind.name_ja())].into_iter().flatten() {
            assert_eq!(kinds::find(name), Some(*kind), "{name}");
        }
    }
    for (name, kind) in [
        ("特定施設入居者生活介護（軽費老人ホーム）", ServiceKind::CareHouse),
        ("複合型サービス（看護小規模多機能型居宅介護）", ServiceKind::NursingMulti),
        ("介護予防認知症対応型共同生活介護", ServiceKind::GroupHome),
        ("定期巡回･随時対応型訪問介護看護", ServiceKind::RegularVisit),
        ("短期入所療養介護（介護老人保健施設）", ServiceKind::ShortStayMedical),
        ("１５０", ServiceKind::DayCare),
        ("軽費老人ホーム", ServiceKind::CareHouse),
    ] {
        assert_eq!(kinds::find(name), Some(kind), "{name}");
    }
    assert_eq!(kinds::find("ペットホテル"), None);
}

#[test]
fn shift_jis_and_both_kinds_of_utf8_give_the_same() {
    let text = mhlw_file(&[mhlw("潮見台ソ－能表病院", "130", "西海市西彼町1", "0959-00-1001", "4270000001", "")]);
    let plain = facilities(&text);
    assert_eq!(taken(format!("\u{FEFF}{text}").as_bytes(), &[]), plain);
    assert_eq!(taken(&encoding_rs::SHIFT_JIS.encode(&text).0, &[]), plain);
    assert_eq!(taken(text.replace('\n', "\r\n").as_bytes(), &[]), plain);
    assert_eq!(taken(text.replace('\n', "\r").as_bytes(), &[]), plain, "line ends of old Macs");
}

#[test]
fn bytes_that_no_encoding_explains_are_reported_with_their_lines() {
    let lines = |bytes: &[u8]| read(bytes, &city(), &[]).unwrap_err().iter().map(|p| p.line).collect::<Vec<_>>();
    let mut bytes = "名称,住所\nあ,い\nう,え\n".as_bytes().to_vec();
    bytes.extend(b"\xff\xff,\xfe\n");
    assert_eq!(lines(&bytes), [4]);
    assert_eq!(lines(b"\xEF\xBB\xBF\x82\xa0\n"), [1], "a BOM promises UTF-8");
    assert_eq!(lines(b"\xff\xfea\0b\0"), [1]);
    assert_eq!(lines(b"PK\x03\x04xl/workbook.xml"), [1]);
    assert_eq!(lines(b""), [1]);
    assert_eq!(lines(b"\n\n,,,\n"), [1]);
}

const OWN: &str =
    "id,name,district,address,phone,latitude,longitude,service,capacity,bed_cells,sessions,island,url,closures,service_id";

#[test]
fn all_problems_are_reported_at_once_with_their_lines() {
    let text = format!(
        "{OWN}\n\
         f1,あ,seihi,,090x,,,tokuyo,many,,,,,,\n\
         \n\
         F 2,い,nowhere,,,129.7,33.0,hotel,,,,,,,\n\
         ,,,,,,,,,,,,,,\n\
         f3,,oseto,,,48.0,11.5,clinic,,,,宝島,ftp://x,2026-13-01,\n\
         f4,お,sakito,,,33.0,,day-care,,male,am;noon,,,2026-12-05/2026-12-01,\n"
    );
    complains(
        &text,
        &[
            ("2", "電話番号"),
            ("2", "定員"),
            ("4", "id"),
            ("4", "入れ替わって"),
            ("4", "知らないサービス"),
            ("4", "地区がわかりません"),
            ("6", "名称がありません"),
            ("6", "http"),
            ("6", "日本の外"),
            ("6", "休業日"),
            ("6", "島ではありません"),
            ("7", "経度がありません"),
            ("7", "終わりの日"),
        ],
    );
}

#[test]
fn the_shape_of_the_table_is_checked() {
    complains("name,name,address\nあ,い,う\n", &[("1", "同じ見出し"), ("1", "サービスの種類")]);
    complains("名称,事業所名,住所,サービスの種類\nあ,い,う,110\n", &[("1", "同じ意味の列")]);
    complains("foo,bar\n1,2\n", &[("1", "名称"), ("1", "サービスの種類"), ("1", "住所")]);
    complains("名称,住所,サービスの種類\n", &[("1", "行がありません")]);
    let head = "名称,住所,サービスの種類,,";
    complains(
        &format!("{head}\r\nあ,西海市西彼町1\r\n\r\nい,西海市,西彼町2,110,,x\r\n"),
        &[("2", "列が足りません"), ("4", "列が多すぎます")],
    );
    complains("名称,住所,サービスの種類\nあ,\"西海市\n西彼町1,110\nい,う,え\n", &[("2", "引用符")]);
    // Trailing commas, empty lines and quoted line breaks are nothing to complain about; lines are still counted right.
    let text = format!(
        "{head}\r\n\r\n\"あ\",\"西海市西彼町\r\n1番地\",110,,\r\n\r\n\r\nい,西海市西彼町2,110,,,,,\r\nう,西海市西彼町3,,,\r\n"
    );
    complains(&text, &[("8", "サービスの種類がありません")]);
    let all = facilities(&text.replace("3,,,", "3,120,,"));
    assert_eq!((all.len(), all[0].address.as_str()), (3, "西海市西彼町 1番地"));
}

#[test]
fn the_same_service_twice_is_an_error_and_two_offices_are_two_services() {
    let row = mhlw("はまゆう荘", "通所介護", "西海市西彼町1", "0959-00-1001", "4270000001", "30");
    complains(&mhlw_file(&[row.clone(), row.clone()]), &[("3", "2行目と同じ施設・同じサービス")]);
    let all = facilities(&mhlw_file(&[row.clone(), row.replace("4270000001", "4270000009")]));
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].services.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["day-care", "day-care-2"]);
    complains(&format!("{OWN}\nf1,あ,seihi,,,,,clinic,,,,,,,\nf1,い,seihi,,,,,pharmacy,,,,,,,\n"), &[("3", "2行目と違います")]);
}

fn hamayu() -> Facility {
    let text = format!(
        "{OWN}\n\
         f001,はまゆう荘,seihi,西海市西彼町八木原郷1,0959-00-1001,,,tokuyo,80,male;female,,,https://h.example.jp/,2026-12-29/2027-01-03,\n\
         f001,はまゆう荘,seihi,西海市西彼町八木原郷1,0959-00-1001,,,day-care,30,,am;pm,,https://h.example.jp/,2026-12-29/2027-01-03,\n"
    );
    facilities(&text).remove(0)
}

#[test]
fn our_own_columns_are_read_in_words() {
    let f = hamayu();
    assert_eq!(f.services[0].bed_cells, ["male", "female"].map(|c| c.parse::<Cell>().unwrap()));
    assert_eq!(f.services[1].sessions, [Session::Am, Session::Pm]);
    assert_eq!(f.closures, [Closure { from: date(2026, 12, 29), until: date(2027, 1, 3), reason: None }]);
    assert_eq!(
        cells::bed_cells("男個室、女多床 どちらも").unwrap().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["male-private", "female-shared", "either"]
    );
    assert_eq!(cells::sessions("午前；1日").unwrap(), [Session::Am, Session::Day]);
    assert!(cells::bed_cells("male;male").is_err());
}

#[test]
fn one_file_of_the_ministry_drops_nothing_that_the_city_knew() {
    let held = vec![Facility { office_number: "4270000001".to_owned(), ..hamayu() }];
    let text = mhlw_file(&[
        mhlw("はまゆう荘", "介護老人福祉施設", "長崎県西海市西彼町八木原郷1番地", "0959-00-2001", "4270000001", "0"),
        mhlw("あたらし荘", "介護老人福祉施設", "西海市大島町7", "", "4270000007", "20"),
    ]);
    let rows = read(text.as_bytes(), &city(), &held).unwrap();
    assert_eq!(rows[0].1.services[0].bed_cells, held[0].services[0].bed_cells);
    let part = difference(rows.clone(), &held, false);
    let f = &part.changed[0].facility;
    assert_eq!((f.id.as_str(), kinds(f), f.services[0].capacity), ("f001", vec!["tokuyo", "day-care"], Some(80)));
    assert_eq!((f.url.as_str(), f.closures.len(), f.services[1].sessions.len()), ("https://h.example.jp/", 1, 2));
    let lines = part.lines();
    assert!(lines[0].starts_with("~ 2行目 はまゆう荘（f001）: "), "{lines:?}");
    assert!(lines[0].contains("電話番号: 0959-00-1001 → 0959-00-2001"), "{lines:?}");
    assert!(!lines[0].contains("定員"), "{lines:?}");
    assert_eq!(lines[1], "+ 3行目 あたらし荘（f4270000007） 特別養護老人ホーム");
    assert_eq!(lines[2], "追加 1、変更 1、そのまま 0、外れる 0");

    let whole = difference(vec![rows[1].clone()], &held, true);
    assert_eq!(whole.lines()[1], "- はまゆう荘（f001） 台帳から外れます");
    let (write, retire) = whole.into_changes();
    assert_eq!((write.len(), retire), (1, vec![held[0].id.clone()]));
    let complete = difference(vec![rows[0].clone()], &held, true);
    assert_eq!(kinds(&complete.changed[0].facility), ["tokuyo"]);
    assert!(complete.lines()[0].contains("サービス廃止: デイサービス"));
}

#[test]
fn importing_the_same_file_again_changes_nothing() {
    let text = mhlw_file(&[
        mhlw("はまゆう荘", "介護老人福祉施設", "西海市西彼町1", "0959-00-1001", "4270000001", "80"),
        mhlw("名なし", "訪問介護", "西海市大島町2", "", "", ""),
    ]);
    let held = facilities(&text);
    assert_ne!(held[0].id, held[1].id);
    for complete in [false, true] {
        let again = difference(read(text.as_bytes(), &city(), &held).unwrap(), &held, complete);
        assert_eq!((again.added.len(), again.changed.len(), again.same.len(), again.retired.len()), (0, 0, 2, 0));
    }
    // A new spelling of the width is the same place; an empty register gives the same ids again.
    assert_eq!(taken(text.replace("大島町2", "大島町　２").as_bytes(), &held)[1].id, held[1].id);
    assert_eq!(facilities(&text), held);
}

#[test]
fn a_name_cannot_become_a_formula() {
    let name = "=HYPERLINK(\"http://evil\",\"x\")";
    let f = Facility { name: name.to_owned(), operator: "'@x".to_owned(), ..hamayu() };
    let bytes = write(std::slice::from_ref(&f)).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.starts_with('\u{FEFF}') && text.contains("\"'=HYPERLINK(") && text.contains("''@x"));
    assert_eq!(taken(&bytes, &[]), [f]);
}

fn text() -> impl Strategy<Value = String> {
    // What spreadsheets, quoting and kana could break; never with spaces around it, because those are not kept.
    "[=+@'\\-\"a-zA-Z0-9あ-んァ-ヶ亜-腕、。・（）ー,;]{1}[ 　\"',;=あ-ん亜-腕a-z0-9]{0,12}[)あ-ん亜-腕\"',]{1}"
}

fn service() -> impl Strategy<Value = Service> {
    let cells = proptest::sample::subsequence(
        vec!["male", "female", "either", "private", "shared", "male-private", "female-private", "male-shared", "either-shared"],
        0..4,
    );
    let sessions = proptest::sample::subsequence(Session::ALL.to_vec(), 0..=3);
    (proptest::sample::select(ServiceKind::ALL.to_vec()), proptest::option::of(1u32..300), cells, sessions, any::<bool>())
        .prop_map(|(kind, capacity, cells, sessions, own_id)| {
            let beds = kind.grid() == Some(imaboard_domain::Grid::Beds);
            let days = kind.grid() == Some(imaboard_domain::Grid::Weekdays);
            let id = if own_id { format!("{}-a", kind.word()) } else { kind.word().to_owned() };
            Service {
                id: ServiceId::new(id).unwrap(),
                kind,
                capacity,
                bed_cells: if beds { cells.iter().map(|c| c.parse().unwrap()).collect() } else { Vec::new() },
                sessions: if days { sessions } else { Vec::new() },
            }
        })
}

fn any_facility() -> impl Strategy<Value = Facility> {
    let place =
        proptest::sample::select(vec![("seihi", None), ("oseto", Some("松島")), ("oseto", None), ("sakito", Some("江島"))]);
    let digits = proptest::option::of("0959-00-[0-9]{4}");
    let coordinates = proptest::option::of((24.0f64..45.0, 123.0f64..150.0));
    let reason = proptest::option::of(proptest::sample::select(ClosureReason::ALL));
    let closures = proptest::collection::btree_set((0i32..300, 0i32..20, reason), 0..3);
    let services = proptest::collection::vec(service(), 1..4);
    ((text(), "[ァ-ヴ]{0,8}", place, text()), digits, text(), coordinates, closures, services, "[0-9]{10}").prop_map(
        |((name, kana, (district, island), address), phone, operator, coordinates, closures, mut services, office_number)| {
            let mut seen = std::collections::BTreeSet::new();
            services.retain(|s| seen.insert(s.id.clone()));
            let day = |n: i32| date(2026, 11, 23).checked_add(jiff::Span::new().days(n)).unwrap();
            Facility {
                id: FacilityId::new("f1").unwrap(),
                name,
                kana,
                district: DistrictId::new(district).unwrap(),
                island: island.map(str::to_owned),
                address,
                fax: phone.clone().unwrap_or_default(),
                phone: phone.unwrap_or_default(),
                url: "https://example.jp/a,b".to_owned(),
                operator,
                office_number,
                latitude: coordinates.map(|c| c.0),
                longitude: coordinates.map(|c| c.1),
                services,
                closures: closures
                    .into_iter()
                    .map(|(from, days, reason)| Closure { from: day(from), until: day(from + days), reason })
                    .collect(),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_was_written_is_read_back_unchanged(mut all in proptest::collection::vec(any_facility(), 1..5)) {
        for (n, f) in all.iter_mut().enumerate() {
            f.id = FacilityId::new(format!("f{n}")).unwrap();
        }
        let bytes = write(&all).unwrap();
        prop_assert_eq!(&taken(&bytes, &[]), &all);
        // Also into the register it came from, and as the whole register.
        let difference = difference(read(&bytes, &city(), &all).unwrap(), &all, true);
        prop_assert_eq!(difference.same.len(), all.len());
        // And no cell that a spreadsheet would compute.
        let text = String::from_utf8(bytes).unwrap();
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{FEFF}').as_bytes());
        for record in reader.records() {
            let record = record.unwrap();
            prop_assert!(record.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..400), noise in "[,\"\r\nあa=]{0,200}") {
        drop(read(&bytes, &city(), &[]));
        drop(read(format!("{OWN}\n{noise}").as_bytes(), &city(), &[]));
    }
}
