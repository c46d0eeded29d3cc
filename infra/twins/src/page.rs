//! Pages for people, and the secrets a service hands out.

use sha2::{Digest, Sha256};

use crate::answer::Answer;

/// Text made safe for HTML, attribute values included.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A whole page; the body is HTML already.
pub(crate) fn page(status: u16, title: &str, body: &str) -> Answer {
    let title = escaped(title);
    Answer::html(
        status,
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <style>body{{font:16px sans-serif;margin:2rem;max-width:60rem}}td,th{{padding:.2rem .8rem;text-align:left}}</style>\
             </head><body><h1>{title}</h1>\n{body}\n</body></html>\n"
        ),
    )
}

/// A table of text cells.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: String = head
        .iter()
        .map(|cell| format!("<th>{}</th>", escaped(cell)))
        .collect();
    let rows: String = rows
        .iter()
        .map(|row| {
            let cells: String = row
                .iter()
                .map(|cell| format!("<td>{}</td>", escaped(cell)))
                .collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    format!("<table>\n<tr>{head}</tr>\n{rows}</table>\n")
}

/// A form that asks one of the accounts for its consent; `hidden` goes back as it came.
pub(crate) fn consent_form(action: &str, users: &[String], hidden: &[(String, String)]) -> String {
    let hidden: String = hidden
        .iter()
        .map(|(name, value)| {
            format!(
                "<input type=\"hidden\" name=\"{}\" value=\"{}\">\n",
                escaped(name),
                escaped(value)
            )
        })
        .collect();
    let users: String = users
        .iter()
        .map(|user| format!("<option>{}</option>", escaped(user)))
        .collect();
    format!(
        "<form method=\"post\" action=\"{}\">\n{hidden}<label>Account <select name=\"user\">{users}</select></label>\n\
         <button name=\"decision\" value=\"allow\">Allow</button>\n<button name=\"decision\" value=\"deny\">Deny</button>\n</form>",
        escaped(action)
    )
}

/// Makes secrets that no other twin makes: its address and a counter, hashed. Predictable on purpose.
#[derive(Debug)]
pub(crate) struct Mint {
    salt: String,
    made: u64,
}

impl Mint {
    pub(crate) fn new(salt: &str) -> Mint {
        Mint {
            salt: salt.to_owned(),
            made: 0,
        }
    }

    /// 64 hexadecimal digits.
    pub(crate) fn secret(&mut self) -> String {
        self.made += 1;
        digest(&format!("{} {}", self.salt, self.made))
    }

    /// 32 hexadecimal digits, as Last.fm's keys have.
    pub(crate) fn short_secret(&mut self) -> String {
        self.secret().chars().take(32).collect()
    }
}

/// The SHA-256 of a text in 64 hexadecimal digits.
pub(crate) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// A UUID made from a text; always the same.
pub(crate) fn uuid_of(text: &str) -> String {
    let digits = digest(text);
    // Hexadecimal digits are one byte each, so that these cuts exist.
    format!(
        "{}-{}-4{}-8{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..32]
    )
}

/// Says whether a text is a UUID in its usual spelling.
pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_break_out_of_the_page() {
        assert_eq!(
            escaped("<b a='1'>\"&"),
            "&lt;b a=&#39;1&#39;&gt;&quot;&amp;"
        );
    }

    #[test]
    fn two_twins_never_make_the_same_secret() {
        let (mut one, mut other) = (
            Mint::new("http://127.0.0.1:1"),
            Mint::new("http://127.0.0.1:2"),
        );
        assert_ne!(one.secret(), other.secret());
        assert_ne!(one.secret(), one.secret());
        assert!(is_uuid(&uuid_of("anything")));
        assert!(!is_uuid("not-a-uuid"));
    }
}
