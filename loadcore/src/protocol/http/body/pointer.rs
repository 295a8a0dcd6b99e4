//! One value of a JSON body, found by a JSON pointer (RFC 6901), without making the rest of it.

use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Reads the value that `pointer` leads to; `None` if it leads nowhere.
pub(in crate::protocol::http) fn json_at<T: DeserializeOwned>(
    json: &[u8],
    pointer: &str,
) -> Result<Option<T>, serde_json::Error> {
    let steps: Vec<String> =
        pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let mut read = serde_json::Deserializer::from_slice(json);
    let found = At { steps: &steps, of: PhantomData }.deserialize(&mut read)?;
    read.end()?;
    Ok(found)
}

/// The rest of the way to a value.
struct At<'a, T> {
    steps: &'a [String],
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for At<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: serde::Deserializer<'de>>(self, read: D) -> Result<Option<T>, D::Error> {
        if self.steps.is_empty() { T::deserialize(read).map(Some) } else { read.deserialize_any(self) }
    }
}

/// Takes a step into an object or an array. There is none into anything else.
impl<'de, T: DeserializeOwned> Visitor<'de> for At<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<T>, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == self.steps[0] {
                // Of a key that stands there twice, the last counts, as everywhere in serde_json.
                found = map.next_value_seed(At { steps: &self.steps[1..], of: PhantomData })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<T>, A::Error> {
        // `01` and `+1` are no indices.
        let index = self.steps[0].parse::<usize>().ok().filter(|index| index.to_string() == self.steps[0]);
        let mut found = None;
        for at in 0.. {
            let more = if Some(at) == index {
                let element = seq.next_element_seed(At { steps: &self.steps[1..], of: PhantomData })?;
                let more = element.is_some();
                found = element.flatten();
                more
            } else {
                seq.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn a_value_is_found_by_its_pointer_or_is_not_there() {
        let text = br#"{"token":"t","items":[{"id":7},{"id":8}],"a/b":{"~":1},"":2,"none":null,"x":1,"x":2}"#;
        let at = |pointer: &str| json_at::<Value>(text, pointer).unwrap();
        for (pointer, want) in [
            ("/token", json!("t")),
            ("/items/1/id", json!(8)),
            ("/a~1b/~0", json!(1)),
            ("/", json!(2)),
            ("/none", Value::Null),
            ("/x", json!(2)),
        ] {
            assert_eq!(at(pointer), Some(want), "{pointer}");
        }
        for nowhere in ["/items/2/id", "/items/01", "/items/-", "/token/0", "/none/x", "/items/id"] {
            assert_eq!(at(nowhere), None, "{nowhere}");
        }
        assert_eq!(at("").unwrap()["token"], "t");
    }

    #[test]
    fn what_comes_after_the_value_must_be_json_too() {
        assert_eq!(json_at::<u8>(b"[1,2]", "/0").unwrap(), Some(1));
        for broken in [&b"[1,2"[..], b"[1,]", b"[1]x", b"<html>"] {
            assert!(json_at::<u8>(broken, "/0").is_err());
        }
        assert!(json_at::<u8>(b"[\"text\"]", "/0").is_err());
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            // Numbers that text says exactly.
            any::<i16>().prop_map(|halves| Value::from(f64::from(halves) / 2.0)),
            "[a~/]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[01a~/]{0,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_finds_what_serde_json_finds_in_the_whole_value(value in values(), steps in prop::collection::vec("(0|1|2|a|~0|~1){0,2}", 0..4)) {
            let pointer: String = steps.iter().map(|step| format!("/{step}")).collect();
            let found: Option<Value> = json_at(value.to_string().as_bytes(), &pointer).unwrap();
            prop_assert_eq!(found.as_ref(), value.pointer(&pointer));
        }
    }
}
