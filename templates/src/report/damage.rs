//! How are you? — the first report in one tap, then what works and what does not, then what is needed.
//!
//! One polarity throughout (is it usable?), and 未確認 is always an answer. *Invariant:* none of this must be filled in for a first
//! report to be sent, and each of its buttons also carries whatever was filled in.

use imaboard_domain::{
    Acceptance, Aspect, Building, Condition, Evacuation, FirstReport, Flooding, Injured, ManyPatients, NeedItem, NeedUnit,
    Operation, Power, Road, Staffing, Supplies, Urgency, Utility, Value,
};
use maud::{Markup, html};

use super::form::anchor;
use super::page::Sheet;
use super::sprite::{condition_look, icon, mark};
use super::{Face, as_of};
use crate::words::value_key;

/// Hours that can be chosen for fuel and water; the last means "or longer".
const HOURS: [u32; 7] = [1, 3, 6, 12, 24, 48, 72];
/// Days that can be chosen for supplies.
const DAYS: [u32; 6] = [1, 2, 3, 5, 7, 14];

/// 第一報: three buttons, each enough alone.
pub(super) fn first(sheet: &Sheet<'_>) -> Markup {
    let frame = sheet.frame;
    let exercise = sheet.face == Face::Exercise;
    let tags = html! {
        @if exercise {
            span.as.as-ex { (frame.word("first.as_exercise")) }
            span.as.as-real { (frame.word("first.as_real")) }
        }
    };
    html! {
        @if exercise {
            fieldset.block.which {
                legend.sr { (frame.word("exercise.which")) }
                div.opts.two {
                    label.opt { input #is-ex type="radio" name="realm" value="exercise" checked[!sheet.is("realm", "real")];
                        span.face.ex { span.w { (frame.say("exercise.is_exercise")) } } }
                    label.opt { input #is-real type="radio" name="realm" value="real" checked[sheet.is("realm", "real")];
                        span.face.real { span.w { (frame.say("exercise.is_real")) } } }
                }
            }
        }
        section aria-labelledby="fq" {
            h2.part #fq { (frame.word("first.question")) " " span.opt-note { (frame.word("first.one_tap")) } }
            (sheet.why("first_report"))
            (pressed(sheet))
            div.first {
                button.fr.safe name="first_report" value="safe" { (mark("yes"))
                    span { b { (frame.say("first.safe")) } small { (frame.word("first.safe_hint")) } (tags) } }
                button.fr.impaired name="first_report" value="impaired" { (mark("alert"))
                    span { b { (frame.say("first.impaired")) } small { (frame.word("first.impaired_hint")) } (tags) } }
                @if exercise {
                    details.ask {
                        summary.fr.help { (mark("help"))
                            span { b { (frame.say("first.needs_help")) } small { (frame.word("first.needs_help_asks")) } } }
                        div.choose {
                            p { (frame.word("exercise.ask")) }
                            button.fr.ex name="first_report" value="needs_help:exercise" { (mark("yes"))
                                span { b { (frame.say("exercise.is_exercise")) } small { (frame.word("exercise.exercise_hint")) } } }
                            button.fr.really name="first_report" value="needs_help:real" { (mark("help"))
                                span { b { (frame.say("exercise.is_real")) } small { (frame.word("exercise.real_hint")) } } }
                        }
                    }
                } @else {
                    button.fr.help name="first_report" value="needs_help" { (mark("help"))
                        span { b { (frame.say("first.needs_help")) } small { (frame.word("first.needs_help_hint")) } } }
                }
            }
            a.jump href="#more" { (frame.word("first.details")) (mark("down")) }
        }
    }
}

/// What was pressed before the page came back: correcting a detail must not lose the call for help. Another button still wins,
/// because it stands later in the form.
fn pressed(sheet: &Sheet<'_>) -> Markup {
    let value = sheet.typed.and_then(|t| t.one("first_report")).and_then(|v| v.split(':').next());
    let Some(state) = value.and_then(|v| v.parse::<FirstReport>().ok()) else { return html! {} };
    let word = sheet.frame.word(&format!("first_report.{state}"));
    html! {
        @if let Some(exact) = sheet.typed.and_then(|t| t.one("first_report")) {
            input type="hidden" name="first_report" value=(exact);
        }
        p.said { (sheet.frame.fill("first.pressed", &[("word", &word)])) }
    }
}

