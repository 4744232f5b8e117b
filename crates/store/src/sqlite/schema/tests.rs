use std::{fs, path::Path};

use policy::id::RequestId;

use super::{
    super::{Database, of_request},
    *,
};

/// A database after the first `steps` migrations.
fn after(steps: usize) -> Connection {
    let database = Connection::open_in_memory().unwrap();
    for step in &MIGRATIONS[..steps] {
        database.execute_batch(step).unwrap();
    }
    database.pragma_update(None, "user_version", steps).unwrap();
    database
}

/// SQLite's query plan for a statement.
fn plan(database: &Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let rows = statement.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>();
    rows.unwrap()
}

/// Every statement of this module that is one literal, or literals around [`of_request`], except in
/// tests. It leaves out statements that are formatted from parts.
fn statements(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().unwrap() == "tests" {
            continue;
        }
        if path.is_dir() {
            found.append(&mut statements(&path));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let product = joined(text.split("#[cfg(test)]\nmod tests").next().unwrap());
        let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE "];
        let is_sql =
            |text: &&str| verbs.iter().any(|verb| text.starts_with(verb)) && !text.contains('{');
        // A quotation mark may open or end a literal: the text after each is tested.
        found.extend(product.split('"').filter(is_sql).map(str::to_owned));
    }
    found
}

/// Replaces each [`of_request`] by its text, inside the literals before and after it.
fn joined(text: &str) -> String {
    let mut parts = text.split("of_request!()");
    let mut joined = parts.next().unwrap().to_owned();
    for part in parts {
        let before = joined.trim_end().strip_suffix("\",").expect("a literal stands before it");
        joined = format!("{before}{}", of_request!());
        let after = part.trim_start().strip_prefix(',').map(str::trim_start);
        match after.and_then(|after| after.strip_prefix('"')) {
            Some(literal) => joined.push_str(literal),
            None => joined.extend(["\"", part]),
        }
    }
    joined
}

/// The comparison with the log looks at every receipt. The service, in a thread and with a connection of
/// its own, reads the entries of an index only: two million in 0.2 seconds. The second statement is one of
/// `bailiwick doctor`.
const COMPARES: [&str; 2] = [
    "SELECT idx FROM receipt INDEXED BY receipt_request",
    "SELECT c.idx, c.request, c.salt, c.facts, t.bytes AS terms",
];

