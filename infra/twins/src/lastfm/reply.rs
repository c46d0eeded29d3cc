//! Answers as Last.fm writes them: XML by default, and JSON as a mechanical translation of the same XML.
//!
//! One element is an object, several of a name are an array; a leaf's attributes stand beside its `#text`, a
//! container's under `@attr`. Clients have to live with that, so the twin does it too.

use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::page::escaped;

/// One element of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, Value)>,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Empty,
    Text(Value),
    Children(Vec<Element>),
}

impl Element {
    pub(crate) fn empty(name: &'static str) -> Element {
        Element {
            name,
            attributes: Vec::new(),
            content: Content::Empty,
        }
    }

    /// A leaf; a number stays a number in JSON.
    pub(crate) fn text(name: &'static str, text: impl Into<Value>) -> Element {
        Element {
            content: Content::Text(text.into()),
            ..Element::empty(name)
        }
    }

    pub(crate) fn of(name: &'static str, children: Vec<Element>) -> Element {
        Element {
            content: Content::Children(children),
            ..Element::empty(name)
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Element {
        self.attributes.push((name, value.into()));
        self
    }

    fn to_json(&self) -> Value {
        let attributes = || {
            self.attributes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
        };
        match &self.content {
            Content::Empty if self.attributes.is_empty() => "".into(),
            Content::Text(text) if self.attributes.is_empty() => text.clone(),
            Content::Empty => Value::Object(attributes().collect()),
            Content::Text(text) => {
                let mut object: Map<String, Value> = attributes().collect();
                object.insert("#text".to_owned(), text.clone());
                Value::Object(object)
            }
            Content::Children(children) => {
                let mut object = Map::new();
                for child in children {
                    add(&mut object, child.name, child.to_json());
                }
                if !self.attributes.is_empty() {
                    object.insert("@attr".to_owned(), Value::Object(attributes().collect()));
                }
                Value::Object(object)
            }
        }
    }

    fn to_xml(&self) -> String {
        let name = self.name;
        let attributes: String = self
            .attributes
            .iter()
            .map(|(name, value)| format!(" {name}=\"{}\"", spelled(value)))
            .collect();
        let content = match &self.content {
            Content::Empty => return format!("<{name}{attributes}/>\n"),
            Content::Text(text) => spelled(text),
            Content::Children(children) => children.iter().map(Element::to_xml).collect(),
        };
        format!("<{name}{attributes}>{content}</{name}>\n")
    }
}

/// Puts a child into its parent's object: the second of a name makes it an array.
fn add(object: &mut Map<String, Value>, name: &str, child: Value) {
    match object.get_mut(name) {
        None => {
            object.insert(name.to_owned(), child);
        }
        Some(Value::Array(several)) => several.push(child),
        Some(one) => *one = json!([one.take(), child]),
    }
}

fn spelled(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), escaped)
}

/// A success; no element is the answer of love and unlove.
pub(crate) fn success(element: Option<&Element>, is_json: bool) -> Answer {
    if is_json {
        let body = element.map_or_else(
            || json!({}),
            |element| json!({element.name: element.to_json()}),
        );
        return open_to_all(Answer::json(200, &body));
    }
    let body = match element {
        None => "<lfm status=\"ok\"/>\n".to_owned(),
        Some(element) => format!("<lfm status=\"ok\">\n{}</lfm>\n", element.to_xml()),
    };
    open_to_all(xml(200, &body))
}

/// An error with its number; the HTTP status is what was recorded for it.
#[must_use]
pub fn error(number: u16, message: &str, is_json: bool) -> Answer {
    let status = status_of(number, message);
    if is_json {
        return open_to_all(Answer::json(
            status,
            &json!({"error": number, "message": message}),
        ));
    }
    let body = format!(
        "<lfm status=\"failed\">\n<error code=\"{number}\">{}</error>\n</lfm>\n",
        escaped(message)
    );
    open_to_all(xml(status, &body))
}

fn status_of(number: u16, message: &str) -> u16 {
    match number {
        6 if message == USER_NOT_FOUND => 404,
        4 | 9 | 10 | 13 | 14 | 15 | 17 | 26 => 403,
        8 => 500,
        11 | 16 => 503,
        29 => 429,
        _ => 400,
    }
}

/// The message of error 6 that comes with 404.
pub(crate) const USER_NOT_FOUND: &str = "User not found";

fn xml(status: u16, body: &str) -> Answer {
    Answer::body(
        status,
        "text/xml; charset=UTF-8",
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}"),
    )
}

fn open_to_all(answer: Answer) -> Answer {
    answer.header("access-control-allow-origin", "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_child_is_an_object_and_two_are_an_array() {
        let child = || Element::text("a", "x").with("corrected", "0");
        let one = Element::of("list", vec![child()]).with("total", 1);
        assert_eq!(
            one.to_json(),
            json!({"a": {"corrected": "0", "#text": "x"}, "@attr": {"total": 1}})
        );
        let two = Element::of("list", vec![child(), child(), child()]);
        assert_eq!(two.to_json()["a"].as_array().unwrap().len(), 3);
        assert_eq!(
            one.to_xml(),
            "<list total=\"1\"><a corrected=\"0\">x</a>\n</list>\n"
        );
    }
}
