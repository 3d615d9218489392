CREATE TABLE migration (
  number bigint NOT NULL PRIMARY KEY, name text NOT NULL, survives bigint NOT NULL, applied_at bigint NOT NULL);

CREATE TABLE patient (
  id INTEGER PRIMARY KEY,
  issuer TEXT NOT NULL DEFAULT '',
  patient_id TEXT NOT NULL DEFAULT '',
  pseudo_study TEXT NOT NULL DEFAULT '',
  attributes TEXT NOT NULL,
  patient_name TEXT NOT NULL DEFAULT '',
  birth_date TEXT NOT NULL DEFAULT '',
  sex TEXT NOT NULL DEFAULT '',
  first_id INTEGER,
  mixed INTEGER NOT NULL DEFAULT 0,
  n_studies INTEGER NOT NULL DEFAULT 0,
  n_instances INTEGER NOT NULL DEFAULT 0,
  UNIQUE (patient_id, issuer, pseudo_study)
) STRICT;

CREATE INDEX patient_name_ix ON patient (patient_name, patient_id);

CREATE INDEX patient_inexact_ix ON patient (id) WHERE mixed >= 2;

CREATE TABLE study (
  id INTEGER PRIMARY KEY,
  study_uid TEXT NOT NULL UNIQUE,
  patient_key INTEGER NOT NULL REFERENCES patient (id),
  attributes TEXT NOT NULL,
  patient_id TEXT NOT NULL DEFAULT '',
  issuer TEXT NOT NULL DEFAULT '',
  patient_name TEXT NOT NULL DEFAULT '',
  birth_date TEXT NOT NULL DEFAULT '',
  sex TEXT NOT NULL DEFAULT '',
  study_date TEXT NOT NULL DEFAULT '',
  study_time TEXT NOT NULL DEFAULT '',
  accession_number TEXT NOT NULL DEFAULT '',
  study_ident TEXT NOT NULL DEFAULT '',
  study_description TEXT NOT NULL DEFAULT '',
  referring_physician TEXT NOT NULL DEFAULT '',
  modalities TEXT NOT NULL DEFAULT '',
  sop_classes TEXT NOT NULL DEFAULT '',
  first_id INTEGER,
  mixed INTEGER NOT NULL DEFAULT 0,
  n_series INTEGER NOT NULL DEFAULT 0,
  n_instances INTEGER NOT NULL DEFAULT 0,
  changed_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX study_date_ix ON study (study_date, study_uid, patient_name);

CREATE INDEX study_patient_ix ON study (patient_id, study_date, study_uid);

CREATE INDEX study_name_ix ON study (patient_name, study_date, study_uid);

CREATE INDEX study_accession_ix ON study (accession_number, study_date, study_uid);

CREATE INDEX study_patient_key_ix ON study (patient_key);

CREATE INDEX study_inexact_ix ON study (id) WHERE mixed >= 2;

CREATE TABLE patient_study (
  patient_key INTEGER NOT NULL REFERENCES patient (id),
  study_id INTEGER NOT NULL REFERENCES study (id),
  n_instances INTEGER NOT NULL,
  PRIMARY KEY (patient_key, study_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX patient_study_ix ON patient_study (study_id);

CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  study_id INTEGER NOT NULL REFERENCES study (id),
  series_uid TEXT NOT NULL,
  attributes TEXT NOT NULL,
  study_date TEXT NOT NULL DEFAULT '',
  modality TEXT NOT NULL DEFAULT '',
  number INTEGER NOT NULL DEFAULT -2147483649,
  series_description TEXT NOT NULL DEFAULT '',
  body_part TEXT NOT NULL DEFAULT '',
  pps_start_date TEXT NOT NULL DEFAULT '',
  pps_start_time TEXT NOT NULL DEFAULT '',
  first_id INTEGER,
  mixed INTEGER NOT NULL DEFAULT 0,
  n_instances INTEGER NOT NULL DEFAULT 0,
  n_hidden INTEGER NOT NULL DEFAULT 0,
  n_paths INTEGER NOT NULL DEFAULT 0,
  epoch INTEGER NOT NULL DEFAULT 0,
  UNIQUE (study_id, series_uid)
) STRICT;

CREATE INDEX series_inexact_ix ON series (id) WHERE mixed >= 2;

CREATE INDEX series_hidden_ix ON series (study_id) WHERE n_hidden > 0;

CREATE INDEX series_number_ix ON series (study_id, number, series_uid);

CREATE INDEX series_uid_ix ON series (series_uid);

CREATE INDEX series_date_ix ON series (study_date, series_uid);

CREATE INDEX series_modality_ix ON series (modality, study_date, series_uid);

CREATE TABLE sop_class (id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE transfer_syntax (id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE blob_store (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE blob (
  id INTEGER PRIMARY KEY,
  store_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  version_id TEXT,
  owned INTEGER NOT NULL DEFAULT 1,
  size INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  UNIQUE (key, store_id)
) STRICT;

CREATE TABLE tag_base (
  id INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL REFERENCES series (id),
  base TEXT NOT NULL
) STRICT;

CREATE INDEX tag_base_ix ON tag_base (series_id);

CREATE TABLE instance (
  id INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL REFERENCES series (id),
  patient_key INTEGER NOT NULL,
  sop_uid TEXT NOT NULL,
  sop_class_id INTEGER NOT NULL,
  transfer_syntax_id INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  superseded_by INTEGER,
  modality TEXT NOT NULL DEFAULT '',
  number INTEGER NOT NULL DEFAULT -2147483649,
  n_rows INTEGER,
  n_columns INTEGER,
  n_frames INTEGER,
  blob_id INTEGER,
  size INTEGER NOT NULL,
  data_set_offset INTEGER NOT NULL,
  file_sha256 BLOB NOT NULL,
  dataset_sha256 BLOB NOT NULL,
  sender TEXT,
  received_at INTEGER NOT NULL,
  damaged INTEGER NOT NULL DEFAULT 0,
  has_bulk INTEGER NOT NULL DEFAULT 0,
  oddities TEXT,
  base_id INTEGER,
  patch TEXT,
  packed BLOB
) STRICT;

CREATE INDEX instance_number_ix ON instance (series_id, number);

CREATE INDEX instance_class_ix ON instance (sop_class_id);

CREATE TABLE sop (
  sop_uid TEXT NOT NULL PRIMARY KEY,
  instance_id INTEGER NOT NULL REFERENCES instance (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE blob_extent (
  instance_id INTEGER NOT NULL REFERENCES instance (id),
  ordinal INTEGER NOT NULL,
  blob_id INTEGER NOT NULL,
  start INTEGER NOT NULL,
  length INTEGER NOT NULL,
  PRIMARY KEY (instance_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_extent_ix ON blob_extent (blob_id);

CREATE TABLE pixel_map (
  instance_id INTEGER NOT NULL PRIMARY KEY REFERENCES instance (id),
  map BLOB NOT NULL
) STRICT;

CREATE TABLE tag_path (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE tag_value (
  id INTEGER PRIMARY KEY,
  path_id INTEGER NOT NULL,
  value TEXT NOT NULL,
  UNIQUE (path_id, value)
) STRICT;

CREATE TABLE tag_post (
  value_id INTEGER NOT NULL,
  series_id INTEGER NOT NULL,
  PRIMARY KEY (value_id, series_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_post_series_ix ON tag_post (series_id, value_id);

CREATE TABLE tag_range (
  path_id INTEGER NOT NULL,
  series_id INTEGER NOT NULL,
  low REAL,
  high REAL,
  low_text TEXT,
  high_text TEXT,
  PRIMARY KEY (path_id, series_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE level_value (
  level TEXT NOT NULL,
  attribute TEXT NOT NULL,
  value TEXT NOT NULL,
  entity INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (level, attribute, value, entity)
) STRICT, WITHOUT ROWID;

CREATE INDEX level_value_ix ON level_value (level, entity);

CREATE TABLE outbox (
  study_id INTEGER NOT NULL PRIMARY KEY REFERENCES study (id),
  gen INTEGER NOT NULL,
  done_gen INTEGER NOT NULL DEFAULT 0,
  first_dirty_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  hold_reason TEXT,
  dead_since INTEGER,
  last_error TEXT,
  lease_token TEXT,
  lease_until INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX outbox_due_ix ON outbox (due_at) WHERE gen > done_gen AND hold_reason IS NULL AND dead_since IS NULL;

CREATE INDEX outbox_owed_ix ON outbox (first_dirty_at) WHERE gen > done_gen;

CREATE TABLE fhir_link (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  id TEXT NOT NULL,
  version_id TEXT,
  projection TEXT,
  gen INTEGER,
  flags TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (kind, key)
) STRICT;

CREATE INDEX fhir_link_id_ix ON fhir_link (id, kind);

CREATE TABLE fhir_push (
  id TEXT NOT NULL PRIMARY KEY,
  study_uid TEXT NOT NULL,
  gen INTEGER NOT NULL,
  after_id INTEGER,
  upto_id INTEGER,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome TEXT
) STRICT;

CREATE INDEX fhir_push_study_ix ON fhir_push (study_uid, gen);

CREATE TABLE fhir_fact (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE correction (
  id TEXT NOT NULL PRIMARY KEY,
  study_uid TEXT NOT NULL,
  ordinal INTEGER NOT NULL,
  from_projection TEXT NOT NULL,
  to_projection TEXT NOT NULL,
  state TEXT NOT NULL,
  proposed_at INTEGER NOT NULL,
  decided_at INTEGER,
  decided_by TEXT,
  done_at INTEGER,
  lease_until INTEGER NOT NULL DEFAULT 0,
  detail TEXT,
  UNIQUE (study_uid, ordinal)
) STRICT;

CREATE INDEX correction_state_ix ON correction (state, proposed_at);

CREATE TABLE lineage (
  instance_id INTEGER NOT NULL PRIMARY KEY REFERENCES instance (id),
  source_id INTEGER NOT NULL REFERENCES instance (id),
  correction_id TEXT NOT NULL
) STRICT;

CREATE INDEX lineage_source_ix ON lineage (source_id);

CREATE TABLE attention (
  id INTEGER PRIMARY KEY,
  reason TEXT NOT NULL,
  study_uid TEXT NOT NULL DEFAULT '',
  sop_uid TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT '{}',
  created_at INTEGER NOT NULL,
  resolved_at INTEGER
) STRICT;

CREATE UNIQUE INDEX attention_open_ix ON attention (reason, study_uid, sop_uid) WHERE resolved_at IS NULL;

CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY,
  blob_id INTEGER NOT NULL,
  study_uid TEXT NOT NULL,
  series_uid TEXT NOT NULL,
  sop_uid TEXT NOT NULL,
  dataset_sha256 BLOB NOT NULL,
  kept_id INTEGER NOT NULL,
  reason TEXT NOT NULL,
  sender TEXT,
  received_at INTEGER NOT NULL,
  decision TEXT,
  decided_at INTEGER
) STRICT;

CREATE INDEX quarantine_sop_ix ON quarantine (sop_uid);

CREATE TABLE tombstone (
  sop_uid TEXT NOT NULL PRIMARY KEY,
  series_uid TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  dataset_sha256 BLOB NOT NULL,
  deleted_at INTEGER NOT NULL,
  deleted_by TEXT,
  reason TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE feed (
  id INTEGER PRIMARY KEY,
  seq INTEGER,
  at INTEGER NOT NULL,
  action INTEGER NOT NULL,
  instance_id INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX feed_seq_ix ON feed (seq) WHERE seq IS NOT NULL;

CREATE INDEX feed_new_ix ON feed (id) WHERE seq IS NULL;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  seq INTEGER,
  at INTEGER NOT NULL,
  actor TEXT,
  action TEXT NOT NULL,
  instance_id INTEGER,
  detail TEXT,
  hash BLOB
) STRICT;

CREATE UNIQUE INDEX audit_seq_ix ON audit (seq) WHERE seq IS NOT NULL;

CREATE INDEX audit_new_ix ON audit (id) WHERE seq IS NULL;

CREATE TABLE ledger_head (
  name TEXT NOT NULL PRIMARY KEY,
  seq INTEGER NOT NULL,
  hash BLOB
) STRICT;

CREATE TABLE archive (id TEXT NOT NULL PRIMARY KEY, created_at INTEGER NOT NULL) STRICT;

CREATE TABLE archive_stat (
  writer INTEGER NOT NULL PRIMARY KEY,
  n_patients INTEGER NOT NULL,
  n_studies INTEGER NOT NULL,
  n_series INTEGER NOT NULL,
  n_instances INTEGER NOT NULL,
  n_bytes INTEGER NOT NULL
) STRICT;

CREATE VIEW series_group AS
SELECT i.series_id, count(*) AS n_instances, min(i.id) AS first_id
FROM instance i WHERE i.state = 0 GROUP BY i.series_id;

CREATE VIEW study_group AS
SELECT e.study_id, count(*) AS n_instances, count(DISTINCT i.series_id) AS n_series, min(i.id) AS first_id,
  coalesce((SELECT group_concat(d.v, '\') FROM (
    SELECT DISTINCT i2.modality AS v FROM instance i2 JOIN series e2 ON e2.id = i2.series_id
    WHERE e2.study_id = e.study_id AND i2.state = 0 AND i2.modality <> '' ORDER BY 1) d), '') AS modalities,
  coalesce((SELECT group_concat(d.v, '\') FROM (
    SELECT DISTINCT c.uid AS v FROM instance i2 JOIN sop_class c ON c.id = i2.sop_class_id JOIN series e2 ON e2.id = i2.series_id
    WHERE e2.study_id = e.study_id AND i2.state = 0 AND c.uid <> '' ORDER BY 1) d), '') AS sop_classes
FROM instance i JOIN series e ON e.id = i.series_id WHERE i.state = 0 GROUP BY e.study_id;

CREATE VIEW patient_group AS
SELECT i.patient_key, count(*) AS n_instances, count(DISTINCT e.study_id) AS n_studies, min(i.id) AS first_id
FROM instance i JOIN series e ON e.id = i.series_id WHERE i.state = 0 GROUP BY i.patient_key;

CREATE VIEW instance_tags AS
SELECT i.id, s.study_uid, e.series_uid, i.sop_uid, i.state,
  CASE WHEN i.base_id IS NULL THEN i.patch ELSE (SELECT json_group_object(m.tag, json(m.element)) FROM (
    SELECT x.key AS tag, x.value AS element FROM json_each(b.base) x
    WHERE json_type(i.patch, '$."' || x.key || '"') IS NULL
    UNION ALL SELECT y.key, y.value FROM json_each(i.patch) y WHERE y.type <> 'null'
    ORDER BY 1) m) END AS tags
FROM instance i
JOIN series e ON e.id = i.series_id
JOIN study s ON s.id = e.study_id
LEFT JOIN tag_base b ON b.id = i.base_id;

CREATE TABLE sqlite_stat1(tbl,idx,stat);

CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample);
