//! The part of JSON Schema that the project's own schemas use.

use serde_json::Value;

/// Checks required and allowed properties and simple types, item by item.
pub fn fits(value: &Value, schema: &Value, root: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return fits(value, &root["$defs"][name], root, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return if !value.is_null() {
            fits(value, &choices[1], root, at)
        };
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value} is none of {words:?}");
    }
    if let Some(properties) = schema["properties"].as_object() {
        let object = value.as_object().unwrap_or_else(|| panic!("{at} is no object"));
        for required in schema["required"].as_array().unwrap() {
            assert!(object.contains_key(required.as_str().unwrap()), "{at}: {required} is missing");
        }
        for (key, inner) in object {
            let property = properties.get(key).unwrap_or_else(|| panic!("{at}.{key} is not in the schema"));
            fits(inner, property, root, &format!("{at}.{key}"));
        }
    } else if schema.get("items").is_some() {
        for item in value.as_array().unwrap_or_else(|| panic!("{at} is no array")) {
            fits(item, &schema["items"], root, at);
        }
    } else if let Some(kind) = schema["type"].as_str() {
        let right = match kind {
            "string" => value.is_string(),
            "integer" => value.is_u64(),
            "boolean" => value.is_boolean(),
            _ => true,
        };
        assert!(right, "{at} is no {kind}: {value}");
    }
}