/// Everything that can be said in detail, the commonest first.
pub(super) fn details(sheet: &Sheet<'_>) -> Markup {
    let frame = sheet.frame;
    html! {
        h2.part #more { (frame.word("more.title")) " " span.opt-note { (frame.word("more.hint")) } }
        (lifelines(sheet))
        (needs(sheet))
        details.block open[sheet.touched(|f| BODY.contains(&f))] { summary { (frame.word("more.body")) } (body(sheet)) }
        details.block open[sheet.touched(|f| REST.contains(&f.split('.').next().unwrap_or(f)))] { summary { (frame.word("more.rest")) } (rest(sheet)) }
        (operation(sheet))
    }
}

const BODY: [&str; 4] = ["building", "flooding", "injured", "evacuation"];
const REST: [&str; 7] = ["medical_gas", "internet", "toilet", "climate", "supplies", "many_patients", "acceptance"];

fn usable(state: Utility) -> Value {
    Value::Utility { state, hours: None }
}

/// One question: its name, its answers, and what is asked beside some of them.
struct Question {
    aspect: Aspect,
    icon: Option<&'static str>,
    values: Vec<Value>,
    /// Words of the answers that open what is asked beside.
    opens: &'static [&'static str],
}

impl Question {
    fn utility(aspect: Aspect, icon: Option<&'static str>, hours: bool) -> Self {
        let values = Utility::ALL.iter().map(|u| usable(*u)).collect();
        Self { aspect, icon, values, opens: if hours { &["restricted", "none"] } else { &[] } }
    }
}

/// Power, water, gas, telephone, roads, staff.
pub(super) fn lifelines(sheet: &Sheet<'_>) -> Markup {
    let questions = [
        Question {
            aspect: Aspect::Power,
            icon: Some("power"),
            values: Power::ALL.iter().map(|p| Value::Power { state: *p, hours: None }).collect(),
            opens: &["generator", "none"],
        },
        Question::utility(Aspect::Water, Some("water"), true),
        Question::utility(Aspect::Gas, Some("gas"), true),
        Question::utility(Aspect::Phone, Some("tel"), false),
        Question {
            aspect: Aspect::Road,
            icon: Some("road"),
            values: Road::ALL.iter().map(|r| Value::Road(*r)).collect(),
            opens: &[],
        },
        Question {
            aspect: Aspect::Staff,
            icon: Some("staff"),
            values: Staffing::ALL.iter().map(|s| Value::Staff(*s)).collect(),
            opens: &[],
        },
    ];
    html! { @for q in &questions { (ask(sheet, q)) } }
}

/// Building, flooding, injured, evacuation.
pub(super) fn body(sheet: &Sheet<'_>) -> Markup {
    let questions = [
        (Aspect::Building, Building::ALL.iter().map(|v| Value::Building(*v)).collect::<Vec<_>>()),
        (Aspect::Flooding, Flooding::ALL.iter().map(|v| Value::Flooding(*v)).collect()),
        (Aspect::Injured, Injured::ALL.iter().map(|v| Value::Injured(*v)).collect()),
        (Aspect::Evacuation, Evacuation::ALL.iter().map(|v| Value::Evacuation(*v)).collect()),
    ];
    html! {
        @for (aspect, values) in questions { (ask(sheet, &Question { aspect, icon: None, values, opens: &[] })) }
    }
}

/// What is asked last: of hospitals medical gas and patients, of all the rest.
pub(super) fn rest(sheet: &Sheet<'_>) -> Markup {
    let medical = sheet.facility.facility.is_medical();
    let mut questions = Vec::new();
    if medical {
        questions.push(Question::utility(Aspect::MedicalGas, None, true));
    }
    questions.extend([Aspect::Internet, Aspect::Toilet, Aspect::Climate].map(|a| Question::utility(a, None, false)));
    questions.push(Question {
        aspect: Aspect::Supplies,
        icon: None,
        values: Supplies::ALL.iter().map(|s| Value::Supplies { state: *s, days: None }).collect(),
        opens: &["short"],
    });
    if medical {
        let values = ManyPatients::ALL.iter().map(|v| Value::ManyPatients(*v)).collect();
        questions.push(Question { aspect: Aspect::ManyPatients, icon: None, values, opens: &[] });
    }
    questions.push(Question {
        aspect: Aspect::Acceptance,
        icon: None,
        values: [Acceptance::Yes, Acceptance::Ask, Acceptance::No]
            .iter()
            .map(|s| Value::Acceptance { state: *s, count: None })
            .collect(),
        opens: &["yes", "ask"],
    });
    html! { @for q in &questions { (ask(sheet, q)) } }
}