/// A busy service cannot afford a statement that scans a table that grows with every request.
/// SQLite uses an index on an expression only for the exact expression.
#[test]
fn no_statement_looks_through_what_grows_with_requests() {
    let database = after(MIGRATIONS.len());
    let all = statements(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite"));
    assert!(all.len() > 60, "only {} were found", all.len());
    let by_request = all.iter().filter(|sql| sql.contains("request = ?1"));
    assert_eq!(by_request.clone().count(), 6);
    for sql in by_request {
        let plan = plan(&database, sql);
        let uses = plan.iter().any(|step| step.contains("USING INDEX receipt_request (<expr>=?)"));
        assert!(uses, "{sql}: {plan:#?}");
    }
    // The tables' names, and the aliases of these tables in statements.
    let scans = ["receipt", "record", "record_piece", "c", "r"].map(|name| format!("SCAN {name}"));
    let is_scan = |step: &String| {
        scans.iter().any(|scan| step == scan || step.starts_with(&format!("{scan} ")))
    };
    for sql in all.iter().filter(|sql| !COMPARES.iter().any(|begin| sql.starts_with(begin))) {
        let plan = plan(&database, sql);
        assert!(!plan.iter().any(is_scan), "{sql}: {plan:#?}");
    }
    let by_service = plan(&database, COMPARES[0]);
    assert!(by_service.iter().any(|step| step.contains("COVERING INDEX")), "{by_service:#?}");
    let whole = "SELECT idx FROM receipt c WHERE c.request = ?1";
    assert!(plan(&database, whole).iter().any(is_scan), "this test sees it");
}

/// The migration keeps older receipts findable, with the smaller index.
#[test]
fn an_older_database_gets_the_index_of_times() {
    let step = MIGRATIONS.iter().position(|step| step.contains("substr(request, 1, 6)")).unwrap();
    let mut database = after(step);
    let requests = [[1; 16], [2; 16], [0; 16]].into_iter().chain((0..100).map(|n| {
        // More requests than begin in one millisecond.
        *RequestId::at(7, [n; 10]).as_bytes()
    }));
    let requests: Vec<[u8; 16]> = requests.collect();
    database.execute_batch("INSERT INTO terms VALUES (1, x'00', x'00')").unwrap();
    for request in &requests {
        let sql = "INSERT INTO receipt (request, terms, salt, facts) VALUES (?1, 1, x'00', x'00')";
        database.execute(sql, [request]).unwrap();
    }
    migrate(&mut database).unwrap();
    let sql = "SELECT idx FROM receipt
               WHERE substr(request, 1, 6) = substr(?1, 1, 6) AND request = ?1";
    for (idx, request) in (1_i64..).zip(&requests) {
        let found: Vec<i64> = database
            .prepare(sql)
            .unwrap()
            .query_map([request], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(found, [idx]);
    }
    let indexes = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'receipt'";
    let indexes: Vec<String> = database
        .prepare(indexes)
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(indexes, ["CREATE INDEX receipt_request ON receipt (substr(request, 1, 6))"]);
    let checked: String =
        database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(checked, "ok");
}

/// The migration keeps older models with their files, and a model without a file can be added.
#[test]
fn an_older_database_gets_the_tables_of_engines() {
    let step = MIGRATIONS.iter().position(|step| step.contains("CREATE TABLE engine ")).unwrap();
    let mut connection = after(step);
    let model = |id: u8, name: &str| {
        format!(
            "INSERT INTO model (id, name, path, sha256, size_bytes, architecture, parameters,
                context_train, embedding_length, vocabulary, generates, chat_template, created_at)
             VALUES (x'{}', '{name}', CAST('/{name}.gguf' AS BLOB), 'ab', 5, 'llama', 1, 1, 1, 1, 1, 1, 1)",
            format!("{id:02x}").repeat(16)
        )
    };
    connection.execute_batch(&model(1, "older")).unwrap();
    migrate(&mut connection).unwrap();
    assert!(is_current(&connection).unwrap());
    check(&connection).unwrap();
    glance(&connection).unwrap();
    let database = Database { connection };
    let found = database.models().unwrap();
    let [older] = found.as_slice() else { panic!("{found:?}") };
    let file = older.file.clone().unwrap();
    assert_eq!(
        (file.path.to_str(), file.sha256.as_str(), file.size_bytes),
        (Some("/older.gguf"), "ab", 5)
    );
    assert!(database.engines().unwrap().is_empty());
    assert!(database.allowed_processors().unwrap().is_empty());
    assert_eq!(database.last_change().unwrap(), None);
    migrate(&mut { database.connection }).unwrap();
}

/// A resource of an older database forwards no label, and an unknown setting is damage.
#[test]
fn an_older_resource_forwards_nothing() {
    let step = MIGRATIONS.iter().position(|step| step.contains("ADD COLUMN forward")).unwrap();
    let mut connection = after(step);
    connection
        .execute_batch(
            "INSERT INTO tenant (id, name, created_at) VALUES (zeroblob(16), 'acme', 1);
             INSERT INTO resource (id, tenant, name, region, key1, key1_created_at, key2,
                key2_created_at, prefix_cache, created_at)
             VALUES (zeroblob(16), zeroblob(16), 'prod', 'local', randomblob(32), 1,
                randomblob(32), 1, 1, 1)",
        )
        .unwrap();
    migrate(&mut connection).unwrap();
    assert!(is_current(&connection).unwrap());
    let database = Database { connection };
    let found = database.resources().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].forward, policy::forward::Forward::NONE);
    database.connection.execute_batch("UPDATE resource SET forward = 'everything'").unwrap();
    let damaged = database.resources().unwrap_err();
    assert!(matches!(damaged, StoreError::Damaged { what: "resource.forward" }), "{damaged}");
}
