//! The table of JSON Schema's keywords in docs/api.md, and a test of each of its rows.

use std::{fmt::Write as _, path::PathBuf};

use crate::embedded::rehearse::{Outcome, Rehearsal};

/// Texts generated for each example.
const TEXTS: u32 = 30;

/// One row of the table.
struct Row {
    keywords: &'static [&'static str],
    /// How the keywords are supported.
    taken: &'static str,
    /// Uses that are ignored, or refused with `strict`.
    beyond: &'static str,
    /// Schemas that are enforced exactly.
    exact: &'static [&'static str],
    /// Schemas that are not enforced exactly, each with the keyword that `strict` refuses.
    refused: &'static [(&'static str, &'static str)],
}

const ROWS: &[Row] = &[
    Row {
        keywords: &["type", "enum", "const"],
        taken: "enforced; 64-bit integers keep all their digits",
        beyond: "",
        exact: &[
            r#"{"type":["null","boolean","integer"]}"#,
            r#"{"enum":[1234567890123456789,"a",null,{"b":[1]}]}"#,
            r#"{"const":18446744073709551615}"#,
        ],
        refused: &[],
    },
    Row {
        keywords: &[
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
        ],
        taken: "enforced; no duplicate keys",
        beyond: "patterns of keys with syntax that `pattern` does not support",
        exact: &[
            r#"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}"#,
            r#"{"type":"object","patternProperties":{"^x":{"type":"boolean"}},"additionalProperties":{"type":"null"},"minProperties":1,"maxProperties":3}"#,
            r#"{"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},"dependentRequired":{"a":["b"]},"additionalProperties":false}"#,
            r#"{"type":"object","properties":{"a":{"type":"null"}},"dependentSchemas":{"a":{"minProperties":2}},"maxProperties":3,"additionalProperties":{"type":"null"}}"#,
        ],
        refused: &[(
            r#"{"type":"object","patternProperties":{"(?<=a)b":{"type":"null"}}}"#,
            "patternProperties",
        )],
    },
    Row {
        keywords: &[
            "items",
            "prefixItems",
            "additionalItems",
            "minItems",
            "maxItems",
            "contains",
            "minContains",
            "maxContains",
        ],
        taken: "enforced; items for `contains` come first",
        beyond: "`minContains` above 64, more than 256 `prefixItems`",
        exact: &[
            r#"{"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3}"#,
            r#"{"type":"array","prefixItems":[{"type":"null"},{"type":"boolean"}],"items":false}"#,
            r#"{"type":"array","items":{"enum":[1,2]},"contains":{"const":2},"maxContains":1,"maxItems":4}"#,
        ],
        refused: &[(r#"{"type":"array","contains":{"const":1},"minContains":100}"#, "minContains")],
    },
    Row {
        keywords: &["minLength", "maxLength"],
        taken: "enforced, in characters",
        beyond: "",
        exact: &[r#"{"type":"string","minLength":2,"maxLength":4}"#],
        refused: &[],
    },
    Row {
        keywords: &["pattern"],
        taken: "enforced as in ECMA-262 with the flag `u`; a lookahead only at the start",
        beyond: "other look-around, `\\b`, back references, flags, too many states",
        exact: &[
            r#"{"type":"string","pattern":"^[a-c]{2,4}$"}"#,
            r#"{"type":"string","pattern":"^(?=.*\\d)[a-z\\d]{1,6}$"}"#,
        ],
        refused: &[
            (r#"{"type":"string","pattern":"(?<=a)b"}"#, "pattern"),
            (r#"{"type":"string","pattern":"\\bword\\b"}"#, "pattern"),
            (r#"{"type":"string","pattern":"(a)\\1"}"#, "pattern"),
        ],
    },
    Row {
        keywords: &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
        taken: "enforced digit by digit, for integers of 64 bits and decimals",
        beyond: "bounds with more digits than 64 bits hold; a `multipleOf` above 1000 that is not a power of ten",
        exact: &[
            r#"{"type":"integer","minimum":9007199254740993,"maximum":9007199254740995}"#,
            r#"{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}"#,
            r#"{"type":"number","exclusiveMinimum":5,"exclusiveMaximum":5.5}"#,
            r#"{"type":"integer","multipleOf":7}"#,
            r#"{"type":"integer","multipleOf":1000000}"#,
            r#"{"type":"number","multipleOf":0.01,"minimum":0}"#,
        ],
        refused: &[(r#"{"type":"integer","multipleOf":98765}"#, "multipleOf")],
    },
    Row {
        keywords: &["allOf", "anyOf"],
        taken: "enforced",
        beyond: "",
        exact: &[
            r#"{"allOf":[{"type":"integer","minimum":0},{"maximum":9}]}"#,
            r#"{"anyOf":[{"type":"integer"},{"enum":["a"]}]}"#,
        ],
        refused: &[],
    },
    Row {
        keywords: &["oneOf"],
        taken: "enforced if the alternatives exclude each other or can be negated",
        beyond: "alternatives that overlap and cannot be negated (ignored means: as `anyOf`)",
        exact: &[
            r#"{"oneOf":[{"type":"integer"},{"type":"string"}]}"#,
            r#"{"oneOf":[{"enum":[1,2,3]},{"enum":[3,4]}]}"#,
        ],
        refused: &[(
            r#"{"type":"array","maxItems":3,"oneOf":[{"items":{"enum":[1,2,3]},"uniqueItems":true},{"contains":{"const":1},"uniqueItems":true}]}"#,
            "oneOf",
        )],
    },
    Row {
        keywords: &["not", "if", "then", "else"],
        taken: "enforced if the schema that they negate can be negated",
        beyond: "negations of `uniqueItems`, `contains`, `oneOf`, `patternProperties`, `propertyNames`, `multipleOf`",
        exact: &[
            r#"{"type":"string","not":{"enum":["a","b"]}}"#,
            r#"{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"],"additionalProperties":false,"if":{"properties":{"a":{"const":true}}},"then":{"minProperties":1}}"#,
        ],
        refused: &[
            (r#"{"type":"integer","not":{"multipleOf":7}}"#, "not"),
            (r#"{"type":"array","if":{"uniqueItems":true},"then":{"maxItems":3}}"#, "if"),
        ],
    },
    Row {
        keywords: &["propertyNames"],
        taken: "enforced for `enum`, `pattern` and lengths",
        beyond: "a choice in it, such as `anyOf`",
        exact: &[
            r#"{"type":"object","propertyNames":{"enum":["a","b"]},"additionalProperties":{"type":"null"}}"#,
            r#"{"type":"object","propertyNames":{"pattern":"^[a-z]{2}$"},"additionalProperties":{"type":"null"},"maxProperties":2}"#,
        ],
        refused: &[(
            r#"{"type":"object","propertyNames":{"anyOf":[{"minLength":3},{"pattern":"^a"}]}}"#,
            "propertyNames",
        )],
    },
    Row {
        keywords: &["uniqueItems"],
        taken: "enforced for items with an `enum` (in its order), and for arrays of at most one item",
        beyond: "other items; an `enum` of more than 64 values",
        exact: &[
            r#"{"type":"array","items":{"enum":["a","b","c"]},"uniqueItems":true,"minItems":2}"#,
            r#"{"type":"array","maxItems":1,"uniqueItems":true}"#,
        ],
        refused: &[(
            r#"{"type":"array","items":{"type":"string"},"uniqueItems":true}"#,
            "uniqueItems",
        )],
    },
    Row {
        keywords: &["unevaluatedProperties", "unevaluatedItems"],
        taken: "enforced unless a keyword that applies another schema stands beside them",
        beyond: "beside `allOf`, `anyOf`, `oneOf`, `not`, `if`, `$ref`, `dependentSchemas`, and for items `contains`",
        exact: &[
            r#"{"type":"object","properties":{"a":{"type":"null"}},"unevaluatedProperties":false}"#,
        ],
        refused: &[(
            r#"{"type":"object","anyOf":[{"properties":{"a":{"type":"null"}}}],"unevaluatedProperties":false}"#,
            "unevaluatedProperties",
        )],
    },
    Row {
        keywords: &["$ref", "$defs", "definitions", "$id", "$anchor"],
        taken: "enforced within the schema, including escapes and recursion",
        beyond: "a reference to another document",
        exact: &[
            r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/x~1y%25"}},"required":["a"],"additionalProperties":false,"$defs":{"x/y%":{"type":"boolean"}}}"##,
            r##"{"type":"object","properties":{"next":{"$ref":"#"}},"additionalProperties":false}"##,
        ],
        refused: &[(r#"{"$ref":"https://example.com/other.json"}"#, "$ref")],
    },
    Row {
        keywords: &["$dynamicRef", "$recursiveRef"],
        taken: "",
        beyond: "always",
        exact: &[],
        refused: &[(r##"{"$dynamicRef":"#node"}"##, "$dynamicRef")],
    },
    Row {
        keywords: &["format"],
        taken: "supported as an annotation; `date`, `time`, `date-time`, `duration`, `email`, `hostname`, `ipv4`, `ipv6`, `uri`, `uuid` are generated in their form unless a `pattern` stands beside them",
        beyond: "",
        exact: &[
            r#"{"type":"string","format":"date"}"#,
            r#"{"type":"string","format":"no-such","maxLength":5}"#,
        ],
        refused: &[],
    },
    Row {
        keywords: &[
            "title",
            "description",
            "default",
            "examples",
            "deprecated",
            "readOnly",
            "writeOnly",
            "contentEncoding",
            "contentMediaType",
        ],
        taken: "supported as annotations, like unknown keywords",
        beyond: "",
        exact: &[
            r#"{"type":"boolean","title":"t","default":1,"x-unknown":[],"contentEncoding":"base64"}"#,
        ],
        refused: &[],
    },
];

fn table() -> String {
    let mut out =
        "| keywords | support | ignored, or refused with `strict` |\n|---|---|---|\n".to_owned();
    for row in ROWS {
        let keywords: Vec<String> = row.keywords.iter().map(|name| format!("`{name}`")).collect();
        let or_none = |text: &'static str| if text.is_empty() { "–" } else { text };
        let (taken, beyond) = (or_none(row.taken), or_none(row.beyond));
        let _ = writeln!(out, "| {} | {taken} | {beyond} |", keywords.join(", "));
    }
    out
}

#[test]
fn each_line_of_the_table_is_true() {
    let rehearsal = Rehearsal::new().unwrap();
    for row in ROWS {
        for schema in row.exact {
            let Outcome::Taken(taken) = rehearsal.try_schema(schema, true, TEXTS, 3) else {
                panic!("refused: {schema}: {:?}", rehearsal.try_schema(schema, true, 1, 3));
            };
            assert!(taken.promised && taken.complete > 0, "{schema}: {taken:?}");
            assert_eq!(taken.wrong, Vec::<String>::new(), "{schema}");
            assert_eq!((taken.dead, taken.costly), (0, 0), "{schema}");
        }
        for (schema, keyword) in row.refused {
            match rehearsal.try_schema(schema, true, 1, 3) {
                Outcome::Refused(reason) => {
                    assert!(reason.contains(&format!("'{keyword}' at $")), "{schema}: {reason}");
                }
                Outcome::Taken(taken) => panic!("taken: {schema}: {taken:?}"),
            }
            let Outcome::Taken(taken) = rehearsal.try_schema(schema, false, TEXTS, 3) else {
                panic!("refused without `strict`: {schema}");
            };
            assert!(!taken.promised, "{schema}");
        }
    }
}

#[test]
fn the_table_in_the_documentation_is_this_one() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("| keywords |").unwrap();
    let (rows, after) = rest.split_once("\n\n").unwrap();
    let table = table();
    if std::env::var_os("UPDATE_KEYWORDS").is_some() {
        std::fs::write(&path, format!("{before}{table}\n{after}")).unwrap();
        return;
    }
    assert_eq!(
        format!("| keywords |{rows}\n"),
        table,
        "docs/api.md does not hold this table: UPDATE_KEYWORDS=1 cargo test --release -p engine \
         keywords"
    );
}