fn ask(sheet: &Sheet<'_>, q: &Question) -> Markup {
    let frame = sheet.frame;
    let word = q.aspect.word();
    let shown = sheet.moment.shown(sheet.facility, &q.aspect, sheet.face.realm());
    let title = if q.aspect == Aspect::Power { frame.say("power.question") } else { frame.say(&format!("question.{word}")) };
    let many = q.values.len() > 3;
    html! {
        fieldset.block.life.asks.wrong[sheet.at(word).is_some()] id=(anchor(word)) {
            legend { (sheet.number(word)) @if let Some(name) = q.icon { (icon(name)) } span.name { (title) }
                @if let Some(s) = shown.current() { span.prev { (as_of(frame, s.observed_at, sheet.moment.now)) } } }
            (sheet.why(word))
            div.opts.four[many].three[!many] {
                @for value in &q.values {
                    @let look = condition_look(value.condition().unwrap_or(Condition::Unconfirmed));
                    @let answer = value.word();
                    label.opt {
                        input.opens[q.opens.contains(&answer)] type="radio" name=(word) value=(answer) checked[sheet.is(word, answer)];
                        span class={ "face " (look.0) } { (mark(look.1)) span.w { (frame.word(&value_key(&q.aspect, answer))) } }
                    }
                }
            }
            @if !q.opens.is_empty() { div.reveal { (beside(sheet, &q.aspect, word)) } }
        }
    }
}

fn beside(sheet: &Sheet<'_>, aspect: &Aspect, word: &str) -> Markup {
    let frame = sheet.frame;
    match aspect {
        Aspect::Supplies => select(sheet, "supplies.days", &frame.word("more.days_supplies"), &DAYS, |n| {
            frame.fill("more.days", &[("n", &n.to_string())])
        }),
        Aspect::Acceptance => {
            let id = "f-acceptance-n";
            html! {
                label.field for=(id) { span { (frame.word("more.acceptance_n")) " " span.opt-note { (frame.word("if_known")) } } }
                p.num { input id=(id) type="tel" inputmode="numeric" autocomplete="off" name="acceptance.n" value=[sheet.value("acceptance.n")];
                    " " (frame.word("unit.people")) }
            }
        }
        _ => select(sheet, &format!("{word}.hours"), &frame.word(&format!("more.hours_{word}")), &HOURS, |n| {
            let hours = n.to_string();
            if n >= 24 {
                frame.fill("more.hours_days", &[("n", &hours), ("days", &(n / 24).to_string())])
            } else {
                frame.fill("more.hours", &[("n", &hours)])
            }
        }),
    }
}

/// A list of amounts; an amount that came from elsewhere stands in it too.
fn select(sheet: &Sheet<'_>, name: &str, label: &str, steps: &[u32], say: impl Fn(u32) -> String) -> Markup {
    let chosen = sheet.value(name);
    let mut amounts = steps.to_vec();
    if let Some(n) = chosen.and_then(|c| c.parse().ok())
        && !amounts.contains(&n)
    {
        amounts.push(n);
        amounts.sort_unstable();
    }
    html! {
        label.field for=(anchor(name)) { span { (label) }
            select id=(anchor(name)) name=(name) {
                option value="" { (sheet.frame.word("unknown")) }
                @for n in amounts { option value=(n) selected[chosen == Some(n.to_string().as_str())] { (say(n)) } }
            } }
    }
}

