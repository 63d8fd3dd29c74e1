//! Pieces of a wall that travel on their own: an element with a stable id and its HTML.
//!
//! A page is a fragment with fragments inside it; when only a row changed, only the row travels. *Invariant:* the id of a
//! fragment's element is `w-` and its key, and no key stands twice on one wall.

use std::collections::BTreeMap;

use maud::Markup;

/// Where a child stands in the HTML of its parent; no text can contain it, because text is escaped.
pub(crate) const SLOT: &str = "<!--slot-->";

/// One element with a stable key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Its key; the element's id is `w-` and this.
    pub key: String,
    /// Its HTML, each child as one slot.
    own: String,
    /// What fills the slots, in order.
    children: Vec<Fragment>,
}

impl Fragment {
    /// An element that holds no other fragment.
    #[must_use]
    pub fn leaf(key: impl Into<String>, html: Markup) -> Self {
        Self::with(key, html, Vec::new())
    }

    /// An element whose HTML has as many slots as there are children.
    #[must_use]
    pub fn with(key: impl Into<String>, html: Markup, children: Vec<Fragment>) -> Self {
        let own = html.into_string();
        debug_assert_eq!(own.matches(SLOT).count(), children.len());
        Self { key: key.into(), own, children }
    }

    /// The whole HTML, children included.
    #[must_use]
    pub fn html(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// The child with this key.
    pub(crate) fn child(&self, key: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.key == key)
    }

    fn write(&self, out: &mut String) {
        let mut children = self.children.iter();
        for (at, part) in self.own.split(SLOT).enumerate() {
            if at > 0
                && let Some(child) = children.next()
            {
                child.write(out);
            }
            out.push_str(part);
        }
    }

    /// Every key in it with the HTML that is its own.
    pub(crate) fn owns<'a>(&'a self, into: &mut BTreeMap<&'a str, &'a str>) {
        into.insert(&self.key, &self.own);
        for child in &self.children {
            child.owns(into);
        }
    }

    /// The outermost fragments for which `changed` holds: what has to travel.
    pub(crate) fn outermost<'a>(&'a self, changed: &dyn Fn(&str) -> bool, into: &mut Vec<&'a Fragment>) {
        if changed(&self.key) {
            into.push(self);
            return;
        }
        for child in &self.children {
            child.outermost(changed, into);
        }
    }
}
