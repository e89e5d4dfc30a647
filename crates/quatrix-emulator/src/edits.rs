//! Edits of a message's JSON, by JSON pointer.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

/// Sets and removes values in a JSON text; `None` if it is not JSON.
///
/// Each value is addressed by a JSON pointer (RFC 6901), in which `*` matches every member. A pointer without a match
/// changes nothing, except that a missing last member is added.
pub(crate) fn edit(text: &Bytes, set: &BTreeMap<String, Value>, remove: &[String]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(text).ok()?;
    for (pointer, new) in set {
        at(&mut value, pointer, &mut |parent, key| match parent {
            Value::Object(members) => {
                members.insert(key.to_owned(), new.clone());
            }
            _ => {
                if let Some(old) = member(parent, key) {
                    *old = new.clone();
                }
            }
        });
    }
    for pointer in remove {
        at(&mut value, pointer, &mut |parent, key| match parent {
            Value::Object(members) => {
                members.remove(key);
            }
            Value::Array(items) => {
                if let Some(index) = key.parse().ok().filter(|index| *index < items.len()) {
                    items.remove(index);
                }
            }
            _ => {}
        });
    }
    serde_json::to_vec(&value).ok()
}

/// Returns `true` if a text is a pointer to a member.
pub(crate) fn is_pointer(text: &str) -> bool {
    text.starts_with('/')
}

/// Calls `change` with the parent and the key of each match of a pointer.
fn at(value: &mut Value, pointer: &str, change: &mut impl FnMut(&mut Value, &str)) {
    let Some(pointer) = pointer.strip_prefix('/') else { return };
    let (key, rest) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
    let keys = if key == "*" { keys(value) } else { vec![key.replace("~1", "/").replace("~0", "~")] };
    // From the end, so that a removal does not shift the indices of later items.
    for key in keys.iter().rev() {
        if rest.is_empty() {
            change(value, key);
        } else if let Some(member) = member(value, key) {
            at(member, rest, change);
        }
    }
}

fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members.keys().cloned().collect(),
        Value::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
        _ => Vec::new(),
    }
}

fn member<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(members) => members.get_mut(key),
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edited(text: &Value, set: &[(&str, Value)], remove: &[&str]) -> Value {
        let set = set.iter().map(|(pointer, value)| ((*pointer).to_owned(), value.clone())).collect();
        let remove: Vec<_> = remove.iter().map(|pointer| (*pointer).to_owned()).collect();
        serde_json::from_slice(&edit(&Bytes::from(text.to_string()), &set, &remove).unwrap()).unwrap()
    }

    #[test]
    fn a_pointer_names_one_member_or_every_one() {
        let listing = json!({ "type": "D", "content": [{ "name": "a", "size": 1 }, { "name": "b", "size": 2 }] });
        let typed = edited(&listing, &[("/type", json!("F")), ("/uid", json!(null))], &["/content"]);
        assert_eq!(typed, json!({ "type": "F", "uid": null }));
        let sizes = edited(&listing, &[("/content/*/size", json!(0)), ("/content/1/name", json!("c"))], &["/type"]);
        assert_eq!(sizes, json!({ "content": [{ "name": "a", "size": 0 }, { "name": "c", "size": 0 }] }));
        assert_eq!(edited(&listing, &[], &["/content/*", "/type"]), json!({ "content": [] }));
        assert_eq!(edited(&listing, &[], &["/content/0"])["content"], json!([{ "name": "b", "size": 2 }]));
        assert_eq!(edited(&json!({ "a/b": 1, "m~n": 2 }), &[("/a~1b", json!(3))], &["/m~0n"]), json!({ "a/b": 3 }));
    }

    #[test]
    fn what_a_pointer_does_not_find_is_left_as_it_is() {
        let text = json!({ "a": [1], "b": "c" });
        for pointer in ["", "a", "/a/1", "/a/x", "/b/c", "/x/y", "/a/0/z"] {
            assert_eq!(edited(&text, &[(pointer, json!(7))], &[pointer]), text, "{pointer}");
        }
        assert_eq!(edit(&Bytes::from_static(b"no JSON"), &BTreeMap::new(), &[]), None);
    }
}