/// 送ってほしいもの: ticks, each with urgency, number and unit. No free text: a need is a fact that can be added up.
pub(super) fn needs(sheet: &Sheet<'_>) -> Markup {
    let frame = sheet.frame;
    let wrong = sheet.at("need").is_some();
    html! {
        fieldset.block.needs.wrong[wrong] id=(anchor("need")) {
            legend { (sheet.number("need")) (frame.word("needs.question")) }
            (sheet.why("need"))
            div.opts.items {
                @for item in NeedItem::ALL { (need(sheet, *item)) }
                label.opt.tick { input type="checkbox" name="need" value="nothing" checked[sheet.has("need", "nothing")];
                    span.face { span { (frame.word("needs.nothing")) } } }
            }
            input type="hidden" name="need.shown" value="1";
        }
    }
}

fn need(sheet: &Sheet<'_>, item: NeedItem) -> Markup {
    let frame = sheet.frame;
    let word = item.word();
    let (when, n, unit) = (format!("need.{word}.when"), format!("need.{word}.n"), format!("need.{word}.unit"));
    let usual = item.usual_unit().word();
    let chosen = sheet.value(&unit).unwrap_or(usual);
    let name = frame.word(&format!("needs.{word}"));
    html! {
        // The tick and its questions are siblings, so that old browsers unfold them too.
        div.item {
            input.tickbox id={ "n-" (word) } type="checkbox" name="need" value=(word) checked[sheet.has("need", word)];
            label.tickface for={ "n-" (word) } { span { (frame.say(&format!("needs.{word}"))) } }
            div.need {
                div.opts.three role="radiogroup" aria-label={ (name) " " (frame.word("needs.until")) } {
                    @for urgency in Urgency::ALL {
                        label.opt {
                            input type="radio" name=(when) value=(urgency.word()) checked[sheet.is(&when, urgency.word())];
                            span class=(urgency_class(*urgency)) { span.w { (frame.word(&format!("needs.{urgency}"))) } }
                        }
                    }
                }
                p.num {
                    label.sr for={ "q-" (word) } { (name) " " (frame.word("needs.how_much")) }
                    input id={ "q-" (word) } type="tel" inputmode="numeric" autocomplete="off" name=(n) value=[sheet.value(&n)]
                        placeholder=(frame.word("needs.how_much"));
                    label.sr for={ "u-" (word) } { (name) " " (frame.word("needs.unit")) }
                    select id={ "u-" (word) } name=(unit) {
                        @for u in NeedUnit::ALL { option value=(u.word()) selected[chosen == u.word()] { (frame.word(&format!("unit.{u}"))) } }
                    }
                }
            }
        }
    }
}

fn urgency_class(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Now => "face bad",
        Urgency::Within24h => "face few",
        Urgency::Later => "face",
    }
}

/// ようす: does the facility run?
pub(super) fn operation(sheet: &Sheet<'_>) -> Markup {
    let frame = sheet.frame;
    let looks = [
        (Operation::Normal, "ample", "yes", ""),
        (Operation::Limited, "few", "part", ""),
        (Operation::Suspended, "full", "pause", "opens"),
        (Operation::Evacuated, "bad", "away", "opens"),
    ];
    let date = sheet.value("operation.reopens");
    // A date field drops a day that does not exist; then it stays as it was typed.
    let kind = if date.is_none_or(|d| d.parse::<jiff::civil::Date>().is_ok()) { "date" } else { "text" };
    let wrong = sheet.at("operation").is_some();
    html! {
        fieldset.block.asks.wrong[wrong] id=(anchor("operation")) {
            legend { (sheet.number("operation")) (frame.say("operation.question")) }
            (sheet.why("operation"))
            div.opts {
                @for (state, class, name, opens) in looks {
                    label.opt.row {
                        input class=(opens) type="radio" name="operation" value=(state.word()) checked[sheet.is("operation", state.word())];
                        span class={ "face " (class) } { (mark(name))
                            span.t { (frame.say(&format!("operation.{state}"))) small { (frame.word(&format!("operation.{state}_hint"))) } } }
                    }
                }
            }
            div.reveal {
                label.field for="reopen" { span { (frame.word("operation.reopens")) " " span.opt-note { (frame.word("if_known")) } }
                    input #reopen type=(kind) name="operation.reopens" value=[date] aria-invalid=[wrong.then_some("true")]; }
            }
        }
    }
}
